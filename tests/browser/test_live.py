"""The Live page in Chromium. The camera shows the bundled photos."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Playwright, expect

from emomusic.affect import Emotion
from emomusic.faces.profile import FaceProfile
from emomusic.media.images import read_image
from emomusic.server.frames import Problem
from emomusic.stream.reader import THREAD_NAME
from tests.browser.conftest import FLAGS, chromium, download, own_context, thread_names, visit
from tests.browser.layout import axe_report, box_of, overflow, problems, smallest
from tests.browser.live import (
    CAMERA,
    FOLLOW,
    FOUR_ROWS,
    HAS_PLANE,
    IS_CAMERA_FREE,
    IS_MARKED,
    LATER_ROUND,
    LAYERS,
    LEVEL_DB,
    SUMMARY,
    TIMELINE,
    agree_and_start,
    press,
    problem,
    sees,
    show_picture,
    show_sample,
    start,
)
from tests.browser.player import PLAYER
from tests.browser.waiting import press_shortcut, wait_until_idle
from tests.films import SAMPLES
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

BAND_DB = f"{LEVEL_DB}(window.emomusicBand)"


@pytest.fixture
def live(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open a view of the page, with `CAMERA`."""
    return lambda view="Faces", **options: open_page(f"/live?shown={view}", script=CAMERA, **options)


def wait_for_readers(folder: Path, number: int) -> None:
    wait_until(lambda: thread_names(folder).count(THREAD_NAME) == number)


def test_problems_of_the_webcam_are_reported_with_a_way_out(open_page: Callable[..., Page]) -> None:
    page = open_page("/live", script="top.asks = async () => { throw new DOMException('', 'NotFoundError') }")
    page.evaluate("navigator.mediaDevices.getUserMedia = () => top.asks(), null")
    agree_and_start(page)
    expect(problem(page, Problem.ABSENT)).to_be_visible()
    page.evaluate("top.asks = async () => { throw new DOMException('', 'NotAllowedError') }, null")
    page.locator(f".st-key-live-again-{Problem.ABSENT} button").click()
    expect(problem(page, Problem.REFUSED)).to_be_visible()

    # An answer on another page counts
    page.evaluate("top.asks = () => new Promise((_, refuse) => { top.refuse = refuse }), null")
    page.locator(f".st-key-live-again-{Problem.REFUSED} button").click()
    page.wait_for_function("top.refuse !== undefined")
    visit(page, "Models")
    wait_until_idle(page)
    page.evaluate("() => top.refuse(new DOMException('', 'AbortError'))")
    visit(page, "Live")
    expect(problem(page, Problem.BUSY)).to_be_visible()

    page.evaluate("navigator.mediaDevices.getUserMedia = undefined")
    page.locator(f".st-key-live-again-{Problem.BUSY} button").click()
    expect(problem(page, Problem.UNSUPPORTED)).to_be_visible()
    expect(page.locator(f".st-key-live-again-{Problem.UNSUPPORTED}")).to_have_count(0)


def play_the_game(page: Page) -> None:
    """Play seven rounds: press a key for the next one."""
    begin, number = page.locator(".st-key-live-game-start button"), 0
    expect(begin).to_be_enabled()
    page.wait_for_function("document.activeElement === document.body")  # no click: the page takes the keys
    press_shortcut(begin, "n")
    while number < 7:  # a round ends by itself: a busy machine may see none of it
        number = page.wait_for_function(LATER_ROUND, arg=number).json_value()
        if number < 7:
            press_shortcut(page.locator(".st-key-live-game-next button"), "n")
    expect(page.locator(".st-key-live-game-again")).to_be_visible()


def test_two_taught_persons_are_kept_apart(live: Callable[..., Page]) -> None:
    keep, take = ".st-key-teach-keep button", ".st-key-teach-start button"
    page = live("Teach+it+your+face")
    start(page)
    expect(page.locator(take)).to_be_enabled()
    page.locator(take).click()
    page.locator(".st-key-teach-retake button").click()
    page.wait_for_function("keep => !document.querySelector(keep)", arg=keep)  # in each frame: it may be soon back
    page.locator(keep).click()
    expect(page.get_by_text("2 of 7")).to_be_visible()
    page.locator(".st-key-teach-finish button").click()
    expect(page.get_by_role("img", name="Your neutral face")).to_be_visible()
    assert axe_report(page) is None
    show_sample(page, "grace-hopper-1984")
    page.locator(".st-key-teach-again button").click()
    page.locator(take).click()
    page.locator(keep).click()
    page.locator(".st-key-teach-finish button").click()
    expect(page.get_by_role("img", name="Person 1")).to_be_visible()
    name = page.get_by_label("Name").nth(1)
    expect(name).to_have_value("Person 2")
    name.fill("Grace")
    name.press("Enter")
    expect(page.get_by_role("img", name="Grace")).to_be_visible()
    saved = [download(page, "Download", number).read_bytes() for number in range(2)]
    first, second = (FaceProfile.from_json(content) for content in saved)
    assert set(first.shots) == {Emotion.NEUTRAL}
    assert not first.is_same_person(second)
    teach_own_classes(page)
    page.get_by_role("radio", name="Faces").click()
    expect(page.get_by_text("Read with the profile of Grace")).to_be_visible()
    show_sample(page, "eileen-collins-1999")
    expect(page.get_by_text("Read with the profile of Person 1")).to_be_visible()
    press(page, "STOP")  # else the server waits for its frames


