"""What a real server keeps of visitors: photos and films while their pages are open, and nothing after that."""

from __future__ import annotations

import contextlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from emomusic.app.film.job import THREAD_NAME
from tests.browser.conftest import PATIENCE_MS, fresh_server, without_spotify
from tests.browser.player import PLAYER
from tests.films import BIDEN, COLLINS, HOPPER, write_film
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

UPLOADED = re.compile(r'^cache_memory_bytes\{cache_type="UploadedFileManager".*\} (\d+)$', re.MULTILINE)


def uploaded_bytes(address: str) -> int:
    """The size of all uploads in the server's memory, which may be 5 s old after the first question."""
    with urllib.request.urlopen(f"{address}/_stcore/metrics") as metrics:
        return sum(map(int, UPLOADED.findall(metrics.read().decode())))


def is_served(address: str) -> bool:
    """Whether the server has a file."""
    try:
        with urllib.request.urlopen(address):
            return True
    except urllib.error.HTTPError:
        return False


def unnamed_files(folder: Path) -> Iterator[str]:
    """The open files in a folder that have no name, of all processes."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # closed meanwhile, or of another user
            target = str(link.readlink())
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                yield target


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the open files of Linux")
def test_photos_and_films_are_deleted_after_reading_or_after_their_pages_are_closed(
    browser: Browser, tmp_path: Path, root: Path
) -> None:
    folder, threads, film = tmp_path / "temporary", tmp_path / "threads", tmp_path / "long.mp4"
    folder.mkdir()
    shots = [(COLLINS, 240), (BIDEN, 240), (HOPPER, 240)]  # take longer to read than the test
    write_film(film, shots, size=(160, 90), rate=5)
    settings = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20", "TMPDIR": str(folder)}
    with fresh_server(tmp_path, settings) as address, browser.new_context() as context:
        without_spotify(context)

        def open_(path: str, file: Path | list[Path]) -> Page:
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(address + path)
            page.locator('input[type="file"]').set_input_files(file)
            return page

        photos = [root / f"data/samples/{name}.jpg" for name in ("joe-biden-2010", "grace-hopper-1984")]
        # Streamlit opens `pages/photo.py` of a fresh server without `app.py`; see `require_app`
        several = open_("/photo", photos)
        several.get_by_text("2 faces in 2 photos").wait_for()
        expect(several.get_by_text("an expression is not a feeling").first).to_be_visible()
        expect(several.get_by_test_id("stSidebarNav")).to_have_count(0)
        wait_until(lambda: uploaded_bytes(address) == 0)  # released after reading

        page = open_("/", root / "data/samples/eileen-collins-1999.jpg")
        page.locator(PLAYER).wait_for()
        photo = page.locator(".st-key-photo-preview img").evaluate("image => image.src")
        assert is_served(photo)

        expect(open_("/film", film).get_by_text(re.compile("^Reading: "))).to_be_visible()
        wait_until(lambda: uploaded_bytes(address) == 0)  # released after copying, although the page is open
        assert len(list(unnamed_files(folder))) == 1
        assert list(folder.iterdir()) == []
        wait_until(lambda: THREAD_NAME in threads.read_text().splitlines())
        for closed in context.pages:
            closed.close()
        wait_until(lambda: not is_served(photo))
        wait_until(lambda: uploaded_bytes(address) == 0)
        wait_until(lambda: not list(unnamed_files(folder)))
        wait_until(lambda: THREAD_NAME not in threads.read_text().splitlines())
        assert list(folder.iterdir()) == []
