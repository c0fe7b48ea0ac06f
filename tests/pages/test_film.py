import json
import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import av
import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app.film import page as page_module
from emomusic.app.film import screen
from emomusic.app.film.state import FilmState
from emomusic.app.queues import PlayerState
from emomusic.server.film_job import FilmJob, FilmView
from emomusic.songs.genres import genres_of
from tests.fakes import FakeDetector, make_face
from tests.films import NOBODY, film_bytes, film_of_videos
from tests.pages.film_jobs import FACE, GREY, Classifier, fakes, film_threads, scenes_job, wait_for_end
from tests.pages.screen import (
    choose,
    click,
    files_of,
    images,
    labels,
    open_page,
    page_of,
    playing,
    queue_of,
    start_app,
    state_of,
    text_of,
    told,
    tracks,
    unescaped,
    url_of,
)
from tests.waiting import wait_until

SAMPLE, ANOTHER, CANCEL, TURN = "Try the sample", "Another film", "Cancel", "Turn by 90°"
DOWNLOADS = {"Readings (CSV)", "Everything (JSON)", "Playlist (M3U)"}
SCENES = [Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY, Emotion.HAPPY]
"""The emotions of the sample."""

NUM_FACES = 3


@pytest.fixture
def app() -> Iterator[AppTest]:
    app = page_of("film")
    yield app
    if (job := film_state(app).job) is not None:
        job.close()
    wait_until(lambda: film_threads() == [])


@pytest.fixture
def sample() -> FilmJob:
    """A film of four scenes and three faces, read."""
    return scenes_job("faces.mp4", SCENES, [make_face(x, 10, 24, 30) for x in (10, 60, 110)])


@pytest.fixture
def shown(app: AppTest, sample: FilmJob) -> AppTest:
    """The page with the sample."""
    film_state(app).show(sample)
    film_state(app).is_linked = True
    app.query_params["film"] = "sample"
    app.run()
    return app


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> Classifier:
    """Fake networks read all films; this classifier can stop the reading."""
    classifier = Classifier()
    monkeypatch.setattr(page_module, "shared", lambda: SimpleNamespace(visitor_networks=fakes(classifier)))
    return classifier


def film_state(app: AppTest) -> FilmState:
    """What the visitor of the page has chosen."""
    return state_of(app, FilmState)


def upload(app: AppTest, content: bytes, name: str = "a film.mp4") -> AppTest:
    """Upload a film, as the first one of the session."""
    app.run()
    app.file_uploader(key="film_upload").upload(name, content)
    app.run()
    return app


def finish(app: AppTest) -> AppTest:
    """Wait for the thread, and show its results."""
    job = film_state(app).job
    wait_for_end(job)
    app.run()
    return app


def press(app: AppTest, label: str) -> AppTest:
    (button,) = (button for button in app.button if button.label == label)
    button.click().run()
    return app


def downloads(app: AppTest) -> set[str]:
    links = re.findall(r"download>(.*?)</a>", "".join(str(html.value) for html in app.html))
    return {*(button.proto.label for button in app.get("download_button")), *links} & DOWNLOADS


def video_of(app: AppTest) -> Any:
    (video,) = app.get("video")
    return video.proto


def tiles(app: AppTest) -> list[Any]:
    """The buttons of the scenes on the first screen."""
    return [button for button in app.button if (button.key or "").startswith("scene-scene-")]


