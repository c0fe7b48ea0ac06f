"""The How it works page in Chromium: keyboard, links, window sizes and uploads."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as LateError

from emomusic.app.how_it_works.steps import STEPS, Step, step_named
from tests.browser.layout import PHONE, box_of, overflow, resize, smallest
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

PROJECTOR, OLD_PROJECTOR = {"width": 1280, "height": 720}, (1024, 768)

# The measures of a step once it is drawn, in one call, because each call waits for a busy machine: the height of images
# and charts from the first to the last; the lowest edge, the source included; and the overflow of the width
MEASURES = """title => {
  const all = query => [...document.querySelectorAll(query)];
  const drawn = all('.stMain :is(.stPlotlyChart, img, .st-key-how-plane, [class*="st-key-how-moments"])');
  const source = all('[data-testid="stCaptionContainer"]').find(part => part.innerText.startsWith("Source"));
  const facts = all('.st-key-how-fact, [class*="st-key-how-moments"]');
  const isShown = document.querySelector("h1")?.innerText === title && facts.length === 1 && source
    && document.querySelector('[data-test-script-state="notRunning"]') && !document.querySelector('[data-stale="true"]')
    && !all('[data-testid="stSkeleton"]').some(part => part.checkVisibility())
    && drawn.length && drawn.every(
      part => part.matches(".stPlotlyChart") ? part.querySelector(".main-svg") : part.complete ?? part.clientHeight > 99
    );
  const now = JSON.stringify([...drawn, source].map(part => part?.getBoundingClientRect()));
  window.sameFrames = isShown && now === window.before ? window.sameFrames + 1 : 0;
  window.before = now;
  if (window.sameFrames < 20) return null;
  const main = document.querySelector('[data-testid="stMain"]');
  const parts = drawn.map(part => part.getBoundingClientRect());
  const texts = all('[class*="st-key-how-"] p').map(part => part.getBoundingClientRect().bottom);
  return {
    height: Math.max(...parts.map(part => part.bottom)) - Math.min(...parts.map(part => part.top)),
    bottom: Math.max(source.getBoundingClientRect().bottom, ...parts.map(part => part.bottom), ...texts),
    wide: main.scrollWidth - main.clientWidth,
  };
}"""
# A key scrolls before the second frame
TWO_FRAMES = "() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
SCROLLED = """document.querySelector('[data-testid="stMain"]').scrollTop"""

# A mark whose part is hidden for some of its looks, and then shown again
HIDDEN = """async mark => {
  const area = mark.parentElement, look = () => new Promise(done => setTimeout(done, 45));
  area.style.display = "none";
  for (let looks = 0; looks < 3; looks += 1) await look();
  area.style.display = "";
}"""


@pytest.fixture
def present(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open a step in a new window."""

    def open_(key: str, sample: str | None = None, **window: int) -> Page:
        page = open_page(f"/how_it_works?step={key}" + (f"&sample={sample}" if sample else ""), **window)
        shown(page, key)
        return page

    return open_


def toggle_full_screen(page: Page, is_full: bool) -> None:
    """Press the key, and again if a busy browser has refused the full screen."""
    for is_last in (False, False, True):
        page.keyboard.press("f")
        try:
            page.wait_for_function("isFull => !!document.fullscreenElement === isFull", arg=is_full)
        except LateError:
            if is_last:
                raise
        else:
            return


def shown(page: Page, key: str) -> None:
    """Wait for the title of a step, its buttons and its figures. Before that, key presses have no effect."""
    step = step_named(key)
    expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible()
    for label in ("Back", "Start again" if step is STEPS[-1] else "Next"):
        expect(page.get_by_role("button", name=label)).to_be_visible()
    if step.moments:
        expect(page.get_by_role("slider", name="Moment")).to_be_visible()
    else:
        expect(page.get_by_text(step.second)).to_be_visible()
        expect(page.locator(".st-key-how-fact")).to_have_count(1)
        expect(page.locator(".st-key-how-fact").first).to_be_visible()
    wait_until_idle(page)  # elements of the last step disappear at the end of the run


