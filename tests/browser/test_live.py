"""The Live page in Chromium. The webcam is a video made from the bundled photos."""

from __future__ import annotations

import contextlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.app.camera import Problem
from emomusic.app.live import ice
from emomusic.assets import find_dataset
from emomusic.faces.profile import FaceProfile
from emomusic.media.images import RgbImage, encode_jpeg, read_image
from emomusic.stream.reader import THREAD_NAME
from tests.browser.accessibility import axe_report
from tests.browser.conftest import (
    FLAGS,
    PATIENCE_MS,
    chromium,
    download,
    fresh_server,
    thread_names,
    visit,
    with_spotify,
)
from tests.browser.live_scripts import (
    FOLLOW,
    FOUR_ROWS_AND_POINTS,
    IS_CAMERA_FREE,
    IS_MARKED,
    KEEP_CAMERAS,
    LATER_ROUND,
    LAYERS,
    LEVEL_DB,
    TIMELINE,
)
from tests.browser.player import PLAYER, overflow
from tests.browser.waiting import press_shortcut, wait_until_idle
from tests.films import SAMPLES, pulled_face
from tests.servers import reserved_port
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
# Small and slow for a busy machine; the video repeats
WIDTH, HEIGHT, RATE = 480, 360, 5
SHOT_S = 3

START, PLAYING, SUMMARY = ".st-key-live-start button", ".st-key-live_music", ".st-key-live-csv"
BAND_DB = f"{LEVEL_DB}(window.emomusicBand)"


def picture_of(picture: RgbImage | None) -> RgbImage:
    """A photo in the middle of a grey frame, or an empty wall."""
    if picture is None:
        return np.full((HEIGHT, WIDTH, 3), (70, 110, 140), np.uint8)
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return frame


