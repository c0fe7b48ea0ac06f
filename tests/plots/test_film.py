"""emomusic/plots/film.py: films with marked faces, their times and their sound."""

from __future__ import annotations

import errno
import gc
import io
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.errors import FilmError
from emomusic.face.film import FilmMoment, FilmReading
from emomusic.face.film_file import FilmFile
from emomusic.face.images import Box
from emomusic.face.live.reader import LiveFace
from emomusic.face.reading import FaceReading
from emomusic.plots.colours import EMOTION_COLOURS, rgb_of
from emomusic.plots.film import FilmMarks, annotate_film
from tests.fakes import FakeClassifier, make_face
from tests.films import write_frames

WIDTH, HEIGHT = 192, 112
GREY = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
RATE = 10  # frames per second
BOX = Box(60, 40, 50, 60)
SOUNDS = [("mp4", "aac"), ("mkv", "libmp3lame"), ("avi", "pcm_s16le"), ("mkv", "flac"), ("webm", "libopus")]


def film_of(*, num_frames: int = 20, image: np.ndarray = GREY, **options: Any) -> bytes:
    buffer = io.BytesIO()
    write_frames(buffer, [image] * num_frames, **{"rate": RATE, **options})
    return buffer.getvalue()


def live_face(number: int, box: Box, emotion: Emotion = Emotion.HAPPY, share: float = 0.8) -> LiveFace:
    face = make_face(box.x, box.y, box.width, box.height)
    return LiveFace(number, FaceReading(face, FakeClassifier(emotion, share).probabilities))


def reading_of(data: bytes, *, seconds: float = 2.0, rate: float = 4.0, box: Box | None = BOX) -> FilmReading:
    """A reading of a film with one face at the same place."""
    with FilmFile(io.BytesIO(data)) as film:
        reading = FilmReading(film, rate)
        image = film.picture(next(film.frames()), 1280)
    for number in range(round(seconds * rate)):
        faces = () if box is None else (live_face(1, box),)
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


def sound_of(data: bytes) -> np.ndarray:
    """The samples of a film's sound from its first frame, as heard by a player: shape (n,), of 48 kHz."""
    with av.open(io.BytesIO(data)) as container:
        samples = np.zeros(48_000 * 20, np.float32)
        resampler = av.AudioResampler("fltp", "mono", 48_000)
        end = 0
        for decoded in container.decode(audio=0):
            for frame in resampler.resample(decoded):
                start = round(float(frame.pts * frame.time_base) * 48_000)
                values = frame.to_ndarray()[0]
                skipped = max(-start, 0)
                end = max(start + len(values), 0)
                samples[start + skipped : end] = values[skipped:]
    return samples[:end]


def frequency_of(sound: np.ndarray) -> float:
    """The strongest frequency in hertz."""
    return float(np.abs(np.fft.rfft(sound)).argmax() * 48_000 / len(sound))


def has_colour(image: np.ndarray, emotion: Emotion, x: int, y: int, radius: int = 3) -> bool:
    """Whether a pixel near a place has about the colour of an emotion."""
    area = image[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].astype(int)
    return bool((np.abs(area - rgb_of(EMOTION_COLOURS[emotion])).max(axis=2) < 40).any())


# Size and times


@pytest.mark.parametrize(
    ("ending", "audio"),
    [("mp4", "aac"), ("webm", None), ("avi", "libmp3lame"), ("gif", None)],
)
def test_the_film_keeps_its_times_and_size(ending: str, audio: str | None) -> None:
    data = film_of(ending=ending, audio=audio)
    times, images = frames_of(data)
    marked_times, marked = frames_of(annotated(data, reading_of(data, seconds=2.25)))
    assert marked_times == pytest.approx(times, abs=0.002)
    assert {image.shape for image in marked} == {image.shape for image in images} == {(HEIGHT, WIDTH, 3)}


def test_irregular_times_are_kept() -> None:
    times = [0.0, 0.1, 0.15, 0.4, 1.0, 1.5, 1.9]
    data = film_of(num_frames=7, ending="mkv", times_s=times)
    assert frames_of(annotated(data))[0] == pytest.approx(times, abs=0.001)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(191, 111, (190, 110)), (9, 7, (8, 6)), (1, 1, (2, 2))],
)
def test_odd_sides_become_even(width: int, height: int, expected: tuple[int, int]) -> None:
    data = film_of(num_frames=3, image=np.full((height, width, 3), 90, np.uint8), ending="gif")
    reading = reading_of(data, box=Box(0, 0, width, height))
    with FilmFile(io.BytesIO(annotated(data, reading))) as film:
        assert (film.width, film.height) == expected
        assert len(list(film.frames())) == 3


