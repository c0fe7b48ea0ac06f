"""The Photo page in a real browser: a photo is dropped, songs play, the camera is used."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from tests.browser.conftest import FLAGS, PATIENCE_MS, chromium, visit, without_spotify

pytestmark = pytest.mark.browser

PLAYER = re.compile(r"^https://open\.spotify\.com/embed/track/([0-9A-Za-z]{22})$")
EMOTION = re.compile(r"happy|sad|angry|afraid|disgusted|surprised|neutral", re.IGNORECASE)
CORRECT = "Correct the emotion"

DROP = """([base64, name]) => {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "image/jpeg"}));
  return transfer;
}"""

# The first frames may be black on a busy machine
FILM_RUNS = """() => {
  const video = document.querySelector("video");
  if (!(video && video.readyState >= 3 && video.videoWidth > 0 && video.currentTime > 0.5)) return false;
  const canvas = Object.assign(document.createElement("canvas"), {width: 16, height: 12});
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 16, 12);
  const values = context.getImageData(0, 0, 16, 12).data.filter((_, place) => place % 4 < 3);
  return Math.max(...values) - Math.min(...values) > 100;
}"""


def drop(page: Page, path: Path) -> None:
    """Drag a file onto the page's drop zone and drop it."""
    transfer = page.evaluate_handle(DROP, [base64.b64encode(path.read_bytes()).decode(), path.name])
    zone = page.get_by_test_id("stFileUploaderDropzone")
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": transfer})


def tracks(page: Page) -> list[str]:
    """The track ids of the five players, once they are shown."""
    frames = page.locator('iframe[src*="spotify"]')
    expect(frames).to_have_count(5, timeout=PATIENCE_MS)
    matches = [PLAYER.match(frame.get_attribute("src") or "") for frame in frames.all()]
    return [match.group(1) for match in matches if match]


def tracks_after(page: Page, before: list[str]) -> list[str]:
    """The track ids once none of `before` is left; the players change one by one."""
    for track_id in before:
        expect(page.locator(f'iframe[src$="{track_id}"]')).to_have_count(0, timeout=PATIENCE_MS)
    return tracks(page)


def test_a_dropped_photo_shows_bars_an_emotion_and_songs_and_more_songs_are_added(
    open_page: Callable[..., Page], root: Path
) -> None:
    page = open_page()
    drop(page, root / "data/samples/eileen-collins-1999.jpg")
    bars = page.get_by_test_id("stPlotlyChart").first
    expect(bars.locator(".bars .point")).to_have_count(7, timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name=EMOTION)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("happy", re.IGNORECASE))).to_be_visible()
    first = tracks(page)
    assert len(set(first)) == 5
    page.evaluate("document.querySelectorAll('iframe').forEach(frame => frame.isOfBefore = true)")
    page.get_by_role("button", name="More songs").click()
    frames = page.locator('iframe[src*="spotify"]')
    expect(frames).to_have_count(10, timeout=PATIENCE_MS)
    page.wait_for_timeout(1000)  # for players that would restart
    shown = [PLAYER.match(address) for address in frames.evaluate_all("frames => frames.map(frame => frame.src)")]
    tracks_shown = [match.group(1) for match in shown if match]
    assert tracks_shown[:5] == first
    assert len(set(tracks_shown)) == 10
    assert frames.evaluate_all("frames => frames.filter(frame => frame.isOfBefore).length") == 5


def test_a_click_on_a_sample_image_chooses_the_sample(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect(page.get_by_text("an expression is not a feeling")).to_be_visible()  # the last text on the page
    page.wait_for_function("""() => document.querySelector('img[alt="Sample: Four people"]')?.clientWidth > 90""")
    page.get_by_role("button", name="Four people", exact=True).click(trial=True)  # waits for a stable layout
    # A click at the image's position: the button is stretched over the whole tile
    box = page.get_by_alt_text("Sample: Four people").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name=re.compile("Together"))).to_be_visible()
    assert "sample=four-people" in page.url
    expect(page.get_by_text("Face 4", exact=True).first).to_be_visible()
    # The row of samples must not disappear while the networks finish loading
    expect(page.get_by_alt_text("Sample: Four people")).to_be_visible()


