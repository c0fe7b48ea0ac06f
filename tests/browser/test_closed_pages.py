"""What a real server keeps of visitors: photos and films while their pages are open, and nothing after that."""

from __future__ import annotations

import contextlib
import io
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from emomusic.affect import Emotion
from emomusic.faces.profile import FaceProfile
from emomusic.faces.reading import load_networks
from emomusic.media.images import read_image
from emomusic.server.film_job import THREAD_NAME
from tests.browser.conftest import fresh_server, notes_of, own_context, thread_names
from tests.browser.live import CAMERA, start
from tests.browser.player import PLAYER
from tests.films import BIDEN, COLLINS, HOPPER, SAMPLES, film_bytes
from tests.hostile.generator import wav
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.browser

FAMILY = secrets.token_hex(8).encode()  # the first half of most markers
NUM_COPIES = 3000  # of a marker in each file, so that the rest of a page of memory holds few of them
UPLOADED = re.compile(r'^cache_memory_bytes\{cache_type="UploadedFileManager".*\} (\d+)$', re.MULTILINE)


def uploaded_bytes(address: str) -> int:
    """The size of all uploads in the server's memory, which may be 5 s old after the first question."""
    return sum(map(int, UPLOADED.findall(requests.get(f"{address}/_stcore/metrics", timeout=PATIENCE_S).text)))


def is_served(address: str) -> bool:
    """Whether the server has a file."""
    return requests.get(address, timeout=PATIENCE_S).ok


def unnamed_files(folder: Path) -> Iterator[str]:
    """The open files in a folder that have no name, of all processes."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # closed meanwhile, or of another user
            target = str(link.readlink())
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                yield target


def photo_with(marker: bytes) -> bytes:
    content, comment = (SAMPLES / "eileen-collins-1999.jpg").read_bytes(), marker * (NUM_COPIES // 2)
    return content[:2] + 2 * (b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment) + content[2:]


def film_with(marker: bytes) -> bytes:
    """A film of many readings."""
    film = film_bytes([(COLLINS, 80), (BIDEN, 80), (HOPPER, 80)], size=(160, 90), rate=5)
    copies = (marker + bytes(16)) * NUM_COPIES
    return film + (len(copies) + 8).to_bytes(4, "big") + b"free" + copies


def song_with(marker: bytes) -> bytes:
    return wav((np.random.default_rng(0).bytes(600) + marker) * NUM_COPIES)


def profile_of_anyone() -> bytes:
    """A profile whose person's descriptor repeats 32 random numbers."""
    spec, numbers = load_networks()[1].spec, np.random.default_rng().normal(size=32)
    return FaceProfile(
        model=spec.name,
        model_sha256=spec.onnx_sha256,
        shots={Emotion.NEUTRAL: 1},
        faces={Emotion.NEUTRAL: np.zeros(7 + 256)},
        identity=np.tile(numbers / np.linalg.norm(numbers) / np.sqrt(32), 32),
    ).to_json()


