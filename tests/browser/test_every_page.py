"""Checks of every page: titles, headings and accessibility."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.ui.how_it_works.steps import STEPS
from tests.browser.accessibility import axe_report

pytestmark = pytest.mark.browser

STEP_TITLES = {step.key: step.title for step in STEPS}

# Pages with content, each with a heading that appears last
SCREENS = (
    ("/?sample=four-people", "Emotions"),
    ("/live", "What does this moment sound like?"),
    ("/film", "What does this video sound like?"),
    ("/film?film=sample", "Downloads"),
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
        ("/film", "Video · EmoMusic"),
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
    page = open_page(path, width=width, theme=theme)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    report = axe_report(page)
    assert report is None, report
