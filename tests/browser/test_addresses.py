"""The app below a path of its server, and uploads that a proxy refuses."""

from __future__ import annotations

import contextlib
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, fresh_server
from tests.browser.player import level, sounding
from tests.browser.waiting import wait_until_idle
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


def is_ready(address: str) -> bool:
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{address}/ready") as answer:
        return bool(answer.headers["content-type"] == "application/json")
    return False


def test_songs_of_the_app_sound_below_a_path_of_the_server(browser: Browser, tmp_path: Path) -> None:
    settings = {"STREAMLIT_SERVER_BASE_URL_PATH": "music/box"}
    with fresh_server(tmp_path, settings, path="/music/box") as address, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        urls: list[str] = []
        page.on("response", lambda response: urls.append(f"{response.status} {response.url}"))
        page.goto(f"{address}/?sample=eileen-collins-1999&songs=bundled")
        assert sounding(page)
        wait_until(lambda: is_ready(address))
        assert level(page) > 0.01
        served = [url for url in urls if "/app/static/" in url]
        assert served
        assert all(re.match(rf"20[06] {address}/app/static/", url) for url in served)


def test_an_upload_that_a_proxy_refuses_has_a_sentence(open_page: Callable[..., Page], root: Path) -> None:
    page = open_page()
    status = 0
    page.route("**/_stcore/upload_file/**", lambda route: route.fulfill(status=status))
    for status in (413, 502, 403):  # noqa: B007 (of the route)
        page.reload()
        wait_until_idle(page)
        page.locator('input[type="file"]').first.set_input_files(root / "data/samples/eileen-collins-1999.jpg")
        uploader = page.get_by_test_id("stFileUploader").first
        expect(uploader).to_contain_text("owner")
        expect(uploader).not_to_contain_text("status code")
