import io
from dataclasses import replace
from typing import Any

import av
import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.colours import EMOTION_COLOURS, rgb_of
from emomusic.faces.table import NO_FACES, Faces
from emomusic.marks.drawing import VIDEO, draw_marks
from emomusic.marks.film import FilmMarks, annotate_film
from emomusic.media.film_file import FilmFile
from emomusic.media.images import Box
from emomusic.stream.film import FilmMoment, FilmReading
from tests.fakes import FakeClassifier, make_face
from tests.films import frames_bytes, sound_of

WIDTH, HEIGHT = 192, 112
GREY = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
RATE = 10  # frames per second
BOX = Box(60, 40, 50, 60)
LARGE = np.full((720, 1280, 3), 90, np.uint8)  # with lines of enough pixels to have their colour


def film_of(*, num_frames: int = 20, image: np.ndarray = GREY, **options: Any) -> bytes:
    return frames_bytes([image] * num_frames, rate=RATE, **options)


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


def frames_of(data: bytes) -> tuple[list[float], list[np.ndarray]]:
    """The times and the images of a film."""
    with FilmFile(io.BytesIO(data)) as film:
        frames = [(frame.time_s, film.picture(frame)) for frame in film.frames()]
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


def test_the_film_keeps_its_times_and_size_and_a_stopped_one_is_readable() -> None:
    for ending, audio in (("mp4", "aac"), ("webm", None), ("avi", "libmp3lame"), ("gif", None)):
        data = film_of(ending=ending, audio=audio)
        times, images = frames_of(data)
        marked_times, marked = frames_of(annotated(data, reading_of(data, seconds=2.25)))
        assert marked_times == pytest.approx(times, abs=0.002)
        assert {image.shape for image in marked} == {image.shape for image in images} == {(HEIGHT, WIDTH, 3)}
    calls: list[float] = []

    def on_progress(share: float) -> bool:
        calls.append(share)
        return len(calls) < 7

    data = annotated(film_of(ending="mkv", audio="libopus"), on_progress=on_progress)
    assert (len(calls), len(frames_of(data)[0])) == (7, 7)
