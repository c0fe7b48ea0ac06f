"""The Live page in Chromium, with a camera that shows what a test puts in front of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import av
import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.app import state
from emomusic.app.live.session import Problem
from emomusic.faces.profile import FaceProfile
from emomusic.stream.reader import THREAD_NAME
from tests.browser.accessibility import axe_report
from tests.browser.camera import show_on_camera
from tests.browser.conftest import NAMED_HOST, download, fresh_server, thread_names, visit
from tests.browser.live_scripts import FOLLOW, IS_CAMERA_FREE, IS_MARKED, LAYERS, LEVEL_DB, WITHOUT_WEBRTC
from tests.browser.player import PLAYER, hear_own_files
from tests.browser.waiting import wait_until_idle
from tests.films import COLLINS, FOUR_PEOPLE, HOPPER, NOBODY, OBAMA_SPEAKING
from tests.servers import reserved_port
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

START, PLAYING, SUMMARY = ".st-key-live-start button", f".st-key-{state.LIVE_MUSIC}", ".st-key-live-csv"

LIVE = f"/live?{state.LIVE_VIEW}=Faces"

BAND_DB = f"{LEVEL_DB}(window.emomusicBand)"

TIMELINE = """() => {
  const chart = document.querySelector(".st-key-live-timeline .js-plotly-plot");
  return chart && chart.data ? chart.data[0].x.length : 0;
}"""

IN_THE_APPS_FONT = """() => {
  const isLoaded = [...document.fonts].some((font) => font.family.includes("Source Sans") && font.status === "loaded");
  return isLoaded && getComputedStyle(document.querySelector("button")).textTransform === "none";
}"""

# Rows of the group and four faces, in the order of the plane. Two planes may exist for a moment, the new one first
FOUR_ROWS_AND_POINTS = """() => {
  const rows = document.querySelector(".st-key-live-rows .js-plotly-plot")?.data?.[0].y ?? [];
  const plane = document.querySelector(".st-key-live-plane .js-plotly-plot")?.data ?? [];
  const texts = plane.find(trace => trace.name === "faces")?.text ?? [];
  const numbers = texts.map(text => text.replace(/<[/]?b>/g, "")).filter(text => /^[0-9]+$/.test(text));
  return rows.length === 5 && rows.join() === ["Everyone", ...numbers.map(number => `Face ${number}`)].join();
}"""

# N skips a round, but not in its first half second
CAN_SKIP_OR_IS_LAST = """() => {
  const text = document.querySelector('[data-testid="stMain"]').innerText;
  if (/Round 7|Play again/.test(text)) return "last";
  return /\\b[1-4]\\s+Round/.test(text) && "skip";
}"""


def start(page: Page, name: str = COLLINS) -> None:
    """Put a photo in front of the camera, press START, which gives consent, and wait until the video plays."""
    show_on_camera(page, name)
    wait_until_idle(page)
    page.locator(START).click()
    wait_for_start(page)


def wait_for_start(page: Page) -> None:
    expect(page.locator(PLAYING)).to_be_visible()


def problem(page: Page, kind: Problem) -> Locator:
    return page.locator(f".st-key-live-problem-{kind}")


def stream(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc"]')


def press(page: Page, name: str) -> None:
    """Press START or STOP beside the video; on a busy machine, the page may go on without WebRTC."""
    own = page.locator({"START": ".st-key-live-restart button", "STOP": ".st-key-live-stop button"}[name])
    own.or_(page.locator('iframe[title*="webrtc"]')).first.wait_for()
    (own if own.count() else stream(page).get_by_role("button", name=name)).click()


def sees(page: Page, text: str) -> None:
    """Wait for a line that starts with this pattern."""
    expect(page.get_by_text(re.compile(f"^{text}"))).to_be_visible()


def stop(page: Page) -> None:
    """Press STOP and wait for the summary. A server that stops during a session logs a warning."""
    press(page, "STOP")
    expect(page.locator(SUMMARY)).to_be_visible()


def wait_for_readers(folder: Path, number: int) -> None:
    wait_until(lambda: thread_names(folder).count(THREAD_NAME) == number)


Open = Callable[..., Page]


def test_readings_follow_the_camera_of_each_tab_until_it_stops_or_shows_another_page(
    open_page: Open, server_folder: Path
) -> None:
    wait_for_readers(server_folder, 0)  # those of earlier tests have ended
    other, page = open_page(LIVE), open_page(LIVE, width=390, height=844)
    for tab in (other, page):
        tab.bring_to_front()
        start(tab)
        sees(tab, "1 face ·")
    wait_for_readers(server_folder, 2)
    other.close()
    wait_for_readers(server_folder, 1)
    expect(page.get_by_role("heading", name=re.compile("happy", re.IGNORECASE))).to_be_visible()
    frame = page.locator('iframe[title*="webrtc"]').element_handle().content_frame()
    assert frame is not None
    frame.wait_for_function(IN_THE_APPS_FONT)
    show_on_camera(page, FOUR_PEOPLE)
    sees(page, "4 faces ·")
    page.wait_for_function(FOUR_ROWS_AND_POINTS)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 0
    first = page.wait_for_function(TIMELINE).json_value()
    page.set_viewport_size({"width": 1440, "height": 900})
    show_on_camera(page, NOBODY)
    sees(page, "0 faces ·")
    page.wait_for_function(f"({TIMELINE})() > {first}")  # the chart follows the text
    visit(page, "Models")
    wait_for_readers(server_folder, 0)
    page.get_by_role("link", name="Live").click()
    expect(page.locator(SUMMARY)).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text("4")
    show_on_camera(page, COLLINS)
    press(page, "START")
    wait_for_start(page)
    sees(page, "1 face ·")
    stop(page)
    wait_for_readers(server_folder, 0)
    expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text("1")
    play = page.locator(".st-key-live-play-session button")
    play.click()
    expect(play).to_be_disabled()
    listed = page.locator("ol a").first.get_attribute("href") or ""
    expect(page.locator(f'iframe[src$="{listed.rpartition("/")[2]}"]')).to_have_count(1)


def test_a_page_continues_after_a_restart_of_a_server_whose_visitors_hear_only_their_own_files(
    new_visitor: Callable[[str], Page], tmp_path: Path
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with reserved_port() as port:
        with fresh_server(folders[0], port=port) as address:
            page = new_visitor(address + LIVE)
            start(page)
            page.evaluate("window.isKept = true")
        with fresh_server(folders[1], {"EMOMUSIC_SHARED": "1"}, port=port) as address:
            page.locator(START).click()
            wait_for_start(page)
            assert page.evaluate("window.isKept")  # not loaded again
            stop(page)
            assert "First song" in hear_own_files(page, address, "First")
            heard = hear_own_files(new_visitor(address), address, "Second")
            assert "Second song" in heard
            assert "First" not in heard


def test_each_problem_of_the_webcam_is_reported_with_a_way_out(open_page: Open, server: str) -> None:
    page = open_page("/live")
    page.goto(f"http://{NAMED_HOST}:{server.rsplit(':', 1)[1]}/live")
    expect(problem(page, Problem.INSECURE)).to_be_visible()  # before consent
    page.locator(f".st-key-live-snapshot-{Problem.INSECURE} button").click()
    expect(page.get_by_role("radio", name="Camera")).to_be_checked()

    page.goto(server + LIVE)
    wait_until_idle(page)
    page.evaluate("() => { window.works = navigator.mediaDevices.getUserMedia }")
    button = page.locator(START)
    for kind, error in (
        (Problem.REFUSED, "NotAllowedError"),
        (Problem.BUSY, "AbortError"),
        (Problem.ABSENT, "NotFoundError"),
    ):
        fails = f"async () => {{ throw new DOMException('', '{error}') }}"
        page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {fails} }}")
        button.click()
        expect(problem(page, kind)).to_be_visible()
        wait_until_idle(page)
        button = page.locator(f".st-key-live-again-{kind} button")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = window.works }")
    show_on_camera(page, COLLINS)
    button.click()
    wait_for_start(page)
    stop(page)

    page.reload()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = undefined }")
    wait_until_idle(page)
    page.locator(START).click()
    expect(problem(page, Problem.UNSUPPORTED)).to_be_visible()
    expect(page.locator(f".st-key-live-again-{Problem.UNSUPPORTED}")).to_have_count(0)
    page.locator(f".st-key-live-photo-{Problem.UNSUPPORTED} button").click()
    expect(page.get_by_role("radio", name="Upload")).to_be_checked()


def start_the_game(page: Page) -> None:
    """Start the game with a key, and wait for its first round."""
    expect(page.locator(".st-key-live-game-start button")).to_be_enabled()
    page.wait_for_function("document.activeElement === document.body")  # no click: the page takes the keys
    page.keyboard.press("n")
    expect(page.get_by_text("Round 1 of 7")).to_be_visible()
    expect(page.get_by_text(re.compile("^Look "))).to_be_visible()
    expect(page.get_by_role("meter")).to_be_visible()


def test_the_mirror_game_is_played_with_a_key_and_keeps_no_picture(open_page: Open) -> None:
    page = open_page(f"/live?{state.LIVE_VIEW}=Mirror+game")
    start(page)
    start_the_game(page)
    while page.wait_for_function(CAN_SKIP_OR_IS_LAST).json_value() == "skip":
        page.keyboard.press("n")
    expect(page.locator(".st-key-live-game-again")).to_be_visible()
    expect(page.locator(PLAYER)).to_have_count(1)
    pictures = page.locator('.game-cards img[src^="data:image/jpeg"]')
    expect(pictures.last).to_be_visible()
    expect(page.locator(".game-cards figure")).to_have_count(7)
    assert axe_report(page) is None
    visit(page, "Models")
    page.get_by_role("link", name="Live").click()
    expect(page.locator(".st-key-live-game-start")).to_be_visible()
    expect(pictures).to_have_count(0)


def test_two_persons_teach_the_app_their_faces_and_are_kept_apart_until_they_are_forgotten(open_page: Open) -> None:
    keep, take, known = ".st-key-teach-keep button", ".st-key-teach-start button", "Read with a profile: "
    page = open_page(f"/live?{state.LIVE_VIEW}=Teach+it+your+face")
    show_on_camera(page, COLLINS)
    page.locator(START).click()
    expect(page.locator(take)).to_be_enabled()
    expect(page.locator(".st-key-teach-skip")).to_have_count(0)  # the neutral face is needed
    page.locator(take).click()
    face = page.get_by_role("img", name="Your neutral face")
    first_try = face.get_attribute("src") or ""
    page.locator(".st-key-teach-retake button").click()
    expect(face).not_to_have_attribute("src", first_try)
    page.locator(keep).click()
    expect(page.get_by_text("2 of 7")).to_be_visible()
    page.locator(".st-key-teach-skip button").click()
    expect(page.get_by_text("3 of 7")).to_be_visible()
    page.locator(".st-key-teach-finish button").click()
    expect(page.get_by_role("heading", name=re.compile("faces are right"))).to_be_visible()
    wait_until_idle(page)
    expect(face).to_be_visible()
    assert axe_report(page) is None
    for name, seen in ((NOBODY, "0 faces ·"), (HOPPER, "1 face ·")):  # the picture has reached the server
        page.get_by_role("radio", name="Faces", exact=True).click()
        show_on_camera(page, name)
        sees(page, seen)
    page.get_by_role("radio", name="Teach it your face").click()
    page.locator(".st-key-teach-again button").click()
    page.locator(take).click()
    page.locator(keep).click()
    page.locator(".st-key-teach-finish button").click()
    expect(page.get_by_text("Person 2:")).to_be_visible()
    saved = [download(page, "Download", number).read_bytes() for number in range(2)]
    first, second = (FaceProfile.from_json(content) for content in saved)
    assert set(first.shots) == {Emotion.NEUTRAL}
    assert not first.shows(second.identity[None])
    visit(page, "Photo")
    page.get_by_role("button", name="Four people", exact=True).click()
    expect(page.get_by_text(f"{known}face 2 and face 3")).to_be_visible()
    wait_until_idle(page)
    page.get_by_role("button", name="This is me").click()
    page.locator(".st-key-persons-forget button").click()
    expect(page.get_by_text(known)).to_have_count(0)
    page.locator(f".st-key-{state.PROFILE_UPLOAD} input[type=file]").set_input_files(
        {"name": "face.json", "mimeType": "application/json", "buffer": saved[0]}
    )
    expect(page.get_by_text(re.compile(f"{known}face 2$"))).to_be_visible()


FACES = {
    Emotion.HAPPY: (COLLINS,),
    Emotion.SAD: (HOPPER, (0.22, -0.2)),
    Emotion.ANGRY: (OBAMA_SPEAKING, (0.22, 0.35)),
}
"""Photos, and how to pull the face."""


def test_the_band_follows_the_face_and_is_muted_drawn_and_recorded(open_page: Open) -> None:
    page = open_page(LIVE)
    start(page, OBAMA_SPEAKING)
    page.wait_for_function(f"{BAND_DB} > -45")
    for emotion, (name, *pull) in FACES.items():
        page.evaluate(FOLLOW, astuple(EMOTION_POINTS[emotion]))
        show_on_camera(page, name, *pull)
        page.wait_for_function("window.followed !== undefined")
        assert page.evaluate("window.followed") < 1.5
        expect(page.get_by_role("heading", name=emotion.adjective)).to_be_visible()
    before = page.evaluate(LAYERS)  # reduced motion stops the drawing, not the music
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function(f"{LAYERS} !== {before!r}")
    page.get_by_role("button", name="Mute").click()
    page.wait_for_function(f"{BAND_DB} < -80")
    page.get_by_role("button", name="Mute").click()
    page.wait_for_function(f"{BAND_DB} > -45")
    page.get_by_role("button", name="Record 15 seconds").click()
    page.evaluate("window.began = window.emomusicBand.output.context.currentTime")
    page.wait_for_function("window.emomusicBand.output.context.currentTime > window.began + 2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save it now").click()
    with av.open(str(waiting.value.path())) as clip:
        assert {stream.type for stream in clip.streams} == {"audio", "video"}
    assert axe_report(page) is None
    visit(page, "Models")
    page.wait_for_function("!window.emomusicBand.isPlaying")


def test_without_webrtc_the_page_reads_plays_the_game_and_leaves_nothing(open_page: Open, server_folder: Path) -> None:
    page = open_page(LIVE, script=WITHOUT_WEBRTC)
    start(page, FOUR_PEOPLE)
    sees(page, "4 faces ·")
    page.wait_for_function(IS_MARKED)
    sees(page, "Slower connection: about")
    page.wait_for_function(f"{BAND_DB} > -45")
    stop(page)
    page.wait_for_function(IS_CAMERA_FREE)
    wait_for_readers(server_folder, 0)
    page.get_by_role("radio", name="Mirror game").click()
    press(page, "START")
    start_the_game(page)
    visit(page, "Models")
    page.wait_for_function(IS_CAMERA_FREE)
    wait_for_readers(server_folder, 0)
