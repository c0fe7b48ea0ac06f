"""Files of one's own in a real browser: they follow without silence, and one that cannot play does not end them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.player import add_folder, level, sounding
from tests.songs.songs import RATE, tone, write_song

pytestmark = pytest.mark.browser

# Keeps the player's elements, and notes where both are, and how loud, whenever a second one goes on in its song
KEEP_DECKS = """
window.decks = [];
window.moments = [];
window.Audio = class extends Audio {
  constructor() {
    super();
    window.decks.push(this);
    this.addEventListener("timeupdate", () => {
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


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Iterator[Page]:
    """A page with the open menu of songs. The library of all tests has no folder before and after the test."""
    page = open_page("/?sample=four-people&songs=own", script=KEEP_DECKS)
    page.get_by_role("button", name="Your music").click()
    yield page
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_silence_at_the_ends_of_own_files_is_not_heard(page: Page, tmp_path: Path) -> None:
    """Four seconds of sound lie between three of silence in both. A busy machine does not disturb what is measured."""
    for number in (1, 2):
        write(tmp_path / f"Song {number}.wav", "wav", 300 * number, silence_s=3)
    add_folder(page, tmp_path)
    sounding(page, after=sounding(page))
    page.wait_for_function("moments.length > 0")
    (before_s, old_volume), (after_s, volume) = sorted(page.evaluate("moments[0]"), reverse=True)
    assert after_s > 2.99  # the silence before the second song is cut
    assert -0.3 < (before_s - 7) - (after_s - 3) < 0.3  # between the end of one tone and the start of the other
    assert (old_volume, volume) == (1, 1)


@pytest.mark.parametrize(("name", "kind"), [("Song.m4a", ("ipod", "alac")), ("Song.aiff", "aiff")])
def test_a_file_that_the_browser_lacks_comes_as_wav(page: Page, tmp_path: Path, name: str, kind: str) -> None:
    write(tmp_path / name, kind, 400)
    add_folder(page, tmp_path)
    sounding(page)
    assert level(page) > 0.1
    assert page.evaluate("emomusicPlayer.audio.duration") == pytest.approx(4, abs=0.1)


def test_a_song_that_cannot_play_does_not_end_the_music(page: Page, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path / f"Song {number}.wav", "wav", 300 * number)
    addresses: list[str] = []

    def refuse_first(route: Route) -> None:
        """The browser plays neither the first file nor the same as WAV."""
        if route.request.url not in addresses:
            addresses.append(route.request.url)
        route.abort() if addresses.index(route.request.url) < 2 else route.continue_()

    page.route("**/app/static/made/*", refuse_first)
    add_folder(page, tmp_path)
    expect(trouble := page.locator(".bar span")).to_contain_text("cannot play")
    failed = trouble.inner_text().partition("cannot play ")[2].removesuffix(".")
    sounding(page)
    expect(page.locator(".st-key-player-photo")).not_to_contain_text(failed)  # it is not chosen again