def measured(page: Page, step: Step) -> dict[str, float]:
    found: dict[str, float] = page.wait_for_function(MEASURES, arg=step.title).json_value()
    return found


def test_the_keys_lead_through_all_steps_which_fill_a_projector(present: Callable[..., Page]) -> None:
    """With a photo in portrait format. The source of each step is on the screen too."""
    page, found = present(STEPS[0].key, "morisot-self-portrait-1885", **PROJECTOR), {}
    for step in STEPS:
        found[step.key] = measured(page, step)
        assert re.search(f"step={step.key}&sample=morisot", page.url)
        if step.key in ("proposals", "look", "probabilities", "people", "songs"):
            resize(page, OLD_PROJECTOR)
            wait_until_idle(page)
            assert (least := smallest(page))[0] >= 19, (step.key, least)
            page.set_viewport_size(PROJECTOR)
        page.keyboard.press("ArrowRight")  # no effect on the last step
    assert page.title() == f"{STEPS[-1].title} · How it works · EmoMusic"
    height = PROJECTOR["height"]
    assert {key: own["bottom"] for key, own in found.items() if own["bottom"] > height} == {}
    assert {key: own["height"] for key, own in found.items() if own["height"] < 0.45 * height} == {}
    resize(page, PHONE)
    page.keyboard.press("ArrowLeft")
    assert measured(page, STEPS[-2])["wide"] <= 0
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    assert measured(page, STEPS[-1])["wide"] <= 0


# The smallest letters of the chart in pixels of the screen, and whether it lies in its place
LETTERS_OF_CHART = """() => {
  const place = document.querySelector("[class*=st-key-how-chart-]"), chart = place?.querySelector(".main-svg");
  const [outer, inner] = [place, chart].map(part => part?.getBoundingClientRect());
  const texts = [...place?.querySelectorAll(".js-plotly-plot text") ?? []].filter(text => text.textContent);
  if (!inner || !texts.length || inner.width < 0.9 * outer.width) return null;
  const isInside = inner.right <= outer.right + 2 && inner.bottom <= outer.bottom + 2;
  const names = texts.map(text => text.getBoundingClientRect()).every(box => box.left >= outer.left - 2);
  const scale = inner.width / chart.clientWidth;
  return [isInside && names, Math.min(...texts.map(text => scale * parseFloat(getComputedStyle(text).fontSize)))];
}"""


def assert_scrolls(page: Page, key: str, condition: str) -> None:
    """Press a scroll key until the page is there. A press during a rerun or the end of a scroll can be lost."""

    def is_there() -> bool:
        page.keyboard.press(key)
        page.evaluate(TWO_FRAMES)
        return bool(page.evaluate(f"{SCROLLED} {condition}"))

    wait_until(is_there)


def test_a_low_window_scrolls_by_keys_and_has_a_square_for_pointer_and_keys(present: Callable[..., Page]) -> None:
    page = present(STEPS[-2].key, "eileen-collins-1999", width=1280, height=480)
    for key in ("PageDown", "Space"):
        assert_scrolls(page, key, "> 0")
        assert_scrolls(page, "Home", "=== 0")
    page.keyboard.press("ArrowRight")  # still shows the next step
    shown(page, STEPS[-1].key)
    assert_scrolls(page, "PageDown", "> 0")
    # With the focus on a link in the header, the keys scroll too
    assert_scrolls(page, "Home", "=== 0")
    page.get_by_role("link", name="How it works").focus()
    assert_scrolls(page, "End", "> 0")
    assert overflow(page) <= 0

    page.set_viewport_size({"width": 640, "height": 400})  # also at 200 % zoom
    page.goto(f"{page.url.partition('?')[0]}?step=cover&sample=eileen-collins-1999")
    shown(page, "cover")
    square, fact = page.get_by_role("button", name="Grey square"), page.locator(".st-key-how-fact")
    before = fact.inner_text()
    square.scroll_into_view_if_needed()
    box = box_of(square)
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] - 3 * box["height"], steps=5)
    page.mouse.up()
    expect(fact).not_to_have_text(before)
    moved, place = fact.inner_text(), square.bounding_box()
    square.evaluate(HIDDEN)  # a script's error would fail the test
    assert square.bounding_box() == place
    square.focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")  # to the mouth
    expect(fact).not_to_have_text(moved)
    assert square.bounding_box() != place
    expect(square).to_be_focused()
    expect(page).to_have_url(re.compile("step=cover"))
    assert overflow(page) <= 0


