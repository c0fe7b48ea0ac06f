"""What holds on every page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

# Streamlit's own: its place to drop files on is named and "presentation" in one; its wide tables and high popovers
# scroll without a stop for the keyboard
THEIRS = ("presentation-role-conflict", "scrollable-region-focusable")

# A page with something on it, and a heading that is there when all of it is
SCREENS = (
    ("/?sample=four-people", "Music for it"),
    ("/live", "What does this moment sound like?"),
    ("/gallery?wall=samples", "All faces"),
    ("/music", "Draw around some songs"),
    ("/models?face_view=Card", "Data and licence"),
    ("/how_it_works?sample=four-people&step=look", "Where does it look?"),
)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "EmoMusic"),
        ("/live", "Live · EmoMusic"),
        ("/gallery", "Gallery · EmoMusic"),
        ("/music", "Music · EmoMusic"),
        ("/models", "Models · EmoMusic"),
        ("/how_it_works", "A picture is numbers · How it works · EmoMusic"),
    ],
)
def test_a_page_can_be_told_by_its_title(open_page: Callable[..., Page], path: str, title: str) -> None:
    page = open_page()
    page.goto(page.url.rstrip("/") + path)
    expect(page).to_have_title(title)


@pytest.mark.parametrize(("path", "last"), SCREENS)
def test_headings_leave_no_level_out(open_page: Callable[..., Page], path: str, last: str) -> None:
    """A screen reader's way around the page: one title, its parts below it, theirs below them."""
    page = open_page()
    page.goto(page.url.rstrip("/") + path)
    expect(page.get_by_role("heading", name=last)).to_be_visible()
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
@pytest.mark.parametrize(("path", "last"), [*SCREENS, ("/models?face_view=Figures", "Figures")])
def test_axe_finds_no_barrier(open_page: Callable[..., Page], path: str, last: str, theme: str, width: int) -> None:
    """Contrast, names, roles, order: what a machine can tell of whom a page shuts out (Deque's axe-core)."""
    page = open_page(width=width, theme=theme)
    page.goto(page.url.rstrip("/") + path)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    page.wait_for_load_state("networkidle")  # parts of Streamlit, and with them our style, come after what they show
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)  # it has a faint "Stop" while the page runs
    for chosen in page.locator('[role="radio"][aria-checked="true"]:visible').all()[:1]:
        chosen.hover()  # where its contrast is least
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in THEIRS}}
    found = Axe().run(page, options=options)
    for _ in range(10):  # what is being drawn anew is faint meanwhile, longer where the machine is busy
        if not found.violations_count:
            break
        page.wait_for_timeout(2000)
        found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()
