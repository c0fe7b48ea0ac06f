"""How many frames the Live page sends, in Chromium. The webcam is a video of six faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Playwright

from emomusic.media.images import read_image
from tests.browser.test_live import camera, open_live, sees
from tests.films import SAMPLES

pytestmark = pytest.mark.browser

WIDTH, HEIGHT, RATE, SECONDS = 480, 360, 30, 2
MOST_PER_S = 15  # of 30 that the camera takes
KEEP_TIMES = """
const post = Worker.prototype.postMessage;
top.sent_ms = [];
Worker.prototype.postMessage = function (message, ...others) {
  if (message.picture) top.sent_ms.push(performance.now());
  return post.call(this, message, ...others);
};"""


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A video of six faces, which move a little."""
    portrait = cv2.resize(read_image(SAMPLES / "eileen-collins-1999.jpg"), (WIDTH // 3, HEIGHT // 2))
    still = np.tile(portrait, (2, 3, 1))
    with (path := tmp_path / "crowd.y4m").open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for step in range(SECONDS * RATE):
            frame = np.roll(still, round(3 * np.sin(np.pi * step / RATE)), axis=1)
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


def test_the_page_sends_half_of_the_frames_of_a_crowd(playwright: Playwright, server: str, crowd: Path) -> None:
    with camera(playwright, crowd) as page:
        page.add_init_script(KEEP_TIMES)
        open_live(page, server)
        sees(page, "[4-6] faces ·")
        page.evaluate("top.sent_ms = []")
        page.wait_for_function("top.sent_ms.length > 40")
        sent_ms = page.evaluate("top.sent_ms")
        assert 1000 * (len(sent_ms) - 2) / (sent_ms[-1] - sent_ms[0]) < MOST_PER_S
