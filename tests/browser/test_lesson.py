"""What a class causes and sees at once, in Chromium: a training, and a vote on phones."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.layout import PHONE, PROBLEMS, overflow, resize, smallest
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

EPOCH = re.compile(r"Epoch (\d+) of 300")


def test_a_class_trains_a_network_which_goes_on_by_itself(open_page: Callable[..., Page]) -> None:
    page = open_page("/models?kind=Mood+models&face_view=Learning")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    wait_until_idle(page)
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch [2-9]"))
    expect(page.locator(".stPlotlyChart")).to_have_count(3)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    resize(page, PHONE)
    wait_until_idle(page)
    assert overflow(page) <= 0


def test_a_class_guesses_first_with_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/live?shown=Guess+first")
    page.get_by_role("button", name="Vote on phones").click()
    address = page.get_by_text(re.compile("Phones open .*vote=")).inner_text()
    code = address.partition("vote=")[2].strip()
    phone = page.context.new_page()
    phone.goto(page.url.partition("/live")[0] + f"/live?shown=Guess+first&vote={code}")
    phone.get_by_role("button", name="Sad").click()
    expect(page.get_by_text("1 vote so far")).to_be_visible()
    phone.close()
    page.get_by_alt_text("Face 1").hover()
    expect(page.locator(".stElementToolbar:visible")).to_have_count(0)  # it covers what is above
    page.get_by_role("button", name="Show the label").click()
    page.get_by_role("button", name="Ask the machine").click()
    expect(page.get_by_text(re.compile("^The machine: "))).to_be_visible()
    expect(page.locator(".bars")).to_have_count(2)  # of the votes, and of the machine
    wait_until_idle(page)
    assert page.evaluate(PROBLEMS) == []
    assert (least := smallest(page))[0] >= 16, least  # for the last row of a class; Plotly fits shares into bars
