"""The wheel: its contents, and an installation that works from any folder without a checkout or TensorFlow."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from uv import find_uv_bin

from emomusic.face.model_files import DEFAULT_MODEL, FILES, WEIGHTS
from tests.browser.conftest import FLAGS, PATIENCE_MS, chromium, without_spotify
from tests.servers import reserved_port

MAX_WHEEL_BYTES = 46_000_000
MAX_INSTALLED_BYTES = 1_100_000_000
FOR_TRAINING = {"tensorflow", "keras", "mtcnn", "h5py", "tf2onnx"}
TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# Copied before tests/conftest.py moves the cache, so that uv finds its downloads
ENVIRONMENT = dict(os.environ)
NO_INDEX = ("error sending request", "Failed to fetch", "network was disabled", "dns error", "operation timed out")


def uv(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [find_uv_bin(), *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT | settings, capture_output=True, text=True, timeout=600)


def skip_without_index(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0 and any(sign in done.stderr for sign in NO_INDEX):
        pytest.skip("needs a package index")


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, and an empty home folder."""

    folder: Path
    home: Path

    @property
    def packages(self) -> Path:
        (path,) = self.folder.glob("lib/python*/site-packages")
        return path

    @property
    def bundle(self) -> Path:
        return self.packages / "emomusic" / "bundle"

    @property
    def sample(self) -> Path:
        return self.bundle / "data" / "samples" / "four-people.jpg"

    def environment(self, **settings: str) -> dict[str, str]:
        """Environment variables without those of the project and of Python."""
        ours = ("EMOMUSIC_", "STREAMLIT_", "SPOTIFY_", "PYTHON", "XDG_", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return kept | {"HOME": str(self.home)} | settings

    def run(self, *command: str | Path, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        program = self.folder / "bin" / str(command[0])
        return subprocess.run(
            [program, *map(str, command[1:])],
            cwd=cwd,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=300,
        )

    def files(self) -> set[str]:
        """All files of the package, except compiled ones."""
        package = self.packages / "emomusic"
        return {
            str(path.relative_to(package)) for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"
        }


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    root = Path(__file__).resolve().parents[1]
    # Without isolation: the build tools are installed
    done = uv("build", root, "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", out)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Installation]:
    """Install the wheel for a Python version; skip if it or the package index is unavailable."""
    installed: dict[tuple[str, str], Installation] = {}
    lock = Path(__file__).resolve().parents[1] / "requirements-serve.txt"

    def install_(version: str, extra: str = "[app]") -> Installation:
        if (version, extra) in installed:
            return installed[version, extra]
        folder, home = tmp_path_factory.mktemp("installed") / "venv", tmp_path_factory.mktemp("home")
        python = sys.executable if version == RUNNING else version
        # pyenv's shims of other versions fail without PYENV_VERSION
        settings = {"PYENV_VERSION": version, "UV_PYTHON_DOWNLOADS": "never"}
        if uv("venv", folder, "--python", python, **settings).returncode != 0:
            pytest.skip(f"needs Python {version}")
        wanted = f"emomusic{extra} @ {wheel.as_uri()}"
        done = uv("pip", "install", "--python", folder, wanted, "--constraint", lock)
        skip_without_index(done)
        assert done.returncode == 0, done.stderr
        installed[version, extra] = Installation(folder, home)
        return installed[version, extra]

    return install_


@pytest.fixture(scope="session")
def current(install: Callable[..., Installation]) -> Installation:
    """An installation for the current version of Python."""
    return install(RUNNING)


@pytest.fixture
def plain(install: Callable[..., Installation]) -> Installation:
    """An installation without the extra `app`."""
    return install(RUNNING, "")


def names_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES


def test_the_wheel_contains_everything_for_serving(wheel: Path, root: Path) -> None:
    names = names_of(wheel)
    in_bundle = {name.removeprefix("emomusic/bundle/") for name in names if name.startswith("emomusic/bundle/")}
    pages = {path.relative_to(root).as_posix() for path in root.glob("pages/*.py")}
    assert pages | {"app.py", ".streamlit/config.toml", "SHA256SUMS", "data/icon.png"} <= in_bundle
    assert {"data/catalogue/LICENSE", "data/samples/SOURCES.md", "models/detector/LICENSE"} <= in_bundle
    for name in set(FILES) - {WEIGHTS}:
        assert f"models/face/{DEFAULT_MODEL}/{name}" in in_bundle
    assert {f"models/detector/{name}.onnx" for name in ("pnet", "rnet", "onet")} <= in_bundle
    moods = {path.parent.name for path in root.glob("models/music/*/model.skops")}
    assert {f"models/music/{name}/model.skops" for name in moods} <= in_bundle
    assert "emomusic/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_contains_nothing_else(wheel: Path) -> None:
    names = names_of(wheel)
    unwanted = re.compile(
        r"\.keras$|\.part$|models/start/|data/ferplus/|secrets\.toml|/checkpoint/|__pycache__|/tests?/"
    )
    assert [name for name in names if unwanted.search(name)] == []
    tops = {name.partition("/")[0] for name in names}
    assert {"emomusic"} == {top for top in tops if not top.endswith(".dist-info")}


def test_the_wheel_lists_the_checksums_of_its_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read("emomusic/bundle/SHA256SUMS").decode().splitlines()
        found = {
            path: hashlib.sha256(archive.read(f"emomusic/bundle/{path}")).hexdigest()
            for _, path in map(str.split, lines)
        }
    assert [f"{checksum}  {path}" for path, checksum in found.items()] == lines
    assert f"models/face/{DEFAULT_MODEL}/model.onnx" in found


def test_an_installation_is_small_and_has_no_training_libraries(current: Installation) -> None:
    packages = current.packages
    names = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"emomusic", "streamlit", "onnxruntime"} <= names
    assert {name for name in names if name.partition("_")[0] in FOR_TRAINING} == set()
    assert sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) <= MAX_INSTALLED_BYTES


