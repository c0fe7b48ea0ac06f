"""What the tests of the Live page share: a camera that shows what a test chooses, steps, and scripts of the browser."""

from __future__ import annotations

import re
from base64 import b64encode

from playwright.sync_api import Locator, Page, expect

from emomusic.media.images import RgbImage, encode_jpeg, read_image
from emomusic.server.frames import Problem
from tests.films import SAMPLES, in_frame, pulled_face

START, SUMMARY = ".st-key-live-start button", ".st-key-live-moments"
WIDTH, HEIGHT, RATE = 480, 360, 5  # small and slow for a busy machine

# The camera shows the picture of `show_picture`. It moves, because a still canvas sends no frames. The page keeps its
# streams. With `window.isBusy`, only the camera "usb" works
CAMERA = f"""if (navigator.mediaDevices) {{
  window.cameras = [];
  navigator.mediaDevices.enumerateDevices = async () => ["built-in", "usb"].map((deviceId) => ({{
    kind: "videoinput", deviceId, label: `The ${{deviceId}} camera`,
  }}));
  navigator.mediaDevices.getUserMedia = async ({{ video }}) => {{
    if (window.isBusy && video.deviceId?.exact !== "usb") throw new DOMException("", "NotReadableError");
    const canvas = Object.assign(document.createElement("canvas"), {{ width: {WIDTH}, height: {HEIGHT} }});
    const context = canvas.getContext("2d");
    const draw = () => window.onCamera && context.drawImage(window.onCamera, 2 * Math.sin(Date.now() / 500), 0);
    setInterval(draw, {1000 // RATE});
    window.cameras.push(canvas.captureStream({RATE}));
    return window.cameras.at(-1);
  }};
}}"""


def show_picture(page: Page, image: RgbImage | None) -> None:
    """Put a picture, or nobody, in front of `CAMERA`."""
    picture = b64encode(encode_jpeg(in_frame(image, WIDTH, HEIGHT))).decode()
    page.evaluate(
        "async source => { const image = new Image(); image.src = source; await image.decode(); onCamera = image }",
        f"data:image/jpeg;base64,{picture}",
    )


def show_sample(page: Page, name: str, pull: tuple[float, float] = (0.0, 0.0)) -> None:
    """Put a sample in front of `CAMERA`, perhaps with a pulled face."""
    image = read_image(SAMPLES / f"{name}.jpg")
    show_picture(page, pulled_face(image, *pull) if any(pull) else image)


def start(page: Page, sample: str = "eileen-collins-1999") -> None:
    """Put a sample in front of the camera, and start the video."""
    show_sample(page, sample)
    agree_and_start(page)


def agree_and_start(page: Page) -> None:
    """Let everyone in view agree, which enables START, and press it."""
    page.locator(".st-key-live-agrees label").click()
    page.locator(START).click()


def press(page: Page, name: str) -> None:
    """Press START or STOP below the video."""
    page.locator({"START": ".st-key-live-restart button", "STOP": ".st-key-live-stop button"}[name]).click()


def sees(page: Page, text: str) -> None:
    """Wait for a line that starts with this pattern."""
    expect(page.get_by_text(re.compile(f"^{text}"))).to_be_visible()


def problem(page: Page, kind: Problem) -> Locator:
    return page.locator(f".st-key-live-problem-{kind}")


IS_CAMERA_FREE = "window.cameras.every((stream) => stream.getTracks().every((track) => track.readyState === 'ended'))"
_CANVAS = "document.querySelector('.st-key-live-frames [data-testid=stBidiComponentIsolated]')?.shadowRoot"
_CANVAS += ".querySelector('canvas')"
IS_MARKED = f"""() => {{
  const marks = {_CANVAS};
  return marks?.width && marks.getContext("2d").getImageData(0, 0, marks.width, marks.height).data.some(Boolean);
}}"""

# Waits until the band has the gains of the place of a face
FOLLOW = """async ([valence, arousal]) => {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const { placeGains } = await import(loaded.find((name) => name.endsWith("/band.js")));
  const band = window.emomusicBand, { setPlace } = band;
  let [place, isNear] = [null, false];
  band.setPlace = (places) => {
    setPlace.call(band, places);
    [place] = places;
    isNear ||= place && Math.hypot(place.valence - valence, place.arousal - arousal) < 0.3;
  };
  delete window.followed;
  const timer = setInterval(() => {
    if (!isNear || !place) return;
    const { gains } = placeGains(place.valence, place.arousal);
    const now = band.seats[0].gains;
    if (!Object.keys(gains).every((loop) => Math.abs(gains[loop] - now[loop]) < 0.15)) return;
    clearInterval(timer);
    delete band.setPlace;
    window.followed = true;
  }, 20);
}"""
LAYERS = "[...document.querySelector('.st-key-live-band [data-testid=stBidiComponentIsolated]').shadowRoot"
LAYERS += ".querySelectorAll('.layer b')].map((block) => block.style.cssText).join()"

# The level of the last moments in dB, where 0 is the loudest; -120 for silence. Its argument is a mixer
LEVEL_DB = """((mixer) => {
  const output = mixer?.output;
  if (!output) return -120;
  const meter = (output.meter ??= output.connect(new AnalyserNode(output.context, { fftSize: 4096 })));
  const samples = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(10 * Math.log10(power), -120);
})"""

# The number of a later round, once it is shown with its task and the player's bar; 8 after the game
LATER_ROUND = """number => {
  if (document.querySelector(".st-key-live-game-again")) return 8;
  const text = document.body.innerText, shown = text.match(/Round ([1-7]) of 7/);
  return shown?.[1] > number && /^Look .*/m.test(text) && document.querySelector('[role="meter"]') && Number(shown[1]);
}"""

TIMELINE = """() => {
  const chart = document.querySelector(".st-key-live-timeline .js-plotly-plot");
  return chart && chart.data ? chart.data[0].x.length : 0;
}"""

FOUR_ROWS = """() => {
  const rows = [...document.querySelectorAll(".st-key-live-rows b")].map(({ textContent }) => textContent);
  return rows.join() === "Everyone,Face 1,Face 2,Face 3,Face 4";
}"""

# Whether the plane is drawn in the upper right corner of the video
HAS_PLANE = f"""() => {{
  const marks = {_CANVAS}, side = Math.min(marks?.width, marks?.height) / 6 * 1.15;
  return marks?.width && marks.getContext("2d").getImageData(marks.width - side, side, 1, 1).data[3] > 100;
}}"""
