"""Analysis of audio files, in worker processes if there are many, and its records for JSON."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from msgspec import Meta

from emomusic.errors import AudioError, LibraryError
from emomusic.media.formats import title_of
from emomusic.songs.catalogue import LONGEST_S
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song
from emomusic.workers import Crash, run_in_processes

if TYPE_CHECKING:
    from emomusic.media.audio_file import AudioSong
    from emomusic.songs.hearing import SoundHead

_MAX_CRASHES = 10  # in a row

_Share = Annotated[float, Meta(ge=0, le=1)]
_Level = Annotated[float, Meta(ge=-1, le=1)]


class SongRecord(TypedDict):
    """A song and its `Hearing` as values for JSON. The title is None if it is the name of the file."""

    title: str | None
    artists: list[str]
    album: str | None
    genres: list[str]
    year: int | None
    duration_s: Annotated[float, Meta(ge=0, le=LONGEST_S)]
    probabilities: Annotated[dict[Literal["Q1", "Q2", "Q3", "Q4"], _Share], Meta(min_length=4)]
    valence: _Level
    arousal: _Level
    tags: list[tuple[str, float]]


def analyse_all(
    files: Mapping[int, str], load_sound_model: Callable[[], SoundHead], workers: int
) -> Generator[tuple[int, str | AudioError]]:
    """Analyse files in processes. A file that ends its process twice counts as unreadable.

    Args:
        files: paths by number.
        load_sound_model: gives the model that hears the songs. A function of a module, so that processes find it.
        workers: number of processes; 1 for none but this one.

    Yields:
        The number of each file, and its `record_of` as JSON or why it cannot be heard, in the order in which they are
        ready.

    Raises:
        LibraryError: the processes end again and again.
    """
    if not files:
        return
    model = load_sound_model()  # its errors are those of each worker
    if workers == 1 or len(files) == 1:
        yield from ((number, _analyse(model, (number, path))) for number, path in files.items())
        return
    calls, num_crashes = deque(files.items()), 0
    try:
        with closing(run_in_processes(calls, _analyse, load_sound_model, workers=min(workers, len(files)))) as results:
            for (number, path), analysis in results:
                if isinstance(analysis, Crash):
                    if (num_crashes := num_crashes + 1) > _MAX_CRASHES:
                        raise BrokenProcessPool
                    yield number, AudioError(f"{Path(path).name!r} stops the decoder; choose another.")
                else:
                    num_crashes = 0
                    yield number, analysis
    except BrokenProcessPool:
        raise LibraryError(
            "expected processes that analyse songs. Received: their ends. Close other programs, if memory is short, "
            "and continue with: emomusic library update"
        ) from None


def _analyse(model: SoundHead, call: tuple[int, str]) -> str | AudioError:
    from emomusic.media.audio_file import read_song

    _, path = call
    try:
        song = read_song(Path(path))
    except AudioError as error:
        return error
    return json.dumps(record_of(song, model.analyse(song.windows), path))


def record_of(song: AudioSong, hearing: Hearing, path: str) -> dict[str, Any]:
    """The `SongRecord` of a song in the file at the path."""
    return {
        "title": None if song.title == title_of(path) else song.title,
        **{name: getattr(song, name) for name in ("artists", "album", "genres", "year")},
        "duration_s": round(song.duration_s, 3),
        "probabilities": _rounded(hearing.probabilities),
        "valence": round(hearing.valence, 4),
        "arousal": round(hearing.arousal, 4),
        "tags": list(_rounded(dict(hearing.tags)).items()),
    }


def _rounded(shares: Mapping[Any, float]) -> dict[str, float]:
    return {str(name): round(share, 4) for name, share in shares.items()}


def local_song(record: Mapping[str, Any], player: Player, number: int, path: str) -> Song:
    """A song from a result of `record_of`.

    Args:
        record: may have a licence, a source and a key, too.
        player: what plays it.
        number: unique for this player.
        path: of the file, or its name.
    """
    valence, arousal = record["valence"], record["arousal"]
    tags = tuple(map(tuple, record["tags"]))
    names = ("album", "duration_s", "year", "licence", "source", "key")
    known: dict[str, Any] = {name: record.get(name) for name in names}
    return Song(
        id=f"{player}-{number}",
        title=record["title"] or title_of(path),
        artists=tuple(record["artists"]) or (UNKNOWN_ARTIST,),
        player=player,
        energy=(arousal + 1) / 2,
        valence=(valence + 1) / 2,
        genres=tuple(record["genres"]),
        path=path,
        hearing=Hearing(record["probabilities"], valence, arousal, tags),
        **known,
    )