# Marks


LARGE = np.full((720, 1280, 3), 90, np.uint8)  # with lines of enough pixels to have their colour


def test_marks_are_around_the_faces() -> None:
    data = film_of(num_frames=6, image=LARGE)
    _, images = frames_of(annotated(data, reading_of(data, box=Box(400, 200, 200, 300))))
    for image in images:
        for x, y in ((400, 350), (600, 350), (500, 200), (500, 500)):
            assert has_colour(image, Emotion.HAPPY, x, y)
        assert not has_colour(image, Emotion.HAPPY, 500, 350, radius=80)  # the face stays visible
        for area in (np.s_[:, :380], np.s_[:, 620:], np.s_[540:], np.s_[:120]):
            np.testing.assert_allclose(image[area].astype(int), 90, atol=12)


def test_the_colour_and_the_text_are_those_of_the_emotion() -> None:
    data = film_of()
    reading = reading_of(data, seconds=0)
    for number, emotion in enumerate((Emotion.ANGRY, Emotion.SAD)):
        reading.add(FilmMoment(number, 0.5, GREY, (live_face(7, BOX, emotion, 0.6),)))
    marks = FilmMarks(reading)
    assert [marks.at(time_s)[0].text for time_s in (0.0, 1.0)] == ["7 angry", "7 sad"]
    (mark,) = marks.at(0.0)
    assert (mark.box, mark.colour, mark.share) == (BOX, EMOTION_COLOURS[Emotion.ANGRY], pytest.approx(0.6))


def test_a_box_moves_between_two_readings() -> None:
    data = film_of()
    reading = reading_of(data, seconds=0)
    reading.add(FilmMoment(0.0, 0.5, GREY, (live_face(1, Box(40, 20, 50, 60)),)))
    reading.add(FilmMoment(0.25, 0.5, GREY, (live_face(1, Box(60, 28, 54, 64)),)))
    marks = FilmMarks(reading)
    assert [marks.at(time_s)[0].box for time_s in (0.0, 0.125, 0.25, 0.3)] == [
        *(Box(40, 20, 50, 60), Box(50, 24, 52, 62), Box(60, 28, 54, 64), Box(60, 28, 54, 64)),
    ]
    assert marks.at(0.125, 0.5)[0].box == Box(25, 12, 26, 31)


def test_a_box_does_not_move_to_another_place() -> None:
    data = film_of()
    reading = reading_of(data, seconds=0)
    reading.add(FilmMoment(0.0, 0.5, GREY, (live_face(1, Box(0, 0, 40, 40)),)))
    reading.add(FilmMoment(0.25, 0.5, GREY, (live_face(1, Box(120, 60, 40, 40)),)))
    marks = FilmMarks(reading)
    assert [marks.at(time_s)[0].box.x for time_s in (0.0, 0.2, 0.25)] == [0, 0, 120]


def test_a_face_that_is_gone_has_no_mark() -> None:
    data = film_of()
    reading = reading_of(data, seconds=0)
    for number in range(8):
        reading.add(FilmMoment(number / 4, 0.5, GREY, (live_face(1, BOX),) if number in (2, 3) else ()))
    marks = FilmMarks(reading)
    seen = [time_s for time_s in np.arange(0, 2, 0.05).round(2) if marks.at(time_s)]
    assert seen[0] == 0.5
    assert 0.75 <= seen[-1] < 1.0


# Sound


@pytest.mark.parametrize(("ending", "audio"), SOUNDS)
def test_the_sound_is_kept(ending: str, audio: str) -> None:
    data = film_of(ending=ending, audio=audio)
    marked = annotated(data)
    with av.open(io.BytesIO(marked)) as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.codec.canonical_name == "aac"
        assert stream.codec_context.sample_rate == 48_000
    sound = sound_of(marked)
    assert len(sound) == pytest.approx(2.0 * 48_000, abs=5_000)
    assert frequency_of(sound) == pytest.approx(440, abs=3)
    assert np.abs(sound[10_000:80_000]).reshape(-1, 1000).max(axis=1).min() > 0.1  # no gap