def frame_with(marker: bytes) -> bytes:
    """A frame of a camera, of equal blocks of eight pixels, too faint for a face."""
    tile = np.random.default_rng(list(marker)).integers(96, 160, (8, 8, 3), np.uint8)
    frame, comment = Image.fromarray(np.tile(tile, (60, 80, 1))), marker * (NUM_COPIES // 2)
    frame.save(buffer := io.BytesIO(), "JPEG", quality=90, subsampling=0, comment=comment)
    return buffer.getvalue()


def references(folder: Path, markers: Mapping[str, bytes]) -> dict[str, int]:
    """How many objects of the server hold each marker, in bytes, text or pixels that something refers to."""
    (folder / "markers").write_text(json.dumps([marker.hex() for marker in markers.values()]), encoding="ascii")
    found = notes_of(folder)["references"]
    (folder / "markers").unlink()  # else each note looks for them
    return dict(zip(markers, found, strict=True))


def write_marked_files(folder: Path) -> tuple[dict[str, bytes], str]:
    """Write a file of each kind. Returns the marker of each kind, and the message of a camera's frame."""
    makes = {"x.jpg": photo_with, "y.jpg": photo_with, "x.mp4": film_with, "x.wav": song_with}
    markers = {name: FAMILY + secrets.token_hex(8).encode() for name in (*makes, "frame.jpg")}
    for name, make in makes.items():
        (folder / name).write_bytes(make(markers[name]))
    profile, frame = profile_of_anyone(), frame_with(markers["frame.jpg"])
    (folder / "x.json").write_bytes(profile)
    message = b64encode(frame).decode()
    markers |= {
        "profile": FaceProfile.from_json(profile).identity[:32].tobytes(),
        "pixels": read_image(frame)[0, 16:24][::-1].tobytes(),
    }
    return markers, message


# In the place of the worker that sends the frames: two in a second, which leave the processor to the other pages
SENDER = """window.Worker = class {
  async postMessage({ address, taken_ms }) {
    if (this.isSending) return;
    this.isSending = true;
    const body = await (await fetch("data:image/jpeg;base64,%s")).blob();
    const answer = await (await fetch(address, { method: "POST", body })).json();
    this.onmessage({ data: { answer, taken_ms } });
    setTimeout(() => (this.isSending = false), 500);
  }
  terminate() {}
}"""


def send_frames(page: Page, address: str, message: str) -> None:
    """Start Live, where each frame of the camera is this one."""
    page.add_init_script(CAMERA)
    page.add_init_script(SENDER % message)
    page.goto(address)
    start(page)
    page.get_by_text("No face in the video").wait_for()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the open files of Linux")
def test_files_are_deleted_when_read_or_when_pages_close(browser: Browser, tmp_path: Path) -> None:
    (folder := tmp_path / "temporary").mkdir()
    markers, message = write_marked_files(tmp_path)
    # Streamlit hides a session that it has kept for this time without closing it; a busy server must close it before
    settings = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "24", "TMPDIR": str(folder), "TEST_READING_S": "1"}
    with fresh_server(tmp_path, settings) as address, own_context(browser) as context:

        def open_(path: str, *names: str) -> Page:
            page = context.new_page()
            page.goto(address + path)
            if path == "/music":
                page.get_by_role("tab", name="Your song").click()
            page.locator('input[type="file"]').set_input_files([tmp_path / name for name in names])
            return page

        # Streamlit would open `pages/photo.py` of a fresh server without `app.py`; see `ignore_pages_folder`
        several = open_("/photo", "x.jpg", "y.jpg")
        several.get_by_text("2 faces in 2 photos").wait_for()
        expect(several.get_by_text("an expression is not a feeling").first).to_be_visible()
        expect(several.get_by_test_id("stSidebarNav")).to_have_count(0)
        wait_until(lambda: uploaded_bytes(address) == 0)  # released after reading

        open_("/music", "x.wav").get_by_text("It fits a face").wait_for()
        page = open_("/", "x.jpg")
        page.locator(PLAYER).first.wait_for()  # on a busy computer, the player of the last run is still there
        photo = page.locator(".st-key-photo-preview img").evaluate("image => image.src")
        assert is_served(photo)
        taught = context.new_page()
        send_frames(taught, f"{address}/live", message)
        taught.get_by_role("radio", name="Teach it your face").click()
        taught.locator(".st-key-profile_upload input[type=file]").set_input_files(tmp_path / "x.json")
        taught.get_by_role("button", name="Forget Person 1").wait_for()
        expect(open_("/film", "x.mp4").get_by_text(re.compile("^Reading: "))).to_be_visible()
        wait_until(lambda: uploaded_bytes(address) == 0)  # released after copying, although the page is open
        assert len(list(unnamed_files(folder))) == 1
        assert list(folder.iterdir()) == []
        wait_until(lambda: THREAD_NAME in thread_names(tmp_path))
        held = partial(references, tmp_path, markers)
        # The film is in a file, of several photos small copies replace the second one, and a frame is soon decoded
        kept = markers.keys() - {"y.jpg", "x.mp4", "frame.jpg", "pixels"}
        wait_until(lambda: all(held()[name] for name in kept), held, longest_pause_s=5)
        for closed in context.pages:
            closed.close()
        wait_until(lambda: not is_served(photo))
        wait_until(lambda: uploaded_bytes(address) == 0)
        wait_until(lambda: not list(unnamed_files(folder)))
        wait_until(lambda: THREAD_NAME not in thread_names(tmp_path))
        assert list(folder.iterdir()) == []
        wait_until(lambda: not any(held().values()), held, longest_pause_s=5)
