"""Video through coturn, in Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import fresh_server, own_context
from tests.browser.live import CAMERA, SUMMARY, press, sees, show_sample, start
from tests.servers import reserved_port
from tests.test_deploy import answers
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.browser

TURN_SECRET = "a secret of the tests"


@dataclass(frozen=True)
class Turn:
    """A TURN server, which the browser and the server must use."""

    port: int
    log: Path

    @property
    def settings(self) -> dict[str, str]:
        """Those of the server."""
        servers = [{"urls": [f"turn:127.0.0.1:{self.port}?transport=udp"]}]
        return {
            "EMOMUSIC_ICE": json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}),
            "EMOMUSIC_TURN_SECRET": TURN_SECRET,
            "EMOMUSIC_LIVE": "webrtc",
        }


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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn: apt install coturn")
def test_video_passes_the_relay(browser: Browser, turn: Turn, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("server")
    with (
        fresh_server(folder, turn.settings, script="emomusic/server/asgi.py") as server,
        own_context(browser, permissions=["camera"]) as context,
    ):
        context.add_init_script(CAMERA)
        page = context.new_page()
        page.goto(f"{server}/live")
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
