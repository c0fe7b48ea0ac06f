import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.faces.detection import Face
from emomusic.faces.reading import load_networks, read_picture
from emomusic.media.images import DecodedPicture, RgbImage, read_image
from emomusic.stream import tracking
from emomusic.stream.game import CAPTURE_S, COUNTDOWN_S, Lesson
from emomusic.stream.reader import THREAD_NAME, LiveReader, LiveView, SeenFace
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, describe_apart, make_face
from tests.films import SAMPLES, tilted
from tests.waiting import PATIENCE_S, wait_until

FACE = make_face(100, 80, 60, 75)  # in a frame of 320x240
NOISE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8), (9, 9), 0)


def frame(shade: int = 90) -> RgbImage:
    return np.full((240, 320, 3), shade, np.uint8)


def read(reader: LiveReader, image: RgbImage) -> LiveView:
    """Submit a frame and wait for its reading."""
    before = reader.view().num_readings
    reader.submit_frame(image)
    wait_until(lambda: reader.view().num_readings > before)
    return reader.view()


class BlockedDetector(FakeDetector):
    """Blocks each reading until `go_on` is released, and records the shade of each frame."""

    def __init__(self, faces: Sequence[Face] = ()) -> None:
        super().__init__(faces)
        self.shades: list[int] = []
        self.entered, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def detect(self, image: RgbImage) -> list[Face]:
        self.shades.append(int(image[0, 0, 0]))
        self.entered.release()
        assert self.go_on.acquire(timeout=PATIENCE_S)
        return super().detect(image)

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        return self.detect(image)


@pytest.fixture
def fake() -> FakeDetector:
    return FakeDetector([FACE])


@pytest.fixture
def reader(fake: FakeDetector, clock: FakeClock) -> Iterator[LiveReader]:
    with closing(LiveReader(lambda: (fake, FakeClassifier()), smoothing_s=0, clock=clock)) as reader:
        yield reader


def test_a_tilted_head_is_levelled_in_each_reading() -> None:
    """With the real networks: a search of the frame, then one near the known face."""
    image = tilted(read_image(SAMPLES / "grace-hopper-1984.jpg"), -40)
    (still,) = read_picture(DecodedPicture(image), load_networks).faces
    with closing(LiveReader(lambda: load_networks(upright=True), smoothing_s=0)) as reader:
        for _ in range(2):
            (face,) = read(reader, image).faces
            assert face.probabilities.emotion is still.probabilities.emotion


def test_late_frames_are_dropped() -> None:
    detector = BlockedDetector([FACE])
    with closing(LiveReader(lambda: (detector, FakeClassifier()), smoothing_s=0)) as reader:
        reader.submit_frame(frame(1))
        assert detector.entered.acquire(timeout=PATIENCE_S)
        for shade in (2, 3, 4):
            reader.submit_frame(frame(shade))
            assert not reader.view().faces  # during the reading
        detector.go_on.release()
        assert detector.entered.acquire(timeout=PATIENCE_S)
        detector.go_on.release()
        wait_until(lambda: reader.view().num_readings == 2)
        assert detector.shades == [1, 4]
        assert reader.view().num_frames == 4


