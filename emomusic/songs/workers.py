"""Processes that analyse audio files.

Threads are slower than one process: FFmpeg reads each file through Python, whose lock they share.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emomusic.errors import AudioError, LibraryError
from emomusic.songs.records import record_of

if TYPE_CHECKING:
    from emomusic.media.audio_file import Window
    from emomusic.songs.song import Hearing

_BLOCK_BYTES = 2**16
_MAX_CRASHES = 3  # in a row


class Ear(Protocol):
    """Hears the mood of songs: a `SoundModel`."""

    def hear(self, windows: Sequence[Window]) -> Hearing:
        """What a song sounds like."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a file.

    Attributes:
        fingerprint: of its content; None if it cannot be read.
        song: its `record_of` as JSON; None if it cannot be heard.
        error: why it cannot be heard; None if it can.
    """

    fingerprint: bytes | None
    song: str | None
    error: str | None


def read_all(files: Mapping[int, str], load_ear: Callable[[], Ear], workers: int) -> Iterator[tuple[int, Reading]]:
    """Analyse files in processes. A file that ends its process is read again alone, and counts as unreadable.

    Args:
        files: paths by number.
        load_ear: gives what hears the songs. A function of a module, so that processes find it.
        workers: number of processes; 1 for none but this one.

    Yields:
        The number of each file and its reading, in the order in which they are ready.

    Raises:
        LibraryError: the processes end again and again.
    """
    ear = load_ear()  # its errors are those of each worker
    if workers == 1 or len(files) == 1:
        yield from ((number, _read(path, ear)) for number, path in files.items())
        return
    left, num_alone, num_crashes = dict(files), 0, 0
    while left:
        size = 1 if num_alone else min(workers, len(left))
        running: dict[Future[Reading], int] = {}
        waiting = iter(list(left.items())[: num_alone or None])
        pool = ProcessPoolExecutor(size, multiprocessing.get_context("spawn"), _start_worker, (load_ear,))
        try:
            while True:
                for number, path in islice(waiting, (1 if num_alone else 2 * size) - len(running)):
                    running[pool.submit(_read_in_worker, path)] = number
                if not running:
                    num_alone = 0
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    reading = future.result()
                    number = running.pop(future)
                    del left[number]
                    num_crashes = 0
                    yield number, reading
        except BrokenProcessPool:
            if (num_crashes := num_crashes + 1) > _MAX_CRASHES:
                raise LibraryError(
                    "expected processes that analyse songs. Received: their ends. Close other programs, if memory is "
                    "short, and continue with: emomusic library update"
                ) from None
            if num_alone:
                number = next(iter(running.values()))
                yield number, Reading(None, None, f"{Path(left.pop(number)).name!r} stops the decoder; choose another.")
            num_alone = len(running)
        finally:
            pool.shutdown(cancel_futures=True)


def _read(path: str, ear: Ear) -> Reading:
    from emomusic.media.audio_file import read_song

    fingerprint = None
    try:
        fingerprint = fingerprint_of(path)
        song = read_song(Path(path))
    except (AudioError, OSError) as error:
        name = Path(path).name
        return Reading(fingerprint, None, str(error) if isinstance(error, AudioError) else f"{name!r} cannot be read.")
    return Reading(fingerprint, json.dumps(record_of(song, ear.hear(song.windows), path)), None)


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


# In a worker

_ears: list[Ear] = []


def _start_worker(load_ear: Callable[[], Ear]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    _ears.append(load_ear())


def _end_with_parent() -> None:
    """End this process when the main process dies, for whatever reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _read_in_worker(path: str) -> Reading:
    return _read(path, _ears[0])
