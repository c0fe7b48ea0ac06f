"""Files of one's own in a real browser: they sound, also in other formats, and only for their owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from emomusic.server.frames import Problem
from tests.browser.conftest import own_context, visit
from tests.browser.live import problem
from tests.browser.player import PLAYER, add_folder, level, song, sounding
from tests.browser.waiting import wait_until_idle
from tests.songs.songs import RATE, song_bytes, tone, write_song

pytestmark = pytest.mark.browser

# Keeps the player's elements, and notes where both are, and how loud, whenever a second one goes on in its song; and it
# notes the titles that have sounded
KEEP_DECKS = """
window.decks = [];
window.heard = new Set();
window.moments = [];
window.Audio = class extends Audio {
  constructor() {
    super();
    window.decks.push(this);
    this.addEventListener("timeupdate", () => {
      const { audio, song } = window.emomusicPlayer;
      if (song && this === audio && this.currentTime > 0.05) window.heard.add(song.title);
      if (window.decks.some((deck) => deck.paused || deck.currentTime === 0)) return;
      window.moments.push(window.decks.map(({ currentTime, volume }) => [currentTime, volume]));
    });
  }
};
"""


def write(path: Path, ending: str | tuple[str, str], hertz: float, silence_s: float = 0, **tags: str) -> None:
    """Four seconds of a tone, with silence before and after it."""
    silence = np.zeros((2, round(silence_s * RATE)), np.float32)
    write_song(path, ending, np.concatenate([silence, tone(4, hertz=hertz), silence], axis=1), tags=tags)


def open_menu(open_page: Callable[..., Page]) -> Page:
    """A page with the open menu of songs."""
    page = open_page("/?sample=four-people&songs=own", script=KEEP_DECKS)
    page.get_by_role("button", name="Your music").click()
    return page


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Iterator[Page]:
    """A page with the open menu of songs. The library of all tests has no folder before and after the test."""
    page = open_menu(open_page)
    yield page
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_a_folder_of_this_computer_plays_without_silence_until_it_is_removed(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """Four seconds of sound lie between three of silence in both. A busy machine does not disturb what is measured."""
    for number in (1, 2):
        write(tmp_path / f"Own song {number}.wav", "wav", 300 * number, silence_s=3)
    page = open_menu(open_page)
    add_folder(page, tmp_path)
    page.wait_for_function("emomusicPlayer.song?.title.startsWith('Own song') && !emomusicPlayer.audio.paused")
    expect(page.locator(PLAYER)).to_have_count(0)
    page.keyboard.press("Escape")
    sounding(page, after=sounding(page))
    page.wait_for_function("moments.length > 0")
    (before_s, old_volume), (after_s, volume) = sorted(page.evaluate("moments[0]"), reverse=True)
    assert after_s > 2.99  # the silence before the second song is cut
    assert -0.3 < (before_s - 7) - (after_s - 3) < 2  # from the end of one tone to the start of the other; uncut 6
    assert (old_volume, volume) == (1, 1)

    page.evaluate("emomusicPlayer.audio.loop = true")
    visit(page, "Music")
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("button", name="Remove").click()
    page.wait_for_function("emomusicPlayer.audio.paused && emomusicPlayer.song === null")
    wait_until_idle(page)
    expect(page.get_by_text("No longer there")).to_have_count(0)


KINDS = {"Song.m4a": ("ipod", "alac"), "Song.aiff": "aiff"}


def test_files_that_the_browser_lacks_come_as_wav(page: Page, tmp_path: Path) -> None:
    for number, (name, kind) in enumerate(KINDS.items(), 1):
        write(tmp_path / name, kind, 300 * number)
    heard = ""
    add_folder(page, tmp_path)
    for _ in KINDS:
        heard = sounding(page, after=heard)
        page.evaluate("emomusicPlayer.audio.loop = true")  # while its level is measured
        assert level(page) > 0.1
        assert page.evaluate("emomusicPlayer.audio.duration") == pytest.approx(4, abs=0.1)
        page.evaluate("emomusicPlayer.audio.loop = false")


def test_a_song_that_cannot_play_does_not_end_the_music(page: Page, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path / f"Song {number}.wav", "wav", 300 * number)
    addresses: dict[str, int] = {}

    def refuse_first(route: Route) -> None:
        """The browser plays neither the first two files nor the same as WAV."""
        number = addresses.setdefault(route.request.url, len(addresses))
        route.abort() if number < 4 else route.continue_()

    page.route("**/app/static/made/*", refuse_first)
    add_folder(page, tmp_path)
    expect(page.locator(".bar span")).to_contain_text("cannot play")
    page.wait_for_function("heard.size")  # on a busy machine, it may be over by now
    for title in {"Song 1", "Song 2", "Song 3"} - {*page.evaluate("[...heard]")}:
        expect(page.get_by_text("Skipped on this visit")).to_contain_text(title)  # it is not chosen again


def test_uploads_of_another_computer_sound_for_nobody_else_and_without_https_there_is_no_camera(
    browser: Browser, server: str
) -> None:
    address = f"http://emomusic.test:{server.rsplit(':', 1)[1]}"
    with own_context(browser) as one, own_context(browser) as another:
        own, other = one.new_page(), another.new_page()
        for page in (own, other):
            page.goto(f"{address}/?sample=four-people&songs=own")
            song(page)
        own.get_by_role("button", name="Your music").click()
        file = {"name": "My song.wav", "mimeType": "audio/wav", "buffer": song_bytes("wav", 3, tags={})}
        own.locator(".st-key-own_upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        sounding(own)
        own.keyboard.press("Escape")
        expect(own.locator(".bar")).to_contain_text("My song")
        other.reload()
        song(other)
        expect(other.get_by_text("My song")).to_have_count(0)
        other.goto(f"{address}/live")
        expect(problem(other, Problem.INSECURE)).to_be_visible()  # before consent
