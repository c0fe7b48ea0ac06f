"""The Music page in a browser: the plane, what a click on it plays, and its tabs in windows of three sizes."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import visit
from tests.browser.layout import (
    DESKTOP,
    LAPTOP,
    MAX_SHIFT,
    PHONE,
    SHIFTS,
    assert_visible_in,
    box_of,
    overflow,
    resize,
    shift,
)
from tests.browser.player import NO_SPOTIFY, PLAYER, is_paused, level, sounding
from tests.browser.test_film import NOTE_BEGUN
from tests.browser.waiting import wait_until_at_rest, wait_until_idle

pytestmark = pytest.mark.browser

# The server's messages come later than half a second after a click, after which shifts count, and one in a frame
BUSY_SERVER = """(() => {
  const listen = WebSocket.prototype.addEventListener;
  let clicked = -Infinity;
  addEventListener("pointerdown", () => { clicked = performance.now(); }, true);
  WebSocket.prototype.addEventListener = function (kind, hear, ...options) {
    let last = Promise.resolve();
    const hearLater = async (message) => {
      await last;
      while (performance.now() < clicked + 600) await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      hear.call(this, message);
    };
    const take = (message) => { last = hearLater(message); };
    listen.call(this, kind, kind === "message" ? take : hear, ...options);
  };
})()"""

AREA = '.stPlotlyChart[aria-label*="on the plane of valence"] .nsewdrag'
"""The area of the plane that receives the pointer, without the axes."""


def plane_area(page: Page) -> Locator:
    """The area of the plane, once it is drawn."""
    area = page.locator(AREA)
    wait_until_idle(page)  # the plane of the run before is gone
    area.scroll_into_view_if_needed()
    wait_until_idle(page)
    wait_until_at_rest(area)
    return area


def click_happy_song(page: Page) -> str:
    """Click the first happy song apart from others and below no word, and wait for its list; returns its title."""
    area = page.locator(AREA)
    x, y, name = area.evaluate("""element => {
      const { _fullData, _fullLayout: { xaxis, yaxis } } = element.closest(".js-plotly-plot"), songs = _fullData[1];
      const { left, top } = element.getBoundingClientRect();
      const places = ({ x, y }) => Array.from(x ?? [], (_, n) => [xaxis.l2p(x[n]), yaxis.l2p(y[n])]);
      const all = _fullData.flatMap(places);
      const free = places(songs).findIndex(([x, y]) => document.elementFromPoint(left + x, top + y) === element
        && all.filter((other) => Math.hypot(other[0] - x, other[1] - y) < 9).length === 1);
      return [...places(songs)[free], songs.text[free]];
    }""")
    area.click(position={"x": x, "y": y})
    expect(page.get_by_text("The song you clicked")).to_be_visible()
    wait_until_idle(page)
    return str(name).partition(" · ")[0]


# The boxes of the marks and of the area that may have marks
MARKS = """() => {
  const plot = document.querySelector(".st-key-music-plane .js-plotly-plot");
  const box = (part) => ["left", "top", "right", "bottom"].map((side) => part.getBoundingClientRect()[side]);
  return [box(plot.querySelector(".nsewdrag")), [...plot.querySelectorAll(".scatterlayer .points path")].map(box)];
}"""


def num_coloured(page: Page, box: tuple[float, float, float, float]) -> int:
    """The number of pixels of a part of the window that are as dark as a mark, in contrast to a quadrant."""
    left, top, right, bottom = box
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:  # type: ignore[arg-type]
        pixels = np.asarray(image.convert("RGB"), np.int16)
    return int((pixels.mean(axis=2) < 190).sum())


def click_a_whole_plane(page: Page, num_marks: int) -> str:
    """Click a song, and check that the plane is whole, is on the screen and keeps its marks; the song's title."""
    plane_area(page)
    area, before = page.evaluate(MARKS)
    coloured = num_coloured(page, area)
    assert coloured > 400
    title = click_happy_song(page)
    page.mouse.move(5, 5)  # no text of the pointer covers marks
    expect(page.locator(".st-key-music-plane .hovertext")).to_have_count(0)
    wait_until_at_rest(page.locator(".st-key-music-plane .nsewdrag"))
    assert page.get_by_test_id("stMain").evaluate("page => page.scrollTop") == 0
    assert page.evaluate(MARKS)[0] == area
    after = page.evaluate(MARKS)[1]
    assert len(after) == len(before) == num_marks  # a canvas has the many
    for left, top, right, bottom in after:
        assert area[0] - 1 <= left <= right <= area[2] + 1
        assert area[1] - 1 <= top <= bottom <= area[3] + 1
    assert num_coloured(page, area) > 0.97 * coloured
    chart = box_of(page.locator(".st-key-music-plane .js-plotly-plot"))
    assert chart["y"] >= 56
    assert chart["y"] + chart["height"] <= box_of(page.get_by_role("region", name="Player"))["y"]
    return title


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    panel = page.get_by_role("tabpanel", name=name)
    expect(panel.get_by_test_id("stElementContainer").first).to_be_attached()  # the server has heard of it
    wait_until_idle(page)


