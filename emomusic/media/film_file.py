"""Film files: checks of untrusted files, and their frames as a stream."""

from __future__ import annotations

import io
import itertools
import math
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt

from emomusic.errors import FilmError
from emomusic.media.container import MediaFile
from emomusic.media.formats import GuardedFile, Kind, foreign_file, format_of, mov_atoms
from emomusic.media.images import RgbImage
from emomusic.text import format_clock

MAX_PIXELS = 4096 * 2304
"""Largest frame. Decoding holds about twenty."""

_MAX_CODED_PIXELS = MAX_PIXELS * 5 // 4  # codecs round the sides up

# An allow-list, because FFmpeg has some hundred rarely tested decoders.
_CODECS = (
    "av1,libdav1d,cinepak,dvvideo,ffv1,flv,gif,h261,h263,h264,hevc,huffyuv,mjpeg,mpeg1video,mpeg2video,mpeg4,msmpeg4,"
    "msmpeg4v1,msmpeg4v2,msmpeg4v3,png,prores,qtrle,rawvideo,theora,utvideo,vc1,vp6,vp6f,vp8,libvpx,vp9,libvpx-vp9,"
    "wmv1,wmv2,wmv3"
)
_MISSING_S = 1.0  # a film that ends earlier than announced by more is incomplete
_MISSING_SHARE = 0.02
_MAX_GAP_S = 24 * 3600.0  # a jump of the clock is damage
_MAX_RATE, _MAX_PIXEL_RATE = 1000, MAX_PIXELS * 128  # for each second of film; a clock may stand still
_ONE_THREAD_PIXELS = 1280 * 720
_SKIPPED_FRAMES = 3  # skip the frames that no other frame needs, if fewer than every third is wanted
_BUFFER_BYTES = 2**18
_GIF_PADDING = 64


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """One frame.

    Attributes:
        time_s: seconds from the first frame.
        share: of the film that is decoded, 0 to 1.
        frame: the decoded frame of PyAV.
    """

    time_s: float
    share: float
    frame: Any


