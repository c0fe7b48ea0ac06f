"""Live Spotify: search with client credentials, features from elsewhere, covers.

Spotify gives new apps no audio features since November 2024: they come from the catalogue by id, else from ReccoBeats
(reccobeats.com: free, no key) where it is switched on; else a track is shown without a rank. Since February 2026 an
app's owner needs Spotify Premium, and a search answers with ten tracks a page at most.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from emomusic.compat import spotify_login
from emomusic.errors import SpotifyError
from emomusic.music.catalogue import LONGEST_S, TRACK_ID, Catalogue, Track
from emomusic.music.spotify.reccobeats import ReccoBeats
from emomusic.music.spotify.web_service import TIMEOUT_S, WebService

if TYPE_CHECKING:
    import requests
    import spotipy

SEARCH_LIMIT = 10
"""Most tracks a page: Spotify refuses more."""

LAST_OFFSET = 1000
"""Spotify counts no further into the results of a search."""

_COVER_HOSTS = (".scdn.co", ".spotifycdn.com")  # Spotify's own: a picture from elsewhere is not shown

API_URL = "https://api.spotify.com/v1/"
TOKEN_URL = "https://accounts.spotify.com/api/token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app's key to Spotify's Web API, from developer.spotify.com/dashboard.

    Attributes:
        client_id: its name.
        client_secret: its password; not shown where this is printed.
    """

    client_id: str
    client_secret: str = field(repr=False)


def credentials_of(values: Mapping[str, Any]) -> Credentials | None:
    """The credentials among named values, as secrets or an environment hold them; None where either part is absent.

    Args:
        values: with `SPOTIFY_CLIENT_ID` and `SPOTIFY_CLIENT_SECRET`, or spotipy's names `SPOTIPY_CLIENT_ID` and
            `SPOTIPY_CLIENT_SECRET`; capital letters or small.
    """
    named = {str(name).upper(): str(value).strip() for name, value in values.items()}
    for prefix in ("SPOTIFY", "SPOTIPY"):
        client_id, secret = named.get(f"{prefix}_CLIENT_ID"), named.get(f"{prefix}_CLIENT_SECRET")
        if client_id and secret:
            return Credentials(client_id, secret)
    return None


def credentials_from_environment() -> Credentials | None:
    """The credentials in the environment; see `credentials_of`."""
    return credentials_of(os.environ)


class FeatureSource(StrEnum):
    """Who measured a track."""

    CATALOGUE = "catalogue"
    RECCOBEATS = "reccobeats"


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """A search result.

    Attributes:
        id: Spotify's id, 22 characters.
        title: name of the song.
        artists: everyone named, the main artist first; never empty.
        explicit: marked as having explicit lyrics.
        album: None where Spotify does not say; likewise below.
        year: of release.
        duration_s: length in seconds.
        cover_url: address of a picture of about 300 pixels.
        track: with audio features, so that it has a mood and a rank; None where nobody measured it.
        source: who measured it; None with `track`.
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
        tracks: as Spotify ranks them; at most `SEARCH_LIMIT`.
        total: how many there are on all pages, as Spotify counts.
        notice: one sentence where ReccoBeats failed and some tracks stay without a rank for that; else None.
    """

    tracks: tuple[FoundTrack, ...]
    total: int
    notice: str | None = None


