"""Measure both ways of the Live page's frames in Chromium, beside those of another checkout.

    python -m scripts.measure_live [--base FOLDER] > docs/benchmarks/live-ways.json

A film of the samples replaces the camera, with one face and with seven, in grey, so that only marks have a colour. It
moves from side to side with a white bar below it. The delay is that at which the bar, or the middle of the marks, moves
as the bar of the camera did. Linux only. Takes five minutes. Requires Chromium and Playwright (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from emomusic.app.live.ice import LIVE, Way
from emomusic.assets import ROOT, data_dir
from emomusic.media.images import RgbImage, read_image
from emomusic.metrics import FloatArray
from scripts.servers import Server, run_replica
from scripts.timing import machine, resident_mb, spread

_TIMEOUT_MS = 120_000
_WARM_UP_MS, _SECONDS = 12_000, 12
_WIDTH, _HEIGHT, _RATE, _FRAMES = 640, 480, 24, 192
_SWAY, _BAR = 16, 24  # of the film to both sides, and the height of the bar, in pixels
_LONGEST_MS = 3900  # below half a turn of the film
_PORTRAITS = {1: "eileen-collins-1999", 7: "barack-obama-2012"}  # whose marks stay coloured, and inside the picture
# Places of the bar of the camera, of the bar on the page, and of the marks, which have the colours
_WATCH = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const camera = Object.assign(document.createElement("video"), { muted: true, srcObject: top.camera });
  camera.play();
  const places = (pictures) => {
    context.clearRect(0, 0, 320, 240);
    pictures.forEach((picture) => context.drawImage(picture, 0, 0, 320, 240));
    const { data } = context.getImageData(0, 0, 320, 240);
    const sums = { bar: [0, 0], marks: [0, 0] };
    for (let at = 0; at < data.length; at += 4) {
      const colours = [data[at], data[at + 1], data[at + 2]], x = (at / 4) % 320;
      const isColoured = Math.max(...colours) - Math.min(...colours) > 60;
      const kind = isColoured ? "marks" : at > 4 * 320 * 232 && colours[0] > 180 ? "bar" : "";
      if (kind) sums[kind] = [sums[kind][0] + x, sums[kind][1] + 1];
    }
    return ["bar", "marks"].map((kind) => sums[kind][1] ? sums[kind][0] / sums[kind][1] : null);
  };
  const own = document.querySelector(".st-key-live-frames [data-testid=stBidiComponentIsolated]")?.shadowRoot;
  window.shown = own?.querySelector("video")  // or the picture that the server of an older commit has drawn
    ?? document.querySelector('iframe[title*="webrtc"]').contentDocument.querySelector("video");
  const shown = () => (own ? [window.shown, own.querySelector("canvas")] : [window.shown]);
  const isMirrored = shown().length === 1;
  window.watched = [];
  setInterval(() => {
    const [[bar], [shownBar, marks]] = [places([camera]), places(shown())];
    const turn = (x) => (x === null ? NaN : isMirrored ? 319 - x : x);
    window.watched.push([performance.now(), bar ?? NaN, turn(shownBar), marks === null ? NaN : 319 - marks]);
  }, 33);
}"""
_NUM_SHOWN = "window.shown.getVideoPlaybackQuality().totalVideoFrames"
_KEEP_CAMERA = """const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => (top.camera = await ask(wanted));"""
_LINE = re.compile(r"(\d+) faces? · ([\d.]+) frames per second · ([\d.]+) readings per second(?: · (\d+) ms)?")


