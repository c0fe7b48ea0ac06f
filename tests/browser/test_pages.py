"""Every page as it is drawn: accessible in both themes, at rest, and with its answer on the first screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from emomusic.app.how_it_works.steps import STEPS
from tests.browser.conftest import visit
from tests.browser.layout import (
    DESKTOP,
    LAPTOP,
    PHONE,
    SHIFTS,
    SIZES,
    assert_keeps_its_place,
    assert_visible_in,
    assert_well_drawn,
    box_of,
    problems,
    resize,
)
from tests.browser.waiting import wait_until_at_rest, wait_until_idle

pytestmark = pytest.mark.browser

LOOK, SONGS = (next(step.title for step in STEPS if step.key == key) for key in ("look", "songs"))

# The screens of each page, their titles, a text of each that appears last, and its tab
PAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "photo": (
        ("/", "EmoMusic", "energetic"),
        ("/photo?sample=four-people&who=Face+3&songs=bundled", "EmoMusic", "Your music"),
        ("/photo?sample=four-people&songs=bundled", "EmoMusic", "Mark a face", "Map"),
        ("/gallery?wall=samples", "EmoMusic", "7 faces in 7 photos: 2 happy, 3 sad, 1 surprised, 1 neutral."),
        ("/?mood=calm&songs=bundled", "EmoMusic", "Calm songs"),
    ),
    "live": (
        ("/live", "Live · EmoMusic", "What does this moment sound like?"),
        ("/live?shown=Mirror+game", "Live · EmoMusic", "What does this moment sound like?"),
    ),
    "film": (
        ("/film", "Film · EmoMusic", "What does this film sound like?"),
        ("/film?film=sample&songs=bundled", "Film · EmoMusic", "Download"),
    ),
    "music": (
        ("/music?find=sad+jazz", "Music · EmoMusic", "Best known first"),
        ("/music", "Music · EmoMusic", "Privacy", "Your song"),
        ("/music", "Music · EmoMusic", "Most similar songs", "What if"),
        ("/music?songs=bundled", "Music · EmoMusic", "What does a mood sound like?", "Moods"),
    ),
    "models": (("/models", "Overview · Models · EmoMusic", "Overview"),),
    "how_it_works": (
        ("/how_it_works?sample=four-people&step=look", f"{LOOK} · How it works · EmoMusic", LOOK),
        ("/how_it_works?sample=four-people&step=songs&songs=bundled", f"{SONGS} · How it works · EmoMusic", SONGS),
    ),
}

# The loop with which a page opens; null before it is loaded
LOOP = """(name) => {
  const part = document.querySelector(`.st-key-loop-${name} [data-testid=stBidiComponentIsolated]`);
  const video = part?.shadowRoot?.querySelector("video");
  return video?.readyState > 1 ? video : null;
}"""


# The first page begins to run before the others follow
GO_THREE_STEPS = """async (way) => {
  const { dataset } = document.querySelector("[data-test-script-state]");
  for (let step = 0; step < 3; step++) {
    const isThere = new Promise((resolve, reject) => {
      addEventListener("popstate", resolve, { once: true });
      setTimeout(() => reject(new Error(`no page to go ${way} to`)), 30000);
    });
    history[way]();
    await isThere;
    for (let frame = 0; frame < 60 && dataset.testScriptState !== "running"; frame++) {
      await new Promise(requestAnimationFrame);
    }
  }
}"""


def assert_the_loop_can_stand_still(page: Page, name: str) -> None:
    """The browser of the tests asks for reduced motion."""
    video = page.wait_for_function(LOOP, arg=name)
    still = video.evaluate("video => [video.muted, video.loop, video.paused, video.currentTime]")
    assert still == [True, True, True, 0]
    assert video.evaluate("video => video.ariaLabel.length > 20 && video.videoHeight === 360")
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function("video => !video.paused && video.currentTime > 0", arg=video)
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("video => video.paused", arg=video)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_keeps_its_place_and_no_control_covers_another(
    open_page: Callable[..., Page], name: str
) -> None:
    page = open_page(PAGES[name][0][0], width=SIZES[0][0], height=SIZES[0][1], script=f"({SHIFTS})()")
    server = page.url.removesuffix(PAGES[name][0][0])
    if name in ("film", "live"):
        assert_the_loop_can_stand_still(page, name)
    for path, title, last, *tab in PAGES[name]:
        if page.url != server + path:
            page.goto("about:blank")  # else the last screen follows the change of the window
        resize(page, SIZES[0])
        page.emulate_media(color_scheme="light")
        assert_keeps_its_place(page, server + path, last, *tab)
        expect(page.get_by_role("dialog")).to_have_count(0)  # "Page not found"
        assert_well_drawn(page, title)
    page.get_by_role("button", name="This screen as code").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_text("emomusic").first).to_be_visible()


SAMPLES = {"very wide": "Four people", "tall": "Speaking", "square": "An astronaut"}
"""Labels of samples by format."""

# The parts of an answer that each window shows completely
ON_PHONE = (
    ".st-key-sentence h1",
    ".st-key-photo-preview img",
    ".st-key-title-photo",
    ".st-key-next-photo button",
)
ON_DESKTOP = (
    *ON_PHONE,
    ".strip-listener",
    ".st-key-about-face",
    ".st-key-next-songs-photo",
)


def show(page: Page, sample: str) -> None:
    """Choose a sample, and wait for its answer."""
    preview = page.locator(".st-key-photo-preview img")
    before = preview.get_attribute("src") if preview.count() else None
    if before is not None:
        page.get_by_role("button", name="Other photos").click()
    page.get_by_role("button", name=sample, exact=True).click()
    if before is not None:
        expect(preview).not_to_have_attribute("src", before)
    expect(page.locator(".strip-listener")).to_be_visible()
    wait_until_idle(page)


def place_of_player(page: Page) -> tuple[float, float]:
    """Where the player is in the page. A click on a busy machine may scroll the page."""
    left, top = page.locator(".st-key-title-photo").evaluate(
        "(player, page) => [player.getBoundingClientRect().x, player.getBoundingClientRect().y + page.scrollTop]",
        page.get_by_test_id("stMain").element_handle(),
    )
    return left, top


def test_the_answer_is_on_the_first_screen_of_every_window(open_page: Callable[..., Page]) -> None:
    page = open_page()
    for name, sample in SAMPLES.items():
        show(page, sample)
        for size in (DESKTOP, LAPTOP):
            assert_visible_in(page, size, ON_DESKTOP, name)
        assert_visible_in(page, PHONE, ON_PHONE, name)
        resize(page, DESKTOP)

    # No part moves when a face is chosen or another song plays
    show(page, SAMPLES["very wide"])
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
    page.get_by_role("tab", name="Map").click()
    songs, faces = (page.locator(".st-key-plane .scatterlayer .trace").nth(number) for number in (2, 3))
    wait_until_idle(page)
    for mark, text in (
        (faces.locator(".points path").nth(0), page.get_by_role("radio", name="Face 1", checked=True)),
        (songs.locator(".points path").nth(5), page.locator("button.previous:enabled")),
    ):
        box = box_of(mark)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(text).to_be_visible()
        wait_until_idle(page)


LATE = {
    "fonts": ("models", "**/*.woff2", "[role=tablist]"),  # until then, letters have other widths
    "drop zone": ("music", "**/FileUploader*.js", "text=See the mood of a song"),
    "large letters": (PAGES["how_it_works"][1][0].lstrip("/"), "**/runtime.js", ".js-plotly-plot .main-svg >> nth=0"),
}
"""Parts of a page that arrive last: the page, the pattern of their files, and what lies below them or grows."""


@pytest.mark.parametrize("name", LATE)
def test_nothing_moves_or_meets_when_parts_arrive_last(open_page: Callable[..., Page], name: str) -> None:
    page, held, (address, files, lower) = open_page(), list[Route](), LATE[name]
    take = held.append
    page.route(files, lambda part: take(part))
    page.goto(page.url + address, wait_until="commit")
    if name == "drop zone":
        page.get_by_role("tab", name="Your song").click()
    below = page.locator(lower)
    below.wait_for()
    if name == "fonts":
        wait_until_idle(page)  # other parts have arrived
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    wait_until_at_rest(below)
    place = below.bounding_box()
    assert held
    take = Route.continue_
    for part in held:
        part.continue_()
    if name == "drop zone":
        expect(page.get_by_text("Drop a song")).to_be_visible()
    page.evaluate("document.fonts.ready.then(() => null)")
    wait_until_at_rest(below)
    if name == "large letters":
        page.locator(":root[data-large]").wait_for(state="attached")
        assert problems(page) == []
    else:
        assert below.bounding_box() == place


def test_an_answer_and_its_song_are_announced_and_have_the_focus_after_enter(open_page: Callable[..., Page]) -> None:
    page = open_page("/?songs=bundled")
    wait_until_idle(page)
    status = page.locator("body > [role=status]")
    page.get_by_role("button", name="Four people", exact=True).focus()
    page.keyboard.press("Enter")
    sentence = page.locator(".st-key-sentence h1")
    expect(sentence).to_contain_text("Together")
    expect(status).to_contain_text(sentence.inner_text())
    expect(sentence).to_be_focused()
    song = page.locator(".st-key-title-photo p")
    before = song.inner_text()
    expect(status).to_contain_text(before)
    page.get_by_role("button", name="Next song").first.click()
    expect(song).not_to_have_text(before)
    expect(status).to_contain_text(song.inner_text())


def type_of(message: str | bytes) -> str | None:
    """The type of a message of Streamlit's server."""
    assert isinstance(message, bytes)
    kind: str | None = ForwardMsg.FromString(message).WhichOneof("type")
    return kind