def write_camera_film(path: Path, shots: Sequence[str | None]) -> Path:
    """Write a video of these photos, with small movements."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for name in shots:
            still = picture_of(None if name is None else read_image(SAMPLES / f"{name}.jpg"))
            for step in range(SHOT_S * RATE):
                shift = np.array([[1, 0, 3 * np.sin(step / 4)], [0, 1, 2 * np.cos(step / 5)]], np.float32)
                frame = cv2.warpAffine(still, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
                file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


# The camera shows the picture that a test puts in `top.onCamera`. It moves, because a still canvas sends no frames
CANVAS_CAMERA = f"""navigator.mediaDevices.getUserMedia = async () => {{
  const canvas = Object.assign(document.createElement("canvas"), {{ width: {WIDTH}, height: {HEIGHT} }});
  const context = canvas.getContext("2d");
  const draw = () => top.onCamera && context.drawImage(top.onCamera, 2 * Math.sin(Date.now() / 500), 0);
  setInterval(draw, {1000 // RATE});
  return canvas.captureStream({RATE});
}}"""


def show_on_camera(page: Page, name: str, pull: tuple[float, float] = (0.0, 0.0)) -> None:
    """Put a sample in front of the camera of `CANVAS_CAMERA`, perhaps with a pulled face."""
    show_picture(page, pulled_face(read_image(SAMPLES / f"{name}.jpg"), *pull))


def show_picture(page: Page, image: RgbImage) -> None:
    """Put a picture in front of the camera of `CANVAS_CAMERA`."""
    picture = b64encode(encode_jpeg(picture_of(image))).decode()
    page.evaluate(
        "async source => { const image = new Image(); image.src = source; await image.decode(); top.onCamera = image }",
        f"data:image/jpeg;base64,{picture}",
    )


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of one face, four faces and no face."""
    return write_camera_film(
        tmp_path_factory.mktemp("film") / "camera.y4m", ["eileen-collins-1999", "four-people", None]
    )


@contextlib.contextmanager
def window(playwright: Playwright, *flags: str, permissions: tuple[str, ...] = ("camera",)) -> Iterator[Page]:
    """Open a Chromium window with these flags. Without permissions, it can ask the visitor."""
    path = chromium(complete=not permissions)
    browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
    errors: list[str] = []
    try:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=list(permissions))
        context.on("weberror", lambda event: errors.append(f"{event.error}\n{event.error.stack}"))
        with_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
    except AssertionError as error:
        error.add_note("Uncaught errors of the pages:\n" + "\n".join(errors))
        raise
    finally:
        browser.close()


@contextlib.contextmanager
def camera(playwright: Playwright, film: Path, *flags: str) -> Iterator[Page]:
    """Open a window whose webcam shows the video."""
    with window(playwright, *CAMERA, f"--use-file-for-fake-video-capture={film}", *flags) as page:
        yield page


def open_live(page: Page, server: str, view: str = "Faces") -> None:
    """Open the page and press START, which gives consent; the video then starts."""
    page.goto(f"{server}/live?shown={view}")
    page.locator(START).click()


def problem(page: Page, kind: Problem) -> Locator:
    return page.locator(f".st-key-live-problem-{kind}")


def wait_for_start(page: Page) -> None:
    """Wait until the video plays."""
    expect(page.locator(PLAYING)).to_be_visible()


def press(page: Page, name: str) -> None:
    """Press START or STOP below the video."""
    page.locator({"START": ".st-key-live-restart button", "STOP": ".st-key-live-stop button"}[name]).click()


def sees(page: Page, text: str) -> None:
    """Wait for a line that starts with this pattern, for a few repetitions of the video."""
    expect(page.get_by_text(re.compile(f"^{text}"))).to_be_visible()


def wait_for_readers(folder: Path, number: int) -> None:
    wait_until(lambda: thread_names(folder).count(THREAD_NAME) == number)


def test_readings_follow_the_webcam_and_the_session_has_songs(playwright: Playwright, server: str, film: Path) -> None:
    with camera(playwright, film) as page:
        page.add_init_script(KEEP_CAMERAS)
        open_live(page, server)
        wait_for_start(page)
        sees(page, "1 face ·")
        expect(page.get_by_role("heading", name=re.compile("happy|neutral|sad", re.IGNORECASE))).to_be_visible()
        page.wait_for_function(IS_MARKED)
        sees(page, "4 faces ·")
        page.wait_for_function(FOUR_ROWS_AND_POINTS)
        page.wait_for_function(f"({TIMELINE})() > 0")
        first = page.evaluate(TIMELINE)
        sees(page, "0 faces ·")
        page.wait_for_function(f"({TIMELINE})() > {first}")  # the chart follows the text
        sees(page, "1 face ·")
        press(page, "STOP")
        expect(page.locator(SUMMARY)).to_be_visible()
        page.wait_for_function(IS_CAMERA_FREE)
        expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text("4")
        page.locator(".st-key-live-play-session button").click()
        expect(page.locator(".st-key-live-play-session button")).to_be_disabled()
        listed = page.locator("ol a").first.get_attribute("href") or ""
        expect(page.locator(f'iframe[src$="{listed.rpartition("/")[2]}"]')).to_have_count(1)


def test_each_tab_has_a_reader_until_it_is_closed_or_shows_another_page(
    playwright: Playwright, server: str, server_folder: Path, film: Path
) -> None:
    # Two tabs of one window would share a process here, with both videos
    with camera(playwright, film) as page, camera(playwright, film) as other:
        page.set_viewport_size({"width": 390, "height": 844})
        wait_for_readers(server_folder, 0)  # those of earlier tests have ended
        for tab in (other, page):
            open_live(tab, server)
            wait_for_start(tab)
            sees(tab, "[14] faces? ·")
        wait_for_readers(server_folder, 2)
        other.close()
        wait_for_readers(server_folder, 1)
        sees(page, "4 faces ·")
        assert overflow(page) <= 0
        page.set_viewport_size({"width": 1440, "height": 900})
        visit(page, "Models")
        wait_for_readers(server_folder, 0)
        page.get_by_role("link", name="Live").click()
        expect(page.locator(SUMMARY)).to_be_visible()
        press(page, "START")
        wait_for_start(page)
        press(page, "STOP")  # a server that stops during a session logs a warning
        wait_for_readers(server_folder, 0)


def test_a_page_continues_with_a_restarted_server_by_webrtc(playwright: Playwright, film: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with camera(playwright, film) as page, reserved_port() as port:
        page.add_init_script(KEEP_CAMERAS)
        with fresh_server(folders[0], port=port) as address:
            open_live(page, address)
            wait_for_start(page)
            page.evaluate("window.isKept = true")
            sees(page, "1 face")
            press(page, "STOP")  # nothing runs the page again
            expect(page.locator(SUMMARY)).to_be_visible()
            wait_until_idle(page)
        with fresh_server(folders[1], {ice.LIVE: "webrtc"}, port=port) as address:
            page.locator(START).click()
            wait_for_start(page)
            assert page.evaluate("window.isKept")  # not loaded again
            sees(page, "[14] faces? ·")
            page.wait_for_function(IS_MARKED)
            page.wait_for_function(f"{BAND_DB} > -45")
            press(page, "STOP")
            expect(page.locator(SUMMARY)).to_be_visible()
            page.wait_for_function(IS_CAMERA_FREE)


def test_a_refused_webcam_and_a_page_without_https_are_reported(playwright: Playwright, server: str) -> None:
    port = server.rsplit(":", 1)[1]
    flags = ("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    with window(playwright, *flags, permissions=()) as page:
        page.goto(f"http://emomusic.test:{port}/live")
        expect(problem(page, Problem.INSECURE)).to_be_visible()  # before consent
        open_live(page, server)
        expect(problem(page, Problem.REFUSED)).to_be_visible()
        expect(page.locator(f".st-key-live-again-{Problem.REFUSED}")).to_be_visible()
        page.locator(f".st-key-live-snapshot-{Problem.REFUSED} button").click()
        expect(page.get_by_role("radio", name="Camera")).to_be_checked()


def test_other_problems_of_the_webcam_are_reported_with_a_way_out(open_page: Callable[..., Page]) -> None:
    asks = "async () => { throw new DOMException('', 'NotFoundError') }"
    page = open_page("/live", script=f"if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = {asks}")
    page.locator(START).click()
    expect(problem(page, Problem.ABSENT)).to_be_visible()

    # An answer on another page counts
    asks = "() => new Promise((_, refuse) => { top.refuse = refuse })"
    page.evaluate(f"navigator.mediaDevices.getUserMedia = {asks}, null")
    page.locator(f".st-key-live-again-{Problem.ABSENT} button").click()
    page.wait_for_function("top.refuse !== undefined")
    visit(page, "Models")
    wait_until_idle(page)
    page.evaluate("() => top.refuse(new DOMException('', 'AbortError'))")
    page.get_by_role("link", name="Live").click()
    expect(problem(page, Problem.BUSY)).to_be_visible()

    page.evaluate("navigator.mediaDevices.getUserMedia = undefined")
    page.locator(f".st-key-live-again-{Problem.BUSY} button").click()
    expect(problem(page, Problem.UNSUPPORTED)).to_be_visible()
    expect(page.locator(f".st-key-live-again-{Problem.UNSUPPORTED}")).to_have_count(0)
    page.locator(f".st-key-live-photo-{Problem.UNSUPPORTED} button").click()
    expect(page.get_by_role("radio", name="Upload")).to_be_checked()


def play_the_game(page: Page, answer: Callable[[Emotion], None] | None = None) -> None:
    """Play seven rounds: answer each named emotion for the whole round, or press a key for the next one."""
    begin, number = page.locator(".st-key-live-game-start button"), 0
    expect(begin).to_be_enabled()
    page.wait_for_function("document.activeElement === document.body")  # no click: the page takes the keys
    press_shortcut(begin, "n")
    while number < 7:  # a round ends by itself: a busy machine may see none of it
        number, task = page.wait_for_function(LATER_ROUND, arg=number).json_value()
        if answer is not None and number < 8:
            answer(next(emotion for emotion in Emotion if emotion.adjective in task.lower()))
        elif number < 7:
            press_shortcut(page.locator(".st-key-live-game-next button"), "n")
    expect(page.locator(".st-key-live-game-again")).to_be_visible()


@pytest.mark.slow  # with a data set
def test_a_real_person_reaches_most_emotions_of_the_game(playwright: Playwright, server: str) -> None:
    if not (faces := find_dataset("california")):
        pytest.skip("needs the collection california in $EMOMUSIC_DATA")
    # Person 50 shows all seven emotions
    shown = {emotion: read_image(min((faces / emotion).glob("50_*.jpg"))) for emotion in Emotion}
    with window(playwright) as page:
        page.add_init_script(CANVAS_CAMERA)
        page.goto(f"{server}/live")
        show_picture(page, shown[Emotion.NEUTRAL])
        page.get_by_role("radio", name="Mirror game").click()
        page.locator(START).click()
        play_the_game(page, lambda named: show_picture(page, shown[named]))
        cards = page.locator(".game-cards figure")
        expect(cards).to_have_count(7)
        reached = [text for text in cards.all_inner_texts() if re.search(r" after \d|from the start", text)]
        assert len(reached) >= 5, cards.all_inner_texts()  # six on an idle machine


def test_two_taught_persons_are_kept_apart_until_they_are_forgotten(playwright: Playwright, server: str) -> None:
    keep, take, known = ".st-key-teach-keep button", ".st-key-teach-start button", "Read with a profile: "
    with window(playwright) as page:
        page.add_init_script(CANVAS_CAMERA)
        page.goto(f"{server}/live?shown=Teach+it+your+face")
        show_on_camera(page, "eileen-collins-1999")
        page.locator(START).click()
        expect(page.locator(take)).to_be_enabled()
        expect(page.locator(".st-key-teach-skip")).to_have_count(0)  # the neutral face is needed
        page.locator(take).click()
        page.locator(".st-key-teach-retake button").click()
        expect(page.locator(keep)).to_have_count(0)
        page.locator(keep).click()
        expect(page.get_by_text("2 of 7")).to_be_visible()
        page.locator(".st-key-teach-finish button").click()
        expect(page.get_by_role("img", name="Your neutral face")).to_be_visible()
        assert axe_report(page) is None
        show_on_camera(page, "grace-hopper-1984")
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
        page.get_by_role("radio", name="Faces").click()
        expect(page.get_by_text("Read with the profile of Grace")).to_be_visible()
        show_on_camera(page, "eileen-collins-1999")
        expect(page.get_by_text("Read with the profile of Person 1")).to_be_visible()
        visit(page, "Photo")
        page.get_by_role("button", name="Four people", exact=True).click()
        expect(page.get_by_text(f"{known}face 2 and face 3")).to_be_visible()
        page.get_by_role("button", name="This is me").click()
        page.get_by_role("button", name="Forget Person 1").click()
        expect(page.get_by_text(re.compile(f"{known}face 3$"))).to_be_visible()
        page.get_by_role("button", name="Forget Grace").click()
        expect(page.get_by_text(known)).to_have_count(0)
        page.locator(".st-key-profile_upload input[type=file]").set_input_files(
            {"name": "face.json", "mimeType": "application/json", "buffer": saved[0]}
        )
        expect(page.get_by_text(re.compile(f"{known}face 2$"))).to_be_visible()


FACES = {
    Emotion.HAPPY: ("eileen-collins-1999",),
    Emotion.SAD: ("grace-hopper-1984", (0.22, -0.2)),
    Emotion.ANGRY: ("barack-obama-2009-speaking", (0.22, 0.35)),
}
"""Photos, and how to pull the face."""


def test_the_band_follows_the_face_and_is_muted_drawn_and_recorded(playwright: Playwright, server: str) -> None:
    with window(playwright) as page:
        page.add_init_script(CANVAS_CAMERA)
        page.goto(f"{server}/live")
        show_on_camera(page, "barack-obama-2009-speaking")
        page.locator(START).click()
        page.wait_for_function(f"{BAND_DB} > -45")
        for emotion, (name, *pull) in FACES.items():
            page.evaluate(FOLLOW, astuple(EMOTION_POINTS[emotion]))
            show_on_camera(page, name, *pull)
            page.wait_for_function("window.followed")
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
        expect(page.get_by_text(re.compile(r"^Saved, \d+ s\.$"))).to_be_visible()
        shown = page.locator(".saved video")
        shown.evaluate("one => one.play()")
        wait_until(lambda: shown.evaluate("one => one.currentTime") > 0.2)
        page.wait_for_function(f"{BAND_DB} < -80")  # one source sounds at a time
        page.get_by_role("button", name="Delete the clip").click()
        expect(page.get_by_role("button", name="Delete the clip")).to_be_hidden()
        page.get_by_role("button", name="Mute").click()
        page.wait_for_function(f"{BAND_DB} > -45")
        assert axe_report(page) is None
        visit(page, "Models")
        page.wait_for_function("!window.emomusicBand.isPlaying")


def test_a_game_is_played_with_a_key_and_leaves_nothing(
    playwright: Playwright, server: str, server_folder: Path, film: Path
) -> None:
    with camera(playwright, film) as page:
        page.add_init_script(KEEP_CAMERAS)
        open_live(page, server, "Mirror+game")
        play_the_game(page)
        expect(page.locator(PLAYER)).to_have_count(1)
        pictures = page.locator('.game-cards img[src^="data:image/jpeg"]')
        expect(pictures.last).to_be_visible()
        expect(page.locator(".game-cards figure")).to_have_count(7)
        assert axe_report(page) is None
        visit(page, "Models")
        page.wait_for_function(IS_CAMERA_FREE)
        wait_for_readers(server_folder, 0)
        page.get_by_role("link", name="Live").click()
        expect(page.locator(".st-key-live-game-start")).to_be_visible()
        expect(pictures).to_have_count(0)
