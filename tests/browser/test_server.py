"""The app as a server for many visitors: limits, monitoring and an orderly stop, in Chromium."""

from __future__ import annotations

import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from emomusic.ui.live.session import Problem
from tests.browser.conftest import PATIENCE_MS, fresh_server, visit, without_spotify
from tests.browser.test_live import camera, film, open_live, problem, sees, start, stream
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

__all__ = ["film"]  # a fixture

Open = Callable[[str], Page]

SERVER = "emomusic/ui/server/asgi.py"
BUSY = ".st-key-busy"
SAMPLE = "/?sample=eileen-collins-1999"
DRAIN_S = 300  # the test does not wait for it
RESULT = "img[alt*='face 1 ' i]"


def answer(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def has_ended(process: int) -> bool:
    """Whether a child process has ended; until its exit status is read, it is a zombie."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0] == "Z"


def figure(server: str, name: str) -> float:
    found = re.search(rf"^emomusic_{name} (\S+)$", answer(f"{server}/metrics")[1], re.MULTILINE)
    assert found is not None
    return float(found[1])


def wait_until_ready(server: str) -> None:
    wait_until(lambda: answer(f"{server}/ready")[0] == 200)


@pytest.fixture
def open_(browser: Browser) -> Iterator[Open]:
    """Open an address in a new window."""
    contexts: list[BrowserContext] = []

    def open_page(address: str) -> Page:
        context = browser.new_context()
        contexts.append(context)
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_limits_and_an_orderly_stop(tmp_path: Path, playwright: Playwright, film: Path, open_: Open) -> None:
    settings = {"EMOMUSIC_MAX_VISITORS": "2", "EMOMUSIC_MAX_LIVE": "1", "EMOMUSIC_DRAIN_S": str(DRAIN_S)}
    with (
        fresh_server(tmp_path, settings, script=SERVER) as server,
        camera(playwright, film) as first,
        camera(playwright, film) as second,
    ):
        wait_until_ready(server)
        open_live(first, server)
        start(first)
        sees(first, "[014] faces? ·")
        assert figure(server, "live_sessions") == 1

        open_live(second, server)  # the camera's place is taken
        expect(problem(second, Problem.FULL)).to_be_visible()
        assert stream(second).locator("button").count() == 0
        second.locator(f".st-key-live-snapshot-{Problem.FULL} button").click()
        expect(second.get_by_test_id("stCameraInput")).to_be_visible()

        third = open_(server + SAMPLE)  # all places of visitors are taken
        third.locator(BUSY).wait_for()
        assert third.locator("input[type=file]").count() == 0
        assert figure(server, "visitors") == 2
        visit(second, "Music")  # a visitor who is inside stays
        assert second.locator(BUSY).count() == 0
        second.context.close()
        third.locator(RESULT).first.wait_for()
        assert third.locator(BUSY).count() == 0
        assert figure(server, "visitors") == 2

        process = int((tmp_path / "pid").read_text(encoding="ascii"))
        os.kill(process, signal.SIGTERM)
        expect(first.locator(".st-key-live-restart")).to_be_visible()
        assert answer(f"{server}/ready") == (503, '{"status":"draining"}')
        open_(server).locator(BUSY).wait_for()
        stream(first).get_by_role("button", name="STOP").click()  # the last work in progress
        wait_until(lambda: has_ended(process))
