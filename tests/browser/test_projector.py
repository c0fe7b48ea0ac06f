"""Type on a projector: the smallest letters of each page, in charts too."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

# The size in pixels of the smallest visible text, with the text, in charts and in the parts of components too
SMALLEST = """() => {
  const found = [], roots = [document];
  for (const root of roots) {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) roots.push(each.shadowRoot);
      const own = [...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
      const { width, height } = each.getBoundingClientRect();
      if (!own || width < 2 || height < 2 || each.closest("style, script, #js-plotly-tester, [data-testid=stSidebar]"))
        continue;
      const isIcon = each.closest('[data-testid="stIconMaterial"], [class*="material"]');
      if (isIcon || !each.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const { a, b } = each instanceof SVGElement ? each.getScreenCTM() : { a: 1, b: 0 }, scale = Math.hypot(a, b);
      found.push([Math.round(100 * scale * parseFloat(getComputedStyle(each).fontSize)) / 100, own.slice(0, 40)]);
    }
  }
  return found.sort(([one], [other]) => one - other)[0];
}"""

PAGES = (
    "/?sample=four-people&songs=bundled",
    "/live",
    "/film",
    "/music?songs=bundled&find=sad",
    "/models?face_view=Overview",
)


def smallest(page: Page) -> tuple[float, str]:
    wait_until_idle(page)
    size, text = page.evaluate(SMALLEST)
    return float(size), str(text)


# The size of the type of the page, and of the smallest letters of its charts
TYPE = """() => [document.documentElement, ...document.querySelectorAll(".js-plotly-plot text")]
  .map((each) => parseFloat(getComputedStyle(each).fontSize))"""


def test_type_and_charts_grow_from_a_laptop_to_a_projector(open_page: Callable[..., Page]) -> None:
    page = open_page("/music?songs=bundled&find=sad", width=1280, height=720)
    wait_until_idle(page)
    sizes = []
    for width in (1280, 1440, 1600, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until_idle(page)
        of_page, *of_charts = page.evaluate(TYPE)
        assert len(of_charts) > 4
        sizes.append((of_page, min(of_charts)))
    for kind in zip(*sizes, strict=True):
        assert all(before < after for before, after in pairwise(kind)), kind


def test_no_text_is_too_small_for_a_projector(open_page: Callable[..., Page]) -> None:
    page = open_page(PAGES[0], width=1920, height=1080)
    server = page.url.partition("/?")[0]
    for path in PAGES:
        page.goto(server + path)
        page.get_by_role("heading", level=1).wait_for()
        size, text = smallest(page)
        assert size >= 16, (path, size, text)
    page.set_viewport_size({"width": 1024, "height": 768})
    for step in ("proposals", "look", "probabilities", "people", "songs"):
        page.goto(f"{server}/how_it_works?sample=four-people&step={step}&songs=bundled")
        page.locator('.st-key-how-fact, [class*="st-key-how-moments"]').first.wait_for()
        size, text = smallest(page)
        assert size >= 19, (step, size, text)
