"""The app as a server: limits, an orderly stop, and video through coturn, in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from emomusic.server.frames import Problem
from tests.browser.conftest import figure, fresh_server, own_context, visit
from tests.browser.live import CAMERA, SUMMARY, agree_and_start, press, problem, sees, show_sample, start
from tests.servers import reserved_port
from tests.test_deploy import answers
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
    response = requests.get(address, timeout=PATIENCE_S)
    return response.status_code, response.text


def has_ended(process: int) -> bool:
    """Whether a child process has ended; until its exit status is read, it is a zombie."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0] == "Z"


@pytest.fixture
def open_(browser: Browser) -> Iterator[Open]:
    """Open an address in a new window, with `CAMERA`."""
    with contextlib.ExitStack() as contexts:

        def open_page(address: str) -> Page:
            context = contexts.enter_context(own_context(browser, permissions=["camera"]))
            context.add_init_script(CAMERA)
            page = context.new_page()
            page.goto(address)
            return page

        yield open_page


def test_limits_and_an_orderly_stop(tmp_path: Path, open_: Open) -> None:
    settings = {"EMOMUSIC_MAX_VISITORS": "2", "EMOMUSIC_MAX_LIVE": "1", "EMOMUSIC_DRAIN_S": str(DRAIN_S)}
    with fresh_server(tmp_path, settings, script=SERVER) as server:
        wait_until(lambda: answer(f"{server}/ready")[0] == 200)
        first = open_(f"{server}/live")
        start(first)
        sees(first, "1 face ·")
        first.reload()
        start(first)  # the new session takes the place of the one before
        sees(first, "1 face ·")
        assert figure(server, "live_sessions") == 1

        second = open_(f"{server}/live")
        agree_and_start(second)  # the camera's place is taken
        expect(problem(second, Problem.FULL)).to_be_visible()

        third = open_(server + SAMPLE)  # all places of visitors are taken
        third.locator(BUSY).wait_for()
        assert third.locator("input[type=file]").count() == 0
        visit(second, "Film")  # a visitor who is inside stays
        assert second.locator(BUSY).count() == 0
        second.close()
        third.locator(RESULT).first.wait_for()
        assert third.locator(BUSY).count() == 0

        process = int((tmp_path / "pid").read_text(encoding="ascii"))
        os.kill(process, signal.SIGTERM)
        expect(first.locator(".st-key-live-restart")).to_be_visible()
        assert answer(f"{server}/ready") == (503, '{"status":"draining"}')
        open_(server).locator(BUSY).wait_for()
        press(first, "STOP")  # the last work in progress
        wait_until(lambda: has_ended(process))


@pytest.fixture
def turn(tmp_path: Path, root: Path) -> Iterator[SimpleNamespace]:
    """The log of a TURN server, and the settings with which the browser and the server must use it."""
    command = ["turnserver", "-c", str(root / "deploy/turn/turnserver.conf"), f"--static-auth-secret={TURN_SECRET}"]
    # The configuration refuses peers on the same machine. A browser may give up if the relay refuses one address of the
    # server before the browser has tried the next.
    command += ["--allow-loopback-peers", "--allowed-peer-ip=0.0.0.0-255.255.255.255"]
    command += [f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'users'}"]
    with reserved_port() as port, (tmp_path / "turn.log").open("wb") as log:
        command += [f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--verbose"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
        wait_until(lambda: answers(port))
        servers = [{"urls": [f"turn:127.0.0.1:{port}?transport=udp"]}]
        ice = json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"})
        settings = {"EMOMUSIC_ICE": ice, "EMOMUSIC_TURN_SECRET": TURN_SECRET, "EMOMUSIC_LIVE": "webrtc"}
        yield SimpleNamespace(settings=settings, log=tmp_path / "turn.log")
        process.terminate()
        process.wait(timeout=PATIENCE_S)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn: apt install coturn")
def test_video_passes_the_relay(open_: Open, turn: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> None:
    with fresh_server(tmp_path_factory.mktemp("server"), turn.settings, script=SERVER) as server:
        page = open_(f"{server}/live")
        start(page)
        sees(page, "1 face ·")
        show_sample(page, "four-people")
        sees(page, "4 faces ·")
        press(page, "STOP")  # a stop during a session logs a warning
        expect(page.locator(SUMMARY)).to_be_visible()

    def relay_granted(method: str) -> bool:
        # A refused request has the same text up to the comma
        text = turn.log.read_text(encoding="utf-8", errors="replace")
        return f":emomusic>: incoming packet {method} processed, success" in text

    wait_until(lambda: relay_granted("ALLOCATE"))
    # The browser chooses one of two methods
    wait_until(lambda: relay_granted("CREATE_PERMISSION") or relay_granted("CHANNEL_BIND"))
