from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from msgspec.structs import replace as replace_fields

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.colours import EMOTION_COLOURS, rgb_of
from emomusic.marks.card import PICTURE_SIZE, SIZE, card_title, draw_card, framed
from emomusic.media.images import RgbImage
from emomusic.songs.song import Pick, Player, Song

TUESDAY = date(2026, 11, 24)
SHARES = EmotionProbabilities(np.array([0.6, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05], np.float32))


def pick(**features: float) -> Pick:
    song = Song("1", "A title " * 20, ("An artist",), Player.BUNDLED, valence=0.2, energy=0.3, **features)
    return Pick(song, Mood.SAD, 0.5, "a reason", Mood.SAD, 1)


def colours(image: RgbImage) -> set[int]:
    """The colours of an image as numbers, which NumPy sorts a hundred times as fast as triples."""
    return set(np.unique(image @ np.array([2**16, 2**8, 1])).tolist())


@pytest.mark.parametrize("pictures", [0, 1, 7, 100])
def test_a_card_has_its_size_the_bars_the_pictures_and_nothing_beside_the_paper(pictures: int) -> None:
    red = np.full((300, 400, 3), (250, 0, 0), np.uint8)
    card = draw_card("A very long title " * 10, "Mostly angry", SHARES, pick(), [red] * pictures)
    assert card.shape == (SIZE[1], SIZE[0], 3)
    assert (0xFA0000 in colours(card)) == bool(pictures)
    assert {int(colour[1:], 16) for colour in EMOTION_COLOURS.values()} <= colours(card)
    assert len(colours(card[:, :40]) | colours(card[:, -40:])) == 1
    bars = [int((card[850:1190, :520] == rgb_of(EMOTION_COLOURS[emotion])).all(axis=2).sum()) for emotion in EMOTIONS]
    assert max(bars) == bars[0]
    assert 4 * bars[1] < bars[0]


def test_a_card_without_a_song_or_with_an_unknown_point_is_drawn() -> None:
    for song in (None, Pick(Song("1", "T", ("A",), Player.NONE), Mood.SAD, 0.5, "", Mood.SAD)):
        assert draw_card("Title", "Clearly sad", SHARES, song).shape == (SIZE[1], SIZE[0], 3)
    assert PICTURE_SIZE < SIZE


def test_the_title_names_an_emotion_a_day_and_the_song() -> None:
    titles = {emotion: card_title(emotion, TUESDAY, pick()) for emotion in Emotion}
    assert len(set(titles.values())) == len(Emotion)
    assert all("Tuesday" in title for title in titles.values())
    assert "92 beats" in card_title(Emotion.SAD, TUESDAY, pick(tempo_bpm=92.3))
    in_key = replace(pick(tempo_bpm=92.3), song=replace_fields(pick().song, key="D minor"))
    assert card_title(Emotion.SAD, TUESDAY, in_key).endswith("Tuesday in D minor")
    assert card_title(Emotion.SAD, TUESDAY, None).endswith("Tuesday")


def test_a_face_is_framed_in_the_colour_of_its_emotion() -> None:
    face = np.full((128, 128, 3), 90, np.uint8)
    marked = framed(face, Emotion.SAD)
    assert tuple(marked[0, 64]) == rgb_of(EMOTION_COLOURS[Emotion.SAD])
    assert (marked[8:-8, 8:-8] == 90).all()
    assert (face == 90).all()
