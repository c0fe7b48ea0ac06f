"""HTTP client with limits on time and size; every failure becomes a short message.

The timeout covers the complete response, also from a slow server. There are no retries. Retry-After is respected.
"""

from __future__ import annotations

import io
import logging
import math
import threading
import time
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from emomusic.errors import SpotifyError

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 5.0
"""Timeout of a request in seconds, without DNS."""

MAX_ANSWER_BYTES = 2 * 2**20
"""Limit of a response; a page of search results has about 50 kB."""

# Shares of the timeout. Reading stops if less time is left than one more read could take.
_CONNECT_SHARE = 0.4
_READ_SHARE = 0.5

_LONGEST_PAUSE_S = 86_400.0

INVALID_RESPONSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Errors of code that reads an invalid response without checks, as spotipy does."""


class WebService:
    """Client of one service, thread-safe.

    Attributes:
        name: name in messages.
        timeout_s: timeout of a request, in seconds.
    """

    def __init__(self, name: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._session: requests.Session | None = None
        self._lock = threading.Lock()
        self._paused_until = 0.0  # on the monotonic clock

    def get_json(self, address: str, parameters: Mapping[str, str]) -> Any:
        """JSON response to a GET request, None for status 404.

        Raises:
            SpotifyError: a timeout, an invalid response or an error status.
        """
        import requests

        self.respect_pause()
        try:
            response = self.session().get(address, params=dict(parameters), headers={"Accept": "application/json"})
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                raise self.refused(response.status_code, response.headers)
            answer = response.json()
        except (requests.RequestException, ValueError, RecursionError) as error:  # the last two: invalid JSON
            raise self.failed(error) from error
        if answer is None:
            raise self.failed(ValueError("null"))
        return answer

    def session(self) -> requests.Session:
        """Session with limits on time and size."""
        with self._lock:
            if self._session is None:
                self._session = _bounded_session(self.timeout_s)
            return self._session

    def new_session(self) -> requests.Session:
        """Another session with the same limits. Sessions keep cookies, so each visitor needs a separate one."""
        return _bounded_session(self.timeout_s)

    def respect_pause(self) -> None:
        """Check that no pause from Retry-After is active.

        Raises:
            SpotifyError: a pause is active.
        """
        left_s = self._paused_until - time.monotonic()
        if left_s > 0:
            raise SpotifyError(self._pause_message(left_s))

    def refused(self, status: int, headers: Mapping[str, str]) -> SpotifyError:
        """Error for an HTTP status. Records the pause of a 429 response."""
        if status == 429:
            pause_s = _seconds(headers.get("Retry-After"))
            if pause_s is None:
                return SpotifyError(f"Too many requests to {self.name}. Try again later.")
            self._paused_until = time.monotonic() + pause_s
            return SpotifyError(self._pause_message(pause_s))
        if status >= 500:
            return SpotifyError(f"{self.name} has an internal error (HTTP {status}). Try again later.")
        return SpotifyError(f"{self.name} refused the request (HTTP {status}). Try again later.")

    def failed(self, error: Exception) -> SpotifyError:
        """Error for a request without a valid response."""
        import requests

        if isinstance(error, requests.Timeout):
            return SpotifyError(f"{self.name} did not answer within {self.timeout_s:g} s. Try again later.")
        if isinstance(error, requests.ConnectionError):
            return SpotifyError(f"{self.name} cannot be reached. Check the network connection.")
        return SpotifyError(f"{self.name} sent an invalid response. Try again later.")

    def _pause_message(self, pause_s: float) -> str:
        wait = f"{math.ceil(pause_s)} s" if pause_s <= 120 else f"{math.ceil(pause_s / 60)} minutes"
        return f"Too many requests to {self.name}. Try again in {wait}."


def quiet_spotipy() -> ModuleType:
    """The package spotipy without its logs, which contain search texts and, at level DEBUG, tokens."""
    import spotipy

    logging.getLogger("spotipy").setLevel(logging.CRITICAL)
    return cast("ModuleType", spotipy)


def error_response(error: BaseException | None) -> requests.Response | None:
    """Response with an error status behind an exception of spotipy, which does not always report the status."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None and response.status_code >= 400:
            return cast("requests.Response", response)
        error = error.__context__
    return None


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; these services do not send dates."""
    text = (retry_after or "").strip()
    return min(float(text), _LONGEST_PAUSE_S) if text.isascii() and text.isdecimal() else None


def _bounded_session(timeout_s: float) -> requests.Session:
    import requests
    import urllib3

    class BoundedSession(requests.Session):
        """Session that reads complete responses within the limits and follows no redirects."""

        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            started = time.monotonic()
            options |= {
                "stream": True,
                "allow_redirects": False,
                "timeout": (_CONNECT_SHARE * timeout_s, _READ_SHARE * timeout_s),
            }
            response = super().send(request, **options)
            body = bytearray()
            try:
                while piece := response.raw.read1(64 * 1024, decode_content=True):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise requests.exceptions.InvalidJSONError("the response is too large")
                    if time.monotonic() - started > (1 - _READ_SHARE) * timeout_s:
                        raise requests.ReadTimeout("the response is too slow")
            except urllib3.exceptions.ReadTimeoutError as error:
                raise requests.ReadTimeout(str(error)) from error
            except urllib3.exceptions.HTTPError as error:  # truncated, or invalid compression
                raise requests.exceptions.ChunkedEncodingError(str(error)) from error
            finally:
                response.raw.close()
            # requests reads the body from `raw`
            response.raw = urllib3.HTTPResponse(body=io.BytesIO(bytes(body)), preload_content=False)
            return response

    return BoundedSession()
