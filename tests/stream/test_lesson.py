import numpy as np
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.media.images import Box
from emomusic.stream.game import CAPTURE_S, COUNTDOWN_S, ORDER, Lesson, Step
from emomusic.stream.reader import SeenFace
from tests.fakes import FakeClock


def face(side: int = 60, shade: int = 0, **shares: float) -> SeenFace:
    """A face with these probabilities; the others share the rest."""
    values = np.array([shares.get(emotion.value, 0.0) for emotion in Emotion], np.float32)
    values[values == 0] = (1 - values.sum()) / max((values == 0).sum(), 1)
    crop = np.full((8, 8, 3), shade, np.uint8)
    return SeenFace(Box(0, 0, side, side), crop, EmotionProbabilities(values), crop)


@pytest.fixture
def lesson(clock: FakeClock) -> Lesson:
    return Lesson(clock=clock)


def teach(lesson: Lesson, clock: FakeClock, *faces: SeenFace) -> None:
    """Show faces from the start of a capture, evenly spread."""
    lesson.start()
    clock.advance(COUNTDOWN_S)
    for each in faces:
        lesson.observe(clock(), [each])
        clock.advance(CAPTURE_S / len(faces))


def test_only_the_capture_counts_and_the_largest_face(lesson: Lesson, clock: FakeClock) -> None:
    assert (lesson.view().step, lesson.view().name) == (Step.READY, Emotion.NEUTRAL)
    lesson.observe(clock(), [face(neutral=0.9)])
    lesson.start()
    lesson.observe(clock(), [face(neutral=0.9)])
    view = lesson.view()
    assert (view.step, view.seconds_left, view.taken) == (Step.COUNTING, COUNTDOWN_S, ())
    clock.advance(COUNTDOWN_S)
    assert lesson.view().step is Step.CAPTURING
    lesson.observe(clock(), [face(40, 1, neutral=0.9), face(60, 2, neutral=0.5)])
    clock.advance(CAPTURE_S)
    lesson.observe(clock(), [face(90, 3, neutral=0.99)])
    assert lesson.view().step is Step.TAKEN
    late, later = clock() - 0.01, clock()
    assert not lesson.uses_profiles_at(late)  # a frame of the capture that is read after its end
    assert lesson.uses_profiles_at(later)
    assert [shot.crop[0, 0, 0] for shot in lesson.view().taken] == [2]


def test_the_best_frame_has_the_most_of_the_emotion(lesson: Lesson, clock: FakeClock) -> None:
    teach(lesson, clock, face(neutral=0.6, angry=0.01))
    lesson.keep()
    while lesson.view().name is not Emotion.ANGRY:
        lesson.skip()
    teach(lesson, clock, face(shade=1, angry=0.05), face(shade=2, angry=0.2), face(shade=3, angry=0.1))
    lesson.keep()
    assert [shot.crop[0, 0, 0] for shot in lesson.shots()[Emotion.ANGRY]] == [2]
    assert set(lesson.shots()) == {Emotion.NEUTRAL, Emotion.ANGRY}


def test_a_capture_without_a_face_is_missed_and_can_be_repeated(lesson: Lesson, clock: FakeClock) -> None:
    lesson.start()
    clock.advance(COUNTDOWN_S + CAPTURE_S)
    assert lesson.view().step is Step.CAPTURING  # a slow computer may have read no frame yet
    clock.advance(2 * CAPTURE_S)
    assert lesson.view().step is Step.MISSED
    lesson.keep()
    lesson.skip()  # the neutral face is needed
    lesson.finish()
    assert lesson.view().name is Emotion.NEUTRAL
    teach(lesson, clock, face(neutral=0.5))
    first = lesson.view().taken
    teach(lesson, clock, face(neutral=0.4))
    assert len(lesson.view().taken) == 1
    assert lesson.view().taken != first


def test_a_slow_computer_takes_longer_for_the_shots_of_a_class(clock: FakeClock) -> None:
    lesson = Lesson(("glasses", "none"), clock)
    lesson.start()
    clock.advance(COUNTDOWN_S)
    for num_read in range(8):  # of 20 shots
        assert (lesson.view().step, len(lesson.view().taken)) == (Step.CAPTURING, num_read)
        lesson.observe(clock(), [face(neutral=0.5)])
        clock.advance(2)
    assert (lesson.view().step, len(lesson.view().taken)) == (Step.TAKEN, 8)


def test_the_lesson_ends_after_the_last_emotion_or_earlier(lesson: Lesson, clock: FakeClock) -> None:
    for emotion in ORDER:
        assert lesson.view().name is emotion
        teach(lesson, clock, face(**{emotion.value: 0.5}))
        lesson.keep()
    assert lesson.view().step is Step.DONE
    assert set(lesson.shots()) == set(Emotion)
    short = Lesson(clock=clock)
    teach(short, clock, face(neutral=0.5))
    short.keep()
    short.finish()
    assert (short.view().step, set(short.shots())) == (Step.DONE, {Emotion.NEUTRAL})
