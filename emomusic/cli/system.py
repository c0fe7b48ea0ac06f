"""`app`, `doctor`, `bench` and `data`: open the app, check and time this installation, and its bundled files."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from emomusic import __version__, assets
from emomusic.assets import IS_WHEEL, ROOT, Download, check_assets, downloads_dir, list_assets, require_checkout
from emomusic.cli import arguments
from emomusic.errors import EmomusicError, SettingsError

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "": (
        *("numpy", "onnxruntime", "opencv-python-headless", "av", "pandas", "pyarrow", "pillow", "pillow-heif"),
        *("scipy", "filelock", "msgspec", "mutagen", "requests", "rich", "platformdirs", "python-calamine"),
        *("rapidfuzz", "defusedxml", "jinja2"),
    ),
    "app": (
        *("streamlit", "streamlit-webrtc", "starlette", "anyio", "aiortc", "plotly", "spotipy", "onnx"),
        "prometheus-client",
    ),
    "cluster": ("ray",),
    "train": ("tensorflow", "keras", "mtcnn", "onnx", "tf2onnx", "scikit-learn", "skops", "threadpoolctl"),
}
"""Packages by extra; "" are the required ones. Without its first package, an extra counts as not installed."""

MEMORY: Mapping[str, str] = {
    "MALLOC_ARENA_MAX": "2",
    "GLIBC_TUNABLES": "glibc.malloc.trim_threshold=16000000:glibc.malloc.mmap_threshold=4000000",
}
"""Settings of glibc, which it reads at the start of a process, so that a server returns free memory."""

_CAMERA = "the browser asks for permission once, on localhost or over HTTPS only. To change it, click the lock icon"


def app(options: argparse.Namespace) -> arguments.Outcome:
    """Serve the app until it is stopped. The server replaces this process."""
    require_packages("app")
    address = options.address or os.environ.get("STREAMLIT_SERVER_ADDRESS", "localhost")
    # -P: files in the current folder must not shadow libraries
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.address={address}"]
    command += [f"--server.port={options.port}"] if options.port else []
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    if IS_WHEEL:
        os.environ.setdefault("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "none")  # its files never change
    os.execv(command[0], command)


def doctor(_: argparse.Namespace) -> arguments.Outcome:
    """Check the installation. The status is 2 if a check fails."""
    parts: dict[str, Callable[[], str]] = {
        "python": _python,
        "packages": _packages,
        "bundled files": _files,
        "face models": _faces,
        "music": _music,
        "camera": lambda: _CAMERA,
    }
    checks: list[dict[str, Any]] = []
    for name, run in parts.items():
        is_ok = False
        try:
            detail, is_ok = run(), True
        except EmomusicError as error:
            detail = str(error)
        except Exception as error:  # incompatible libraries raise errors of any kind
            detail = " ".join(f"{type(error).__name__}: {error}".split())
        checks.append({"name": name, "ok": is_ok, "detail": detail})
    report = {"healthy": all(check["ok"] for check in checks), "version": __version__, "checks": checks}
    return report, arguments.status_of([check["name"] for check in checks if not check["ok"]])


def _show_checks(report: dict[str, Any]) -> Iterator[str]:
    for check in report["checks"]:
        yield f"{'ok     ' if check['ok'] else 'PROBLEM'} {check['name']}: {check['detail']}"


def bench(options: argparse.Namespace) -> arguments.Outcome:
    """Time one part with `scripts/bench.py` of the checkout. Raises an `AssetError` in an installed wheel."""
    require_checkout("to time its steps")
    command = [sys.executable, "-P", "-m", "scripts.bench", *options.rest]  # -P: not a folder `scripts` of the user
    done = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode:  # the script has told the reason
        raise SystemExit(done.returncode)
    return json.loads(done.stdout), 0


def _show_timings(report: dict[str, Any]) -> Iterator[str]:
    yield report["machine"]
    for timing in report["timings"]:
        digits = 2 if timing["unit"] == "x" else 1
        median, worst = (f"{timing[name]:.{digits}f}" for name in ("median", "p95"))
        yield f"{median:>8} {timing['unit']:5}  (95 %: {worst})  {timing['step']}"


def data_list(_: argparse.Namespace) -> arguments.Outcome:
    """List the bundled and the downloadable files."""
    bundled = [{**asdict(asset), "ships": True, "present": asset.bytes > 0} for asset in list_assets()]
    return bundled + [_download_record(download) for download in assets.DOWNLOADS.values()], 0


def data_get(options: argparse.Namespace) -> arguments.Outcome:
    """Download a dataset, unless it is present."""
    assets.ensure(options.name)
    return [_download_record(assets.DOWNLOADS[options.name])], 0


def data_check(_: argparse.Namespace) -> arguments.Outcome:
    """Compare the bundled files with their checksums. The status is 2 if one is absent or damaged."""
    records = [{**asdict(asset), "problem": problem} for asset, problem in check_assets()]
    return records, arguments.status_of([record["name"] for record in records if record["problem"]])


def _download_record(download: Download) -> dict[str, Any]:
    path = assets.find_download(download.name)
    folder = downloads_dir() if IS_WHEEL else Path("data")
    record = asdict(download) | {
        "path": str(path or folder / download.path),
        "ships": False,
        "present": path is not None,
    }
    del record["sha256"]
    return record


def _show_data(assets: list[dict[str, Any]]) -> Iterator[str]:
    for asset in assets:
        state = f"  PROBLEM: {asset['problem']}" if asset.get("problem") else ""
        if not asset.get("present", True):
            how = "restore the files" if asset["ships"] else f"python -m emomusic data get {asset['name']}"
            state = f"  (not here: {how})"
        yield f"{asset['name']}: {asset['path']}, {asset['bytes'] / 1e6:.2f} MB, {asset['licence']}{state}"


# The parts of `doctor`


def _python() -> str:
    detail = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info < (3, 14):
        raise EmomusicError(f"{detail}; 3.11, 3.12 or 3.13 is needed")
    return detail


def _packages() -> str:
    versions = {package: _version_of(package) for packages in PACKAGES.values() for package in packages}
    parts = [", ".join(filter(None, versions.values()))]
    problems = []
    for extra, packages in PACKAGES.items():
        absent = [package for package in packages if versions[package] is None]
        if extra and packages[0] in absent:
            parts.append(f"without the extra {extra!r}")
        elif absent:
            problems.append(f"absent: {', '.join(absent)}. {_install_advice(extra, absent)}")
    if problems:
        raise EmomusicError("; ".join([*parts, *problems]))
    return "; ".join(parts)


def _version_of(package: str) -> str | None:
    """The name and the installed version. `tensorflow-cpu` counts as `tensorflow`."""
    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"{name} {metadata.version(name)}"
    return None


def require_packages(extra: str, *packages: str) -> None:
    """Raise a `SettingsError` unless packages of an extra are installed: the named ones, or all."""
    absent = [package for package in packages or PACKAGES[extra] if _version_of(package) is None]
    if absent:
        raise SettingsError(
            f"expected the packages of the extra {extra!r}. Received: an installation without {', '.join(absent)}. "
            f"{_install_advice(extra, absent)}"
        )


def _install_advice(extra: str, absent: Sequence[str]) -> str:
    if not IS_WHEEL:
        locks = {"train": "requirements.txt", "cluster": "requirements-cluster.txt"}
        return f"Run: pip install -r {locks.get(extra, 'requirements-serve.txt')}"
    wanted = f"'emomusic[{extra}]'" if extra else " ".join(absent)
    return f"Run: pip install {wanted}"


def _files() -> str:
    checked = check_assets()
    problems = [f"{asset.name}: {problem}" for asset, problem in checked if problem]
    if problems:
        raise EmomusicError("; ".join(problems))
    return f"{len(checked)} intact: {', '.join(asset.name for asset, _ in checked)}"


def _faces() -> str:
    from emomusic.assets import data_dir
    from emomusic.faces.reading import load_networks, read_picture
    from emomusic.media.images import read_picture_file

    started = time.perf_counter()
    load_networks()
    loaded = time.perf_counter() - started
    reading = read_picture(read_picture_file(data_dir() / "samples" / "four-people.jpg"), load_networks)
    total = sum(reading.faces[0].probabilities.as_dict().values()) if reading.faces else 0
    if len(reading.faces) != 4 or not math.isclose(total, 1, abs_tol=1e-3):
        raise EmomusicError(f"expected 4 faces in the sample four-people.jpg. Received: {len(reading.faces)}")
    took = reading.detect_ms + reading.classify_ms
    return f"loaded in {loaded:.1f} s; 4 faces of a sample read in {took:.0f} ms"


def _music() -> str:
    from emomusic.affect import Emotion  # imports NumPy, which may be absent
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.request import Request

    recommender = load_recommender()
    songs = recommender.songs(Request(point=Emotion.HAPPY.point, emotion=Emotion.HAPPY), 5)
    return f"{len(recommender.catalogue):,} songs; for a happy face: {songs[0].song.full_name}"


COMMANDS: dict[str, arguments.Command] = {
    "doctor": (doctor, _show_checks),
    "app": (app, lambda _: ()),
    "bench": (bench, _show_timings),  # its other options are those of the script
    "data list": (data_list, _show_data),
    "data get": (data_get, _show_data),
    "data check": (data_check, _show_data),
}
