"""The Music page in a browser: the plane, sliders, own tables and narrow windows."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.player import box_of, overflow, sounding
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.songs.tables import mood_table

pytestmark = pytest.mark.browser


@pytest.fixture
def music(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page with a tab that needs less time than the plane."""

    def open_(tab: str, **window: object) -> Page:
        page = open_page(f"/music?{urlencode({'view': tab})}", **window)
        page.get_by_role("heading", name="What does a mood sound like?").wait_for()
        page.get_by_text(re.compile("^81,198 songs")).wait_for()
        page.locator(".st-key-view").wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        return page

    return open_


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


def click_happy_song(page: Page) -> None:
    """Click the first happy song on the plane, and wait for its list."""
    area = page.locator(AREA)
    x, y = area.evaluate("""element => {
      const {_fullData: [, songs], _fullLayout: {xaxis, yaxis}} = element.closest(".js-plotly-plot");
      return [xaxis.l2p(songs.x[0]), yaxis.l2p(songs.y[0])];
    }""")
    area.click(position={"x": x, "y": y})
    expect(page.get_by_text("The song you clicked")).to_be_visible()
    wait_until_idle(page)


# The boxes of the marks and of the area that may have marks
MARKS = """() => {
  const plot = document.querySelector(".st-key-music-plane .js-plotly-plot");
  const box = (part) => ["left", "top", "right", "bottom"].map((side) => part.getBoundingClientRect()[side]);
  return [box(plot.querySelector(".nsewdrag")), [...plot.querySelectorAll(".scatterlayer .points path")].map(box)];
}"""


def num_coloured(page: Page, box: tuple[float, float, float, float]) -> int:
    """The number of pixels of a part of the window that have the colour of a mark, in contrast to a quadrant's."""
    left, top, right, bottom = box
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:  # type: ignore[arg-type]
        pixels = np.asarray(image.convert("RGB"), np.int16)
    return int((np.ptp(pixels, axis=2) > 60).sum())


@pytest.mark.parametrize(("songs", "size"), [("bundled", (1280, 720)), ("catalogue", (1440, 900))])
def test_the_plane_is_whole_and_keeps_its_marks_after_a_click_which_plays(
    open_page: Callable[..., Page], songs: str, size: tuple[int, int]
) -> None:
    page = open_page("/music?songs=bundled" if songs == "bundled" else "/music", width=size[0], height=size[1])
    plane_area(page)
    area, before = page.evaluate(MARKS)
    coloured = num_coloured(page, area)
    assert coloured > 400
    click_happy_song(page)
    if songs == "bundled":
        sounding(page)
    page.mouse.move(5, 5)  # no text of the pointer covers marks
    expect(page.locator(".st-key-music-plane .hovertext")).to_have_count(0)
    wait_until_at_rest(page.locator(".st-key-music-plane .nsewdrag"))
    assert page.get_by_test_id("stMain").evaluate("page => page.scrollTop") == 0
    assert page.evaluate(MARKS)[0] == area
    after = page.evaluate(MARKS)[1]
    assert len(after) == len(before) == (48 if songs == "bundled" else 0)  # a canvas has the many
    for left, top, right, bottom in after:
        assert area[0] - 1 <= left <= right <= area[2] + 1
        assert area[1] - 1 <= top <= bottom <= area[3] + 1
    assert num_coloured(page, area) > 0.97 * coloured
    chart = box_of(page.locator(".st-key-music-plane .js-plotly-plot"))
    assert chart["y"] >= 56
    assert chart["y"] + chart["height"] <= box_of(page.get_by_role("region", name="Player"))["y"]

    shapes = "element => element.closest('.js-plotly-plot')._fullLayout.shapes.filter(s => s.line.width === 3).length"
    assert page.locator(AREA).evaluate(shapes) == 0
    page.get_by_role("radio", name="unpleasant and drowsy").click()
    expect(page.get_by_text(re.compile("songs, unpleasant and drowsy"))).to_be_visible()
    wait_until_idle(page)
    assert plane_area(page).evaluate(shapes) == 1  # the quadrant is marked


def test_a_phone_shows_every_tab_the_prediction_and_the_figures(music: Callable[..., Page]) -> None:
    page = music("Your song", width=390, height=844)
    answer = page.locator(".st-key-music-sentence").get_by_role("heading")
    expect(answer).to_be_visible()
    slider = page.get_by_role("slider", name="Valence")
    slider.scroll_into_view_if_needed()
    slider.focus()
    slider.press("Home")
    expect(page.get_by_role("button", name="Reset to song")).to_be_enabled()
    expect(page.get_by_test_id("stSlider").filter(has=slider)).to_be_in_viewport()
    expect(answer).to_be_in_viewport()
    for name in ("Explore", "Table"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        assert overflow(page) <= 0, name
    wanted_px = 34 + 150 + 80 + 90  # selection, title, mood and confidence
    assert box_of(page.get_by_test_id("stDataFrame"))["width"] >= wanted_px


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


def test_a_note_travels_along_the_path_of_a_song(music: Callable[..., Page], root: Path) -> None:
    page = music("Your song")
    page.locator(".st-key-own-song-drop input[type=file]").set_input_files(next((root / "data/songs").glob("*.mp3")))
    page.locator(".st-key-music-own-path .main-svg").first.wait_for()
    wait_until_idle(page)
    plot = page.locator(".st-key-music-own-path")
    plot.scroll_into_view_if_needed()
    wait_until_at_rest(plot)
    assert page.evaluate(NOTE) is None  # before it plays
    page.mouse.click(*page.evaluate(DOT, -2))
    page.wait_for_function("(() => { const a = document.querySelector('audio'); return !a.paused && a.currentTime })()")
    page.evaluate("document.querySelector('audio').pause()")
    time = float(page.evaluate("document.querySelector('audio').currentTime"))
    assert time > 3
    page.wait_for_function(f"({NOTE})() !== null")
    page.evaluate("document.querySelector('audio').currentTime = 0")
    first = page.evaluate(DOT, 0)
    close = f"([x, y]) => {{ const at = ({NOTE})(); return at && Math.hypot(at[0] - x, at[1] - y) < 2; }}"
    page.evaluate("document.querySelector('audio').currentTime = 0.001")
    page.wait_for_function(close, arg=first)


def test_a_table_can_be_larger_than_a_photo(music: Callable[..., Page], tmp_path: Path) -> None:
    """The server has one upload limit, and each uploader has its own."""
    row = mood_table().to_csv(index=False)
    path = tmp_path / "large.csv"
    path.write_text(row + row.split("\n", 1)[1] * (25_000_000 // len(row)), encoding="utf-8")
    page = music("Table")
    page.get_by_role("button", name="Your music").first.click()
    page.get_by_role("radio", name="Your table").click()
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text(re.compile("^100 songs: "))).to_be_visible()
