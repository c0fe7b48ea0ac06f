"""Public datasets that are not bundled: address, licence, checksum and download."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from emomusic.assets import downloads_dir, find_datasets, writing_advice
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
        sha256: checksum of the file, None if unknown.
        columns: first columns of the header, checked if `sha256` is None.
        num_rows: rows below the header, checked if `sha256` is None.
        num_bytes: approximate size.
    """

    name: str
    address: str
    path: str
    licence: str
    source: str
    sha256: str | None
    columns: tuple[str, ...]
    num_rows: int
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
        columns=("name", "album", "artist", "id"),
        num_rows=686,
        num_bytes=118_089,
    ),
    Download(
        name="tidytuesday",
        address="https://raw.githubusercontent.com/rfordatascience/tidytuesday/main/data/2020/2020-01-21/spotify_songs.csv",
        path="music/spotify_songs.csv",
        licence="open for the collection (see its LICENSE), song data by Spotify",
        source="32,833 songs from playlists, TidyTuesday 2020-01-21, github.com/rfordatascience/tidytuesday",
        sha256=None,  # only a conversion of the file was available; columns and rows are checked instead
        columns=("track_id", "track_name", "track_artist", "track_popularity"),
        num_rows=32_833,
        num_bytes=8_000_000,
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
    if problem := _problem(data, download):
        raise AssetError(f"{name}: {problem}, from {download.address}. Nothing was written. Try again later")
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
        with contextlib.suppress(OSError):  # a folder, or no permission
            if _problem(path.read_bytes(), download) is None:
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


def _problem(data: bytes, download: Download) -> str | None:
    """Difference between a file and the dataset, or None if they match."""
    if download.sha256 is not None:
        received = hashlib.sha256(data).hexdigest()
        is_same = received == download.sha256
        return None if is_same else f"expected a file with SHA-256 {download.sha256}. Received: one with {received}"
    try:
        header, *rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) or [[]]
    except (ValueError, csv.Error) as error:
        return f"expected a CSV. Received: something else ({type(error).__name__})"
    if tuple(header[: len(download.columns)]) != download.columns:
        received = ", ".join(header)[:80] or "nothing"
        return f"expected the columns {', '.join(download.columns)}. Received: {received}"
    num_rows = sum(len(row) == len(header) for row in rows)  # without a truncated row
    if num_rows != download.num_rows or num_rows != len(rows):
        return f"expected {download.num_rows} rows of {len(header)} cells. Received: {num_rows} of {len(rows)} rows"
    return None
