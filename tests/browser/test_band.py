"""The mixer of the band and the recorder in Chromium, on a page of their own without Streamlit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Page, Route
from scipy.io import wavfile

from emomusic.assets import data_dir
from scripts.build_band import LOOPS, place_gains
from tests.browser.live import LEVEL_DB
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SCRIPTS = Path(__file__).parents[2] / "emomusic" / "app" / "browser"
BAND = data_dir() / "band"
STYLES = [style["name"] for style in json.loads((BAND / "band.json").read_text(encoding="utf-8"))["styles"]]
RATE = 48_000

SAD, HAPPY, ANGRY = ({"valence": v, "arousal": a} for v, a in ((-0.63, -0.27), (0.81, 0.51), (-0.51, 0.59)))

PAGE = """<!doctype html><title>band</title><button>START</button><video muted autoplay playsinline></video>
<script type="module">
import { BandMixer, placeGains } from "/band.js";
import { recordClip, saveClip } from "/recorder.js";
import { camera } from "/camera.js";
const fetchLoop = async (style, loop) => (await fetch(`/loops/${style}-${loop}`)).arrayBuffer();
const band = await (await fetch("/loops/band.json")).json();
Object.assign(window, { placeGains, recordClip, saveClip, camera, mixer: new BandMixer(band, fetchLoop) });
const start = () => window.mixer.start(band.styles[0].name).then(() => (window.started = true));
document.querySelector("button").onclick = start;
window.ready = true;
</script>"""

# Plays without a sound device, as fast as the machine can; the changes come at exact times
RENDER = """async ({ style, seconds, changes, windows }) => {
  const context = new OfflineAudioContext(2, seconds * 48000, 48000);
  await window.mixer.start(style, context);
  for (const [time, places] of changes) {
    context.suspend(time).then(() => (window.mixer.setPlace(places), context.resume()));
  }
  const buffer = await context.startRendering();
  const cut = ([start, length]) => [0, 1].map((channel) =>
    [...buffer.getChannelData(channel).subarray(start * 48000, start * 48000 + length)]);
  return windows.map(cut);
}"""


Open = Callable[..., Page]


@pytest.fixture
def open_band(browser: Browser) -> Iterator[Open]:
    """Open the page, with the bundled loops or with others by name; uncaught errors fail the test."""
    context, errors = browser.new_context(), list[str]()

    def opened(loops: dict[str, bytes] | None = None, length_s: float | None = None) -> Page:
        def answer(route: Route) -> None:
            name = route.request.url.partition("band.test/")[2]
            if name.endswith(".js"):
                route.fulfill(body=(SCRIPTS / name).read_text(encoding="utf-8"), content_type="text/javascript")
            elif name == "loops/band.json":
                band = json.loads((BAND / "band.json").read_text(encoding="utf-8"))
                if length_s is not None:
                    band["styles"][0]["length_s"] = length_s
                route.fulfill(json=band)
            elif name.startswith("loops/"):
                loop = name.removeprefix("loops/")
                own = None if loops is None else loops[loop.partition("-")[2]]
                route.fulfill(body=own or (BAND / f"{loop}.opus").read_bytes())
            else:
                route.fulfill(body=PAGE, content_type="text/html")

        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("https://band.test/**", answer)
        page.goto("https://band.test/")
        page.wait_for_function("window.ready")
        return page

    yield opened
    context.close()
    assert errors == []


def start(page: Page) -> None:
    page.click("button")
    page.wait_for_function("window.started")


def level_db(page: Page) -> float:
    return float(page.evaluate(f"{LEVEL_DB}(window.mixer)"))


def render(
    page: Page, seconds: float, changes: list[tuple[float, list[dict[str, float]]]], windows: list[tuple[float, int]]
) -> list[npt.NDArray[np.float64]]:
    """Parts of the sound, shape (2, length), at start and length of each window, with changes of the places."""
    task = {"style": STYLES[0], "seconds": seconds, "changes": changes, "windows": windows}
    return [np.array(part) for part in page.evaluate(RENDER, task)]


def wav_of(samples: npt.NDArray[np.floating]) -> bytes:
    """A file with the margins of the band's loops."""
    margin = RATE // 4
    file = io.BytesIO()
    wavfile.write(file, RATE, np.concatenate([samples[-margin:], samples, samples[:margin]]).astype(np.float32))
    return file.getvalue()


def test_the_band_plays_each_style_and_is_silent_when_muted(open_band: Open) -> None:
    page = open_band()
    start(page)
    for style in STYLES:
        page.evaluate("style => window.mixer.setStyle(style)", style)
        page.evaluate("window.mixer.setMuted(false)")
        for place in (SAD, HAPPY, ANGRY):
            page.evaluate("place => window.mixer.setPlace([place])", place)
            wait_until(lambda: level_db(page) > -45)
        page.evaluate("window.mixer.setMuted(true)")
        wait_until(lambda: level_db(page) < -80)  # so that the next style sounds alone
    page.evaluate("window.mixer.setMuted(false)")
    wait_until(lambda: level_db(page) > -45)
    page.evaluate("window.mixer.setVolume(0)")
    wait_until(lambda: level_db(page) < -80)
    page.evaluate("window.mixer.stop()")
    assert not page.evaluate("window.mixer.isPlaying")
    assert level_db(page) == -120


