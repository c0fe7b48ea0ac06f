"""Audio files: checks of untrusted files, their tags, and their sound as the network hears it.

FFmpeg decodes, through PyAV. It sees only the bytes of this file: playlists, other files and addresses are refused.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import av
import av.error
import numpy as np
import numpy.typing as npt

from emomusic.errors import AudioError
from emomusic.media.audio_formats import FORMATS_IN_WORDS, HEAD_BYTES, demuxer_of, title_of

log = logging.getLogger(__name__)

av.logging.set_level(None)  # FFmpeg's messages may wait for the GIL, see `face.film_file`

FloatArray = npt.NDArray[np.float32]
Source = str | os.PathLike[str] | BinaryIO

SAMPLE_RATE = 16_000
PATCH_S = 3.008
"""Length of the network's input: 187 frames of its spectrogram."""

MAX_S = 20 * 60.0
"""Longest sound that is decoded from the start."""

_SHORT_S = 60.0
_SHARES = (1 / 6, 3 / 6, 5 / 6)  # of the song, in the middle of the windows
_LENGTH = round(PATCH_S * SAMPLE_RATE)
_MIN_S = 1.0
_SILENCE = 1e-4  # peak, -80 dB

_OPEN_BYTES = 64 * 2**20  # read to open a file, with its covers; FFmpeg keeps them in memory
_DECODE_BYTES = 2**30
_BUFFER_BYTES = 2**16
_MAX_COVER_BYTES = 10 * 2**20
_MAX_ERRORS = 200  # damaged packets in a row
_MAX_DURATION_S = 100 * 3600.0
_PREROLL_S = 0.2  # decoders need some packets before the first right sample
_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 16
_MAX_FRAME = 2**17  # samples
_NUM_FRAMES = 32  # resampled at once: about a second
_MAX_TEXT = 300

