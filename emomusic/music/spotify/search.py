"""Spotify search with client credentials; audio features from the catalogue or ReccoBeats.

Since November 2024, Spotify gives new apps no audio features. Since February 2026, the owner of an app needs Premium,
and a page of results has at most ten tracks. ReccoBeats (reccobeats.com) is free and optional.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emomusic.compat import spotify_login
from emomusic.errors import SpotifyError
from emomusic.music.catalogue import LONGEST_S, TRACK_ID, Catalogue, Track
from emomusic.music.spotify.reccobeats import ReccoBeats
from emomusic.music.spotify.web_service import (
    INVALID_RESPONSE_ERRORS,
    TIMEOUT_S,
    WebService,
    error_response,
    quiet_spotipy,
)

if TYPE_CHECKING:
    import spotipy

SEARCH_LIMIT = 10
"""Most tracks per page; Spotify refuses more."""

LAST_OFFSET = 1000
"""Spotify gives no results after this position."""

_COVER_HOSTS = (".scdn.co", ".spotifycdn.com")  # hosts of Spotify; other covers are not shown

API_URL = "https://api.spotify.com/v1/"
AUTHORIZE_URL = "https://accounts.spotify.com/authorize"
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


def credentials_from_environment() -> Credentials | None:
    """Credentials from environment variables; see `credentials_of`."""
    return credentials_of(os.environ)


class FeatureSource(StrEnum):
    """Source of the audio features."""

    CATALOGUE = "catalogue"
    RECCOBEATS = "reccobeats"


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """A search result.

    Attributes:
        id: Spotify id, 22 characters.
        title: name of the song.
        artists: at least one, main artist first.
        explicit: whether the lyrics are marked explicit.
        album: name of the album. None if unknown, as in all optional fields.
        year: year of release.
        duration_s: length in seconds.
        cover_url: URL of an image of about 300 pixels.
        track: track with audio features.
        source: source of the features, None without `track`.
    """

    id: str
    title: str
    artists: tuple[str, ...]
    explicit: bool
    album: str | None
    year: int | None
    duration_s: float | None
    cover_url: str | None
    track: Track | None = None
    source: FeatureSource | None = None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of search results.

    Attributes:
        tracks: in the order of Spotify, at most `SEARCH_LIMIT`.
        total: number of results on all pages.
        notice: message if ReccoBeats failed, otherwise None.
    """

    tracks: tuple[FoundTrack, ...]
    total: int
    notice: str | None = None


