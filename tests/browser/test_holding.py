"""Pages that hold: other addresses and servers, refused, dropped and pasted files, browsers with limits."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from emomusic.server.frames import Problem
from tests.browser.conftest import fresh_server, own_context, visit
from tests.browser.live import (
    CAMERA,
    IS_CAMERA_FREE,
    IS_MARKED,
    LEVEL_DB,
    SUMMARY,
    agree_and_start,
    press,
    problem,
    sees,
    start,
)
from tests.browser.player import level, sounding
from tests.browser.waiting import wait_until_idle
from tests.films import SAMPLES
from tests.servers import reserved_port
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.browser

CONNECTED = "[data-test-connection-state=CONNECTED]"
GIVE = """([type, photos, texts]) => {
  const data = new DataTransfer();
  for (const [name, content] of photos) {
    data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type: "image/jpeg" }));
  }
  for (const [kind, text] of Object.entries(texts)) data.setData(kind, text);
  const place = document.querySelector("h1"), options = { bubbles: true, cancelable: true };
  if (type === "paste") place.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: data }));
  else place.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: data }));
}"""
TRANSLATE = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
  while (walk.nextNode()) texts.push(walk.currentNode);
  for (const text of texts) {
    if (["SCRIPT", "STYLE"].includes(text.parentNode.nodeName)) continue;
    const font = document.createElement("font");
    font.textContent = text.data;
    text.replaceWith(font);
  }
}"""

BLOCK_STORAGE = """
const get = () => { throw new DOMException("blocked", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get });
"""
LOST_FILM = "sessionStorage.emomusicHeld = JSON.stringify({ session: 'before', token: '', held: ['film'] })"
CAMERAS = """
window.asked = [];
const camera = (deviceId, label) => ({ kind: "videoinput", deviceId, label });
const cameras = [camera("laptop", "Laptop")];
const media = navigator.mediaDevices;
media.enumerateDevices = async () => cameras;
media.getUserMedia = async (wanted) => {
  window.asked.push(wanted);
  const stream = document.createElement("canvas").captureStream();
  stream.getVideoTracks()[0].getSettings = () => ({ deviceId: "laptop" });
  return stream;
};
window.plug = () => (cameras.push(camera("phone", "Phone")), media.dispatchEvent(new Event("devicechange")));
"""


def give(page: Page, how: str, *photos: Path, **texts: str) -> None:
    """Drop or paste photos, and texts of these kinds, beside the drop zone."""
    page.wait_for_function("window.emomusicStatus")
    files = [[photo.name, base64.b64encode(photo.read_bytes()).decode()] for photo in photos]
    page.evaluate(GIVE, [how, files, {f"text/{kind.replace('_', '-')}": text for kind, text in texts.items()}])


def test_the_first_press_after_a_lost_connection_counts_and_the_photo_stays(open_page: Callable[..., Page]) -> None:
    page, sockets, is_lost = open_page("/?songs=bundled"), list[WebSocketRoute](), False

    def connect(socket: WebSocketRoute) -> None:
        if is_lost:
            socket.close()
        else:
            sockets.extend([socket, socket.connect_to_server()])

    page.route_web_socket("**/*", connect)
    wait_until_idle(page)
    page.add_init_script(LOST_FILM)  # not now: the page would tell of it before it loads again
    page.reload()
    expect(page.get_by_text("no longer has your film")).to_be_visible()
    title, lift = page.get_by_role("heading", level=1), page.get_by_role("radio", name="Lift me")
    page.locator("input[type=file]").first.set_input_files(SAMPLES / "grace-hopper-1984.jpg")
    expect(title).to_contain_text("sad")
    wait_until_idle(page)
    is_lost = True
    for socket in sockets:
        socket.close()
    expect(page.locator(CONNECTED)).to_have_count(0)
    is_lost = False
    lift.click()  # as soon as it can be pressed: the page has not run again
    expect(lift).to_be_checked()
    expect(title).to_contain_text("sad")


