"""Films and songs that FFmpeg opens, through PyAV.

It sees only the bytes of this file: playlists, other files and addresses are refused.
"""

from __future__ import annotations

import io
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NoReturn, Self

import av
import av.error

from emomusic.errors import EmomusicError
from emomusic.media.formats import HEAD_BYTES
from emomusic.media.guarded import GuardedFile, open_file

log = logging.getLogger(__name__)

# No messages of FFmpeg, not even for errors. Those of a decoder thread wait for the GIL, and PyAV may hold it while it
# waits for that thread.
av.logging.set_level(None)

DAMAGE = (av.error.FFmpegError, ValueError, OverflowError, MemoryError)
"""The exceptions that PyAV raises for damaged files."""

ENCRYPTED_TAGS = ("enca", "drms", "encv", "drmi")  # in MP4
_ATTACHED_PICTURE = av.stream.Disposition.attached_pic
_MAX_ERRORS = 200  # damaged packets in a row


class MediaFile(ABC):
    """An opened film or song.

    Attributes:
        name: the name of the file; empty if unknown.
        quoted: the name for messages.
        error_type: the type of all errors of the file.
        noun: what to choose instead of a folder or an encrypted file.
    """

    error_type: ClassVar[type[EmomusicError]]
    noun: ClassVar[str]

    def __init__(self, source: str | os.PathLike[str] | BinaryIO | bytes, name: str | None) -> None:
        """Open a path or the content of a file, or use a binary file, which stays open after `close`.

        `name` is that of the file for messages, by default that of the path.
        """
        self._own_file: BinaryIO | None = None
        self._container: Any = None
        self._was_damaged = self._has_frames = False
        self._num_errors = 0  # in a row
        if isinstance(source, str | os.PathLike):
            name = name or Path(source).name or str(source)  # "." and "/" have no name
            source = self._own_file = open_file(source, self.error_type, self.noun, name)
        elif isinstance(source, bytes):
            source = io.BytesIO(source)
        self.name = name or ""
        self.quoted = repr(name) if name else "This file"
        self._file = GuardedFile(source)
        try:
            self._open()
        except BaseException as error:
            self.close()
            if self._file.error is not None and isinstance(error, Exception):
                raise self._unreadable() from error
            raise

    @abstractmethod
    def _open(self) -> None:
        """Check the head of the file, and open its container."""

    def _open_container(self, demuxer: str, buffer_size: int, **options: Any) -> None:
        try:
            self._container = av.open(
                self._file,
                "r",
                format=demuxer,
                metadata_errors="surrogateescape",
                buffer_size=buffer_size,
                io_open=_refuse,
                **options,
            )
        except DAMAGE as error:
            log.debug("a file cannot be opened", exc_info=error)
            raise self._damaged() from None

    def _head(self) -> bytes:
        """The first bytes."""
        head = self._file.head(HEAD_BYTES)
        if not head:
            raise self.error_type(f"{self.quoted} is empty; choose another file.")
        return head

    def _videos(self, *, attached: bool = False) -> list[Any]:
        """The streams of pictures, or the covers."""
        videos = self._container.streams.video
        return [video for video in videos if bool(video.disposition & _ATTACHED_PICTURE) == attached]

    def _require_codec(self, codec: Any, known: str, kind: str, format_name: str) -> None:
        """Refuse an encrypted stream, and one whose decoder is not in an allow-list, separated by commas."""
        if codec is not None and codec.codec_tag in ENCRYPTED_TAGS:
            raise self._encrypted()
        if codec is None or codec.name not in known.split(","):
            name = "unknown" if codec is None else codec.name[:20]
            raise self.error_type(f"{self.quoted} has a rare {kind} format ({name}); save it as {format_name}.")

    def _announced_s(self, stream: Any) -> float | None:
        """The length of a stream as announced by the file, or of the file; None if it is unknown."""
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return None if self._container.duration is None else float(self._container.duration / av.time_base)

    @abstractmethod
    def _is_over(self) -> bool:
        """Asked before each packet whether to stop."""

    def _packets(self, *streams: Any) -> Iterator[Any]:
        """The packets that can be read. Damaged ones are skipped."""
        packets = self._container.demux(*streams)
        while self._num_errors < _MAX_ERRORS and not self._is_over():
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except DAMAGE as error:
                self._count_damage(error)
            else:
                yield packet

    def _frames_of(self, packet: Any) -> list[Any]:
        """The frames that a packet completes; none if it is damaged."""
        if packet.has_sidedata("encryption_info"):
            if not self._has_frames:
                raise self._encrypted()
            self._was_damaged = True
            return []
        try:
            frames: list[Any] = packet.decode()
        except av.error.EOFError:
            return []
        except DAMAGE as error:
            self._count_damage(error)
            return []
        self._num_errors, self._has_frames = 0, self._has_frames or bool(frames)
        return frames

    def _count_damage(self, error: Exception) -> None:
        log.debug("a packet is damaged", exc_info=error)
        self._was_damaged = True
        self._num_errors = _MAX_ERRORS if isinstance(error, MemoryError) else self._num_errors + 1

    def _encrypted(self) -> EmomusicError:
        return self.error_type(f"{self.quoted} is encrypted; choose {self.noun} without copy protection.")

    def _damaged(self) -> EmomusicError:
        return self.error_type(f"{self.quoted} is damaged or incomplete; choose another file.")

    def _unreadable(self) -> EmomusicError:
        reason = getattr(self._file.error, "strerror", None) or "input error"
        return self.error_type(f"{self.quoted} cannot be read: {reason}; copy it to another disk.")

    def close(self) -> None:
        """Close the container, and the file if it was opened from a path."""
        container, self._container = self._container, None
        if container is not None:
            container.close()
        if self._own_file is not None:
            self._own_file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:  # noqa: ARG001
    raise PermissionError("a film or a song may not open other files")
