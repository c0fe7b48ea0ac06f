"""Spotify links, embedded players, and song lists as CSV and M3U. No network access."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from emomusic.errors import SpotifyError
from emomusic.songs.catalogue import TRACK_ID
from emomusic.songs.song import Pick, Song
from emomusic.text import csv_text, escape_line, escape_path

TRACK_ADDRESS = "https://open.spotify.com/track/"
"""URL prefix of a track id."""

CSV_COLUMNS = ("title", "artists", "album", "mood", "score", "valence", "arousal", "reason", "id", "url")


def checked_track_id(track_id: str) -> str:
    """Validated id for use in a URL.

    Raises:
        SpotifyError: the id does not have 22 letters and digits.
    """
    if not TRACK_ID.fullmatch(track_id):
        raise SpotifyError(f"expected a Spotify track id of 22 letters and digits. Received: {track_id!r}")
    return track_id


def track_url(track_id: str) -> str:
    """URL of a track on Spotify. Raises as `checked_track_id`."""
    return TRACK_ADDRESS + checked_track_id(track_id)


def embed_url(track_id: str) -> str:
    """URL of the player of a track, for a frame of 80 pixels or more. Raises as `checked_track_id`."""
    return f"https://open.spotify.com/embed/track/{checked_track_id(track_id)}"


def search_url(text: str) -> str:
    """URL of Spotify's search."""
    return f"https://open.spotify.com/search/{quote(text, safe='')}"


def address_of(song: Song) -> str:
    """Path of an audio file, or URL of a track on Spotify; empty if neither is known."""
    if song.path is not None:
        return song.path
    return track_url(song.id) if song.is_on_spotify else ""


def track_links(picks: Iterable[Pick]) -> str:
    """Links to the songs on Spotify, one per line. Its desktop app accepts them pasted into a playlist."""
    return "\n".join(track_url(pick.song.id) for pick in picks if pick.song.is_on_spotify)


def songs_txt(picks: Iterable[Pick]) -> str:
    """Plain text with one line for each song: "Artists \u2013 Title"."""
    names = (f"{pick.song.byline} \u2013 {pick.song.title}" for pick in picks)
    return "".join(f"{escape_line(name)}\n" for name in names)


def songs_csv(picks: Iterable[Pick]) -> str:
    """CSV with the columns `CSV_COLUMNS`."""
    rows = []
    for pick in picks:
        song = pick.song
        numbers = (f"{number:.4f}" for number in (pick.score, song.point.valence, song.point.arousal))
        text = (song.title, song.byline, song.album or "", pick.mood.value)
        rows.append([*text, *numbers, pick.reason, song.id, address_of(song)])
    return csv_text(CSV_COLUMNS, rows)


def songs_m3u(picks: Iterable[Pick], titles: Iterable[str] | None = None) -> str:
    """Extended M3U playlist of audio files and Spotify links, without songs that have neither.

    Args:
        picks: in order.
        titles: of the entries, one for each song; by default "Artists - Title".
    """
    lines = ["#EXTM3U"]
    songs = [pick.song for pick in picks]
    titles = [f"{song.byline} - {song.title}" for song in songs] if titles is None else titles
    for song, title in zip(songs, titles, strict=True):
        if not (address := address_of(song)):
            continue
        seconds = -1 if song.duration_s is None else round(song.duration_s)  # -1: unknown
        lines += [f"#EXTINF:{seconds},{escape_line(title)}", escape_path(address)]
    return "\n".join(lines) + "\n"
