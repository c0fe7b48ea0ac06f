"""Measure the Music page in Chromium: time until the plane is painted, and until a selection lists songs.

    python -m scripts.measure_music_page > music_page.json

Requires Chromium and Playwright (requirements-dev.txt). Without a GPU, Chromium draws WebGL on the processor, which
takes several times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from emomusic.cli.timing import machine
from scripts.measure_app import start_server, wait_for_server

_TIMEOUT_MS = 60_000
_PLACEHOLDER = "player"
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
_BOXES = ((0.62, 0.55, 0.68, 0.62), (0.7, 0.1, 0.95, 0.4), (0.5, 0.0, 1.0, 1.0))
"""Selections as left, top, right and bottom shares of the plane: small, medium, and a third of all songs."""

_WATCH = """() => {
  // The plane is in a shadow root. Reading one pixel waits until WebGL is done.
  const find = () => {
    for (const element of document.querySelectorAll("div")) {
      const canvas = element.shadowRoot?.querySelector("canvas[data-painted]");
      if (canvas) return canvas;
    }
  };
  const seconds = () => (performance.now() - window.startOfPage) / 1000;
  const look = () => {
    if (!window.titleSeconds && document.querySelector("h1")) window.titleSeconds = seconds();
    const canvas = find();
    if (!canvas) {
      setTimeout(look, 5);
      return;
    }
    const gl = canvas.getContext("webgl");
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    requestAnimationFrame(() => setTimeout(() => window.planeSeconds = seconds()));
  };
  window.startOfPage = 0;
  look();
  addEventListener("click", () => window.startOfPage = performance.now(), {capture: true});
}"""

_SELECTED = """() => new Promise(resolve => {
  const before = window.lastSelection || "";
  addEventListener("pointerup", () => {
    const start = performance.now();
    const look = () => {
      const heading = [...document.querySelectorAll("h2")].find(h => / selected$/.test(h.innerText.trim()));
      const link = document.querySelector(".stMainBlockContainer a[href*='open.spotify.com/track']");
      if (heading && link && heading.innerText !== before) {
        window.lastSelection = heading.innerText;
        window.selectionSeconds = (performance.now() - start) / 1000;
        return;
      }
      setTimeout(look, 5);
    };
    look();
  }, {once: true, capture: true});
  window.selectionSeconds = null;
  resolve();
})"""


def open_plane(context: BrowserContext, address: str) -> tuple[Page, float, float]:
    """The page, and the seconds from navigation until the title of the app and until the plane is painted."""
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.add_init_script(f"({_WATCH})()")
    page.goto(f"{address}/music", wait_until="commit")
    page.wait_for_function("window.planeSeconds")
    return page, page.evaluate("window.titleSeconds"), page.evaluate("window.planeSeconds")


def change_page(context: BrowserContext, address: str) -> float:
    """The seconds from a click on "Music" on another page until the plane is painted."""
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.add_init_script(f"({_WATCH})()")
    page.goto(f"{address}/models")
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(2_000)
    page.get_by_role("link", name="Music").first.click()
    page.wait_for_function("window.planeSeconds")
    seconds: float = page.evaluate("window.planeSeconds")
    page.close()
    return seconds


def new_context(browser: Browser) -> BrowserContext:
    """A new visitor with an empty cache and a placeholder for Spotify's players."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.route(
        "https://open.spotify.com/**", lambda route: route.fulfill(body=_PLACEHOLDER, content_type="text/html")
    )
    return context


def select(page: Page, corners: Sequence[float]) -> tuple[float, int]:
    """Draw a box on the plane. Returns the seconds until songs are listed, and the number of selected songs."""
    page.get_by_role("button", name="Box", exact=True).click()
    area = page.locator("canvas[data-painted]")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    if box is None:
        raise RuntimeError("expected a visible plane. Received: none")
    left, top, right, bottom = corners
    page.evaluate(_SELECTED)
    page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"] - 1, box["y"] + bottom * box["height"] - 1, steps=8)
    page.mouse.up()
    page.wait_for_function("window.selectionSeconds")
    count = page.evaluate("window.lastSelection").split()[0]
    return page.evaluate("window.selectionSeconds"), int(count.replace(",", ""))


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 2), "fastest": round(min(seconds), 2)}


def main() -> None:
    """Run all measurements and print them as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--loads", type=int, default=7, help="repetitions of each measurement")
    num_loads = parser.parse_args().loads
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    chromium = next(path for name in names if (path := shutil.which(name)))
    server, address = start_server()
    try:
        wait_for_server(address)
        figures = _measure(chromium, address, num_loads)
    finally:
        server.terminate()
        server.wait(60)
    print(json.dumps({"machine": machine()} | figures, indent=2))


def _measure(chromium: str, address: str, num_loads: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        context = new_context(browser)
        page, _, seconds = open_plane(context, address)
        figures["seconds until the plane is painted, new server"] = round(seconds, 2)
        page.wait_for_timeout(5_000)  # the server also loads the face models
        context.close()
        for kind, is_cached in (("empty browser cache", False), ("files in the browser cache", True)):
            titles, planes = [], []
            context = new_context(browser)
            for number in range(num_loads + is_cached):
                if not is_cached:
                    context.close()
                    context = new_context(browser)
                page, title, seconds = open_plane(context, address)
                page.close()
                if number or not is_cached:
                    titles.append(title)
                    planes.append(seconds)
            context.close()
            figures[f"seconds until the app's title, {kind}"] = _summary(titles)
            figures[f"seconds until the plane is painted, {kind}"] = _summary(planes)
        context = new_context(browser)
        changes = [change_page(context, address) for _ in range(num_loads)]
        figures["seconds from a click on Music until the plane is painted"] = _summary(changes)
        context.close()
        context = new_context(browser)
        page, *_ = open_plane(context, address)
        page.wait_for_timeout(2_000)
        selections: dict[int, list[float]] = {}
        for _ in range(num_loads):
            for corners in _BOXES:
                seconds, count = select(page, corners)
                selections.setdefault(count, []).append(seconds)
                page.wait_for_timeout(1_000)
        figures["seconds from a box to its songs, by number of songs"] = {
            f"{count:,}": _summary(seconds) for count, seconds in sorted(selections.items())
        }
        browser.close()
    return figures


if __name__ == "__main__":
    os.environ.pop("DISPLAY", None)
    main()