def onset_film(ending: str, audio: str, *, start_s: float, onset_s: float) -> bytes:
    """A film with sound from the clock's zero, its first frame at `start_s`, and a tone from `onset_s`."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format={"mkv": "matroska"}.get(ending, ending)) as container:
        video = container.add_stream("libx264", RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream(audio, 48_000, layout="mono")
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(GREY, "rgb24")
            frame.pts, frame.time_base = number + round(start_s * RATE), Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        times = np.arange(round((start_s + 2) * 48_000)) / 48_000
        tone = (np.sin(2 * np.pi * 440 * times) * (times >= onset_s) * 0.5).astype(np.float32)
        fit = av.AudioResampler(sound.format, "mono", 48_000, frame_size=1024)
        part = av.AudioFrame.from_ndarray(tone[None], "fltp", "mono")
        part.sample_rate, part.pts, part.time_base = 48_000, 0, Fraction(1, 48_000)
        for frame in [*fit.resample(part), *fit.resample(None)]:
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(("ending", "audio"), [("mp4", "aac"), ("mkv", "flac")])
@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_the_sound_fits_the_picture(ending: str, audio: str, start_s: float) -> None:
    data = onset_film(ending, audio, start_s=start_s, onset_s=start_s + 1.0)
    marked = annotated(data)
    assert frames_of(marked)[0][0] == 0
    with av.open(io.BytesIO(marked)) as container:
        first_s = next(container.decode(video=0)).time
    sound = sound_of(marked)
    onset_s = float((np.abs(sound) > 0.2).argmax() / 48_000)
    assert onset_s - first_s == pytest.approx(1.0, abs=0.06)


def test_damaged_sound_does_not_end_the_film() -> None:
    data = film_of(ending="mkv", audio="libopus", num_frames=40)
    buffer = io.BytesIO()
    with av.open(io.BytesIO(data)) as whole, av.open(buffer, "w", format="matroska") as container:
        streams = {stream.index: container.add_stream_from_template(stream) for stream in whole.streams}
        for number, packet in enumerate(whole.demux()):
            if packet.dts is not None:
                damaged = packet.stream.type == "audio" and number % 3 == 0
                written = av.Packet(b"\xff" * 50 if damaged else bytes(packet))
                written.pts, written.dts, written.time_base = packet.pts, packet.dts, packet.time_base
                written.is_keyframe, written.stream = packet.is_keyframe, streams[packet.stream.index]
                container.mux(written)
    times, _ = frames_of(annotated(buffer.getvalue(), reading_of(data, seconds=4)))
    assert len(times) == 40


# Progress and files


@pytest.mark.parametrize("num_frames", [7])
@pytest.mark.parametrize("audio", [None, "libopus"])
def test_a_stopped_film_is_readable(num_frames: int, audio: str | None) -> None:
    calls: list[float] = []

    def on_progress(share: float) -> bool:
        calls.append(share)
        return len(calls) < num_frames

    data = annotated(film_of(ending="mkv", audio=audio), on_progress=on_progress)
    assert (len(calls), len(frames_of(data)[0])) == (num_frames, num_frames)
    assert "decoder" not in {thread.name for thread in threading.enumerate()}


def test_a_file_begins_with_its_index(tmp_path: Path) -> None:
    data = film_of(audio="aac")
    path = tmp_path / "marked.mp4"
    with FilmFile(io.BytesIO(data), with_audio=True) as film:
        annotate_film(film, reading_of(data), path)
    written = path.read_bytes()
    assert 0 < written.index(b"moov") < written.index(b"mdat")
    assert len(frames_of(written)[0]) == 20
    assert list(tmp_path.iterdir()) == [path]


class FullDisk(io.BytesIO):
    """A file that takes a kilobyte."""

    def write(self, data: Any) -> int:
        if self.tell() > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_error() -> None:
    data = film_of(num_frames=60, image=np.random.default_rng(0).integers(0, 255, GREY.shape, np.uint8))
    with FilmFile(io.BytesIO(data), with_audio=True) as film, pytest.raises(FilmError, match="write"):
        annotate_film(film, reading_of(data, seconds=6), FullDisk())
    gc.collect()
    assert "decoder" not in {thread.name for thread in threading.enumerate()}
