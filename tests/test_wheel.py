"""The wheel: its contents, and an installation that works from any folder without a checkout or TensorFlow."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from emomusic.faces.model_files import DEFAULT_MODEL, FILES, WEIGHTS
from emomusic.songs.mood import MOOD_MODELS
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow  # builds and installs the wheel

MAX_WHEEL_BYTES = 72_000_000
FOR_TRAINING = {"tensorflow", "keras", "mtcnn", "h5py", "tf2onnx", "scikit_learn", "skops"}
TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")

# Copied before tests/conftest.py moves the cache, so that uv finds its downloads
ENVIRONMENT = dict(os.environ)
NO_INDEX = ("error sending request", "Failed to fetch", "network was disabled", "dns error", "operation timed out")


def uv(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [find_uv_bin(), *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=10 * PATIENCE_S)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    root = Path(__file__).resolve().parents[1]
    # Without isolation: the build tools are installed
    done = uv("build", root, "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", out)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    assert path.stat().st_size <= MAX_WHEEL_BYTES
    return path


@pytest.fixture
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_contains_everything_for_serving_and_nothing_else(names: set[str], root: Path) -> None:
    in_bundle = {name.removeprefix("emomusic/bundle/") for name in names if name.startswith("emomusic/bundle/")}
    pages = {path.relative_to(root).as_posix() for path in root.glob("pages/*.py")}
    assert pages | {"app.py", ".streamlit/config.toml", "SHA256SUMS", "data/icon.png", "data/logo.png"} <= in_bundle
    assert {"data/catalogue/LICENSE", "data/samples/SOURCES.md", "models/detector/LICENSE"} <= in_bundle
    for folder, record in (("songs", "songs.json"), ("band", "band.json")):
        files = {path.relative_to(root).as_posix() for path in root.glob(f"data/{folder}/*")}
        assert {f"data/{folder}/LICENSE", f"data/{folder}/{record}"} <= files <= in_bundle
    paths = [path for path in (root / "emomusic").rglob("*") if path.suffix in (".css", ".html", ".js")]
    beside = {path.relative_to(root).as_posix() for path in paths}
    assert "emomusic/app/browser/bar.js" in beside
    assert beside <= names
    for name in set(FILES) - {WEIGHTS}:
        assert f"models/face/{DEFAULT_MODEL}/{name}" in in_bundle
    assert {f"models/detector/{name}.onnx" for name in ("pnet", "rnet", "onet")} <= in_bundle
    assert {f"models/music/{name}/model.onnx" for name in MOOD_MODELS} <= in_bundle
    assert "emomusic/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    unwanted = re.compile(r"\.keras$|\.skops$|\.part$|models/start/|secrets\.toml|/checkpoint/|__pycache__|/tests?/")
    assert [name for name in names if unwanted.search(name)] == []
    tops = {name.partition("/")[0] for name in names}
    assert {"emomusic"} == {top for top in tops if not top.endswith(".dist-info")}


def test_analyze_works_from_any_folder_without_extras(wheel: Path, root: Path, tmp_path: Path) -> None:
    venv, cwd = tmp_path / "venv", tmp_path / "folder"
    cwd.mkdir()
    assert uv("venv", venv, "--python", sys.executable).returncode == 0
    done = uv("pip", "install", "--python", venv, wheel, "--constraint", root / "requirements-serve.txt")
    if any(sign in done.stderr for sign in NO_INDEX):
        pytest.skip("needs a package index")
    assert done.returncode == 0, done.stderr
    (packages,) = venv.glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert names & (FOR_TRAINING | {"streamlit"}) == set()
    sample = packages / "emomusic" / "bundle" / "data" / "samples" / "four-people.jpg"
    ours = ("EMOMUSIC_", "PYTHON", "XDG_", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment["HOME"] = str(tmp_path / "home")
    command = [venv / "bin" / "emomusic", "analyze", sample, "--json"]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=10 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert (len(record["faces"]), len(record["songs"])) == (4, 5)
    assert all(TRACK_ID.fullmatch(song["id"]) for song in record["songs"])
    assert list(cwd.iterdir()) == []
