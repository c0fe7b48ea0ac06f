"""Measure the player in Chromium: its position on the first screen, and the time until another song is in the page.

    python -m scripts.measure_player > docs/benchmarks/player.json

Requires Chromium and Playwright (requirements-dev.txt).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
from typing import Any

from playwright.sync_api import Page, sync_playwright

from emomusic.cli.timing import machine
from scripts.measure_app import open_page, start_server, wait_for_result, wait_for_server

_NUM_CLICKS = 20
_SAMPLES = ("barack-obama-2012", "four-people")
_SIZES = ((1440, 900), (390, 844))
_TOP = "document.querySelector('iframe[src*=\"open.spotify.com\"]').getBoundingClientRect().top"

# Milliseconds from the click to a frame with another address and its title below it
_CLICK = """key => new Promise(resolve => {
  const player = () => document.querySelector('iframe[src*="open.spotify.com"]')?.src;
  const before = player(), began = performance.now();
  const observer = new MutationObserver(() => {
    if (player() && player() !== before) { observer.disconnect(); resolve(performance.now() - began); }
  });
  observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  document.querySelector(`.st-key-${key} button`).click();
})"""


def click_times(page: Page, key: str) -> list[float]:
    """Milliseconds from each of several clicks on a button to another song in the player."""
    times = []
    for _ in range(_NUM_CLICKS):
        times.append(page.evaluate(_CLICK, key))
        page.wait_for_timeout(300)
    return times


def main() -> None:
    """Run all measurements and print them as JSON."""
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    chromium = next(path for name in names if (path := shutil.which(name)))
    figures: dict[str, Any] = {"machine": machine()}
    server, address = start_server()
    wait_for_server(address)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for sample in _SAMPLES:
            page = open_page(browser, f"{address}/?sample={sample}")
            wait_for_result(page)
            for width, height in _SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(1000)
                figures[f"pixels above the player, {sample}, {width}x{height}"] = round(page.evaluate(_TOP))
            page.set_viewport_size({"width": 1440, "height": 900})
            page.wait_for_timeout(1000)
        for key, name in (("next-photo", "Next song"), ("skip-photo", "Not for me")):
            times = click_times(page, key)
            figures[f"ms from {name} to another song, median"] = round(statistics.median(times))
            figures[f"ms from {name} to another song, 95 %"] = round(statistics.quantiles(times, n=20)[-1])
        browser.close()
    server.terminate()
    server.wait(30)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    os.environ.pop("DISPLAY", None)
    main()