def teach_own_classes(page: Page) -> None:
    """Teach two classes, hold each, and save them."""
    samples, judged = {"Eileen": "eileen-collins-1999", "Grace": "grace-hopper-1984"}, re.compile(r"^(\d+) of \1 shots")
    page.get_by_role("radio", name="My own classes").click()
    for number, name in enumerate(samples, start=1):
        page.get_by_label(f"Class {number}", exact=True).fill(name)
    page.get_by_label("Class 2", exact=True).press("Enter")
    for name, sample in samples.items():
        show_sample(page, sample)
        expect(page.get_by_role("heading", name=f"of 2: {name}")).to_be_visible()
        page.wait_for_function("!document.activeElement.matches('input')")  # it has the focus until it is gone
        press_shortcut(page.locator(".st-key-teach-start button"), "n")
        page.locator(".st-key-teach-keep button").click()
        page.evaluate("document.activeElement.blur()")
    expect(page.get_by_role("heading", name=judged)).to_be_visible()
    for name, sample in samples.items():
        show_sample(page, sample)
        expect(page.get_by_role("alert").filter(has_text=f"{name} was held")).to_be_visible()
        expect(page.locator(PLAYER)).to_have_count(1)
    assert axe_report(page) is None
    saved = FaceProfile.from_json(download(page, "Download", 2).read_bytes())
    assert saved.classes is not None
    assert [*saved.classes.moods] == [*samples]


FACES = {
    Emotion.HAPPY: ("eileen-collins-1999",),
    Emotion.SAD: ("grace-hopper-1984", (0.22, -0.2)),
    Emotion.ANGRY: ("barack-obama-2009-speaking", (0.22, 0.35)),
}
"""Photos, and how to pull the face."""


def record_a_clip(page: Page) -> None:
    """Record two seconds, save them, play them, and delete them."""
    page.get_by_role("button", name="Record 15 seconds").click()
    page.evaluate("window.began = window.emomusicBand.output.context.currentTime")
    page.wait_for_function("window.emomusicBand.output.context.currentTime > window.began + 2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save it now").click()
    with av.open(str(waiting.value.path())) as clip:
        assert {stream.type for stream in clip.streams} == {"audio", "video"}
    expect(page.get_by_text(re.compile(r"^Saved, \d+ s\.$"))).to_be_visible()
    shown = page.locator(".saved video")
    shown.evaluate("one => one.play()")
    wait_until(lambda: shown.evaluate("one => one.currentTime") > 0.2)
    page.wait_for_function(f"{BAND_DB} < -80")  # one source sounds at a time
    page.get_by_role("button", name="Delete the clip").click()
    expect(page.get_by_role("button", name="Delete the clip")).to_be_hidden()


def test_the_band_and_the_page_follow_the_faces_until_another_page_and_the_session_has_a_card(
    live: Callable[..., Page], server_folder: Path
) -> None:
    page = live()
    start(page, "barack-obama-2009-speaking")
    page.wait_for_function(f"{BAND_DB} > -45")
    for emotion, (name, *pull) in FACES.items():
        page.evaluate(FOLLOW, astuple(emotion.point))
        show_sample(page, name, *pull)
        page.wait_for_function("window.followed")
        expect(page.get_by_role("heading", name=emotion.adjective)).to_be_visible()
    before = page.evaluate(LAYERS)  # reduced motion stops the drawing, not the music
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function(f"{LAYERS} !== {before!r}")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Mute").click()
    page.wait_for_function(f"{BAND_DB} < -80")
    page.get_by_role("button", name="Mute").click()
    page.wait_for_function(f"{BAND_DB} > -45")
    record_a_clip(page)
    page.get_by_role("button", name="Mute").click()
    page.wait_for_function(f"{BAND_DB} > -45")
    assert axe_report(page) is None

    page.wait_for_function(IS_MARKED)
    show_sample(page, "four-people")
    sees(page, "4 faces ·")
    page.wait_for_function(FOUR_ROWS)
    page.wait_for_function(HAS_PLANE)
    box = box_of(page.locator(".st-key-live-frames"))
    assert 0.65 < box["width"] / box_of(page.locator(".st-key-live-screen"))["width"] < 0.75
    assert box["height"] > 0.65 * box["width"]  # of a camera of 4:3, all is seen
    page.wait_for_function(f"({TIMELINE})() > 0")
    first = page.evaluate(TIMELINE)
    show_picture(page, None)
    sees(page, "0 faces")
    page.wait_for_function(f"({TIMELINE})() > {first}")  # the chart follows the text
    visit(page, "Models")
    page.wait_for_function("!window.emomusicBand.isPlaying")
    wait_for_readers(server_folder, 0)
    visit(page, "Live")
    expect(page.locator(SUMMARY)).to_be_visible()
    assert axe_report(page) is None
    page.get_by_role("button", name="Share").click()
    assert download(page, "Card (PNG)").read_bytes().startswith(b"\x89PNG")


