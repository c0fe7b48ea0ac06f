"""Sound as a new visitor without a network hears it: what was clicked sounds, alone, and nothing else begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE_MS, visit
from tests.browser.player import PLAYER, add_folder, is_paused, level, song, sounding
from tests.browser.test_film import NOTE_BEGUN, SUNG, VIDEO, wait_for_results
from tests.browser.test_music import plane_area
from tests.browser.test_player import tone
from tests.browser.waiting import wait_until_idle

pytestmark = pytest.mark.browser

LOUDNESS = "[emomusicPlayer.audio.volume, emomusicPlayer.audio.muted]"
# Whether a tab of Music is in the address, which the server writes; the first one is not
OPEN_TAB = "tab => (new URLSearchParams(location.search).get('view') ?? 'Explore') === tab"


@pytest.fixture
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A new browser that does not find Spotify."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context


@pytest.fixture
def open_tab(profile: BrowserContext, server: str) -> Callable[[str], Page]:
    """Open the app in a tab of the new browser."""

    def open_(path: str = "/") -> Page:
        page = profile.new_page()
        page.goto(server + path)
        page.get_by_role("heading", level=1).wait_for()
        wait_until_idle(page)
        return page

    return open_


def play_sample(page: Page) -> str:
    """Choose the first sample; returns the id of the song that sounds, in a loop."""
    page.locator("[class*='st-key-sample-'] button").first.click()
    heard = sounding(page)
    page.evaluate("emomusicPlayer.audio.loop = true")
    return heard


def click_plane(page: Page, number: int = 0) -> str:
    """Click a song on the plane of all songs; returns its name."""
    area = plane_area(page)
    x, y, name = area.evaluate(
        """(element, number) => {
          const { _fullData: [, songs], _fullLayout: { xaxis, yaxis } } = element.closest(".js-plotly-plot");
          return [xaxis.l2p(songs.x[number]), yaxis.l2p(songs.y[number]), songs.text[number]];
        }""",
        number,
    )
    area.click(position={"x": x, "y": y})
    return str(name)


def test_a_film_and_its_song_sound_together_and_alone(open_tab: Callable[[str], Page]) -> None:
    first, second = open_tab("/"), open_tab("/film?film=sample")
    before = play_sample(first)
    wait_for_results(second)
    assert second.evaluate(f"{VIDEO}.paused")
    second.get_by_role("button", name="Play", exact=True).click()
    second.wait_for_function(f"({SUNG})() !== ''")
    first.wait_for_function("emomusicPlayer.audio.paused")  # one tab of the browser sounds
    assert level(second) > 0.01
    film_s, song_s = (second.evaluate(f"{media}.currentTime") for media in (VIDEO, "emomusicPlayer.audio"))
    both = f"([film, song]) => {VIDEO}.currentTime > film && emomusicPlayer.audio.currentTime > song"
    second.wait_for_function(both, arg=[film_s, song_s])
    second.evaluate(f"{VIDEO}.pause()")
    second.wait_for_function("emomusicPlayer.audio.paused")
    second.evaluate(f"{VIDEO}.play(), null")
    second.wait_for_function(f"({SUNG})() !== ''")
    first.get_by_label("Play", exact=True).click()
    sounding(first)
    second.wait_for_function(f"emomusicPlayer.audio.paused && {VIDEO}.paused")
    assert not is_paused(first)

    # In one tab, the film ends the song of another page
    visit(first, "Film")
    first.get_by_role("button", name="Try the sample").click()
    wait_for_results(first)
    assert not is_paused(first)
    first.evaluate(f"{VIDEO}.play(), null")
    first.wait_for_function(f"before => ({SUNG})() !== '' && emomusicPlayer.song.id !== before", arg=before)
    first.get_by_text("Follow the film").click()
    first.wait_for_function(f"emomusicPlayer.audio.paused && !{VIDEO}.paused && {VIDEO}.volume === 1")


def test_a_change_of_tab_neither_starts_nor_changes_a_song(open_tab: Callable[[str], Page]) -> None:
    page = open_tab("/music?songs=bundled")
    page.get_by_role("radio", name="unpleasant and drowsy").click()
    expect(page.get_by_text("songs, unpleasant and drowsy")).to_be_visible()
    click_plane(page)
    heard = sounding(page)
    page.evaluate("emomusicPlayer.audio.loop = true")
    page.evaluate(NOTE_BEGUN)
    for rests in (False, True):
        for tab in ("Your song", "Table", "Explore"):
            page.get_by_role("tab", name=tab).click()
            expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
            page.wait_for_function(OPEN_TAB, arg=tab)  # the server has heard of it
            wait_until_idle(page)
            assert page.evaluate("emomusicPlayer.song.id") == heard, tab
            assert is_paused(page) == rests, tab
        page.evaluate("emomusicPlayer.pause()")
    assert page.evaluate("begun") == []


def test_a_folder_of_this_computer_plays_until_it_is_removed(open_tab: Callable[[str], Page], tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"Own song {number}.wav").write_bytes(tone(3, 200 * number))
    (tmp_path / "broken.mp3").write_bytes(b"ID3 and nothing else")
    page = open_tab("/?sample=four-people&songs=own")
    page.get_by_role("button", name="Your music").click()
    add_folder(page, tmp_path / "absent")
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    add_folder(page, tmp_path)
    page.wait_for_function("emomusicPlayer.song?.title.startsWith('Own song') && !emomusicPlayer.audio.paused")
    expect(page.locator(PLAYER)).to_have_count(0)
    expect(page.get_by_text("broken.mp3")).to_be_visible()
    page.keyboard.press("Escape")
    sounding(page, after=sounding(page))  # it ends after three seconds
    page.evaluate("emomusicPlayer.audio.loop = true")
    visit(page, "Music")
    page.get_by_role("button", name="Your music").click()
    page.get_by_role("button", name="Remove").click()
    page.wait_for_function("emomusicPlayer.audio.paused && emomusicPlayer.song === null")
    wait_until_idle(page)
    expect(page.get_by_text("broken.mp3")).to_have_count(0)
    expect(page.get_by_text("No longer there")).to_have_count(0)


def test_similar_songs_sound_for_one_of_a_silent_spotify_which_is_not_asked(
    profile: BrowserContext, open_tab: Callable[[str], Page]
) -> None:
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    page = open_tab("/music")
    page.wait_for_function("window.emomusicSpotify")
    page.evaluate("emomusicSpotify")
    title = click_plane(page).partition(" · ")[0]
    shown = page.locator(".st-key-title-music")
    expect(shown).to_contain_text(title)
    first = sounding(page)
    assert level(page) > 0.01
    instead = page.get_by_text("similar songs play instead")
    assert page.evaluate("emomusicPlayer.song.title") in instead.inner_text()
    page.get_by_role("button", name="Next", exact=True).click()  # in the bar
    second = sounding(page, after=first)
    wait_until_idle(page)
    assert page.evaluate("emomusicPlayer.song.title") in instead.inner_text()
    expect(shown).to_contain_text(title)
    for tab in ("Your song", "Table"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        wait_until_idle(page)
        assert page.locator(PLAYER).count() == 0
        assert page.evaluate("emomusicPlayer.song.id") == second
    visit(page, "Models")
    wait_until_idle(page)
    assert page.locator(PLAYER).count() == 0
    assert not [url for url in asked if "/embed/track/" in url]


def test_a_change_of_the_network_asks_spotify_again(profile: BrowserContext, open_tab: Callable[[str], Page]) -> None:
    profile.add_init_script("window.emomusicSpotify = Promise.resolve(true)")
    page = open_tab("/?sample=four-people")
    song(page)
    page.evaluate("dispatchEvent(new Event('offline')), null")
    heard = sounding(page)
    page.evaluate("emomusicPlayer.audio.loop = true")
    profile.route("https://open.spotify.com/**", lambda route: route.fulfill(body="", content_type="text/html"))
    page.evaluate("dispatchEvent(new Event('online')), null")
    expect(page.get_by_text("Spotify answers again")).to_be_visible()
    assert sounding(page) == heard  # until the visitor decides
    page.get_by_role("button", name="Use Spotify").click()
    song(page)
    page.wait_for_function("emomusicPlayer.audio.paused")


def test_keys_control_the_bar_and_the_browser_remembers_volume_and_mute(open_tab: Callable[[str], Page]) -> None:
    page = open_tab("/?sample=four-people&songs=bundled")
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
    wait_until_idle(page)
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
