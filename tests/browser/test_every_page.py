"""Checks of every page: title, headings and accessibility, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.accessibility import axe_report
from tests.browser.test_first_screen import MAX_SHIFT, SHIFTS, shift
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

LOOK = next(step.title for step in STEPS if step.key == "look")

# Pages with content, their titles, a text of each that appears last, and whether all parts come with the page
SCREENS = (
    ("/", "EmoMusic", "A sample, your own photo or a mood replaces this example.", True),
    ("/?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Each face", True),
    ("/live", "Live · EmoMusic", "What does this moment sound like?", True),
    ("/film", "Film · EmoMusic", "What does this film sound like?", True),
    ("/film?film=sample", "Film · EmoMusic", "Download", False),
    ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 1 surprised, 4 neutral.", True),
    ("/music", "Music · EmoMusic", "How the moods differ", True),
    ("/models?face_view=Card", "Models · EmoMusic", "Data and licence", True),
    ("/models?face_view=Figures", "Models · EmoMusic", "Figures", True),
    ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK, True),
)


@pytest.mark.parametrize(("path", "title", "last", "is_complete"), SCREENS, ids=[path for path, *_ in SCREENS])
def test_a_page_has_its_title_ordered_headings_no_violation_and_keeps_its_place(
    open_page: Callable[..., Page], path: str, title: str, last: str, is_complete: bool
) -> None:
    """Screen readers navigate by headings: one title, then its sections, then their subsections."""
    page = open_page(path)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    if is_complete:  # the first visit has loaded the networks
        wait_until_idle(page)
        page.add_init_script(f"({SHIFTS})()")
        page.reload()
        expect(page.get_by_text(last, exact=True).first).to_be_visible()
        if charts := page.locator(".js-plotly-plot").count():
            expect(page.locator(".js-plotly-plot .main-svg").nth(charts - 1)).to_be_visible()
        assert shift(page) <= MAX_SHIFT
    expect(page).to_have_title(title)
    assert axe_report(page) is None
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    assert axe_report(page) is None
    menu = page.get_by_test_id("stMainMenu").bounding_box()
    assert menu is not None
    assert menu["x"] + menu["width"] <= 390
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 0


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
