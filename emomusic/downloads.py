"""Public datasets that are not bundled: address, licence, checksum and download."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emomusic import assets
from emomusic.assets import Asset, described, downloads_dir, find_datasets, sha256_of, written_whole
from emomusic.errors import AssetError, SettingsError

TIMEOUT_S = 10.0
"""Timeout for the connection and for each read."""

_PIECE = 2**16  # bytes


@dataclass(frozen=True, slots=True)
class Download(Asset):
    """A dataset that can be downloaded. Its path is relative to `downloads_dir()` or `$EMOMUSIC_DATA`."""

    address: str
    sha256: str


DOWNLOADS: Mapping[str, Download] = {name: Download(name, **facts) for name, facts in described("downloads").items()}


def find_download(name: str) -> Path | None:
    """Path of the dataset in `$EMOMUSIC_DATA` or `downloads_dir()`, or None. Damaged copies do not count."""
    for path in find_datasets(DOWNLOADS[name].path):
        with contextlib.suppress(AssetError):  # a folder, or no permission
            if sha256_of(path) == DOWNLOADS[name].sha256:
                return path
    return None


def ensure(name: str) -> Path:
    """Path of a dataset, downloaded if there is no intact copy.

    Raises:
        AssetError: the network or the server fails, or the response is not the dataset.
        SettingsError: the file cannot be written. No incomplete file is left.
    """
    if (path := find_download(name)) is not None:
        return path
    import requests

    download = DOWNLOADS[name]
    try:
        with requests.get(download.address, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            data = bytearray()
            for piece in response.iter_content(_PIECE):  # of any size, if the server sends chunks
                data += piece
                if len(data) > download.bytes:  # enough to refuse it
                    break
    except requests.RequestException as error:  # its messages name pools and objects
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise AssetError(
            f"{name}: expected a dataset at {download.address}. Received: {reason}. "
            "Check the network connection, or try again later"
        ) from error
    if (received := hashlib.sha256(data).hexdigest()) != download.sha256:
        raise AssetError(
            f"{name}: expected a file with SHA-256 {download.sha256} from {download.address}. Received: one with "
            f"{received}. Nothing was written. Try again later"
        )
    target = downloads_dir() / download.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(target) as part:
            part.write_bytes(data)
    except OSError as error:
        advice = "Set EMOMUSIC_DATA to a folder that you may write into"
        raise SettingsError(
            f"expected to write {download.path}. Received: {error.strerror}. "
            f"{advice if assets.IS_WHEEL else 'Make the folder writable'}"
        ) from error
    return target
