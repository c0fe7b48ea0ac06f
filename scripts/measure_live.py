"""Measure both ways of the Live page's frames in Chromium: WebRTC, and the page's own connection.

    python -m scripts.measure_live > docs/benchmarks/live-ways.json

A film of the samples replaces the camera, with one face and with seven. Linux only. Requires Chromium and Playwright
(requirements-dev.txt).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Page, Playwright, sync_playwright

from emomusic.app.live.ice import LIVE
from emomusic.app.live.session import Way
from emomusic.assets import ROOT, data_dir
from emomusic.media.images import RgbImage, read_image
from scripts.servers import Server, run_replica
from scripts.timing import machine, resident_mb, spread

_TIMEOUT_MS = 120_000
_WARM_UP_MS, _SECONDS = 12_000, 20
_WIDTH, _HEIGHT, _RATE, _FRAMES = 640, 480, 24, 96
_PORTRAITS = ("barack-obama-2012", "eileen-collins-1999", "grace-hopper-1984", "joe-biden-2010")
_LINE = re.compile(r"(\d+) faces? · ([\d.]+) frames per second · ([\d.]+) readings per second(?: · (\d+) ms)?")


def picture_of(num_faces: int) -> RgbImage:
    """One portrait, or a grid of seven, in the size of the camera."""
    columns, rows = (1, 1) if num_faces == 1 else (4, 2)
    side = (_WIDTH // columns, _HEIGHT // rows)
    picture = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
    for number in range(num_faces):
        portrait = read_image(data_dir() / "samples" / f"{_PORTRAITS[(number + 1) % len(_PORTRAITS)]}.jpg")
        scale = min(side[0] / portrait.shape[1], side[1] / portrait.shape[0])
        small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        row, column = divmod(number, columns)
        y, x = row * side[1], column * side[0]
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
    return picture


def write_film(path: Path, num_faces: int) -> None:
    """Write the film of the camera, in which the faces move a little."""
    still = picture_of(num_faces)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F{_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for step in range(_FRAMES):
            angle = 2 * np.pi * step / _FRAMES
            shift = np.array([[1, 0, 6 * np.sin(angle)], [0, 1, 4 * np.cos(angle)]], np.float32)
            frame = cv2.warpAffine(still, shift, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


def busy_s(process: int) -> float:
    """The processor time of a process in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(page: Page, server: Server) -> dict[str, Any]:
    """Start the video, and read the page's own figures once a second."""
    page.goto(f"{server.address}/live")
    page.locator(".st-key-live-start button").click()
    line = page.get_by_text(_LINE)
    line.wait_for()
    page.wait_for_timeout(_WARM_UP_MS)
    began_s, seen = busy_s(server.process.pid), []
    for _ in range(_SECONDS):
        page.wait_for_timeout(1000)
        if (found := _LINE.search(line.inner_text())) is not None:
            seen.append(found.groups(default="nan"))
    used_s = busy_s(server.process.pid) - began_s
    faces, frames, readings, lags = ([float(value) for value in column] for column in zip(*seen, strict=True))
    return {
        "faces, median": statistics.median(faces),
        "frames per second, median": statistics.median(frames),
        "readings per second, median": statistics.median(readings),
        "ms from a frame at the server to its reading, median and 95 %": spread(lags),
        "processor time of the server, share of one core": round(used_s / _SECONDS, 2),
        "MB of the server": round(resident_mb(server.process.pid)),
    }


def measure_way(playwright: Playwright, way: Way, film: Path) -> dict[str, Any]:
    """Measure a way in a new server and a new browser."""
    os.environ[LIVE] = way
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox", "--disable-gpu")
    flags = [*camera, f"--use-file-for-fake-video-capture={film}"]
    with run_replica(way, script=ROOT / "app.py") as server:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"]).new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        try:
            return measure(page, server)
        finally:
            browser.close()


def main() -> None:
    """Run the measurements and print them as JSON."""
    figures: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for num_faces in (1, 7):
            film = Path(folder) / f"{num_faces}.y4m"
            write_film(film, num_faces)
            for way in Way:
                load = os.getloadavg()[0]
                found = measure_way(playwright, way, film)
                figures[f"{way}, {num_faces} in the film"] = {"load before": round(load, 1)} | found
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
