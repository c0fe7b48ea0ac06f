"""The gallery in a real browser: photos are chosen, a face is clicked, files are downloaded."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import download, visit
from tests.browser.player import box_of, song, song_after
from tests.browser.test_first_screen import DESKTOP, MAX_SHIFT, PHONE, SHIFTS, assert_visible_in, shift
from tests.browser.waiting import wait_until_at_rest, wait_until_idle

pytestmark = pytest.mark.browser

PICTURES = ("eileen-collins-1999", "four-people", "joe-biden-2010", "morisot-self-portrait-1885")
SAMPLES = "Show the samples"
PARTS = (
    ".st-key-gallery-answer h1",
    ".st-key-heard-gallery",
    ".st-key-next-gallery button",
    ".st-key-previous-gallery button",
)
TILE = (96, 126)

# Twice the pixels of its size on the page, for high-density screens
TILE_IS_SHARP = """() => {
  const tile = document.querySelector('img[alt$="in eileen-collins-1999.jpg"]');
  return tile && tile.clientWidth > 0 && tile.naturalWidth === 2 * tile.clientWidth;
}"""


@pytest.fixture
def gallery(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page: by its link, or on a phone, where the navigation is folded, by its URL."""

    def open_(**window: object) -> Page:
        page = open_page("/gallery" if window else "/", **window)
        if not window:
            wait_until_idle(page)  # a click may be lost while the first page starts
            page.get_by_role("link", name="Gallery").click()
        expect(page.get_by_role("button", name=SAMPLES)).to_be_visible()
        return page

    return open_


def choose_photos(page: Page, root: Path) -> None:
    """Choose the photos, and wait for the song."""
    page.locator('input[type="file"]').set_input_files([root / f"data/samples/{name}.jpg" for name in PICTURES])
    expect(page.get_by_text("7 faces in 4 photos")).to_be_visible()
    song(page)


def rows_of(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))


def test_a_click_on_a_face_plays_its_song_and_everything_can_be_downloaded(
    gallery: Callable[..., Page], root: Path
) -> None:
    page = gallery()
    page.set_viewport_size({"width": 1280, "height": 1800})  # the menu keeps its place while the page loads
    choose_photos(page, root)
    everyones = song(page)
    expect(page.get_by_role("heading", name=re.compile("^Together: "))).to_be_visible()
    # A click at the image's position: the button is stretched over the whole tile
    face = page.get_by_role("img", name="Face 1, happy, in eileen-collins-1999.jpg")
    face.scroll_into_view_if_needed()
    box = face.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name=re.compile("^Clearly happy"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^eileen-collins-1999.jpg .*face 1 "))).to_be_visible()
    face_song = song_after(page, everyones)
    # By keyboard, in the menu
    page.get_by_role("combobox", name="Songs for").click()
    page.keyboard.press("Home")
    page.get_by_role("option", name="Everyone").click()
    expect(page.get_by_role("heading", name=re.compile("^Together: "))).to_be_visible()
    assert song_after(page, face_song) == everyones
    page.get_by_role("button", name="Download").last.click()

    faces = rows_of(download(page, "Faces (CSV)"))
    assert [face["picture"] for face in faces] == [
        *("eileen-collins-1999.jpg", "four-people.jpg", "four-people.jpg", "four-people.jpg", "four-people.jpg"),
        *("joe-biden-2010.jpg", "morisot-self-portrait-1885.jpg"),
    ]
    record = json.loads(download(page, "Everything").read_text(encoding="utf-8"))
    assert [len(picture["faces"]) for picture in record["pictures"]] == [1, 4, 1, 1]
    assert record["songs"][0]["id"] == everyones
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take it along").click()
    songs = rows_of(download(page, "Songs (CSV)"))
    assert [row["id"] for row in songs] == [row["id"] for row in record["songs"]]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_samples_fit_the_first_screen_and_stay_in_place(
    gallery: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = gallery(width=size[0], height=size[1])
    wait_until_idle(page)
    page.evaluate(SHIFTS)
    page.get_by_role("button", name=SAMPLES).click()
    expect(page.get_by_text("7 faces in 7 photos")).to_be_visible()
    expect(page.locator(".st-key-plane .main-svg").first).to_be_attached()
    assert shift(page) <= MAX_SHIFT
    expect(page).to_have_url(re.compile("wall=samples"))
    faces = () if size is PHONE else (".st-key-gallery-faces",)
    assert_visible_in(page, size, (*faces, *PARTS), "samples")
    tiles = page.locator('[class*="st-key-tile-"]')
    boxes = [box_of(tile) for tile in tiles.all()]
    assert {(round(box["width"]), round(box["height"])) for box in boxes} == {TILE}
    # Without the browser's scroll anchoring, which some phones lack
    page.add_style_tag(content="* { overflow-anchor: none !important; }")
    for choice in (page.get_by_text("Soothe"), tiles.nth(6), tiles.nth(0), tiles.nth(4)):
        choice.evaluate("part => part.scrollIntoView({block: 'center'})")
        wait_until_at_rest(choice)
        top = box_of(choice)["y"]
        choice.click()
        assert shift(page) <= MAX_SHIFT
        assert box_of(choice)["y"] == pytest.approx(top, abs=1)


def test_keyboard_focus_outlines_the_whole_tile(gallery: Callable[..., Page]) -> None:
    page = gallery()
    page.get_by_role("button", name=SAMPLES).click()
    face = page.get_by_role("button", name=re.compile("^4 "))
    name = face.inner_text()
    face.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    frame = face.evaluate("button => getComputedStyle(button, '::after').outlineWidth")
    assert frame == "3px"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"✓ {name}")).to_be_focused()
    expect(page.get_by_role("img", name=re.compile("^Face 4, "))).to_have_css("outline-width", "4px")
    expect(page.get_by_role("img", name=re.compile("^Face 1, "))).not_to_have_css("outline-width", "4px")


