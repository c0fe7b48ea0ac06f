"""Datasets that do not ship and are downloaded on the user's wish: where from, under which licence, and whether whole.

A file arrives under a temporary name beside its place and is moved there once it is checked: what stands in its place
is whole. A download that is cut off leaves the temporary file, and the next call goes on from there.
"""

from __future__ import annotations

import contextlib
import csv
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from emomusic.assets import downloads_dir, find_datasets, sha256_of, writing_advice
from emomusic.errors import AssetError

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], object]
"""Told the bytes that have arrived, and how many there are in all, or None where the server does not say."""

TIMEOUT_S = 10.0
"""How long to wait for a connection, and for the next bytes."""

MAX_BYTES = 100 * 2**20
"""More than this is no dataset of ours: the disk is spared."""

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """A dataset that can be downloaded.

    Attributes:
        name: what `data get` calls it.
        address: where it is public.
        path: where it is put, below `downloads_dir()`; looked for below `$EMOMUSIC_DATA` too.
        licence: under which it is published, in words.
        source: whose it is.
        sha256: of the file; None where it is not known.
        columns: the first columns of its header, checked where the sum is not known.
        num_rows: rows below the header, checked likewise.
        num_bytes: its size, about.
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
        licence="none stated: for your own use",
        source="686 songs labelled with their mood, github.com/cristobalvch/Spotify-Machine-Learning",
        sha256="84a74565cfb41385aef2896a8ed6b0b41ec7ff83e7332749db136a1de3133117",
        columns=("name", "album", "artist", "id"),
        num_rows=686,
        num_bytes=118_089,
    ),
    Download(
        name="tidytuesday",
        address="https://raw.githubusercontent.com/rfordatascience/tidytuesday/main/data/2020/2020-01-21/spotify_songs.csv",
        path="music/spotify_songs.csv",
        licence="open for the collection, see its LICENSE; the songs' data are Spotify's",
        source="32,833 songs of playlists, TidyTuesday of 2020-01-21, github.com/rfordatascience/tidytuesday",
        # Not known: nobody here has had the file itself in hand, only a conversion of it. Columns and rows are checked
        # instead, which finds a cut or another file, but no changed number.
        sha256=None,
        columns=("track_id", "track_name", "track_artist", "track_popularity"),
        num_rows=32_833,
        num_bytes=8_000_000,
    ),
)

DOWNLOADS: Mapping[str, Download] = MappingProxyType({download.name: download for download in _DOWNLOADS})

_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)  # of folders: two sessions may ask at once


def find_download(name: str) -> Path | None:
    """Where the dataset is, in `$EMOMUSIC_DATA` or in `downloads_dir()`; None where it is in neither.

    Of two copies the first that is whole. A single one is not looked into: see `ensure`.

    Raises:
        AssetError: no dataset has this name.
    """
    download = _known(name)
    copies = find_datasets(download.path)
    if len(copies) < 2:
        return next(iter(copies), None)
    return _whole(download) or copies[0]


def ensure(name: str, progress: Progress | None = None, *, timeout_s: float = TIMEOUT_S) -> Path:
    """The path of a dataset, which is downloaded unless it is there already.

    Args:
        name: one of `DOWNLOADS`.
        progress: told now and then how far it is.
        timeout_s: how long to wait for a connection, and for the next bytes, in seconds.

    Raises:
        AssetError: no dataset has this name, the network or the server fails, what arrived is not the dataset, or it
            cannot be written. Nothing half-written stands in the file's place then.
    """
    download = _known(name)
    target = downloads_dir() / download.path
    part = target.with_name(f"{target.name}.part")
    with _locks[target.parent]:
        if (path := _whole(download)) is not None:
            return path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _alone_in(target.parent, timeout_s):
                if (path := _whole(download)) is not None:  # another process was quicker
                    return path
                _fetch(download, part, progress or (lambda _done, _total: None), timeout_s)
                if problem := _problem(part, download):
                    part.unlink()
                    raise AssetError(
                        f"{name}: {problem}, from {download.address}. It was not kept. "
                        "Try again; if it stays so, the address now holds another file"
                    )
                part.replace(target)
        except OSError as error:  # requests' own errors are caught in _fetch
            raise AssetError(
                f"expected to write {target}. Received: {error.strerror or error}. {writing_advice()}"
            ) from error
    return target


def _whole(download: Download) -> Path | None:
    """The first copy of the dataset that is whole."""
    copies = find_datasets(download.path)
    return next((path for path in copies if path.is_file() and _problem(path, download) is None), None)


@contextlib.contextmanager
def _alone_in(folder: Path, timeout_s: float) -> Iterator[None]:
    """Wait a while until no other process downloads into the folder: two would write into one temporary file.

    Where the system has no such locks, on Windows and some network disks, nothing is waited for.

    Raises:
        AssetError: the other takes longer.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            place = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, place)  # and with it the lock goes, also where the process is killed
            until = time.monotonic() + timeout_s
            while not _locked(place):
                if time.monotonic() > until:
                    raise AssetError(f"another program is downloading into {folder}. Try again when it has ended")
                time.sleep(0.1)
        yield


def _locked(place: int) -> bool:
    """Take the lock of an open folder, unless somebody has it."""
    import fcntl

    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _known(name: str) -> Download:
    if name not in DOWNLOADS:
        raise AssetError(f"expected one of the datasets {', '.join(DOWNLOADS)}. Received: {name!r}")
    return DOWNLOADS[name]


def _fetch(download: Download, part: Path, progress: Progress, timeout_s: float) -> None:
    """Bring the temporary file to its full length, from where it ends."""
    import requests

    start = part.stat().st_size if part.exists() else 0
    # Compressed on the way, ranges and lengths would be those of the compressed file
    headers = {"Accept-Encoding": "identity", "User-Agent": "emomusic"} | (
        {"Range": f"bytes={start}-"} if start else {}
    )
    begun = False
    try:
        with requests.get(download.address, headers=headers, stream=True, timeout=timeout_s) as response:
            if response.status_code == 416 and start:  # nothing comes after what is here: whole, or not ours
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
                begun = True
                for chunk in response.iter_content(_CHUNK_BYTES):
                    done += file.write(chunk)
                    if done > MAX_BYTES:
                        break
                    progress(done, total)
            if done > MAX_BYTES:
                part.unlink()
                raise AssetError(f"{download.name}: expected at most {MAX_BYTES} bytes. Received: more")
    except requests.RequestException as error:
        kept = part.stat().st_size if part.exists() else 0
        advice = f"{kept} bytes are kept in {part.name}: ask again to go on" if kept else "Nothing was written"
        raise AssetError(
            f"{download.name}: expected an answer from {download.address}. Received: {_reason(error, begun=begun)}. "
            f"Is this machine online? {advice}"
        ) from error


def _continues(response: requests.Response, start: int) -> bool:
    """Whether a partial answer begins where it was asked to."""
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _total_bytes(response: requests.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _reason(error: requests.RequestException, *, begun: bool) -> str:
    """What went wrong, in few words: the errors' own tell of pools and objects."""
    import requests

    if begun:
        return "a part of it, then nothing more"
    if isinstance(error, requests.Timeout):
        return "none in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "a certificate that cannot be trusted"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _problem(path: Path, download: Download) -> str | None:
    """What is wrong with a file that should be the dataset; None where nothing is."""
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
    num_rows = lengths.count(len(header))  # a cut row does not count
    if num_rows != download.num_rows or num_rows != len(lengths):
        return f"expected {download.num_rows} rows of {len(header)} cells. Received: {num_rows} of {len(lengths)} rows"
    return None