WINDOW = 8192  # 0.17 s
PERIODS = dict(zip(LOOPS, range(20, 60, 5), strict=True))  # 117 to 322 Hz, which the filter passes
TONES = {
    loop: wav_of(0.1 * np.sin(2 * np.pi * periods * np.arange(8 * WINDOW) / WINDOW))
    for loop, periods in PERIODS.items()
}
TONE_S = 8 * WINDOW / RATE


def gains_of(sound: npt.NDArray[np.float64]) -> dict[str, float]:
    """The gain of each loop in a part of one channel with `TONES`."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(WINDOW + 1)[:-1])) * 4 / WINDOW
    return {loop: float(spectrum[periods]) / 0.1 / 0.8 for loop, periods in PERIODS.items()}


def test_the_gains_follow_one_face_by_the_published_curves_and_two_play_a_duet(open_band: Open) -> None:
    """Within a second and a half; more faces play as one."""
    page = open_band(TONES, TONE_S)
    places = [(v, a) for v in np.linspace(-1, 1, 9).tolist() for a in np.linspace(-1, 1, 17).tolist()]
    ours = [place_gains(*place) for place in places]
    theirs = page.evaluate("places => places.map(([v, a]) => window.placeGains(v, a))", places)
    for (gains, cutoff_hz), mix in zip(ours, theirs, strict=True):
        assert mix["gains"] == pytest.approx(gains, abs=1e-9)
        assert mix["cutoffHz"] == pytest.approx(cutoff_hz)
    changes = [(1, [HAPPY]), (5, [SAD]), (9, [ANGRY]), (13, [SAD, HAPPY]), (16, [HAPPY] * 2), (19, [SAD, HAPPY, ANGRY])]
    solos = [start + after - WINDOW / RATE for start in (1, 5, 9) for after in (0, 0.25, 1.5)]
    groups = [start + 2 for start in (1, 13, 16, 19)]
    parts = render(page, 22, changes, [(time, WINDOW) for time in (*solos, *groups)])
    heard = [gains_of(part[0]) for part in parts[: len(solos)]]
    for (_, (place,)), (before, soon, late) in zip(changes[:3], zip(*[iter(heard)] * 3, strict=True), strict=True):
        goal, _ = place_gains(**place)
        assert late == pytest.approx(goal, abs=0.02)
        for loop in LOOPS:  # a glide and not a jump
            assert abs(soon[loop] - before[loop]) < 0.7 * abs(goal[loop] - before[loop]) + 0.02

    solo, duet, alike, group = parts[len(solos) :]
    left, right = gains_of(duet[0]), gains_of(duet[1])
    assert left["padMinor"] > 2 * right["padMinor"]
    assert right["drumsMajor"] > 2 * left["drumsMajor"]
    mean = {axis: np.mean([place[axis] for place in (SAD, HAPPY, ANGRY)]) for axis in SAD}
    for channel in group:
        assert gains_of(channel) == pytest.approx(place_gains(**mean)[0], abs=0.02)
    powers = [float(np.mean(part**2)) for part in (solo, duet, alike, group)]
    assert 10 * np.log10(max(powers) / min(powers)) < 2


IMPULSE_S, SPACING_S = 0.5, 0.06


def impulses() -> dict[str, bytes]:
    """Loops of half a second with one impulse each, one after the other."""
    loops = {}
    for position, loop in enumerate(LOOPS):
        samples = np.zeros(round(IMPULSE_S * RATE))
        samples[round(position * SPACING_S * RATE)] = 1
        loops[loop] = wav_of(samples)
    return loops


def largest_shift_ms(sound: npt.NDArray[np.float64]) -> float:
    """How far an impulse is from its place between the others."""
    length, spacing = round(IMPULSE_S * RATE), round(SPACING_S * RATE)
    at = np.flatnonzero(np.abs(sound[:length]) > 0.03)
    at = at[np.insert(np.diff(at) > spacing // 2, 0, True)]  # the filter widens an impulse
    assert len(at) == len(LOOPS)
    shifts = np.diff(np.append(at, at[0] + length))
    gap = int(shifts.argmax())  # from the last loop to the first
    return float(np.abs(np.delete(shifts, gap) - spacing).max()) * 1000 / RATE


def test_the_loops_stay_together_for_two_minutes(open_band: Open) -> None:
    page = open_band(impulses(), IMPULSE_S)
    everything = [(0.5, [{"valence": 0, "arousal": 1}])]
    for part in render(page, 124, everything, [(time_s, round(IMPULSE_S * RATE)) for time_s in (3, 123)]):
        assert largest_shift_ms(part[0]) < 0.1


SHOW_PICTURE = """async () => {
  const video = document.querySelector("video");
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  setInterval(() => canvas.getContext("2d").fillRect(Date.now() % 600, 9, 9, 9), 40);
  video.srcObject = canvas.captureStream();
  await video.play();
}"""
RECORD = """async (seconds) => {
  const mark = { box: [0.1, 0.4, 0.2, 0.3], label: "happy", colour: "#ff00ff", ink: "white" };
  const state = () => ({ marks: [mark], points: [{ ...mark, valence: 0.8, arousal: 0.5 }] });
  const sound = window.mixer.output;
  const clip = await window.recordClip({ video: document.querySelector("video"), sound, state, seconds });
  window.saveClip(clip, "clip");
}"""


@pytest.mark.slow  # records in real time, and needs an idle core for the picture
def test_a_clip_has_the_mirrored_marks_the_sound_and_its_length(open_band: Open) -> None:
    page = open_band()
    page.evaluate("place => window.mixer.setPlace([place])", HAPPY)
    start(page)
    page.evaluate(SHOW_PICTURE)
    with page.expect_download() as waiting:
        page.evaluate(RECORD, 15)
    with av.open(str(waiting.value.path())) as file:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)][-20:]
    with av.open(str(waiting.value.path())) as file:
        sounds = [(frame.time, frame.to_ndarray()) for frame in file.decode(audio=0)]
    assert 14 < max(frames[-1][0], sounds[-1][0]) < 16
    assert len(frames) == 20  # a busy machine encodes few frames, and the last ones are late
    sound = np.concatenate([sound.ravel() for _, sound in sounds])
    assert 10 * np.log10(np.mean(sound**2)) > -45
    picture = frames[-1][1].astype(int)
    height, width = picture.shape[:2]
    is_magenta = (picture[..., 0] > 150) & (picture[..., 1] < 110) & (picture[..., 2] > 150)
    columns = np.flatnonzero(is_magenta[height // 2]) / width
    assert columns.min() == pytest.approx(0.1, abs=0.02)  # of the mirrored picture
    assert columns.max() == pytest.approx(0.3, abs=0.02)


# A white square crosses the picture of the camera, and each answer has its place in the frame, 150 ms late. Gives the
# places, mirrored, of the square, of its mark, and of the last answer
FOLLOW_SQUARE = """async () => {
  const [WIDTH, HEIGHT, LATE_MS] = [640, 480, 150];
  const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
  const middleOf = (picture, channel) => {
    const context = canvasOf(WIDTH, HEIGHT).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 200, WIDTH, 1);
    const columns = [...Array(WIDTH).keys()].filter((x) => data[4 * x + channel] > 128);
    return (columns[0] + columns.at(-1)) / 2 / WIDTH;
  };
  const scene = canvasOf(WIDTH, HEIGHT), context = scene.getContext("2d");
  setInterval(() => {
    const turn = (performance.now() / 3000) % 2;
    context.fillStyle = "black";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = "white";
    context.fillRect(80 + 400 * Math.min(turn, 2 - turn), 150, 80, 100);
  }, 25);
  navigator.mediaDevices.getUserMedia = async () => scene.captureStream(30);
  const parentElement = document.body.appendChild(document.createElement("div"));
  parentElement.innerHTML = "<video muted autoplay playsinline></video><canvas></canvas>";
  const [video, drawn] = parentElement.children;
  let answered = null;
  window.Worker = class {
    postMessage({ picture, taken_ms }) {
      if (this.isSending) return;
      this.isSending = true;
      const place = 1 - middleOf(picture, 0);
      const face = { number: 1, box: [place - 0.05, 0.3, 0.1, 0.2], label: "", colour: "#ff00ff", ink: "white" };
      const answer = { phase: "playing", isMarked: true, faces: [face] };
      setTimeout(() => {
        this.isSending = false;
        this.onmessage({ data: { answer, taken_ms } }, (answered = place));
      }, LATE_MS);
    }
  };
  const data = { address: "/session", phase: "playing", video: true, ice: null };
  window.camera.show({ parentElement, data, setTriggerValue: () => {} });
  const found = [];
  while (found.length < 100) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    if (answered) found.push([1 - middleOf(video, 0), middleOf(drawn, 3), answered]);
  }
  return found.slice(10);
}"""


def test_marks_of_a_moving_face_move_on_between_two_answers(open_band: Open) -> None:
    square, mark, answered = np.array(open_band().evaluate(FOLLOW_SQUARE), float).T
    stale = np.median(np.abs(answered - square))
    assert stale > 0.02  # the answers alone are late
    assert np.median(np.abs(mark - square)) < stale / 2
