"""The Photo page in a real browser: a photo is dropped, a song plays, the camera is used."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from emomusic.marks.card import SIZE
from tests.browser.conftest import download, visit
from tests.browser.layout import DESKTOP, SIZES, box_of, problems, resize
from tests.browser.live import CAMERA, WIDTH, agree_and_start, press, show_sample
from tests.browser.player import NO_SPOTIFY, PLAYER, song, song_after
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.films import SAMPLES

pytestmark = pytest.mark.browser

CORRECT, ANOTHER = "More", "Other photos"

# The first frames may be black on a busy machine
FILM_RUNS = """() => {
  const video = document.querySelector("video");
  if (!(video && video.readyState >= 3 && video.videoWidth > 0 && video.currentTime > 0.5)) return false;
  const canvas = Object.assign(document.createElement("canvas"), {width: 16, height: 12});
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 16, 12);
  const values = context.getImageData(0, 0, 16, 12).data.filter((_, place) => place % 4 < 3);
  return Math.max(...values) - Math.min(...values) > 100;
}"""


def choose_sample(page: Page, name: str) -> None:
    """Replace the shown photo by a sample."""
    page.get_by_role("button", name=ANOTHER).click()
    page.get_by_role("button", name=name, exact=True).click()


def show_map(page: Page) -> None:
    """Open the tab with the plane."""
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".st-key-plane .main-svg").first).to_be_visible()


def test_a_click_on_a_sample_image_chooses_the_sample_which_stays_with_its_song(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect(page.get_by_text("an expression is not a feeling")).to_be_visible()  # the last text on the page
    page.wait_for_function("""() => document.querySelector('img[alt="Sample: Four people"]')?.clientWidth > 60""")
    page.get_by_role("button", name="Four people", exact=True).click(trial=True)  # waits for a stable layout
    # A click at the image's position: the button is stretched over the whole tile
    box = box_of(page.get_by_alt_text("Sample: Four people"))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name=re.compile("Together"))).to_be_visible()
    expect(page).to_have_url(re.compile("sample=four-people"))
    expect(page.locator(".st-key-photo-face-4 button")).to_be_visible()

    first = song(page)
    page.get_by_role("button", name=ANOTHER).click()  # the first click after a photo was read
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_text("people who agree")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".st-key-photo-face-2 button").click()
    shown = song_after(page, first)
    page.locator(PLAYER).evaluate("frame => { frame.isSame = true; }")
    visit(page, "Models")
    visit(page, "Photo")
    expect(page.locator(".st-key-photo-face-4 button")).to_be_visible()
    assert song(page) == shown
    assert page.locator(PLAYER).evaluate("frame => frame.isSame")  # another frame would begin the song anew
    expect(page).to_have_url(re.compile(r"sample=four-people&who=Face\+2"))


def history_steps(page: Page) -> int:
    """The number of steps in the browser's history, once the page is idle and all frames are loaded."""
    wait_until_idle(page)
    for frame in page.frames[1:]:
        frame.wait_for_load_state()
    return int(page.evaluate("history.length"))


def check_that_undone_choices_stay_away(page: Page) -> None:
    """What Back undoes, and what is reset, does not return."""
    caption = page.get_by_text("Your choice: calm")
    page.get_by_role("button", name=CORRECT, exact=True).click()
    page.get_by_role("radio", name="calm", exact=True).click()
    expect(caption).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("radio", name="calm", exact=True)).to_have_count(0)
    page.go_back()
    expect(caption).to_have_count(0)
    page.get_by_role("radio", name="Lift me").click()
    expect(page.get_by_role("radio", name="Lift me", checked=True)).to_be_visible()
    expect(caption).to_have_count(0)
    expect(page).not_to_have_url(re.compile("mood="))

    # For a closed menu, the browser sends its old values
    menu = page.get_by_role("button", name="Your music")
    menu.click()
    page.get_by_text("Hide explicit songs").click()
    expect(menu).to_have_text(re.compile("1"))  # the number of changed options
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(menu).to_have_text(re.compile("^\\D*$"))
    page.keyboard.press("Escape")
    expect(page.get_by_text("Hide explicit songs")).to_have_count(0)
    page.get_by_role("radio", name="Match me").click()
    expect(page.get_by_role("radio", name="Match me", checked=True)).to_be_visible()
    wait_until_idle(page)
    expect(menu).to_have_text(re.compile("^\\D*$"))


