"""Check the installation, part by part, with advice for each failure."""

from __future__ import annotations

import contextlib
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType
from typing import Any

from emomusic import __version__
from emomusic.assets import IS_WHEEL, check_assets
from emomusic.errors import EmomusicError, SettingsError

PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": (
            *("numpy", "onnxruntime", "opencv-python-headless", "av", "pandas", "pyarrow", "pillow", "pillow-heif"),
            *("scipy", "scikit-learn", "skops", "joblib", "filelock", "msgspec", "threadpoolctl", "requests"),
            *("rich", "platformdirs"),
        ),
        "app": (
            *("streamlit", "streamlit-webrtc", "starlette", "anyio", "aiortc", "plotly", "spotipy", "onnx"),
            "prometheus-client",
        ),
        "cluster": ("ray",),
        "train": ("tensorflow", "keras", "jinja2", "mtcnn", "onnx", "tf2onnx"),
    }
)
"""Packages by extra; "" are the required ones. Without its first package, an extra counts as not installed."""


_CAMERA = "the browser asks for permission once, on localhost or over HTTPS only. To change it, click the lock icon"


def examine() -> dict[str, Any]:
    """Check everything that the app needs: `healthy`, `version`, and `checks` with `name`, `ok` and `detail`."""
    parts = {
        "python": _python,
        "packages": _packages,
        "bundled files": _files,
        "face models": _faces,
        "music": _music,
        "camera": lambda: _CAMERA,
    }
    checks = [_run_check(name, run) for name, run in parts.items()]
    return {"healthy": all(check["ok"] for check in checks), "version": __version__, "checks": checks}


def _run_check(name: str, run: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "detail": run()}
    except EmomusicError as error:
        detail = str(error)
    except Exception as error:  # incompatible libraries raise errors of any kind
        detail = " ".join(f"{type(error).__name__}: {error}".split())
    return {"name": name, "ok": False, "detail": detail}


def _python() -> str:
    detail = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info < (3, 14):
        raise EmomusicError(f"{detail}; 3.11, 3.12 or 3.13 is needed")
    return detail


def _packages() -> str:
    versions = [
        f"{name} {version}" for each in PACKAGES.values() for name, version in filter(None, map(_version_of, each))
    ]
    parts, is_ok = [", ".join(dict.fromkeys(versions))], True
    for extra, packages in PACKAGES.items():
        absent = [package for package in packages if _version_of(package) is None]
        if extra and packages[0] in absent:
            parts.append(f"without the extra {extra!r}")
        elif absent:
            is_ok = False
            parts.append(f"absent: {', '.join(absent)}. {_install_advice(extra, absent)}")
    if not is_ok:
        raise EmomusicError("; ".join(parts))
    return "; ".join(parts)


def _version_of(package: str) -> tuple[str, str] | None:
    """Name and installed version. `tensorflow-cpu` counts as `tensorflow`."""
    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return name, metadata.version(name)
    return None


def require_packages(extra: str, *packages: str) -> None:
    """Raise a `SettingsError` unless packages of an extra are installed: the named ones, or all."""
    if absent := [package for package in packages or PACKAGES[extra] if _version_of(package) is None]:
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
    if problems := [f"{asset.name}: {problem}" for asset, problem in checked if problem]:
        raise EmomusicError("; ".join(problems))
    return f"{len(checked)} intact: {', '.join(asset.name for asset, _ in checked)}"


def _faces() -> str:
    from emomusic.assets import data_dir
    from emomusic.faces.reading import load_networks, read_faces
    from emomusic.media.images import read_image

    started = time.perf_counter()
    detector, classifier = load_networks()
    loaded = time.perf_counter() - started
    reading = read_faces(read_image(data_dir() / "samples" / "four-people.jpg"), detector, classifier)
    total = sum(reading.faces[0].probabilities.as_dict().values()) if reading.faces else 0
    if len(reading.faces) != 4 or not math.isclose(total, 1, abs_tol=1e-3):
        raise EmomusicError(f"expected 4 faces in the sample four-people.jpg. Received: {len(reading.faces)}")
    took = reading.detect_ms + reading.classify_ms
    return f"loaded in {loaded:.1f} s; 4 faces of a sample read in {took:.0f} ms"


def _music() -> str:
    from emomusic.affect import EMOTION_POINTS, Emotion  # imports NumPy, which may be absent
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.request import Request

    recommender = load_recommender()
    songs = recommender.songs(Request(point=EMOTION_POINTS[Emotion.HAPPY], emotion=Emotion.HAPPY), 5)
    return f"{len(recommender.catalogue):,} songs; for a happy face: {songs[0].song.full_name}"
