"""What the first screen of a page shows without scrolling, and that nothing moves while it loads or changes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.player import box_of, overflow
from tests.browser.waiting import wait_until_at_rest, wait_until_idle

pytestmark = pytest.mark.browser

DESKTOP, LAPTOP, PHONE = (1440, 900), (1280, 720), (390, 844)
MAX_SHIFT = 0.05

# Shifts within half a second of a click do not count, as in Cumulative Layout Shift (CLS). Streamlit's own change to
# the wide layout moves its empty container, and is the larger, the more of the page arrives in the same frame
SHIFTS = """() => {
  window.shift = 0;
  const widens = entry => entry.sources[0]?.node?.dataset?.testid === "stMainBlockContainer";
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput && !widens(entry)) window.shift += entry.value;
  }).observe({type: "layout-shift"});
}"""


@dataclass(frozen=True)
class Screen:
    """An answer, and the parts that each window shows completely.

    Attributes:
        sample: label of the sample to click; None uploads a wide photo.
        last: the part that appears last.
        parts: on a desktop and a laptop.
        parts_on_phone: on a phone.
    """

    sample: str | None
    last: str = ".st-key-plane .js-plotly-plot .main-svg"
    parts: tuple[str, ...] = (
        ".st-key-sentence h1",
        ".st-key-photo-preview img",
        ".st-key-bars .js-plotly-plot",
        ".st-key-plane .js-plotly-plot",
        ".st-key-title-photo",
        ".st-key-next-photo button",
        ".st-key-next-songs-photo",
    )
    parts_on_phone: tuple[str, ...] = (
        ".st-key-sentence h1",
        ".st-key-photo-preview img",
        ".st-key-title-photo",
        ".st-key-next-photo button",
    )


SCREENS = {
    "very wide": Screen("Four people"),
    "tall": Screen("Speaking"),
    "square": Screen("An astronaut"),
    "wide": Screen(None),
}


def wide_photo(root: Path) -> bytes:
    """Two of the four people, 3:2."""
    with Image.open(root / "data/samples/four-people.jpg") as image:
        buffer = io.BytesIO()
        image.crop((0, 0, 564, 376)).save(buffer, "JPEG")
    return buffer.getvalue()


def show(page: Page, screen: Screen, root: Path) -> None:
    """Choose the photo of a screen, and wait for its answer."""
    preview = page.locator(".st-key-photo-preview img")
    before = preview.get_attribute("src") if preview.count() else None
    if screen.sample is not None:
        page.get_by_role("button", name=screen.sample, exact=True).click()
    else:
        page.get_by_role("button", name="Other photos").click()
        photo = {"name": "wide.jpg", "mimeType": "image/jpeg", "buffer": wide_photo(root)}
        page.locator('input[type="file"]').set_input_files(photo)  # type: ignore[arg-type]
    if before is not None:
        expect(preview).not_to_have_attribute("src", before)
    expect(page.locator(screen.last).first).to_be_visible()
    wait_until_idle(page)


def assert_visible_in(page: Page, size: tuple[int, int], parts: tuple[str, ...], name: str) -> None:
    """Check that parts lie inside the window, below the navigation, and that the page does not scroll sideways."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for part in parts:
        expect(page.locator(part).first).to_be_visible()
    wait_until_at_rest(page.locator(parts[-1]).first)
    boxes = {part: page.locator(part).first.bounding_box() for part in parts}
    outside = {
        part: box
        for part, box in boxes.items()
        if box is None
        or min(box["x"], box["y"] - 56) < 0
        or box["x"] + box["width"] > size[0] + 0.5
        or box["y"] + box["height"] > size[1] + 0.5
        or min(box["width"], box["height"]) < 20
    }
    assert not outside, (name, size, outside)
    assert overflow(page) <= 0


def shift(page: Page) -> float:
    """The layout shift since the last call."""
    wait_until_idle(page)
    return float(page.evaluate("() => { const shift = window.shift; window.shift = 0; return shift; }"))


