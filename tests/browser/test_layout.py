"""On every page, no control covers another or is cut off, and a phone has the pages in a row at the bottom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import visit
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

SIZES = ((1440, 900), (1280, 720), (390, 844))

PAGES = (
    "/",
    "/?sample=four-people&songs=bundled",
    "/?sample=barack-obama-2012&who=Face+1&songs=bundled",
    "/?sample=all&songs=bundled",
    "/?mood=calm&songs=bundled",
    "/live",
    "/live?shown=Mirror+game",
    "/film?songs=bundled",
    "/film?film=sample&songs=bundled",
    "/music?songs=bundled",
    "/music?view=Your+song&songs=bundled",
    "/music?view=Table&songs=bundled",
    "/models",
    "/models?face_view=Figures",
    "/how_it_works?sample=four-people",
    "/how_it_works?sample=four-people&step=songs&songs=bundled",
)

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


@pytest.mark.parametrize("path", PAGES)
def test_no_control_covers_another_or_is_cut_off(open_page: Callable[..., Page], path: str) -> None:
    page = open_page(path)
    wait_until_idle(page)
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(CHARTS_FIT)
        wait_until_idle(page)
        found[width] = page.evaluate(PROBLEMS)
    assert not any(found.values()), found


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


def test_toolbars_are_whole_on_a_phone_without_hints_of_keys(open_page: Callable[..., Page]):
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
