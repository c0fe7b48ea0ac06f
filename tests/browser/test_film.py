"""The Film page in a real browser: uploads, the timeline and downloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import download
from tests.browser.layout import box_of
from tests.browser.player import PLAYER, song, song_after
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.films import BIDEN, COLLINS, write_film

pytestmark = pytest.mark.browser

VIDEO = "document.querySelector('video')"
HAS_FRAMES = f"() => {VIDEO} && {VIDEO}.readyState >= 2"
# Whether something is drawn over the film
IS_MARKED = """() => {
  const [host] = [...document.querySelectorAll('.st-key-film-marks *')].filter(element => element.shadowRoot);
  const canvas = host?.shadowRoot.querySelector('canvas');
  if (!canvas?.width || canvas.hidden) return false;
  return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value);
}"""
SHOTS = [(COLLINS, 5.6), (BIDEN, 6.4)]  # the cut lies between two seconds

# The middle of a second on the time axis; 0 while the chart is replaced
X_OF = """second => {
  const chart = document.querySelector('.st-key-film-part-timeline .js-plotly-plot'), axis = chart?._fullLayout?.xaxis;
  return axis ? chart.getBoundingClientRect().x + axis._offset + axis.l2p(second + 0.5) : 0;
}"""
# Whether the playhead is at a second
IS_AT = f"""second => {{
  const [host] = [...document.querySelectorAll('.st-key-film-follow *')].filter(element => element.shadowRoot);
  const line = host?.shadowRoot.querySelector('i'), x = ({X_OF})(second);
  return line && x && Math.abs(line.getBoundingClientRect().x - x) < 60;
}}"""


def upload(page: Page, film: Path) -> None:
    page.locator('input[type="file"]').set_input_files(film)


def wait_for_results(page: Page) -> None:
    """Wait for the sound of the film, for its marks, and for the last part of the page."""
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    expect(page.locator("video")).to_have_count(1)
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    wait_until_idle(page)  # the last run draws the charts again
    page.wait_for_function(HAS_FRAMES)
    page.wait_for_function(IS_MARKED)


# The edges of the scenes on the time axis, and of their frames
EDGES = """() => {
  const chart = document.querySelector('.st-key-film-part-timeline .js-plotly-plot'), axis = chart?._fullLayout?.xaxis;
  const tiles = [...document.querySelectorAll('[class*="st-key-tile-scene-"]')].map(tile => tile.parentElement);
  if (!axis || !tiles.length) return null;
  const left = chart.getBoundingClientRect().x + axis._offset;
  const starts = chart.layout.shapes.map(shape => left + axis.l2p(shape.x0)), end = left + axis._length;
  const boxes = tiles.map(tile => tile.getBoundingClientRect());
  return boxes.map((box, n) => [box.left - starts[n], box.right - (starts[n + 1] ?? end)]);
}"""


def click_second(page: Page, second: int) -> None:
    wait_until_idle(page)
    chart = page.locator(".st-key-film-part-timeline .js-plotly-plot")
    wait_until_at_rest(chart)
    chart.scroll_into_view_if_needed()
    box = box_of(chart)
    page.mouse.click(page.wait_for_function(X_OF, arg=second).json_value(), box["y"] + 90)


def wait_for_second(page: Page, second: int) -> None:
    """Wait until the video plays there."""
    page.wait_for_function(f"() => {VIDEO} && {VIDEO}.currentTime >= {second} && {VIDEO}.currentTime < {second} + 3")


# A player of Spotify, which tells what it does, and does what it is told
SPOTIFY_PLAYER = """<body><script>
  const tell = (message) => parent.postMessage(message, "*");
  addEventListener("message", ({ data }) => {
    if (!["play", "pause"].includes(data.command)) return;
    document.body.textContent = data.command;
    const payload = { isPaused: data.command === "pause", position: 1000, duration: 200000 };
    tell({ type: "playback_update", payload });
  });
  tell({ type: "ready" });
</script>"""


def wait_for_both(page: Page, command: str, after: str = "") -> str:
    """Wait until Spotify was told this and the film does it too; the id of Spotify's song."""
    is_paused, volume = ("true", 1) if command == "pause" else ("false", 0.25)
    page.wait_for_function(f"() => {VIDEO}.paused === {is_paused} && {VIDEO}.volume === {volume}")
    track_id = song_after(page, after) if after else song(page)
    expect(page.frame_locator(PLAYER).locator("body")).to_have_text(command)
    return track_id