def test_a_click_on_the_plane_plays_and_a_change_of_tab_neither_starts_nor_changes_a_song(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/music?songs=bundled", width=LAPTOP[0], height=LAPTOP[1])
    click_a_whole_plane(page, 48)
    heard = sounding(page)
    page.evaluate("emomusicPlayer.audio.loop = true")
    page.evaluate(NOTE_BEGUN)
    for rests in (False, True):
        for tab in ("Your song", "What if", "Moods", "Explore"):
            open_tab(page, tab)
            assert page.evaluate("emomusicPlayer.song.id") == heard, tab
            assert is_paused(page) == rests, tab
        page.evaluate("emomusicPlayer.pause()")
    assert page.evaluate("begun") == []


# The words of genres on the plane that are shown, and the boxes of all of them and of the plane
WORDS = """() => {
  const area = document.querySelector(".st-key-music-plane .nsewdrag");
  const part = document.querySelector(".st-key-music-plane [data-testid=stBidiComponentIsolated]");
  const box = (each) => each.getBoundingClientRect().toJSON();
  const words = [...part?.shadowRoot?.querySelectorAll("button") ?? []].filter((each) => each.checkVisibility());
  return [words.map((each) => each.textContent), words.map(box), area && box(area)];
}"""


def test_words_of_genres_lie_apart_play_an_example_and_show_artists(open_page: Callable[..., Page]) -> None:
    page = open_page("/music?find=sad+jazz", script=NO_SPOTIFY)  # few songs are drawn at once, and all words
    page.wait_for_function("window.emomusicSpotify")
    page.evaluate("emomusicSpotify")
    page.wait_for_function(f"({WORDS})()[0].length >= 40")
    for size, least in ((DESKTOP, 40), ((1024, 768), 25), ((1920, 1080), 40), (PHONE, 30)):
        resize(page, size)
        plane_area(page)
        page.wait_for_function(f"({WORDS})()[0].length >= {least}")
        _, boxes, area = page.evaluate(WORDS)
        for number, one in enumerate(boxes):
            assert area["left"] - 1 <= one["left"] <= one["right"] <= area["right"] + 1, size
            for other in boxes[:number]:
                across = min(one["right"], other["right"]) - max(one["left"], other["left"])
                down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
                assert across <= 0.5 or down <= 0.5, size
    resize(page, DESKTOP)
    rows = page.locator("[class*='st-key-row-music']")
    rows.first.locator("b").evaluate("title => { title.textContent = 'A very long title '.repeat(9); }")
    assert len(set(rows.evaluate_all("all => all.map(row => row.clientHeight)"))) == 1  # beside its button
    page.get_by_test_id("stMain").evaluate("page => page.scrollTo(0, 0)")
    page.get_by_text("Columns", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_be_in_viewport(ratio=1)
    page.get_by_text("Columns", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    plane_area(page)
    genre = page.evaluate(WORDS)[0][0]
    word = page.locator(".st-key-music-plane nav").get_by_text(genre, exact=True)
    word.focus()
    word.press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value(genre)
    assert sounding(page)
    wait_until_idle(page)
    expect(word).to_have_attribute("aria-pressed", "true")
    word.click()
    artists = page.locator(".st-key-music-artists button")
    expect(artists).to_have_count(12)
    name = artists.first.inner_text()
    artists.first.click()
    expect(page.get_by_role("searchbox")).to_have_value(name)
    expect(artists).to_have_count(0)


def test_similar_songs_sound_for_one_of_a_silent_spotify_which_is_not_asked(open_page: Callable[..., Page]) -> None:
    page, asked = open_page("/music", script=NO_SPOTIFY), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_function("window.emomusicSpotify")
    page.evaluate("emomusicSpotify")
    title = click_a_whole_plane(page, 0)  # a canvas has the many
    shown = page.locator(".st-key-title-music")
    first = sounding(page)
    assert level(page) > 0.01
    expect(shown).to_contain_text(page.evaluate("emomusicPlayer.song.title"))  # the card shows what sounds
    expect(page.locator(".st-key-reason-music")).to_contain_text(title)  # and the wish
    heard = [first]
    for _ in range(4):
        page.get_by_role("button", name="Next", exact=True).click()  # in the bar
        heard.append(second := sounding(page, after=heard[-1]))
        page.evaluate("emomusicPlayer.audio.loop = true")
        wait_until_idle(page)
        expect(shown).to_contain_text(page.evaluate("emomusicPlayer.song.title"))
    assert len({*heard}) == len(heard)
    open_tab(page, "Your song")
    assert page.locator(PLAYER).count() == 0
    assert page.evaluate("emomusicPlayer.song.id") == second
    visit(page, "Models")
    wait_until_idle(page)
    assert page.locator(PLAYER).count() == 0
    assert not [url for url in asked if "/embed/track/" in url]


def test_the_tabs_keep_their_place_and_a_phone_shows_each_of_them(open_page: Callable[..., Page]) -> None:
    page = open_page("/music", script=BUSY_SERVER)
    open_tab(page, "Moods")
    tabs = page.get_by_role("tab")
    page.evaluate(SHIFTS)
    for size in (DESKTOP, PHONE):
        resize(page, size)
        wait_until_idle(page)
        assert_visible_in(page, size, (".st-key-view [role=tablist]",), "music")
        shift(page)  # from the change of the window
        place = tabs.first.bounding_box()
        for name in ("Explore", "What if"):
            open_tab(page, name)
            assert shift(page) <= MAX_SHIFT, (size, name)
            assert tabs.first.bounding_box() == place, name
            assert overflow(page) <= 0, name
    open_tab(page, "What if")
    slider = page.get_by_role("slider", name="Tempo")  # the last one
    for size, key in ((PHONE, "Home"), (LAPTOP, "End")):
        resize(page, size)
        slider.scroll_into_view_if_needed()
        slider.focus()
        slider.press(key)
        expect(page.get_by_role("button", name="Reset to song")).to_be_enabled()
        expect(page.get_by_test_id("stSlider").filter(has=slider)).to_be_in_viewport()
        expect(page.locator(".st-key-music-sentence")).to_be_in_viewport(ratio=1)  # the sentence and its bars
