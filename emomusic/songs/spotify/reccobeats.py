"""Audio features by Spotify id from ReccoBeats, an optional service without credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from emomusic.songs.features import FEATURES
from emomusic.songs.spotify.failures import TIMEOUT_S, translated

RECCOBEATS_URL = "https://api.reccobeats.com/v1/audio-features"


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
