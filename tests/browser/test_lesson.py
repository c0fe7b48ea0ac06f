"""What a class causes and sees at once, in Chromium: a training, and each screen as code."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import visit
from tests.browser.layout import PHONE, overflow, resize
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

EPOCH = re.compile(r"Epoch (\d+) of 300")


def epoch_of(page: Page) -> int:
    found = EPOCH.search(page.get_by_text(EPOCH).inner_text())
    assert found is not None
    return int(found[1])


def test_a_class_trains_a_network_from_the_first_click_to_the_last_epoch(open_page: Callable[..., Page]) -> None:
    page = open_page("/models?kind=Mood+models&face_view=Learning")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 1 "))
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 2?[1-9]1 "))  # it goes on by itself
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    wait_until_idle(page)
    stopped = epoch_of(page)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 300 "))
    assert stopped < 300
    expect(page.get_by_role("button", name="Step")).to_be_disabled()
    expect(page.locator(".stPlotlyChart")).to_have_count(3)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    resize(page, PHONE)
    wait_until_idle(page)
    assert overflow(page) <= 0


def test_every_page_shows_its_screen_as_code(open_page: Callable[..., Page]) -> None:
    page = open_page("/models?kind=Photographs&faces=emonet")
    for name, command in (
        ("Models", "'emonet'"),
        ("Music", "emomusic recommend"),
        ("Live", "--posed"),
        ("Film", "emomusic analyze film.mp4"),
        ("Photo", "emomusic analyze photo.jpg"),
    ):
        if name != "Models":
            visit(page, name)
        wait_until_idle(page)
        page.get_by_role("button", name="This screen as code").click()
        expect(page.get_by_test_id("stPopoverBody").get_by_text(command).first).to_be_visible()
        page.keyboard.press("Escape")
