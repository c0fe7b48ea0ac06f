"""Pages that hold: away and back, dropped and pasted files, translated pages, steps of the history, no WebSockets."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from emomusic.server.frames import Problem
from tests.browser.conftest import PATIENCE_MS, fresh_server, with_spotify
from tests.browser.cut_proxy import cut_proxy
from tests.browser.waiting import wait_until_idle
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

CONNECTED = "[data-test-connection-state=CONNECTED]"
GIVE = """([type, name, content]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type: "image/jpeg" }));
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


def give(page: Page, how: str, photo: Path) -> None:
    """Drop or paste a photo beside the drop zone."""
    page.wait_for_function("window.emomusicStatus")
    page.evaluate(GIVE, [how, photo.name, base64.b64encode(photo.read_bytes()).decode()])


def test_a_press_after_the_server_was_restarted_is_repeated_and_a_lost_photo_is_named(
    browser: Browser, tmp_path: Path, root: Path
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with fresh_server(folders[1]) as after, browser.new_context() as context:
        with_spotify(context)
        with fresh_server(folders[0]) as before, cut_proxy(before) as proxy:
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{proxy.url}/?songs=bundled")
            wait_until_idle(page)
            page.locator("input[type=file]").first.set_input_files(root / "data/samples/grace-hopper-1984.jpg")
            expect(page.get_by_role("heading", level=1)).to_contain_text("sad")
            wait_until_idle(page)
            proxy.cut()
            expect(page.locator(CONNECTED)).to_have_count(0)
            proxy.lead_to(after)
            proxy.mend()
            expect(page.locator(CONNECTED)).to_have_count(1)
            expect(page.get_by_text("no longer has your photo")).to_be_visible()
            page.get_by_role("button", name="A smile", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("happy")


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_photo_is_taken_anywhere_on_its_page_also_with_an_answer(
    open_page: Callable[..., Page], root: Path, how: str
) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    wait_until_idle(page)
    give(page, how, root / "data/samples/grace-hopper-1984.jpg")
    expect(page.get_by_role("heading", level=1)).to_contain_text("sad")
    assert "sample" not in page.url


def test_other_pages_say_where_files_are_taken(open_page: Callable[..., Page], root: Path) -> None:
    page = open_page("/live")
    give(page, "drop", root / "data/samples/grace-hopper-1984.jpg")
    expect(page.get_by_role("alert").filter(has_text="Photo")).to_be_visible()
    assert page.url.endswith("/live")


def test_a_translated_page_shows_each_new_answer(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    wait_until_idle(page)
    page.evaluate(TRANSLATE)
    page.get_by_role("button", name="A stern look", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("neutral")
    expect(page.locator(".st-key-photo-face-1 p")).to_contain_text("neutral")
    wait_until_idle(page)
    title = page.locator(".bar b").inner_text()
    expect(page.locator("[class*='st-key-title-'] p")).to_contain_text(title)


def test_a_page_without_websockets_says_so(browser: Browser, server: str) -> None:
    with browser.new_context() as context:
        context.route_web_socket("**/*", lambda socket: socket.close())
        page = context.new_page()
        page.goto(server)
        expect(page.get_by_text("WebSockets")).to_be_visible()


def test_a_mistyped_address_leads_to_its_page_or_shows_none(browser: Browser, server: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server}/Film")
        expect(page).to_have_url(re.compile("/film$"))
        page.goto(f"{server}/nothing")
        expect(page.get_by_role("heading")).to_have_text("No page has this address")


def test_songs_play_where_all_storage_is_blocked(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled", script=BLOCK_STORAGE)
    expect(page.locator(".bar")).to_be_visible()
    page.wait_for_function("window.emomusicPlayer?.song")


def test_a_refusal_in_a_menu_can_be_seen(open_page: Callable[..., Page], root: Path) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    page.route("**/_stcore/upload_file/**", lambda route: route.fulfill(status=413))
    wait_until_idle(page)
    page.get_by_role("button", name="Other photos").click()
    page.locator("input[type=file]").first.set_input_files(root / "data/samples/grace-hopper-1984.jpg")
    sentence = page.get_by_role("alert").filter(has_text="owner")
    expect(sentence).to_be_visible()
    expect(page.get_by_test_id("stFileUploader").last).to_contain_text("owner")
    box = sentence.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 24


def test_a_browser_that_cannot_send_pictures_is_told(open_page: Callable[..., Page]) -> None:
    page = open_page("/live", script="delete window.OffscreenCanvas")
    expect(page.locator(f".st-key-live-problem-{Problem.UNSUPPORTED}")).to_be_visible()


def test_a_working_camera_can_be_changed_for_one_that_is_plugged_in(open_page: Callable[..., Page]) -> None:
    page = open_page("/", script=CAMERAS)
    page.get_by_role("radio", name="Camera").click()
    page.wait_for_function("window.asked.length")
    expect(page.get_by_role("button", name="Use Phone")).to_have_count(0)
    page.evaluate("window.plug()")
    phone = page.get_by_role("button", name="Use Phone")

    def asks_for_it() -> bool:
        wait_until_idle(page)
        if phone.is_visible():
            phone.click()
        else:  # browsers tell of one camera several times; the first time may meet the answer to the question before
            page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        return bool(page.evaluate("JSON.stringify(window.asked.at(-1)).includes('phone')"))

    wait_until(asks_for_it, longest_pause_s=2)


def test_what_is_chosen_is_outlined_in_forced_colours(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled")
    page.emulate_media(forced_colors="active")
    outline = "radio => getComputedStyle(radio).outlineStyle"
    assert page.get_by_role("radio", name="Match me").evaluate(outline) == "solid"
    assert page.get_by_role("radio", name="Lift me").evaluate(outline) == "none"


def test_bars_leave_the_screen_at_a_large_zoom(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999&songs=bundled", width=320, height=225)
    wait_until_idle(page)
    page.locator(".st-key-part-player").first.scroll_into_view_if_needed()
    fixed = """() => [...document.elementsFromPoint(160, 5), ...document.elementsFromPoint(160, 220)]
      .some((one) => one.closest("header, .st-key-player-bar, .st-key-pages"))"""
    assert not page.evaluate(fixed)
