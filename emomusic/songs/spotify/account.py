"""Accounts of visitors who sign in to Spotify to save private playlists.

The sign-in is the Authorization Code flow with PKCE, which needs no client secret. The consent page of Spotify opens in
a new tab and redirects that tab to the app. `Logins` connects it with the first tab. Tokens stay in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emomusic.errors import SignInNeededError, SpotifyError
from emomusic.songs.catalogue import TRACK_ID
from emomusic.songs.spotify.embeds import checked_track_id
from emomusic.songs.spotify.failures import TIMEOUT_S, quiet_spotipy, translated, web_client
from emomusic.songs.spotify.search import API_URL, AUTHORIZE_URL, TOKEN_URL
from emomusic.text import pluralize

if TYPE_CHECKING:
    import spotipy

SCOPE = "playlist-modify-private"
"""The only permission that visitors give."""

LOGIN_LIFETIME_S = 600.0
"""Time to answer the consent page, and then to use the result."""

MAX_LOGINS = 1000
"""Most unfinished logins in memory. A new login replaces the oldest."""

MAX_NAME_LENGTH = 100
MAX_DESCRIPTION_LENGTH = 300

TRACKS_PER_REQUEST = 100
"""Spotify refuses more."""

PLAYLIST_ADDRESS = "https://open.spotify.com/playlist/"
"""URL prefix of a playlist id."""

_HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f:.]+")
_LOOPBACK_HOSTS = ("127.0.0.1", "::1")

_UNKNOWN_LOGIN = "The Spotify sign-in expired or was already used. Sign in again."
_SIGN_IN_AGAIN = "Spotify no longer accepts this sign-in. Sign in again."


def redirect_uri_of(page_url: str) -> str:
    """Redirect URI of the running app: scheme, host and port of a page, and the path "/".

    Spotify accepts https, and http for 127.0.0.1 and [::1] only. A page at localhost has no redirect URI, because the
    browser does not send the cookies of localhost to 127.0.0.1.

    Args:
        page_url: URL of any page of the app.

    Raises:
        SpotifyError: Spotify does not accept this address.
    """
    try:
        parts = urlsplit(page_url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
            raise ValueError("not a page")
    except ValueError as error:
        raise SpotifyError(f"expected the URL of a page. Received: {page_url[:200]!r}") from error
    default_port = 443 if parts.scheme == "https" else 80
    end = "" if port in (None, default_port) else f":{port}"
    if host == "localhost":
        raise SpotifyError("Spotify does not accept localhost. Write 127.0.0.1 instead in the address of this page.")
    if parts.scheme == "http" and host not in _LOOPBACK_HOSTS:
        raise SpotifyError("Spotify needs https. Open the app at an address that starts with https.")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{end}/"


@dataclass(frozen=True, slots=True)
class Login:
    """A login that waits for the visitor.

    Attributes:
        state: random text that identifies the login.
        url: consent page of Spotify, for a new tab.
    """

    state: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """Spotify for one app.

    Attributes:
        client_id: public id of the app.
        redirect_uri: result of `redirect_uri_of`, registered in Spotify's dashboard.
        authorize_url: URL of the consent page.
        token_url: URL for tokens.
        api_url: URL of the Web API, with a trailing slash.
        timeout_s: timeout of each request, in seconds.
    """

    client_id: str
    redirect_uri: str
    authorize_url: str = AUTHORIZE_URL
    token_url: str = TOKEN_URL
    api_url: str = API_URL
    timeout_s: float = TIMEOUT_S

    def pkce(self) -> spotipy.SpotifyPKCE:
        """Client for the tokens of one visitor, in memory and without shared cookies."""
        spotipy = quiet_spotipy()
        from spotipy.cache_handler import MemoryCacheHandler

        pkce = spotipy.SpotifyPKCE(
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            scope=SCOPE,
            open_browser=False,
            cache_handler=MemoryCacheHandler(),
            requests_session=False,
            requests_timeout=self.timeout_s,
        )
        pkce.OAUTH_AUTHORIZE_URL = self.authorize_url
        pkce.OAUTH_TOKEN_URL = self.token_url
        return pkce


class Account:
    """A signed-in visitor, thread-safe. `Logins.take` makes it. It cannot be pickled, so the token stays in memory."""

    def __init__(self, service: Service, pkce: spotipy.SpotifyPKCE) -> None:
        self._service = service
        self._pkce = pkce  # its cache has the token
        self._lock = threading.Lock()

    def save_playlist(self, name: str, track_ids: Sequence[str], *, description: str = "") -> str:
        """Create a private playlist and return its URL.

        Args:
            name: title. Control characters become spaces, and only the first `MAX_NAME_LENGTH` characters are used.
            track_ids: Spotify ids in the order of the playlist, at least one.
            description: text below the title, changed like `name`, up to `MAX_DESCRIPTION_LENGTH` characters.

        Raises:
            SignInNeededError: Spotify no longer accepts the sign-in.
            SpotifyError: the name is empty, an id is invalid, or a request failed. The message says if the playlist
                exists without all songs.
        """
        ids = [checked_track_id(track_id) for track_id in track_ids]
        if not ids:
            raise ValueError("track_ids must have at least one id. Received: none")
        title = _one_line(name, MAX_NAME_LENGTH)
        if not title:
            raise SpotifyError("The playlist has no name. Enter a name.")
        about = _one_line(description, MAX_DESCRIPTION_LENGTH)
        client = web_client(self._valid_token(), self._service.api_url, self._service.timeout_s)
        with translated("Spotify", _refusals()):
            playlist_id = client.current_user_playlist_create(title, public=False, description=about)["id"]
            if not TRACK_ID.fullmatch(playlist_id):
                raise ValueError("not a playlist")
        num_added = 0
        try:
            for start in range(0, len(ids), TRACKS_PER_REQUEST):
                part = ids[start : start + TRACKS_PER_REQUEST]
                with translated("Spotify", _refusals()):
                    client.playlist_add_items(playlist_id, part)["snapshot_id"]
                num_added += len(part)
        except SpotifyError as error:
            songs = pluralize(len(ids), "song")
            raise type(error)(f"The playlist exists, but Spotify added only {num_added} of {songs}. {error}") from error
        return f"{PLAYLIST_ADDRESS}{playlist_id}"

    def _valid_token(self) -> str:
        """Access token, refreshed if it expires within a minute."""
        refused = SignInNeededError(_SIGN_IN_AGAIN)
        with self._lock, translated("Spotify", {400: refused, 401: refused}):  # a refresh token is valid once
            token = self._pkce.cache_handler.get_cached_token()
            if self._pkce.is_token_expired(token):
                token = self._pkce.refresh_access_token(token["refresh_token"])
            return str(token["access_token"])


def _refusals() -> dict[int, SpotifyError]:
    """Errors of the Web API. In development mode, an app has at most five users."""
    forbidden = (
        "Spotify does not let this account save playlists. Ask the app's owner to add it to the app's user list, or "
        "sign in again to give the permission."
    )
    return {401: SignInNeededError(_SIGN_IN_AGAIN), 403: SpotifyError(forbidden)}


@dataclass(slots=True)
class _Pending:
    """A login in the registry.

    Attributes:
        browser: SHA-256 of the browser's value.
        pkce: client with the secret of this login.
        deadline: end on the monotonic clock.
        is_used: whether a tab has finished the login.
        result: account or error message, None before.
    """

    browser: bytes
    pkce: spotipy.SpotifyPKCE = field(repr=False)
    deadline: float
    is_used: bool = False
    result: Account | str | None = None


class Logins:
    """Logins of all visitors of the app, thread-safe and in memory.

    The first tab calls `start` and polls `take`. The new tab, with the answer of Spotify in its URL, calls `finish`.
    """

    def __init__(self, service: Service) -> None:
        """Create an empty registry without a request."""
        self._service = service
        self._logins: dict[str, _Pending] = {}  # by state, oldest first
        self._lock = threading.Lock()

    def start(self, browser: str) -> Login:
        """Begin a login. Needs no network.

        Args:
            browser: secret value of the visitor's browser, from a cookie.
        """
        pkce = self._service.pkce()
        state = secrets.token_urlsafe(32)
        url = pkce.get_authorize_url(state=state)
        login = _Pending(_digest(browser), pkce, time.monotonic() + LOGIN_LIFETIME_S)
        with self._lock:
            self._forget_expired()
            while len(self._logins) >= MAX_LOGINS:
                del self._logins[next(iter(self._logins))]
            self._logins[state] = login
        return Login(state, url)

    def finish(self, state: str, browser: str, *, code: str | None = None, error: str | None = None) -> None:
        """Complete a login with the answer of Spotify. Each state is accepted once, also if this fails.

        Args:
            state: state in the URL.
            browser: value of the browser of this tab.
            code: code in the URL after consent.
            error: error in the URL, "access_denied" without consent.

        Raises:
            SpotifyError: the state is unknown, expired, used or from another browser; the visitor or Spotify refused;
                or the request failed. `take` raises the same error in the first tab.
        """
        with self._lock:
            self._forget_expired()
            login = self._logins.get(state)
            if login is None or login.is_used:
                raise SpotifyError(_UNKNOWN_LOGIN)
            login.is_used = True
            login.deadline = time.monotonic() + LOGIN_LIFETIME_S
        try:
            if not hmac.compare_digest(login.browser, _digest(browser)):
                # Otherwise, a visitor could open the link of an attacker, who would receive the visitor's token
                raise SpotifyError("This Spotify sign-in began in another browser. Sign in again in this one.")
            login.result = self._account(login, code, error)
        except SpotifyError as failure:
            login.result = str(failure)  # without the traceback, which contains the code
            raise

    def take(self, state: str) -> Account | None:
        """Account of a finished login, None while it is pending. The login is forgotten after an account or an error.

        Raises:
            SpotifyError: the login failed, expired, or was taken before.
        """
        with self._lock:
            self._forget_expired()
            login = self._logins.get(state)
            if login is None:
                raise SpotifyError(_UNKNOWN_LOGIN)
            if login.result is None:
                return None
            del self._logins[state]
        if isinstance(login.result, str):
            raise SpotifyError(login.result)
        return login.result

    def _account(self, login: _Pending, code: str | None, error: str | None) -> Account:
        if error == "access_denied":
            raise SpotifyError("You did not give the permission on Spotify. Sign in again to save playlists.")
        refused = SpotifyError("Spotify refused the sign-in. Sign in again.")
        if error or not code:
            raise refused
        with translated("Spotify", {400: refused, 401: refused, 403: _refusals()[403]}):
            login.pkce.get_access_token(code, check_cache=False)
        return Account(self._service, login.pkce)

    def _forget_expired(self) -> None:
        now = time.monotonic()
        for state in [state for state, login in self._logins.items() if login.deadline <= now]:
            del self._logins[state]


def _digest(browser: str) -> bytes:
    """Value of constant length, so that large cookies use no memory."""
    return hashlib.sha256(browser.encode("utf-8", "surrogatepass")).digest()


def _one_line(text: str, max_length: int) -> str:
    """Replace control characters and line breaks with spaces, and cut."""
    kept = (" " if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter for letter in text)
    return " ".join("".join(kept).split())[:max_length].rstrip()
