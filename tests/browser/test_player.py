"""The player in a real browser: next songs and skipped artists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import axe_report
from tests.browser.player import PLAYER, box_of, most_players, song, song_after, track, watch_players
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

NUM_PRESSES = 12


def test_one_player_plays_every_song_once_and_then_the_chosen_ones(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    heard = [song(page)]
    watch_players(page)
    next_song = page.get_by_role("button", name="Next song")
    for number in range(NUM_PRESSES):
        next_song.click() if number % 2 else page.keyboard.press("n")
        heard.append(song_after(page, heard[-1]))
    assert len(set(heard)) == NUM_PRESSES + 1

    page.locator(f".st-key-play-photo-{NUM_PRESSES + 4}").wait_for()  # the last of the next three
    upcoming = page.locator(f".st-key-play-photo-{NUM_PRESSES + 3} button")
    title = upcoming.locator("strong").inner_text()
    upcoming.click()
    heard.append(song_after(page, heard[-1]))
    assert track(heard[-1]).title == title

    page.get_by_role("button", name="Not for me").click()
    after_skip = song_after(page, heard[-1])
    assert track(heard[-1]).artists[0] not in track(after_skip).artists
    page.get_by_role("button", name="Undo").click()
    assert song_after(page, after_skip) == heard[-1]  # it returns to its place

    # Another face changes sentence and song in place
    sentence, main = page.get_by_role("heading", level=1), page.get_by_test_id("stMain")
    main.evaluate("element => element.scrollTo(0, 100)")
    before, place = sentence.inner_text(), box_of(page.locator(PLAYER))
    page.get_by_role("radio", name="Face 3").click()
    of_face = song_after(page, heard[-1])
    expect(sentence).not_to_have_text(before)
    wait_until_idle(page)
    assert main.evaluate("element => element.scrollTop") == 100
    assert box_of(page.locator(PLAYER)) == place
    page.get_by_role("radio", name="Soothe").click()
    song_after(page, of_face)
    assert most_players(page) == 1


def test_the_menus_of_the_player_are_accessible_and_a_typed_n_is_no_shortcut(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people", width=390, height=844, theme="dark")
    playing = song(page)
    page.get_by_role("button", name="Your music").click()
    number = page.get_by_role("spinbutton", name="Shuffle")
    number.wait_for()
    report = axe_report(page)
    assert report is None, report
    for field in (number, page.get_by_role("combobox", name="Single genres")):
        field.focus()
        page.keyboard.press("n")
        wait_until_idle(page)
        assert song(page) == playing
    while number.count():  # the first press closes the list of genres
        page.keyboard.press("Escape")
        wait_until_idle(page)
    page.get_by_role("button", name="Take it along").click()
    page.get_by_role("button", name="Copy for Spotify").wait_for()
    report = axe_report(page)
    assert report is None, report
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy for Spotify")).to_have_count(0)
    page.keyboard.press("n")
    song_after(page, playing)