def place_of_player(page: Page) -> tuple[float, float]:
    """Where the player is in the page. A click on a busy machine may scroll the page."""
    left, top = page.locator(".st-key-title-photo").evaluate(
        "(player, page) => [player.getBoundingClientRect().x, player.getBoundingClientRect().y + page.scrollTop]",
        page.get_by_test_id("stMain").element_handle(),
    )
    return left, top


def test_the_answer_is_on_the_first_screen_of_every_window(open_page: Callable[..., Page], root: Path) -> None:
    page = open_page(width=DESKTOP[0], height=DESKTOP[1])
    expect(page.locator(".st-key-example-plane .main-svg").first).to_be_visible()
    page.evaluate(SHIFTS)
    for name, screen in SCREENS.items():
        show(page, screen, root)
        for size in (DESKTOP, LAPTOP):
            assert_visible_in(page, size, screen.parts, name)
        assert_visible_in(page, PHONE, screen.parts_on_phone, name)
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})

    # No part moves when a face is chosen or another song plays
    show(page, SCREENS["very wide"], root)
    for button, changed in (
        (".st-key-photo-face-3 button", page.get_by_role("radio", name="Face 3", checked=True)),
        (".st-key-next-photo button", page.locator("button.previous:enabled")),
        ("button.previous", page.locator("button.previous:disabled")),
    ):
        place = place_of_player(page)
        page.locator(button).click()
        expect(changed).to_be_visible()
        wait_until_idle(page)
        # Not the layout shift: an answer later than half a second, on a busy machine, counts the new sentence too
        assert place_of_player(page) == place

    # A click on a mark of the plane chooses its face, or plays its song
    songs, faces = (page.locator(".st-key-plane .scatterlayer .trace").nth(number) for number in (1, 2))
    for mark, text in (
        (faces.locator(".points path").nth(0), page.get_by_role("radio", name="Face 1", checked=True)),
        (songs.locator(".points path").nth(5), page.locator("button.previous:enabled")),
    ):
        box = box_of(mark)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(text).to_be_visible()
        wait_until_idle(page)


def test_the_tabs_of_music_keep_their_place_on_the_first_screen(open_page: Callable[..., Page]):
    page = open_page("/music?view=Table")
    tabs = page.get_by_role("tab")
    page.evaluate(SHIFTS)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        wait_until_idle(page)
        assert_visible_in(page, size, (".st-key-view [role=tablist]",), "music")
        shift(page)  # from the change of the window
        place = tabs.first.bounding_box()
        for name in ("Explore", "Table"):
            tabs.filter(has_text=name).click()
            expect(tabs.filter(has_text=name)).to_have_attribute("aria-selected", "true")
            assert shift(page) <= MAX_SHIFT, name
            assert tabs.first.bounding_box() == place, name
    page.get_by_role("searchbox").fill("queen")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text(" of 81,198 songs")).to_be_visible()
    assert shift(page) <= MAX_SHIFT


@dataclass(frozen=True)
class Late:
    """Parts of a page that arrive last.

    Attributes:
        address: the page.
        files: the pattern of the files of the parts.
        below: what lies below them; they may change the last line above it.
    """

    address: str
    files: str
    below: str


LATE = {
    "fonts": Late("models", "**/*.woff2", "[role=tablist]"),  # until then, letters have other widths
    "drop zone": Late("music?view=Your+song", "**/FileUploader*.js", "text=Or a song of the table, by its features"),
}


@pytest.mark.parametrize("name", LATE)
def test_nothing_moves_when_fonts_or_a_drop_zone_arrive_last(open_page: Callable[..., Page], name: str) -> None:
    page, late, held = open_page(), LATE[name], list[Route]()
    page.route(late.files, lambda part: held.append(part))
    page.goto(page.url + late.address, wait_until="commit")
    below = page.locator(late.below)
    below.wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    wait_until_at_rest(below)
    place = below.bounding_box()
    assert held
    for part in held:
        part.continue_()
    if name == "drop zone":
        expect(page.get_by_text("Drop a song")).to_be_visible()
    page.evaluate("document.fonts.ready.then(() => null)")
    wait_until_at_rest(below)
    assert below.bounding_box() == place
