"""The player, which Photo and Live share: its song, and its place on the screen."""

from __future__ import annotations

import re

from playwright.sync_api import FloatRect, Locator, Page, expect

from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import Song

PLAYER = 'iframe[src*="open.spotify.com"]'
_SOURCE = re.compile(r"^https://open\.spotify\.com/embed/track/([0-9A-Za-z]{22})$")

PHONE = (390, 844)

# Counts the players after each change of the page
_WATCH = """() => {
  window.mostPlayers = 0;
  const count = () => {
    const players = document.querySelectorAll('iframe[src*="open.spotify.com"]').length;
    window.mostPlayers = Math.max(window.mostPlayers, players);
  };
  count();
  new MutationObserver(count).observe(document.body, {childList: true, subtree: true});
}"""


def song(page: Page) -> str:
    """The track id of the only player, once it is shown."""
    frame = page.locator(PLAYER)
    expect(frame).to_have_count(1)
    match = _SOURCE.match(frame.get_attribute("src") or "")
    assert match is not None
    return match.group(1)


def song_after(page: Page, before: str) -> str:
    """The track id of the only player, once it has another song."""
    expect(page.locator(f'iframe[src$="{before}"]')).to_have_count(0)
    return song(page)


def watch_players(page: Page) -> None:
    """Count the players from now on."""
    page.evaluate(_WATCH)


def most_players(page: Page) -> int:
    """The largest number of players at one time since `watch_players`."""
    return int(page.evaluate("window.mostPlayers"))


def track(track_id: str) -> Song:
    """A song of the bundled catalogue."""
    found = load_recommender().catalogue.find(track_id)
    assert found is not None
    return found


def box_of(part: Locator) -> FloatRect:
    """Position and size of the only match, once it is visible."""
    expect(part).to_be_visible()
    box = part.bounding_box()
    assert box is not None
    return box
