"""Video through a real coturn server with the bundled configuration. The browser has no other route."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from emomusic.ui.live import ice
from tests.browser.conftest import fresh_server
from tests.browser.test_live import LONG_MS, SUMMARY, camera, film, open_live, sees, start, stream
from tests.servers import reserved_port

__all__ = ["film"]

pytestmark = pytest.mark.browser

SECRET = "a secret of the tests"


@contextlib.contextmanager
def coturn(folder: Path, root: Path) -> Iterator[int]:
    """Start a TURN server and yield its port."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("needs coturn: apt install coturn")
    command = [program, "-c", str(root / "deploy/turn/turnserver.conf"), f"--static-auth-secret={SECRET}"]
    # The configuration refuses peers on the same machine
    command += ["--allow-loopback-peers", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'users'}"]
    with reserved_port() as port, (folder / "turn.log").open("wb") as log:
        command += [f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--verbose"]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "coturn ended before it answered"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.25)
    raise AssertionError("coturn does not answer")


def test_video_passes_a_relay_with_temporary_credentials(
    playwright: Playwright, film: Path, root: Path, tmp_path: Path
) -> None:
    with coturn(tmp_path, root) as port:
        settings = {
            ice.ICE: json.dumps(
                {"iceServers": [{"urls": [f"turn:127.0.0.1:{port}?transport=udp"]}], "iceTransportPolicy": "relay"}
            ),
            ice.TURN_SECRET: SECRET,
        }
        with fresh_server(tmp_path, settings) as server, camera(playwright, film) as page:
            open_live(page, server)
            start(page)
            # Frames arrive; the networks may still be loading
            sees(page, "[0-9]+ faces? · [1-9]")
            # A server that stops during a session logs a warning of streamlit-webrtc
            stream(page).get_by_role("button", name="STOP").click()
            expect(page.locator(SUMMARY)).to_be_visible(timeout=LONG_MS)
    log = (tmp_path / "turn.log").read_text(encoding="utf-8", errors="replace")
    assert ":emomusic>: incoming packet ALLOCATE processed, success" in log
    # The browser chooses one of two methods. A refused request has the same text up to the comma
    methods = ("CREATE_PERMISSION", "CHANNEL_BIND")
    assert any(f":emomusic>: incoming packet {method} processed, success" in log for method in methods)
