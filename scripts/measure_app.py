"""Measure the app in Chromium: first paint and result, clicks on samples, memory, the next song.

    python -m scripts.measure_app > docs/benchmarks/app.json
    python -m scripts.measure_app --use 30 > docs/benchmarks/use.json

The second command measures the memory of the server while one visitor uses all pages for some minutes.
Requires Chromium and Playwright (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from emomusic.assets import ROOT, data_dir
from scripts.servers import run_replica
from scripts.timing import machine, resident_mb, spread

_TIMEOUT_MS = 60_000
_NUM_STARTS, _NUM_VISITORS, _NUM_PHOTOS, _NUM_CLICKS = 3, 10, 10, 20
_REST_S = 10  # the server returns free memory every five seconds
_APP = ROOT / "app.py"
_SAMPLES = data_dir() / "samples"

# Whether the sentence, another photo than `before` with its faces, and the sound of a song are there
_IS_ANSWERED = """before => {
  const title = document.querySelector(".st-key-sentence h1")?.textContent;
  const photo = document.querySelector(".st-key-photo-preview:has(.st-key-photo-face-1) img");
  const isShown = title && title !== "Looking for faces" && photo?.checkVisibility() && photo.src !== before;
  return isShown && window.emomusicPlayer?.song && !window.emomusicPlayer.audio.paused && photo.src;
}"""
# Milliseconds from a click to another song that sounds
_CLICK = """key => new Promise(resolve => {
  const player = window.emomusicPlayer, before = player.song.id, began = performance.now();
  const timer = setInterval(() => {
    if (player.song?.id === before || player.audio.paused) return;
    clearInterval(timer);
    resolve(performance.now() - began);
  }, 5);
  document.querySelector(`.st-key-${key} button`).click();
})"""
# Milliseconds from a click on a sample to its photo with faces and sentence, and to its complete answer
_CHOOSE = """name => new Promise(resolve => {
  const image = () => document.querySelector(".st-key-photo-preview img")?.src;
  const before = image(), began = performance.now(), times = [];
  const timer = setInterval(() => {
    const title = document.querySelector(".st-key-sentence h1")?.textContent;
    if (!image() || image() === before || title === "Looking for faces") return;
    if (!times.length) times.push(performance.now() - began);
    if (document.querySelector("[data-stale='true']")) return;
    clearInterval(timer);
    resolve([...times, performance.now() - began]);
  }, 5);
  document.querySelector(`.st-key-sample-${name} button`).click();
})"""


def open_page(browser: Browser, address: str) -> Page:
    """Open the app in a new session. Spotify does not answer there, so the bundled songs play."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(address)
    return page


def wait_for_result(page: Page, before: str = "") -> str:
    """Wait for the answer to another photo than `before`, at each frame; returns the address of the photo."""
    return str(page.wait_for_function(_IS_ANSWERED, arg=before).json_value())


def upload(page: Page, number: int) -> None:
    """Upload a sample. After the first photo, the uploader is in a menu."""
    menu = page.get_by_role("button", name="Other photos")
    if menu.count():
        menu.click()
    pictures = sorted(_SAMPLES.glob("*.jpg"))
    page.locator("input[type=file]").first.set_input_files(pictures[number % len(pictures)])


def measure_start(browser: Browser) -> dict[str, Any]:
    """Seconds from the server's start to the first result."""
    seconds = []
    for _ in range(_NUM_STARTS):
        began_s = time.perf_counter()
        with run_replica("app", script=_APP) as server:
            page = open_page(browser, f"{server.address}/?sample=eileen-collins-1999")
            wait_for_result(page)
            seconds.append(round(time.perf_counter() - began_s, 2))
            page.context.close()
    return {"seconds from the server's start to the first result": sorted(seconds)}


def measure_memory(browser: Browser) -> dict[str, Any]:
    """Memory of the server after ten photos of one visitor, and after ten visitors at once."""
    with run_replica("app", script=_APP) as server:
        page, shown = open_page(browser, server.address), ""
        for number in range(_NUM_PHOTOS):
            upload(page, number)
            shown = wait_for_result(page, shown)
        time.sleep(_REST_S)
        figures = {"MB ten seconds after ten photos": round(resident_mb(server.process.pid))}
        pages = [open_page(browser, server.address) for _ in range(_NUM_VISITORS)]
        for number, each in enumerate(pages):  # all uploads before the first result
            upload(each, number)
        for each in pages:
            wait_for_result(each)
        time.sleep(_REST_S)
        return figures | {"MB ten seconds after ten concurrent visitors": round(resident_mb(server.process.pid))}