def test_on_a_phone_the_pages_lie_in_a_row_at_the_bottom(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999", width=390, height=844)
    types: list[str | None] = []
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.reload()
    wait_until_idle(page)
    boxes = [box_of(link) for link in page.locator(".st-key-pages a").all()]
    assert len(boxes) == len(PAGES)
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    assert {box["y"] for box in boxes} == {boxes[0]["y"]}
    assert boxes[0]["y"] > 760
    assert boxes[-1]["x"] + boxes[-1]["width"] <= 390
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_hidden()
    visit(page, "Film")
    page.wait_for_url("**/film")
    visit(page, "Photo")
    page.wait_for_url("**/?sample=eileen-collins-1999")
    visit(page, "Music")
    page.wait_for_url("**/music")
    steps, title = page.evaluate("history.length"), page.get_by_role("heading", level=1).first
    answer = title.inner_text()
    page.evaluate(GO_THREE_STEPS, "back")  # while the pages between still run
    expect(title).to_contain_text("happy")
    wait_until_idle(page)
    page.wait_for_url("**/?sample=eileen-collins-1999")
    page.evaluate(GO_THREE_STEPS, "forward")
    expect(title).to_have_text(answer)
    wait_until_idle(page)
    page.wait_for_url("**/music")
    assert page.evaluate("history.length") == steps
    sockets[-1].on("framereceived", lambda message: types.append(type_of(message)))
    with sockets[-1].expect_event("framereceived", lambda message: type_of(message) == "script_finished"):
        page.get_by_role("link", name="Music").click()  # runs it again
    assert "delta" in types
    assert "ref_hash" not in types  # to a message that the browser may have dropped: then the page stops for good
