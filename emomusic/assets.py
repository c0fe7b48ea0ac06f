"""Files with their licences and checksums: bundled ones, and public datasets that are downloaded.

A checkout has `data/` and `models/` next to the package. An installed wheel has fewer of their files in `bundle/`
(`hatch_build.py`). `SHA256SUMS` lists the checksum of every table, picture, song and set of weights, for
`sha256sum --check`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
import threading
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from functools import cache, wraps
from pathlib import Path
from tokenize import TokenError
from typing import Any, ParamSpec, TypeVar

from emomusic.errors import AssetError, EmomusicError, ModelError, SettingsError

_Options = ParamSpec("_Options")
_Loaded = TypeVar("_Loaded")

_BUNDLE = Path(__file__).resolve().parent / "bundle"

IS_WHEEL = _BUNDLE.is_dir()
"""Whether this is an installed wheel. Nothing writes into its folders."""

ROOT = _BUNDLE if IS_WHEEL else _BUNDLE.parents[1]
"""The folder of `data/`, `models/`, `SHA256SUMS` and `app.py`."""

SPEC, METRICS, HISTORY = "spec.json", "metrics.json", "history.csv"
PREDICTIONS, CARD = "predictions.npz", "CARD.md"
MODEL_FILES = (HISTORY, PREDICTIONS, METRICS, CARD, SPEC)
"""Files in the folder of a trained model, in the order of writing. Only face models have a history."""


class ModelKind(StrEnum):
    """The kind of a model, and the name of its folder."""

    FACE = "face"
    MUSIC = "music"
    SOUND = "sound"

    @property
    def examples(self) -> str:
        """The plural noun for its examples."""
        return "faces" if self is ModelKind.FACE else "songs"


def load_once(load: Callable[_Options, _Loaded]) -> Callable[_Options, _Loaded]:
    """Keep what a function loads from the files below `ROOT`, for the life of the process.

    Threads share one load. After an error, the next call loads again.
    """
    lock = threading.Lock()

    @cache
    def kept(_: Path, *arguments: _Options.args, **options: _Options.kwargs) -> _Loaded:
        return load(*arguments, **options)

    @wraps(load)
    def loaded(*arguments: _Options.args, **options: _Options.kwargs) -> _Loaded:
        with lock:
            return kept(ROOT, *arguments, **options)  # type: ignore[arg-type]  # they are hashable

    return loaded


def data_dir() -> Path:
    """The folder of bundled data: the catalogue, the sample pictures and the songs."""
    return ROOT / "data"


def models_dir() -> Path:
    """The folder of trained models: `face/<name>/` and `music/<name>/`."""
    return ROOT / "models"


def folder_of(kind: ModelKind, name: str) -> Path:
    """The folder of a trained model, which may not exist."""
    return models_dir() / kind / name


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read the `metrics.json` of a model. Raise a `ModelError` if it is absent or damaged."""
    try:
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"expected figures in {folder / METRICS}. Received: {error}") from error
    if not isinstance(metrics, dict):
        raise ModelError(f"expected an object in {folder / METRICS}. Received: {type(metrics).__name__}")
    return metrics


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, for writing it. Without an error, that file then replaces it.

    The name is of this call only, because two processes may write one file at once.
    """
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write JSON under a temporary name, then move it."""
    with written_whole(path) as part:
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def downloads_dir() -> Path:
    """The folder for downloaded datasets: `data/`; of a wheel, `$EMOMUSIC_DATA` or the user's data folder."""
    if not IS_WHEEL:
        return data_dir()
    from platformdirs import user_data_path

    return Path(os.environ.get("EMOMUSIC_DATA") or user_data_path("emomusic"))


def find_datasets(relative: str) -> list[Path]:
    """Existing copies of a dataset: in `$EMOMUSIC_DATA`, then in `downloads_dir()`."""
    chosen = os.environ.get("EMOMUSIC_DATA")
    places = [Path(chosen)] if chosen else []
    paths = [base / relative for base in (*places, downloads_dir())]
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110  no error without permission


