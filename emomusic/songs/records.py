"""Songs of audio files as records for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emomusic.affect import Mood
from emomusic.media.audio_formats import title_of
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song

if TYPE_CHECKING:
    from emomusic.media.audio_file import AudioSong

_NUM_TAGS = 5
_MOODS = {mood.value: mood for mood in Mood}


def record_of(song: AudioSong, hearing: Hearing, path: str) -> dict[str, Any]:
    """A song and its `Hearing` as values for JSON. The title is None if it is the name of the file at the path."""
    return {
        "title": None if song.title == title_of(path) else song.title,
        **{name: getattr(song, name) for name in ("artists", "album", "genres", "year")},
        "duration_s": round(song.duration_s, 3),
        "probabilities": _rounded(hearing.probabilities),
        "valence": round(hearing.valence, 4),
        "arousal": round(hearing.arousal, 4),
        "moods": _rounded(hearing.moods),
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
            moods={_MOODS[name]: share for name, share in record["moods"].items()},
            tags=tuple(map(tuple, record["tags"])),
        ),
    )
