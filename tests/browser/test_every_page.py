"""Checks of every page: title, headings and accessibility, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.accessibility import assert_well_formed
from tests.browser.test_first_screen import MAX_SHIFT, SHIFTS, shift

pytestmark = pytest.mark.browser

LOOK = next(step.title for step in STEPS if step.key == "look")

# Pages with content, their titles, and a text of each that appears last; tests/browser/test_film.py has one more
SCREENS = (
    ("/", "EmoMusic", "A sample, your own photo or a mood replaces this example."),
    ("/?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Each face"),
    ("/live", "Live · EmoMusic", "What does this moment sound like?"),
    ("/film", "Film · EmoMusic", "What does this film sound like?"),
    ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 1 surprised, 4 neutral."),
    ("/music?songs=bundled", "Music · EmoMusic", "How the moods differ"),
    ("/models?face_view=Card", "Models · EmoMusic", "Data and licence"),
    ("/models?face_view=Figures", "Models · EmoMusic", "Figures"),
    ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK),
)


def shift_of(page: Page, last: str) -> float:
    """The layout shift of the page, once a text and all charts are drawn."""
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    if charts := page.locator(".js-plotly-plot").count():
        expect(page.locator(".js-plotly-plot .main-svg").nth(charts - 1)).to_be_visible()
    return shift(page)


@pytest.mark.parametrize(("path", "title", "last"), SCREENS, ids=[path for path, *_ in SCREENS])
def test_a_page_has_its_title_ordered_headings_no_violation_and_keeps_its_place(
    open_page: Callable[..., Page], path: str, title: str, last: str
) -> None:
    page = open_page(path, script=f"({SHIFTS})();")
    found = shift_of(page, last)
    if found > MAX_SHIFT:  # the first visit loads the networks
        page.reload()
        found = shift_of(page, last)
    assert found <= MAX_SHIFT
    assert_well_formed(page, title)


def test_the_menu_of_a_narrow_screen_closes_and_adds_one_step_for_each_page(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999", width=700)
    steps = page.evaluate("history.length")
    for name, url in (("Music", "**/music"), ("Photo", "**/?sample=eileen-collins-1999")):
        page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_role("link", name=name).click()
        expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
        page.wait_for_url(url)
    assert page.evaluate("history.length") == steps + 2
    page.go_back()
    page.wait_for_url("**/music")
