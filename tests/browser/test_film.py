"""The Film page in a real browser: the sample, uploads, the timeline, downloads and what stays on the server."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page, expect

from emomusic.face.film import FILM_COLUMNS
from emomusic.text import format_clock
from emomusic.ui.film.job import THREAD_NAME
from tests.browser.conftest import PATIENCE_MS, fresh_server, without_spotify
from tests.browser.player import song, song_after
from tests.films import BIDEN, COLLINS, HOPPER, write_film

pytestmark = pytest.mark.browser

VIDEO = "document.querySelector('video')"
HAS_FRAMES = f"() => {VIDEO} && {VIDEO}.readyState >= 2"
SCENE = re.compile(r"^Scene (\d+) of (\d+), ")
SHOTS = [(COLLINS, 6), (BIDEN, 6), (HOPPER, 6)]

# The middle of a second on the time axis
X_OF = """second => {
  const chart = document.querySelector('.js-plotly-plot'), axis = chart._fullLayout.xaxis;
  return chart.getBoundingClientRect().x + axis._offset + axis.l2p(second + 0.5);
}"""


def upload(page: Page, film: Path) -> None:
    page.locator('input[type="file"]').set_input_files(film)


def wait_for_results(page: Page) -> None:
    """Wait for the marked film, and for the last part of the page."""
    expect(page.get_by_role("heading", name="Downloads")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("video")).to_have_count(1, timeout=PATIENCE_MS)
    page.wait_for_function(HAS_FRAMES)


def download(page: Page, label: str) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    return waiting.value.path()


def record_of(page: Page) -> Any:
    return json.loads(download(page, "Everything (JSON)").read_text(encoding="utf-8"))


def scene_of(page: Page) -> tuple[int, int]:
    """Number of the chosen scene, and number of scenes."""
    match = SCENE.match(page.get_by_text(SCENE).inner_text())
    assert match is not None
    return int(match[1]), int(match[2])


def click_second(page: Page, second: int) -> None:
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(page.evaluate(X_OF, second), box["y"] + 90)


def wait_for_second(page: Page, second: int) -> None:
    """Wait until the video plays there."""
    page.wait_for_function(f"() => {VIDEO} && {VIDEO}.currentTime >= {second} && {VIDEO}.currentTime < {second} + 3")


def repeat(film: Path, out: Path, times: int) -> Path:
    """Write the packets of a film several times, one after the other."""
    with av.open(film) as source, av.open(out, "w") as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        for number in range(times):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base, copy.is_keyframe = stream, packet.time_base, packet.is_keyframe
                copy.pts, copy.dts = packet.pts + number * video.duration, packet.dts + number * video.duration
                container.mux(copy)
    return out


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve minutes, which take longer to read than a test waits."""
    folder = tmp_path_factory.mktemp("long")
    write_film(folder / "part.mp4", SHOTS, size=(640, 360), rate=5)
    return repeat(folder / "part.mp4", folder / "long.mp4", times=40)


def test_the_sample_is_read_and_its_files_can_be_downloaded(open_page: Callable[..., Page]) -> None:
    page = open_page("/film")
    page.get_by_role("button", name="Try the sample").click()
    wait_for_results(page)
    assert page.url.endswith("/film?film=sample")
    assert page.evaluate(f"{VIDEO}.duration") == pytest.approx(32, abs=0.1)
    assert scene_of(page) == (1, 7)
    expect(page.locator(".st-key-film-scenes button")).to_have_count(7)
    expect(page.get_by_role("img", name=re.compile(r"^Face \d"))).to_have_count(5)
    first_song = song(page)
    page.locator(".st-key-film-scenes button").nth(3).click()
    assert song_after(page, first_song) != first_song
    assert scene_of(page) == (4, 7)

    table = list(csv.DictReader(io.StringIO(download(page, "Readings (CSV)").read_text(encoding="utf-8-sig"))))
    assert list(table[0]) == FILM_COLUMNS
    assert {row["face"] for row in table} == set("12345")
    record = record_of(page)
    assert list(record)[:6] == ["video", "width", "height", "duration_s", "faces", "scenes"]
    assert (record["video"], record["duration_s"]) == ("faces.mp4", 32)
    assert (len(record["faces"]), len(record["scenes"]), len(record["playlist"])) == (5, 7, 7)
    assert len(record["readings"]) == len(table)
    lines = download(page, "Playlist (M3U)").read_text(encoding="utf-8").splitlines()
    titles = [line.partition(",")[2] for line in lines if line.startswith("#EXTINF")]
    assert [title.split()[0] for title in titles] == [format_clock(scene["start_s"]) for scene in record["scenes"]]
    assert [line for line in lines if line.startswith("https://open.spotify.com/track/")] == [
        f"https://open.spotify.com/track/{entry['song']['id']}" for entry in record["playlist"]
    ]
    with av.open(download(page, "Marked film (MP4)")) as film:
        assert film.duration / av.time_base == pytest.approx(32, abs=0.1)
        assert [stream.codec_context.name for stream in film.streams] == ["h264"]


