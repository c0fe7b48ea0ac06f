import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import Face
from emomusic.faces.profile import KnownFace, People, learn_profile
from emomusic.media.images import Box, RgbImage, crop_face
from emomusic.stream import persons as persons_module
from emomusic.stream import reader as reader_module
from emomusic.stream.game import MirrorGame
from emomusic.stream.lesson import CAPTURE_S, COUNTDOWN_S, Lesson
from emomusic.stream.persons import Recognition
from emomusic.stream.reader import LiveReader, LiveSettings, LiveView, SeenFace
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, FakeIdentifier, make_face

SHARP = LiveSettings(smoothing_s=0.0)
FACE = make_face(100, 80, 60, 75)  # in a frame of 320x240


def frame(shade: int = 90, width: int = 320, height: int = 240) -> RgbImage:
    return np.full((height, width, 3), shade, np.uint8)


def read(reader: LiveReader, image: RgbImage) -> LiveView:
    """Read a frame without an error."""
    view = reader.read(lambda: image)
    assert view.error is None
    return view


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def fake() -> FakeDetector:
    return FakeDetector([FACE])


@pytest.fixture
def reader(fake: FakeDetector, clock: FakeClock) -> Iterator[LiveReader]:
    with closing(LiveReader(lambda: (fake, FakeClassifier()), settings=SHARP, clock=clock)) as reader:
        yield reader


def test_known_faces_are_searched_nearby_and_regularly_all(
    reader: LiveReader, fake: FakeDetector, clock: FakeClock
) -> None:
    for _ in range(9):
        assert [face.face.box for face in read(reader, frame()).faces] == [FACE.box]
        clock.advance(0.125)
    assert (fake.num_calls, fake.num_near_calls) == (3, 6)  # at 0, 0.5 and 1 s


def test_faces_of_a_reduced_frame_are_in_its_own_pixels(reader: LiveReader, fake: FakeDetector) -> None:
    fake.faces = [make_face(20, 30, 40, 50)]
    assert read(reader, frame(width=640, height=480)).faces[0].face.box == Box(40, 60, 80, 100)


class Watcher:
    """An observer that keeps what it sees."""

    def __init__(self, recognition: Recognition = Recognition.ESTIMATED) -> None:
        self.recognition = recognition
        self.seen: list[tuple[float, SeenFace]] = []

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        self.seen += [(time_s, face) for face in faces]


def test_observers_see_the_crops_of_each_reading(reader: LiveReader, clock: FakeClock) -> None:
    reader.observers = watchers = [Watcher(), Watcher()]
    clock.now_s = 5.0
    image = frame()
    read(reader, image)
    for watcher in watchers:
        ((time_s, face),) = watcher.seen
        assert time_s == 5.0
        assert face.box == FACE.box
        assert np.array_equal(face.crop, crop_face(image, FACE.box))
        assert np.array_equal(face.probabilities.values, FakeClassifier().probabilities.values)
    reader.observers = watchers[:1]
    read(reader, image)
    assert [len(watcher.seen) for watcher in watchers] == [2, 1]


def finished_game(clock: FakeClock) -> MirrorGame:
    game = MirrorGame([Emotion.HAPPY], clock=clock)
    clock.advance(1.0)
    game.skip()
    return game


@pytest.mark.parametrize("observer", [finished_game, Lesson], ids=["game", "lesson"])
def test_readings_adjust_to_one_person_also_after_a_game_and_besides_a_lesson(
    fake: FakeDetector,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    observer: Callable[[FakeClock], MirrorGame | Lesson],
) -> None:
    classifier, people, estimates = EmotionClassifier.load(), People.load("emonet_photo"), weakref.WeakSet[KnownFace]()

    class Estimate(KnownFace):
        def __init__(self, *profile: Any) -> None:
            super().__init__(*profile)
            estimates.add(self)

    neutral = people.means[Emotion.NEUTRAL.label]
    taught = learn_profile({Emotion.NEUTRAL: [frame()]}, np.eye(1, 1024, dtype=np.float32), classifier)
    monkeypatch.setattr(reader_module, "load_identifier", FakeIdentifier)
    monkeypatch.setattr(persons_module, "describe_faces", lambda crops, _: neutral[None])
    monkeypatch.setattr(persons_module, "KnownFace", Estimate)
    with closing(
        LiveReader(lambda: (fake, FakeClassifier()), adjust=lambda: classifier, settings=SHARP, clock=clock)
    ) as reader:
        reader.observers = [observer(clock)]

        def adjusts(seconds: int = 1) -> bool:
            for _ in range(seconds):
                clock.advance(1)
                read(reader, frame())
            return reader.view.is_adjusted

        assert not adjusts(11)
        assert adjusts()
        reader.observers = [Watcher(Recognition.TAUGHT), *reader.observers]
        assert not adjusts()
        reader.observers = []
        assert adjusts()
        reader.known = (KnownFace(taught, classifier),)
        assert not adjusts()  # a taught profile wins
        reader.known = ()
        assert adjusts()
        reader.settings = replace(SHARP, recognition=Recognition.TAUGHT)
        assert not adjusts()
        reader.settings = SHARP
        assert not adjusts(11)
        assert adjusts()
        assert estimates
    gc.collect()
    assert not estimates  # gone with the video