def check_songs_of_spotify(page: Page) -> None:
    """Let the page follow the film again: Spotify plays the songs of its scenes with it."""
    page.get_by_text("Follow the film").click()
    page.wait_for_function(f"{VIDEO}.emomusicFollows === true")
    page.evaluate(f"{VIDEO}.loop = true, {VIDEO}.playbackRate = 1")  # else the film may end first on a busy machine
    page.locator('[class*="st-key-scene-scene-"] button').nth(0).click()
    first = wait_for_both(page, "play")
    second = wait_for_both(page, "play", after=first)  # at the cut
    page.evaluate(f"{VIDEO}.pause()")
    wait_for_both(page, "pause")
    page.evaluate(f"{VIDEO}.play()")
    wait_for_both(page, "play")
    assert second != first


def test_results_follow_clicks_and_songs_of_spotify(open_page: Callable[..., Page], tmp_path: Path) -> None:
    write_film(film := tmp_path / "two people.webm", SHOTS, size=(400, 300), ending="webm", audio="libopus")
    page = open_page("/film")
    answer = {"body": SPOTIFY_PLAYER, "content_type": "text/html"}
    page.route("https://open.spotify.com/**", lambda route: route.fulfill(**answer))
    upload(page, film)
    wait_for_results(page)
    assert page.evaluate(f"{VIDEO}.duration") == pytest.approx(12, abs=0.2)
    page.evaluate(f"{VIDEO}.pause()")
    edges = page.wait_for_function(EDGES).json_value()  # the frames are as wide as their scenes
    num_scenes = len(edges)
    assert num_scenes >= 2
    assert max(abs(gap) for edge in edges for gap in edge) < 4
    page.evaluate(f"{VIDEO}.playbackRate = 0.1")  # a busy machine notices a second late
    for second, number in ((9, num_scenes), (2, 1)):
        click_second(page, second)
        wait_for_second(page, second)
        expect(page.get_by_text(f"Scene {number} of {num_scenes},")).to_be_visible()
    page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime = 9")
    expect(page.get_by_text(f"Scene {num_scenes} of {num_scenes},")).to_be_visible()
    click_second(page, 2)  # the same second again
    wait_for_second(page, 2)
    # The scene and the playhead follow the playback, unless the visitor switches it off
    page.evaluate(f"{VIDEO}.muted = true, {VIDEO}.currentTime = 9")
    expect(page.get_by_text(f"Scene {num_scenes} of {num_scenes},")).to_be_visible()
    page.wait_for_function(IS_AT, arg=9)
    page.get_by_text("Follow the film").click()
    page.wait_for_function(f"{VIDEO}.emomusicFollows === false")
    page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime = 1")
    page.wait_for_function(IS_AT, arg=1)  # the component has looked
    wait_until_idle(page)
    expect(page.get_by_text(f"Scene {num_scenes} of {num_scenes},")).to_be_visible()
    page.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Make the marked film (MP4)").click()
    expect(page.get_by_text("Marked film (MP4)", exact=True)).to_have_count(1)
    wait_until_idle(page)
    with av.open(download(page, "Marked film (MP4)")) as marked:
        assert marked.duration / av.time_base == pytest.approx(12, abs=0.2)
    page.keyboard.press("Escape")
    click_second(page, 2)  # a happy scene
    expect(page.get_by_role("heading", level=1)).to_contain_text("happy")
    check_songs_of_spotify(page)


# The title of the song that sounds, while the film plays below its usual volume
SUNG = f"""() => {{
  const player = window.emomusicPlayer, video = {VIDEO};
  const sounds = player?.isPlaying && player.audio.currentTime > 0.2 && !video.paused && video.volume < 0.5;
  return sounds ? player.song.title : "";
}}"""


# Keeps the titles of the songs that begin
NOTE_BEGUN = """() => {
  const player = window.emomusicPlayer, begin = player.begin.bind(player);
  window.begun = [];
  player.begin = (song, ...rest) => (window.begun.push(song.title), begin(song, ...rest));
}"""

