from __future__ import annotations

import contextlib
import errno
import io
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.app.film import job as job_module
from emomusic.app.film.job import PORTRAIT, THREAD_NAME, FilmHolder, FilmJob, FilmStage, stored_upload
from emomusic.errors import FilmError
from emomusic.media.images import RgbImage, read_image
from emomusic.stream.film import FilmNetworks, load_film_networks
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.films import BIDEN, COLLINS, NOBODY, film_bytes
from tests.pages.film_jobs import FACE, GREY, Classifier, fakes, film_threads, wait_for_end
from tests.waiting import PATIENCE_S, wait_until


def seconds_of(film: bytes | None) -> float:
    """Duration of the decoded frames of a film."""
    assert film is not None
    with av.open(io.BytesIO(film)) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
    return times[-1] + times[1] - times[0]


@pytest.fixture(autouse=True)
def _no_thread_remains() -> Iterator[None]:
    assert film_threads() == []
    yield
    wait_until(lambda: film_threads() == [])


@pytest.fixture
def start() -> Iterator[Callable[..., FilmJob]]:
    """Start a job on the bytes of a film; it is closed at the end."""
    jobs: list[FilmJob] = []

    def start_job(film: bytes = GREY, networks: Callable[[], FilmNetworks] | None = None) -> FilmJob:
        job = FilmJob("a film.mp4", io.BytesIO(film), networks or fakes())
        jobs.append(job)
        return job

    yield start_job
    for job in jobs:
        job.close()


def test_a_film_is_read_and_its_faces_are_marked(start: Callable[..., FilmJob]) -> None:
    job = start(film_bytes([(COLLINS, 2), (BIDEN, 2)], size=(320, 240)), load_film_networks)
    wait_for_end(job)
    assert (job.name, job.error, job.problem, job.cancelled.is_set()) == ("a film.mp4", None, None, False)
    assert not job.is_reading
    assert job.reading is not None
    assert len(job.reading) == 16
    assert [scene.emotion for scene in job.scenes()] == [Emotion.HAPPY, Emotion.NEUTRAL]
    assert [face.number for face in job.reading.faces()] == [1, 2]
    assert seconds_of(job.marked) == pytest.approx(4, abs=0.11)
    assert job.marked != film_bytes([(COLLINS, 2), (BIDEN, 2)], size=(320, 240))
    for number in (1, 2):
        assert read_image(job.portrait(number) or b"").shape == (PORTRAIT, PORTRAIT, 3)
    assert job.portrait(3) is None
    assert read_image(job.preview or b"").shape == (240, 320, 3)


def test_a_cancelled_film_keeps_its_readings_and_is_marked_up_to_there(start: Callable[..., FilmJob]) -> None:
    classifier = Classifier(permissions=9)
    job = start(networks=fakes(classifier))
    assert classifier.has_stopped()
    assert job.stage is FilmStage.READING
    assert 0 < job.share < 1
    job.cancelled.set()
    classifier.allow()
    wait_for_end(job)
    assert job.cancelled.is_set()
    assert job.error is None
    assert job.reading is not None
    assert len(job.reading) == 10  # the cancelled one is complete
    assert seconds_of(job.marked) == pytest.approx(job.reading.end_s, abs=0.11)


def test_a_closed_job_ends_its_threads_and_closes_its_file() -> None:
    classifier, file = Classifier(permissions=3), io.BytesIO(GREY)
    job = FilmJob("a film.mp4", file, fakes(classifier))
    assert classifier.has_stopped()
    assert set(film_threads()) == {"decoder", THREAD_NAME}
    classifier.allow()
    job.close()
    assert film_threads() == []
    assert file.closed
    assert job.stage is FilmStage.OVER
    assert job.marked is None
    job.close()  # again, without an error


def test_a_film_ends_when_its_visitor_has_left() -> None:
    classifier, file = Classifier(permissions=3), io.BytesIO(GREY)
    holder = FilmHolder(FilmJob("a film.mp4", file, fakes(classifier)))
    assert classifier.has_stopped()
    gone = weakref.ref(holder.job)
    del holder
    classifier.allow()
    wait_until(lambda: file.closed)
    assert classifier.num_frames == 4
    wait_until(lambda: gone() is None)


