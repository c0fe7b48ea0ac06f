"""What a service other than Spotify's Web API knows of a track by its id: features (ReccoBeats).

It needs no credentials, and is asked only where the app is told to.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from emomusic.music.features import FEATURES
from emomusic.music.spotify.embeds import checked_track_id
from emomusic.music.spotify.web_service import TIMEOUT_S, WebService

RECCOBEATS_URL = "https://api.reccobeats.com/v1/audio-features"

_RECCOBEATS_BATCH = 40  # ids a request: it leaves out what comes after them
_CACHE_SIZE = 2000  # answers kept in memory: some hundred kB


class ReccoBeats:
    """Audio features by Spotify's ids. What it answered is remembered; threads may share it."""

    def __init__(self, *, api_url: str = RECCOBEATS_URL, timeout_s: float = TIMEOUT_S) -> None:
        self._api_url = api_url
        self._service = WebService("ReccoBeats", timeout_s=timeout_s)
        self._known = _Cache(_CACHE_SIZE)

    def features(self, track_ids: Iterable[str]) -> dict[str, Mapping[str, float]]:
        """The nine features of each track it knows, by our names; tracks it does not know are left out.

        Raises:
            SpotifyError: an id is none, or the service fails; the message is one sentence.
        """
        wanted = list(dict.fromkeys(checked_track_id(track_id) for track_id in track_ids))
        found = {track_id: self._known.get(track_id) for track_id in wanted if track_id in self._known}
        unasked = [track_id for track_id in wanted if track_id not in found]
        for start in range(0, len(unasked), _RECCOBEATS_BATCH):
            batch = unasked[start : start + _RECCOBEATS_BATCH]
            answer = self._ask(batch)
            for track_id in batch:
                found[track_id] = answer.get(track_id)
                self._known.put(track_id, found[track_id])
        return {track_id: features for track_id in wanted if (features := found[track_id]) is not None}

    def _ask(self, track_ids: list[str]) -> dict[str, Mapping[str, float]]:
        answer = self._service.get_json(self._api_url, {"ids": ",".join(track_ids)})
        if answer is None:
            return {}
        entries = answer.get("content") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise self._service.failed(ValueError("no content"))
        found = {}
        for entry in entries:
            if not isinstance(entry, dict):
                raise self._service.failed(ValueError("an entry is no object"))
            # Its own id is another one; Spotify's ends the address
            track_id = str(entry.get("href", "")).rstrip("/").rpartition("/")[2]
            if (features := _features_in(entry)) is not None:
                found[track_id] = features
        return found


def _features_in(entry: Mapping[str, Any]) -> Mapping[str, float] | None:
    """The nine features by our names; None where one is absent or cannot be true."""
    values = {feature.name: entry.get(feature.source_name) for feature in FEATURES.values()}
    for name, value in values.items():
        if not isinstance(value, int | float) or not FEATURES[name].low <= value <= FEATURES[name].high:
            return None
    return MappingProxyType({name: float(value) for name, value in values.items() if value is not None})


class _Cache:
    """The latest answers; the one longest unused makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, Mapping[str, float] | None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> Mapping[str, float] | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: str, value: Mapping[str, float] | None) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