def is_ready(address: str) -> bool:
    answer = requests.get(f"{address}/ready", timeout=PATIENCE_S)
    return answer.ok and answer.headers["content-type"] == "application/json"


def test_pages_below_a_path_of_the_server_go_on_after_its_restart_without_the_photo_and_by_webrtc(
    browser: Browser, tmp_path: Path
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    below = {"STREAMLIT_SERVER_BASE_URL_PATH": "music/box"}
    with reserved_port() as port, own_context(browser, permissions=["camera"]) as context:
        context.add_init_script(CAMERA)
        photo, live = context.new_page(), context.new_page()
        title = photo.get_by_role("heading", level=1)
        with fresh_server(folders[0], below, port=port, path="/music/box") as address:
            photo.goto(f"{address}/?songs=bundled")
            wait_until_idle(photo)
            photo.locator("input[type=file]").first.set_input_files(SAMPLES / "grace-hopper-1984.jpg")
            expect(title).to_contain_text("sad")
            assert sounding(photo)
            assert level(photo) > 0.01
            wait_until(lambda: is_ready(address))
            live.goto(f"{address}/live")
            start(live)
            sees(live, "1 face")
            press(live, "STOP")
            expect(live.locator(SUMMARY)).to_be_visible()
            for page in (photo, live):
                wait_until_idle(page)
                page.evaluate("window.isKept = true")
        for page in (photo, live):
            expect(page.locator(CONNECTED)).to_have_count(0)
        with fresh_server(folders[1], below | {"EMOMUSIC_LIVE": "webrtc"}, port=port, path="/music/box"):
            expect(photo.get_by_text("no longer has your photo")).to_be_visible()
            photo.get_by_role("button", name="A smile", exact=True).click()
            expect(title).to_contain_text("happy")
            agree_and_start(live)  # nothing has run the page again
            sees(live, "1 face")
            live.wait_for_function(IS_MARKED)
            live.wait_for_function(f"{LEVEL_DB}(window.emomusicBand) > -45")
            press(live, "STOP")
            expect(live.locator(SUMMARY)).to_be_visible()
            live.wait_for_function(IS_CAMERA_FREE)
            assert [page.evaluate("window.isKept") for page in (photo, live)] == [True, True]  # not loaded again


def test_a_wrong_address_and_a_page_without_websockets_say_so(shared_context: BrowserContext, server: str) -> None:
    with contextlib.closing(shared_context.new_page()) as page:
        page.goto(f"{server}/Film")
        expect(page).to_have_url(re.compile("/film$"))
        page.goto(f"{server}/nothing")
        expect(page.get_by_role("heading")).to_have_text("No page has this address")
        page.route_web_socket("**/*", lambda socket: socket.close())
        page.goto(server)
        note = page.locator("#no-connection")
        note.evaluate("note => note.getAnimations().forEach((wait) => wait.finish())")
        expect(note).to_contain_text("WebSockets")
        expect(note).to_be_visible()


def test_a_photo_is_taken_anywhere_on_its_page_and_other_pages_say_where(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    wait_until_idle(page)
    samples = [SAMPLES / f"{name}.jpg" for name in ("grace-hopper-1984", "barack-obama-2012")]
    for how, photos, answer in (("drop", samples[:1], "sad"), ("paste", samples, "Together")):
        give(page, how, *photos)
        expect(page.get_by_role("heading", level=1)).to_contain_text(answer)
        expect(page).not_to_have_url(re.compile("sample"))
        wait_until_idle(page)
    note = page.get_by_role("alert").filter(has_text="Save the picture")
    for how, texts in (("paste", {"html": "<img src=x>"}), ("drop", {"uri_list": "https://example.com/x.jpg"})):
        give(page, how, **texts)
        expect(note).to_be_visible()
        note.click()
        expect(note).to_have_count(0)
    visit(page, "Live")
    give(page, "drop", SAMPLES / "grace-hopper-1984.jpg")
    expect(page.get_by_role("alert").filter(has_text="Photo")).to_be_visible()
    expect(page).to_have_url(re.compile("/live"))


REFUSALS = (
    (413, "this size", "eileen-collins-1999"),
    (502, "does not answer", "joe-biden-2010"),
    (403, "refused", "grace-hopper-1984"),
)
"""Status, words of its sentence, and a photo: a browser uploads the same file once."""


def test_an_upload_that_a_proxy_refuses_has_a_sentence_that_can_be_seen(open_page: Callable[..., Page]) -> None:
    page, samples = open_page("/?songs=bundled"), SAMPLES
    page.route("**/_stcore/upload_file/**", lambda route: route.fulfill(status=status))
    files, uploader = page.locator("input[type=file]").first, page.get_by_test_id("stFileUploader").last
    wait_until_idle(page)
    for status, words, photo in REFUSALS:  # noqa: B007 (of the route)
        files.set_input_files(samples / f"{photo}.jpg")
        expect(uploader).to_contain_text(words)
        expect(uploader).not_to_contain_text("status code")
    page.get_by_role("button", name="An astronaut", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("happy")
    wait_until_idle(page)
    page.get_by_role("button", name="Other photos").click()
    files.set_input_files(samples / f"{photo}.jpg")
    sentence = page.get_by_role("alert").filter(has_text=words)
    expect(sentence).to_be_visible()
    expect(uploader).to_contain_text(words)
    box = sentence.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 24


# Whether a bar covers a point at the top or the bottom of the window
IS_COVERED = """() => [...document.elementsFromPoint(160, 5), ...document.elementsFromPoint(160, 220)]
  .some((one) => one.closest("header, .st-key-player-bar, .st-key-pages"))"""


def test_an_answer_holds_at_a_large_zoom_in_forced_colours_and_translated(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled", width=320, height=225)
    wait_until_idle(page)
    page.locator(".st-key-part-player").first.scroll_into_view_if_needed()
    assert not page.evaluate(IS_COVERED)

    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(forced_colors="active")
    outline = "radio => getComputedStyle(radio).outlineStyle"
    assert page.get_by_role("radio", name="Match me").evaluate(outline) == "solid"
    assert page.get_by_role("radio", name="Lift me").evaluate(outline) == "none"

    page.evaluate(TRANSLATE)
    page.get_by_role("button", name="Other photos").click()
    page.get_by_role("button", name="A stern look", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("neutral")
    expect(page.locator(".st-key-photo-face-1 p")).to_contain_text("neutral")
    wait_until_idle(page)
    title = page.locator(".bar b").inner_text()
    expect(page.locator("[class*='st-key-title-'] p")).to_contain_text(title)


def test_a_browser_that_cannot_send_pictures_is_told_and_songs_play_without_storage(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/live?songs=bundled", script=f"{BLOCK_STORAGE}\ndelete window.OffscreenCanvas")
    expect(problem(page, Problem.UNSUPPORTED)).to_be_visible()
    visit(page, "Photo")
    page.get_by_role("button", name="An astronaut", exact=True).click()
    expect(page.get_by_role("region", name="Player")).to_be_visible()
    page.wait_for_function("window.emomusicPlayer?.song")


def test_a_working_camera_can_be_changed_for_one_that_is_plugged_in(open_page: Callable[..., Page]) -> None:
    page = open_page("/", script=CAMERAS)
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("window.asked.length")
    expect(page.get_by_role("button", name="Use Phone")).to_have_count(0)
    page.evaluate("window.plug()")
    phone = page.get_by_role("button", name="Use Phone")
    expect(phone).to_be_visible()
    visit(page, "Music")
    visit(page, "Photo")
    wait_until_idle(page)
    phone.click()
    page.wait_for_function("JSON.stringify(window.asked.at(-1)).includes('phone')")