READ = """
import sys, time
from pathlib import Path
from emomusic.stream.film import load_film_networks
from emomusic.app.film.job import FilmJob
job = FilmJob("faces.mp4", Path("data/samples/faces.mp4").open("rb"), load_film_networks)
while job.reading is None or not len(job.reading):
    time.sleep(0.02)
"""


def test_a_process_that_ends_while_a_film_is_read_does_not_crash(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", READ], cwd=root, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("film", [b"", GREY[:200]], ids=["empty", "head"])
def test_a_file_that_is_no_film_is_an_error(film: bytes) -> None:
    file = io.BytesIO(film)
    job = FilmJob("notes.mp4", file, fakes())
    wait_for_end(job)
    assert "notes.mp4" in (job.error or "")
    assert (job.reading, job.problem, job.marked, job.scenes()) == (None, None, None, [])
    assert file.closed


def test_a_film_that_breaks_off_keeps_its_readings(start: Callable[..., FilmJob]) -> None:
    whole = film_bytes([(NOBODY, 3), (COLLINS, 3)], ending="mkv")
    job = start(whole[: len(whole) * 2 // 3])
    wait_for_end(job)
    assert job.error is None
    assert job.problem is not None
    assert job.reading is not None
    assert 3 < job.reading.end_s < 6
    assert seconds_of(job.marked) == pytest.approx(job.reading.end_s, abs=0.3)


def test_an_error_in_the_middle_keeps_the_readings(
    start: Callable[..., FilmJob], caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Classifier):
        def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
            if self.num_frames == 5:
                raise RuntimeError("a fault")
            return super().classify(crops)

    job = start(networks=fakes(Failing()))
    wait_for_end(job)
    assert (job.error, job.marked) == (None, None)
    assert "a fault" not in (job.problem or "a fault")
    assert "a fault" in caplog.text
    assert job.reading is not None
    assert len(job.reading) == 5


def test_a_film_that_cannot_be_marked_keeps_its_readings(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*_: Any, **__: Any) -> None:
        raise FilmError("no encoder")

    monkeypatch.setattr(job_module, "annotate_film", draw)
    job = start()
    wait_for_end(job)
    assert (job.error, job.marked) == (None, None)
    assert job.problem is not None
    assert job.reading is not None
    assert len(job.reading) == 24


def test_the_sound_of_a_cancelled_film_is_heard_up_to_there(start: Callable[..., FilmJob]) -> None:
    classifier = Classifier(permissions=16)
    job = start(film_bytes([(NOBODY, 12)], audio="aac"), fakes(classifier))
    assert classifier.has_stopped()
    assert job.sound is None
    job.cancelled.set()
    classifier.allow()
    wait_for_end(job)
    assert job.reading is not None
    assert job.sound
    assert (job.sound[0].start_s, job.sound[-1].end_s) == pytest.approx((0, job.reading.end_s), abs=0.1)


def test_a_film_that_is_too_long_is_refused_and_one_of_unknown_duration_read_up_to_the_limit(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "MAX_S", 3)
    long = start()
    wait_for_end(long)
    assert "0:06" in (long.error or "")
    assert long.reading is None
    job = start(film_bytes([(NOBODY, 6)], ending="mkv", options={"live": "1"}))
    wait_for_end(job)
    assert (job.error, job.reading and job.reading.duration_s) == (None, None)
    assert "0:03" in (job.problem or "")
    assert job.reading is not None
    assert job.reading.end_s == pytest.approx(3, abs=0.3)


def test_a_third_film_waits_for_the_first_two(start: Callable[..., FilmJob]) -> None:
    classifiers = Classifier(permissions=1), Classifier(permissions=1)
    running = [start(networks=fakes(classifier)) for classifier in classifiers]
    assert all(classifier.has_stopped() for classifier in classifiers)
    stopped, next_ = start(), start()
    assert {stopped.stage, next_.stage} == {FilmStage.WAITING}
    assert stopped.is_reading
    assert stopped.seconds_left() is None
    stopped.cancelled.set()
    wait_for_end(stopped)
    assert (stopped.error, stopped.reading, stopped.marked) == (None, None, None)
    assert next_.stage is FilmStage.WAITING
    classifiers[0].allow()
    wait_for_end(next_)
    assert next_.reading is not None
    assert len(next_.reading) == 24
    assert running[1].stage is FilmStage.READING
    classifiers[1].allow()
    for job in running:
        wait_for_end(job)


def test_the_mood_of_a_scene_stays_as_first_asked(start: Callable[..., FilmJob]) -> None:
    classifier = Classifier(permissions=9)
    job = start(networks=fakes(classifier))
    assert classifier.has_stopped()
    early = job.scenes()
    point, emotion = job.mood_of(0)
    assert (point, emotion) == (early[0].point, Emotion.HAPPY)
    assert job.scenes() is early  # computed once for the same readings
    classifier.probabilities = FakeClassifier(Emotion.HAPPY, share=0.5).probabilities
    classifier.allow()
    wait_for_end(job)
    (scene,) = job.scenes()
    assert scene.seconds == pytest.approx(6, abs=0.1)
    assert scene.point.valence < point.valence - 0.1
    assert job.mood_of(0) == (point, emotion)
    assert job.mood_of(3) == (scene.point, scene.emotion)  # the last scenes were joined


def test_a_song_needs_a_settled_scene_or_the_end(
    start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(permissions=9)
    job = start(networks=fakes(classifier))
    assert classifier.has_stopped()
    assert len(job.scenes()) == 1
    assert not job.has_answer()
    with monkeypatch.context() as patch:
        patch.setattr(job_module, "_SETTLED_S", 2.0)
        assert job.has_answer()
    assert not job.has_answer()
    classifier.allow()
    wait_for_end(job)
    assert job.has_answer()


def test_the_number_of_portraits_is_limited(start: Callable[..., FilmJob], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "_MOST_PORTRAITS", 1)
    job = start(networks=fakes(detector=FakeDetector([FACE, make_face(200, 40, 60, 75)])))
    wait_for_end(job)
    assert job.reading is not None
    assert [face.number for face in job.reading.faces()] == [1, 2]
    assert [job.portrait(number) is not None for number in (1, 2)] == [True, False]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(job_module.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_upload_is_stored_without_a_name_and_not_kept_in_memory(temporary: Path) -> None:
    content = bytes(range(256)) * 10_000
    upload = io.BytesIO(content)
    gone = weakref.ref(upload)
    with stored_upload(upload, len(content)) as stored:
        del upload
        assert gone() is None
        assert list(temporary.iterdir()) == []
        stored.seek(0)
        assert stored.read() == content
    assert stored.closed


def test_a_large_upload_is_refused_and_not_stored(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "MAX_MB", 1)
    with stored_upload(io.BytesIO(GREY), 2**20) as stored:
        assert stored.tell() == len(GREY)
    upload = io.BytesIO(GREY)
    with pytest.raises(FilmError, match="at most 1 MB"), stored_upload(upload, 2**20 + 1):
        pass
    assert upload.tell() == 0
    assert list(temporary.iterdir()) == []


def test_uploads_beyond_the_places_of_the_server_are_refused_before_they_are_copied() -> None:
    upload = io.BytesIO(GREY)
    with contextlib.ExitStack() as places:
        for _ in range(4):
            places.enter_context(stored_upload(io.BytesIO(GREY), len(GREY)))
        with pytest.raises(FilmError, match="no place"), stored_upload(upload, len(GREY)):
            pass
        assert upload.tell() == 0
    with stored_upload(upload, len(GREY)) as stored:  # a place is free again
        assert stored.tell() == len(GREY)


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    file = Full()
    monkeypatch.setattr(job_module.tempfile, "TemporaryFile", lambda: file)
    with pytest.raises(FilmError, match="no room"), stored_upload(io.BytesIO(GREY), len(GREY)):
        pass
    assert file.closed
