"""Take the README's screenshots, a card and its moving picture from a running app: wide and narrow, light and dark.

ffmpeg -loop 1 -i data/samples/four-people.jpg -t 4 -r 12 -pix_fmt yuv420p -vf "scale=640:-2,pad=640:480:0:-1" f.y4m
EMOMUSIC_DATA= EMOMUSIC_MAX_LIVE=9 streamlit run app.py --server.headless true &
python -m scripts.take_screenshots http://localhost:8501 docs/screenshots f.y4m

The video replaces the webcam. EMOMUSIC_DATA is empty because FER2013's images must not be published.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page

from scripts.bench_app import chromium

SIZES = {1440: 900, 390: 844}
THEMES = ("light", "dark")
DEMO = ("photo-1440-light", "card", "game-1440-light", "film-1440-light", "sound-1440-light")
DEMO_SIZE, DEMO_MS = (1080, 675), 2500

SHOTS = {
    "start": ("/", ".st-key-without-face button"),
    "photo": ("/?sample=four-people", ".st-key-next-photo button"),
    "several": ("/?sample=all", ".st-key-next-photo button"),
    "details": ("/?sample=four-people", ".st-key-plane .js-plotly-plot"),
    "film": ("/film?film=sample", ".st-key-film-downloads button"),
    "music": ("/music", ".js-plotly-plot"),
    "models": ("/models?model=emonet_photo&model=emonet", ".js-plotly-plot"),
    "how": ("/how_it_works?sample=four-people&step=proposals", "[class*='st-key-how-moments'] g.many"),
    "sound": ("/how_it_works?sample=four-people&step=sound", "[class*='st-key-how-'] .js-plotly-plot"),
}
"""Address and awaited element of each picture."""

SILENT = {"start", "music", "models"}
"""The others play their song, if there is one."""

TABS = {"details": "Map", "models": "Confusions"}
"""Tabs that are opened first."""


def take(page: Page, out: Path, name: str) -> None:
    """Save a screenshot after animations have ended."""
    page.wait_for_timeout(3000)
    page.screenshot(path=out / f"{name}.png")
    print(out / f"{name}.png")


def play(page: Page) -> None:
    """Play the page's song, if there is one that waits for a click."""
    button = page.locator("[class*='st-key-start-'] button")
    if button.count():
        button.first.click()
        page.wait_for_function("window.emomusicPlayer.isPlaying && window.emomusicPlayer.audio.currentTime > 1")


def save_card(page: Page, url: str, path: Path) -> None:
    """Save the card of the photo."""
    page.goto(f"{url}{SHOTS['photo'][0]}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("tab", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Card (PNG)").click()
    waiting.value.save_as(path)


def open_live(page: Page, url: str, view: str, ready: str) -> None:
    """Open a view of the live page, start it, and wait until the video runs and shows the element `ready`."""
    page.goto(f"{url}/live?shown={view}")
    page.locator(".st-key-live-agrees label").click()
    page.locator(".st-key-live-start button").click()
    page.locator(ready).wait_for()


def take_live(page: Page, url: str, out: Path, ending: str) -> None:
    """Save the readings, a round of the mirror game, and the lesson with a face that it took."""
    open_live(page, url, "Faces", ".st-key-live_music")
    page.wait_for_timeout(12_000)  # for a longer timeline
    take(page, out, f"live-{ending}")
    open_live(page, url, "Mirror+game", ".st-key-live-game-start button:enabled")
    page.locator(".st-key-live-game-start button").click()
    page.get_by_text("Look ").wait_for()
    page.locator('[role="meter"]:not([aria-valuenow="0"])').first.wait_for()
    take(page, out, f"game-{ending}")
    open_live(page, url, "Teach+it+your+face", ".st-key-teach-start button:enabled")
    page.locator(".st-key-teach-start button").click()
    page.locator(".st-key-teach-keep button").wait_for()
    take(page, out, f"lesson-{ending}")


def main(url: str, out: Path, film: Path) -> None:
    """Save screenshots of every page in all sizes and both themes."""
    out.mkdir(parents=True, exist_ok=True)
    with chromium(f"--use-file-for-fake-video-capture={film.resolve()}") as browser:  # bundled songs play
        for theme in THEMES:
            for width, height in SIZES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme, permissions=["camera"]
                )
                page = context.new_page()
                page.set_default_timeout(120_000)
                for name, (path, ready) in SHOTS.items():
                    page.goto(f"{url}{path}")
                    if name in TABS:
                        page.get_by_role("tab", name=TABS[name]).click()
                    page.locator(ready).first.wait_for(state="attached")
                    if name not in SILENT:
                        play(page)
                    take(page, out, f"{name}-{width}-{theme}")
                take_live(page, url, out, f"{width}-{theme}")
                if (width, theme) == (1440, "light"):
                    save_card(page, url, out / "card.png")
                context.close()
    first, *others = (ImageOps.pad(Image.open(out / f"{name}.png").convert("RGB"), DEMO_SIZE) for name in DEMO)
    first.save(out.parent / "demo.webp", save_all=True, append_images=others, duration=DEMO_MS, loop=0, quality=80)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