class LiveSpotify:
    """Search on Spotify. Logs in when first asked; threads may share it."""

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
        """Prepare; nothing is asked yet.

        Args:
            credentials: None where there are none: then every search says so.
            catalogue: where features are looked up first.
            reccobeats: where they are looked up next; None where it is switched off.
            api_url: Spotify's Web API, ending with a slash.
            token_url: where Spotify gives tokens.
            timeout_s: how long each request may take, in seconds.
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
        """Tracks that Spotify finds for some words, with features where somebody measured them.

        Args:
            text: words of the title or the artists; none, nothing found.
            limit: tracks a page, 1 to `SEARCH_LIMIT`.
            page: 0 for the first.

        Raises:
            SpotifyError: there are no credentials, or Spotify fails or refuses; the message is one sentence.
        """
        if not 1 <= limit <= SEARCH_LIMIT:
            raise ValueError(f"limit must be from 1 to {SEARCH_LIMIT}. Received: {limit}")
        if not 0 <= page * limit <= LAST_OFFSET - limit:
            raise ValueError(f"page must be from 0 to {LAST_OFFSET // limit - 1}. Received: {page}")
        words = " ".join(text.split())[:250]  # the longest search Spotify takes
        if not words:
            return FoundPage((), 0)
        answer = self._ask(words, limit, page * limit)
        try:
            results = answer["tracks"]
            found = tuple(_found_track(item) for item in results["items"] if item is not None)
            total = int(results["total"])
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError) as error:
            raise self._service.failed(error) from error
        return self._with_features(found, total)

    def _ask(self, words: str, limit: int, offset: int) -> Any:
        import requests
        from spotipy.exceptions import SpotifyException, SpotifyOauthError

        self._service.respect_pause()
        client = self._logged_in()
        try:
            return client.search(words, limit=limit, offset=offset, type="track")
        except SpotifyOauthError as error:
            response = _refusal_behind(error)
            status = 401 if response is None or response.status_code == 400 else response.status_code
            raise self._refused(status, {} if response is None else response.headers) from error
        except SpotifyException as error:
            raise self._refused(error.http_status, error.headers) from error
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # spotipy reads what comes without a look: nonsense makes it fail in all these ways
            self._client = None  # and remembers nonsense as its token
            if (response := _refusal_behind(error)) is not None:
                raise self._refused(response.status_code, response.headers) from error
            raise self._service.failed(error) from error

    def _refused(self, status: int, headers: Mapping[str, str]) -> SpotifyError:
        if status == 401:
            self._client = None  # with its token
            return SpotifyError("Spotify does not accept the credentials: check the client id and the client secret.")
        if status == 403:
            return SpotifyError("Spotify does not let this app search: since February 2026 its owner needs Premium.")
        return self._service.refused(status, headers)

    def _logged_in(self) -> spotipy.Spotify:
        if self._credentials is None:
            raise SpotifyError(
                "Searching Spotify needs credentials: set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET "
                "in .streamlit/secrets.toml or in the environment."
            )
        import spotipy
        from spotipy.cache_handler import MemoryCacheHandler

        with self._lock:
            if self._client is not None:
                return self._client
            # It logs what people search for, and at its most talkative the token
            logging.getLogger("spotipy").setLevel(logging.CRITICAL)
            # A session of ours, because spotipy's own would take every refusal for a 429 and lose Retry-After
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
                        known[result.id] = _measured(result, features[result.id]), FeatureSource.RECCOBEATS
            except SpotifyError as error:  # the search itself succeeded: it is shown, and the rest is told
                notice = str(error)
        ranked = (
            replace(result, track=known[result.id][0], source=known[result.id][1]) if result.id in known else result
            for result in found
        )
        return FoundPage(tuple(ranked), total, notice)


def _refusal_behind(error: BaseException | None) -> requests.Response | None:
    """The answer that spotipy could not make sense of, where it was a refusal: of that it tells no status itself."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None and response.status_code >= 400:
            return cast("requests.Response", response)
        error = error.__context__
    return None


def _found_track(item: Any) -> FoundTrack:
    """One item of Spotify's answer; whatever it may hold, what comes out is what the fields say, or an error."""
    track_id, title = item["id"], item["name"]
    artists = tuple(str(artist["name"]) for artist in item["artists"] if artist["name"])
    if not (isinstance(track_id, str) and TRACK_ID.fullmatch(track_id) and isinstance(title, str) and artists):
        raise ValueError("no track")
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
        cover_url=_cover_address(images[0]["url"]) if images else None,
    )


def _length_s(duration_ms: Any) -> float | None:
    """A length in seconds; None where it is not told, or cannot be true."""
    if duration_ms is None:
        return None
    duration_s = float(duration_ms) / 1000.0
    return duration_s if 0.0 <= duration_s <= LONGEST_S else None


def _cover_address(address: str) -> str | None:
    """The address of a picture, if it is one of Spotify's."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return None
    return address if parts.scheme == "https" and host.endswith(_COVER_HOSTS) else None


def _measured(result: FoundTrack, features: Mapping[str, Any]) -> Track:
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
