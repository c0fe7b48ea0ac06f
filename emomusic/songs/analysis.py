"""Analysis of audio files, in worker processes if there are many."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emomusic.errors import AudioError, LibraryError
from emomusic.songs.records import record_of
from emomusic.workers import Crash, run_in_processes

if TYPE_CHECKING:
    from emomusic.media.audio_file import Window
    from emomusic.songs.song import Hearing

_BLOCK_BYTES = 2**16
_MAX_CRASHES = 10  # in a row


class Ear(Protocol):
    """Hears the mood of songs: a `SoundModel`."""

    def hear(self, windows: Sequence[Window]) -> Hearing:
        """What a song sounds like."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of an audio file.

    Attributes:
        fingerprint: of its content; None if it cannot be read.
        song: its `record_of` as JSON; None if it cannot be heard.
        error: why it cannot be heard; None if it can.
    """

    fingerprint: bytes | None
    song: str | None
    error: str | None


def analyse_all(files: Mapping[int, str], load_ear: Callable[[], Ear], workers: int) -> Generator[tuple[int, Analysis]]:
    """Analyse files in processes. A file that ends its process twice counts as unreadable.

    Args:
        files: paths by number.
        load_ear: gives what hears the songs. A function of a module, so that processes find it.
        workers: number of processes; 1 for none but this one.

    Yields:
        The number of each file and its analysis, in the order in which they are ready.

    Raises:
        LibraryError: the processes end again and again.
    """
    if not files:
        return
    ear = load_ear()  # its errors are those of each worker
    if workers == 1 or len(files) == 1:
        yield from ((number, _analyse(ear, (number, path))) for number, path in files.items())
        return
    calls, crashed, num_crashes = deque(files.items()), set[int](), 0
    try:
        with closing(run_in_processes(calls, _analyse, load_ear, workers=min(workers, len(files)))) as results:
            for call, analysis in results:
                number, path = call
                if isinstance(analysis, Crash) and number not in crashed:
                    if (num_crashes := num_crashes + 1) > _MAX_CRASHES:
                        raise BrokenProcessPool
                    crashed.add(number)
                    calls.append(call)  # again at the end: memory may have been short
                elif isinstance(analysis, Crash):
                    yield number, Analysis(None, None, f"{Path(path).name!r} stops the decoder; choose another.")
                else:
                    num_crashes = 0
                    yield number, analysis
    except BrokenProcessPool:
        raise LibraryError(
            "expected processes that analyse songs. Received: their ends. Close other programs, if memory is short, "
            "and continue with: emomusic library update"
        ) from None


def _analyse(ear: Ear, call: tuple[int, str]) -> Analysis:
    from emomusic.media.audio_file import read_song

    _, path = call
    fingerprint = None
    try:
        fingerprint = fingerprint_of(path)
        song = read_song(Path(path))
    except (AudioError, OSError) as error:
        name = Path(path).name
        return Analysis(fingerprint, None, str(error) if isinstance(error, AudioError) else f"{name!r} cannot be read.")
    return Analysis(fingerprint, json.dumps(record_of(song, ear.hear(song.windows), path)), None)


def fingerprint_of(path: str) -> bytes:
    """Hash of a file's size and of its first, middle and last bytes; the whole file would take a hundred times as long.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.blake2b(str(size).encode(), digest_size=16)
        for at in (0, (size - _BLOCK_BYTES) // 2, size - _BLOCK_BYTES):
            file.seek(max(at, 0))
            digest.update(file.read(_BLOCK_BYTES))
    return digest.digest()
