"""Measure a cold `analyze`, `import tensorflow`, and the app in Chromium: time to the first result and memory.

    python -m scripts.measure_app > docs/benchmarks/app.json

Requires Chromium and Playwright (requirements-dev.txt).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from emomusic.assets import ROOT, data_dir
from emomusic.cli.timing import machine

_TIMEOUT_MS = 60_000
_NUM_SESSIONS = 10
_NUM_STARTS = 3
_RESULT = 'img[alt*="face 1 " i]'
_IS_NEW = f"""oldSrc => {{
  const image = document.querySelector('{_RESULT}');
  return image && image.getAttribute("src") !== oldSrc;
}}"""


def cold_start(*arguments: str) -> tuple[float, float]:
    """Median duration of three new Python processes in seconds, and their peak memory in MB."""
    seconds, peaks = [], []
    for _ in range(_NUM_STARTS):
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise RuntimeError(f"expected {' '.join(arguments)} to succeed. Received: status {status}")
        seconds.append(time.perf_counter() - began)
        peaks.append(usage.ru_maxrss / 1024)
    return statistics.median(seconds), max(peaks)


def resident_mb(process: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"expected VmRSS of process {process}. Received: none")


def start_server() -> tuple[subprocess.Popen[bytes], str]:
    """Start the app on a free port, without waiting for it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return server, f"http://127.0.0.1:{port}"


def wait_for_server(address: str) -> None:
    """Wait until the server responds. Chromium starts later, because its retries cost processor time."""
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)


def open_page(browser: Browser, address: str) -> Page:
    """Open the app in a new session with a placeholder for Spotify's players."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.route("https://open.spotify.com/**", lambda route: route.fulfill(body="player", content_type="text/html"))
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(address)
    return page


def wait_for_result(page: Page) -> None:
    """Wait for the annotated photo and a player."""
    page.locator(_RESULT).first.wait_for()
    page.locator("iframe[src*='open.spotify.com']").first.wait_for(state="attached")


def upload(page: Page, picture: Path) -> None:
    """Upload a photo. After the first one, the uploader is in a menu."""
    menu = page.get_by_role("button", name="Another photo")
    if menu.count():
        menu.click()
    page.locator("input[type=file]").first.set_input_files(picture)


def main() -> None:
    """Run all measurements and print them as JSON."""
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    pictures = sorted((data_dir() / "samples").glob("*.jpg"))
    figures: dict[str, Any] = {"machine": machine()}
    photo = str(data_dir() / "samples" / "eileen-collins-1999.jpg")
    for name, arguments in (
        ("a cold analyze", ("-m", "emomusic", "analyze", photo, "--json")),
        ("import tensorflow", ("-c", "import tensorflow")),
    ):
        seconds, peak = cold_start(*arguments)
        figures[f"{name}, seconds"], figures[f"{name}, peak MB"] = round(seconds, 2), round(peak)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        first = []
        for _ in range(_NUM_STARTS):
            began = time.perf_counter()
            server, address = start_server()
            wait_for_server(address)
            page = open_page(browser, f"{address}/?sample=eileen-collins-1999")
            wait_for_result(page)
            first.append(time.perf_counter() - began)
            page.context.close()
            server.terminate()
            server.wait(30)
        figures["seconds from the server's start to the first result"] = sorted(first)
        server, address = start_server()
        wait_for_server(address)
        page = open_page(browser, address)
        page.locator("input[type=file]").first.wait_for(state="attached")
        figures["MB with one page open"] = round(resident_mb(server.pid))
        src = None
        for number in range(10):
            upload(page, pictures[number % len(pictures)])
            page.wait_for_function(_IS_NEW, arg=src)
            wait_for_result(page)
            src = page.locator(_RESULT).first.get_attribute("src")
        figures["MB after ten photos"] = round(resident_mb(server.pid))
        pages = [open_page(browser, address) for _ in range(_NUM_SESSIONS)]
        for each in pages:
            each.locator("input[type=file]").first.wait_for(state="attached")
        for number, each in enumerate(pages):  # all uploads before the first result
            upload(each, pictures[number % len(pictures)])
        peak = 0.0
        for each in pages:
            wait_for_result(each)
            peak = max(peak, resident_mb(server.pid))
        figures["MB after ten concurrent visitors"] = round(resident_mb(server.pid))
        figures["MB while they are answered, at most"] = round(peak)
        browser.close()
        server.terminate()
        server.wait(30)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    os.environ.pop("DISPLAY", None)
    main()
