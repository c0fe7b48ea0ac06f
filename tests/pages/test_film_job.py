import gc
import io
import logging
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import Mock

import av
import pytest

from emomusic.app.film.state import FilmState
from emomusic.errors import FilmError
from emomusic.faces.reading import Networks
from emomusic.server import film_job as job_module
from emomusic.server.capacity import ByteBudget
from emomusic.server.film_job import FilmJob, FilmPhase, FilmView
from tests.fakes import FakeClassifier, FakeDetector, make_face, own_capacity
from tests.films import COLLINS, NOBODY, film_bytes
from tests.pages.film_jobs import FACE, GREY, Classifier, fakes, film_threads, wait_for_end
from tests.waiting import run_python, wait_until


@pytest.fixture(autouse=True)
def _no_thread_remains() -> Iterator[None]:
    assert film_threads() == []
    yield
    wait_until(lambda: film_threads() == [])


@pytest.fixture
def start() -> Iterator[Callable[..., FilmJob]]:
    """Start a job on the bytes of a film; it is closed at the end."""
    jobs: list[FilmJob] = []

    def start_job(film: bytes = GREY, networks: Callable[[], Networks] | None = None) -> FilmJob:
        job = FilmJob("a film.mp4", io.BytesIO(film), networks or fakes())
        jobs.append(job)
        return job

    yield start_job
    for job in jobs:
        job.close()


def test_a_film_ends_when_its_visitor_has_left(tmp_path: Path) -> None:
    (path := tmp_path / "film.mp4").write_bytes(GREY)
    classifier, file = Classifier(permissions=3), path.open("rb")
    visitor = FilmState()
    visitor.show(FilmJob("a film.mp4", file, fakes(classifier)))
    assert classifier.has_stopped()
    gone = weakref.ref(visitor.job)
    del visitor
    classifier.allow()
    wait_until(lambda: file.closed)
    assert classifier.num_frames == 4
    wait_until(lambda: gone() is None)


READ = """
from pathlib import Path
from emomusic.faces.reading import load_networks
from emomusic.server.film_job import FilmJob
from tests.waiting import wait_until
jobs = [FilmJob("faces.mp4", Path("data/samples/faces.mp4").open("rb"), load_networks) for _ in range(2)]
wait_until(lambda: all(job.view().reading for job in jobs))
jobs[0].cancel()
wait_until(lambda: jobs[0].view().phase == "Over", longest_pause_s=0.005)
jobs[0].mark()
wait_until(lambda: jobs[0].view().share > 0, longest_pause_s=0.005)
"""


