"""The How it works page in Chromium: keyboard, links, window sizes and uploads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from emomusic.app.how_it_works.page import STEPS, step_named
from tests.browser.player import PHONE
from tests.browser.waiting import wait_until_at_rest, wait_until_idle

pytestmark = pytest.mark.browser

PROJECTOR = {"width": 1280, "height": 720}

# The height of images and charts from the first to the last
DRAWN = """() => {
  const parts = [...document.querySelectorAll('.stMain :is(.stPlotlyChart, img)')].map(e => e.getBoundingClientRect());
  return Math.max(...parts.map(part => part.bottom)) - Math.min(...parts.map(part => part.top));
}"""
# The sum of the layout shifts since the last call, without those right after a key
SHIFTS = """() => {
  window.shifts ??= new PerformanceObserver(() => {});
  const found = window.shifts.takeRecords().filter(entry => !entry.hadRecentInput);
  window.shifts.observe({ type: "layout-shift", buffered: false });
  return found.reduce((sum, entry) => sum + entry.value, 0);
}"""
# Lowest edge of figures, songs, images and charts; scroll position; overflow of the width
BOTTOM = """() => {
  const parts = [...document.querySelectorAll('.stMain :is(.stPlotlyChart, img), [class*="st-key-how-"] p')];
  return Math.max(...parts.map(part => part.getBoundingClientRect().bottom));
}"""
SCROLLED = """document.querySelector('[data-testid="stMain"]').scrollTop"""
TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  return main.scrollWidth - main.clientWidth;
}"""

# Chromium ignores a scroll key that comes before the end of the last scroll
REPORT_SCROLL_END = """() => {
  window.scrolled = false;
  const main = document.querySelector('[data-testid="stMain"]');
  main.addEventListener("scrollend", () => { window.scrolled = true; }, { once: true });
}"""

# Whether the image has all pixels of the photo
SHARP = """() => {
  const image = document.querySelector('img[alt^="The photo with"]');
  return image && image.naturalWidth === 1200;
}"""


