"""Film files: checks of untrusted files, and their frames as a stream.

FFmpeg decodes, through PyAV. It sees only the bytes of this file: playlists, other files and addresses are refused.
"""

from __future__ import annotations

import io
import itertools
import logging
import math
import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import av
import av.error
import numpy as np
import numpy.typing as npt

from emomusic.errors import FilmError
from emomusic.media.formats import HEAD_BYTES, Kind, film_demuxer, foreign_file, format_of
from emomusic.media.images import RgbImage
from emomusic.text import format_clock

log = logging.getLogger(__name__)

# No messages of FFmpeg, not even for errors. Those of a decoder thread wait for the GIL, and PyAV may hold it while it
# waits for that thread.
av.logging.set_level(None)

MAX_PIXELS = 4096 * 2304
"""Largest frame. Decoding holds about twenty."""

_MAX_CODED_PIXELS = MAX_PIXELS * 5 // 4  # codecs round the sides up

# An allow-list, because FFmpeg has some hundred rarely tested decoders.
_CODECS = frozenset(
    name
    for line in (
        "av1 libdav1d cinepak dvvideo ffv1 flv gif h261 h263 h264 hevc huffyuv mjpeg mpeg1video mpeg2video mpeg4",
        "msmpeg4 msmpeg4v1 msmpeg4v2 msmpeg4v3 png prores qtrle rawvideo theora utvideo vc1 vp6 vp6f vp8 libvpx vp9",
        "libvpx-vp9 wmv1 wmv2 wmv3",
    )
    for name in line.split()
)
_ENCRYPTED_TAGS = ("encv", "drmi")

_MAX_ERRORS = 200  # damaged packets in a row
_MISSING_S = 1.0  # a film that ends earlier than announced by more is incomplete
_MISSING_SHARE = 0.02
_MAX_GAP_S = 24 * 3600.0  # a jump of the clock is damage
_ONE_THREAD_PIXELS = 1280 * 720
_SKIPPED_FRAMES = 3  # skip the frames that no other frame needs, if fewer than every third is wanted
_BUFFER_BYTES = 2**18
_MAX_ATOMS = 100_000  # 13 hours in fragments of a second
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


