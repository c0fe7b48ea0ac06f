"""Checks of every page: title, headings and accessibility, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.accessibility import assert_accessible
from tests.browser.test_first_screen import MAX_SHIFT, SHIFTS, shift
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

LOOK = next(step.title for step in STEPS if step.key == "look")

# Pages with content, their titles, and a text of each that appears last
SCREENS = (
    ("/", "EmoMusic", "A sample, your own photo or a mood replaces this example."),
    ("/photo?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Each face"),
    ("/live", "Live · EmoMusic", "What does this moment sound like?"),
    ("/film", "Film · EmoMusic", "What does this film sound like?"),
    ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 1 sad, 4 neutral."),
    ("/music", "Music · EmoMusic", "How the moods differ"),
    ("/models?face_view=Figures", "Figures · Models · EmoMusic", "Figures"),
    ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK),
)


@pytest.mark.parametrize(("path", "title", "last"), SCREENS, ids=[path for path, *_ in SCREENS])
def test_a_page_has_its_title_ordered_headings_no_violation_and_keeps_its_place(
    open_page: Callable[..., Page], path: str, title: str, last: str
) -> None:
    page = open_page(path)
    expect(page.get_by_text(last, exact=True).first).to_be_visible()
    wait_until_idle(page)  # the first visit has loaded the networks
    page.add_init_script(f"({SHIFTS})()")
    for _ in range(3):  # on a busy machine, code of the page may come late; a part that moves by itself always moves
        page.reload()
        expect(page.get_by_text(last, exact=True).first).to_be_visible()
        if charts := page.locator(".js-plotly-plot").count():
            expect(page.locator(".js-plotly-plot .main-svg").nth(charts - 1)).to_be_visible()
        if (moved := shift(page)) <= MAX_SHIFT:
            break
    assert moved <= MAX_SHIFT
    expect(page.get_by_role("dialog")).to_have_count(0)  # "Page not found"
    assert_accessible(page, title)


def test_an_answer_and_its_song_are_announced_and_have_the_focus_after_enter(open_page: Callable[..., Page]) -> None:
    page = open_page("/?songs=bundled")
    wait_until_idle(page)
    status = page.locator("body > [role=status]")
    page.get_by_role("button", name="Four people", exact=True).focus()
    page.keyboard.press("Enter")
    sentence = page.locator(".st-key-sentence h1")
    expect(sentence).to_contain_text("Together")
    expect(status).to_contain_text(sentence.inner_text())
    expect(sentence).to_be_focused()
    song = page.locator(".st-key-title-photo p")
    before = song.inner_text()
    expect(status).to_contain_text(before)
    page.get_by_role("button", name="Next song").first.click()
    expect(song).not_to_have_text(before)
    expect(status).to_contain_text(song.inner_text())