# An allow-list, because FFmpeg has some hundred rarely tested decoders. `av.open` probes streams with these alone.
_CODECS = (
    "mp3float,mp3,mp2float,mp2,flac,vorbis,libvorbis,opus,libopus,aac,alac,speex,libspeex,pcm_u8,pcm_s8,pcm_s16le,"
    "pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw"
)
_ENCRYPTED_TAGS = ("enca", "drms")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")
_DAMAGE = (av.error.FFmpegError, ValueError, OverflowError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a song.

    Attributes:
        start_s: seconds from the start of the song.
        samples: shape (n,), float32, mono, 16 kHz, -1 to 1.
    """

    start_s: float
    samples: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class AudioSong:
    """A song with its tags and the parts of it that tell its mood.

    Attributes:
        title: from the tags, or the name of the file.
        artists: main artist first; empty if unknown.
        genres: in lower case.
        windows: the whole song up to a minute; otherwise three parts of `PATCH_S`.
    """

    title: str
    artists: tuple[str, ...]
    album: str | None
    genres: tuple[str, ...]
    year: int | None
    duration_s: float
    windows: tuple[Window, ...]


def read_song(source: Source, name: str | None = None) -> AudioSong:
    """Read the tags of an audio file and the sound of its windows.

    A file of unknown length, a damaged one, and a stream without `seek` are decoded from the start, up to `MAX_S`.

    Args:
        source: path, or a binary file, which stays open.
        name: name of the file for messages and for a song without tags; by default that of the path.

    Raises:
        AudioError: no such file, not audio, damaged, encrypted, silent, or shorter than a second.
    """
    with AudioFile(source, name) as file:
        duration_s, windows = file.duration_s or 0.0, []
        if duration_s > _SHORT_S and file.is_seekable:
            windows = [Window(start_s, _joined(file.sound(start_s, PATCH_S))) for start_s in _starts(duration_s)]
        if not windows or min(len(window.samples) for window in windows) < _LENGTH / 2:  # it ends too early
            sound = _joined(file.sound())
            num_s = len(sound) / SAMPLE_RATE
            duration_s = num_s if num_s < MAX_S else max(num_s, duration_s)
            cuts = [round(start_s * SAMPLE_RATE) for start_s in _starts(num_s)]
            windows = [Window(cut / SAMPLE_RATE, sound[cut : cut + _LENGTH].copy()) for cut in cuts]
            windows = windows if num_s > _SHORT_S else [Window(0.0, sound)]
        file.check(duration_s, windows)
        return AudioSong(*file.tags(), duration_s, tuple(windows))


def _starts(duration_s: float) -> list[float]:
    return [share * duration_s - PATCH_S / 2 for share in _SHARES]


def _joined(blocks: Iterable[FloatArray]) -> FloatArray:
    return np.concatenate([np.empty(0, np.float32), *blocks])


def whole(source: Source, step_s: float, name: str | None = None) -> Iterator[Window]:
    """Windows of 3 s every `step_s` seconds, up to `MAX_S`. A shorter song has one window.

    Raises:
        AudioError: as for `read_song`.
    """
    with AudioFile(source, name) as file:
        for window in windows_of(file.sound(), step_s):
            file.check(len(window.samples) / SAMPLE_RATE)
            yield window


def windows_of(blocks: Iterable[FloatArray], step_s: float) -> Iterator[Window]:
    """Windows of `PATCH_S` every `step_s` seconds, or one with all of a shorter sound.

    Args:
        blocks: consecutive mono sound at 16 kHz, as from `mono_sound`.
        step_s: positive.
    """
    length, step = round(PATCH_S * SAMPLE_RATE), max(round(step_s * SAMPLE_RATE), 1)
    rest, at, skipped = np.empty(0, np.float32), 0, 0  # `rest` begins at this sample
    for block in blocks:
        rest = np.concatenate([rest, block[skipped:]])
        skipped = max(skipped - len(block), 0)
        while len(rest) >= length:
            yield Window(at / SAMPLE_RATE, rest[:length].copy())
            at += step
            rest, skipped = rest[step:], max(step - len(rest), 0)
    if at == 0:
        yield Window(0.0, rest)


def read_cover(source: Source, name: str | None = None) -> bytes | None:
    """The cover in an audio file: JPEG, PNG, GIF or WebP, not checked further. None without one.

    Raises:
        AudioError: the file cannot be read.
    """
    with AudioFile(source, name) as file:
        return file.cover()


def mono_sound(frames: Iterable[Any]) -> Iterator[FloatArray]:
    """Mean over the channels of decoded frames, at 16 kHz, in blocks of about a second.

    Args:
        frames: of PyAV, consecutive.
    """
    kinds = groupby(frames, lambda frame: (frame.format.name, frame.sample_rate, frame.layout.nb_channels))
    for (name, rate, channels), same in kinds:  # in nearly all files one kind
        if not _can_hear(rate, channels):
            continue
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
        while several := [frame.to_ndarray() for frame in islice(same, _NUM_FRAMES)]:
            if not name.endswith("p"):  # channels take turns
                several = [values.reshape(-1, channels).T for values in several]
            mono = av.AudioFrame.from_ndarray(_mean(np.concatenate(several, axis=1)), "fltp", "mono")
            mono.sample_rate = rate
            yield from _resampled(resampler, mono)
        yield from _resampled(resampler, None)


def _can_hear(rate: int, channels: int) -> bool:
    return rate in _RATES and 1 <= channels <= _MAX_CHANNELS


def _mean(values: npt.NDArray[Any]) -> FloatArray:
    """Mean over the channels, shape (1, n), of samples of any type."""
    sound: FloatArray = values.astype(np.float32)
    if values.dtype.kind == "u":
        sound = sound / np.float32(128) - np.float32(1)
    elif values.dtype.kind == "i":
        sound = sound / np.float32(-float(np.iinfo(values.dtype).min))
    else:
        sound = np.clip(np.nan_to_num(sound, posinf=0, neginf=0), -1, 1)
    return np.asarray(sound.mean(axis=0, keepdims=True), np.float32)


def _resampled(resampler: Any, frame: Any) -> Iterator[FloatArray]:
    """Sound that is ready after a frame; None stands for the end."""
    for ready in resampler.resample(frame):
        if ready is not None:
            yield np.clip(ready.to_ndarray()[0], -1, 1)


class AudioFile:
    """An opened audio file.

    Attributes:
        duration_s: as announced by the file; None if unknown.
        is_seekable: whether `sound` can start anywhere.
        start_s: time of the first sample in the clock of the file.
    """

    def __init__(self, source: Source, name: str | None = None, *, format_name: str | None = None) -> None:
        """Open a file and check its head. The other arguments and the errors are those of `read_song`.

        `format_name` is FFmpeg's demuxer for a film whose sound is wanted; None accepts only audio files.
        """
        self._own_file: BinaryIO | None = None
        self._container: Any = None
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            name = name or path.name or str(path)
            source = self._own_file = _open(path, name)
        self._name = name or ""
        self._quoted = repr(name) if name else "This file"
        self._file = _Input(source)
        self.is_seekable = self._file.is_seekable
        try:
            self._open(format_name)
        except BaseException as error:
            self.close()
            if self._file.error is not None and isinstance(error, Exception):
                raise self._unreadable() from error
            raise

    def _open(self, format_name: str | None) -> None:
        head = self._file.head()
        if not head:
            raise AudioError(f"{self._quoted} is empty; choose another file.")
        if (format_name := format_name or demuxer_of(head, self._name)) is None:
            raise AudioError(f"{self._quoted} is not an audio file; choose {FORMATS_IN_WORDS}.")
        if head.startswith(b"ID3") and self.is_seekable:  # rarely, also before FLAC
            self._file.seek(10 + sum(byte << 7 * (3 - at) for at, byte in enumerate(head[6:10])))
            format_name = "flac" if self._file.read(4) == b"fLaC" else format_name
            self._file.seek(0)
        try:
            self._container = av.open(
                self._file,
                "r",
                format=format_name,
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
                io_open=_refuse,
                container_options={"codec_whitelist": _CODECS},
            )
            stream = next(iter(self._container.streams.audio), None)
        except _DAMAGE as error:
            log.debug("an audio file cannot be opened", exc_info=error)
            raise self._damaged() from None
        if stream is None:
            raise AudioError(f"{self._quoted} has no sound; choose another file.")
        codec = stream.codec_context
        if codec is not None and codec.codec_tag in _ENCRYPTED_TAGS:
            raise self._encrypted()
        if codec is None or codec.name not in _CODECS.split(","):
            kind = "unknown" if codec is None else codec.name[:20]
            raise AudioError(f"{self._quoted} has a rare audio format ({kind}); save it as MP3.")
        if not _can_hear(codec.sample_rate or 0, codec.channels):
            raise self._damaged()
        codec.thread_count = 1
        codec.options = {"max_samples": str(_MAX_FRAME)}
        self._stream, self._file.num_left = stream, _DECODE_BYTES
        self.start_s = float(stream.start_time * stream.time_base) if stream.start_time else 0.0
        self.duration_s = self._announced_duration()

    def _announced_duration(self) -> float | None:
        if self._stream.duration is not None and self._stream.time_base is not None:
            seconds = float(self._stream.duration * self._stream.time_base)
        else:
            seconds = (self._container.duration or 0) / av.time_base
        return seconds if 0 < seconds < _MAX_DURATION_S else None

    def _damaged(self) -> AudioError:
        return AudioError(f"{self._quoted} is damaged or incomplete; choose another file.")

    def _unreadable(self) -> AudioError:
        reason = getattr(self._file.error, "strerror", None) or "input error"
        return AudioError(f"{self._quoted} cannot be read: {reason}; copy it to another disk.")

    def _encrypted(self) -> AudioError:
        return AudioError(f"{self._quoted} is encrypted; choose a song without copy protection.")

    def check(self, duration_s: float, windows: Iterable[Window] | None = None) -> None:
        """Check the decoded sound.

        Raises:
            AudioError: nothing could be decoded or read, or it is too short or silent.
        """
        if self._file.error is not None:
            raise self._unreadable()
        if not duration_s:
            raise self._damaged()
        if duration_s < _MIN_S:
            raise AudioError(f"{self._quoted} is shorter than a second; choose a longer song.")
        if windows is not None and all(np.abs(window.samples).max(initial=0) < _SILENCE for window in windows):
            raise AudioError(f"{self._quoted} is silent; choose another song.")

    def tags(self) -> tuple[str, tuple[str, ...], str | None, tuple[str, ...], int | None]:
        """Title, artists, album, genres and year, as in `AudioSong`."""
        tags = {
            key.lower(): text
            for metadata in (self._stream.metadata, self._container.metadata)  # Ogg has the tags in the stream
            for key, value in metadata.items()
            if (text := " ".join(value.replace("\0", ";").split())[:_MAX_TEXT])
        }
        artists = _names(tags.get("artist") or tags.get("album_artist") or tags.get("composer") or "")
        year = re.search(r"\b(?:18[6-9]|19\d|20\d)\d(?!\d)", tags.get("date") or tags.get("year") or "", re.ASCII)
        genres = _names(tags.get("genre", "").lower().replace(",", ";"))
        title = tags.get("title") or title_of(self._name)
        return title, artists, tags.get("album"), genres, int(year[0]) if year else None

    def cover(self) -> bytes | None:
        """The first embedded picture, as it is; None without one."""
        pictures = [s for s in self._container.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        if not pictures:
            return None
        try:
            content = bytes(next(self._container.demux(pictures[0])))
        except (StopIteration, *_DAMAGE):
            return None
        return content if len(content) <= _MAX_COVER_BYTES and content.startswith(_PICTURES) else None

    def sound(self, start_s: float | None = None, length_s: float | None = None) -> Iterator[FloatArray]:
        """Mono sound at 16 kHz, in blocks of about a second.

        Args:
            start_s: seconds from the start of the song; None for the start. Needs `is_seekable`.
            length_s: maximal length, by default `MAX_S`.
        """
        length_s = MAX_S if length_s is None else length_s
        num_left = round(length_s * SAMPLE_RATE)
        end_s = None if start_s is None else start_s + length_s
        for block in mono_sound(self._frames(start_s, end_s)):
            yield block[:num_left]
            if (num_left := num_left - len(block)) <= 0:
                return

    def _frames(self, start_s: float | None, end_s: float | None) -> Iterator[Any]:
        if self.is_seekable:
            offset_s = max((start_s or 0.0) - _PREROLL_S, 0.0) + self.start_s
            try:
                self._container.seek(int(offset_s / self._stream.time_base), stream=self._stream)
            except _DAMAGE:
                if start_s is not None:
                    return
        packets = self._container.demux(self._stream)
        num_errors = 0
        while num_errors < _MAX_ERRORS:
            try:
                packet = next(packets)
                if start_s is not None and packet.pts is not None:
                    time_s = float(packet.pts * packet.time_base) - self.start_s
                    if time_s < start_s - 2 * _PREROLL_S:
                        continue
                if packet.has_sidedata("encryption_info"):
                    raise self._encrypted()
                frames = packet.decode()
                num_errors = 0
            except (StopIteration, av.error.EOFError, MemoryError):
                return
            except _DAMAGE as error:
                log.debug("a packet is damaged", exc_info=error)
                num_errors += 1
                continue
            for frame in frames:
                if start_s is not None and end_s is not None and frame.time is not None:
                    if frame.time - self.start_s >= end_s:
                        return
                    if frame.time - self.start_s + frame.samples / frame.sample_rate <= start_s:
                        continue
                yield frame

    def close(self) -> None:
        """Close the file if it was opened from a path."""
        if self._container is not None:
            self._container.close()
        if self._own_file is not None:
            self._own_file.close()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(";") if (name := part.strip()))


class _Input:
    """A file that ends where it cannot be read or a limit is reached, because PyAV prints the errors of files.

    Attributes:
        is_seekable: whether it can go back.
        num_left: bytes until the limit.
        error: why it cannot be read; None if it can.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unread = b""
        self.is_seekable = file.seekable()
        self.num_left = _OPEN_BYTES
        self.error: OSError | None = None

    def head(self) -> bytes:
        """The first `HEAD_BYTES` bytes, which `read` gives again."""
        if self.is_seekable:
            self._file.seek(0)
        head = b""
        while len(head) < HEAD_BYTES and (part := self.read(HEAD_BYTES - len(head))):  # pipes give parts
            head += part
        if self.is_seekable:
            self._file.seek(0)
        else:
            self._unread = head
        return head

    def seekable(self) -> bool:
        """For PyAV."""
        return self.is_seekable

    def read(self, size: int) -> bytes:
        if self._unread:
            part, self._unread = self._unread[:size], self._unread[size:]
            return part
        try:
            part = self._file.read(min(size, self.num_left)) or b""
        except OSError as error:
            self.error = error
            return b""
        self.num_left -= len(part)
        return part

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _open(path: Path, name: str) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may block or never end
            raise AudioError(f"{name!r} is a folder or a device, not a file; choose a song.")
        return path.open("rb")
    except FileNotFoundError:
        raise AudioError(f"{name!r} was not found; check the name.") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError(f"{name!r} cannot be read: {reason}; check its name and permissions.") from None


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:  # noqa: ARG001
    raise PermissionError("an audio file may not open other files")
