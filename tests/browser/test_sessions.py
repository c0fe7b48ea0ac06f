"""What a real server holds of photos: little of the gallery's, nothing of a closed page's, though nobody else comes."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import PATIENCE_MS, fresh_server, without_spotify

pytestmark = pytest.mark.browser


def wait_until(address: str, *, held: bool) -> None:
    """Wait until the server holds an uploaded file, or none; its figures may be five seconds old."""
    deadline = time.monotonic() + 60
    while held != (b'"UploadedFileManager"' in urllib.request.urlopen(f"{address}/_stcore/metrics").read()):
        assert time.monotonic() < deadline, "no photo is there" if held else "the photo is still there"
        time.sleep(1)


def test_a_photo_is_held_as_long_as_its_page_is_open(browser: Browser, tmp_path: Path, root: Path) -> None:
    with fresh_server(tmp_path, {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20"}) as address:
        context = browser.new_context()
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.locator("input[type=file]").set_input_files(root / "data/samples/eileen-collins-1999.jpg")
        page.get_by_text("Music for it").wait_for()
        wait_until(address, held=True)
        context.close()
        wait_until(address, held=False)


def test_the_gallery_holds_no_photo_that_was_read(browser: Browser, tmp_path: Path, root: Path) -> None:
    with fresh_server(tmp_path) as address:
        context = browser.new_context()
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/gallery")
        page.locator("input[type=file]").set_input_files(root / "data/samples/joe-biden-2010.jpg")
        page.get_by_text("1 face in 1 picture").wait_for()
        time.sleep(6)  # longer than the server's figures are kept
        wait_until(address, held=False)
        context.close()