@pytest.fixture
def present(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open a step in a new window."""

    def open_(key: str, sample: str | None = None, **window: int) -> Page:
        page = open_page(f"/how_it_works?step={key}" + (f"&sample={sample}" if sample else ""), **window)
        shown(page, key)
        return page

    return open_


def shown(page: Page, key: str) -> None:
    """Wait for the title of a step, its buttons and its figures. Before that, key presses have no effect."""
    step = step_named(key)
    expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible()
    for label in ("Back", "Start again" if step is STEPS[-1] else "Next"):
        expect(page.get_by_role("button", name=label)).to_be_visible()
    expect(page.get_by_text(step.second)).to_be_visible()
    expect(page.locator(".st-key-how-fact")).to_have_count(1)
    expect(page.locator(".st-key-how-fact").first).to_be_visible()
    wait_until_idle(page)  # elements of the last step disappear at the end of the run


def face_button(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^Face {number}"))


def resize(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    wait_until_at_rest(page.locator(".stMainBlockContainer"))


def test_the_keys_lead_through_all_steps_which_fill_a_projector(present: Callable[..., Page]) -> None:
    """With a photo in portrait format."""
    page, bottoms, heights, shifts = present(STEPS[0].key, "morisot-self-portrait-1885", **PROJECTOR), {}, {}, {}
    for step in STEPS:
        shown(page, step.key)
        expect(page).to_have_url(re.compile(f"step={step.key}&sample=morisot"))
        expect(page).to_have_title(f"{step.title} · How it works · EmoMusic")
        if step.key in ("probabilities", "place", "quadrant", "songs", "sound"):
            expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        wait_until_at_rest(page.locator(".stMainBlockContainer"))
        shifts[step.key] = page.evaluate(SHIFTS)
        bottoms[step.key], heights[step.key] = page.evaluate(BOTTOM), page.evaluate(DRAWN)
        page.keyboard.press("ArrowRight")  # no effect on the last step
    assert {key: bottom for key, bottom in bottoms.items() if bottom > PROJECTOR["height"]} == {}
    assert {key: height for key, height in heights.items() if height < 0.6 * PROJECTOR["height"]} == {}
    assert {key: shift for key, shift in shifts.items() if shift > 0.05} == {}
    resize(page, *PHONE)
    for step in STEPS[-2:-5:-1]:
        page.keyboard.press("ArrowLeft")
        shown(page, step.key)
        assert page.evaluate(TOO_WIDE) <= 0, step.key
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    shown(page, STEPS[-3].key)


def scroll(page: Page, key: str) -> float:
    """Press a scroll key, wait for the end of the scroll and return the position in pixels."""
    for _ in range(10):  # a key press during a rerun of the page can be lost
        page.evaluate(REPORT_SCROLL_END)
        page.keyboard.press(key)
        try:
            page.wait_for_function("window.scrolled", timeout=5_000)
        except PlaywrightTimeoutError:
            continue
        return float(page.evaluate(SCROLLED))
    raise AssertionError(f"{key} did not scroll the page")


def test_keys_scroll_in_a_low_window(present: Callable[..., Page]) -> None:
    page = present(STEPS[-2].key, "eileen-collins-1999", width=1280, height=480)
    for key in ("PageDown", "Space"):
        assert scroll(page, key) > 0
        assert scroll(page, "Home") == 0
    page.keyboard.press("ArrowRight")  # still shows the next step
    shown(page, STEPS[-1].key)
    assert scroll(page, "PageDown") > 0
    # With the focus on a link in the header, the keys scroll too
    assert scroll(page, "Home") == 0
    page.get_by_role("link", name="How it works").focus()
    assert scroll(page, "End") > 0
    assert page.evaluate(TOO_WIDE) <= 0


def test_a_link_opens_its_step_where_a_face_can_be_chosen(present: Callable[..., Page]) -> None:
    page = present("face", "four-people")
    expect(page.get_by_text("4 faces found")).to_be_visible()
    expect(page.get_by_text("Step 4 of")).to_be_visible()
    page.wait_for_function(SHARP)
    for is_full in (True, False):
        page.keyboard.press("f")
        page.wait_for_function("isFull => !!document.fullscreenElement === isFull", arg=is_full)
        expect(page.get_by_test_id("stHeader")).to_be_visible(visible=not is_full)
    page.keyboard.press("ArrowRight")
    shown(page, "crop")
    face_button(page, 4).click()
    expect(page.get_by_alt_text(re.compile("^Face 4.*colour"))).to_be_visible()
    expect(face_button(page, 4)).to_have_accessible_name(re.compile("selected"))
    # The keys work after a click, and the focus stays
    for number in (3, 2):
        shown(page, "crop")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_alt_text(re.compile(f"^Face {number}.*colour"))).to_be_visible()
        expect(face_button(page, number)).to_be_focused()
    page.keyboard.press("ArrowRight")
    shown(page, "maps")
    resize(page, *PHONE)
    assert page.evaluate(TOO_WIDE) <= 0


def test_an_uploaded_photo_replaces_another_and_stays(present: Callable[..., Page], root: Path, tmp_path: Path) -> None:
    page = present("picture")
    with Image.open(root / "data/samples/grace-hopper-1984.jpg") as picture:
        for name, size in (("first", (300, 351)), ("second", (400, 468))):
            picture.resize(size).save(tmp_path / f"{name}.jpg")
            page.get_by_role("button", name="Photo", exact=True).click()
            with page.expect_file_chooser() as chooser:  # "+" after the first upload
                page.get_by_test_id("stFileUploader").locator("button").last.click()
            chooser.value.set_files(tmp_path / f"{name}.jpg")
            expect(page.get_by_text(f"{size[0]} by {size[1]}")).to_be_visible()
    page.keyboard.press("ArrowRight")
    shown(page, "proposals")
    page.keyboard.press("ArrowLeft")
    shown(page, "picture")
    expect(page.get_by_text("400 by 468")).to_be_visible()
    expect(page).not_to_have_url(re.compile("sample="))
