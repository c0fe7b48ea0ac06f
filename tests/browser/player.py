"""The bar that plays the songs of all pages: what sounds, and Spotify's frame."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import Song

NO_SPOTIFY = "delete window.emomusicSpotify"
"""The script of a page that asks for Spotify, which the browser cannot find."""

PLAYER = 'iframe[src*="open.spotify.com"]'
_SOURCE = re.compile(r"^https://open\.spotify\.com/embed/track/([0-9A-Za-z]{22})$")

_PLAYS = """([after, seconds]) => {
  const { song, audio } = window.emomusicPlayer ?? {};
  return song && song.id !== after && !audio.paused && audio.currentTime > seconds && song.id;
}"""

# The largest sample of what the browser plays, once there is one that can be heard
_LEVEL = """async () => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096 });
  const stream = window.emomusicPlayer.audio.captureStream();
  while (!stream.getAudioTracks().length) await new Promise((resolve) => setTimeout(resolve, 20));
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  for (let tries = 0, level = 0; tries < 500; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    analyser.getFloatTimeDomainData(samples);
    if ((level = Math.max(...samples.map(Math.abs))) > 0.01) return context.close().then(() => level);
  }
  return 0;
}"""


def song(page: Page) -> str:
    """The track id of Spotify's player, once it is shown."""
    frame = page.locator(PLAYER)
    expect(frame).to_have_count(1)
    match = _SOURCE.match(frame.get_attribute("src") or "")
    assert match is not None
    return match.group(1)


def song_after(page: Page, before: str) -> str:
    """The track id of Spotify's player, once it has another song. A player that moves is absent for a moment."""
    page.locator(f'{PLAYER}:not([src$="{before}"])').wait_for(state="attached")
    return song(page)


def sounding(page: Page, *, after: str = "", seconds: float = 0.05) -> str:
    """The id of the song that sounds, once it is another one than `after` and has played up to this second."""
    return str(page.wait_for_function(_PLAYS, arg=[after, seconds]).json_value())


def level(page: Page) -> float:
    """The loudest sample of the song within ten seconds, from 0 to 1; 0 if it is silent."""
    return float(page.evaluate(_LEVEL))


def play_sample(page: Page) -> str:
    """Choose the first sample; returns the id of the song that sounds, in a loop."""
    page.locator("[class*='st-key-sample-'] button").first.click()
    heard = sounding(page)
    page.evaluate("emomusicPlayer.audio.loop = true")
    return heard


def is_paused(page: Page) -> bool:
    """Whether the bar is paused."""
    return bool(page.evaluate("window.emomusicPlayer.audio.paused"))


def track(track_id: str) -> Song:
    """A song of the bundled catalogue."""
    found = load_recommender().catalogue.find(track_id)
    assert found is not None
    return found


def add_folder(page: Page, path: Path) -> None:
    """Type a folder of this computer into the open menu "Your music", and press its button."""
    field = page.get_by_role("combobox", name="Folder with music")
    field.fill(str(path))
    field.press("Enter")
    page.get_by_role("button", name="Add this folder").click()
