import io
import itertools
import json
from dataclasses import replace
from datetime import date
from typing import Any

import av
import numpy as np
import pytest
from msgspec.structs import replace as replace_fields
from PIL import Image

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.colours import EMOTION_COLOURS, rgb_of
from emomusic.faces.table import NO_FACES, Faces
from emomusic.marks.card import PICTURE_SIZE, SIZE, card_title, draw_card, framed
from emomusic.marks.drawing import PHOTO, VIDEO, Mark, draw_marks, face_strip, marked_frame
from emomusic.marks.film import FilmMarks, annotate_film
from emomusic.media.film_file import FilmFile
from emomusic.media.images import Box, RgbImage, encode_jpeg
from emomusic.songs.song import Pick, Player, Song
from emomusic.stream.film import FilmMoment, FilmReading
from emomusic.stream.game import Attempt
from tests.fakes import FakeClassifier, make_face
from tests.films import frames_bytes, sound_of

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


def test_a_card_has_the_letters_of_the_title() -> None:
    def card(title: str) -> bytes:
        one = replace(pick(), song=replace_fields(pick().song, title=title))
        return draw_card("Title", "Clearly sad", SHARES, one).tobytes()

    for title in ("Beyoncé", "ŻółĆ", "Ёлка", "夜に", "봄날"):
        assert card(title) not in (card(title.encode("ascii", "replace").decode()), card(title[::-1]))


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


WIDTH, HEIGHT = 192, 112
GREY = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
FPS = 10  # frames per second
BOX = Box(60, 40, 50, 60)
LARGE = np.full((720, 1280, 3), 90, np.uint8)  # with lines of enough pixels to have their colour


def film_of(*, num_frames: int = 20, image: np.ndarray = GREY, **options: Any) -> bytes:
    return frames_bytes([image] * num_frames, rate=FPS, **options)


def live_face(number: int, box: Box, emotion: Emotion = Emotion.HAPPY, share: float = 0.8) -> Faces:
    face = make_face(box.x, box.y, box.width, box.height)
    return Faces.of([face], [FakeClassifier(emotion, share).probabilities], number=[number])


def reading_of(data: bytes, *, seconds: float = 2.0, rate: float = 4.0, box: Box | None = BOX) -> FilmReading:
    """A reading of a film with one face at the same place."""
    with FilmFile(io.BytesIO(data)) as film:
        reading = FilmReading(film, rate)
        image = film.picture(next(film.frames()), 1280)
    for number in range(round(seconds * rate)):
        faces = NO_FACES if box is None else live_face(1, box)
        reading.add(FilmMoment(number / rate, 0.5, image, faces))
    return reading


