"""Video through a real coturn with the shipped configuration, and no other way open to the browser."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from emomusic.ui.live import ice
from tests.browser.conftest import fresh_server
from tests.browser.test_live import agree, camera, film, sees, start

__all__ = ["film"]

pytestmark = pytest.mark.browser

SECRET = "a secret of the tests"  # of nobody else


@contextlib.contextmanager
def coturn(folder: Path, root: Path) -> Iterator[int]:
    """A TURN server on a free port of this machine; gives the port."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("needs coturn: apt install coturn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "-c", str(root / "deploy/turn/turnserver.conf"), f"--static-auth-secret={SECRET}"]
    command += [f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--verbose"]
    # Here the peers are on this very machine, which the configuration refuses
    command += ["--allow-loopback-peers", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'users'}"]
    with (folder / "turn.log").open("wb") as log:
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


def test_video_comes_through_a_relay_with_a_minted_user(
    playwright: Playwright, film: Path, root: Path, tmp_path: Path
) -> None:
    with coturn(tmp_path, root) as port:
        settings = {
            ice.TURN_URLS: f"turn:127.0.0.1:{port}?transport=udp",
            ice.TURN_SECRET: SECRET,
            ice.ICE_POLICY: "relay",
        }
        with fresh_server(tmp_path, settings) as server, camera(playwright, film) as page:
            page.goto(f"{server}/live")
            agree(page)
            start(page)
            # So many frames a second, whether or not the networks are loaded yet
            sees(page, "[0-9]+ faces? · [1-9]")
    log = (tmp_path / "turn.log").read_text(encoding="utf-8", errors="replace")
    assert ":emomusic>: incoming packet ALLOCATE processed, success" in log
    # Either lets the peer through, whichever the browser asks for; of a refused one the same is told, up to the comma
    ways_in = ("CREATE_PERMISSION", "CHANNEL_BIND")
    assert any(f":emomusic>: incoming packet {way} processed, success" in log for way in ways_in)
