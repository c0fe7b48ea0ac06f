"""Checks of every page: title, headings and accessibility, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.accessibility import axe_report

pytestmark = pytest.mark.browser

LOOK = next(step.title for step in STEPS if step.key == "look")

# Pages with content, their titles, and a text of each that appears last
SCREENS = (
    ("/", "EmoMusic", "A sample, your own photo or a mood replaces this example."),
    ("/?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Each face"),
    ("/live", "Live · EmoMusic", "What does this moment sound like?"),
    ("/film", "Film · EmoMusic", "What does this film sound like?"),
    ("/film?film=sample", "Film · EmoMusic", "Download"),
    ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 1 surprised, 4 neutral."),
    ("/music", "Music · EmoMusic", "How the moods differ"),
    ("/models?face_view=Card", "Models · EmoMusic", "Data and licence"),
    ("/models?face_view=Figures", "Models · EmoMusic", "Figures"),
    ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK),
)


@pytest.mark.parametrize(("path", "title", "last"), SCREENS, ids=[path for path, _, _ in SCREENS])
def test_a_page_has_its_title_ordered_headings_and_no_violation(
    open_page: Callable[..., Page], path: str, title: str, last: str
) -> None:
    """Screen readers navigate by headings: one title, then its sections, then their subsections."""
    page = open_page(path)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    expect(page).to_have_title(title)
    assert axe_report(page) is None
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    assert axe_report(page) is None
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
