"""How it works, as a teacher presents it: by keyboard, from a link, on a projector and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from emomusic.ui.core.frame import DARK_BUTTON
from emomusic.ui.how_it_works.steps import STEPS, step_named
from tests.browser.conftest import PATIENCE_MS, fresh_server

pytestmark = pytest.mark.browser

# What is on the screen: where the figures, songs and the large picture or chart end, how far the page is scrolled, and
# whether it is wider than the window
BOTTOM = """() => {
  const parts = [...document.querySelectorAll('.stMain :is(.stPlotlyChart, img), [class*="st-key-how-"] p')];
  return Math.max(...parts.map(part => part.getBoundingClientRect().bottom));
}"""
SCROLLED = """document.querySelector('[data-testid="stMain"]').scrollTop"""
TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  return main.scrollWidth - main.clientWidth;
}"""


# Browsers scroll by keys a little at a time, and Chromium lets a key go by that comes before the last has come to rest
TELL_WHEN_SCROLLED = """() => {
  window.scrolled = false;
  const main = document.querySelector('[data-testid="stMain"]');
  main.addEventListener("scrollend", () => { window.scrolled = true; }, { once: true });
}"""

# Drawn, large enough to be read, and no higher than the phone is wide
PLANE_FITS = """() => {
  const plot = document.querySelector(".js-plotly-plot:has(.main-svg)");
  const height = plot ? plot.getBoundingClientRect().height : 0;
  return height > 300 && height <= innerWidth;
}"""

# Whether the picture has more points than it takes on the page, for screens that can show them
SHARP = """() => {
  const image = document.querySelector('img[alt^="The picture with"]');
  return image && image.clientWidth > 0 && image.naturalWidth > 1.4 * image.clientWidth;
}"""


