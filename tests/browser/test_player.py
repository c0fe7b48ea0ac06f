"""The bar in a real browser: what sounds after a click, over pages, and from each source."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from emomusic.affect import EMOTIONS, Mood
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.mood import MOODS
from tests.browser.accessibility import axe_report
from tests.browser.conftest import PATIENCE_MS, visit, with_spotify
from tests.browser.player import PLAYER, is_paused, level, song, song_after, sounding, track
from tests.browser.waiting import press_shortcut, wait_until_idle
from tests.films import NOBODY, write_film

pytestmark = pytest.mark.browser

NUM_PRESSES = 5
FITTING = {"happy": {"happy"}, "surprised": {"happy"}, "sad": {"sad"}, "neutral": {"calm", "happy"}}
"""The moods of songs for an emotion; energetic for the others."""

REASON = re.compile(r" %: (calm|happy|energetic|sad) songs$")

# Notes the longest time, in seconds of this clock, in which the song did not go on
WATCH_GAPS = """() => {
  const { audio } = window.emomusicPlayer;
  window.gap = 0;
  let [before, place] = [performance.now(), audio.currentTime];
  setInterval(() => {
    const [now, here] = [performance.now(), window.emomusicPlayer.audio.currentTime];
    if (here > place) window.gap = Math.max(window.gap, (now - before) / 1000 - (here - place));
    else if (here === place) return;
    [before, place] = [now, here];
  }, 20);
}"""


@pytest.fixture
def offline(open_page: Callable[..., Page]) -> Page:
    """The front page, which does not find Spotify."""
    return open_page(width=1280, height=720, script="delete window.emomusicSpotify")


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


def mood_of(song_id: str) -> str:
    """The mood of a bundled song."""
    bundled = load_bundled_recommender()
    return str(MOODS[int(bundled.probabilities[bundled.catalogue.row_of(song_id)].argmax())])


def test_each_sample_and_each_mood_sounds_as_the_sentence_says(offline: Page, server: str) -> None:
    samples, sentence = offline.locator("[class*='st-key-sample-'] button"), offline.get_by_role("heading", level=1)
    expect(samples).to_have_count(8)
    songs: list[str] = []
    photo, before = offline.locator(".st-key-photo-preview img"), ""
    for number in range(8):
        samples.nth(number).click()
        expect(photo).to_have_count(1)
        expect(photo).not_to_have_attribute("src", before)
        expect(sentence).not_to_have_text("Looking for faces")
        wait_until_idle(offline)
        before = photo.get_attribute("src") or ""
        songs.append(sounding(offline))
        assert level(offline) > 0.01
        reason = offline.get_by_text(REASON).inner_text()
        words = re.findall(r"[a-z]+", sentence.inner_text().lower())
        first = next(word for word in words if word in [emotion.adjective for emotion in EMOTIONS])
        assert mood_of(songs[-1]) in FITTING.get(first, {"energetic"}), (number, first, songs[-1])
        assert reason.endswith(f": {mood_of(songs[-1])} songs")
    assert len(set(songs)) >= 5, songs
    offline.goto(server)
    for mood in Mood:
        offline.get_by_role("radio", name=mood, exact=True).click()
        expect(sentence).to_have_text(f"{mood.capitalize()} songs")
        songs.append(sounding(offline, after=songs[-1] if mood is not Mood.CALM else ""))
        assert level(offline) > 0.01
        assert mood_of(songs[-1]) == mood


def test_a_film_without_scenes_and_an_own_song_share_the_sound_with_the_bar(offline: Page, tmp_path: Path) -> None:
    write_film(film := tmp_path / "nobody.mp4", [(NOBODY, 4)], audio="aac")
    (own := tmp_path / "own.wav").write_bytes(tone(8, 440))
    offline.locator("[class*='st-key-sample-'] button").first.click()
    sounding(offline)
    offline.evaluate("window.emomusicPlayer.audio.loop = true")
    for page, file, media in (("Film", film, ".st-key-film-frame video[src]"), ("Music", own, "audio[src]")):
        visit(offline, page)
        if page == "Music":
            offline.get_by_role("tab", name="Your song").click()
        offline.locator('input[type="file"]').first.set_input_files(file)
        element = offline.locator(media)
        expect(element).to_have_count(1)
        wait_until_idle(offline)
        element.evaluate("media => Object.assign(media, { loop: true }).play()")
        offline.wait_for_function("() => window.emomusicPlayer.audio.paused")
        offline.get_by_label("Play", exact=True).click()
        sounding(offline)
        assert element.evaluate("media => media.paused")


def test_a_song_goes_on_over_pages_and_stops_for_other_sounds(offline: Page) -> None:
    offline.locator("[class*='st-key-sample-'] button").first.click()
    first = sounding(offline, seconds=0.5)
    offline.evaluate("window.emomusicPlayer.audio.loop = true")  # else it may end on a busy machine
    offline.evaluate(WATCH_GAPS)
    for name in ("Models", "Film", "How it works"):
        visit(offline, name)
        wait_until_idle(offline)
    assert sounding(offline) == first
    assert offline.evaluate("window.gap") < 0.5

    offline.evaluate("window.dispatchEvent(new CustomEvent('emomusic:sound', { detail: { source: 'band' } }))")
    assert is_paused(offline)
    offline.get_by_role("button", name="Play", exact=True).click()
    assert sounding(offline) == first
    told = {"source": "film", "with": ["player"]}
    offline.evaluate("detail => window.dispatchEvent(new CustomEvent('emomusic:sound', { detail }))", told)
    assert not is_paused(offline)

    # The next song follows at the end, and sounds again where the browser asks for a click first
    end = "audio.loop = false, audio.currentTime = audio.duration - 0.3"
    offline.evaluate(f"() => {{ const {{ audio }} = window.emomusicPlayer; {end} }}")
    sounding(offline, after=first)
    refuse = "HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    offline.evaluate(f"() => {{ {refuse} }}")
    offline.get_by_role("button", name="Next", exact=True).click()
    offline.locator(".bar.refused").wait_for()
    assert offline.get_by_role("button", name="Play", exact=True).bounding_box()["height"] > 60  # type: ignore[index]


def test_songs_fade_into_each_other_when_asked(offline: Page) -> None:
    offline.locator("[class*='st-key-sample-'] button").first.click()
    sounding(offline, seconds=0.5)
    volumes = offline.evaluate("""async () => {
      const player = window.emomusicPlayer, before = player.audio, volumes = [];
      player.begin({ ...player.song, id: "other" }, 3);
      while (!before.paused) {
        volumes.push([before.volume, player.audio.volume]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return [...volumes, [0, player.audio.volume]];
    }""")
    assert len(volumes) > 4
    assert [old for old, _ in volumes] == sorted((old for old, _ in volumes), reverse=True)
    assert [new for _, new in volumes] == sorted(new for _, new in volumes)
    assert all(old**2 + new**2 == pytest.approx(1, abs=0.1) for old, new in volumes)
    assert sounding(offline) == "other"


def test_spotify_plays_each_song_once_and_then_the_chosen_ones(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    heard = [song(page)]
    next_song = page.get_by_role("button", name="Next song")
    for number in range(NUM_PRESSES):
        next_song.click() if number % 2 else press_shortcut(next_song, "n")
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
    page.get_by_role("radio", name="Face 3").click()
    of_face = song_after(page, heard[-1])
    page.get_by_role("radio", name="Lift me").click()
    song_after(page, of_face)


def test_the_menus_of_the_songs_are_accessible_and_a_typed_n_is_no_shortcut(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people", width=390, height=844, theme="dark")
    playing = song(page)
    page.get_by_role("button", name="Your music").click()
    genres = page.get_by_role("combobox", name="Single genres")
    genres.wait_for()
    assert axe_report(page) is None
    genres.focus()
    page.keyboard.press("n")
    wait_until_idle(page)
    assert song(page) == playing
    while genres.count():  # the first press closes the list of genres
        page.keyboard.press("Escape")
        wait_until_idle(page)
    page.get_by_role("button", name="Take it along").click()
    page.get_by_test_id("stCode").wait_for()
    assert axe_report(page) is None
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stCode")).to_have_count(0)
    press_shortcut(page.get_by_role("button", name="Next song"), "n")
    song_after(page, playing)


def test_a_spotify_without_an_answer_gives_way_to_a_song_that_plays(browser: Browser, server: str) -> None:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    waiting: list[Route] = []  # the page's own patience ends the request
    context.route("https://open.spotify.com/**", lambda route: waiting.append(route))
    page = context.new_page()
    page.goto(f"{server}/")
    page.locator("[class*='st-key-sample-'] button").first.click()
    first = sounding(page)
    expect(page.locator(PLAYER)).to_have_count(0)
    page.get_by_role("button", name="Use Spotify").click()
    song(page)
    assert is_paused(page)
    sounding(page)  # it comes back by itself
    expect(page.get_by_text("still does not answer")).to_be_visible()
    page.get_by_role("button", name="Next song").click()
    sounding(page, after=first)
    assert axe_report(page) is None
    for route in waiting:
        route.abort()
    context.close()


def test_two_visitors_hear_only_their_own_files(browser: Browser, server: str) -> None:
    heard, port = {}, server.rsplit(":", 1)[1]
    contexts = [browser.new_context() for _ in range(2)]
    for number, context in enumerate(contexts):
        with_spotify(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"http://emomusic.test:{port}/?sample=four-people&songs=own")  # of another computer
        song(page)
        page.get_by_role("button", name="Your music").click()
        assert page.get_by_role("combobox", name="Folder with music").count() == 0
        files = [
            {"name": f"Visitor {number} song {each}.wav", "mimeType": "audio/wav", "buffer": tone(3, 150 + 100 * each)}
            for each in (1, 2)
        ]
        page.locator(".st-key-own_upload input[type=file]").set_input_files(files)  # type: ignore[arg-type]
        sounding(page)
        page.keyboard.press("Escape")
        heard[number] = page.locator(".st-key-player-photo").inner_text() + page.locator(".bar").inner_text()
    assert "Visitor 0 song" in heard[0]
    assert "Visitor 0" not in heard[1]
    assert "Visitor 1 song" in heard[1]
    for context in contexts:
        context.close()
