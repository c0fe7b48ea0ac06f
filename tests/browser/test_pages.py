"""Every page as it is drawn: title, headings, accessibility in both themes, and no control that covers another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import visit
from tests.browser.test_first_screen import MAX_SHIFT, SHIFTS, shift
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

SIZES = ((1440, 900), (1280, 720), (390, 844))

LOOK, SONGS = (next(step.title for step in STEPS if step.key == key) for key in ("look", "songs"))

# The screens of each page, their titles, and a text of each that appears last
PAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "photo": (
        ("/", "EmoMusic", "A sample, your own photo or a mood replaces this example."),
        ("/photo?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Each face"),
        ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 1 sad, 4 neutral."),
        ("/?mood=calm&songs=bundled", "EmoMusic", "Calm songs"),
    ),
    "live": (
        ("/live", "Live · EmoMusic", "What does this moment sound like?"),
        ("/live?shown=Mirror+game", "Live · EmoMusic", "What does this moment sound like?"),
    ),
    "film": (
        ("/film", "Film · EmoMusic", "What does this film sound like?"),
        ("/film?film=sample&songs=bundled", "Film · EmoMusic", "Download"),
    ),
    "music": (
        ("/music", "Music · EmoMusic", "How the moods differ"),
        ("/music?view=Your+song", "Music · EmoMusic", "Or a song of the table, by its features"),
        ("/music?view=Table&songs=bundled", "Music · EmoMusic", "What does a mood sound like?"),
    ),
    "models": (("/models?face_view=Figures", "Figures · Models · EmoMusic", "Figures"),),
    "how_it_works": (
        ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK),
        ("/how_it_works?sample=four-people&step=songs&songs=bundled", f"{SONGS} · How it works · EmoMusic", SONGS),
    ),
}

# Pairs of controls of which one covers the other, and those that the sides of the window cut off. What a scrolling
# element hides does not count; what lies in front of the page (header, player, pages) is compared by itself.
PROBLEMS = """() => {
  const kinds = "button, a[href], input, textarea, select, [role=tab], [role=radio], [role=slider], video, audio";
  const front = '[data-testid="stHeader"], .st-key-player-bar, .st-key-pages';
  const part = (control) => {
    let { left, top, right, bottom } = control.getBoundingClientRect(), scrolls = false;
    for (let each = control.parentElement; each; each = each.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(each), edge = each.getBoundingClientRect();
      if (overflowX !== "visible") [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
      if (overflowY !== "visible") [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      scrolls ||= ["auto", "scroll"].includes(overflowX) && each.scrollWidth > each.clientWidth + 1
        && each.dataset.testid !== "stMain";
    }
    return { control, left, top, right, bottom, scrolls };
  };
  const name = ({ control }) => (control.ariaLabel || control.innerText || control.outerHTML).slice(0, 60);
  const shown = [...document.querySelectorAll(kinds)]
    .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
      && !each.closest('[data-testid="stSidebar"]') && !each.closest("[aria-hidden=true]"))
    .map(part).filter(({ left, top, right, bottom }) => right - left > 4 && bottom - top > 4);
  const found = [];
  shown.forEach((one, number) => {
    const { left, right } = one.control.getBoundingClientRect();
    if (!one.scrolls && (left < -1 || right > innerWidth + 1)) found.push(["cut off", name(one), left, right]);
    for (const other of shown.slice(number + 1)) {
      const [width, height] = [["left", "right"], ["top", "bottom"]].map(([low, high]) =>
        Math.min(one[high], other[high]) - Math.max(one[low], other[low]));
      const isNested = one.control.contains(other.control) || other.control.contains(one.control);
      const isInFront = Boolean(one.control.closest(front)) !== Boolean(other.control.closest(front));
      if (width > 2 && height > 2 && !isNested && !isInFront) found.push(["covered", name(one), name(other)]);
    }
  });
  const main = document.querySelector('[data-testid="stMain"]');
  main.scrollTop = main.scrollHeight;
  const low = Math.min(...[...document.querySelectorAll(".st-key-player-bar *, :has(> .st-key-pages)")]
    .map((each) => each.getBoundingClientRect()).filter(({ height }) => height > 20).map(({ top }) => top),
    innerHeight);
  const end = Math.max(...shown.filter(({ control }) => !control.closest(front)).map(({ control }) =>
    part(control)).filter(({ bottom, top }) => bottom > top).map(({ bottom }) => bottom));
  if (end > low + 1) found.push(["below the player", end, low]);
  main.scrollTop = 0;
  return found;
}"""


# Charts follow the window after a moment
CHARTS_FIT = """() => [...document.querySelectorAll(".js-plotly-plot")].every(chart =>
  !chart.checkVisibility() || Math.abs(chart.querySelector(".main-svg").clientWidth - chart.clientWidth) <= 1)"""


def assert_keeps_its_place(page: Page, address: str, last: str) -> None:
    """Load a page, and check that no part moves while it is drawn."""
    for _ in range(3):  # on a busy machine, code of the page may come late; a part that moves by itself always moves
        page.goto(address)
        expect(page.get_by_text(last, exact=True).first).to_be_visible()
        if charts := page.locator(".js-plotly-plot").count():
            expect(page.locator(".js-plotly-plot .main-svg").nth(charts - 1)).to_be_visible()
        if (moved := shift(page)) <= MAX_SHIFT:
            break
    assert moved <= MAX_SHIFT


def assert_nothing_is_covered(page: Page) -> None:
    """Check in windows of three sizes that no control covers another or is cut off."""
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(CHARTS_FIT)
        wait_until_idle(page)
        found[width] = page.evaluate(PROBLEMS)
    assert not any(found.values()), found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_keeps_its_place_and_no_control_covers_another(
    open_page: Callable[..., Page], name: str
) -> None:
    page = open_page()
    server = page.url.rstrip("/")
    page.add_init_script(f"({SHIFTS})()")
    for path, title, last in PAGES[name]:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        assert_keeps_its_place(page, server + path, last)
        expect(page.get_by_role("dialog")).to_have_count(0)  # "Page not found"
        assert_nothing_is_covered(page)
        page.set_viewport_size({"width": 1440, "height": 900})
        assert_accessible(page, title)


def test_an_answer_and_its_song_are_announced_and_have_the_focus_after_enter(open_page: Callable[..., Page]) -> None:
    page = open_page("/?songs=bundled")
    wait_until_idle(page)
    status = page.locator("body > [role=status]")
    page.get_by_role("button", name="Four people", exact=True).focus()
    page.keyboard.press("Enter")
    sentence = page.locator(".st-key-sentence h1")
    expect(sentence).to_contain_text("Together")
    expect(status).to_contain_text(sentence.inner_text())
    expect(sentence).to_be_focused()
    song = page.locator(".st-key-title-photo p")
    before = song.inner_text()
    expect(status).to_contain_text(before)
    page.get_by_role("button", name="Next song").first.click()
    expect(song).not_to_have_text(before)
    expect(status).to_contain_text(song.inner_text())


def test_on_a_phone_the_pages_lie_in_a_row_at_the_bottom(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999", width=390, height=844)
    wait_until_idle(page)
    names = ("Photo", "Live", "Film", "Music", "Models", "How it works")
    links = [page.get_by_role("link", name=name) for name in names]
    boxes = [link.bounding_box() for link in links]
    places = [(box["x"], box["y"], box["x"] + box["width"]) for box in boxes if box is not None]
    assert len(places) == len(names)
    assert places == sorted(places)
    assert len({y for _, y, _ in places}) == 1
    assert places[0][1] > 760
    assert places[-1][2] <= 390
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_hidden()
    visit(page, "Film")
    page.wait_for_url("**/film")
    visit(page, "Photo")
    page.wait_for_url("**/?sample=eileen-collins-1999")
    page.go_back()
    page.wait_for_url("**/film")
    for path, row, number in (("/live", ".st-key-shown", 4), ("/how_it_works?step=songs", ".st-key-how-top", 4)):
        page = open_page(path, width=390, height=844)
        wait_until_idle(page)
        buttons = page.locator(f"{row} button:visible")
        expect(buttons).to_have_count(number)
        boxes = [box for button in buttons.all() if (box := button.bounding_box()) is not None]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes), (path, boxes)
        assert page.locator(row).evaluate("row => row.scrollWidth - row.clientWidth") <= 1
        expect(page.locator("[aria-label^='Shortcut']:visible")).to_have_count(0)
        page.close()


# The loop with which a page opens; null before it is loaded
LOOP = """(name) => {
  const part = document.querySelector(`.st-key-loop-${name} [data-testid=stBidiComponentIsolated]`);
  const video = part?.shadowRoot?.querySelector("video");
  return video?.readyState > 1 ? video : null;
}"""


def test_film_and_live_open_with_a_loop_that_can_stand_still(open_page: Callable[..., Page]) -> None:
    for name in ("film", "live"):
        page = open_page(f"/{name}")
        page.emulate_media(reduced_motion="reduce")
        page.reload()
        video = page.wait_for_function(LOOP, arg=name)
        assert video.evaluate("video => [video.muted, video.loop, video.paused, video.currentTime]") == [
            True,
            True,
            True,
            0,
        ]
        assert video.evaluate("video => video.ariaLabel.length > 20 && video.videoHeight === 360")
        page.emulate_media(reduced_motion="no-preference")
        page.wait_for_function("video => !video.paused && video.currentTime > 0", arg=video)
        page.emulate_media(reduced_motion="reduce")
        page.wait_for_function("video => video.paused", arg=video)
