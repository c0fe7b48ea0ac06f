"""Time the app in Chromium: `emomusic bench app` and `bench use`. Linux only, with Playwright.

The bundled songs play, because Spotify does not answer there.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from emomusic.assets import data_dir
from scripts.bench import Timing, resident_mb, single, spread
from scripts.servers import Server, run_app

_TIMEOUT_MS = 120_000
_NUM_STARTS, _NUM_PHOTOS = 3, 10
_REST_S, _CLOSED_S = 10, 150  # the server returns free memory every five seconds, and what a page held later
_LOOK_MS = 1500
_SAMPLES = data_dir() / "samples"
# What a visitor clicks on each page and how often, and the milliseconds of a look at it
_USES = {
    "Photo": ("[class*='st-key-sample-'] button:visible, .st-key-next-photo button", 1, 0),
    "Live": (".st-key-live-agrees label, .st-key-live-start button", 1, 15_000),  # later visits start by themselves
    "Film": (".st-key-film-sample button", 1, 15_000),
    "Music": ("[role=tab]", 1, 0),
    "Models": ("[role=tab]", 1, 0),
    "How it works": ("[class*='st-key-how-next'] button", 11, 0),
}
_SCRIPT = Path(__file__).with_name("bench_app.js").read_text(encoding="utf-8")


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A browser with a camera, in which songs play without a click and Spotify does not answer."""
    with sync_playwright() as playwright:
        camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        sound = ("--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP open.spotify.com ~NOTFOUND")
        path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        arguments = ("--no-sandbox", "--disable-gpu", *camera, *sound, *flags)
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _open(browser: Browser, address: str) -> Page:
    """The page at an address, in a new session."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.add_init_script(_SCRIPT)
    page.goto(address)
    return page


def _answered(page: Page, before: str = "") -> str:
    """Wait for the answer to another photo than `before`, at each frame; returns the address of the photo."""
    return str(page.wait_for_function("before => window.isAnswered(before)", arg=before).json_value())


def _upload(page: Page, number: int) -> None:
    """Upload a sample. After the first photo, the uploader is in a menu."""
    menu = page.get_by_role("button", name="Other photos")
    if menu.count():
        menu.click()
    pictures = sorted(_SAMPLES.glob("*.jpg"))
    page.locator("input[type=file]").first.set_input_files(pictures[number % len(pictures)])


def bench_app(*, clicks: int) -> list[Timing]:
    """Time the start of the app, its pages and clicks, and measure the memory after photos."""
    with chromium() as browser:
        return [*_starts(browser), *_memory(browser), *_clicks(browser, clicks)]


def _starts(browser: Browser) -> Iterator[Timing]:
    seconds = []
    for _ in range(_NUM_STARTS):
        began_s = time.perf_counter()
        with run_app() as server:
            page = _open(browser, f"{server.address}/?sample=eileen-collins-1999")
            _answered(page)
            seconds.append(time.perf_counter() - began_s)
            page.context.close()
    yield Timing("from the start of the server to the first song", *spread(seconds), "s", _NUM_STARTS)


def _memory(browser: Browser) -> Iterator[Timing]:
    with run_app() as server:
        page, shown = _open(browser, server.address), ""
        for number in range(_NUM_PHOTOS):
            _upload(page, number)
            shown = _answered(page, shown)
        yield _rested(server, _REST_S, f"memory after {_NUM_PHOTOS} photos")
        pages = [_open(browser, server.address) for _ in range(_NUM_PHOTOS)]
        for number, opened in enumerate(pages):  # all uploads before the first result
            _upload(opened, number)
        for opened in pages:
            _answered(opened)
        yield _rested(server, _REST_S, f"memory after {_NUM_PHOTOS} visitors at once")
        for opened in (page, *pages):
            opened.context.close()


def _rested(server: Server, seconds: float, what: str) -> Timing:
    time.sleep(seconds)
    return single(what, resident_mb(server.process.pid), "MB")


def _clicks(browser: Browser, num_clicks: int) -> Iterator[Timing]:
    titles, times = [], []
    with run_app() as server:
        player = _open(browser, f"{server.address}/?sample=four-people")
        _answered(player)
        for _ in range(_NUM_STARTS):
            began_s = time.perf_counter()
            page = _open(browser, server.address)
            page.locator("h1").wait_for()
            titles.append(time.perf_counter() - began_s)
            page.context.close()
        page = _open(browser, f"{server.address}/?sample=four-people")
        _answered(page)
        for name in [path.stem for path in sorted(_SAMPLES.glob("*.jpg")) if path.stem != "four-people"] * 2:
            page.wait_for_timeout(500)
            page.get_by_role("button", name="Other photos").click()
            page.locator(f".st-key-sample-{name} button").wait_for()
            times.append(page.evaluate("name => window.choosePhoto(name)", name))
        sentences, answers = zip(*times, strict=True)
        yield Timing("until a new visitor sees the title", *spread(titles), "s", _NUM_STARTS)
        yield Timing("from a click on a sample to its sentence", *spread(sentences), "ms", len(times))
        yield Timing("from a click on a sample to its whole answer", *spread(answers), "ms", len(times))
        for key, button in (("next-photo", "Next song"), ("skip-photo", "Not for me")):
            times = []
            for _ in range(num_clicks):
                if not player.get_by_role("button", name=button).count():
                    player.get_by_role("button", name="Your music").click()
                    player.get_by_role("button", name=button).wait_for()
                times.append(player.evaluate("key => window.nextSong(key)", key))
                player.wait_for_timeout(300)
            yield Timing(f"from {button} to another song", *spread(times), "ms", num_clicks)


def bench_use(*, minutes: int) -> list[Timing]:
    """Measure the memory of the server while one visitor uses all pages, round after round, and afterwards."""
    memory = []
    with chromium() as browser, run_app() as server:
        page = _open(browser, f"{server.address}/?sample=four-people")
        _answered(page)
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
            memory.append(resident_mb(server.process.pid))
        page.context.close()
        first = single("memory after the first round", memory[0], "MB")
        rounds = Timing("memory after a round", *spread(memory), "MB", len(memory))
        return [first, rounds, _rested(server, _CLOSED_S, "memory after the page was closed")]