def measure_use(browser: Browser, minutes: float) -> dict[str, Any]:
    """Memory of the server in megabytes while one visitor uses all pages, round after round, and afterwards."""
    figures: dict[str, Any] = {"minutes": minutes, "MB after each round": []}
    with run_replica("app", script=_APP) as server:
        page = open_page(browser, f"{server.address}/?sample=four-people")
        wait_for_result(page)
        ends_s = time.monotonic() + 60 * minutes
        while time.monotonic() < ends_s:
            for name, (clicks, repeats, wait_ms) in _USES.items():
                page.get_by_role("link", name=name).first.click()
                page.locator("h1").first.wait_for()
                page.wait_for_timeout(_LOOK_MS)
                for _ in range(repeats):
                    for button in page.locator(clicks).all():
                        button.click()
                        page.wait_for_timeout(_LOOK_MS)
                page.wait_for_timeout(wait_ms)
            figures["MB after each round"].append(round(resident_mb(server.process.pid)))
        page.context.close()
        time.sleep(_GONE_S)
        return figures | {"MB after the page was closed": round(resident_mb(server.process.pid))}


_LOOK_MS, _GONE_S = 1500, 150
# What a visitor clicks on each page and how often, and the milliseconds of a look at it
_USES = {
    "Photo": ("[class*='st-key-sample-'] button:visible, .st-key-next-photo button", 1, 0),
    "Live": (".st-key-live-start button", 1, 15_000),  # later visits start by themselves
    "Film": (".st-key-film-sample button", 1, 15_000),
    "Music": ("[role=tab]", 1, 0),
    "Models": ("[role=tab]", 1, 0),
    "How it works": ("[class*='st-key-how-next'] button", 11, 0),
}


def measure_clicks(browser: Browser, address: str) -> dict[str, Any]:
    """Time until a new visitor sees a title, and from a click on a sample to its answer."""
    paints, times = [], []
    for _ in range(_NUM_STARTS):
        began_s = time.perf_counter()
        page = open_page(browser, address)
        page.locator("h1").wait_for()
        paints.append(round(time.perf_counter() - began_s, 2))
        page.context.close()
    page = open_page(browser, f"{address}/?sample=four-people")
    wait_for_result(page)
    samples = [path.stem for path in sorted(_SAMPLES.glob("*.jpg")) if path.stem != "four-people"]
    for name in samples * 2:
        page.wait_for_timeout(500)
        times.append(page.evaluate(_CHOOSE, name))
    page.context.close()
    sentences, answers = zip(*times, strict=True)
    return {
        "seconds until a new visitor sees the title": sorted(paints),
        "ms from a click on a sample to its sentence, median and 95 %": [round(value) for value in spread(sentences)],
        "ms from a click on a sample to its whole answer, median and 95 %": [round(value) for value in spread(answers)],
    }


def measure_player(page: Page) -> dict[str, Any]:
    """The time until another song sounds."""
    figures: dict[str, Any] = {}
    for key, name in (("next-photo", "Next song"), ("skip-photo", "Not for me")):
        times = []
        for _ in range(_NUM_CLICKS):
            times.append(page.evaluate(_CLICK, key))
            page.wait_for_timeout(300)
        figures[f"ms from {name} to another song, median and 95 %"] = [round(value) for value in spread(times)]
    return figures


def main() -> None:
    """Run the measurements and print them as JSON."""
    parser = argparse.ArgumentParser(description="Measure the app in Chromium.")
    parser.add_argument("--use", type=float, metavar="MINUTES", help="only measure a visitor's use of all pages")
    minutes = parser.parse_args().use
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    figures = {"machine": machine()}
    with sync_playwright() as playwright:
        camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        sound = ("--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP open.spotify.com ~NOTFOUND")
        flags = ["--no-sandbox", "--disable-gpu", *camera, *sound]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        if minutes is not None:
            print(json.dumps(figures | measure_use(browser, minutes), indent=2))
            return
        figures |= measure_start(browser) | measure_memory(browser)
        with run_replica("app", script=_APP) as server:
            page = open_page(browser, f"{server.address}/?sample=four-people")
            wait_for_result(page)
            figures |= measure_clicks(browser, server.address) | measure_player(page)
        browser.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
