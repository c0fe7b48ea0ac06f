"""Public datasets that are not bundled: address, licence, checksum and a resumable download.

A download is written to a `.part` file and renamed after the check. The next call resumes an interrupted download.
pooch is not used because it does not resume and needs a known hash.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from emomusic.assets import downloads_dir, find_datasets, sha256_of, writing_advice
from emomusic.errors import AssetError

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], object]
"""Called with the bytes received and the total, which is None if the server does not send it."""

TIMEOUT_S = 10.0
"""Timeout for the connection, for each read, and for another download of the same file."""

MAX_BYTES = 100 * 2**20
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

    Raises:
        AssetError: no dataset has this name.
    """
    download = _known(name)
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
        AssetError: the name is unknown, the network or the server fails, another download runs too long, the response
            is not the dataset, or the file cannot be written. No incomplete file is left under the final name.
    """
    from filelock import FileLock, Timeout

    download = _known(name)
    if (path := _valid_copy(download)) is not None:
        return path
    target = downloads_dir() / download.path
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock"), timeout=timeout_s):
            if (path := _valid_copy(download)) is not None:  # another thread or process has downloaded it
                return path
            _fetch(download, part, progress or (lambda _done, _total: None), timeout_s)
            if problem := _problem(part, download):
                part.unlink()
                raise AssetError(f"{name}: {problem}, from {download.address}. The file was deleted. Try again later")
            part.replace(target)
    except Timeout as error:
        raise AssetError(f"another download of {name} is running. Try again when it has ended") from error
    except OSError as error:  # _fetch converts the errors of requests
        raise AssetError(
            f"expected to write {target}. Received: {error.strerror or error}. {writing_advice()}"
        ) from error
    return target


def _valid_copy(download: Download) -> Path | None:
    copies = find_datasets(download.path)
    return next((path for path in copies if path.is_file() and _problem(path, download) is None), None)


def _known(name: str) -> Download:
    if name not in DOWNLOADS:
        raise AssetError(f"expected one of the datasets {', '.join(DOWNLOADS)}. Received: {name!r}")
    return DOWNLOADS[name]


def _fetch(download: Download, part: Path, progress: Progress, timeout_s: float) -> None:
    """Download into the `.part` file, and resume after the bytes that it holds."""
    import requests

    start = part.stat().st_size if part.exists() else 0
    # With compression, ranges and lengths would count compressed bytes
    headers = {"Accept-Encoding": "identity", "User-Agent": "emomusic"} | (
        {"Range": f"bytes={start}-"} if start else {}
    )
    started = False
    try:
        with requests.get(download.address, headers=headers, stream=True, timeout=timeout_s) as response:
            if response.status_code == 416 and start:  # the file holds all bytes, or belongs to another file
                if _problem(part, download) is not None:
                    part.unlink()
                    _fetch(download, part, progress, timeout_s)
                return
            if response.status_code not in (200, 206):
                raise AssetError(
                    f"{download.name}: expected the dataset at {download.address}. "
                    f"Received: HTTP {response.status_code} {response.reason}. Try again later"
                )
            done = start if response.status_code == 206 and _continues(response, start) else 0
            total = _total_bytes(response, done)
            if total is not None and total > MAX_BYTES:
                raise AssetError(f"{download.name}: expected at most {MAX_BYTES} bytes. Received: {total}")
            with part.open("ab" if done else "wb") as file:
                progress(done, total)
                started = True
                for chunk in response.iter_content(_CHUNK_BYTES):
                    done += file.write(chunk)
                    if done > MAX_BYTES:
                        break
                    progress(done, total)
            if done > MAX_BYTES:
                part.unlink()
                raise AssetError(f"{download.name}: expected at most {MAX_BYTES} bytes. Received: more")
    except requests.RequestException as error:
        num_kept = part.stat().st_size if part.exists() else 0
        kept = f"{num_kept} bytes are kept in {part.name}: try again to resume" if num_kept else "Nothing was written"
        raise AssetError(
            f"{download.name}: expected a response from {download.address}. Received: {_reason(error, started)}. "
            f"Check the network connection. {kept}"
        ) from error


def _continues(response: requests.Response, start: int) -> bool:
    """Whether a partial response begins at the requested byte."""
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _total_bytes(response: requests.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _reason(error: requests.RequestException, started: bool) -> str:
    """Short cause; the messages of requests name pools and objects."""
    import requests

    if started:
        return "an incomplete response"
    if isinstance(error, requests.Timeout):
        return "a timeout"
    if isinstance(error, requests.exceptions.SSLError):
        return "an untrusted certificate"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _problem(path: Path, download: Download) -> str | None:
    """Difference between a file and the dataset, or None if they match."""
    if download.sha256 is not None:
        received = sha256_of(path)
        if received == download.sha256:
            return None
        return f"expected a file with SHA-256 {download.sha256}. Received: one with {received}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            lengths = [len(row) for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        return f"expected a CSV. Received: something else ({type(error).__name__})"
    if tuple(header[: len(download.columns)]) != download.columns:
        received = ", ".join(header)[:80] or "nothing"
        return f"expected the columns {', '.join(download.columns)}. Received: {received}"
    num_rows = lengths.count(len(header))  # without a truncated row
    if num_rows != download.num_rows or num_rows != len(lengths):
        return f"expected {download.num_rows} rows of {len(header)} cells. Received: {num_rows} of {len(lengths)} rows"
    return None
