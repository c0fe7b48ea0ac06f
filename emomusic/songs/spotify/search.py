"""Spotify search with client credentials; audio features from the catalogue or ReccoBeats.

Since November 2024, Spotify gives new apps no audio features. Since February 2026, the owner of an app needs Premium,
and a page of results has at most ten tracks. ReccoBeats (reccobeats.com) is free and optional.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from emomusic.errors import SpotifyError
from emomusic.songs.catalogue import LONGEST_S, TRACK_ID, Catalogue
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.song import Player, Song
from emomusic.songs.spotify.reccobeats import TIMEOUT_S, ReccoBeats, quiet_spotipy, translated

if TYPE_CHECKING:
    import spotipy

SEARCH_LIMIT = 10
"""Most tracks of a search; Spotify refuses more."""

API_URL = "https://api.spotify.com/v1/"
TOKEN_URL = "https://accounts.spotify.com/api/token"


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


class FeatureSource(StrEnum):
    """Source of the audio features."""

    CATALOGUE = "catalogue"
    RECCOBEATS = "reccobeats"


@dataclass(frozen=True, slots=True)
class FoundSongs:
    """The first results of a search.

    Attributes:
        songs: in the order of Spotify, at most `SEARCH_LIMIT`.
        total: number of all results.
        sources: of the audio features, by the ids of the songs that have them.
        notice: message if ReccoBeats failed, otherwise None.
    """

    songs: tuple[Song, ...]
    total: int
    sources: Mapping[str, FeatureSource] = field(default_factory=dict)
    notice: str | None = None


class LiveSpotify:
    """Spotify search, thread-safe. The first search logs in."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        catalogue: Catalogue,
        reccobeats: ReccoBeats | None = None,
        api_url: str = API_URL,
        token_url: str = TOKEN_URL,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Create the client without a request.

        Args:
            credentials: of the app.
            catalogue: first source of features.
            reccobeats: second source of features, optional.
            api_url: URL of the Web API, with a trailing slash.
            token_url: URL for tokens.
            timeout_s: timeout of each request, in seconds.
        """
        self._credentials = credentials
        self._catalogue = catalogue
        self._reccobeats = reccobeats
        self._api_url = api_url
        self._token_url = token_url
        self._timeout_s = timeout_s
        self._login: spotipy.SpotifyClientCredentials | None = None  # has a token

    def search(self, text: str) -> FoundSongs:
        """The first songs with these words in title or artists, with features if available.

        Raises:
            SpotifyError: the request fails.
        """
        words = " ".join(text.split())[:250]  # limit of Spotify
        try:
            found, total = self._found(words)
        except SpotifyError:
            self._login = None  # its token may be invalid
            raise
        features, sources, notice = self._features([song.id for song in found])
        songs = [replace(song, **features.get(song.id, {})) for song in found]
        return FoundSongs(tuple(songs), total, sources, notice)

    def _found(self, words: str) -> tuple[list[Song], int]:
        rejected = SpotifyError("Spotify rejected the keys of this server. Only its owner can correct them.")
        with translated("Spotify", {400: rejected, 401: rejected}):
            token = self._logged_in().get_access_token(as_dict=False)
        no_premium = SpotifyError("Spotify does not allow this app to search. The owner of the app needs Premium.")
        with translated("Spotify", {401: rejected, 403: no_premium}):
            client = quiet_spotipy().Spotify(auth=token, requests_session=False, requests_timeout=self._timeout_s)
            client.prefix = self._api_url
            results = client.search(words, limit=SEARCH_LIMIT, type="track")["tracks"]
            songs = [_found_song(item) for item in results["items"] if item is not None]
            return list({song.id: song for song in songs}.values()), int(results["total"])  # each song once

    def _logged_in(self) -> spotipy.SpotifyClientCredentials:
        """The client that fetches tokens and keeps them until they expire."""
        if self._login is None:
            spotipy = quiet_spotipy()
            from spotipy.cache_handler import MemoryCacheHandler

            # Without a session: that of spotipy reports every error as 429
            login = spotipy.SpotifyClientCredentials(
                client_id=self._credentials.client_id,
                client_secret=self._credentials.client_secret,
                requests_session=False,
                requests_timeout=self._timeout_s,
                cache_handler=MemoryCacheHandler(),
            )
            login.OAUTH_TOKEN_URL = self._token_url
            self._login = login
        return self._login

    def _features(
        self, ids: Sequence[str]
    ) -> tuple[dict[str, Mapping[str, Any]], dict[str, FeatureSource], str | None]:
        """Known features and their sources by id, and a message if ReccoBeats failed."""
        known = [song for song_id in ids if (song := self._catalogue.find(song_id)) is not None]
        features: dict[str, Mapping[str, Any]]
        features = {song.id: {name: getattr(song, name) for name in FEATURE_NAMES} for song in known}
        sources = dict.fromkeys(features, FeatureSource.CATALOGUE)
        unknown = [song_id for song_id in ids if song_id not in features]
        if self._reccobeats is None or not unknown:
            return features, sources, None
        try:
            more = self._reccobeats.features(unknown)
        except SpotifyError as error:  # the search itself succeeded
            return features, sources, str(error)
        return features | more, sources | dict.fromkeys(more, FeatureSource.RECCOBEATS), None


def _found_song(item: Any) -> Song:
    """Convert an item of the response. Raises various errors if it is invalid."""
    track_id, title = item["id"], item["name"]
    artists = tuple(str(artist["name"]) for artist in item["artists"] if artist["name"])
    if not (isinstance(track_id, str) and TRACK_ID.fullmatch(track_id) and isinstance(title, str) and artists):
        raise ValueError("not a track")
    album = item.get("album") or {}
    year = re.match(r"(?:1[89]|20)\d\d", str(album.get("release_date") or ""))
    return Song(
        id=track_id,
        title=title or "Untitled",
        artists=artists,
        player=Player.SPOTIFY,
        explicit=item.get("explicit") is True,
        album=str(album["name"]) if album.get("name") else None,
        year=int(year[0]) if year else None,
        duration_s=_length_s(item.get("duration_ms")),
    )


def _length_s(duration_ms: Any) -> float | None:
    """Length in seconds, None if absent or invalid."""
    if duration_ms is None:
        return None
    duration_s = float(duration_ms) / 1000.0
    return duration_s if 0.0 <= duration_s <= LONGEST_S else None
