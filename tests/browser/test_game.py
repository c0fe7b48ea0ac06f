"""The mirror game of Live, played with the faces of a real person."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Playwright, expect

from emomusic.affect import Emotion
from emomusic.assets import find_dataset
from emomusic.media.images import read_image
from tests.browser.test_live import CANVAS_CAMERA, START, play_the_game, show_picture, window

pytestmark = pytest.mark.browser

PERSON = 50  # of california, with all seven emotions


def test_a_real_person_reaches_most_emotions_of_the_game(playwright: Playwright, server: str) -> None:
    if not (faces := find_dataset("california")):
        pytest.skip("needs the collection california in $EMOMUSIC_DATA")
    shown = {emotion: read_image(min((faces / emotion).glob(f"{PERSON}_*.jpg"))) for emotion in Emotion}
    with window(playwright) as page:
        page.add_init_script(CANVAS_CAMERA)
        page.goto(f"{server}/live")
        show_picture(page, shown[Emotion.NEUTRAL])
        page.get_by_role("radio", name="Mirror game").click()
        page.locator(START).click()
        play_the_game(page, lambda named: show_picture(page, shown[named]))
        cards = page.locator(".game-cards figure")
        expect(cards).to_have_count(7)
        reached = [text for text in cards.all_inner_texts() if re.search(r" after \d|from the start", text)]
        assert len(reached) >= 5, cards.all_inner_texts()  # six on an idle machine
