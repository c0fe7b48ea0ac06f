"""Spotify links, embedded players and song lists, and Spotify search with client credentials.

Since November 2024, Spotify gives new apps no audio features. Since February 2026, the owner of an app needs Premium,
and a search gives at most ten tracks. Only `search_spotify` uses the network.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from emomusic.errors import SpotifyError
from emomusic.media.formats import LONGEST_S
from emomusic.songs.catalogue import TRACK_ID
from emomusic.songs.song import Pick, Player, Song
from emomusic.text import csv_text, escape_line, escape_path

if TYPE_CHECKING:
    import requests
    import spotipy

CSV_COLUMNS = ("title", "artists", "album", "mood", "score", "valence", "arousal", "reason", "id", "url")


def track_url(track_id: str) -> str:
    """URL of a track on Spotify. Only valid ids are in a catalogue and in the results of a search."""
    return f"https://open.spotify.com/track/{track_id}"


def embed_url(track_id: str) -> str:
    """URL of the player of a track, for a frame of 80 pixels or more."""
    return f"https://open.spotify.com/embed/track/{track_id}"


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
        place = () if pick.point is None else (pick.point.valence, pick.point.arousal)
        numbers = [f"{number:.4f}" for number in (pick.score, *place)] + [""] * (2 - len(place))
        text = (song.title, song.byline, song.album or "", pick.likeliest_mood.value)
        rows.append([*text, *numbers, pick.reason, song.id, address_of(song)])
    return csv_text(CSV_COLUMNS, rows)


def songs_m3u(picks: Iterable[Pick], titles: Iterable[str] | None = None) -> str:
    """Extended M3U playlist of audio files and Spotify links, without songs that have neither.

    Args:
        picks: the songs in order.
        titles: the titles of the entries, one for each song; by default "Artists - Title".
    """
    lines = ["#EXTM3U"]
    songs = [pick.song for pick in picks]
    titles = [f"{song.byline} - {song.title}" for song in songs] if titles is None else titles
    for song, title in zip(songs, titles, strict=True):
        address = address_of(song)
        if not address:
            continue
        seconds = -1 if song.duration_s is None else round(song.duration_s)  # -1: unknown
        lines += [f"#EXTINF:{seconds},{escape_line(title)}", escape_path(address)]
    return "\n".join(lines) + "\n"


# Search

SEARCH_LIMIT = 10
"""Most tracks of a search; Spotify refuses more."""

API_URL = "https://api.spotify.com/v1/"
TOKEN_URL = "https://accounts.spotify.com/api/token"

TIMEOUT_S = 5.0
"""Timeout of the connection and of each read, in seconds."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of an app, from developer.spotify.com/dashboard.

    Attributes:
        client_id: public id.
        client_secret: password, hidden in `repr`.
    """

    client_id: str
    client_secret: str = field(repr=False)


def credentials_of(values: Mapping[str, Any]) -> Credentials | None:
    """Credentials from secrets or environment variables, or None if a part is absent.

    Args:
        values: `SPOTIFY_CLIENT_ID` and `SPOTIFY_CLIENT_SECRET`, or `SPOTIPY_CLIENT_ID` and `SPOTIPY_CLIENT_SECRET`,
            in any case.
    """
    named = {str(name).upper(): str(value).strip() for name, value in values.items()}
    for prefix in ("SPOTIFY", "SPOTIPY"):
        client_id, secret = named.get(f"{prefix}_CLIENT_ID"), named.get(f"{prefix}_CLIENT_SECRET")
        if client_id and secret:
            return Credentials(client_id, secret)
    return None


@dataclass(frozen=True, slots=True)
class FoundSongs:
    """The first results of a search.

    Attributes:
        songs: in the order of Spotify, at most `SEARCH_LIMIT`.
        total: number of all results.
    """

    songs: tuple[Song, ...]
    total: int


def search_spotify(text: str, credentials: Credentials) -> FoundSongs:
    """The first songs with these words in title or artists, without features. The first search logs in.

    Raises:
        SpotifyError: the request fails.
    """
    words = " ".join(text.split())[:250]  # limit of Spotify
    try:
        results = _client_of(credentials).search(words, limit=SEARCH_LIMIT, type="track")["tracks"]
        songs = {item["id"]: _found_song(item) for item in results["items"] if item is not None}  # each song once
        return FoundSongs(tuple(songs.values()), int(results["total"]))
    except Exception as error:  # spotipy does not check responses
        _client_of.cache_clear()  # its token may be invalid
        raise SpotifyError(_message(error)) from error


@lru_cache(4)
def _client_of(credentials: Credentials) -> spotipy.Spotify:
    """A client that keeps its token until it expires. It logs nothing, as logs have search texts and tokens."""
    import spotipy
    from spotipy.cache_handler import MemoryCacheHandler

    logging.getLogger("spotipy").setLevel(logging.CRITICAL)
    # Without a session: that of spotipy reports every error as 429
    options: dict[str, Any] = {"requests_session": False, "requests_timeout": TIMEOUT_S}
    login = spotipy.SpotifyClientCredentials(
        credentials.client_id, credentials.client_secret, cache_handler=MemoryCacheHandler(), **options
    )
    login.OAUTH_TOKEN_URL = TOKEN_URL
    client = spotipy.Spotify(auth_manager=login, **options)
    client.prefix = API_URL
    return client


def _found_song(item: Any) -> Song:
    """Convert an item of the response. Raises various errors if it is invalid."""
    track_id, title = item["id"], item["name"]
    artists = tuple(str(artist["name"]) for artist in item["artists"] if artist["name"])
    if not (isinstance(track_id, str) and TRACK_ID.fullmatch(track_id) and isinstance(title, str) and artists):
        raise ValueError("not a track")
    album = item.get("album") or {}
    year = re.match(r"(?:1[89]|20)\d\d", str(album.get("release_date") or ""))
    duration_s = float(item.get("duration_ms") or -1.0) / 1000.0  # some songs have an impossible one
    return Song(
        id=track_id,
        title=title or "Untitled",
        artists=artists,
        player=Player.SPOTIFY,
        explicit=item.get("explicit") is True,
        album=str(album["name"]) if album.get("name") else None,
        year=int(year[0]) if year else None,
        duration_s=duration_s if 0.0 <= duration_s <= LONGEST_S else None,
    )


def _message(error: Exception) -> str:
    import requests

    response = _response_of(error)
    if response is None:
        if isinstance(error, requests.Timeout):
            return "Spotify did not answer in time. Try again later."
        if isinstance(error, requests.ConnectionError):
            return "Spotify cannot be reached. Check the network connection."
        return "Spotify sent an invalid response. Try again later."
    status = response.status_code
    if status == 401 or (status == 400 and response.url == TOKEN_URL):
        return "Spotify rejected the keys of this server. Only its owner can correct them."
    if status == 403:
        return "Spotify does not allow this app to search. The owner of the app needs Premium."
    if status == 429:
        pause, when = response.headers.get("Retry-After", ""), "later"  # seconds: Spotify sends no dates
        if pause.isascii() and pause.isdecimal():
            pause_s = int(pause[:9])
            when = f"in {pause_s} s" if pause_s <= 120 else f"in {math.ceil(pause_s / 60)} minutes"
        return f"Too many requests to Spotify. Try again {when}."
    if status >= 500:
        return f"Spotify has an internal error (HTTP {status}). Try again later."
    return f"Spotify refused the request (HTTP {status}). Try again later."


def _response_of(error: BaseException | None) -> requests.Response | None:
    """Response with an error status behind an exception. Those of spotipy do not always have the status."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None and response.status_code >= 400:
            return cast("requests.Response", response)
        error = error.__context__
    return None