def test_photos_are_added_and_removed_after_the_server_released_the_first_and_a_folder_lists_unreadable_files(
    gallery: Callable[..., Page], root: Path, tmp_path: Path
) -> None:
    page = gallery()
    files = page.locator('input[type="file"]')
    files.set_input_files(root / "data/samples/eileen-collins-1999.jpg")
    expect(page.get_by_text("1 face in 1 photo")).to_be_visible()
    menu = page.get_by_role("button", name="Other photos")
    menu.click()
    files.set_input_files(root / "data/samples/joe-biden-2010.jpg")
    expect(page.get_by_text("2 faces in 2 photos")).to_be_visible()
    page.wait_for_function(TILE_IS_SHARP)
    page.get_by_role("button", name="Remove eileen-collins-1999.jpg").click()
    expect(page.get_by_text("1 face in 1 photo")).to_be_visible()
    visit(page, "Music")
    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_text("1 face in 1 photo")).to_be_visible()
    menu.click()
    page.get_by_role("button", name="Remove photos").click()
    expect(page.get_by_role("button", name=SAMPLES)).to_be_visible()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)

    folder = tmp_path / "class"
    (folder / "more").mkdir(parents=True)
    (folder / "notes.txt").write_text("nobody")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xffnonsense")
    for place, name in (("b.jpg", "joe-biden-2010"), ("more/a.jpg", "eileen-collins-1999")):
        (folder / place).write_bytes((root / f"data/samples/{name}.jpg").read_bytes())
    page.get_by_role("radio", name="Folder").click()
    page.locator('input[type="file"][webkitdirectory]').set_input_files(folder)
    expect(page.get_by_text("2 faces in 2 photos")).to_be_visible()
    page.get_by_text("1 file could not be read").click()
    expect(page.get_by_text("class/broken.jpg:")).to_be_visible()
    expect(page.get_by_role("img", name="Face 1, neutral, in class/b.jpg")).to_be_visible()
    expect(page.get_by_role("img", name="Face 2, happy, in class/more/a.jpg")).to_be_visible()