def test_a_sample_has_people_scenes_and_songs(shown: AppTest, sample: FilmJob, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [title.value for title in shown.title] == ["Mostly happy"]
    times = ["**0:00** happy", "**0:02** sad", "**0:05** angry", "**0:08** happy"]
    assert [tile.label.split("  \n")[0] for tile in tiles(shown)] == times
    assert len(tracks(shown)) == 1
    faces = [image.alt for image in images(shown) if image.alt.startswith("Face ")]
    assert [face.split(":")[0] for face in faces] == [f"Face {number}" for number in (1, 2, 3)]
    assert len(images(shown)) == NUM_FACES + len(SCENES) + 1
    assert video_of(shown).url == sample.view().source.address
    assert told(shown, "facemarks")["address"] == sample.view().marks.url
    assert sample.name in video_of(shown).alt
    assert downloads(shown) == DOWNLOADS
    follow = told(shown, "playhead")
    assert (follow["scene"], follow["follows"], follow["at"]) == (0, True, None)
    assert follow["starts"] == [scene.start_s for scene in sample.view().scenes]
    assert all(start % 1 for start in follow["starts"][1:])

    monkeypatch.setattr(screen, "_MOST_TILES", 3)
    monkeypatch.setattr(screen, "_FACES_SHOWN", 2)
    assert len(images(shown.run())) == 2 + 3 + 1
    assert "1 more faces" in text_of(shown)
    for number, first in ((2, 1), (3, 1), (1, 0)):
        shown.button(key=f"scene-scene-{number}").click().run()
        assert [tile.key for tile in tiles(shown)] == [f"scene-scene-{n}" for n in range(first, first + 3)]
    next(toggle for toggle in shown.toggle if toggle.label == "Follow the film").set_value(False).run()
    shown.button(key="scene-scene-2").click().run()
    here = film_state(shown)
    assert here.queue.current.song == here.answer.picks[2].song != here.answer.picks[1].song
    assert state_of(shown, PlayerState).playing is None


def test_other_songs_are_those_of_bar_page_and_file(shown: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    tiles(shown)[1].click().run()
    player, before = state_of(shown, PlayerState), playing(shown)
    choose(shown, genres="jazz")
    shown.run()
    assert playing(shown) != before
    assert player.playing is queue_of(shown, "film")
    record = json.loads(files["emomusic-film.json"]())  # made outside of the session
    songs = [pick.song for pick in player.playing.playlist(20)]
    assert [entry["song"]["id"] for entry in record["playlist"]] == [song.id for song in songs]
    assert [unescaped(tile.label).split("  \n")[1] for tile in tiles(shown)] == [song.title for song in songs]
    assert all(genres_of(["jazz"]) & set(song.genres) for song in songs)
    monkeypatch.setattr(FilmView, "is_reading", True)
    assert len(tiles(shown.run())) == len(SCENES) - 1  # the last scene may still change


def test_the_film_stays_after_a_visit_to_another_page_until_another_one_is_wanted(sample: FilmJob) -> None:
    app = open_page(start_app(), "film")
    film_state(app).show(sample)
    film_state(app).is_linked = True
    app.query_params["film"] = "sample"
    tiles(app.run())[2].click().run()
    open_page(app, "models")
    open_page(app, "film")
    assert film_state(app).job is sample
    assert url_of(app) == {"film": "sample"}
    assert told(app, "playhead")["at"] == sample.view().scenes[2].start_s
    press(app, ANOTHER)
    assert (tracks(app), downloads(app), film_state(app).job) == ([], set(), None)
    assert "film" not in {**app.query_params, **state_of(app, PlayerState).queues}
    assert (film_state(app).scene, film_state(app).at_s) == (0, None)
    film_state(app).show(own := scenes_job("own.mp4", SCENES[:1], []))
    app.run().query_params["film"] = "sample"  # Back
    assert film_state(app.run()).job is own
    assert (url_of(app), film_state(app).held_thing) == ({}, "film")


def test_a_cancelled_film_shows_its_results(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier(permissions=2)
    monkeypatch.setattr(page_module, "shared", lambda: SimpleNamespace(visitor_networks=fakes(classifier)))
    upload(app, GREY)
    assert classifier.has_stopped()
    app.run()
    assert len(app.title) == 1
    assert len(app.get("progress")) == 1
    film = film_state(app).job.view()
    assert (video_of(app).url, video_of(app).autoplay) == (film.source.address, False)  # a click plays it
    assert ANOTHER not in labels(app)
    press(app, CANCEL)
    classifier.allow()
    finish(app)
    assert film_state(app).job.view().is_cancelled
    assert "0:02" in text_of(app)  # the end of the results
    assert "happy" in app.title[0].value
    assert downloads(app) == DOWNLOADS
    assert ANOTHER in labels(app)


@pytest.mark.usefixtures("classifier")
def test_the_mood_of_the_sound_is_a_row(app: AppTest) -> None:
    for audio in ("aac", None):
        finish(upload(app, film_bytes([(NOBODY, 6)], audio=audio)))
        job = film_state(app).job
        assert (job.view().problem, bool(job.view().sound)) == (None, audio is not None)
        (chart,) = (c.proto for c in app.get("plotly_chart") if c.proto.alt.startswith("Shares of the seven"))
        assert ("sound" in json.loads(chart.spec)["layout"]["yaxis2"]["ticktext"]) == (audio is not None)
        press(app, ANOTHER)


@pytest.mark.usefixtures("classifier")
def test_the_marked_film_is_made_when_the_visitor_asks_for_it(app: AppTest) -> None:
    finish(upload(app, GREY))
    job = film_state(app).job
    assert job.view().marked is None
    finish(click(app, "film-mark"))
    marked = job.view().marked
    assert f'href="{marked.download_url}" download>Marked film (MP4)' in "".join(html.value for html in app.html)
    assert video_of(app).url == job.view().source.address
    with av.open(marked.reader()) as film:
        assert film.duration / av.time_base == pytest.approx(6, abs=0.3)


def reading_of(app: AppTest) -> tuple[int, int, int, int]:
    """Width and height of the film as it was read, the number of the video, and the turn."""
    job = film_state(app).job
    film = wait_for_end(job)
    return film.reading.width, film.reading.height, film.stream, film.turn


def test_a_film_without_faces_or_read_turned_can_be_turned(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = FakeDetector([replace(FACE, turn=270)])
    monkeypatch.setattr(page_module, "shared", lambda: SimpleNamespace(visitor_networks=fakes(detector=detector)))
    finish(upload(app, GREY))
    assert any("270°" in caption.value for caption in app.caption)  # as it was read
    assert TURN in labels(app)
    detector.faces = []
    press(app, ANOTHER)
    finish(upload(app, GREY))
    width, height, *_ = reading_of(app)
    press(app, TURN)
    assert reading_of(app) == (height, width, 1, 90)
    finish(app)
    press(app, TURN)
    assert reading_of(app) == (width, height, 1, 180)
    assert not app.exception


def test_another_video_of_the_film_can_be_chosen(app: AppTest, classifier: Classifier) -> None:
    finish(upload(app, film_of_videos(160, 192, height=120)))
    assert reading_of(app) == (160, 120, 1, 0)
    press(app, "Video 2")
    assert reading_of(app) == (192, 120, 2, 0)
    finish(app)
    assert any("2 videos" in caption.value for caption in app.caption)
    assert not app.exception


def test_a_disk_that_cannot_be_written_is_named(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc")  # no file can be made there, not even by root
    app.run()
    assert ["TMPDIR" in info.value for info in app.info] == [True]
    assert not app.file_uploader
    assert SAMPLE in labels(app)
