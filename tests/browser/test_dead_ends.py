"""Dead ends that visitors met: messages below the window, second clicks, and what a reload lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from emomusic.affect import Emotion
from emomusic.api import learn_face
from emomusic.faces.profile import FaceProfile
from tests.browser.conftest import own_context
from tests.browser.layout import box_of
from tests.browser.live import CAMERA, press, start
from tests.browser.player import add_folder
from tests.browser.waiting import wait_until_idle
from tests.films import COLLINS, SAMPLES, write_film
from tests.songs.songs import song_bytes
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

BROKEN = {
    "cut.jpg": b"\xff\xd8\xff\xe0" + bytes(200),
    "notes.txt": b"Some notes about nothing.\n",
    "cut.mp4": b"\0\0\0\x18ftypisom" + bytes(300),
    "cut.mp3": b"ID3\x04" + bytes(40),
    "cut.xlsx": b"PK\x03\x04" + bytes(90),
    "empty.csv": b"",
}
PLACES = {
    "/": ("cut.jpg", "notes.txt", "cut.mp4"),
    "/film": ("cut.mp4", "notes.txt", "cut.jpg"),
    "/music": ("cut.mp3", "notes.txt", "cut.jpg"),
    "/music?songs=table": ("cut.xlsx", "empty.csv", "cut.jpg"),
}


def give(page: Page, name: str) -> None:
    """Choose a broken file in the drop zone of the page."""
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": BROKEN[name]}
    page.locator("input[type=file]").last.set_input_files(file)  # type: ignore[arg-type]


@pytest.mark.parametrize("height", [900, 768])
def test_what_is_wrong_with_a_file_stands_inside_the_window(open_page: Callable[..., Page], height: int) -> None:
    for place, names in PLACES.items():
        for name in names:
            page = open_page(place, height=height)
            if "songs=table" in place:
                page.get_by_role("button", name="Your music").click()
            elif "music" in place:
                page.get_by_role("tab", name="Your song").click()
            give(page, name)
            told = re.compile(rf"{name.partition('.')[0]}|files are not allowed")  # by Streamlit, of another ending
            problem = page.get_by_role("alert").filter(has_text=told).first
            expect(problem, f"{name} on {place}").to_be_visible()
            wait_until_idle(page)
            box = box_of(problem)
            assert box["y"] >= 0, (place, name)
            assert box["y"] + box["height"] <= height, (place, name)
            page.close()


def twice(button: Locator) -> None:
    """Click as people do who are not sure that the first click counted."""
    button.dblclick(delay=120)


def click_again(buttons: Locator) -> bool:
    """Click the first of these buttons if there is one; whether there is none afterwards."""
    buttons.evaluate_all("all => all.at(0)?.click()")  # which may vanish while Playwright looks for its middle
    wait_until_idle(buttons.page)
    return not buttons.count()


def test_a_second_click_removes_nothing_else_from_a_photo(open_page: Callable[..., Page]) -> None:
    page = open_page("/?sample=four-people&songs=bundled")
    page.locator(".st-key-photo-face-2 button").click()
    twice(page.locator("[class*='st-key-no-face-'] button"))
    expect(page.locator(".st-key-photo-face-2")).to_have_count(0)
    wait_until_idle(page)
    assert page.locator("[class*='st-key-photo-face-'] button").count() == 3
    page.get_by_role("button", name="Undo").dblclick(delay=120)
    expect(page.locator("[class*='st-key-photo-face-'] button")).to_have_count(4)

    page.goto(page.url.split("?")[0])
    page.locator("input[type=file]").first.set_input_files(SAMPLES / "grace-hopper-1984.jpg")
    expect(page.get_by_role("heading", level=1)).to_contain_text("sad")
    page.locator("[class*='st-key-another-'] button").first.click()
    twice(page.locator(".st-key-remove-own button"))
    page.locator(".st-key-start").wait_for()
    wait_until_idle(page)
    expect(page.locator(".st-key-start")).to_be_visible()  # and no sample was chosen


def test_a_second_click_forgets_no_other_person(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page("/live?shown=Teach+it+your+face", script=CAMERA)
    start(page)
    press(page, "STOP")  # else the server waits for its frames
    for name, sample in (("Ann", "eileen-collins-1999"), ("Bob", "joe-biden-2010")):
        profile = learn_face({Emotion.NEUTRAL: [SAMPLES / f"{sample}.jpg"]})
        assert isinstance(profile, FaceProfile)
        path = tmp_path / f"emomusic-face-{name}.json"
        path.write_bytes(profile.to_json())
        page.locator(".st-key-profile_upload input[type=file]").set_input_files(path)
        page.get_by_role("button", name=f"Forget {name}").wait_for()
        wait_until_idle(page)
    twice(page.get_by_role("button", name="Forget Ann"))
    expect(page.get_by_role("button", name="Forget Ann")).to_have_count(0)
    wait_until_idle(page)
    expect(page.get_by_role("button", name="Forget Bob")).to_be_visible()


def test_a_second_click_removes_no_other_folder_term_table_or_song(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page("/music?songs=own&find=sad+jazz")
    wait_until_idle(page)
    twice(page.locator(".st-key-music-term-sad button").first)
    expect(page.locator(".st-key-music-term-sad")).to_have_count(0)
    wait_until_idle(page)
    expect(page.locator(".st-key-music-term-jazz")).to_be_visible()

    page.get_by_role("button", name="Your music").click()
    folders = [tmp_path / name for name in ("first", "second")]
    for number, folder in enumerate(folders, 1):
        folder.mkdir()
        (folder / "song.wav").write_bytes(song_bytes("wav", 3, tags={}))
        add_folder(page, folder)
        removes = page.locator("[class*='st-key-library-remove-'] button")
        expect(removes).to_have_count(number)
        expect(removes.first).to_be_enabled()
    twice(removes.first)
    expect(removes).to_have_count(1)
    wait_until_idle(page)
    expect(removes).to_have_count(1)
    wait_until(lambda: click_again(removes))  # a click too soon counts as a part of the double click
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Your song").click()
    file = {"name": "Mine.wav", "mimeType": "audio/wav", "buffer": song_bytes("wav", 3, tags={})}
    page.locator(".st-key-music_song_upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    twice(page.locator(".st-key-own-song-chip button").first)
    expect(page.locator(".st-key-own-song-samples")).to_be_visible()
    wait_until_idle(page)
    expect(page.locator(".st-key-own-song-samples")).to_be_visible()  # and none of them was chosen


def test_a_second_click_on_another_film_starts_none(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page("/film")
    write_film(film := tmp_path / "mine.mp4", [(COLLINS, 2)])
    page.locator("input[type=file]").set_input_files(film)
    twice(page.locator(".st-key-film-another button"))
    expect(page.get_by_role("button", name="Try the sample")).to_be_visible()
    wait_until_idle(page)
    expect(page.get_by_role("button", name="Try the sample")).to_be_visible()


def test_a_film_and_a_song_survive_reloads(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page("/film")
    write_film(film := tmp_path / "mine.mp4", [(COLLINS, 3)])
    page.locator("input[type=file]").set_input_files(film)
    page.get_by_text("mine.mp4").wait_for()
    wait_until_idle(page)
    for _ in range(2):
        page.reload()
        expect(page.get_by_text("mine.mp4")).to_be_visible()
        wait_until_idle(page)
        expect(page.get_by_text("no longer has")).to_have_count(0)
    expect(page.locator("video[src]")).to_have_count(1)

    page.goto(page.url.replace("/film", "/music"))
    page.get_by_role("tab", name="Your song").click()
    file = {"name": "Mine.wav", "mimeType": "audio/wav", "buffer": song_bytes("wav", 3, tags={})}
    page.locator(".st-key-music_song_upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.locator(".st-key-own-song-wave").wait_for()
    wait_until_idle(page)
    page.reload()
    page.get_by_role("tab", name="Your song").click()
    expect(page.locator(".st-key-own-song-chip")).to_be_visible()
    expect(page.get_by_text("no longer has")).to_have_count(0)


def test_files_and_a_table_survive_a_reload(browser: Browser, server: str) -> None:
    with own_context(browser) as other:
        page = other.new_page()
        page.goto(f"http://emomusic.test:{server.rsplit(':', 1)[1]}/music?songs=own")
        page.get_by_role("button", name="Your music").click()
        file = {"name": "Mine.wav", "mimeType": "audio/wav", "buffer": song_bytes("wav", 3, tags={})}
        page.locator(".st-key-own_upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        expect(page.get_by_text("1 song in the memory")).to_be_visible()
        wait_until_idle(page)
        page.reload()
        wait_until_idle(page)
        page.get_by_role("button", name="Your music").click()
        expect(page.get_by_text("1 song in the memory")).to_be_visible()