def test_each_choice_is_a_step_that_back_undoes_for_good(open_page: Callable[..., Page], tmp_path: Path) -> None:
    """A new choice also removes all earlier choices about the face or the sample in this one step."""
    page = open_page("/?sample=four-people&who=Face+2&says=happy&mood=calm")
    page.get_by_text("Your choice: happy, calm").wait_for()
    shown, steps, added = song(page), history_steps(page), {}
    page.locator(".st-key-photo-face-3 button").click()
    shown = song_after(page, shown)
    page.wait_for_url(re.compile(r"sample=four-people&who=Face\+3$"))
    added["a face"], steps = history_steps(page) - steps, history_steps(page)
    page.get_by_role("button", name=CORRECT, exact=True).click()
    page.get_by_role("radio", name="afraid", exact=True).click()
    page.get_by_text("Your choice: afraid").wait_for()
    page.keyboard.press("Escape")
    added["an emotion"], steps = history_steps(page) - steps, history_steps(page)
    shown = song(page)
    choose_sample(page, "An astronaut")
    shown = song_after(page, shown)
    page.wait_for_url(re.compile(r"\?sample=eileen-collins-1999$"))
    added["a sample"], steps = history_steps(page) - steps, history_steps(page)
    own = tmp_path / "own.jfif"  # a JPEG's extension on Windows
    own.write_bytes((SAMPLES / "grace-hopper-1984.jpg").read_bytes())
    page.get_by_role("button", name=ANOTHER).click()
    page.locator('input[type="file"]').set_input_files(own)
    of_own = song_after(page, shown)
    page.wait_for_url(re.compile(r"/$"))
    added["an own photo"] = history_steps(page) - steps
    assert added == {"a face": 1, "an emotion": 1, "a sample": 1, "an own photo": 1}

    choose_sample(page, "A smile")
    shown = song_after(page, of_own)
    page.wait_for_url(re.compile(r"\?sample=barack-obama-2012$"))
    page.go_back()
    assert song_after(page, shown) == of_own
    expect(page).not_to_have_url(re.compile("sample"))
    check_that_undone_choices_stay_away(page)


# What no printed answer shows
NEVER_PRINTED = "button, input, textarea, select, a[role=button], [role=radio], [role=tab], .st-key-player-bar, header"
MARKS = "[class*='st-key-photo-face-'] button"
PRINTED = (
    "(all, marks) => all.filter((one) => one.checkVisibility() && !one.matches(marks)).map((one) => one.innerText)"
)


def assert_prints(page: Page) -> None:
    """Check that the answer fills at most two pages of A4, dark on white, without controls. The page stays so."""
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".strip-listener")).to_be_visible()
    expect(page.locator(".printed")).to_have_count(1)
    expect(page.locator(".printed")).to_be_hidden()
    wait_until_idle(page)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) <= 2
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 without its margins
    shown = page.locator(NEVER_PRINTED).evaluate_all(PRINTED, MARKS)
    assert not shown
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".st-key-part-picture img").first).to_be_visible()
    assert page.locator(".strip:visible").count() >= 1
    assert page.locator(".printed li:visible").count() >= 4
    paper, ink = page.locator("h1").evaluate(
        "(title) => [getComputedStyle(document.querySelector('.stApp')).backgroundColor, getComputedStyle(title).color]"
    )
    assert paper == "rgb(255, 255, 255)"
    assert ink == "rgb(27, 22, 19)"
    wide = [box for each in page.locator(".strip:visible").all() if (box := each.bounding_box())]
    assert all(box["x"] >= -1 and box["x"] + box["width"] <= 704 for box in wide)


