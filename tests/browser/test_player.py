"""The bar in a real browser: what sounds after a click, over pages, from each source, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import visit
from tests.browser.layout import PHONE, axe_report, resize
from tests.browser.player import (
    NO_SPOTIFY,
    PLAYER,
    is_paused,
    level,
    play_sample,
    song,
    song_after,
    sounding,
    track,
)
from tests.browser.test_film import SUNG, VIDEO, wait_for_results
from tests.browser.waiting import press_shortcut, wait_until_at_rest, wait_until_idle
from tests.films import NOBODY, write_film

pytestmark = pytest.mark.browser

NUM_PRESSES = 2
LOUDNESS = "[emomusicPlayer.audio.volume, emomusicPlayer.audio.muted]"

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
    return open_page(width=1280, height=720, script=NO_SPOTIFY)


def test_a_song_goes_on_over_pages_stops_for_other_sounds_and_fades(offline: Page) -> None:
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
    offline.get_by_label("Play", exact=True).click()
    assert sounding(offline) == first
    told = {"source": "film", "with": ["player"]}
    offline.evaluate("detail => window.dispatchEvent(new CustomEvent('emomusic:sound', { detail }))", told)
    assert not is_paused(offline)

    # Songs fade into each other when asked
    volumes = offline.evaluate("""async () => {
      const player = window.emomusicPlayer, before = player.audio, volumes = [];
      window.kept = player.song;
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
    assert sounding(offline, after=first) == "other"
    offline.evaluate("emomusicPlayer.begin(kept)")
    assert sounding(offline, after="other") == first

    # The next song follows where this one falls silent, and at its end
    offline.evaluate("""() => {
      const player = window.emomusicPlayer, { audio, song } = player;
      player.addEventListener("ended", () => (window.left_s = audio.duration - audio.currentTime), { once: true });
      Object.assign(player, { song: { ...song, tail_s: 12, join_s: 1 }, follow: { ...song, id: "next" } });
      [audio.loop, audio.currentTime] = [false, audio.duration - 13.5];
    }""")
    second = sounding(offline, after=first)
    assert offline.evaluate("left_s") > 6  # of 13
    # It sounds again where the browser asks for a click first
    end = "audio.loop = false, audio.currentTime = audio.duration - 0.3"
    offline.evaluate(f"() => {{ const {{ audio }} = window.emomusicPlayer; {end} }}")
    sounding(offline, after=second)
    refuse = "HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    offline.evaluate(f"() => {{ {refuse} }}")
    offline.get_by_role("button", name="Next", exact=True).click()
    offline.locator(".bar.refused").wait_for()
    assert offline.get_by_label("Play", exact=True).bounding_box()["height"] > 60  # type: ignore[index]


def test_keys_control_the_bar_and_the_browser_remembers_volume_and_mute(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people&songs=bundled", script=NO_SPOTIFY)
    wait_until_idle(page)
    first = sounding(page, seconds=0.5)
    page.evaluate("emomusicPlayer.audio.loop = true")
    page.keyboard.press("Space")
    assert is_paused(page)
    page.keyboard.press("Space")
    sounding(page)
    page.keyboard.press("m")
    assert page.evaluate("emomusicPlayer.audio.muted")
    page.keyboard.press("m")
    page.evaluate("emomusicPlayer.audio.currentTime = 1")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("emomusicPlayer.audio.currentTime") >= 6
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("emomusicPlayer.audio.currentTime") < 5
    page.keyboard.press("n")
    second = sounding(page, after=first)
    expect(page.get_by_role("button", name="Previous song")).to_be_enabled()  # else the key does nothing
    page.keyboard.press("p")
    assert sounding(page, after=second) == first
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_focused()
    page.keyboard.press("?")
    keys = page.get_by_label("Keys of the player")
    expect(keys).to_be_visible()
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("radio", name="Your files").click()
    field = page.get_by_role("combobox", name="Folder with music")
    wait_until_idle(page)
    field.press_sequentially("npmb? ")
    expect(field).to_have_value("npmb? ")
    wait_until_idle(page)
    assert page.evaluate("emomusicPlayer.song.id") == first
    assert not page.evaluate("emomusicPlayer.audio.muted")
    while field.count():  # the first press closes the list of folders
        page.keyboard.press("Escape")
        wait_until_idle(page)

    assert level(page) > 0.01
    page.get_by_role("slider", name="Volume").fill("0.25")
    assert page.evaluate(LOUDNESS) == [0.25, False]
    page.get_by_role("button", name="Mute").click()
    assert page.evaluate(LOUDNESS) == [0.25, True]
    page.reload()
    page.wait_for_function("window.emomusicPlayer?.song")
    assert page.evaluate(LOUDNESS) == [0.25, True]
    page.get_by_role("button", name="Mute").click()
    assert page.evaluate(LOUDNESS) == [0.25, False]


def test_a_film_and_its_song_sound_together_and_alone(open_page: Callable[..., Page]) -> None:
    first, second = open_page(script=NO_SPOTIFY), open_page("/film?film=sample", script=NO_SPOTIFY)
    play_sample(first)
    wait_for_results(second)
    assert second.evaluate(f"{VIDEO}.paused")
    second.get_by_role("button", name="Play", exact=True).click()
    second.wait_for_function(f"({SUNG})() !== ''")
    first.wait_for_function("emomusicPlayer.audio.paused")  # one tab of the browser sounds
    assert level(second) > 0.01
    film_s, song_s = (second.evaluate(f"{media}.currentTime") for media in (VIDEO, "emomusicPlayer.audio"))
    both = f"([film, song]) => {VIDEO}.currentTime > film && emomusicPlayer.audio.currentTime > song"
    second.wait_for_function(both, arg=[film_s, song_s])
    first.get_by_label("Play", exact=True).click()
    sounding(first)
    second.wait_for_function(f"emomusicPlayer.audio.paused && {VIDEO}.paused")
    assert not is_paused(first)

    # In one tab, the film ends the song of another page
    visit(second, "Photo")
    before = play_sample(second)
    second.get_by_role("link", name="Film").click()
    second.wait_for_url("**/film*")  # its title may be that of the photo
    wait_for_results(second)
    sounding(second)  # perhaps the next song
    second.evaluate(f"{VIDEO}.play(), null")
    second.wait_for_function(f"before => ({SUNG})() !== '' && emomusicPlayer.song.id !== before", arg=before)


NOTE = """() => {
  const plot = document.querySelector(".st-key-music-own-path .js-plotly-plot");
  const all = [...document.querySelectorAll(".st-key-own-song-note *")].map(part => part.shadowRoot ?? part);
  const note = all.map(part => part.querySelector("b")).find(Boolean);
  if (!note || note.hidden || !plot) return null;
  const box = note.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
DOT = """number => {
  const plot = document.querySelector(".st-key-music-own-path .js-plotly-plot");
  const { _fullLayout: { xaxis, yaxis }, _fullData } = plot, box = plot.getBoundingClientRect();
  const trail = _fullData.find(trace => trace.name === "trail");
  const [x, y] = [trail.x.at(number), trail.y.at(number)];
  return [box.x + xaxis._offset + xaxis.l2p(x), box.y + yaxis._offset + yaxis.l2p(y)];
}"""


def test_a_film_without_scenes_and_an_own_song_share_the_sound_and_a_note_shows_the_place_in_the_song(
    offline: Page, tmp_path: Path, root: Path
) -> None:
    write_film(film := tmp_path / "nobody.mp4", [(NOBODY, 4)], audio="aac")
    play_sample(offline)

    def share_the_sound(media: str) -> None:
        element = offline.locator(media)
        expect(element).to_have_count(1)
        wait_until_idle(offline)
        element.evaluate("media => Object.assign(media, { loop: true }).play()")
        offline.wait_for_function("() => window.emomusicPlayer.audio.paused")
        offline.get_by_label("Play", exact=True).click()
        sounding(offline)
        assert element.evaluate("media => media.paused")

    visit(offline, "Film")
    offline.locator('input[type="file"]').first.set_input_files(film)
    share_the_sound(".st-key-film-frame video[src]")
    visit(offline, "Music")
    offline.get_by_role("tab", name="Your song").click()
    song_file = next((root / "data/songs").glob("*.mp3"))
    offline.locator(".st-key-own-song-drop input[type=file]").set_input_files(song_file)
    offline.locator(".st-key-music-own-path .main-svg").first.wait_for()
    wait_until_idle(offline)
    plot = offline.locator(".st-key-music-own-path")
    plot.scroll_into_view_if_needed()
    wait_until_at_rest(plot)
    assert offline.evaluate(NOTE) is None  # before it plays
    share_the_sound("audio[src]")
    offline.mouse.click(*offline.evaluate(DOT, -2))
    offline.wait_for_function(
        "(() => { const a = document.querySelector('audio'); return !a.paused && a.currentTime })()"
    )
    offline.evaluate("document.querySelector('audio').pause()")
    time = float(offline.evaluate("document.querySelector('audio').currentTime"))
    assert time > 3
    offline.wait_for_function(f"({NOTE})() !== null")
    offline.evaluate("document.querySelector('audio').currentTime = 0")
    first = offline.evaluate(DOT, 0)
    close = f"([x, y]) => {{ const at = ({NOTE})(); return at && Math.hypot(at[0] - x, at[1] - y) < 2; }}"
    offline.evaluate("document.querySelector('audio').currentTime = 0.001")
    offline.wait_for_function(close, arg=first)


def test_spotify_plays_the_next_and_the_chosen_songs_and_its_menus_are_accessible(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/?sample=four-people")
    heard = [song(page)]
    next_song = page.get_by_role("button", name="Next song")
    for number in range(NUM_PRESSES):
        next_song.click() if number % 2 else press_shortcut(next_song, "n")
        heard.append(song_after(page, heard[-1]))
    page.locator(f".st-key-play-photo-{NUM_PRESSES + 3}").wait_for()  # the last of the next two
    upcoming = page.locator(f".st-key-play-photo-{NUM_PRESSES + 3} button")
    title = upcoming.locator("strong").inner_text()
    upcoming.click()
    heard.append(song_after(page, heard[-1]))
    assert track(heard[-1]).title == title
    playing = heard[-1]

    resize(page, PHONE)
    page.emulate_media(color_scheme="dark")
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
    press_shortcut(page.get_by_role("button", name="Next song"), "n")
    song_after(page, playing)


# The page waits for Spotify until the test ends its patience
PATIENCE = "AbortSignal.timeout = () => (window.patience = new AbortController()).signal"


def end_patience(page: Page) -> None:
    page.wait_for_function("window.patience?.signal.aborted === false")
    page.evaluate("patience.abort()")


def use_spotify(page: Page) -> None:
    """Choose Spotify again in the menu of the player."""
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("radio", name="Spotify").click()
    page.keyboard.press("Escape")


def test_a_silent_spotify_gives_way_to_songs_that_play_until_it_answers(
    shared_context: BrowserContext, server: str
) -> None:
    waiting: list[Route] = []
    answers = False

    def answer(route: Route) -> None:
        route.fulfill(body="", content_type="text/html") if answers else waiting.append(route)

    with contextlib.closing(shared_context.new_page()) as page:
        page.add_init_script(NO_SPOTIFY)
        page.add_init_script(PATIENCE)
        page.route("https://open.spotify.com/**", answer)
        page.goto(server)
        end_patience(page)
        first = play_sample(page)
        expect(page.locator(PLAYER)).to_have_count(0)
        use_spotify(page)
        song(page)
        assert is_paused(page)
        end_patience(page)
        sounding(page)  # it comes back by itself
        expect(page.get_by_text("still does not answer")).to_be_visible()
        page.get_by_role("button", name="Next song").click()
        heard = sounding(page, after=first)
        page.evaluate("emomusicPlayer.audio.loop = true")
        assert axe_report(page) is None

        answers = True
        page.evaluate("dispatchEvent(new Event('online')), null")
        expect(page.get_by_text("Spotify answers again")).to_be_visible()
        assert sounding(page) == heard  # until the visitor decides
        use_spotify(page)
        song(page)
        page.wait_for_function("emomusicPlayer.audio.paused")
        answers = False
        page.evaluate("dispatchEvent(new Event('offline')), null")
        end_patience(page)
        heard = sounding(page)
        page.evaluate("emomusicPlayer.end = () => null")  # as while no page has a bar
        page.evaluate("const { audio } = emomusicPlayer; audio.loop = false; audio.currentTime = audio.duration - 0.1")
        page.wait_for_function("emomusicPlayer.audio.ended")
        page.evaluate("delete emomusicPlayer.end, null")
        visit(page, "Music")
        sounding(page, after=heard)
        for route in waiting:
            route.abort()
