"""The Music page in a browser: lasso, sliders, search, own tables and narrow windows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from emomusic.music.features import FEATURES
from emomusic.ui.core import state
from tests.browser.conftest import PATIENCE_MS, fresh_server
from tests.music.tables import mood_table, song_table, track_id

pytestmark = pytest.mark.browser

NUM_SONGS = 28_356
SHOWN_WITHIN_S = 30  # the target is 5 s on an idle machine; the test prints the time


@pytest.fixture
def music(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page by its link in the navigation, or by its address if there is a window size."""

    def open_(**window: object) -> Page:
        page = open_page("/music" if window else "/", **window)
        if not window:
            page.get_by_role("link", name="Music").first.click()
        page.get_by_role("heading", name="What does a mood sound like?").wait_for()
        page.get_by_role("heading", name=re.compile("^81,198 songs")).wait_for(timeout=PATIENCE_MS)
        page.locator(f".st-key-{state.MUSIC_VIEW}").wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        return page

    return open_


def plane_area(page: Page) -> Locator:
    """The area of the plane that receives the pointer, without the axes."""
    page.locator('.stPlotlyChart[aria-label*="on the plane of valence"] .gl-canvas-context').first.wait_for()
    area = page.locator('.stPlotlyChart[aria-label*="on the plane of valence"] .nsewdrag')
    area.scroll_into_view_if_needed()
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
    page.get_by_role("radio", name="Your CSV").click()
    page.locator("input[type=file]").wait_for(state="attached")
    page.set_input_files("input[type=file]", path)


def test_a_lasso_on_the_plane_lists_songs_with_one_player(music: Callable[..., Page]) -> None:
    page = music()
    drag(page, [(0.75, 0.15), (0.95, 0.15), (0.95, 0.4), (0.75, 0.4), (0.75, 0.16)])
    number = num_selected(page)
    assert 100 < number < 40_000
    titles = page.locator('[class*="st-key-music-play-selection-"]')
    frames = page.locator('iframe[src*="open.spotify.com/embed/track"]')
    expect(titles).to_have_count(5)
    expect(frames).to_have_count(1)
    page.get_by_role("button", name=re.compile("more of")).click()
    expect(titles).to_have_count(10)
    expect(frames).to_have_count(1)
    before = frames.get_attribute("src") or ""
    titles.nth(3).get_by_role("button").click()
    expect(page.locator(f'iframe[src="{before}"]')).to_have_count(0)
    expect(frames).to_have_count(1)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    table = pd.read_csv(Path(waiting.value.path()), encoding="utf-8-sig")
    assert len(table) == number
    assert table["valence"].between(0.87, 0.98).all()  # the corners of the lasso


def test_a_box_a_click_and_a_quadrant_select_songs(music: Callable[..., Page]) -> None:
    page = music()
    page.locator('[data-title="Box Select"]').first.click()
    drag(page, [(0.75, 0.1), (0.95, 0.3)])
    assert num_selected(page) > 100
    page.get_by_role("button", name="Clear").click()
    selected = page.get_by_role("heading", name=re.compile("selected$"))
    expect(selected).to_have_count(0)
    area = plane_area(page)
    page.locator('[data-title="Pan"]').first.click()
    x, y, name = area.evaluate("""element => {
      const {_fullData: [, songs], _fullLayout: {xaxis, yaxis}} = element.closest(".js-plotly-plot");
      return [xaxis.l2p(songs.x[7]), yaxis.l2p(songs.y[7]), songs.text[7]];
    }""")
    area.click(position={"x": x, "y": y})
    assert num_selected(page) < 20
    expect(page.locator('[class*="st-key-music-play-selection-"]', has_text=name.split(" \u00b7 ")[0])).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(selected).to_have_count(0)
    quadrant = page.get_by_role("button", name=re.compile("^Q3"))
    quadrant.focus()
    quadrant.press("Enter")
    assert num_selected(page) > 1000


def test_sliders_change_the_probabilities(music: Callable[..., Page]) -> None:
    page = music()
    page.get_by_role("tab", name="What mood is this song?").click()
    bars = page.get_by_label(re.compile("^Probabilities: "))
    before = bars.first.get_attribute("aria-label")
    slider = page.get_by_role("slider", name="Energy")
    slider.focus()
    slider.press("Home")
    reset = page.get_by_role("button", name="Reset to song")
    expect(reset).to_be_enabled(timeout=PATIENCE_MS)
    expect(bars.first).not_to_have_attribute("aria-label", before or "", timeout=PATIENCE_MS)
    reset.click()
    expect(bars.first).to_have_attribute("aria-label", before or "", timeout=PATIENCE_MS)


