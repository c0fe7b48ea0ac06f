"""Public datasets that are not bundled: address, licence, checksum and download."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from emomusic.assets import downloads_dir, find_datasets, sha256_of, writing_advice
from emomusic.errors import AssetError, SettingsError

Progress = Callable[[int, int | None], object]
"""Called with the bytes received and the total, which is None if the server does not send it."""

TIMEOUT_S = 10.0
"""Timeout for the connection and for each read."""

MAX_BYTES = 20 * 2**20
"""A larger response is refused."""

_CHUNK_BYTES = 64 * 1024


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


_DOWNLOADS = (
    Download(
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
    ),
)

DOWNLOADS: Mapping[str, Download] = MappingProxyType({download.name: download for download in _DOWNLOADS})


def find_download(name: str) -> Path | None:
    """Path of the dataset in `$EMOMUSIC_DATA` or `downloads_dir()`, or None.

    If there are two copies, the first valid one. A single copy is not checked; `ensure` checks it.
    """
    download = DOWNLOADS[name]
    copies = find_datasets(download.path)
    if len(copies) < 2:
        return next(iter(copies), None)
    return _valid_copy(download) or copies[0]


def ensure(name: str, progress: Progress | None = None, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Path of a dataset, downloaded if there is no valid copy.

    Args:
        name: one of `DOWNLOADS`.
        progress: called during the download.
        timeout_s: timeout in seconds, see `TIMEOUT_S`.

    Raises:
        AssetError: the network or the server fails, or the response is not the dataset.
        SettingsError: the file cannot be written. No incomplete file is left.
    """
    download = DOWNLOADS[name]
    if (path := _valid_copy(download)) is not None:
        return path
    data = _fetch(download, progress or (lambda _done, _total: None), timeout_s)
    if (received := hashlib.sha256(data).hexdigest()) != download.sha256:
        raise AssetError(
            f"{name}: expected a file with SHA-256 {download.sha256} from {download.address}. Received: one with "
            f"{received}. Nothing was written. Try again later"
        )
    target = downloads_dir() / download.path
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise SettingsError(
            f"expected to write {download.path}. Received: {error.strerror}. {writing_advice()}"
        ) from error
    return target


def _valid_copy(download: Download) -> Path | None:
    for path in find_datasets(download.path):
        with contextlib.suppress(AssetError):  # a folder, or no permission
            if sha256_of(path) == download.sha256:
                return path
    return None


def _fetch(download: Download, progress: Progress, timeout_s: float) -> bytes:
    import requests

    # With compression, the length would count compressed bytes
    headers = {"Accept-Encoding": "identity", "User-Agent": "emomusic"}
    data = bytearray()
    try:
        with requests.get(download.address, headers=headers, stream=True, timeout=timeout_s) as response:
            response.raise_for_status()
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            progress(0, total)
            for chunk in response.iter_content(_CHUNK_BYTES):
                data += chunk
                if len(data) > MAX_BYTES:
                    raise AssetError(f"{download.name}: expected at most {MAX_BYTES} bytes. Received: more")
                progress(len(data), total)
    except requests.RequestException as error:  # its messages name pools and objects
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise AssetError(
            f"{download.name}: expected a dataset at {download.address}. Received: {reason}. "
            "Check the network connection, or try again later"
        ) from error
    return bytes(data)
