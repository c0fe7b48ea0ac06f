"""Accessibility, as far as Deque's axe-core checks it: contrast, names, roles and order."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.player import box_of, overflow
from tests.browser.waiting import wait_until_idle

# Violations of Streamlit itself: its drop zone has a name and the role "presentation", and its wide tables and tall
# popovers scroll without keyboard focus
STREAMLIT_RULES = ("presentation-role-conflict", "scrollable-region-focusable")

_LOOKS = 3  # a page that runs meanwhile fades for a moment


def axe_report(page: Page) -> str | None:
    """The violations on the page; None without violations."""
    wait_until_idle(page)
    for chosen in page.locator('[role="radio"][aria-checked="true"]:visible').all()[:1]:
        chosen.hover(force=True)  # the state with the lowest contrast; a menu can cover it
    wait_until_idle(page)
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in STREAMLIT_RULES}}
    for _ in range(_LOOKS):
        found = Axe().run(page, options=options)
        if not found.violations_count:
            return None
        wait_until_idle(page)
    return found.generate_report()


def assert_accessible(page: Page, title: str) -> None:
    """Check title, order of headings and violations, also in the dark theme on a phone, where nothing is too wide.

    Screen readers navigate by headings: one title, then its sections, then their subsections.
    """
    expect(page).to_have_title(title)
    assert axe_report(page) is None
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    assert axe_report(page) is None
    menu = box_of(page.get_by_test_id("stMainMenu"))
    assert menu["x"] + menu["width"] <= 390
    assert overflow(page) <= 0
