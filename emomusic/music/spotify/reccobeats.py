"""Audio features by Spotify id from ReccoBeats, an optional service without credentials."""

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

_RECCOBEATS_BATCH = 40  # ids per request; the service ignores more
_CACHE_SIZE = 2000  # tracks, several hundred kB


class ReccoBeats:
    """Client with a cache, thread-safe."""

    def __init__(self, *, api_url: str = RECCOBEATS_URL, timeout_s: float = TIMEOUT_S) -> None:
        self._api_url = api_url
        self._service = WebService("ReccoBeats", timeout_s=timeout_s)
        self._known = _Cache(_CACHE_SIZE)

    def features(self, track_ids: Iterable[str]) -> dict[str, Mapping[str, float]]:
        """Nine features of each known track by id; unknown tracks are absent.

        Raises:
            SpotifyError: an id is invalid, or the service fails.
        """
        requested = list(dict.fromkeys(checked_track_id(track_id) for track_id in track_ids))
        found = {track_id: self._known.get(track_id) for track_id in requested if track_id in self._known}
        uncached = [track_id for track_id in requested if track_id not in found]
        for start in range(0, len(uncached), _RECCOBEATS_BATCH):
            batch = uncached[start : start + _RECCOBEATS_BATCH]
            answer = self._request(batch)
            for track_id in batch:
                found[track_id] = answer.get(track_id)
                self._known.put(track_id, found[track_id])
        return {track_id: features for track_id in requested if (features := found[track_id]) is not None}

    def _request(self, track_ids: list[str]) -> dict[str, Mapping[str, float]]:
        answer = self._service.get_json(self._api_url, {"ids": ",".join(track_ids)})
        if answer is None:
            return {}
        entries = answer.get("content") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise self._service.failed(ValueError("no content"))
        found = {}
        for entry in entries:
            if not isinstance(entry, dict):
                raise self._service.failed(ValueError("an entry is not an object"))
            # `id` is an id of ReccoBeats; `href` ends with the Spotify id
            track_id = str(entry.get("href", "")).rstrip("/").rpartition("/")[2]
            if (features := _features_in(entry)) is not None:
                found[track_id] = features
        return found


def _features_in(entry: Mapping[str, Any]) -> Mapping[str, float] | None:
    """Nine features by our names, or None if one is absent or invalid."""
    values = {feature.name: entry.get(feature.source_name) for feature in FEATURES.values()}
    for name, value in values.items():
        if not isinstance(value, int | float) or not FEATURES[name].low <= value <= FEATURES[name].high:
            return None
    return MappingProxyType({name: float(value) for name, value in values.items() if value is not None})


class _Cache:
    """Thread-safe LRU cache."""

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
