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


def test_a_class_trains_a_network_from_the_first_click_to_the_last_epoch(open_page: Callable[..., Page]) -> None:
    page = open_page("/models?kind=Mood+models&face_view=Learning")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 1 "))
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 300 "))  # it goes on by itself
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


def test_a_class_guesses_first_with_a_phone_and_reaches_the_last_round(open_page: Callable[..., Page]) -> None:
    page = open_page("/live?shown=Guess+first")
    page.get_by_role("button", name="Vote on phones").click()
    address = page.get_by_text(re.compile("Phones open .*vote=")).inner_text()
    code = address.partition("vote=")[2].strip()
    phone = page.context.new_page()
    phone.goto(page.url.partition("/live")[0] + f"/live?shown=Guess+first&vote={code}")
    phone.get_by_role("button", name="Sad").click()
    expect(page.get_by_text("1 vote so far")).to_be_visible()
    phone.close()
    for number in range(1, 11):
        expect(page.get_by_text(f"Face {number} of 10")).to_be_visible()
        if number > 1:
            page.get_by_role("radio", name="happy").or_(page.get_by_role("button", name="happy")).first.click()
        page.get_by_role("button", name="Show the label").click()
        page.get_by_role("button", name="Ask the machine").click()
        expect(page.get_by_text(re.compile("^The machine: "))).to_be_visible()
        page.get_by_role("button", name=re.compile("^Next$|How many")).last.click()
    expect(page.get_by_role("heading", name=re.compile(r"Class 3, machine \d of 10"))).to_be_visible()
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()  # three accuracies
    page.get_by_role("button", name="Open the camera").click()
    expect(page.get_by_role("button", name=re.compile("START"))).to_be_visible()