def test_lessons_take_faces_as_they_are(reader: LiveReader, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[tuple[float, SeenFace]] = []

        def uses_profiles_at(self, time_s: float) -> bool:
            return True

        def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
            self.seen += [(time_s, face) for face in faces]

    identity = describe_apart(frame(), [FACE.box])[0]
    profile = Mock(identity=identity, classify=FakeClassifier(Emotion.SAD).classify)
    monkeypatch.setattr(tracking, "describe_persons", describe_apart)
    lesson, watcher = Lesson(clock=clock), Watcher()
    reader.profiles, reader.observers = (profile,), (lesson, watcher)
    read(reader, frame())
    lesson.start()
    clock.advance(COUNTDOWN_S)
    read(reader, frame())
    (taken,) = lesson.view().taken
    assert taken.probabilities.emotion is Emotion.HAPPY
    clock.advance(CAPTURE_S)
    read(reader, frame())
    assert [face.probabilities.emotion for _, face in watcher.seen] == [Emotion.SAD, Emotion.HAPPY, Emotion.SAD]


def test_boxes_follow_the_picture_between_readings() -> None:
    detector = BlockedDetector([FACE])
    detector.go_on.release()
    with closing(LiveReader(lambda: (detector, FakeClassifier()), smoothing_s=0)) as reader:
        read(reader, NOISE[20:260, 20:340].copy())
        for step in range(1, 6):  # the picture moves by (4, 3) pixels without a reading
            reader.submit_frame(NOISE[20 - 3 * step : 260 - 3 * step, 20 - 4 * step : 340 - 4 * step].copy())
            view = reader.view()
            (face,) = view.faces
            assert face.face.box.x == pytest.approx(FACE.box.x + 4 * step, abs=1)
            assert face.face.box.y == pytest.approx(FACE.box.y + 3 * step, abs=1)
        assert reader.view().num_readings == 1
        detector.go_on.release()


def test_probabilities_are_smoothed_and_an_idle_worker_ends_for_a_while(fake: FakeDetector, clock: FakeClock) -> None:
    classifier = FakeClassifier(Emotion.HAPPY, 0.9)
    with closing(LiveReader(lambda: (fake, classifier), smoothing_s=2, clock=clock)) as reader:
        read(reader, frame())
        classifier.probabilities = FakeClassifier(Emotion.SAD, 0.9).probabilities
        clock.advance(2.0)
        (face,) = read(reader, frame()).faces
        assert face.probabilities[Emotion.SAD] == pytest.approx(0.9 - (0.9 - 0.1 / 6) * np.exp(-1))
    earlier = set(threading.enumerate())
    with closing(LiveReader(lambda: (fake, FakeClassifier()), smoothing_s=0, idle_s=0.02)) as reader:
        read(reader, frame())
        wait_until(lambda: num_workers(earlier) == 0)
        view = read(reader, frame())
        assert view.num_readings == 2
        assert [face.number for face in view.faces] == [1]


def test_the_view_has_rates_and_lag_in_seconds(clock: FakeClock) -> None:
    detector = BlockedDetector([FACE])
    with closing(LiveReader(lambda: (detector, FakeClassifier()), smoothing_s=0, clock=clock)) as reader:
        assert reader.view().lag_s is None
        for number in range(5):
            reader.submit_frame(frame())
            assert detector.entered.acquire(timeout=PATIENCE_S)
            clock.advance(0.04)  # a reading takes 40 ms
            detector.go_on.release()
            wait_until(lambda number=number: reader.view().num_readings == number + 1)
            clock.advance(0.06)
        view = reader.view()
        assert view.frames_per_second == pytest.approx(10)
        assert view.readings_per_second == pytest.approx(10)
        assert view.lag_s == pytest.approx(0.04)
        clock.advance(10)
        assert (reader.view().frames_per_second, reader.view().readings_per_second) == (0, 0)


def test_a_successful_reading_clears_the_error(
    fake: FakeDetector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emomusic.stream.reader._REST_AFTER_ERROR_S", 0.0)
    errors = [RuntimeError("out of memory")]

    def networks() -> tuple[FakeDetector, FakeClassifier]:
        for error in errors:
            raise error
        return fake, FakeClassifier()

    with closing(LiveReader(networks, smoothing_s=0)) as reader:
        for _ in range(3):
            reader.submit_frame(frame())
            wait_until(lambda: reader.view().error is not None)
        assert str(reader.view().error) == "out of memory"
        errors.clear()
        assert read(reader, frame()).error is None
        assert len(reader.view().faces) == 1
    assert len(caplog.records) == 1  # three equal errors


def num_workers(earlier: set[threading.Thread]) -> int:
    """The number of threads of readers, but not of those that other tests have left."""
    return sum(thread.name == THREAD_NAME and thread not in earlier for thread in threading.enumerate())


def test_close_discards_a_pending_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emomusic.stream.reader._END_S", 0.0)
    blocked, earlier = BlockedDetector([FACE]), set(threading.enumerate())
    reader = LiveReader(lambda: (blocked, FakeClassifier()), smoothing_s=0)
    reader.submit_frame(frame())
    assert blocked.entered.acquire(timeout=PATIENCE_S)
    reader.close()
    blocked.go_on.release()
    wait_until(lambda: num_workers(earlier) == 0)
    assert (reader.view().num_readings, len(reader.timeline()), reader._tracks._grey) == (0, 0, None)
