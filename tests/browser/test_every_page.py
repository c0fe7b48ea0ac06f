"""What holds on every page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/?sample=four-people", "Music for it"),
        ("/live", "What does this moment sound like?"),
        ("/gallery?wall=samples", "All faces"),
        ("/music", "Draw around some songs"),
        ("/models?face_view=Card", "Data and licence"),
        ("/how_it_works?sample=four-people&step=look", "Where does it look?"),
    ],
)
def test_headings_leave_no_level_out(open_page: Callable[..., Page], path: str, last: str) -> None:
    """A screen reader's way around the page: one title, its parts below it, theirs below them."""
    page = open_page()
    page.goto(page.url.rstrip("/") + path)
    expect(page.get_by_role("heading", name=last)).to_be_visible()
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels
