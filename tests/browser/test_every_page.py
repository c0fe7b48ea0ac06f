"""Checks of every page: titles, headings and accessibility."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from emomusic.ui.how_it_works.steps import STEPS

pytestmark = pytest.mark.browser

# Violations of Streamlit itself: its drop zone has a name and the role "presentation", and its wide tables and tall
# popovers scroll without keyboard focus
STREAMLIT_RULES = ("presentation-role-conflict", "scrollable-region-focusable")

STEP_TITLES = {step.key: step.title for step in STEPS}

# Pages with content, each with a heading that appears last
SCREENS = (
    ("/?sample=four-people", "Recommended songs"),
    ("/live", "What does this moment sound like?"),
    ("/gallery?wall=samples", "All faces"),
    ("/music", "Draw around some songs"),
    ("/models?face_view=Card", "Data and licence"),
    ("/how_it_works?sample=four-people&step=look", STEP_TITLES["look"]),
)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "EmoMusic"),
        ("/live", "Live · EmoMusic"),
        ("/gallery", "Gallery · EmoMusic"),
        ("/music", "Music · EmoMusic"),
        ("/models", "Models · EmoMusic"),
        ("/how_it_works", f"{STEPS[0].title} · How it works · EmoMusic"),
    ],
)
def test_each_page_has_its_title(open_page: Callable[..., Page], path: str, title: str) -> None:
    page = open_page(path)
    expect(page).to_have_title(title)


@pytest.mark.parametrize(("path", "last"), SCREENS)
def test_heading_levels_have_no_gaps(open_page: Callable[..., Page], path: str, last: str) -> None:
    """Screen readers navigate by headings: one title, then its sections, then their subsections."""
    page = open_page(path)
    expect(page.get_by_role("heading", name=last)).to_be_visible()
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
@pytest.mark.parametrize(("path", "last"), [*SCREENS, ("/models?face_view=Figures", "Figures")])
def test_axe_finds_no_violation(open_page: Callable[..., Page], path: str, last: str, theme: str, width: int) -> None:
    """Contrast, names, roles and order, as far as Deque's axe-core checks them."""
    page = open_page(path, width=width, theme=theme)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    page.wait_for_load_state("networkidle")  # parts of Streamlit, and the app's style with them, load after the content
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)  # its "Stop" is faint while the page runs
    for chosen in page.locator('[role="radio"][aria-checked="true"]:visible').all()[:1]:
        chosen.hover()  # the state with the lowest contrast
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in STREAMLIT_RULES}}
    found = Axe().run(page, options=options)
    for _ in range(10):  # elements are faint while they are redrawn, which takes longer on a busy machine
        if not found.violations_count:
            break
        page.wait_for_timeout(2000)
        found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()