@pytest.fixture
def present(browser: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """Open a step in a window of its own; an error that no script of the page catches fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(
        key: str, sample: str | None = None, *, width: int = 1440, height: int = 900, theme: str = "light"
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{server}/how_it_works?step={key}" + (f"&sample={sample}" if sample else ""))
        shown(page, key)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not errors


def shown(page: Page, key: str) -> None:
    """Wait until a step is there: its title, the buttons whose keys are pressed, and the figures that come last.

    Streamlit loads the code of buttons after the first words, and a key pressed before that goes nowhere.
    """
    step = step_named(key)
    expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible(timeout=PATIENCE_MS)
    for label in ("Back", "Start again" if step is STEPS[-1] else "Next"):
        expect(page.get_by_role("button", name=label)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(step.sentences[1])).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".st-key-how-fact")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.locator(".st-key-how-fact")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0, timeout=PATIENCE_MS)
    # What the last step left is taken away when the run is over
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_arrow_keys_lead_through_all_steps_and_back(present: Callable[..., Page]) -> None:
    page = present(STEPS[0].key, "eileen-collins-1999")
    for step in STEPS[1:]:
        page.keyboard.press("ArrowRight")
        shown(page, step.key)
        assert f"step={step.key}" in page.url
        assert "sample=eileen-collins-1999" in page.url
        expect(page).to_have_title(f"{step.title} · How it works · EmoMusic")
    expect(page.get_by_text("happy songs")).to_be_visible()
    page.keyboard.press("ArrowRight")  # nothing comes after the last
    page.keyboard.press("ArrowLeft")
    shown(page, STEPS[-2].key)
    page.keyboard.press("ArrowLeft")
    shown(page, STEPS[-3].key)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1024, 768)])
def test_a_whole_step_is_on_the_screen(present: Callable[..., Page], width: int, height: int) -> None:
    """Nobody scrolls while presenting: on a laptop, on a projector at 150 %, on an old one; pictures are portraits."""
    page = present(STEPS[0].key, "morisot-self-portrait-1885", width=width, height=height)
    bottoms = {}
    for step in STEPS:
        shown(page, step.key)
        if step.key in ("probabilities", "place", "quadrant", "songs"):
            expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        bottoms[step.key] = page.evaluate(BOTTOM)
        page.keyboard.press("ArrowRight")
    assert {key: bottom for key, bottom in bottoms.items() if bottom > height} == {}


def scroll(page: Page, key: str) -> float:
    """Press a key that scrolls, and wait until the page has come to rest; returns how far down it is, in pixels."""
    page.evaluate(TELL_WHEN_SCROLLED)
    page.keyboard.press(key)
    page.wait_for_function("window.scrolled")
    return float(page.evaluate(SCROLLED))


def test_on_a_window_lower_still_the_keys_scroll(present: Callable[..., Page]) -> None:
    page = present(STEPS[-2].key, "eileen-collins-1999", width=1280, height=480)
    for key in ("PageDown", "Space", "End", "ArrowDown"):
        assert scroll(page, key) > 0
        assert scroll(page, "Home") == 0
    page.keyboard.press("ArrowRight")  # leads on all the same
    shown(page, STEPS[-1].key)
    assert scroll(page, "PageDown") > 0
    # A key that is pressed on a page's name, which lies outside of what scrolls, scrolls too
    assert scroll(page, "Home") == 0
    page.get_by_role("link", name="How it works").focus()
    assert scroll(page, "End") > 0
    assert page.evaluate(TOO_WIDE) <= 0


def test_a_plane_is_no_higher_than_a_phone_is_wide(present: Callable[..., Page]) -> None:
    page = present("quadrant", "barack-obama-2012", width=390, height=844)
    page.wait_for_function(PLANE_FITS)
    assert page.evaluate(PLANE_FITS)


def test_at_the_end_the_keyboard_keeps_its_place(present: Callable[..., Page]) -> None:
    page = present(STEPS[-2].key, "eileen-collins-1999")
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    shown(page, STEPS[-1].key)
    expect(page.get_by_role("button", name="Start again")).to_be_focused()


def test_a_link_shows_its_step_of_its_sample(present: Callable[..., Page]) -> None:
    page = present("face", "four-people")
    expect(page.get_by_text("4 faces found")).to_be_visible()
    expect(page.get_by_text("Step 4 of")).to_be_visible()
    page.wait_for_function(SHARP)
    page.keyboard.press("ArrowRight")
    shown(page, "crop")
    small = page.get_by_alt_text("The face, cut out")
    first = small.get_attribute("src")
    page.get_by_role("button", name="Face 3").click()
    expect(small).not_to_have_attribute("src", first or "")
    expect(small).to_have_attribute("alt", "Face 3. The face, cut out")
    expect(page.get_by_role("button", name="Face 3, shown", exact=True)).to_be_visible()
    # The keys lead on from wherever the last click was
    page.keyboard.press("ArrowRight")
    shown(page, "maps")


def test_a_face_chosen_by_keyboard_keeps_the_focus(present: Callable[..., Page]) -> None:
    page = present("crop", "four-people")
    page.get_by_role("button", name="Face 3", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_alt_text("Face 3. The face, cut out")).to_be_visible()
    shown(page, "crop")
    expect(page.get_by_role("button", name="Face 3, shown", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_alt_text("Face 2. The face, cut out")).to_be_visible()
    shown(page, "crop")
    expect(page.get_by_role("button", name="Face 2, shown", exact=True)).to_be_focused()


def test_the_main_button_can_be_read_in_the_dark(present: Callable[..., Page]) -> None:
    page = present(STEPS[0].key, "eileen-collins-1999", theme="dark")
    button = page.get_by_role("button", name="Next")
    red, green, blue = (int(DARK_BUTTON[i : i + 2], 16) for i in (1, 3, 5))
    colour = f"rgb({red}, {green}, {blue})"
    expect(button).to_have_css("background-color", colour)
    expect(button.get_by_text("Next")).to_have_css("color", "rgb(255, 255, 255)")
    button.hover()
    expect(button).not_to_have_css("background-color", colour)


def test_another_picture_starts_its_own_way(present: Callable[..., Page], root: Path) -> None:
    page = present("face", "eileen-collins-1999")
    page.get_by_role("button", name="Picture", exact=True).click()
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(root / "data/samples/four-people.jpg")
    expect(page.get_by_text("4 faces found")).to_be_visible(timeout=PATIENCE_MS)
    # The same bytes as a sample are that sample; the chooser has closed
    expect(page.get_by_test_id("stFileUploader")).to_have_count(0)


def test_an_own_picture_takes_the_place_of_another_and_stays(
    present: Callable[..., Page], root: Path, tmp_path: Path
) -> None:
    page = present("picture")
    with Image.open(root / "data/samples/grace-hopper-1984.jpg") as picture:
        for name, size in (("first", (300, 351)), ("second", (400, 468))):
            picture.resize(size).save(tmp_path / f"{name}.jpg")
            page.get_by_role("button", name="Picture", exact=True).click()
            with page.expect_file_chooser() as chooser:  # "+", once there is one
                page.get_by_test_id("stFileUploader").locator("button").last.click()
            chooser.value.set_files(tmp_path / f"{name}.jpg")
            expect(page.get_by_text(f"{size[0]} by {size[1]} points")).to_be_visible()
    page.keyboard.press("ArrowRight")
    shown(page, "proposals")
    page.keyboard.press("ArrowLeft")
    shown(page, "picture")
    expect(page.get_by_text("400 by 468 points")).to_be_visible()
    assert "sample=" not in page.url


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(present: Callable[..., Page], theme: str) -> None:
    page = present(STEPS[0].key, "four-people", width=390, height=844, theme=theme)
    for step in STEPS:
        shown(page, step.key)
        assert page.evaluate(TOO_WIDE) <= 0, step.key
        page.keyboard.press("ArrowRight")


def test_a_link_to_a_step_works_as_the_first_of_a_fresh_server(browser: Browser, tmp_path: Path) -> None:
    """Occlusion comes before Grad-CAM, which loads TensorFlow. `ui.require_app` says why the server must be fresh."""
    with fresh_server(tmp_path) as address:
        page = browser.new_page()
        page.goto(f"{address}/how_it_works?step=look&sample=eileen-collins-1999")
        expect(page.get_by_role("heading", name=step_named("look").title)).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("img", name="Occlusion")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("Loading TensorFlow")).to_be_visible()
        expect(page.get_by_role("img", name="Grad-CAM")).to_have_count(0)
        expect(page.get_by_text("The two maps")).to_be_visible(timeout=PATIENCE_MS)
        page.close()