def test_a_game_is_played_with_a_key_beside_another_tab_that_is_closed_and_leaves_nothing(
    live: Callable[..., Page], server_folder: Path
) -> None:
    wait_for_readers(server_folder, 0)  # those of earlier tests have ended
    other, page = live(width=390, height=844), live("Mirror+game")
    for tab in (other, page):
        start(tab, "four-people")
    sees(other, "4 faces ·")
    assert overflow(other) <= 0
    wait_for_readers(server_folder, 2)
    other.close()  # its place is free after half a minute
    play_the_game(page)
    wait_for_readers(server_folder, 1)
    expect(page.locator(PLAYER)).to_have_count(1)
    expect(page.locator('.game-cards img[src^="data:image/jpeg"]').last).to_be_visible()
    expect(page.locator(".game-cards figure")).to_have_count(7)
    assert axe_report(page) is None
    visit(page, "Models")
    page.wait_for_function(IS_CAMERA_FREE)
    wait_for_readers(server_folder, 0)


MOST_PER_S = 15  # of 30 that the camera takes
KEEP_TIMES = """
const post = Worker.prototype.postMessage;
window.sent_ms = [];
Worker.prototype.postMessage = function (message, ...others) {
  if (message.picture) sent_ms.push(performance.now());
  return post.call(this, message, ...others);
};"""


def write_crowd(path: Path, width: int = 672, height: int = 376, rate: int = 30) -> None:
    """Two seconds of six faces, which move a little."""
    portrait = cv2.resize(read_image(SAMPLES / "eileen-collins-1999.jpg"), (width // 3, height // 2))
    still = np.tile(portrait, (2, 3, 1))
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for step in range(2 * rate):
            frame = np.roll(still, round(3 * np.sin(np.pi * step / rate)), axis=1)
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


def test_the_page_sends_half_of_the_frames_of_a_crowd_before_a_webcam(
    playwright: Playwright, server: str, tmp_path: Path
) -> None:
    write_crowd(crowd := tmp_path / "crowd.y4m")
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    flags.append(f"--use-file-for-fake-video-capture={crowd}")
    with (
        playwright.chromium.launch(executable_path=chromium(), args=flags) as browser,
        own_context(browser, permissions=["camera"]) as context,
    ):
        page = context.new_page()
        page.add_init_script(KEEP_TIMES)
        page.goto(f"{server}/live")
        agree_and_start(page)
        sees(page, "[4-6] faces ·")
        shape = page.locator("video").first.evaluate("video => video.videoWidth / video.videoHeight")
        assert shape == pytest.approx(672 / 376, abs=0.02)  # all that the camera sees
        page.evaluate("sent_ms.length = 0")
        page.wait_for_function("sent_ms.length > 40")
        sent_ms = page.evaluate("sent_ms")
        assert 1000 * (len(sent_ms) - 2) / (sent_ms[-1] - sent_ms[0]) < MOST_PER_S
        page.locator("video").first.evaluate("video => video.srcObject.getTracks()[0].onended()")
        expect(problem(page, Problem.LOST)).to_be_visible()  # the camera was unplugged
        expect(page.locator(SUMMARY)).to_be_visible()  # a closed window keeps its place for half a minute


def test_a_class_guesses_first_with_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/live?shown=Guess+first")
    page.get_by_role("button", name="Vote on phones").click()
    address = page.get_by_text(re.compile("Phones open .*vote=")).inner_text()
    code = address.partition("vote=")[2].strip()
    phone = page.context.new_page()
    phone.goto(page.url.partition("/live")[0] + f"/live?shown=Guess+first&vote={code}")
    phone.get_by_role("button", name="Sad").click()
    expect(page.get_by_text("1 vote so far")).to_be_visible()
    phone.close()
    page.get_by_alt_text("Face 1").hover()
    expect(page.locator(".stElementToolbar:visible")).to_have_count(0)  # it covers what is above
    page.get_by_role("button", name="Show the label").click()
    page.get_by_role("button", name="Ask the machine").click()
    expect(page.get_by_text(re.compile("^The machine: "))).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)  # of the votes, and of the machine
    wait_until_idle(page)
    assert problems(page) == []
    assert (least := smallest(page))[0] >= 16, least  # for the last row of a class; Plotly fits shares into bars
