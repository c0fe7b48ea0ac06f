"""Two replicas behind Caddy with the committed configuration: upload, download and live camera in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from tests.browser.conftest import fresh_server
from tests.browser.test_live import SUMMARY, camera, film, open_live, sees, start, stream
from tests.browser.test_server import RESULT, SERVER, figure
from tests.test_caddy import run_caddy

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Caddy: apt install caddy"),
]

__all__ = ["film"]  # a fixture


@dataclass(frozen=True)
class Replica:
    """A server; its folder has the number of its process."""

    address: str
    folder: Path

    def kill(self) -> None:
        os.kill(int((self.folder / "pid").read_text(encoding="ascii")), signal.SIGKILL)


@pytest.fixture
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    with contextlib.ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("replica") for _ in range(2)]
        yield [Replica(stack.enter_context(fresh_server(folder, script=SERVER)), folder) for folder in folders]


@pytest.fixture
def proxy(replicas: list[Replica], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = Path(__file__).resolve().parents[2]
    with run_caddy(root, tmp_path_factory.mktemp("caddy"), [replica.address for replica in replicas]) as (address, _):
        yield address


def test_uploads_downloads_and_the_camera_pass_the_proxy_and_a_killed_replica_loses_only_its_own_visitors(
    playwright: Playwright, proxy: str, replicas: list[Replica], film: Path, root: Path
) -> None:
    with camera(playwright, film) as page, camera(playwright, film) as other:
        open_live(page, proxy)
        start(page)
        sees(page, "[014] faces? ·")
        busy = [figure(replica.address, "live_sessions") for replica in replicas]
        assert sorted(busy) == [0, 1]
        idle = replicas[busy.index(0)]
        other.goto(proxy)
        while figure(idle.address, "visitors") == 0:  # the proxy chooses a replica at random
            other.context.clear_cookies()
            other.goto(proxy)
            other.get_by_role("heading", level=1).wait_for()
        other.locator("input[type=file]").first.set_input_files(root / "data/samples/barack-obama-2012.jpg")
        picture = other.locator(RESULT).first
        picture.wait_for()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        other.get_by_role("button", name="Download").click()
        with other.expect_download() as waiting:
            other.get_by_role("button", name="Everything").click()
        assert json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))["image"] == "barack-obama-2012.jpg"
        idle.kill()
        sees(page, "[14] faces? ·")  # the video continues
        other.goto(f"{proxy}/?sample=eileen-collins-1999")
        other.locator(RESULT).first.wait_for()
        stream(page).get_by_role("button", name="STOP").click()  # a stop during a session logs a warning
        expect(page.locator(SUMMARY)).to_be_visible()