def test_back_returns_from_the_mood_of_a_song_to_the_search(music: Callable[..., Page]) -> None:
    page = music()
    page.get_by_role("tab", name="Find a song").click()
    field = page.get_by_label("A title, an artist, or both").first
    field.fill("big fun inner city")
    field.press("Enter")
    found = page.get_by_text(re.compile("^11 found"))
    expect(found).to_be_visible()
    page.get_by_role("button", name="What mood is it?").first.click()
    expect(page.get_by_text("Most similar songs")).to_be_visible()
    page.wait_for_url(re.compile("view=What"))
    page.wait_for_timeout(1000)  # enough for an unwanted step in the history
    page.go_back()
    expect(found).to_be_visible()
    expect(page.get_by_role("tab", name="Find a song")).to_have_attribute("aria-selected", "true")
    expect(field).to_have_value("big fun inner city")


def test_the_count_and_the_downloads_of_the_table_are_in_one_row(music: Callable[..., Page]) -> None:
    page = music()
    page.get_by_role("tab", name="Table").click()
    count, files = page.get_by_text("81,198 of 81,198 songs"), page.get_by_role("button", name="Playlist")
    expect(files).to_be_visible()
    left, right, panel = (element.bounding_box() for element in (count, files, page.get_by_role("tabpanel")))
    assert left is not None
    assert right is not None
    assert panel is not None
    assert right["y"] <= left["y"] <= right["y"] + right["height"]
    assert right["x"] + right["width"] == pytest.approx(panel["x"] + panel["width"], abs=2)


def test_the_open_tab_and_the_prediction_are_visible_on_a_phone(music: Callable[..., Page]) -> None:
    page = music(width=390, height=844)
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


def test_a_table_of_28356_songs_is_shown_quickly(music: Callable[..., Page], tmp_path: Path) -> None:
    table = song_table(NUM_SONGS, num_artists=9000)
    table = table.rename(
        columns={"id": "track_id", "title": "track_name", "artists": "track_artist", "popularity": "track_popularity"}
        | {"album": "track_album_name", "genres": "playlist_genre"}
        | {feature.name: feature.source_name for feature in FEATURES.values()}
    ).drop(columns=["explicit", "duration_s"])
    table["track_id"] = [track_id(number) for number in range(NUM_SONGS)]
    table = table.assign(
        track_album_id=table["track_id"], track_album_release_date=np.resize(["1999", "2001-05-06"], NUM_SONGS),
        playlist_name="List", playlist_id=table["track_id"], playlist_subgenre="rock", key=5, mode=1,
        duration_ms=200_000,
    )  # fmt: skip
    path = tmp_path / "spotify_songs.csv"
    table.to_csv(path, index=False)
    page = music()
    start = time.monotonic()
    choose_own(page, path)
    expect(page.get_by_role("heading", name=re.compile("^28,356 songs"))).to_be_visible(timeout=SHOWN_WITHIN_S * 1000)
    expect(page.get_by_role("figure", name=re.compile("of 28,356 songs on the plane"))).to_be_visible(
        timeout=SHOWN_WITHIN_S * 1000
    )
    seconds = time.monotonic() - start
    print(f"{NUM_SONGS:,} songs of {path.stat().st_size / 1e6:.1f} MB were shown after {seconds:.1f} s")  # noqa: T201
    assert seconds < SHOWN_WITHIN_S


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (mood_table().drop(columns="energy"), "energy"),
        (mood_table().astype({"tempo": object}).assign(tempo="fast"), "tempo_bpm must be a number"),
    ],
    ids=["a missing column", "text in a number"],
)
def test_an_unreadable_table_shows_an_error(
    music: Callable[..., Page], tmp_path: Path, table: pd.DataFrame, words: str
) -> None:
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    page = music()
    choose_own(page, path)
    expect(page.get_by_test_id("stAlert")).to_contain_text(words)
    page.get_by_role("radio", name="Shipped").click()
    expect(page.get_by_role("heading", name=re.compile("^81,198 songs"))).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_a_phone(music: Callable[..., Page], theme: str) -> None:
    page = music(width=390, height=844, theme=theme)
    main = page.get_by_test_id("stMain")
    for name in (
        "Features by mood",
        "Correlations",
        "Mood profiles",
        "Table",
        "What mood is this song?",
        "Find a song",
    ):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(500)
        assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 0, name


def test_a_link_to_the_page_works_on_a_fresh_server(browser: Browser, tmp_path: Path) -> None:
    """Streamlit opens `pages/music.py` without `app.py`; see `require_app`."""
    with fresh_server(tmp_path) as address:
        page = browser.new_page()
        page.goto(f"{address}/music")
        expect(page.get_by_role("heading", name="What does a mood sound like?")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("an expression is not a feeling").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
        page.close()


def test_a_table_can_be_larger_than_a_photo(music: Callable[..., Page], tmp_path: Path) -> None:
    """The server has one upload limit, and each uploader has its own."""
    row = mood_table().to_csv(index=False)
    path = tmp_path / "large.csv"
    path.write_text(row + row.split("\n", 1)[1] * (25_000_000 // len(row)), encoding="utf-8")
    page = music()
    choose_own(page, path)
    expect(page.get_by_role("heading", name=re.compile("^100 songs"))).to_be_visible(timeout=2 * PATIENCE_MS)