def find_dataset(relative: str) -> Path | None:
    """The first of `find_datasets`, or None."""
    return next(iter(find_datasets(relative)), None)


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal. Raise an `AssetError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssetError(f"expected a readable file. Received: {path} ({error.strerror})") from error


DAMAGED_ARRAYS = (OSError, ValueError, KeyError, EOFError, RuntimeError, TokenError, zipfile.BadZipFile, zlib.error)
"""Errors from reading an absent or damaged NumPy archive. NumPy documents only the first two."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A bundled folder: its name for people, its path below `ROOT`, and its size, which is 0 if it is absent."""

    name: str
    path: str
    licence: str
    source: str
    bytes: int


_WEIGHTS_LICENCE = "MIT, as far as the rights in the training data allow"


def described(kind: str) -> dict[str, Any]:
    """The tables "bundled" or "downloads" of `assets.toml`, by name."""
    tables: dict[str, Any] = tomllib.loads(Path(__file__).with_name("assets.toml").read_text(encoding="utf-8"))[kind]
    return tables


def list_assets() -> list[Asset]:
    """List the bundled data, the detector, the identity network, the start weights and the trained models.

    A wheel has no start weights.
    """
    known = described("bundled")
    trained_on = {
        ModelKind.FACE: "FER2013",
        ModelKind.MUSIC: "data_moods.csv",
        ModelKind.SOUND: "the 4Q audio emotion dataset, with musicnn 0.1.0 (ISC)",
    }
    for kind, data in trained_on.items():
        # The folder of a model that is being trained has no files yet
        for name in sorted({path.parent.name for path in (models_dir() / kind).glob("*/*") if path.is_file()}):
            values = {"path": f"models/{kind}/{name}", "licence": _WEIGHTS_LICENCE}
            known[f"{kind} model {name}"] = values | {"source": f"trained by this project on {data}"}
    return [
        Asset(name, **facts, bytes=sum(f.stat().st_size for f in (ROOT / facts["path"]).rglob("*") if f.is_file()))
        for name, facts in known.items()
        if not IS_WHEEL or (ROOT / facts["path"]).is_dir()
    ]


_WITH_CHECKSUM = (".parquet", ".jpg", ".mp3", ".opus", ".mp4", ".keras", ".onnx", ".skops", ".npz")


def shipped_files() -> Iterator[Path]:
    """Yield every bundled file with a checksum. Text files have none."""
    for asset in list_assets():
        for path in sorted((ROOT / asset.path).rglob("*")):
            if path.is_file() and path.suffix in _WITH_CHECKSUM:
                yield path


def check_assets() -> list[tuple[Asset, str | None]]:
    """Each asset with a sentence about its damaged, absent and unknown files; None if it is intact.

    Raises:
        AssetError: the list of checksums is absent or damaged.
    """
    sums = _read_checksums()
    seen = {path.relative_to(ROOT).as_posix(): sha256_of(path) for path in shipped_files()}
    states = {path: "is not listed" for path in seen if path not in sums}
    states |= {path: "is damaged" if path in seen else "is absent" for path in sums if seen.get(path) != sums[path]}
    checked: list[tuple[Asset, str | None]] = []
    for asset in list_assets():
        problems = [f"{path} {state}" for path, state in states.items() if path.startswith(f"{asset.path}/")]
        checked.append((asset, "; ".join(problems) + f". {_RESTORE}" if problems else None))
    known = tuple(f"{asset.path}/" for asset, _ in checked)
    absent = sorted({path.rpartition("/")[0] for path in sums if not path.startswith(known)})
    checked += [(Asset(path, path, _WEIGHTS_LICENCE, "", 0), f"it is absent. {_RESTORE}") for path in absent]
    return checked


def require_intact(path: Path) -> None:
    """Raise an `AssetError` if a bundled file is absent or differs from its checksum."""
    listed = _read_checksums().get(path.relative_to(ROOT).as_posix())
    if sha256_of(path) != listed:
        raise AssetError(f"expected {path} with SHA-256 {listed}. Received: another file. {_RESTORE}")


_ALSO_HEARD = "traits"  # a field that older analyses by the same model lack


def sound_checksum() -> str:
    """One checksum of the listed files of the model that hears songs, without reading them, and of what it tells.

    Raises:
        AssetError: the list of checksums is absent or damaged.
    """
    listed = sorted(item for item in _read_checksums().items() if item[0].startswith("models/sound/"))
    return hashlib.sha256(repr([*listed, _ALSO_HEARD]).encode()).hexdigest()


def write_checksums(folder: Path | None = None) -> None:
    """Update `SHA256SUMS` after a model or data changed.

    Args:
        folder: update only this folder; None for all. A folder outside the checkout changes nothing.

    Raises:
        AssetError: the list cannot be read or written.
    """
    updated = ROOT if folder is None else folder.resolve()
    paths = [path for path in shipped_files() if path.is_relative_to(updated)]
    sums = {path.relative_to(ROOT).as_posix(): sha256_of(path) for path in paths}
    if folder is not None:
        if not updated.is_relative_to(ROOT):
            return
        sums |= {path: known for path, known in _read_checksums().items() if not (ROOT / path).is_relative_to(updated)}
    lines = [f"{checksum}  {path}\n" for path, checksum in sorted(sums.items())]
    try:
        with written_whole(ROOT / _CHECKSUMS) as part:
            part.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise AssetError(f"expected to write {ROOT / _CHECKSUMS}. Received: {error.strerror}") from error


_DESKTOP_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")  # file managers create them


def prepare_model_folder(folder: Path, names: Collection[str]) -> Path:
    """Make and check the folder of a model before hours of training.

    Training replaces the files, so the folder must be new, empty or a model's.

    Args:
        folder: created if absent.
        names: `fnmatch` patterns of the files and folders that training may replace.

    Returns:
        The folder as an absolute path.

    Raises:
        AssetError: it is not writable.
        ModelError: it holds other files.
    """
    folder = folder.resolve()
    require_writable(folder)
    patterns = (*names, *_DESKTOP_FILES)
    others = sorted(
        path.name for path in folder.iterdir() if not any(fnmatch(path.name, pattern) for pattern in patterns)
    )
    if others:
        listed = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise ModelError(
            f"expected a new folder for the model, or one without other files: training replaces it. "
            f"Received: {folder} with {listed}"
        )
    return folder


@contextlib.contextmanager
def locked(path: Path, folder: str | Path, error: type[EmomusicError]) -> Iterator[None]:
    """Hold a folder for this process by a file. The lock ends with the process.

    Raises:
        EmomusicError: of this type, if another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise error(
            f"expected a folder that no other run writes to. Received: {folder}. Wait, or choose another folder"
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def require_checkout(purpose: str) -> None:
    """Raise an `AssetError` in an installed wheel, whose files do not change for a purpose ("to train a network")."""
    if IS_WHEEL:
        raise AssetError(
            f"expected a checkout of EmoMusic {purpose}. Received: the installed package in {ROOT}, whose files "
            "are fixed. Clone the repository, and run: pip install -e '.[train]'"
        )


def require_writable(folder: Path) -> None:
    """Make a folder. Raise an `AssetError` before the work if its results cannot be saved there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise AssetError(f"expected a folder to write into. Received: {folder} ({error.strerror})") from error


_CHECKSUMS = "SHA256SUMS"
_RESTORE = "Install the wheel again" if IS_WHEEL else "Restore the files from the repository"


def _read_checksums() -> dict[str, str]:
    try:
        lines = (ROOT / _CHECKSUMS).read_text(encoding="utf-8").splitlines()
        return {path: checksum for checksum, path in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise AssetError(f"expected checksums in {ROOT / _CHECKSUMS}. Received: {error}. Restore the file") from error


# Public datasets that are not bundled: address, licence, checksum and download

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
            for piece in response.iter_content(_PIECE):  # pieces of any size, if the server sends chunks
                data += piece
                if len(data) > download.bytes:  # enough to refuse it
                    break
    except requests.RequestException as error:  # its messages name pools and objects
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise AssetError(
            f"{name}: expected a dataset at {download.address}. Received: {reason}. "
            "Check the network connection, or try again later"
        ) from error
    received = hashlib.sha256(data).hexdigest()
    if received != download.sha256:
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
            f"{advice if IS_WHEEL else 'Make the folder writable'}"
        ) from error
    return target