def test_an_upload_with_sound_is_marked_and_follows_clicks(open_page: Callable[..., Page], tmp_path: Path) -> None:
    film = tmp_path / "three people.webm"
    write_film(film, SHOTS, size=(400, 300), ending="webm", audio="libopus")
    page = open_page("/film")
    upload(page, film)
    wait_for_results(page)
    assert page.evaluate(f"{VIDEO}.duration") == pytest.approx(18, abs=0.2)
    expect(page.get_by_text(film.name)).to_be_visible()
    _, num_scenes = scene_of(page)
    assert num_scenes >= 2
    for second, number in ((14, num_scenes), (2, 1)):
        click_second(page, second)
        wait_for_second(page, second)
        expect(page.get_by_text(f"Scene {number} of {num_scenes},")).to_be_visible()
    page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime = 10")
    click_second(page, 2)  # the same second again
    wait_for_second(page, 2)
    with av.open(download(page, "Marked film (MP4)")) as marked:
        assert marked.duration / av.time_base == pytest.approx(18, abs=0.2)
        assert [stream.codec_context.name for stream in marked.streams] == ["h264", "aac"]
        seconds = [float(frame.pts * frame.time_base) for frame in marked.decode(audio=0)]
        assert (seconds[0], seconds[-1]) == pytest.approx((0, 18), abs=0.2)


def test_two_visitors_get_the_results_of_their_films(open_page: Callable[..., Page], tmp_path: Path) -> None:
    pages = [open_page("/film"), open_page("/film")]
    for page, sample in zip(pages, (COLLINS, BIDEN), strict=True):
        film = tmp_path / f"{sample}.mkv"
        write_film(film, [(sample, 8)], size=(400, 300), ending="mkv")
        upload(page, film)
    for page, sample, emotion in zip(pages, (COLLINS, BIDEN), ("happy", "neutral"), strict=True):
        wait_for_results(page)
        record = record_of(page)
        assert record["video"] == f"{sample}.mkv"
        assert [face["emotion"] for face in record["faces"]] == [emotion]
        expect(page.get_by_role("heading", level=1)).to_contain_text(emotion)
    assert song(pages[0]) != song(pages[1])


def unnamed_files(folder: Path) -> Iterator[str]:
    """The open files in a folder that have no name, of all processes."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # closed meanwhile, or of another user
            target = str(link.readlink())
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                yield target


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether the condition becomes true within the patience of the tests."""
    for _ in range(PATIENCE_MS // 500):
        if condition():
            return True
        time.sleep(0.5)
    return False


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the open files of Linux")
def test_a_film_is_deleted_after_its_page_is_closed(browser: Browser, tmp_path: Path, long_film: Path) -> None:
    folder, threads = tmp_path / "temporary", tmp_path / "threads"
    folder.mkdir()
    settings = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20", "TMPDIR": str(folder)}
    with fresh_server(tmp_path, settings) as address:
        context = browser.new_context()
        without_spotify(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/film")
        upload(page, long_film)
        expect(page.get_by_text(re.compile("^Reading: "))).to_be_visible()
        assert len(list(unnamed_files(folder))) == 1
        assert list(folder.iterdir()) == []
        assert becomes_true(lambda: THREAD_NAME in threads.read_text().splitlines())
        context.close()
        assert becomes_true(lambda: not list(unnamed_files(folder)))
        assert becomes_true(lambda: THREAD_NAME not in threads.read_text().splitlines())
        assert list(folder.iterdir()) == []