# Plays the film and pauses it at once; done when the song has followed both
PRESS_TWICE = f"""() => new Promise((done) => {{
  window.emomusicPlayer.audio.addEventListener("pause", () => setTimeout(done), {{ once: true }});
  {VIDEO}.play().catch(() => {{}});
  {VIDEO}.pause();
}})"""


def test_the_song_of_a_scene_sounds_and_changes_at_a_cut(open_page: Callable[..., Page], tmp_path: Path) -> None:
    write_film(film := tmp_path / "two people.webm", SHOTS, size=(400, 300), ending="webm", audio="libopus")
    page = open_page("/film?songs=bundled")
    upload(page, film)
    wait_for_results(page)
    page.evaluate(f"{VIDEO}.loop = true")  # else the film may end first on a busy machine
    page.evaluate(f"{VIDEO}.currentTime = 2, null")
    page.wait_for_function(f"() => ({VIDEO}.paused && {VIDEO}.play().catch(() => null), {VIDEO}.currentTime > 2.5)")
    page.evaluate(f"{VIDEO}.pause()")
    page.wait_for_function("() => window.emomusicPlayer.song && !window.emomusicPlayer.isPlaying")
    wait_until_idle(page)
    tiles = page.locator('[class*="st-key-scene-scene-"] button')
    zeroth, first = (tiles.nth(number).inner_text().splitlines()[-1] for number in (0, 1))
    assert zeroth != first
    page.evaluate(NOTE_BEGUN)
    page.evaluate(f"window.sought = [], {VIDEO}.onseeking = () => window.sought.push({VIDEO}.currentTime % 1)")
    tiles.nth(1).click()
    page.wait_for_function(f"title => ({SUNG})() === title", arg=first)
    assert max(page.evaluate("window.sought")) > 0.1  # the cut lies between two seconds
    assert zeroth not in page.evaluate("window.begun")
    page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime = 0")
    page.wait_for_function("title => window.emomusicPlayer.song.title === title", arg=zeroth)  # it waits with the film
    wait_until_idle(page)
    assert not page.evaluate("window.emomusicPlayer.isPlaying")
    page.get_by_label("Play", exact=True).click()  # in the bar: the film goes on too
    page.wait_for_function(f"title => ({SUNG})() === title", arg=zeroth)
    page.wait_for_function(f"title => ({SUNG})() === title", arg=first)  # at the cut
    # The bar knows of a song before the film does
    page.evaluate("emomusicPlayer.begin({ ...emomusicPlayer.song, id: 'another' })")
    page.wait_for_function(f"title => ({SUNG})() === title", arg=first)
    page.evaluate(f"{VIDEO}.playbackRate = 8")  # a cut between the click and its answer starts no song
    page.get_by_text("Follow the film").click()
    page.wait_for_function(f"() => !window.emomusicPlayer.isPlaying && !{VIDEO}.paused && {VIDEO}.volume === 1")
    wait_until_idle(page)
    assert not page.evaluate(f"window.emomusicPlayer.isPlaying || {VIDEO}.paused")
    page.evaluate(f"{VIDEO}.playbackRate = 1")
    page.get_by_text("Follow the film").click()
    page.wait_for_function(f"({SUNG})() !== ''")
    page.evaluate(f"{VIDEO}.pause()")
    page.wait_for_function("() => !window.emomusicPlayer.isPlaying")
    page.evaluate(PRESS_TWICE)
    assert page.evaluate(f"{VIDEO}.paused && !window.emomusicPlayer.isPlaying")


def test_a_film_that_the_browser_cannot_play_shows_its_scenes_and_plays_its_marked_copy(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    write_film(film := tmp_path / "two people.avi", SHOTS, size=(400, 300), ending="avi", audio="libmp3lame")
    page = open_page("/film")
    upload(page, film)
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    wait_until_idle(page)
    sentence = page.get_by_text("This film does not play here")
    expect(sentence).to_be_visible()
    expect(page.locator("video")).to_be_hidden()
    expect(page.get_by_alt_text("A frame of the scene")).to_be_visible()
    page.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Make the marked film (MP4)").click()
    page.wait_for_function(HAS_FRAMES)
    assert page.evaluate(f"{VIDEO}.duration") == pytest.approx(12, abs=0.2)
    expect(sentence).to_have_count(0)
