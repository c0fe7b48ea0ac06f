"""The Music page in a browser: lasso, sliders, search, own tables and narrow windows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from emomusic.app import state
from tests.browser.conftest import PATIENCE_MS
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.songs.tables import mood_table

pytestmark = pytest.mark.browser


@pytest.fixture
def music(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page by its link in the navigation, or by its address if there is a window size."""

    def open_(**window: object) -> Page:
        page = open_page("/music" if window else "/", **window)
        if not window:
            wait_until_idle(page)  # a click may be lost while the first page starts
            page.get_by_role("link", name="Music").first.click()
        page.get_by_role("heading", name="What does a mood sound like?").wait_for()
        page.get_by_role("heading", name=re.compile("^81,198 songs")).wait_for(timeout=PATIENCE_MS)
        page.locator(f".st-key-{state.MUSIC_TAB}").wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        return page

    return open_


def plane_area(page: Page) -> Locator:
    """The area of the plane that receives the pointer, without the axes."""
    page.locator('.stPlotlyChart[aria-label*="on the plane of valence"] .gl-canvas-context').first.wait_for()
    area = page.locator('.stPlotlyChart[aria-label*="on the plane of valence"] .nsewdrag')
    area.scroll_into_view_if_needed()
    wait_until_idle(page)
    wait_until_at_rest(area)
    return area


def drag(page: Page, corners: list[tuple[float, float]]) -> None:
    """Draw on the plane; corners are shares of its width and height, from the top left."""
    box = plane_area(page).bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def num_selected(page: Page) -> int:
    heading = page.get_by_role("heading", name=re.compile(r"^[\d,]+ songs? selected"))
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    return int(heading.inner_text().split()[0].replace(",", ""))


def choose_own(page: Page, path: Path) -> None:
    page.get_by_role("radio", name="Yours").click()
    page.locator("input[type=file]").wait_for(state="attached")
    page.set_input_files("input[type=file]", path)


def test_a_lasso_a_box_a_click_and_a_quadrant_select_songs_with_one_player(music: Callable[..., Page]) -> None:
    page = music()
    drag(page, [(0.75, 0.15), (0.95, 0.15), (0.95, 0.4), (0.75, 0.4), (0.75, 0.16)])
    number = num_selected(page)
    assert 100 < number < 40_000
    titles = page.locator('[class*="st-key-play-music-"]')
    frames = page.locator('iframe[src*="open.spotify.com/embed/track"]')
    expect(titles).to_have_count(4)
    expect(frames).to_have_count(1)
    before = frames.get_attribute("src") or ""
    titles.nth(3).get_by_role("button").click()
    expect(page.locator(f'iframe[src="{before}"]')).to_have_count(0)
    expect(frames).to_have_count(1)
    wait_until_idle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    table = pd.read_csv(Path(waiting.value.path()), encoding="utf-8-sig")
    assert len(table) == number
    assert table["valence"].between(0.74, 0.98).all()  # the corners of the lasso

    page.get_by_role("button", name="Clear").click()
    selected = page.get_by_role("heading", name=re.compile("selected$"))
    expect(selected).to_have_count(0)
    page.locator('[data-title="Box Select"]').first.click()
    drag(page, [(0.75, 0.1), (0.95, 0.3)])
    assert num_selected(page) > 100
    page.get_by_role("button", name="Clear").click()
    expect(selected).to_have_count(0)
    area = plane_area(page)
    page.locator('[data-title="Pan"]').first.click()
    x, y, name = area.evaluate("""element => {
      const {_fullData: [, songs], _fullLayout: {xaxis, yaxis}} = element.closest(".js-plotly-plot");
      return [xaxis.l2p(songs.x[7]), yaxis.l2p(songs.y[7]), songs.text[7]];
    }""")
    area.click(position={"x": x, "y": y})
    assert num_selected(page) < 20
    expect(page.locator(".st-key-player-music", has_text=name.split(" \u00b7 ")[0])).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(selected).to_have_count(0)
    page.get_by_role("radio", name="unpleasant and drowsy").click()
    assert num_selected(page) > 1000


def test_a_phone_shows_the_open_tab_and_the_prediction_and_every_tab_fits(music: Callable[..., Page]) -> None:
    page = music(width=390, height=844)
    expect(plane_area(page)).to_have_css("pointer-events", "none")  # a swipe scrolls
    page.goto(page.url.split("?")[0] + "?view=What+mood+is+this+song%3F")  # a click would scroll the tabs
    tab = page.get_by_role("tab", name="What mood is this song?")
    answer = page.locator(".st-key-music-sentence").get_by_role("heading")
    expect(answer).to_be_visible()
    row, tab_box = page.get_by_role("tablist").bounding_box(), tab.bounding_box()
    assert row is not None
    assert tab_box is not None
    assert row["x"] <= tab_box["x"]
    assert tab_box["x"] + tab_box["width"] <= 390
    slider = page.get_by_role("slider", name="Valence")
    slider.scroll_into_view_if_needed()
    slider.focus()
    slider.press("Home")
    expect(page.get_by_role("button", name="Reset to song")).to_be_enabled()
    expect(page.get_by_test_id("stSlider").filter(has=slider)).to_be_in_viewport()
    expect(answer).to_be_in_viewport()
    main = page.get_by_test_id("stMain")
    for name in (
        "Explore",
        "Mood profiles",
        "Table",
        "Found songs",
    ):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 0, name


def test_a_table_can_be_larger_than_a_photo(music: Callable[..., Page], tmp_path: Path) -> None:
    """The server has one upload limit, and each uploader has its own."""
    row = mood_table().to_csv(index=False)
    path = tmp_path / "large.csv"
    path.write_text(row + row.split("\n", 1)[1] * (25_000_000 // len(row)), encoding="utf-8")
    page = music()
    choose_own(page, path)
    expect(page.get_by_role("heading", name=re.compile("^100 songs"))).to_be_visible(timeout=2 * PATIENCE_MS)