def test_a_lesson_and_only_a_lesson_takes_faces_without_the_profile_of_a_known_person(
    reader: LiveReader, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known(KnownFace):
        def __init__(self) -> None:
            self.profile = SimpleNamespace(shows=lambda found: np.ones(len(found), bool))  # type: ignore[assignment]

        def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
            return FakeClassifier(Emotion.SAD).classify(crops)

    monkeypatch.setattr(reader_module, "load_identifier", FakeIdentifier)
    lesson, watcher = Lesson(clock), Watcher()
    reader.known, reader.observers = (Known(),), (lesson, watcher)
    read(reader, frame())
    lesson.start()
    clock.advance(COUNTDOWN_S)
    read(reader, frame())
    taken = lesson.view().taken
    assert taken is not None
    assert taken.probabilities.emotion is Emotion.HAPPY
    clock.advance(CAPTURE_S)
    read(reader, frame())
    assert [face.probabilities.emotion for _, face in watcher.seen] == [Emotion.SAD, Emotion.HAPPY, Emotion.SAD]


def test_probabilities_are_smoothed_with_the_time_constant(fake: FakeDetector, clock: FakeClock) -> None:
    classifier = FakeClassifier(Emotion.HAPPY, 0.9)
    with closing(LiveReader(lambda: (fake, classifier), settings=LiveSettings(smoothing_s=2.0), clock=clock)) as reader:
        read(reader, frame())
        classifier.probabilities = FakeClassifier(Emotion.SAD, 0.9).probabilities
        clock.advance(2.0)
        (face,) = read(reader, frame()).faces
        assert face.probabilities[Emotion.SAD] == pytest.approx(0.9 - (0.9 - 0.1 / 6) * np.exp(-1))
        reader.settings = SHARP
        clock.advance(0.01)
        (face,) = read(reader, frame()).faces
        assert face.probabilities[Emotion.SAD] == pytest.approx(0.9)


def test_the_view_has_its_rate_and_lag_in_seconds(fake: FakeDetector, clock: FakeClock) -> None:
    class Slow(FakeClassifier):
        def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
            clock.advance(0.04)
            return super().classify(crops)

    with closing(LiveReader(lambda: (fake, Slow()), settings=SHARP, clock=clock)) as reader:
        assert reader.view.lag_s is None
        for _ in range(5):
            view = read(reader, frame())
            clock.advance(0.06)
        assert (view.readings_per_second, view.lag_s) == (pytest.approx(10), pytest.approx(0.04))
        assert view.rest_s == pytest.approx(0.2 * 0.04)
        fake.faces = []
        assert read(reader, frame()).rest_s == 0  # the face may come back
        clock.advance(5)
        assert read(reader, frame()).rest_s == 0.25


def test_a_successful_reading_clears_the_error(fake: FakeDetector, caplog: pytest.LogCaptureFixture) -> None:
    errors = [RuntimeError("out of memory")]

    def networks() -> tuple[FakeDetector, FakeClassifier]:
        for error in errors:
            raise error
        return fake, FakeClassifier()

    with closing(LiveReader(networks, settings=SHARP)) as reader:
        for _ in range(3):
            error = reader.read(frame).error
        assert str(error) == "out of memory"
        assert error is not None
        assert error.__traceback__ is None  # a traceback holds the frame
        errors.clear()
        assert len(read(reader, frame()).faces) == 1
    assert len(caplog.records) == 1  # three equal errors


def test_after_close_no_frame_is_read_and_the_results_stay(reader: LiveReader) -> None:
    first = read(reader, frame())
    reader.close()
    assert read(reader, frame()) is first
    assert len(reader.timeline()) == 1
    assert reader._tracks._grey is None
    reader.close()


def test_close_discards_a_reading_in_progress(clock: FakeClock) -> None:
    class Closing(FakeDetector):
        def detect(self, image: RgbImage) -> list[Face]:
            reader.close()
            return super().detect(image)

    reader = LiveReader(lambda: (Closing([FACE]), FakeClassifier()), settings=SHARP, clock=clock)
    assert read(reader, frame()).faces == ()
    assert (reader.view.num_readings, len(reader.timeline()), reader._tracks._grey) == (0, 0, None)
