"""Analysis of audio files, in worker processes if there are many."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from emomusic.errors import AudioError, EmomusicError, LibraryError
from emomusic.media.encodings import decode_texts
from emomusic.media.tags import read_texts
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song
from emomusic.workers import Crash, run_in_processes

if TYPE_CHECKING:
    from emomusic.media.audio_file import AudioSong
    from emomusic.songs.hearing import SoundHead

_MAX_CRASHES = 10  # in a row
_SHEET_BYTES = 2**18

Analysis = tuple[str, bytes] | AudioError
"""The result of `stored` for a song, or the reason that its file cannot be heard."""


def analyse_all(
    files: Mapping[int, str], load_sound_model: Callable[[], SoundHead], workers: int
) -> Generator[tuple[int, Analysis]]:
    """Analyse files of the library in processes. A file that ends its process twice counts as unreadable.

    Args:
        files: paths by number.
        load_sound_model: gives the model that hears the songs. A function of a module, so that processes find it.
        workers: number of processes; 1 for none but this one.

    Yields:
        The number of each file and its analysis, in the order in which they are ready.

    Raises:
        LibraryError: the processes end again and again.
    """
    if not files:
        return
    if workers == 1 or len(files) == 1:
        model = load_sound_model()
        yield from ((number, _analyse(model, (number, path))) for number, path in files.items())
        return
    calls, num_crashes = deque(files.items()), 0
    try:
        with closing(run_in_processes(calls, _analyse, load_sound_model, workers=min(workers, len(files)))) as results:
            for (number, path), result in results:
                if isinstance(result, Crash):
                    num_crashes += 1
                    if num_crashes > _MAX_CRASHES:
                        raise BrokenProcessPool
                    yield number, AudioError(f"{Path(path).name!r} stops the decoder; choose another.")
                else:
                    num_crashes = 0
                    yield number, result
    except BrokenProcessPool:
        raise LibraryError(
            "expected processes that analyse songs. Received: their ends. Close other programs, if memory is short, "
            "and continue with: emomusic library update"
        ) from None


def _analyse(model: SoundHead, call: tuple[int, str]) -> Analysis:
    from emomusic.media.audio_file import read_song

    number, path = call
    try:
        song = read_song(Path(path))
    except AudioError as error:
        return error
    heard = song_of(song, model.analyse(song.windows), Player.LIBRARY, number, path)
    return stored(_named_by_sheet(heard))


def _named_by_sheet(song: Song) -> Song:
    """A file as it is, or with the names of its songs: those of a cue sheet in its folder."""
    path = Path(song.path or "")
    with contextlib.suppress(EmomusicError, OSError):
        for sheet in filter(Path.is_file, path.parent.glob("*.[cC][uU][eE]")):
            with sheet.open("rb") as file:
                (text,), _ = decode_texts([file.read(_SHEET_BYTES)])
            if text.count("FILE ") == 1 and f'FILE "{path.stem}.' in text and text.count("TRACK ") > 1:
                from emomusic.songs.tables.documents import document_rows  # loads pandas

                rows = document_rows(text.encode(), "cue sheet", sheet.name)
                titles = ", ".join(row.get("TITLE", "?") for row in rows)
                album = rows[0].get("album", "").strip() or song.album or song.title
                artists = [row.get("PERFORMER") or row.get("artists", "") for row in rows]
                names = read_texts({name: name for name in artists} | {"": f"{album} ({len(rows)} songs: {titles})"})
                title = names.pop("", song.title)
                return replace(song, title=title, artists=tuple(names.values()) or song.artists)
    return song


def stored(song: Song) -> tuple[str, bytes]:
    """A song as JSON without the path of its file, and its `Hearing.features`, which are bytes.

    The song must be of this process: pickled, its unknown features would not be the defaults, which JSON leaves out.
    """
    hearing = song.hearing
    text = msgspec.json.encode(replace(song, path=None, hearing=hearing and replace(hearing, features=b"")))
    return text.decode(), b"" if hearing is None else hearing.features


def song_of(song: AudioSong, hearing: Hearing, player: Player, number: int, path: str, **known: Any) -> Song:
    """An audio file as a song, without the timeline of what was heard.

    Args:
        song: its tags.
        hearing: what was heard.
        player: what plays it.
        number: unique for this player.
        path: the path of the file, or its name.
        known: other fields.
    """
    return Song(
        id=f"{player}-{number}",
        title=song.title,
        artists=song.artists or (UNKNOWN_ARTIST,),
        player=player,
        energy=(hearing.arousal + 1) / 2,
        valence=(hearing.valence + 1) / 2,
        explicit=song.explicit,
        album=song.album,
        genres=song.genres,
        duration_s=round(song.duration_s, 3),
        year=song.year,
        path=path,
        hearing=replace(hearing, timeline=()),
        **known,
    )
