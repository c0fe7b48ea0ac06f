"""Memory of a real server: photos of the gallery, photos of closed pages, and downloads."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, fresh_server, without_spotify
from tests.browser.player import PLAYER

pytestmark = pytest.mark.browser


def holds_upload(address: str, expected: bool) -> bool:
    """Whether the server holds an uploaded file, or none, within a minute; its metrics may be 5 s old."""
    for _ in range(60):
        with urllib.request.urlopen(f"{address}/_stcore/metrics") as metrics:
            if expected == (b'"UploadedFileManager"' in metrics.read()):
                return True
        time.sleep(1)
    return False


def is_served(address: str) -> bool:
    """Whether the server has a file."""
    try:
        with urllib.request.urlopen(address):
            return True
    except urllib.error.HTTPError:
        return False


def test_a_photo_is_deleted_after_its_page_is_closed(browser: Browser, tmp_path: Path, root: Path) -> None:
    with fresh_server(tmp_path, {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20"}) as address:
        context = browser.new_context()
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.locator("input[type=file]").set_input_files(root / "data/samples/eileen-collins-1999.jpg")
        page.locator(PLAYER).wait_for()
        photo = page.get_by_role("img", name="The photo with framed faces").evaluate("image => image.src")
        assert is_served(photo)
        context.close()
        for _ in range(120):
            if not is_served(photo):
                break
            time.sleep(1)
        assert not is_served(photo)
        assert holds_upload(address, False)


def test_the_gallery_releases_a_photo_after_reading(browser: Browser, tmp_path: Path, root: Path) -> None:
    with fresh_server(tmp_path) as address:
        context = browser.new_context()
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/gallery")
        page.locator("input[type=file]").set_input_files(root / "data/samples/joe-biden-2010.jpg")
        page.get_by_text("1 face in 1 photo").wait_for()
        time.sleep(6)  # longer than the age of the server's metrics
        assert holds_upload(address, False)
        context.close()


def test_a_download_stays_available_while_others_use_the_app(open_page: Callable[..., Page]) -> None:
    page, other = open_page(), open_page()
    page.goto(page.url.rstrip("/") + "/models")
    page.get_by_role("button", name="Download").first.click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All models (JSON)").click()
    for _ in range(3):
        other.reload()
        expect(other.get_by_text("an expression is not a feeling")).to_be_visible()
        expect(other.get_by_test_id("stStatusWidget")).to_have_count(0)
    assert page.request.get(waiting.value.url).ok