def picture_of(num_faces: int) -> RgbImage:
    """One portrait, or a grid of seven, in the size of the camera."""
    columns, rows = (1, 1) if num_faces == 1 else (4, 2)
    side = (_WIDTH // columns, _HEIGHT // rows)
    picture = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
    portrait = read_image(data_dir() / "samples" / f"{_PORTRAITS[num_faces]}.jpg")
    for number in range(num_faces):
        scale = min(side[0] / portrait.shape[1], side[1] / portrait.shape[0])
        small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        row, column = divmod(number, columns)
        y, x = row * side[1], column * side[0]
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
    return picture


def write_film(path: Path, num_faces: int) -> None:
    """Write the film of the camera, in which the faces and a bar move to both sides."""
    still = cv2.cvtColor(cv2.cvtColor(picture_of(num_faces), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    still[-_BAR:] = 0
    still[-_BAR:, _WIDTH // 2 - 20 : _WIDTH // 2 + 20] = 255
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F{_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for step in range(_FRAMES):
            shift = np.array([[1, 0, _SWAY * np.sin(2 * np.pi * step / _FRAMES)], [0, 1, 0]], np.float32)
            frame = cv2.warpAffine(still, shift, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


def delay_ms(times: FloatArray, moved: FloatArray, seen: FloatArray) -> float | None:
    """How much later than `moved` the places of `seen` are most alike; None with few places. Both may have gaps."""
    known, found = ~np.isnan(moved), ~np.isnan(seen) & (times > times[0] + _LONGEST_MS)
    if found.sum() < len(times) / 4:
        return None
    lags = np.arange(0, _LONGEST_MS, 5)
    shifted = [np.interp(times[found] - lag, times[known], moved[known]) for lag in lags]
    return float(lags[np.argmax([np.corrcoef(places, seen[found])[0, 1] for places in shifted])])


def sound_threads_s(browser: Browser) -> float:
    """The processor time of the threads of the browser that make sound, in seconds."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    tasks = [task for process in processes for task in Path(f"/proc/{process['id']}/task").glob("*")]
    names = {task: (task / "comm").read_text(encoding="utf-8").strip() for task in tasks}
    return sum(busy_s(task) for task, name in names.items() if "audio" in name.lower())


def measure_mixer(page: Page, browser: Browser) -> dict[str, float]:
    """The share of one core that the sound takes while the band plays, and after its end."""
    shares = []
    for script in ("0", "window.emomusicBand.stop()"):
        page.evaluate(script)
        began_s, began = sound_threads_s(browser), time.monotonic()
        page.wait_for_timeout(1000 * _SECONDS / 2)
        shares.append((sound_threads_s(browser) - began_s) / (time.monotonic() - began))
    return {"playing": round(shares[0], 4), "stopped": round(shares[1], 4)}


def busy_s(folder: Path) -> float:
    """The processor time of a process or thread in seconds, by its folder in /proc."""
    fields = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(page: Page, browser: Browser, server: Server) -> dict[str, Any]:
    """Start the video, and read the page's own figures once a second."""
    process = Path(f"/proc/{server.process.pid}")
    page.add_init_script(_KEEP_CAMERA)
    page.goto(f"{server.address}/live")
    page.locator(".st-key-live-start button").click()
    line = page.get_by_text(_LINE)
    line.wait_for()
    page.wait_for_timeout(_WARM_UP_MS)
    mixer = measure_mixer(page, browser)
    began_s, seen = busy_s(process), []
    for _ in range(_SECONDS):
        page.wait_for_timeout(1000)
        if (found := _LINE.search(line.inner_text())) is not None:
            seen.append(found.groups(default="nan"))
    used_s = busy_s(process) - began_s
    page.evaluate(_WATCH)
    began, before = time.monotonic(), page.evaluate(_NUM_SHOWN)
    page.wait_for_timeout(1000 * _SECONDS)
    shown_per_s = (page.evaluate(_NUM_SHOWN) - before) / (time.monotonic() - began)
    times, bar, shown, marks = np.array(page.evaluate("window.watched"), np.float64).T
    faces, frames, readings, lags = ([float(value) for value in column] for column in zip(*seen, strict=True))
    return {
        "faces, median": statistics.median(faces),
        "frames per second, median": statistics.median(frames),
        "readings per second, median": statistics.median(readings),
        "ms from a frame at the server to its reading, median and 95 %": spread(lags),
        "pictures shown per second": round(shown_per_s, 1),
        "ms from the camera to the picture": delay_ms(times, bar, shown),
        "ms from the camera to the marks": delay_ms(times, bar, marks),
        "processor time of the server, share of one core": round(used_s / _SECONDS, 2),
        "processor time of the browser's sound threads, share of one core": mixer,
        "MB of the server": round(resident_mb(server.process.pid)),
    }


def measure_way(playwright: Playwright, way: Way, film: Path, folder: Path) -> dict[str, Any]:
    """Measure a way in a new server with the code of a folder, and in a new browser."""
    os.environ[LIVE] = way
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox", "--disable-gpu")
    flags = [*camera, f"--use-file-for-fake-video-capture={film}"]
    with run_replica(way, script=folder / "app.py", folder=folder) as server:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"]).new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        try:
            return measure(page, browser, server)
        finally:
            browser.close()


def main() -> None:
    """Run the measurements and print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="a checkout of another commit, measured with WebRTC in turns")
    base = parser.parse_args().base
    runs = [(f"{base.resolve().name}, webrtc", Way.WEBRTC, base.resolve())] if base else []
    runs += [(str(way), way, ROOT) for way in Way]
    figures: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        for num_faces in (1, 7):
            film = Path(temporary) / f"{num_faces}.y4m"
            write_film(film, num_faces)
            for name, way, folder in runs:
                load = os.getloadavg()[0]
                found = measure_way(playwright, way, film, folder)
                figures[f"{name}, {num_faces} in the film"] = {"load before": round(load, 1)} | found
                print(name, num_faces, found, file=sys.stderr, flush=True)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