def test_a_person_can_correct_the_emotion(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999")
    first = tracks(page)
    page.get_by_role("button", name=CORRECT).click()
    page.get_by_role("radio", name="sad", exact=True).first.click()
    expect(page.get_by_text("Mood: sad")).to_be_visible()
    assert len(set(tracks_after(page, first))) == 5


def settled_steps(page: Page) -> int:
    """The number of steps in the browser's history, once all frames are loaded and no step was added for a second."""
    for frame in page.frames[1:]:
        frame.wait_for_load_state()
    before, now = 0, int(page.evaluate("history.length"))
    while now != before:
        page.wait_for_timeout(1000)
        before, now = now, int(page.evaluate("history.length"))
    return now


def test_back_shows_the_earlier_sample_with_its_songs(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=eileen-collins-1999")
    first = tracks(page)
    steps = settled_steps(page)
    navigated: list[str] = []
    page.on("framenavigated", lambda frame: navigated.append(frame.url))
    page.get_by_role("button", name="A stern look", exact=True).click()
    second = tracks_after(page, first)
    assert settled_steps(page) == steps + 1, "\n".join(navigated)  # new songs in the players add no steps
    page.evaluate("history.back()")
    expect(page.get_by_role("heading", name=re.compile("^Clearly happy"))).to_be_visible()
    assert "sample=eileen-collins-1999" in page.url
    assert tracks_after(page, second) == first


def test_each_choice_is_one_step_of_the_history(open_page: Callable[..., Page], root: Path, tmp_path: Path) -> None:
    """A new choice also removes all earlier choices about the face or the sample in this one step."""
    page = open_page("/?sample=four-people&who=Face+2&says=happy&mood=calm")
    page.get_by_text("the face is happy, the mood is calm").wait_for()
    songs, steps, added = tracks(page), settled_steps(page), {}
    page.get_by_role("radio", name="Face 3", exact=True).click()
    songs = tracks_after(page, songs)
    page.wait_for_url(re.compile(r"sample=four-people&who=Face\+3$"))
    added["a face"], steps = settled_steps(page) - steps, settled_steps(page)
    page.get_by_role("button", name=CORRECT).click()
    page.get_by_role("radio", name="afraid", exact=True).click()
    page.get_by_text("the face is afraid").wait_for()
    page.keyboard.press("Escape")
    added["an emotion"], steps = settled_steps(page) - steps, settled_steps(page)
    songs = tracks(page)
    page.get_by_role("button", name="An astronaut", exact=True).click()
    songs = tracks_after(page, songs)
    page.wait_for_url(re.compile(r"\?sample=eileen-collins-1999$"))
    added["a sample"], steps = settled_steps(page) - steps, settled_steps(page)
    own = tmp_path / "own.jpg"
    own.write_bytes((root / "data/samples/grace-hopper-1984.jpg").read_bytes())
    drop(page, own)
    tracks_after(page, songs)
    page.wait_for_url(re.compile(r"/$"))
    added["an own photo"] = settled_steps(page) - steps
    assert added == {"a face": 1, "an emotion": 1, "a sample": 1, "an own photo": 1}


def test_options_stay_reset_after_the_next_click(open_page: Callable[..., Page]) -> None:
    """For a closed menu, the browser sends its old values."""
    page = open_page("/?sample=eileen-collins-1999")
    tracks(page)
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_test_id("stSlider").locator('[role="slider"], input[type="range"]').last.focus()
    page.keyboard.press("Home")  # no song is this slow
    expect(page.get_by_text("No song matches")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSlider")).to_have_count(0)
    page.get_by_role("button", name="Reset all options").click()
    tracks(page)
    page.get_by_role("radio", name="Soothe").click()
    expect(page.get_by_text("improve the mood")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(tracks(page)) == 5
    expect(page.get_by_role("button", name="Options", exact=True)).to_be_visible()


def test_a_choice_undone_by_back_does_not_return(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(page.url.rstrip("/") + "/?sample=eileen-collins-1999")
    tracks(page)
    caption = page.get_by_text("the mood is calm")
    page.get_by_role("button", name=CORRECT).click()
    page.get_by_role("radio", name="calm", exact=True).click()
    expect(caption).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("radio", name="calm", exact=True)).to_have_count(0)
    page.go_back()
    expect(caption).to_have_count(0)
    page.get_by_role("radio", name="Soothe").click()
    expect(page.get_by_text("improve the mood")).to_be_visible()
    tracks(page)
    expect(caption).to_have_count(0)
    assert "mood=" not in page.url


def test_back_from_a_sample_shows_the_earlier_own_photo(
    open_page: Callable[..., Page], root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.jfif"  # a JPEG's extension on Windows
    own.write_bytes((root / "data/samples/grace-hopper-1984.jpg").read_bytes())
    page = open_page()
    drop(page, own)
    first = tracks(page)
    page.get_by_role("button", name="A smile", exact=True).click()
    second = tracks_after(page, first)
    assert "sample=barack-obama-2012" in page.url
    page.evaluate("history.back()")
    assert tracks_after(page, second) == first
    assert "sample" not in page.url


def test_a_sample_is_shown_again_after_another_page(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    first = tracks(page)
    page.get_by_role("radio", name="Face 2", exact=True).click()
    shown = tracks_after(page, first)
    visit(page, "Models")
    page.get_by_role("link", name="Photo").click()
    assert tracks(page) == shown
    assert "sample=four-people&who=Face+2" in page.url


def test_an_own_photo_can_be_removed_after_another_page(
    open_page: Callable[..., Page], root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.jpg"
    own.write_bytes((root / "data/samples/grace-hopper-1984.jpg").read_bytes())
    page = open_page()
    drop(page, own)
    tracks(page)
    visit(page, "Models")
    page.get_by_role("link", name="Photo").click()
    tracks(page)
    page.set_viewport_size({"width": 390, "height": 844})
    button = page.get_by_role("button", name="Remove photo")
    expect(button).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    button.click()
    expect(page.locator('iframe[src*="spotify"]')).to_have_count(0, timeout=PATIENCE_MS)
    expect(button).to_have_count(0)


def test_players_continue_while_the_songs_stay(open_page: Callable[..., Page]) -> None:
    """Also at the first click after a photo was read."""
    page = open_page()
    page.get_by_role("button", name="Four people", exact=True).click()
    tracks(page)
    page.evaluate("document.querySelectorAll('iframe').forEach(frame => frame.isOfBefore = true)")
    page.get_by_role("radio", name="Camera").click()
    expect(page.get_by_text("people who agree")).to_be_visible()
    page.wait_for_timeout(1000)  # for players that would restart
    assert page.evaluate("[...document.querySelectorAll('iframe')].map(frame => frame.isOfBefore)") == [True] * 5


def test_everything_can_be_downloaded(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people")
    shown = tracks(page)
    page.get_by_role("button", name="Download").click()

    def download(label: str) -> bytes:
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).click()
        return Path(waiting.value.path()).read_bytes()

    with Image.open(io.BytesIO(download("Photo with faces"))) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 376))
    record = json.loads(download("Everything"))
    assert len(record["faces"]) == 4
    assert [song["id"] for song in record["songs"]] == shown
    asked = record["request"]
    assert (asked["who"], asked["policy"], asked["manual_emotion"]) == ("Everyone", "match", None)
    assert asked["mood"] == record["group"]["mood"]
    faces = list(csv.DictReader(io.StringIO(download("Faces (CSV)").decode())))
    assert len(faces) == 4
    songs = list(csv.DictReader(io.StringIO(download("Songs (CSV)").decode("utf-8-sig"))))
    assert [song["id"] for song in songs] == shown
    playlist = download("Playlist").decode()
    assert playlist.startswith("#EXTM3U")
    assert playlist.count("https://open.spotify.com/track/") == 5


def test_a_text_file_shows_an_error(open_page: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear reader")
    page = open_page()
    drop(page, tmp_path / "letter.jpg")
    expect(page.get_by_test_id("stAlert")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_a_phone(open_page: Callable[..., Page], theme: str) -> None:
    page = open_page("/?sample=four-people", width=390, height=844, theme=theme)
    tracks(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for part in (page.get_by_test_id("stMain"), page.locator(".st-key-samples")):
        assert part.evaluate("element => element.scrollWidth - element.clientWidth") <= 0


def test_a_camera_photo_is_read(playwright: Playwright, server: str, root: Path, tmp_path: Path) -> None:
    film = tmp_path / "camera.mjpeg"
    with Image.open(root / "data/samples/eileen-collins-1999.jpg") as picture:
        frame = io.BytesIO()
        picture.crop((0, 0, picture.width, round(picture.width * 0.75))).resize((640, 480)).save(
            frame, "JPEG", quality=92
        )
    film.write_bytes(frame.getvalue() * 30)
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    browser = playwright.chromium.launch(
        executable_path=chromium(), args=[*FLAGS, *camera, f"--use-file-for-fake-video-capture={film}"]
    )
    try:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"])
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server)
        page.get_by_role("radio", name="Camera").click()
        expect(page.get_by_text("people who agree")).to_be_visible()
        page.wait_for_function(FILM_RUNS)  # the button appears before the first frame
        page.get_by_role("button", name="Take Photo").click()
        expect(page.get_by_role("heading", name=re.compile("happy", re.IGNORECASE))).to_be_visible(timeout=PATIENCE_MS)
        assert len(set(tracks(page))) == 5
    finally:
        browser.close()
