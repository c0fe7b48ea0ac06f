"""Asking a service on the web without ever waiting long: every failure becomes one sentence for a person.

A request ends within its time limit even where the server sends a byte of its answer's body now and then; an answer has
a largest size; nothing is asked twice; and who asks for a pause gets it.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emomusic.errors import SpotifyError

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 5.0
"""How long one request may take, in seconds, looking up the name apart."""

MAX_ANSWER_BYTES = 2 * 2**20
"""A page of search results has about 50 kB."""

# Shares of the time limit. Reading stops when what is left is less than one more wait for bytes could take.
_CONNECT_SHARE = 0.4
_READ_SHARE = 0.5

_LONGEST_PAUSE_S = 86_400.0


class WebService:
    """One service: how to reach it, and whether it has asked for a pause. Threads may share it.

    Attributes:
        name: what to call it in messages.
        timeout_s: how long one request may take, in seconds.
    """

    def __init__(self, name: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._session: requests.Session | None = None
        self._lock = threading.Lock()
        self._paused_until = 0.0  # on the monotonic clock

    def get_json(self, address: str, parameters: Mapping[str, str]) -> Any:
        """What the service answers to a GET; None for 404, "no such thing".

        Raises:
            SpotifyError: there is no answer in time, none that can be read, or a refusal.
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
        except (requests.RequestException, ValueError, RecursionError) as error:  # the latter two of what is no JSON
            raise self.failed(error) from error
        if answer is None:
            raise self.failed(ValueError("null"))
        return answer

    def session(self) -> requests.Session:
        """The connections to the service, bounded in time and size."""
        with self._lock:
            if self._session is None:
                self._session = _bounded_session(self.timeout_s)
            return self._session

    def respect_pause(self) -> None:
        """Refuse to ask while the service wants to be left alone.

        Raises:
            SpotifyError: it asked for a pause that is not over.
        """
        left_s = self._paused_until - time.monotonic()
        if left_s > 0:
            raise SpotifyError(self._pause_sentence(left_s))

    def refused(self, status: int, headers: Mapping[str, str]) -> SpotifyError:
        """The error for an HTTP status, in a sentence; a wish for a pause is remembered."""
        if status == 429:
            pause_s = _seconds(headers.get("Retry-After"))
            if pause_s is None:
                return SpotifyError(f"{self.name} was asked too often: try again in a while.")
            self._paused_until = time.monotonic() + pause_s
            return SpotifyError(self._pause_sentence(pause_s))
        if status >= 500:
            return SpotifyError(f"{self.name} has a fault of its own (HTTP {status}): try again later.")
        return SpotifyError(f"{self.name} refused to answer (HTTP {status}): try again later.")

    def failed(self, error: Exception) -> SpotifyError:
        """The error for a request that brought no answer, or none that can be read, in a sentence."""
        import requests

        if isinstance(error, requests.Timeout):
            return SpotifyError(f"{self.name} did not answer within {self.timeout_s:g} s: try again in a while.")
        if isinstance(error, requests.ConnectionError):
            return SpotifyError(f"{self.name} could not be reached: is this machine online?")
        return SpotifyError(f"{self.name} sent an answer that cannot be read: try again later.")

    def _pause_sentence(self, pause_s: float) -> str:
        wait = f"{math.ceil(pause_s)} s" if pause_s <= 120 else f"{math.ceil(pause_s / 60)} minutes"
        return f"{self.name} was asked too often: try again in {wait}."


def _seconds(retry_after: str | None) -> float | None:
    """The header in seconds; its other form, a date, is not used by these services."""
    text = (retry_after or "").strip()
    return min(float(text), _LONGEST_PAUSE_S) if text.isascii() and text.isdecimal() else None


def _bounded_session(timeout_s: float) -> requests.Session:
    import requests
    import urllib3

    class BoundedSession(requests.Session):
        """Reads every answer at once, within the limits, and follows nobody elsewhere."""

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
                        raise requests.exceptions.InvalidJSONError("the answer is too large")
                    if time.monotonic() - started > (1 - _READ_SHARE) * timeout_s:
                        raise requests.ReadTimeout("the answer comes too slowly")
            except urllib3.exceptions.ReadTimeoutError as error:
                raise requests.ReadTimeout(str(error)) from error
            except urllib3.exceptions.HTTPError as error:  # cut off, or badly compressed
                raise requests.exceptions.ChunkedEncodingError(str(error)) from error
            finally:
                response.raw.close()
            # requests takes the body from here when it is asked for it
            response.raw = urllib3.HTTPResponse(body=io.BytesIO(bytes(body)), preload_content=False)
            return response

    return BoundedSession()