def test_a_link_opens_its_step_with_a_choice_of_faces_and_a_full_screen(present: Callable[..., Page]) -> None:
    page = present("face", "four-people")
    scrubber, tick = page.get_by_role("slider", name="Moment"), page.get_by_role("button", name="4 faces")
    tick.evaluate("one => { one.isFirst = true; }")
    scrubber.press("ArrowLeft")  # only the scrubber takes the key
    expect(page.get_by_role("heading", name="A second check")).to_be_visible()
    expect(page).to_have_url(re.compile("step=refined"))  # what is shown can be shared
    wait_until_idle(page)
    assert tick.evaluate("one => one.isFirst")  # a click on a part that is drawn anew meanwhile is lost
    scrubber.fill("0")
    expect(page.get_by_role("heading", name="A photo is numbers")).to_be_visible()
    tick.click()
    expect(page.get_by_role("img", name="Face and landmarks")).to_be_visible()
    page.emulate_media(reduced_motion="no-preference")
    scrubber.fill("3")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(scrubber).to_have_value("4")  # at the end of the motion
    expect(page.get_by_role("img", name="Face and landmarks")).to_be_visible()
    page.emulate_media(reduced_motion="reduce")
    for is_full in (True, False):
        toggle_full_screen(page, is_full)
        expect(page.get_by_test_id("stHeader")).to_be_visible(visible=not is_full)
    page.keyboard.press("ArrowRight")
    shown(page, "crop")
    page.get_by_role("button", name=re.compile("^Face . of 4")).focus()
    page.keyboard.press("Enter")
    option = page.get_by_role("button", name="Face 3", exact=True)
    option.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_alt_text(re.compile("^Face 3.*colour"))).to_be_visible()
    expect(option).to_have_count(0)  # the menu closes
    shown(page, "crop")
    page.keyboard.press("ArrowRight")
    shown(page, "maps")
    resize(page, PHONE)
    wait_until_at_rest(page.locator(".stMainBlockContainer"))
    assert overflow(page) <= 0

    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{page.url.partition('?')[0]}?step=people")
    shown(page, "people")
    toggle_full_screen(page, True)
    page.wait_for_function("innerWidth >= 1600")
    wait_until_at_rest(page.locator("[class*=st-key-how-chart-] .main-svg").first)
    is_inside, letters = page.wait_for_function(LETTERS_OF_CHART).json_value()
    assert is_inside
    assert letters >= 24  # a fortieth of the height of the screen, or nearly so


def test_the_band_plays_in_major_where_the_dot_is_pleasant(present: Callable[..., Page]) -> None:
    page = present("band", **PROJECTOR)
    dot = page.get_by_role("button", name="Dot")
    fact = page.locator(".st-key-how-fact")
    before = fact.inner_text()
    box = box_of(dot)
    assert page.evaluate("window.emomusicBand === undefined")  # silent until it is moved
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * box["width"], y, steps=4)
    page.mouse.up()
    expect(fact).not_to_have_text(before)
    fades = "window.emomusicBand?.isPlaying && emomusicBand.seats[0].gains"
    page.wait_for_function(f"{fades}.padMajor > 0.4 && emomusicBand.seats[0].gains.padMinor < 0.1")
    page.evaluate("window.dispatchEvent(new CustomEvent('emomusic:sound', { detail: { source: 'player' } }))")
    page.wait_for_function("!emomusicBand.isPlaying")
    dot.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("emomusicBand.isPlaying")
