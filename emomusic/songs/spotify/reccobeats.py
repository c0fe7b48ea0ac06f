"""ReccoBeats, an optional service without credentials that gives audio features; and the failures of all services."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from emomusic.errors import SpotifyError
from emomusic.songs.features import FEATURES

if TYPE_CHECKING:
    import requests

RECCOBEATS_URL = "https://api.reccobeats.com/v1/audio-features"
TIMEOUT_S = 5.0
"""Timeout of the connection and of each read, in seconds."""


def quiet_spotipy() -> ModuleType:
    """The package spotipy without its logs, which contain search texts and, at level DEBUG, tokens."""
    import spotipy

    logging.getLogger("spotipy").setLevel(logging.CRITICAL)
    return cast("ModuleType", spotipy)


@contextmanager
def translated(service: str, refusals: Mapping[int, SpotifyError]) -> Iterator[None]:
    """Run requests, and code that reads their responses without checks, as spotipy does.

    Args:
        service: name in messages.
        refusals: errors for some HTTP statuses, instead of the general ones.

    Raises:
        SpotifyError: for every failure.
    """
    try:
        yield
    except Exception as error:
        response = _response_of(error)
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


def _response_of(error: BaseException | None) -> requests.Response | None:
    """Response with an error status behind an exception. Those of spotipy do not always have the status."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None and response.status_code >= 400:
            return cast("requests.Response", response)
        error = error.__context__
    return None


def _pause(retry_after: str) -> str:
    """When to try again, from the Retry-After header; these services do not send dates."""
    if not (retry_after.isascii() and retry_after.isdecimal()):
        return "later"
    pause_s = int(retry_after[:9])
    return f"in {pause_s} s" if pause_s <= 120 else f"in {math.ceil(pause_s / 60)} minutes"


class ReccoBeats:
    """Client of the service, thread-safe."""

    def __init__(self, *, api_url: str = RECCOBEATS_URL, timeout_s: float = TIMEOUT_S) -> None:
        self._api_url = api_url
        self._timeout_s = timeout_s

    def features(self, track_ids: Sequence[str]) -> dict[str, Mapping[str, float]]:
        """Nine features of each known track by id; unknown tracks are absent.

        Args:
            track_ids: at most 40; the service ignores more.

        Raises:
            SpotifyError: the service fails.
        """
        import requests

        with translated("ReccoBeats", {}):
            response = requests.get(self._api_url, params={"ids": ",".join(track_ids)}, timeout=self._timeout_s)
            if response.status_code == 404:
                return {}
            response.raise_for_status()
            # `id` is an id of ReccoBeats; `href` ends with the Spotify id
            entries = {str(entry["href"]).rpartition("/")[2]: entry for entry in response.json()["content"]}
            found = {track_id: _features_in(entries[track_id]) for track_id in track_ids if track_id in entries}
        return {track_id: features for track_id, features in found.items() if features is not None}


def _features_in(entry: Mapping[str, Any]) -> Mapping[str, float] | None:
    """Nine features by our names, or None if one is absent or invalid."""
    values = {feature.name: entry.get(feature.source_name) for feature in FEATURES.values()}
    for name, value in values.items():
        if not isinstance(value, int | float) or not FEATURES[name].low <= value <= FEATURES[name].high:
            return None
    return MappingProxyType({name: float(value) for name, value in values.items() if value is not None})
