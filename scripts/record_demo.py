"""Record the README's animation from a running app.

EMOMUSIC_DATA= streamlit run app.py --server.headless true &
python -m scripts.record_demo http://localhost:8501 docs/demo.webp

A placeholder replaces Spotify's players, so that the recording needs no network.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from emomusic.ui.core import state
from scripts.take_screenshots import DETAILS, PLAYER, PLAYER_FRAME

SIZE = {"width": 1280, "height": 800}
WIDTH = 900  # of the animation
MAX_BYTES = 3_000_000

SCROLL_STEPS = 6


class Recorder:
    """Collects screenshots and their durations."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.durations_ms: list[int] = []

    def add(self, duration_ms: int) -> None:
        """Add a screenshot of the window."""
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(image.resize((WIDTH, WIDTH * SIZE["height"] // SIZE["width"]), Image.Resampling.LANCZOS))
        self.durations_ms.append(duration_ms)

    def scroll_to(self, selector: str) -> None:
        """Scroll smoothly until the first match is at the top, then pause."""
        distance = self.page.locator(selector).first.evaluate("element => element.getBoundingClientRect().top - 80")
        main = self.page.locator('[data-testid="stMain"]')
        for _ in range(SCROLL_STEPS):
            main.evaluate("(element, by) => element.scrollBy(0, by)", distance / SCROLL_STEPS)
            self.page.wait_for_timeout(50)
            self.add(80)
        self.page.wait_for_timeout(600)
        self.add(2200)

    def save(self, path: Path) -> None:
        """Write the animation."""
        first, *others = self.frames
        first.save(path, save_all=True, append_images=others, duration=self.durations_ms, loop=0, quality=70, method=6)
        if path.stat().st_size > MAX_BYTES:
            raise RuntimeError(f"expected at most {MAX_BYTES} bytes. Received: {path.stat().st_size}")
        print(f"{path}: {len(self.frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


def show_photo(recorder: Recorder, url: str) -> None:
    """Show a sample photo, its faces and a song, choose one face, play the next song, and show the plane."""
    page = recorder.page
    page.goto(url)
    page.locator('[data-testid="stFileUploader"]').wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(1500)
    recorder.add(1800)
    page.goto(f"{url}/?sample=four-people")
    page.locator(PLAYER_FRAME).first.wait_for(state="attached")
    page.locator(f"{DETAILS} .js-plotly-plot").nth(1).wait_for()
    page.wait_for_timeout(1500)
    recorder.add(2600)
    page.get_by_role("radio", name="Face 2").click()
    page.wait_for_timeout(1500)
    recorder.add(2000)
    page.get_by_role("button", name="Next song").click()
    page.wait_for_timeout(1500)
    recorder.add(2000)
    recorder.scroll_to(DETAILS)


def show_page(recorder: Recorder, address: str, ready: str) -> None:
    """Open a page and pause."""
    recorder.page.goto(address)
    recorder.page.locator(ready).first.wait_for()
    recorder.page.wait_for_timeout(2500)
    recorder.add(2400)


def main(url: str, path: Path) -> None:
    """Record the Photo, Gallery, Music, How it works and Models pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport=SIZE, color_scheme="light")
        context.route("https://open.spotify.com/**", lambda r: r.fulfill(body=PLAYER, content_type="text/html"))
        page = context.new_page()
        page.set_default_timeout(60_000)
        recorder = Recorder(page)
        show_photo(recorder, url)
        show_page(recorder, f"{url}/gallery?{state.GALLERY_RESULT}=samples", '[data-testid="stImage"] img')
        show_page(recorder, f"{url}/music", ".js-plotly-plot")
        show_page(recorder, f"{url}/how_it_works?sample=four-people&step=proposals", '[data-testid="stImage"] img')
        show_page(recorder, f"{url}/models?faces=emonet_photo", ".js-plotly-plot")
        browser.close()
    recorder.save(path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
