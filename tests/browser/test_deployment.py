"""The app as a server: limits and an orderly stop, and two replicas behind Caddy and coturn, in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from emomusic.server.frames import Problem
from tests.browser.conftest import PATIENCE_MS, download, figure, fresh_server, visit, with_spotify
from tests.browser.live import CAMERA, SUMMARY, agree_and_start, press, problem, sees, show_sample, start
from tests.servers import reserved_port
from tests.test_caddy import answers, run_caddy
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.browser

Open = Callable[[str], Page]

SERVER = "emomusic/server/asgi.py"
BUSY = ".st-key-busy"
SAMPLE = "/?sample=eileen-collins-1999"
DRAIN_S = 300  # the test does not wait for it
RESULT = ".st-key-photo-preview:has(.st-key-photo-face-1) img"

TURN_SECRET = "a secret of the tests"


def answer(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def has_ended(process: int) -> bool:
    """Whether a child process has ended; until its exit status is read, it is a zombie."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0] == "Z"


def wait_until_ready(server: str) -> None:
    wait_until(lambda: answer(f"{server}/ready")[0] == 200)


@pytest.fixture
def open_(browser: Browser) -> Iterator[Open]:
    """Open an address in a new window, with `CAMERA`."""
    contexts: list[BrowserContext] = []

    def open_page(address: str) -> Page:
        context = browser.new_context(permissions=["camera"])
        contexts.append(context)
        with_spotify(context)
        context.add_init_script(CAMERA)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_limits_and_an_orderly_stop(tmp_path: Path, open_: Open) -> None:
    settings = {"EMOMUSIC_MAX_VISITORS": "2", "EMOMUSIC_MAX_LIVE": "1", "EMOMUSIC_DRAIN_S": str(DRAIN_S)}
    with fresh_server(tmp_path, settings, script=SERVER) as server:
        wait_until_ready(server)
        first = open_(f"{server}/live")
        start(first)
        sees(first, "1 face ·")
        assert figure(server, "live_sessions") == 1

        second = first.context.new_page()
        second.goto(f"{server}/live")
        agree_and_start(second)  # the camera's place is taken
        expect(problem(second, Problem.FULL)).to_be_visible()
        second.locator(f".st-key-live-snapshot-{Problem.FULL} button").click()
        expect(second.get_by_test_id("stCameraInput")).to_be_visible()

        third = open_(server + SAMPLE)  # all places of visitors are taken
        third.locator(BUSY).wait_for()
        assert third.locator("input[type=file]").count() == 0
        assert figure(server, "visitors") == 2
        visit(second, "Film")  # a visitor who is inside stays
        assert second.locator(BUSY).count() == 0
        second.close()
        third.locator(RESULT).first.wait_for()
        assert third.locator(BUSY).count() == 0
        assert figure(server, "visitors") == 2

        process = int((tmp_path / "pid").read_text(encoding="ascii"))
        os.kill(process, signal.SIGTERM)
        expect(first.locator(".st-key-live-restart")).to_be_visible()
        assert answer(f"{server}/ready") == (503, '{"status":"draining"}')
        open_(server).locator(BUSY).wait_for()
        press(first, "STOP")  # the last work in progress
        wait_until(lambda: has_ended(process))


@dataclass(frozen=True)
class Turn:
    """A TURN server, which the browsers and the replicas must use."""

    port: int
    log: Path

    @property
    def settings(self) -> dict[str, str]:
        """Those of a replica."""
        servers = [{"urls": [f"turn:127.0.0.1:{self.port}?transport=udp"]}]
        return {
            "EMOMUSIC_ICE": json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}),
            "EMOMUSIC_TURN_SECRET": TURN_SECRET,
            "EMOMUSIC_LIVE": "webrtc",
        }


@dataclass(frozen=True)
class Replica:
    """A server; its folder has the number of its process."""

    address: str
    folder: Path

    def kill(self) -> None:
        os.kill(int((self.folder / "pid").read_text(encoding="ascii")), signal.SIGKILL)


@pytest.fixture
def turn(tmp_path: Path, root: Path) -> Iterator[Turn]:
    command = ["turnserver", "-c", str(root / "deploy/turn/turnserver.conf"), f"--static-auth-secret={TURN_SECRET}"]
    # The configuration refuses peers on the same machine. A browser may give up if the relay refuses one address of the
    # server before the browser has tried the next.
    command += ["--allow-loopback-peers", "--allowed-peer-ip=0.0.0.0-255.255.255.255"]
    command += [f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'users'}"]
    with reserved_port() as port, (tmp_path / "turn.log").open("wb") as log:
        command += [f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--verbose"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
        wait_until(lambda: answers(port))
        yield Turn(port, tmp_path / "turn.log")
        process.terminate()
        process.wait(timeout=PATIENCE_S)


@pytest.fixture
def replicas(tmp_path_factory: pytest.TempPathFactory, turn: Turn) -> Iterator[list[Replica]]:
    with contextlib.ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("replica") for _ in range(2)]
        servers = [fresh_server(folder, turn.settings, script=SERVER) for folder in folders]
        addresses = [stack.enter_context(server) for server in servers]
        yield [Replica(address, folder) for address, folder in zip(addresses, folders, strict=True)]


@pytest.fixture
def proxy(replicas: list[Replica], root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_caddy(root, tmp_path_factory.mktemp("caddy"), [replica.address for replica in replicas]) as (address, _):
        yield address


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Caddy: apt install caddy")
@pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn: apt install coturn")
def test_visitors_pass_the_proxy_video_passes_the_relay_and_a_killed_replica_loses_only_its_own_visitors(
    open_: Open, proxy: str, replicas: list[Replica], turn: Turn, root: Path
) -> None:
    page = open_(f"{proxy}/live")
    start(page)
    sees(page, "1 face ·")
    busy = [figure(replica.address, "live_sessions") for replica in replicas]
    assert sorted(busy) == [0, 1]
    idle = replicas[busy.index(0)]
    other = open_(proxy)
    while figure(idle.address, "visitors") == 0:  # the proxy chooses a replica at random
        other.context.clear_cookies()
        other.goto(proxy)
        other.get_by_role("heading", level=1).wait_for()
    other.locator("input[type=file]").first.set_input_files(root / "data/samples/barack-obama-2012.jpg")
    picture = other.locator(RESULT).first
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    other.get_by_role("button", name="More", exact=True).click()
    other.get_by_role("tab", name="Download").click()
    record = json.loads(download(other, "Everything").read_text(encoding="utf-8"))
    assert record["image"] == "barack-obama-2012.jpg"
    idle.kill()
    show_sample(page, "four-people")
    sees(page, "4 faces ·")  # the video continues
    other.goto(f"{proxy}/?sample=eileen-collins-1999")
    other.locator(RESULT).first.wait_for()
    press(page, "STOP")  # a stop during a session logs a warning
    expect(page.locator(SUMMARY)).to_be_visible()

    def relay_granted(method: str) -> bool:
        # A refused request has the same text up to the comma
        text = turn.log.read_text(encoding="utf-8", errors="replace")
        return f":emomusic>: incoming packet {method} processed, success" in text

    wait_until(lambda: relay_granted("ALLOCATE"))
    # The browser chooses one of two methods
    wait_until(lambda: relay_granted("CREATE_PERMISSION") or relay_granted("CHANNEL_BIND"))
