"""A real server and a real Chromium; the tests are skipped without Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.waiting import wait_until_idle
from tests.servers import reserved_port
from tests.waiting import PATIENCE_S, wait_until

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    # A route of Playwright would switch off the cache. The other address is not this computer, and has no HTTPS
    "--host-resolver-rules=MAP open.spotify.com ~NOTFOUND, MAP emomusic.test 127.0.0.1",
    "--process-per-site",  # a new process would compile all scripts again, which takes half of a visit
    "--js-flags=--no-turbofan --no-maglev",  # a test ends before optimized code pays: a quarter less time
)
PATIENCE_MS = 1000 * PATIENCE_S
# A page's timeout does not apply to `expect`, whose default is 5 s
expect.set_options(timeout=PATIENCE_MS)
# Streamlit logs this traceback if a page is closed while the server sends to it
CLOSED_WHILE_SENDING = re.compile(
    r"Exception in ASGI application\n(?:(?!Exception in ASGI).)*?"
    r'WebSocketDisconnected: Cannot call "send" once a close message has been sent\.\n',
    re.DOTALL,
)


_PROBLEMS = ("Traceback", "Warning", "deprecated", "Exception", "Stack (most recent call last)")


class Log:
    """What a server writes, read once.

    Args:
        path: the file, which may grow.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._num_bytes = path, 0

    def check(self) -> None:
        """Fail if a problem was written since the last call."""
        written = self._path.read_bytes()[self._num_bytes :]
        self._num_bytes += len(written)
        text = CLOSED_WHILE_SENDING.sub("", written.decode(errors="replace"))
        assert not any(problem in text for problem in _PROBLEMS), text


def chromium() -> str:
    """The path of Chromium; the tests are skipped without it. Its headless shell needs a third less time."""
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("needs Chromium: apt install chromium")


@contextlib.contextmanager
def fresh_server(
    folder: Path,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    port: int | None = None,
    script: str = "app.py",
    path: str = "",
) -> Iterator[str]:
    """A new server on a free or reserved port; its log in `folder` is checked at the end.

    `folder` has the file `pid`. `settings` are added to its environment.
    """
    chromium()
    root, log = Path(__file__).resolve().parents[2], folder / "log"
    environment = (
        os.environ
        | {"HOME": str(folder), "EMOMUSIC_DRAIN_S": "0", "TEST_NOTES": str(folder / "notes")}
        | dict(settings)
    )
    with contextlib.nullcontext(port) if port else reserved_port() as port, log.open("wb") as out:
        command = [sys.executable, "-m", "tests.browser.watched_server", "run", script, "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
        process = subprocess.Popen(command, cwd=root, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            (folder / "pid").write_text(str(process.pid), encoding="ascii")
            wait_until(lambda: _answers(f"http://127.0.0.1:{port}{path}/_stcore/health", process))
            yield f"http://127.0.0.1:{port}{path}"
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)  # the server finishes loading the networks first
    Log(log).check()


def figure(server: str, name: str) -> float:
    """A number of the metrics of a server."""
    metrics = requests.get(f"{server}/metrics", timeout=PATIENCE_S).text
    found = re.search(rf"^emomusic_{name} (\S+)$", metrics, re.MULTILINE)
    assert found is not None
    return float(found[1])


def notes_of(folder: Path) -> dict[str, Any]:
    """The notes of the server in this folder: its threads, and what refers to the markers in the file `markers`."""
    (notes := folder / "notes").unlink(missing_ok=True)
    os.kill(int((folder / "pid").read_text(encoding="ascii")), signal.SIGUSR1)
    wait_until(notes.exists)
    found: dict[str, Any] = json.loads(notes.read_bytes())
    return found


def thread_names(folder: Path) -> list[str]:
    """The names of the threads of the server in this folder."""
    return list(notes_of(folder)["threads"])


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files of `server`."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def shared_server(server_folder: Path) -> Iterator[str]:
    """The server of `server`."""
    with fresh_server(server_folder, {"EMOMUSIC_MAX_LIVE": "2", "TEST_GONE_S": "12"}) as address:
        yield address


@pytest.fixture(scope="session")
def _log(server_folder: Path) -> Log:
    return Log(server_folder / "log")


@pytest.fixture
def server(shared_server: str, _log: Log) -> Iterator[str]:
    """The address of one server for all tests. After each test, no live session is left, and its log is checked."""
    yield shared_server
    wait_until(lambda: figure(shared_server, "live_sessions") == 0)
    _log.check()


def _answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server stopped before it answered"
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(address, timeout=PATIENCE_S).ok
    return False


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    chromium()
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
    yield running
    running.close()


def visit(page: Page, name: str) -> None:
    """Open another page by its link, and wait for its title. A second click follows one that the browser lost."""
    title, link = page.get_by_role("heading", level=1).first, page.get_by_role("link", name=name)
    before = title.inner_text()
    link.click()
    with contextlib.suppress(AssertionError):
        return expect(title).not_to_have_text(before, timeout=PATIENCE_MS / 3)
    link.click()
    return expect(title).not_to_have_text(before)


def download(page: Page, label: str, number: int = 0) -> Path:
    """Press a button or link of this label once the page is idle: in a rerun, the server has no file for a button."""
    wait_until_idle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).or_(page.get_by_role("link", name=label)).nth(number).click()
    return Path(waiting.value.path())


@contextlib.contextmanager
def own_context(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Windows of another visitor. The options are those of `browser.new_context`.

    They say at once that Spotify answers, so that a test which waits for something else does not wait for it. Its
    players stay empty: the browser cannot find Spotify.
    """
    with browser.new_context(**options) as context:
        context.add_init_script("window.emomusicSpotify = Promise.resolve(true)")
        context.set_default_timeout(PATIENCE_MS)
        yield context


@pytest.fixture(scope="session")
def shared_context(browser: Browser, shared_server: str) -> Iterator[BrowserContext]:
    """The windows of `open_page`, which share a cache and, while the first one is open, a process."""
    with own_context(browser) as context:
        context.new_page().goto(f"{shared_server}/_stcore/health")
        yield context


@pytest.fixture
def open_page(shared_context: BrowserContext, server: str) -> Iterator[Callable[..., Page]]:
    """Open the app in a new window; uncaught script errors fail the test.

    Requests to hosts other than the app and Spotify's players fail the test too.
    """
    errors: list[str] = []
    requested: set[str] = set()

    def open_(path: str = "/", *, width: int = 1440, height: int = 900, theme: str = "light", script: str = "") -> Page:
        page = shared_context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        if script:
            page.add_init_script(script)
        page.on("request", lambda request: requested.add(urlsplit(request.url).hostname or ""))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server + path)
        page.get_by_role("heading", level=1).wait_for()
        return page

    yield open_
    for page in shared_context.pages[1:]:
        page.close()
    shared_context.pages[0].evaluate("localStorage.clear()")
    shared_context.clear_permissions()
    shared_context.clear_cookies()
    assert not errors
    assert requested <= {urlsplit(server).hostname, "open.spotify.com", ""}  # "": data and blob URLs