def test_a_process_that_ends_while_films_are_read_and_marked_does_not_crash() -> None:
    done = run_python("-c", READ)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_film_that_breaks_off_an_error_and_a_missing_encoder_keep_the_readings(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def end_of(*arguments: Any) -> FilmView:
        job = start(*arguments)
        wait_for_end(job)
        job.mark()
        film = wait_for_end(job)
        assert film.error is None
        assert "a fault" not in (film.problem or film.unmarked or "a fault")
        return film

    whole = film_bytes([(NOBODY, 3), (COLLINS, 3)], ending="mkv")
    film = end_of(whole[: len(whole) * 2 // 3])
    assert 3 < film.reading.end_s < 6
    with av.open(film.marked.reader()) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
    assert times[-1] == pytest.approx(film.reading.end_s, abs=0.5)
    assert "incomplete" in film.problem
    failing = Mock(threshold=0.0)
    failing.classify.side_effect = [*[[FakeClassifier().probabilities]] * 5, RuntimeError("a fault")]
    film = end_of(GREY, fakes(failing))
    assert (film.marked is None, len(film.reading or ())) == (False, 5)
    assert "a fault" in caplog.text

    def draw(*_: Any, **__: Any) -> None:
        raise FilmError("no encoder")

    monkeypatch.setattr(job_module, "annotate_film", draw)
    film = end_of()
    assert (film.marked, len(film.reading or ()) > 4) == (None, True)


def test_any_error_while_a_film_is_written_ends_the_phase(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "annotate_film", Mock(side_effect=RuntimeError("a fault")))
    job = start()
    wait_for_end(job)
    job.mark()
    film = wait_for_end(job)
    assert (film.phase, film.error, film.marked) == (FilmPhase.OVER, None, None)
    assert "could not be drawn" in (film.unmarked or "")
    monkeypatch.undo()
    job.mark()
    film = wait_for_end(job)
    assert (film.marked is None, film.unmarked, film.problem) == (False, None, None)


def test_the_pictures_of_a_film_count_and_their_limit_is_told(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = own_capacity(monkeypatch, job_module, max_visitors=9, max_live=9).memory
    job = start()
    wait_for_end(job)
    assert memory.num_bytes == sum(map(len, job._frames.values())) + sum(len(one) for _, one in job._portraits.values())
    memory.max_bytes = 2 * (memory.num_bytes + 100)  # half of it for a visitor
    film = wait_for_end(start())
    assert "You may store" in (film.problem or film.error or "")


def test_a_third_film_waits_for_the_first_two(start: Callable[..., FilmJob]) -> None:
    classifiers = Classifier(permissions=1), Classifier(permissions=1)
    running = [start(networks=fakes(classifier)) for classifier in classifiers]
    assert all(classifier.has_stopped() for classifier in classifiers)
    stopped, next_ = start(), start()
    assert {stopped.view().phase, next_.view().phase} == {FilmPhase.WAITING}
    assert stopped.view().is_reading
    assert stopped.view().seconds_left() is None
    stopped.cancel()
    film = wait_for_end(stopped)
    assert (film.error, film.reading, film.marked) == (None, None, None)
    assert next_.view().phase is FilmPhase.WAITING
    classifiers[0].allow()
    assert len(wait_for_end(next_).reading) > 4
    assert running[1].view().phase is FilmPhase.READING
    classifiers[1].allow()
    for job in running:
        wait_for_end(job)


def test_a_song_needs_a_settled_scene_or_the_end(start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch):
    classifier = Classifier(permissions=3)
    monkeypatch.setattr(job_module, "_MOST_PORTRAITS", 1)
    job = start(networks=fakes(classifier, FakeDetector([FACE, make_face(200, 40, 60, 75)])))
    assert classifier.has_stopped()
    assert len(job.view().scenes) == 1
    assert not job.view().has_answer
    with monkeypatch.context() as patch:
        patch.setattr(job_module, "_SETTLED_S", 2.0)
        assert job.view().has_answer
    classifier.allow()
    film = wait_for_end(job)
    assert film.has_answer
    assert [face.number for face in film.reading.persons()] == [1, 2]
    assert [job.portrait(number) is not None for number in (1, 2)] == [True, False]


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> ByteBudget:
    """The budget of files, on a server of its own."""
    return own_capacity(monkeypatch, job_module, max_visitors=9, max_live=9).files


def test_a_film_counts_until_its_job_ends(start: Callable[..., FilmJob], budget: ByteBudget) -> None:
    classifiers = Classifier(permissions=1), Classifier(permissions=1)
    jobs = [start(networks=fakes(classifier)) for classifier in classifiers]
    assert all(classifier.has_stopped() for classifier in classifiers)
    assert budget.num_bytes == 2 * len(GREY)
    budget.max_bytes = 2 * (3 * len(GREY) - 1)  # half of it for a visitor
    film = wait_for_end(start())
    assert "You may store" in (film.error or "")
    for job, classifier in zip(jobs, classifiers, strict=True):
        job.end()
        classifier.allow()
    wait_until(lambda: gc.collect() >= 0 and budget.num_bytes == 0)


def test_a_marked_film_without_room_leaves_the_readings_and_a_sentence(
    budget: ByteBudget, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)  # keeps the records

    def assert_only_read(file: BinaryIO) -> None:
        job = FilmJob("a film.mp4", file, fakes())
        wait_for_end(job)
        job.mark()
        film = wait_for_end(job)
        assert (film.error, film.marked) == (None, None)
        assert "no room" in (film.unmarked or "")
        assert len(film.reading) > 4
        job.close()
        del film  # refers to the file
        wait_until(lambda: gc.collect() >= 0 and budget.num_bytes == 0)

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "r+"))
        assert "no room" in (wait_for_end(FilmJob("a film.mp4", io.BytesIO(GREY), fakes())).error or "")
        (path := tmp_path / "film.mp4").write_bytes(GREY)
        assert_only_read(path.open("rb"))  # the copy has no room, the film has
    budget.max_bytes = 2 * (len(GREY) + 2000)  # half of it for a visitor
    assert_only_read(io.BytesIO(GREY))