def test_analyze_works_from_any_folder(plain: Installation, tmp_path: Path) -> None:
    done = plain.run("emomusic", "analyze", plain.sample, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert len(record["faces"]) == 4
    assert len(record["songs"]) == 5
    assert all(TRACK_ID.fullmatch(song["id"]) for song in record["songs"])
    assert list(tmp_path.iterdir()) == []


def test_the_library_works_from_any_folder(plain: Installation, tmp_path: Path) -> None:
    code = (
        "import sys, emomusic\n"
        "reading = emomusic.read_picture(sys.argv[1])\n"
        "songs = emomusic.recommend_songs(reading, num_songs=3)\n"
        "drawn = emomusic.draw_reading(sys.argv[1], reading)\n"
        "print(len(reading.faces), len(songs), drawn.shape)\n"
    )
    done = plain.run("python", "-W", "error", "-c", code, plain.sample, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "4 3 (376, 1200, 3)\n"), done.stderr


def test_library_and_command_need_no_extra(plain: Installation, tmp_path: Path) -> None:
    for command in (("doctor",), ("models",), ("bench", "--runs", "1"), ("recommend", "--emotion", "sad")):
        done = plain.run("emomusic", *command, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (("app",), "pip install 'emomusic[app]'"),
        (("train", "face", "--network", DEFAULT_MODEL, "--fer2013", "absent.csv"), "repository"),
        (("train", "export"), "repository"),
        (("train", "music", "--data", "absent.csv"), "repository"),
        (("bench", "models", "--record"), "repository"),
        (("data", "get", "moods"), "EMOMUSIC_DATA"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_unsupported_commands_print_one_line_and_exit_with_status_2(
    plain: Installation, tmp_path: Path, command: tuple[str, ...], advice: str
) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    files = plain.files()
    done = plain.run("emomusic", *command, cwd=tmp_path, EMOMUSIC_DATA=str(occupied))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert advice in done.stderr
    assert plain.files() == files


def test_data_check_reports_a_missing_file(plain: Installation, tmp_path: Path) -> None:
    content = plain.sample.read_bytes()
    plain.sample.unlink()  # not overwritten, because uv's cache may share the file
    try:
        done = plain.run("emomusic", "data", "check", "--json", cwd=tmp_path)
    finally:
        plain.sample.write_bytes(content)
    problems = {record["name"]: record["problem"] for record in json.loads(done.stdout) if record["problem"]}
    assert (done.returncode, set(problems)) == (2, {"samples"})
    assert "four-people.jpg" in problems["samples"]


@contextlib.contextmanager
def served(installation: Installation, folder: Path) -> Iterator[str]:
    """Run `emomusic app` in a folder on a free port, and check its log at the end."""
    log, environment = installation.home / "log", installation.environment(STREAMLIT_SERVER_HEADLESS="true")
    with reserved_port() as port, log.open("wb") as out:
        address = f"http://127.0.0.1:{port}"
        command = [installation.folder / "bin" / "emomusic", "app", "--address", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"{address}/_stcore/health", process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)
    text = log.read_text(encoding="utf-8", errors="replace")
    for trouble in ("Traceback", "Warning", "deprecated", "Exception"):
        assert trouble not in text, text


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "the server exited before its first response"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.5)
    raise AssertionError(f"no response from {address}")


@pytest.mark.browser
def test_the_app_serves_from_any_folder_without_tensorflow(current: Installation, tmp_path: Path) -> None:
    chromium()
    files = current.files()
    # In a new thread, because Playwright may be running in this one
    with served(current, tmp_path) as address, ThreadPoolExecutor(1) as threads:
        threads.submit(_visit, address).result()
    assert current.files() == files
    assert list(tmp_path.iterdir()) == []


def _visit(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
        without_spotify(context)
        hosts: set[str] = set()
        errors: list[str] = []
        context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        _check_sample_and_songs(page, address)
        _check_explanations(page, address)
        browser.close()
    assert errors == []
    assert hosts <= {"127.0.0.1", "open.spotify.com", ""}  # "": data and blobs


def _check_sample_and_songs(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Four people", exact=True).click()
    expect(page.get_by_text("Face 4", exact=True).first).to_be_visible()
    player = page.locator('iframe[src*="open.spotify.com/embed/track"]')
    expect(player).to_have_count(1)
    assert TRACK_ID.fullmatch(urlsplit(player.get_attribute("src") or "").path.rpartition("/")[2])
    expect(page.locator('div[class*="st-key-play-"] button')).to_have_count(4)  # the next songs
    # The background colour of the bundled .streamlit/config.toml
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") == "rgb(251, 248, 244)"


def _check_explanations(page: Page, address: str) -> None:
    page.goto(f"{address}/how_it_works?step=look&sample=eileen-collins-1999")
    for name in ("Occlusion", "Grad-CAM"):
        expect(page.locator(f'img[alt^="{name}"]')).to_be_visible()
