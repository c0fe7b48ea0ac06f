"""Public datasets that are not bundled: address, licence, checksum and download."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from emomusic import assets
from emomusic.assets import downloads_dir, find_datasets, sha256_of, written_whole
from emomusic.errors import AssetError, SettingsError

TIMEOUT_S = 10.0
"""Timeout for the connection and for each read."""


@dataclass(frozen=True, slots=True)
class Download:
    """A dataset that can be downloaded.

    Attributes:
        name: argument of `data get`.
        address: public URL.
        path: relative to `downloads_dir()` or `$EMOMUSIC_DATA`.
        licence: licence as text.
        source: content and publisher as text.
        sha256: checksum of the file.
        num_bytes: size.
    """

    name: str
    address: str
    path: str
    licence: str
    source: str
    sha256: str
    num_bytes: int


DOWNLOADS: Mapping[str, Download] = MappingProxyType(
    {
        "moods": Download(
            name="moods",
            address=(
                "https://raw.githubusercontent.com/cristobalvch/Spotify-Machine-Learning/"
                "6d952aa707f67991dc9295c80980ba6311931952/data/data_moods.csv"
            ),
            path="music/data_moods.csv",
            licence="none stated, for personal use only",
            source="686 songs with mood labels, github.com/cristobalvch/Spotify-Machine-Learning",
            sha256="84a74565cfb41385aef2896a8ed6b0b41ec7ff83e7332749db136a1de3133117",
            num_bytes=118_089,
        )
    }
)


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
    download = DOWNLOADS[name]
    data = _fetch(download)
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


def _fetch(download: Download) -> bytes:
    """The response, of which a byte more than the dataset is enough to refuse it."""
    import requests

    try:
        with requests.get(download.address, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            return bytes(next(response.iter_content(download.num_bytes + 1), b""))
    except requests.RequestException as error:  # its messages name pools and objects
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise AssetError(
            f"{download.name}: expected a dataset at {download.address}. Received: {reason}. "
            "Check the network connection, or try again later"
        ) from error