class LiveSpotify:
    """Spotify search, thread-safe. The first search logs in."""

    def __init__(
        self,
        credentials: Credentials | None,
        *,
        catalogue: Catalogue | None = None,
        reccobeats: ReccoBeats | None = None,
        api_url: str = API_URL,
        token_url: str = TOKEN_URL,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Create the client without a request.

        Args:
            credentials: without them, every search raises an error.
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
        self._service = WebService("Spotify", timeout_s=timeout_s)
        self._client: spotipy.Spotify | None = None
        self._lock = threading.Lock()

    def search(self, text: str, *, limit: int = SEARCH_LIMIT, page: int = 0) -> FoundPage:
        """Search results, with features if available.

        Args:
            text: words of title or artists; no words give no results.
            limit: tracks per page, 1 to `SEARCH_LIMIT`.
            page: 0 for the first page.

        Raises:
            SpotifyError: there are no credentials, or the request fails.
        """
        if not 1 <= limit <= SEARCH_LIMIT:
            raise ValueError(f"limit must be from 1 to {SEARCH_LIMIT}. Received: {limit}")
        if not 0 <= page * limit <= LAST_OFFSET - limit:
            raise ValueError(f"page must be from 0 to {LAST_OFFSET // limit - 1}. Received: {page}")
        words = " ".join(text.split())[:250]  # limit of Spotify
        if not words:
            return FoundPage((), 0)
        answer = self._request(words, limit, page * limit)
        try:
            results = answer["tracks"]
            tracks = [_found_track(item) for item in results["items"] if item is not None]
            found = tuple({track.id: track for track in tracks}.values())  # each song once
            total = int(results["total"])
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError) as error:
            raise self._service.failed(error) from error
        return self._with_features(found, total)

    def _request(self, words: str, limit: int, offset: int) -> Any:
        import requests
        from spotipy.exceptions import SpotifyException, SpotifyOauthError

        self._service.respect_pause()
        client = self._logged_in()
        try:
            return client.search(words, limit=limit, offset=offset, type="track")
        except SpotifyOauthError as error:
            response = error_response(error)
            status = 401 if response is None or response.status_code == 400 else response.status_code
            raise self._refused(status, {} if response is None else response.headers) from error
        except SpotifyException as error:
            raise self._refused(error.http_status, error.headers) from error
        except (requests.RequestException, *INVALID_RESPONSE_ERRORS) as error:
            self._client = None  # it can hold an invalid token
            if (response := error_response(error)) is not None:
                raise self._refused(response.status_code, response.headers) from error
            raise self._service.failed(error) from error

    def _refused(self, status: int, headers: Mapping[str, str]) -> SpotifyError:
        if status == 401:
            self._client = None  # with its token
            return SpotifyError("Spotify rejected the credentials. Check the client id and the client secret.")
        if status == 403:
            return SpotifyError("Spotify does not allow this app to search. The owner of the app needs Premium.")
        return self._service.refused(status, headers)

    def _logged_in(self) -> spotipy.Spotify:
        if self._credentials is None:
            raise SpotifyError(
                "Spotify search needs credentials. Set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET "
                "in .streamlit/secrets.toml or in the environment."
            )
        spotipy = quiet_spotipy()
        from spotipy.cache_handler import MemoryCacheHandler

        with self._lock:
            if self._client is not None:
                return self._client
            # The session of spotipy reports every error as 429 and loses Retry-After
            session = self._service.session()
            login = spotify_login(
                client_id=self._credentials.client_id,
                client_secret=self._credentials.client_secret,
                requests_session=session,
                requests_timeout=self._service.timeout_s,
                cache_handler=MemoryCacheHandler(),
            )
            login.OAUTH_TOKEN_URL = self._token_url
            client = spotipy.Spotify(
                auth_manager=login,
                requests_session=session,
                requests_timeout=self._service.timeout_s,
                retries=0,
                status_retries=0,
            )
            client.prefix = self._api_url
            self._client = client
            return client

    def _with_features(self, found: tuple[FoundTrack, ...], total: int) -> FoundPage:
        known: dict[str, tuple[Track, FeatureSource]] = {}
        if self._catalogue is not None:
            for result in found:
                if (track := self._catalogue.find(result.id)) is not None:
                    known[result.id] = track, FeatureSource.CATALOGUE
        notice = None
        unknown = [result for result in found if result.id not in known]
        if self._reccobeats is not None and unknown:
            try:
                features = self._reccobeats.features(result.id for result in unknown)
                for result in unknown:
                    if result.id in features:
                        known[result.id] = _with_track_features(result, features[result.id]), FeatureSource.RECCOBEATS
            except SpotifyError as error:  # the search itself succeeded
                notice = str(error)
        tracks = (
            replace(result, track=known[result.id][0], source=known[result.id][1]) if result.id in known else result
            for result in found
        )
        return FoundPage(tuple(tracks), total, notice)


def _found_track(item: Any) -> FoundTrack:
    """Convert an item of the response. Raises various errors if it is invalid."""
    track_id, title = item["id"], item["name"]
    artists = tuple(str(artist["name"]) for artist in item["artists"] if artist["name"])
    if not (isinstance(track_id, str) and TRACK_ID.fullmatch(track_id) and isinstance(title, str) and artists):
        raise ValueError("not a track")
    album = item.get("album") or {}
    year = re.match(r"(?:1[89]|20)\d\d", str(album.get("release_date") or ""))
    images = [image for image in album.get("images") or [] if isinstance(image.get("url"), str)]
    images.sort(key=lambda image: abs((image.get("width") or 0) - 300))
    return FoundTrack(
        id=track_id,
        title=title or "Untitled",
        artists=artists,
        explicit=item.get("explicit") is True,
        album=str(album["name"]) if album.get("name") else None,
        year=int(year[0]) if year else None,
        duration_s=_length_s(item.get("duration_ms")),
        cover_url=_cover_url(images[0]["url"]) if images else None,
    )


def _length_s(duration_ms: Any) -> float | None:
    """Length in seconds, None if absent or invalid."""
    if duration_ms is None:
        return None
    duration_s = float(duration_ms) / 1000.0
    return duration_s if 0.0 <= duration_s <= LONGEST_S else None


def _cover_url(url: str) -> str | None:
    """URL of a cover, None if the host is not Spotify."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    return url if parts.scheme == "https" and host.endswith(_COVER_HOSTS) else None


def _with_track_features(result: FoundTrack, features: Mapping[str, Any]) -> Track:
    return Track(
        id=result.id,
        title=result.title,
        artists=result.artists,
        explicit=result.explicit,
        **features,
        album=result.album,
        duration_s=result.duration_s,
        year=result.year,
    )