def test_everything_can_be_downloaded_copied_and_printed(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = song(page)

    page.get_by_role("button", name="Your music").click()
    with download(page, "Songs (CSV)").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == 20
    assert ids[0] == shown
    names = download(page, "List (text)").read_text(encoding="utf-8").splitlines()
    assert names == [f"{row['artists']} \u2013 {row['title']}" for row in rows]
    page.get_by_test_id("stCode").hover()
    page.get_by_role("button", name="Copy to clipboard").click()
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == [row["url"] for row in rows]
    page.keyboard.press("Escape")

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("tab", name="Download").click()
    for label, size in (("Photo with faces", (1200, 376)), ("Card (PNG)", SIZE)):
        with Image.open(download(page, label)) as picture:
            assert (picture.format, picture.size) == ("PNG", size)
    assert len(json.loads(download(page, "Everything").read_text(encoding="utf-8"))["faces"]) == 4
    download(page, "Faces (CSV)")
    page.keyboard.press("Escape")
    assert_prints(page)


# What a visitor could press or fill in, beside the header, the pages, the player and the code of the screen
CONTROLS = """() => [...document.querySelectorAll(
  "button, input, select, textarea, a[href], [role=tab], [role=slider]")]
  .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && !each.closest("header, .st-key-pages, .st-key-code, .st-key-player-bar, [data-testid=stSidebar]")
    && each.getBoundingClientRect().width > 1)
  .map((each) => each.ariaLabel || each.innerText || each.outerHTML.slice(0, 80))"""
SHARES = (
    '() => [...document.querySelectorAll(".strip")].filter((one) => one.checkVisibility()).map((one) => one.ariaLabel)'
)


def test_the_screen_is_a_stage_with_few_controls_and_shows_the_face_under_the_pointer(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(script=NO_SPOTIFY)
    page.get_by_role("button", name="An astronaut", exact=True).wait_for()
    page.locator(".st-key-without-face button").first.wait_for()
    wait_until_idle(page)
    assert len(page.evaluate(CONTROLS)) <= 14
    page.get_by_role("button", name="An astronaut", exact=True).click()
    page.locator("[class*=st-key-no-face-] button").wait_for()
    wait_until_idle(page)
    controls = page.evaluate(CONTROLS)
    assert len(controls) <= 16, controls
    widths = [box_of(page.locator(f".st-key-part-{part}"))["width"] for part in ("picture", "player")]
    assert widths[0] / sum(widths) == pytest.approx(0.6, abs=0.03)

    choose_sample(page, "Four people")
    page.locator(".st-key-photo-face-4 button").wait_for()
    wait_until_idle(page)
    together = page.evaluate(SHARES)
    page.locator(".st-key-photo-face-3 button").hover()
    (of_third,) = page.evaluate(SHARES)
    assert of_third.startswith("Face 3")
    page.mouse.move(5, 5)
    assert page.evaluate(SHARES) == together
    page.locator(".st-key-photo-face-4 button").click()
    visit(page, "Why?")
    expect(page).to_have_url(re.compile("how_it_works.*face=4"))
    expect(page.get_by_role("button", name="Face 4 of 4")).to_be_visible()


def test_a_face_is_framed_by_the_pointer_and_by_keys(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    page.locator("[class*=st-key-no-face-] button").click()
    expect(page.get_by_role("heading", name="No face found")).to_be_visible()
    for number in (2, 3):
        page.get_by_role("button", name="Mark a face").click()
        frame = page.get_by_role("button", name=re.compile("^Frame of the face"))
        expect(frame).to_be_focused()
        if number == 2:
            photo = box_of(page.locator(".st-key-photo-preview img"))
            page.mouse.click(photo["x"] + photo["width"] / 2, photo["y"] + photo["height"] / 2)  # draws none
            page.mouse.move(photo["x"] + 0.34 * photo["width"], photo["y"] + 0.12 * photo["height"])
            page.mouse.down()
            page.mouse.move(photo["x"] + 0.53 * photo["width"], photo["y"] + 0.34 * photo["height"], steps=4)
            page.mouse.up()
        else:
            before = box_of(frame)
            frame.press("ArrowRight")
            frame.press("+")
            after = box_of(frame)
            assert after["x"] + after["width"] > before["x"] + before["width"]
            assert after["width"] > before["width"]
            frame.press("Enter")
        expect(page.locator(f".st-key-photo-face-{number} button")).to_be_visible()
        expect(frame).to_have_count(0)


# Elements that overlap another one, and those that the sides of the element around them cut off
TOGETHER = """all => all.map(one => one.getBoundingClientRect()).filter((one, number, boxes) =>
  boxes.slice(0, number).some(other => Math.min(one.right, other.right) > Math.max(one.left, other.left)
    && Math.min(one.bottom, other.bottom) > Math.max(one.top, other.top)))"""
OUTSIDE = """(all, around) => all.map(one => [one, one.closest(around)].map(each => each.getBoundingClientRect()))
  .filter(([inner, outer]) => inner.left < outer.left - 1 || inner.right > outer.right + 1)"""


def check_contact_sheet(page: Page) -> None:
    """Drop all samples: the contact sheet is whole, takes clicks and is printed."""
    samples = sorted((SAMPLES).glob("*.jpg"))
    page.get_by_role("button", name=ANOTHER).click()
    page.locator('input[type="file"]').set_input_files(samples)
    photos, faces = page.locator("[class*='st-key-sheet-']"), page.locator("[class*='st-key-photo-face-']")
    expect(faces).to_have_count(11)
    expect(page.get_by_role("heading", name=re.compile("^Together"))).to_be_visible()
    wait_until_idle(page)
    for size in SIZES:
        resize(page, size)
        wait_until_at_rest(photos.last)
        assert problems(page) == [], size
        assert photos.count() == len(samples)
        assert photos.evaluate_all(TOGETHER) == []
        assert faces.evaluate_all(OUTSIDE, "[class*='st-key-sheet-']") == []
        assert photos.evaluate_all(OUTSIDE, ".st-key-sheet") == []
    resize(page, DESKTOP)
    # Grace Hopper: her portrait, and one of the four people
    page.get_by_role("button", name=re.compile("^Person 3")).click()
    expect(page.get_by_role("heading", name=re.compile("^(?!Together).*sad"))).to_be_visible()
    wait_until_idle(page)
    dimmed = page.locator(".st-key-sheet img").evaluate_all("all => all.map(one => getComputedStyle(one).opacity < 1)")
    assert dimmed.count(False) == 2
    assert_prints(page)


def test_several_photos_lie_on_the_plane_stay_and_are_a_contact_sheet(open_page: Callable[..., Page]) -> None:
    page = open_page()
    names = ("eileen-collins-1999", "four-people", "joe-biden-2010")
    page.locator('input[type="file"]').set_input_files([SAMPLES / f"{name}.jpg" for name in names])
    expect(page.get_by_text("6 faces in 3 photos")).to_be_visible()
    everyones = song(page)
    show_map(page)
    expect(page.locator(".st-key-plane .imagelayer image")).to_have_count(4)
    wait_until_idle(page)
    box = box_of(page.locator(".st-key-plane .imagelayer image").first)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name=re.compile("^Clearly happy"))).to_be_visible()
    song_after(page, everyones)
    wait_until_idle(page)
    assert box_of(page.locator(".st-key-plane .imagelayer image").last)["width"] > box["width"]  # the chosen one

    page.reload()
    expect(page.get_by_text("6 faces in 3 photos")).to_be_visible()
    assert song(page) == everyones

    check_contact_sheet(page)


# Where a place of the plane lies on the page, once the chart shows a way; the target that it draws
PLACE = """([x, y]) => {
  const area = document.querySelector(".st-key-plane .nsewdrag"), chart = area?.closest(".js-plotly-plot");
  if (!chart?.data.some(({ name }) => name === "way")) return null;
  const { xaxis, yaxis } = chart._fullLayout, { left, top } = area.getBoundingClientRect();
  return [left + xaxis.l2p(x), top + yaxis.l2p(y)];
}"""
TARGET = """() => {
  const way = document.querySelector(".st-key-plane .js-plotly-plot")?.data.find(({ name }) => name === "way");
  return way ? [way.x.at(-1), way.y.at(-1)].join() : "";
}"""


def test_the_target_of_a_journey_is_where_the_plane_is_clicked_dragged_or_moved_by_keys(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/?sample=eileen-collins-1999")
    show_map(page)
    page.get_by_role("radio", name="Take me there").click()
    where = page.get_by_role("combobox", name="Where to")
    expect(where).to_have_value("To calm songs (suggested)")
    wait_until_idle(page)
    page.locator(".st-key-plane").scroll_into_view_if_needed()
    target = page.get_by_role("button", name="Target of the journey")

    def centre() -> tuple[float, float]:
        wait_until_idle(page)
        wait_until_at_rest(target)
        box = box_of(target)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def wait_for_goal(valence: float, arousal: float) -> None:
        page.wait_for_function(f"({TARGET})() === '{valence:g},{arousal:g}'")
        expect(where).to_have_value("To the place on the plane")
        assert centre() == pytest.approx(page.evaluate(PLACE, [valence, arousal]), abs=2)

    shown = song(page)
    page.mouse.click(*page.wait_for_function(PLACE, arg=[-0.5, -0.8]).json_value())
    wait_for_goal(-0.5, -0.8)
    song_after(page, shown)
    page.mouse.move(*centre())
    page.mouse.down()
    page.mouse.move(*page.wait_for_function(PLACE, arg=[-0.6, -0.5]).json_value(), steps=4)
    page.mouse.up()
    wait_for_goal(-0.6, -0.5)
    target.press("ArrowUp")
    wait_for_goal(-0.6, -0.4)


# Without a frame of the camera, the button does nothing, and a visitor presses it again
TAKE_PHOTO = """() => {
  const buttons = [...document.querySelectorAll('[data-testid="stCameraInput"] button:enabled')];
  buttons.find(button => button.innerText === "Take Photo")?.click();
  return document.querySelector(".st-key-sentence") !== null;
}"""


def test_a_camera_that_is_in_use_is_told_and_another_one_shows_its_picture(open_page: Callable[..., Page]) -> None:
    for path, video in (("/live", ".st-key-live-frames"), ("/", "[data-testid=stCameraInput]")):
        page = open_page(path, script=f"{CAMERA}\nwindow.isBusy = true")
        agree_and_start(page) if path == "/live" else page.get_by_role("button", name="Camera").click()
        expect(page.get_by_text("The webcam is in use.")).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator(f"{video} video")).to_have_count(0)
        show_sample(page, "eileen-collins-1999")
        page.get_by_role("button", name="Use The usb camera").click()
        expect(page.get_by_text("The webcam is in use.")).to_have_count(0)
        expect(page.locator(f"{video} video")).to_have_js_property("videoWidth", WIDTH)
        if path == "/live":
            press(page, "STOP")  # a closed window keeps its place for half a minute
    page.wait_for_function(FILM_RUNS)  # the button appears before the first frame
    wait_until_idle(page)  # a rerun would replace the button
    page.wait_for_function(TAKE_PHOTO, polling=2000)
    expect(page.locator(".st-key-sentence h1")).to_have_text(re.compile("happy", re.IGNORECASE))
