"""A printed answer is a report to hand out."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.waiting import wait_until_idle

CONTROLS = "button, input, textarea, select, a[role=button], [role=radio], [role=tab], .st-key-player-bar, header"
MARKS = "[class*='st-key-photo-face-'] button"
SHOWN = "(all, marks) => all.filter((one) => one.checkVisibility() && !one.matches(marks)).map((one) => one.innerText)"


def num_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def assert_prints(page: Page) -> None:
    """Check that the answer fills at most two pages of A4, dark on white, without controls. The page stays so."""
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".strip-listener")).to_be_visible()
    expect(page.locator(".printed")).to_have_count(1)
    expect(page.locator(".printed")).to_be_hidden()
    wait_until_idle(page)
    assert 1 <= num_pages(page.pdf(prefer_css_page_size=True)) <= 2
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 without its margins
    shown = page.locator(CONTROLS).evaluate_all(SHOWN, MARKS)
    assert not shown
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".st-key-part-picture img").first).to_be_visible()
    assert page.locator(".strip:visible").count() >= 1
    assert page.locator(".printed li:visible").count() >= 4
    paper, ink = page.locator("h1").evaluate(
        "(title) => [getComputedStyle(document.querySelector('.stApp')).backgroundColor, getComputedStyle(title).color]"
    )
    assert paper == "rgb(255, 255, 255)"
    assert ink == "rgb(27, 22, 19)"
    wide = [box for each in page.locator(".strip:visible").all() if (box := each.bounding_box())]
    assert all(box["x"] >= -1 and box["x"] + box["width"] <= 704 for box in wide)
