"""Songs with sound in a real browser: bundled, from the library, and uploaded."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.accessibility import axe_report
from tests.browser.conftest import PATIENCE_MS, fresh_server, without_spotify
from tests.browser.player import PLAYER, song
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

AUDIO = "audio"
_PLAYS = "([audio, seconds]) => audio && !audio.paused && audio.currentTime > seconds"


def tone(seconds: float, hertz: float) -> bytes:
    """A WAV file, which every browser plays."""
    times = np.arange(round(8000 * seconds)) / 8000
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes())
    return buffer.getvalue()


def wait_until_it_plays(page: Page, seconds: float) -> None:
    """Wait until the only song has played up to this second."""
    expect(page.locator(AUDIO)).to_have_count(1)
    page.wait_for_function(
        "s => { const a = document.querySelector('audio'); return !a.paused && a.currentTime > s }", arg=seconds
    )


def source_of(page: Page) -> str:
    """The address of the only song."""
    expect(page.locator(AUDIO)).to_have_count(1)
    return page.locator(AUDIO).get_attribute("src") or ""


def choose_source(page: Page, name: str) -> None:
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("radio", name=name).click()


def test_bundled_songs_play_one_after_the_other(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    song(page)
    choose_source(page, "EmoMusic's songs")
    expect(page.locator(PLAYER)).to_have_count(0)
    first = source_of(page)
    expect(page).to_have_url(re.compile("songs=bundled"))
    page.keyboard.press("Escape")
    assert page.locator(AUDIO).evaluate("audio => audio.paused")  # nobody asked for sound
    page.locator(AUDIO).evaluate("audio => audio.play()")
    wait_until_it_plays(page, 0.5)
    page.locator(AUDIO).evaluate("audio => { audio.currentTime = audio.duration - 0.5 }")
    expect(page.locator(f'{AUDIO}[src="{first}"]')).to_have_count(0)
    wait_until_it_plays(page, 0.5)
    second = source_of(page)
    page.get_by_role("button", name="Next song").click()
    expect(page.locator(f'{AUDIO}[src="{second}"]')).to_have_count(0)
    wait_until_it_plays(page, 0.5)
    report = axe_report(page)
    assert report is None, report
    assert len({first, second, source_of(page)}) == 3


def test_a_spotify_without_an_answer_gives_way_to_a_song_that_plays(browser: Browser, server: str) -> None:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    waiting: list[Route] = []  # the page's own patience ends the request
    context.route("https://open.spotify.com/**", lambda route: waiting.append(route))
    page = context.new_page()
    page.goto(f"{server}/?sample=eileen-collins-1999")
    expect(page.locator(AUDIO)).to_have_count(1)
    expect(page.locator(PLAYER)).to_have_count(0)
    page.get_by_role("button", name="Next song").click()
    wait_until_it_plays(page, 0.2)
    back = page.get_by_role("button", name="Use Spotify")
    back.click()
    song(page)
    expect(back).to_have_count(0)
    expect(page.locator(AUDIO)).to_have_count(0)
    wait_until_idle(page)
    song(page)  # the choice stays
    for route in waiting:
        route.abort()
    context.close()


def test_a_folder_of_this_computer_plays(open_page: Callable[..., Page], tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"Own song {number}.wav").write_bytes(tone(3, 200 * number))
    (tmp_path / "broken.mp3").write_bytes(b"ID3 and nothing else")
    page = open_page("/?sample=four-people&songs=own")
    song(page)  # there is no file yet
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("textbox", name="Folder with music").fill(str(tmp_path / "absent"))
    page.get_by_role("button", name="Add this folder").click()
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    page.get_by_role("textbox", name="Folder with music").fill(str(tmp_path))
    page.get_by_role("button", name="Add this folder").click()
    expect(page.locator(PLAYER)).to_have_count(0)
    expect(page.get_by_text("broken.mp3")).to_be_visible()
    expect(page.get_by_text("Own song", exact=False).first).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(AUDIO).evaluate("audio => audio.play()")
    wait_until_it_plays(page, 0.2)
    first = source_of(page)
    expect(page.locator(f'{AUDIO}[src="{first}"]')).to_have_count(0)  # it ends after three seconds
    wait_until_it_plays(page, 0.2)
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("button", name="Remove").click()
    song(page)


@pytest.fixture(scope="module")
def public_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for other people."""
    with fresh_server(tmp_path_factory.mktemp("public"), {"EMOMUSIC_SHARED": "1"}) as address:
        yield address


def test_two_visitors_hear_only_their_own_files(browser: Browser, public_server: str) -> None:
    heard = {}
    contexts = [browser.new_context() for _ in range(2)]
    for number, context in enumerate(contexts):
        without_spotify(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{public_server}/?sample=four-people&songs=own")
        song(page)
        page.get_by_role("button", name="Your music").click()
        assert page.get_by_role("textbox", name="Folder with music").count() == 0
        files = [
            {"name": f"Visitor {number} song {each}.wav", "mimeType": "audio/wav", "buffer": tone(3, 150 + 100 * each)}
            for each in (1, 2)
        ]
        page.locator(".st-key-own_upload input[type=file]").set_input_files(files)  # type: ignore[arg-type]
        expect(page.locator(AUDIO)).to_have_count(1)
        page.keyboard.press("Escape")
        page.locator(AUDIO).evaluate("audio => audio.play()")
        wait_until_it_plays(page, 0.2)
        heard[number] = page.locator(".st-key-player-photo").inner_text()
    assert "Visitor 0 song" in heard[0]
    assert "Visitor 0" not in heard[1]
    assert "Visitor 1 song" in heard[1]
    for context in contexts:
        context.close()
