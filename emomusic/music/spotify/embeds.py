"""Spotify's addresses: links, players, and lists of songs to take away. Nothing here uses the network."""

from __future__ import annotations

from collections.abc import Iterable

from emomusic.errors import SpotifyError
from emomusic.music.catalogue import TRACK_ID
from emomusic.music.recommend import Song
from emomusic.text import csv_text, escape_formula

PLAYER_HEIGHT = 152
"""Height of Spotify's compact player, in pixels."""

TRACK_ADDRESS = "https://open.spotify.com/track/"
"""What an id follows in the address of its track."""

CSV_COLUMNS = ("title", "artists", "album", "mood", "score", "valence", "arousal", "reason", "id", "url")


def checked_track_id(track_id: str) -> str:
    """The same id, once it is known to be one: it goes into addresses.

    Raises:
        SpotifyError: it is not 22 letters and digits.
    """
    if not TRACK_ID.fullmatch(track_id):
        raise SpotifyError(f"expected a Spotify track id of 22 letters and digits. Received: {track_id!r}")
    return track_id


def track_url(track_id: str) -> str:
    """The address of a track, to open in Spotify.

    Raises:
        SpotifyError: the id is none.
    """
    return TRACK_ADDRESS + checked_track_id(track_id)


def embed_url(track_id: str) -> str:
    """The address of a track's player, to show in a frame `PLAYER_HEIGHT` high; it needs no credentials.

    Raises:
        SpotifyError: the id is none.
    """
    return f"https://open.spotify.com/embed/track/{checked_track_id(track_id)}"


def songs_csv(songs: Iterable[Song]) -> str:
    """A list of songs as CSV with the columns `CSV_COLUMNS`.

    Text that a spreadsheet would run as a formula is disarmed by an apostrophe.
    """
    return csv_text(CSV_COLUMNS, map(_song_row, songs))


def _song_row(song: Song) -> list[str]:
    track = song.track
    text = (track.title, track.byline, track.album or "", song.mood.value)
    numbers = (f"{song.score:.4f}", f"{song.point.valence:.4f}", f"{song.point.arousal:.4f}")
    return [
        *map(escape_formula, text),
        *numbers,
        escape_formula(song.reason),
        escape_formula(track.id),
        track_url(track.id),
    ]


def songs_m3u(songs: Iterable[Song]) -> str:
    """A list of songs as an extended M3U playlist of Spotify links."""
    lines = ["#EXTM3U"]
    for song in songs:
        seconds = -1 if song.track.duration_s is None else round(song.track.duration_s)  # -1: not known
        lines += [
            f"#EXTINF:{seconds},{_one_line(f'{song.track.byline} - {song.track.title}')}",
            track_url(song.track.id),
        ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """A title with a line break in it would end its entry and begin another."""
    return " ".join(text.split())