def annotated(data: bytes, reading: FilmReading | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    with FilmFile(io.BytesIO(data), with_audio=True) as film:
        annotate_film(film, reading or reading_of(data), out, **options)
    return out.getvalue()


def frames_of(data: bytes, rate: float | None = None) -> tuple[list[float], list[np.ndarray]]:
    """The times and the images of a film, all or at a rate."""
    with FilmFile(io.BytesIO(data)) as film:
        frames = [(frame.time_s, film.picture(frame)) for frame in film.frames(rate)]
        assert film.problem is None
    return [time_s for time_s, _ in frames], [image for _, image in frames]


def has_colour(image: np.ndarray, emotion: Emotion, x: int, y: int, radius: int = 3) -> bool:
    """Whether a pixel near a place has about the colour of an emotion."""
    area = image[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].astype(int)
    return bool((np.abs(area - rgb_of(EMOTION_COLOURS[emotion])).max(axis=2) < 40).any())


def test_marks_are_around_the_faces() -> None:
    data = film_of(num_frames=6, image=LARGE)
    _, images = frames_of(annotated(data, reading_of(data, box=Box(400, 200, 200, 300))))
    for image in images:
        for x, y in ((400, 350), (600, 350), (500, 200), (500, 500)):
            assert has_colour(image, Emotion.HAPPY, x, y)
        assert not has_colour(image, Emotion.HAPPY, 500, 350, radius=80)  # the face stays visible
        for area in (np.s_[:, :380], np.s_[:, 620:], np.s_[540:], np.s_[:120]):
            np.testing.assert_allclose(image[area].astype(int), 90, atol=12)


def marks_of(*moments: tuple[float, Faces | None]) -> FilmMarks:
    """The marks of a film whose readings have these times, and one face or none."""
    reading = reading_of(film_of(), seconds=0)
    for time_s, face in moments:
        reading.add(FilmMoment(time_s, 0.5, GREY, face or NO_FACES))
    return FilmMarks(reading)


def test_colour_and_text_are_those_of_the_emotion_and_an_unclear_mark_is_hollow() -> None:
    marks = marks_of((0, live_face(7, BOX, Emotion.ANGRY, 0.6)), (1, live_face(7, BOX, Emotion.SAD, 0.6)))
    assert [marks.at(time_s)[0].text for time_s in (0.0, 1.0)] == ["7 angry", "7 sad"]
    (mark,) = marks.at(0.0)
    assert (mark.box, mark.colour, mark.share) == (BOX, EMOTION_COLOURS[Emotion.ANGRY], pytest.approx(0.6))
    face = live_face(7, BOX, Emotion.ANGRY, 0.6)
    marks = marks_of((0, replace(face, threshold=np.array([0.7]))), (1, face))
    unclear, clear = (marks.at(time_s)[0] for time_s in (0.0, 1.0))
    assert (unclear.text, unclear.is_hollow, clear.is_hollow) == ("7 angry?", True, False)
    filled, hollow = GREY.copy(), GREY.copy()
    draw_marks(filled, [replace(unclear, is_hollow=False)], VIDEO)
    draw_marks(hollow, [unclear], VIDEO)
    colour = rgb_of(unclear.colour)
    assert 0 < (hollow == colour).all(axis=2).sum() < (filled == colour).all(axis=2).sum()


def test_a_box_moves_between_two_readings_and_a_face_that_is_gone_has_no_mark() -> None:
    near = (0.0, live_face(1, Box(40, 20, 50, 60))), (0.25, live_face(1, Box(60, 28, 54, 64)))
    marks = marks_of(*near)
    assert [marks.at(time_s)[0].box for time_s in (0.0, 0.125, 0.25, 0.3)] == [
        *(Box(40, 20, 50, 60), Box(50, 24, 52, 62), Box(60, 28, 54, 64), Box(60, 28, 54, 64))
    ]
    assert marks.at(0.125, 0.5)[0].box == Box(25, 12, 26, 31)
    marks = marks_of(*near, (0.5, live_face(1, Box(140, 10, 40, 40))))  # another place
    assert [marks.at(time_s)[0].box.x for time_s in (0.45, 0.5)] == [60, 140]
    marks = marks_of(*((number / 4, live_face(1, BOX) if number in (2, 3) else None) for number in range(8)))
    seen = [time_s for time_s in np.arange(0, 2, 0.05).round(2) if marks.at(time_s)]
    assert seen[0] == 0.5
    assert 0.75 <= seen[-1] < 1.0


def test_the_page_has_the_same_marks() -> None:
    near = (0.0, live_face(1, Box(40, 20, 50, 60))), (0.25, live_face(1, Box(60, 28, 54, 64), Emotion.SAD))
    marks = marks_of(*near, (0.5, live_face(1, Box(140, 10, 20, 40))), (0.75, None))
    page = json.loads(marks.to_json())
    (face,) = page["faces"]
    assert (page["endS"], face["number"], face["starts"], face["moves"]) == (
        1.0,
        1,
        [0, 0.25, 0.5],
        [True, False, False],
    )
    assert [page["emotions"][emotion][:2] for emotion in face["emotions"]] == [
        [emotion.value, EMOTION_COLOURS[emotion]] for emotion in (Emotion.HAPPY, Emotion.SAD, Emotion.HAPPY)
    ]
    assert face["boxes"][0] == pytest.approx([40 / WIDTH, 20 / HEIGHT, 50 / WIDTH, 60 / HEIGHT], abs=1e-3)
    for time_s in np.arange(0, 1, 0.01).round(2):
        is_shown = any(start <= time_s < end for start, end in zip(face["starts"], face["ends"], strict=True))
        assert is_shown == bool(marks.at(time_s))


@pytest.mark.parametrize(("ending", "audio"), [("mp4", "aac"), ("mkv", "flac")])
@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_the_sound_fits_the_picture(ending: str, audio: str, start_s: float) -> None:
    marked = annotated(film_of(ending=ending, audio=audio, start_s=start_s))
    assert frames_of(marked)[0][0] == 0
    with av.open(io.BytesIO(marked)) as container:
        codec = container.streams.audio[0].codec_context
        assert (codec.codec.canonical_name, codec.sample_rate) == ("aac", 48_000)
    sound = sound_of(marked)
    assert len(sound) == pytest.approx(2 * 48_000, abs=5_000)
    assert (np.abs(sound) > 0.1).argmax() < 0.06 * 48_000  # the tone begins with the first frame


def test_the_film_has_the_times_that_were_read_and_its_size_and_a_stopped_one_is_readable() -> None:
    for ending, audio in (("mp4", "aac"), ("webm", None), ("avi", "libmp3lame")):
        data = film_of(ending=ending, audio=audio)
        times, images = frames_of(data, 4.0)
        marked_times, marked = frames_of(annotated(data, reading_of(data, seconds=2.25)))
        assert marked_times == pytest.approx(times, abs=0.002)
        assert {image.shape for image in marked} == {image.shape for image in images} == {(HEIGHT, WIDTH, 3)}
    calls: list[float] = []

    def on_progress(share: float) -> bool:
        calls.append(share)
        return len(calls) < 7

    data = annotated(film_of(ending="mkv", audio="libopus"), on_progress=on_progress)
    assert (len(calls), len(frames_of(data)[0])) == (7, 7)
