"""The marks of a film for the page, and the film with its faces marked, as an MP4 file with the sound of the film."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, EmotionProbabilities
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.errors import FilmError
from emomusic.faces.table import Faces
from emomusic.faces.who import Who
from emomusic.marks.drawing import VIDEO, Mark, YuvImage, draw_marks, video_mark
from emomusic.media.film_file import FilmFile
from emomusic.media.film_frame import yuv_planes
from emomusic.media.images import WORKING_SIDE, Box
from emomusic.runtime import Float32Array
from emomusic.stream.film import FilmReading
from emomusic.workers import ahead

_CLOCK = Fraction(1, 1000)  # unit of the times in the file

# The options of slower presets that reduce the size most. "superfast" takes 1.4 to 1.8 times as long for a lower PSNR.
_ENCODING = {"preset": "ultrafast", "crf": "25", "x264-params": "cabac=1:deblock=0,0:bframes=3:b-adapt=0:subme=1"}
_SOUND_BITS, _LEAST_BITS = 128_000, 256_000  # a second; the picture of a larger film takes what the film takes
_LATE_READINGS = 1.5  # a box stays for this number of reading intervals without a new reading
_STILL_S = 2.2  # a longer reading is of one frame, which stays as it is
_SAME_PLACE = 0.2  # two boxes of a face that overlap less are not on one path
_SOUND_JITTER_S = 0.1  # shorter gaps are rounding errors


class FilmMarks:
    """The marks on the frames of a film, between the readings too."""

    def __init__(self, reading: FilmReading) -> None:
        """Take the faces of a reading."""
        self._size, self._end_s = (reading.width, reading.height), reading.end_s
        faces = reading.faces()
        numbers = np.unique(faces.number).tolist()
        self._paths = {number: _Path.of(faces.where(Who.face(number)), reading.rate) for number in numbers}

    def at(self, time_s: float, scale: float = 1.0) -> list[Mark]:
        """The marks at a time, for a frame of this size relative to the film."""
        marks = []
        for number, path in self._paths.items():
            place = int(path.start_s.searchsorted(time_s, side="right")) - 1
            if place < 0 or time_s >= path.end_s[place]:
                continue
            box = path.box[place]
            if path.moves[place]:
                passed = (time_s - path.start_s[place]) / (path.end_s[place] - path.start_s[place])
                box = box + (path.box[place + 1] - box) * passed
            probabilities = EmotionProbabilities(path.shares[place])
            marks.append(video_mark(number, _boxed(box * scale), probabilities, bool(path.is_sure[place])))
        return marks

    def to_json(self) -> bytes:
        """The same marks for the page: of each face its times, boxes in shares of the film, and emotions."""
        sides = np.array([*self._size, *self._size])
        faces = [
            {
                "number": number,
                "starts": path.start_s.round(3).tolist(),
                "ends": path.end_s.round(3).tolist(),
                "boxes": (path.box / sides).round(4).tolist(),
                "moves": path.moves.tolist(),
                "emotions": path.shares.argmax(axis=1).tolist(),
                "isSure": path.is_sure.tolist(),
            }
            for number, path in self._paths.items()
        ]
        colours = [EMOTION_COLOURS[emotion] for emotion in EMOTIONS]
        looks = [[emotion.value, colour, ink_on(colour)] for emotion, colour in zip(EMOTIONS, colours, strict=True)]
        return msgspec.json.encode({"endS": self._end_s, "emotions": looks, "faces": faces})


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """The marks of one face, in the order of time.

    Attributes:
        start_s: when each mark begins: the times of its readings.
        end_s: when it ends.
        box: shape (n, 4), where it begins, in pixels of the film.
        moves: whether it moves to the next box until it ends.
        shares: as in `Faces`.
        is_sure: as in `Faces`.
    """

    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    box: npt.NDArray[np.float64]
    moves: npt.NDArray[np.bool_]
    shares: Float32Array
    is_sure: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, own: Faces, rate: float) -> _Path:
        """The path of a face that was read at a rate."""
        times, seconds, box = own.time_s, own.seconds.round(3), own.box.astype(np.float64)
        late_s = _LATE_READINGS * seconds
        is_followed = np.diff(times, append=math.inf) <= late_s
        gone_s = times + np.where(seconds < _LATE_READINGS / rate, late_s / 2, seconds)  # at the next reading
        end_s = np.where(is_followed, np.append(times[1:], math.inf), gone_s)
        moves = is_followed & (seconds <= _STILL_S)
        for place in np.flatnonzero(moves):
            moves[place] = _boxed(box[place]).overlap(_boxed(box[place + 1])) >= _SAME_PLACE
        return cls(times, end_s, box, moves, own.shares, own.is_sure)


def _boxed(values: Any) -> Box:
    x, y, width, height = (round(float(value)) for value in values)
    return Box(x, y, max(width, 1), max(height, 1))


def annotate_film(
    film: FilmFile, reading: FilmReading, out: Any, *, on_progress: Callable[[float], object] = lambda _: None
) -> None:
    """Write a film with boxes, numbers and emotions, at the rate and up to the end of its reading, as MP4 (H.264).

    Args:
        film: the film, opened again `with_audio`. Larger films are reduced to 1280 pixels a side.
        reading: its faces.
        out: binary file.
        on_progress: takes the finished share, 0 to 1, and returns False to stop.

    Raises:
        FilmError: the file cannot be written.
    """
    try:
        with av.open(out, "w", format="mp4") as container:
            _write(film, reading, container, on_progress)
    except (av.error.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FilmError(f"expected to write the marked film. Received: {reason}") from error


def _write(film: FilmFile, reading: FilmReading, container: Any, on_progress: Callable[[float], object]) -> None:
    marks = FilmMarks(reading)
    scale = min(WORKING_SIDE / max(film.width, film.height), 1.0)
    width, height = (max(round(side * scale) // 2 * 2, 2) for side in (film.width, film.height))  # H.264 needs even
    rate = Fraction(min(film.frames_per_second, reading.rate)).limit_denominator(1001)
    bits = 8 * film.num_bytes / max(film.duration_s or 0.0, reading.end_s)
    sound_bits = 0 if film.audio is None else _SOUND_BITS
    most = str(max(round(bits) - sound_bits, _LEAST_BITS))  # grain would take any number
    video = container.add_stream("libx264", rate, options={**_ENCODING, "maxrate": most, "bufsize": most})
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.codec_context.time_base = _CLOCK
    sound = _Sound(film, container)
    read_s, last = reading.end_s, -1
    end_s = read_s  # earlier if the marking is stopped

    def frames() -> Iterator[tuple[float, av.VideoFrame]]:
        for frame in film.frames(reading.rate):
            if frame.time_s >= read_s:
                return
            yield frame.time_s, frame.yuv(width, height)

    with contextlib.closing(ahead(frames())) as decoded:  # also after an error, before the film is closed
        for time_s, frame in decoded:
            pts = round(time_s / _CLOCK)
            if pts > last:
                last = pts
                draw_marks(YuvImage(yuv_planes(frame)), marks.at(time_s, scale), VIDEO)
                frame.pts, frame.time_base = pts, _CLOCK
                container.mux(video.encode(frame))
                sound.encode(time_s)
            if on_progress(min(time_s / read_s, 1.0)) is False:
                end_s = time_s
                break
    container.mux(video.encode())
    sound.encode(end_s, is_end=True)


class _Sound:
    """Encodes the sound of a film as AAC, which every browser plays."""

    def __init__(self, film: FilmFile, container: Any) -> None:
        self._film, self._container = film, container
        self._next = -(2**62)  # smallest time of the next sample
        if film.audio is not None:
            rate = film.audio.codec_context.sample_rate or 48_000
            self._encoder = container.add_stream("aac", rate if rate in (44_100, 48_000) else 48_000)
            self._encoder.layout = "stereo"
            self._resampler = av.AudioResampler("fltp", "stereo", self._encoder.rate)

    def encode(self, until_s: float, *, is_end: bool = False) -> None:
        """Encode the packets up to a time; `is_end` writes what is left of the encoder."""
        packets = self._film.audio_packets
        end_s = until_s + self._film.start_s
        while packets and (packets[0].dts is None or float(packets[0].dts * packets[0].time_base) <= end_s):
            packet = packets.popleft()
            with contextlib.suppress(av.error.FFmpegError, ValueError):  # damaged; the next packet continues
                for frame in packet.decode() if packet.size else ():
                    if frame.pts is not None:
                        frame.pts -= round(self._film.start_s / frame.time_base)
                    self._write(self._resampler.resample(frame))
        if is_end and self._film.audio is not None:
            with contextlib.suppress(ValueError):  # another format of samples within the film
                self._write(self._resampler.resample(None))
            self._container.mux(self._encoder.encode())

    def _write(self, frames: Iterable[Any]) -> None:
        """Encode samples one after another, with a gap only where the film has a long one."""
        rate = self._encoder.rate
        for frame in frames:
            given = max(self._next, 0) if frame.pts is None else float(frame.pts * frame.time_base * rate)
            if given > self._next + _SOUND_JITTER_S * rate:
                self._next = round(given)
            frame.pts, frame.time_base = self._next, Fraction(1, rate)
            packets = self._encoder.encode(frame)
            self._next += frame.samples
            self._container.mux(packets)
