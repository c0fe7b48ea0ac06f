"""The timeout of requests to Spotify and ReccoBeats, and the translation of every failure into a short message."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emomusic.errors import SpotifyError

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 5.0
"""Timeout of the connection and of each read, in seconds."""


@contextmanager
def translated(service: str, refusals: Mapping[int, SpotifyError]) -> Iterator[None]:
    """Run requests, and code that reads their responses without checks.

    Args:
        service: name in messages.
        refusals: errors for some HTTP statuses, instead of the general ones.

    Raises:
        SpotifyError: for every failure.
    """
    try:
        yield
    except Exception as error:
        response: requests.Response | None = getattr(error, "response", None)
        if response is not None and response.status_code in refusals:
            raise refusals[response.status_code] from error
        raise SpotifyError(_message(error, response, service)) from error


def _message(error: Exception, response: requests.Response | None, service: str) -> str:
    import requests

    if response is None:
        if isinstance(error, requests.Timeout):
            return f"{service} did not answer in time. Try again later."
        if isinstance(error, requests.ConnectionError):
            return f"{service} cannot be reached. Check the network connection."
        return f"{service} sent an invalid response. Try again later."
    status = response.status_code
    if status == 429:
        return f"Too many requests to {service}. Try again {_pause(response.headers.get('Retry-After', ''))}."
    if status >= 500:
        return f"{service} has an internal error (HTTP {status}). Try again later."
    return f"{service} refused the request (HTTP {status}). Try again later."


def _pause(retry_after: str) -> str:
    """When to try again, from the Retry-After header; these services do not send dates."""
    if not (retry_after.isascii() and retry_after.isdecimal()):
        return "later"
    pause_s = int(retry_after[:9])
    return f"in {pause_s} s" if pause_s <= 120 else f"in {math.ceil(pause_s / 60)} minutes"