class FilmFile:
    """An opened film.

    Attributes:
        name: of the file, for messages.
        width: of the upright film in square pixels.
        height: of the upright film in square pixels.
        duration_s: as announced by the file; None if unknown.
        frames_per_second: mean, as announced by the file; 25 if unknown.
        problem: after the frames: why they are incomplete, in one sentence; None if they are complete.
        audio: the first audio stream of PyAV; None if there is none, or without `with_audio`.
        audio_packets: of the sound up to the last frame, with times in the clock of `start_s`. The caller removes them.
        start_s: time of the first frame in the clock of the file.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        max_s: float | None = None,
        with_audio: bool = False,
    ) -> None:
        """Open a film and check its head.

        Args:
            source: path, or a binary file with `seek`, which stays open after `close`.
            name: name of the file for messages; by default that of the path.
            max_s: longest allowed film in seconds; None for no limit.
            with_audio: keep the packets of the sound in `audio_packets`.

        Raises:
            FilmError: no such file, not a film, damaged from the start, encrypted, too large or too long.
        """
        self._own_file: BinaryIO | None = None
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            name = name or path.name or str(path)
            source = self._own_file = _open(path, name)
        self.name = name or "this file"
        self._quoted = repr(self.name) if name else "This file"
        self._file, self._max_s, self._with_audio = _Source(source), max_s, with_audio
        self.audio: Any = None
        self.audio_packets: deque[Any] = deque()
        self.start_s = 0.0
        self.problem: str | None = None
        try:
            self._size = self._file.seek(0, io.SEEK_END)
            self._open()
        except BaseException as error:
            self.close()
            if self._file.error is not None and isinstance(error, Exception):
                reason = self._file.error.strerror or "input error"
                raise FilmError(f"{self._quoted} cannot be read: {reason}; copy it to another disk.") from error
            raise

    def _open(self) -> None:
        self._container: Any = None
        if not self._size:
            raise FilmError(f"{self._quoted} is empty; choose another file.")
        self._file.seek(0)
        head = self._file.read(HEAD_BYTES)
        if (format_name := film_demuxer(head)) is None:
            raise FilmError(foreign_file(self._quoted, format_of(head, self.name).kind, Kind.FILM))
        self._is_cut_off = _is_cut_off(self._file, self._size, format_name)
        self._file.seek(0)
        try:
            self._container = av.open(
                self._file,
                "r",
                format=format_name,
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
                io_open=_refuse,
            )
            streams = [s for s in self._container.streams.video if not s.disposition & _ATTACHED_PICTURE]
        except (av.error.FFmpegError, ValueError, OverflowError, MemoryError) as error:
            log.debug("a film cannot be opened", exc_info=error)
            raise FilmError(f"{self._quoted} is damaged or incomplete; choose another file.") from None
        if not streams:
            raise FilmError(f"{self._quoted} has no video; choose a film that shows a face.")
        self._stream: Any = streams[0]
        codec = self._stream.codec_context
        if codec is None:
            raise FilmError(f"{self._quoted} has an unknown video format; save it as MP4.")
        if codec.codec_tag in _ENCRYPTED_TAGS or "enc_key_id" in self._stream.metadata:  # MP4, Matroska
            raise self._encrypted()
        if codec.name not in _CODECS:
            raise FilmError(f"{self._quoted} has a rare video format ({codec.name[:20]}); save it as MP4.")
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
                f"{self._quoted} is too long: {format_clock(self.duration_s)} minutes, at most "
                f"{format_clock(self._max_s)}; choose a shorter film."
            )
        self._decoded = self._decode()
        first = next(self._decoded, None)
        if first is None:
            raise FilmError(f"{self._quoted} is damaged: no frame can be decoded; choose another file.")
        self._first = first
        frame = self._first.frame
        width = max(round(frame.width * frame_ratio(self._stream)), 1)
        self._check_size(width, frame.height)
        self._is_turned, self._is_mirrored, self._is_flipped = _orientation(frame)
        self.width, self.height = (frame.height, width) if self._is_turned else (width, frame.height)

    def _encrypted(self) -> FilmError:
        return FilmError(f"{self._quoted} is encrypted; choose a film without copy protection.")

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_PIXELS:
            raise FilmError(
                f"{self._quoted} is too large: {width}x{height} pixels, at most 4096x2304; choose a smaller film."
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
        time_s, last_s, num_frames, num_errors, was_damaged = 0.0, 0.0, 0, 0, False
        spacing_s = 1 / self.frames_per_second
        packets = self._container.demux(*(stream for stream in (self._stream, self.audio) if stream is not None))
        while True:
            try:
                packet = next(packets)
                if packet.stream is not self._stream:
                    self.audio_packets.append(packet)
                    continue
                if packet.has_sidedata("encryption_info"):
                    if not num_frames:
                        raise self._encrypted()
                    was_damaged = True
                    continue
                frames = packet.decode()
                num_errors = 0
            except StopIteration:
                break
            except av.error.EOFError:
                break
            except (av.error.FFmpegError, ValueError, OverflowError, MemoryError) as error:
                log.debug("a packet is damaged", exc_info=error)
                num_errors, was_damaged = num_errors + 1, True
                if num_errors >= _MAX_ERRORS or isinstance(error, MemoryError):
                    break
                continue
            for frame in frames:
                if frame.width * frame.height > MAX_PIXELS:  # the size may change within a stream
                    was_damaged = True
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
                share = time_s / self.duration_s if self.duration_s is not None else self._file.tell() / self._size
                yield FilmFrame(time_s, min(share, 1.0), frame)
        end_s = time_s + max(spacing_s, last_s)
        missing_s = 0.0 if self.duration_s is None else self.duration_s - end_s
        if (
            self._is_cut_off
            or self._file.error
            or missing_s > max(_MISSING_S, _MISSING_SHARE * (self.duration_s or 0.0))
        ):
            self.problem = f"The film is incomplete; the results end at {format_clock(end_s)}."
        elif was_damaged:
            self.problem = "Parts of the film are damaged, so the results have gaps."

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

    def close(self) -> None:
        """Close the film, and the file if it was opened from a path."""
        container, self._container = getattr(self, "_container", None), None
        if container is not None:
            container.close()
        if self._own_file is not None:
            self._own_file.close()

    def __enter__(self) -> FilmFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Source:
    """A file that ends where it cannot be read, because PyAV prints the errors of files.

    Attributes:
        error: why it cannot be read; None if it can.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


_DURATION_TAG = re.compile(r"(\d{1,2}):(\d\d):(\d\d\.\d{1,9})", re.ASCII)

_ATTACHED_PICTURE = av.stream.Disposition.attached_pic


def yuv_planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Views of a frame's planes: brightness, shape (height, width), and two of colour, of half the size."""
    planes = ((plane, np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)) for plane in frame.planes)
    return [pixels[: plane.height, : plane.width] for plane, pixels in planes]


def frame_ratio(stream: Any) -> float:
    """Width of a stream's pixels relative to their height; 1 if unknown or implausible."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 0.25 <= ratio <= 4 else 1.0


def _orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Whether a frame becomes upright by swapping its axes, then mirroring left and right, then up and down."""
    if (matrix := frame.side_data.get("DISPLAYMATRIX")) is None:
        return False, False, False
    across, up, _, along, down = np.frombuffer(matrix, np.int32)[:5].astype(np.int64)  # x' = across x + along y
    if abs(up) > abs(across):
        return True, bool(along < 0), bool(up < 0)
    return False, bool(across < 0), bool(down < 0)


def _is_cut_off(file: _Source, size: int, format_name: str) -> bool:
    """Whether a file ends too early, in the formats whose announced duration is then shorter."""
    if format_name == "gif":
        file.seek(max(size - _GIF_PADDING, 0))
        return not file.read(_GIF_PADDING).rstrip(b"\0").endswith(b";")
    at = 0
    for _ in range(_MAX_ATOMS if format_name == "mov" else 0):  # a film of fragments may lack the last ones
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if length < 8:
            return False
        if at + length > size:
            return head[4:8] in (b"moof", b"mdat")
        at += length
    return False


def _open(path: Path, name: str) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may block or never end
            raise FilmError(f"{name!r} is a folder or a device, not a file; choose a film.")
        return path.open("rb")
    except FileNotFoundError:
        raise FilmError(f"{name!r} was not found; check the name.") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise FilmError(f"{name!r} cannot be read: {reason}; check its name and permissions.") from None


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:  # noqa: ARG001
    raise PermissionError("a film may not open other files")
