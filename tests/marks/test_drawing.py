import io
import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from msgspec.structs import replace as replace_fields
from PIL import Image

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.colours import EMOTION_COLOURS, rgb_of
from emomusic.faces.table import Faces
from emomusic.marks.card import PICTURE_SIZE, SIZE, card_title, draw_card, framed
from emomusic.marks.drawing import PHOTO, VIDEO, Mark, draw_marks, face_strip, marked_frame
from emomusic.media.images import Box, RgbImage, encode_jpeg
from emomusic.songs.song import Pick, Player, Song
from emomusic.stream.game import Attempt
from tests.fakes import FakeClassifier, make_face

LIVE_BOX = Box(120, 100, 80, 100)
TUESDAY = date(2026, 11, 24)
SHARES = EmotionProbabilities(np.array([0.6, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05], np.float32))


def marked(image: RgbImage, marks: list[Mark]) -> RgbImage:
    """A copy with these marks."""
    copy = image.copy()
    draw_marks(copy, marks, PHOTO)
    return copy


@pytest.mark.parametrize("side", [64, 2000])
@pytest.mark.parametrize("background", [0, 255])
def test_frame_and_label_are_visible_on_any_background(side: int, background: int) -> None:
    image = np.full((side, side, 3), background, np.uint8)
    box = Box(side // 4, side // 2, side // 2, side // 4)
    drawn = marked(image, [Mark(box, "happy 98 %", "#E69F00")])
    assert drawn.shape == image.shape
    assert (image == background).all()
    differs = np.abs(drawn.astype(np.int16) - background).max(axis=2) > 100
    # Every side of the frame is at least 2 pixels and 0.2 % of the image wide
    thick = max(2, side // 500)
    across, down = differs[box.y + box.height // 2], differs[:, box.x + box.width // 2]
    assert np.count_nonzero(across[: side // 2]) >= thick
    assert np.count_nonzero(across[side // 2 :]) >= thick
    assert np.count_nonzero(down[box.y + box.height // 2 :]) >= thick
    # The label lies above, with black letters
    tag = drawn[: side // 2].max(axis=2)
    assert np.count_nonzero(tag < 60) > 5


def test_a_label_avoids_other_faces_and_the_filled_part_of_a_bar_is_the_share() -> None:
    for share, y in itertools.product((0.0, 0.25, 1.0), (100, 140)):  # the latter at the lower edge
        image = np.full((240, 320, 3), 128, np.uint8)
        draw_marks(image, [Mark(replace(LIVE_BOX, y=y), "", "#2F8DEE", share)], VIDEO)
        filled = (image[min(y + 106, 236)] == (0x2F, 0x8D, 0xEE)).all(axis=1).sum()
        assert filled == pytest.approx(share * LIVE_BOX.width, abs=4)
    image = np.full((400, 600, 3), 200, np.uint8)
    upper, lower = Box(200, 100, 100, 100), Box(200, 205, 100, 100)
    drawn = marked(image, [Mark(upper, "happy 98 %", "#E69F00"), Mark(lower, "sad 61 %", "#0072B2")])
    for box in (upper, lower):
        inner = drawn[box.y + 10 : box.bottom - 10, box.x + 10 : box.right - 10]
        assert (inner == 200).all()


COLOUR = [int(EMOTION_COLOURS[Emotion.SAD][i : i + 2], 16) for i in (1, 3, 5)]


SAD_FACE = Faces.of([make_face(30, 80, 60, 75)], [FakeClassifier(Emotion.SAD).probabilities], number=[4])
"""In the left half of a 320x240 frame."""


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_frame_of_a_film_or_camera_is_marked_at_its_size(scale: float) -> None:
    shades = np.linspace(200, 50, 320).astype(np.uint8)  # darker to the right
    frame = np.repeat(np.tile(shades, (240, 1))[..., None], 3, axis=2)
    small = frame[:: round(1 / scale), :: round(1 / scale)].copy()
    before = small.copy()
    drawn = marked_frame(small, SAD_FACE, scale)
    np.testing.assert_array_equal(small, before)
    assert drawn.shape == small.shape
    columns = np.flatnonzero((drawn[round(90 * scale) : round(150 * scale)] == COLOUR).all(axis=2).any(axis=0))
    assert (columns.min(), columns.max()) == pytest.approx((30 * scale, 90 * scale), abs=3)
    assert drawn[-10, 0, 0] > drawn[-10, -1, 0]  # not mirrored


def test_a_game_has_one_column_for_each_round_and_one_row_for_each_player() -> None:
    picture = encode_jpeg(np.full((160, 160, 3), 30, np.uint8))
    seen, absent = Attempt(Emotion.SAD, FakeClassifier(Emotion.SAD).probabilities, picture), Attempt(Emotion.SAD)
    strip = np.asarray(Image.open(io.BytesIO(face_strip([(seen, seen), (seen, absent), (seen, seen)]))))
    side = strip.shape[0] // 2
    assert strip.shape == (2 * side, 3 * side, 3)
    is_white = (strip.reshape(2, side, 3, side, 3) == 255).all(axis=(1, 3, 4))
    assert is_white.tolist() == [[False, False, False], [False, True, False]]


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


def test_a_card_needs_no_song_frames_faces_and_its_title_names_an_emotion_a_day_and_the_song() -> None:
    for song in (None, Pick(Song("1", "T", ("A",), Player.NONE), Mood.SAD, 0.5, "", Mood.SAD)):
        assert draw_card("Title", "Clearly sad", SHARES, song).shape == (SIZE[1], SIZE[0], 3)
    assert PICTURE_SIZE < SIZE
    face = np.full((128, 128, 3), 90, np.uint8)
    marked = framed(face, Emotion.SAD)
    assert tuple(marked[0, 64]) == rgb_of(EMOTION_COLOURS[Emotion.SAD])
    assert (marked[8:-8, 8:-8] == 90).all()
    assert (face == 90).all()
    titles = {emotion: card_title(emotion, TUESDAY, pick()) for emotion in Emotion}
    assert len(set(titles.values())) == len(Emotion)
    assert all("Tuesday" in title for title in titles.values())
    assert "92 beats" in card_title(Emotion.SAD, TUESDAY, pick(tempo_bpm=92.3))
    in_key = replace(pick(tempo_bpm=92.3), song=replace_fields(pick().song, key="D minor"))
    assert card_title(Emotion.SAD, TUESDAY, in_key).endswith("Tuesday in D minor")
    assert card_title(Emotion.SAD, TUESDAY, None).endswith("Tuesday")
