"""A film with its faces marked, as an MP4 file with the sound of the film."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np

from emomusic.affect import EmotionProbabilities
from emomusic.errors import FilmError
from emomusic.faces.who import Who
from emomusic.marks.drawing import VIDEO, Mark, YuvImage, draw_marks, video_mark
from emomusic.media.film_file import FilmFile
from emomusic.media.film_frame import yuv_planes
from emomusic.media.images import WORKING_SIDE, Box
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
        self._usual_s = _LATE_READINGS / reading.rate
        faces = reading.faces()
        paths = ((number, faces.where(Who.face(number))) for number in np.unique(faces.number).tolist())
        self._paths = [
            (number, own.time_s, own.seconds.round(3), own.box.astype(np.float64), own.shares, own.is_sure)
            for number, own in paths
        ]

    def at(self, time_s: float, scale: float = 1.0) -> list[Mark]:
        """The marks at a time, for a frame of this size relative to the film."""
        marks = []
        for number, times, lengths_s, boxes, shares, is_sure in self._paths:
            after = int(times.searchsorted(time_s, side="right"))
            before = after - 1
            if before < 0:
                continue
            box, length_s, since_s = boxes[before], lengths_s[before], time_s - times[before]
            late_s = _LATE_READINGS * length_s
            if after < len(times) and (step_s := times[after] - times[before]) <= late_s:
                if length_s <= _STILL_S and _boxed(box).overlap(_boxed(boxes[after])) >= _SAME_PLACE:
                    box = box + (boxes[after] - box) * since_s / step_s
            elif since_s > (late_s / 2 if length_s < self._usual_s else length_s):  # gone at the next reading
                continue
            probabilities = EmotionProbabilities(shares[before])
            marks.append(video_mark(number, _boxed(box * scale), probabilities, bool(is_sure[before])))
        return marks


def _boxed(values: Any) -> Box:
    x, y, width, height = (round(float(value)) for value in values)
    return Box(x, y, max(width, 1), max(height, 1))


def annotate_film(
    film: FilmFile, reading: FilmReading, out: Any, *, on_progress: Callable[[float], object] = lambda _: None
) -> None:
    """Write a film with boxes, numbers and emotions, up to the end of its reading, as MP4 (H.264).

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
    rate = Fraction(min(film.frames_per_second, 120)).limit_denominator(1001)
    bits = 8 * film.num_bytes / max(film.duration_s or 0.0, reading.end_s)
    most = str(max(round(bits) - _SOUND_BITS * (film.audio is not None), _LEAST_BITS))  # grain would take any number
    video = container.add_stream("libx264", rate, options={**_ENCODING, "maxrate": most, "bufsize": most})
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.codec_context.time_base = _CLOCK
    sound = _Sound(film, container)
    read_s, last = reading.end_s, -1
    end_s = read_s  # earlier if the marking is stopped

    def frames() -> Iterator[tuple[float, av.VideoFrame]]:
        for frame in film.frames():
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