class FilmFile(MediaFile):
    """An opened film.

    Attributes:
        demuxer: FFmpeg's name of its format.
        num_bytes: size of the file.
        width: of the upright film in square pixels.
        height: of the upright film in square pixels.
        duration_s: as announced by the file; None if unknown.
        frames_per_second: mean, as announced by the file; 25 if unknown.
        problem: after the frames: why they are incomplete, in one sentence; None if they are complete.
        audio: the first audio stream of PyAV; None if there is none, or without `with_audio`.
        audio_packets: of the sound up to the last frame, with times in the clock of `start_s`. The caller removes them.
        start_s: time of the first frame in the clock of the file.
    """

    error_type = FilmError
    noun = "a film"

    def __init__(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        max_s: float | None = None,
        with_audio: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open a film and check its head.

        Args:
            source: path, or a binary file with `seek`, which stays open after `close`.
            name: name of the file for messages; by default that of the path.
            max_s: longest allowed film in seconds; None for no limit.
            with_audio: keep the packets of the sound in `audio_packets`.
            should_stop: asked before each frame, wanted or not, after the first. True ends the frames.

        Raises:
            FilmError: no such file, not a film, damaged from the start, encrypted, too large or too long.
        """
        self._max_s, self._with_audio, self._should_stop = max_s, with_audio, should_stop
        self.audio: Any = None
        self.audio_packets: deque[Any] = deque()
        self.start_s = 0.0
        self.problem: str | None = None
        super().__init__(source, name)

    def _open(self) -> None:
        self.num_bytes = self._file.seek(0, io.SEEK_END)
        found = format_of(self._head(), self.name)
        if found.demuxer is None or not (found.kind is Kind.FILM or found.demuxer in ("gif", "mov")):
            raise FilmError(foreign_file(self.quoted, found.kind, Kind.FILM))
        self.demuxer = found.demuxer
        self._is_cut_off = _is_cut_off(self._file, self.num_bytes, self.demuxer)
        self._file.seek(0)
        self._open_container(self.demuxer, _BUFFER_BYTES)
        self._stream: Any = next(iter(self._videos()), None)
        if self._stream is None:
            raise FilmError(f"{self.quoted} has no video; choose a film that shows a face.")
        codec = self._stream.codec_context
        if "enc_key_id" in self._stream.metadata:  # Matroska
            raise self._encrypted()
        self._require_codec(codec, _CODECS, "video", "MP4")
        self._check_size(codec.width, codec.height)
        if self._with_audio:
            known = (s for s in self._container.streams.audio if s.codec_context and s.codec_context.sample_rate)
            self.audio = next(known, None)
        # Threads take a tenth more processor time, which small films need for the faces.
        codec.thread_type = "NONE" if codec.width * codec.height <= _ONE_THREAD_PIXELS else "AUTO"
        codec.options = {"max_pixels": str(_MAX_CODED_PIXELS)}  # of each frame, also if the head differs
        rate = self._stream.average_rate
        self.frames_per_second = float(rate) if rate and 1 <= rate <= 1000 else 25.0
        self.duration_s = self._announced_duration()
        if self._max_s is not None and self.duration_s is not None and self.duration_s > self._max_s + 1:
            raise FilmError(
                f"{self.quoted} is too long: {format_clock(self.duration_s)} minutes, at most "
                f"{format_clock(self._max_s)}; choose a shorter film."
            )
        self._decoded = self._decode()
        if (first := next(self._decoded, None)) is None:
            raise FilmError(f"{self.quoted} is damaged: no frame can be decoded; choose another file.")
        self._first, frame = first, first.frame
        ratio = float(self._stream.sample_aspect_ratio or 1)  # of the width of a pixel to its height
        width = max(round(frame.width * (ratio if 0.25 <= ratio <= 4 else 1.0)), 1)
        self._check_size(width, frame.height)
        self._is_turned, self._is_mirrored, self._is_flipped = _orientation(frame)
        self.width, self.height = (frame.height, width) if self._is_turned else (width, frame.height)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_PIXELS:
            raise FilmError(
                f"{self.quoted} is too large: {width}x{height} pixels, at most 4096x2304; choose a smaller film."
            )

    def _announced_duration(self) -> float | None:
        stream = self._stream
        seconds = 0.0
        if self._container.format.name == "avi" and stream.average_rate:
            seconds = float(stream.frames / stream.average_rate)  # `duration` is that of the rest of a cut-off file
        elif stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        else:  # Matroska: the end of the video, or that of the video or the sound
            if tag := _DURATION_TAG.match(stream.metadata.get("DURATION", "")):
                hours, minutes, rest = tag.groups()
                seconds = 3600 * int(hours) + 60 * int(minutes) + float(rest)
            elif self._container.duration is not None:
                seconds = self._container.duration / av.time_base
            if stream.start_time is not None and stream.time_base is not None:
                seconds -= max(float(stream.start_time * stream.time_base), 0.0)
        return seconds if 0 < seconds < _MAX_GAP_S else None

    def frames(self, rate: float | None = None) -> Iterator[FilmFrame]:
        """The frames in order of time. Call this once.

        Damaged parts are skipped. Afterwards `problem` has the reason for missing frames.

        Args:
            rate: frames per second of film, of which the first after each step is taken; None for all.
        """
        if rate is not None and rate * _SKIPPED_FRAMES <= self.frames_per_second:
            self._stream.codec_context.skip_frame = "NONREF"
        step = 0
        for frame in itertools.chain([self._first], self._decoded):
            if rate is not None:
                if frame.time_s * rate < step - 1e-6:
                    continue
                step = math.floor(frame.time_s * rate + 1e-6) + 1
            yield frame

    def _decode(self) -> Iterator[FilmFrame]:
        time_s, last_s, num_frames, num_pixels = 0.0, 0.0, 0, 0
        spacing_s = 1 / self.frames_per_second
        frames = self._decoded_frames(
            *(stream for stream in (self._stream, self.audio) if stream is not None),
            is_over=lambda has_frames: has_frames and self._should_stop(),
            is_wanted=self._is_picture,
        )
        for frame in frames:
            num_pixels += frame.width * frame.height
            if frame.width * frame.height > MAX_PIXELS:  # the size may change within a stream
                self._was_damaged = True
                continue
            if not num_frames:
                self.start_s = frame.time or 0.0
            expected_s = time_s + spacing_s if num_frames else 0.0
            given_s = expected_s if frame.time is None else frame.time - self.start_s
            time_s = given_s if time_s <= given_s <= time_s + _MAX_GAP_S else expected_s
            num_frames += 1
            last_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
            if self._max_s is not None and time_s > self._max_s:
                self.problem = f"The film is too long; the results end at {format_clock(self._max_s)}."
                return
            if num_frames > _MAX_RATE * (time_s + 1) or num_pixels > _MAX_PIXEL_RATE * (time_s + 1):
                self.problem = f"The film has too many frames a second; the results end at {format_clock(time_s)}."
                return
            share = time_s / self.duration_s if self.duration_s is not None else self._file.tell() / self.num_bytes
            yield FilmFrame(time_s, min(share, 1.0), frame)
        if self._should_stop():
            return
        end_s = time_s + max(spacing_s, last_s)
        missing_s = 0.0 if self.duration_s is None else self.duration_s - end_s
        if (
            self._is_cut_off
            or self._file.error
            or missing_s > max(_MISSING_S, _MISSING_SHARE * (self.duration_s or 0.0))
        ):
            self.problem = f"The film is incomplete; the results end at {format_clock(end_s)}."
        elif self._was_damaged:
            self.problem = "Parts of the film are damaged, so the results have gaps."

    def _is_picture(self, packet: Any) -> bool:
        """Whether a packet is of the pictures. Those of the sound are kept."""
        if packet.stream is self._stream:
            return True
        self.audio_packets.append(packet)
        return False

    def picture(self, frame: FilmFrame, max_side: int | None = None) -> RgbImage:
        """A frame as an upright image of at most `max_side` pixels a side; None for the film's size."""
        scale = 1.0 if max_side is None else min(max_side / max(self.width, self.height), 1.0)
        sides = (max(round(self.width * scale), 1), max(round(self.height * scale), 1))
        width, height = sides[::-1] if self._is_turned else sides
        image = frame.frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA", threads=1)
        return np.ascontiguousarray(self._upright(image), np.uint8)

    def yuv_frame(self, frame: FilmFrame, width: int, height: int) -> av.VideoFrame:
        """An upright copy of a frame in the format yuv420p and of an even size, with the film's colours."""
        sides = (height, width) if self._is_turned else (width, height)
        source = frame.frame.reformat(*sides, "yuv420p", interpolation="AREA", dst_color_range="MPEG", threads=1)
        copy = av.VideoFrame(width, height, "yuv420p")
        for before, after in zip(yuv_planes(source), yuv_planes(copy), strict=True):
            after[:] = self._upright(before)
        return copy

    def _upright(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A view of a decoded image as it is shown."""
        if self._is_turned:
            image = image.swapaxes(0, 1)
        return image[:: -1 if self._is_flipped else 1, :: -1 if self._is_mirrored else 1]


_DURATION_TAG = re.compile(r"(\d{1,2}):(\d\d):(\d\d\.\d{1,9})", re.ASCII)


def yuv_planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Views of a frame's planes: brightness, shape (height, width), and two of colour, of half the size."""
    planes = ((plane, np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)) for plane in frame.planes)
    return [pixels[: plane.height, : plane.width] for plane, pixels in planes]


def _orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Whether a frame becomes upright by swapping its axes, then mirroring left and right, then up and down."""
    if (matrix := frame.side_data.get("DISPLAYMATRIX")) is None:
        return False, False, False
    across, up, _, along, down = np.frombuffer(matrix, np.int32)[:5].astype(np.int64)  # x' = across x + along y
    if abs(up) > abs(across):
        return True, bool(along < 0), bool(up < 0)
    return False, bool(across < 0), bool(down < 0)


def _is_cut_off(file: GuardedFile, size: int, demuxer: str) -> bool:
    """Whether a file ends too early, in the formats whose announced duration is then shorter."""
    if demuxer == "gif":
        file.seek(max(size - _GIF_PADDING, 0))
        return not file.read(_GIF_PADDING).rstrip(b"\0").endswith(b";")
    # A film of fragments may lack the last ones
    atoms = mov_atoms(file) if demuxer == "mov" else ()
    return any(at + length > size and name in (b"moof", b"mdat") for name, at, length in atoms)
