"""Analysis of audio files, in worker processes if there are many, and its records for JSON."""

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
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypedDict

from msgspec import Meta

from emomusic.errors import AudioError, LibraryError
from emomusic.media.formats import title_of
from emomusic.songs.catalogue import LONGEST_S
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song
from emomusic.workers import Crash, run_in_processes

if TYPE_CHECKING:
    from emomusic.media.audio_file import AudioSong, Window

_NUM_TAGS = 5
_BLOCK_BYTES = 2**16
_MAX_CRASHES = 10  # in a row


_Share = Annotated[float, Meta(ge=0, le=1)]
_Level = Annotated[float, Meta(ge=-1, le=1)]


class QuadrantShares(TypedDict):
    """Probabilities of the quadrants."""

    Q1: _Share
    Q2: _Share
    Q3: _Share
    Q4: _Share


class SongRecord(TypedDict):
    """A song and its `Hearing` as values for JSON. The title is None if it is the name of the file."""

    title: str | None
    artists: list[str]
    album: str | None
    genres: list[str]
    year: int | None
    duration_s: Annotated[float, Meta(ge=0, le=LONGEST_S)]
    probabilities: QuadrantShares
    valence: _Level
    arousal: _Level
    tags: list[tuple[str, float]]


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


def record_of(song: AudioSong, hearing: Hearing, path: str) -> dict[str, Any]:
    """The `SongRecord` of a song in the file at the path."""
    return {
        "title": None if song.title == title_of(path) else song.title,
        **{name: getattr(song, name) for name in ("artists", "album", "genres", "year")},
        "duration_s": round(song.duration_s, 3),
        "probabilities": _rounded(hearing.probabilities),
        "valence": round(hearing.valence, 4),
        "arousal": round(hearing.arousal, 4),
        "tags": list(_rounded(dict(hearing.tags[:_NUM_TAGS])).items()),
    }


def _rounded(shares: Mapping[Any, float]) -> dict[str, float]:
    return {str(name): round(share, 4) for name, share in shares.items()}


def local_song(record: Mapping[str, Any], player: Player, number: int, path: str) -> Song:
    """A song from a result of `record_of`.

    Args:
        record: may have a licence and a source, too.
        player: what plays it.
        number: unique for this player.
        path: of the file, or its name.
    """
    valence, arousal = record["valence"], record["arousal"]
    return Song(
        id=f"{player}-{number}",
        title=record["title"] or title_of(path),
        artists=tuple(record["artists"]) or (UNKNOWN_ARTIST,),
        player=player,
        energy=(arousal + 1) / 2,
        valence=(valence + 1) / 2,
        album=record["album"],
        genres=tuple(record["genres"]),
        duration_s=record["duration_s"],
        year=record["year"],
        path=path,
        licence=record.get("licence"),
        source=record.get("source"),
        hearing=Hearing(
            probabilities=record["probabilities"],
            valence=valence,
            arousal=arousal,
            tags=tuple(map(tuple, record["tags"])),
        ),
    )
