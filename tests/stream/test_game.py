import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.media.images import Box, read_image
from emomusic.stream import game
from emomusic.stream.game import (
    CAPTURE_S,
    COUNTDOWN_S,
    ORDER,
    RESULT_S,
    ROUND_S,
    Attempt,
    GamePhase,
    GameView,
    Lesson,
    MirrorGame,
    Step,
)
from emomusic.stream.reader import SeenFace
from tests.fakes import FakeClassifier, FakeClock

FIRST, SECOND = Emotion.HAPPY, Emotion.FEAR


@pytest.fixture(autouse=True)
def _no_countdown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Games begin at once. Lessons, whose tests have a clock, count down."""
    if "clock" not in request.fixturenames:
        monkeypatch.setattr(game, "COUNTDOWN_S", 0.0)


def face(emotion: Emotion = FIRST, share: float = 0.8, *, x: int = 100, side: int = 60) -> SeenFace:
    crop = np.full((side, side, 3), 90, np.uint8)
    return SeenFace(Box(x, 60, side, side), crop, FakeClassifier(emotion, share).probabilities, crop)


class Play:
    """A game with a clock and a reading every fifth of a second."""

    def __init__(self, *emotions: Emotion, num_players: int = 1) -> None:
        self.clock = FakeClock()
        self.game = MirrorGame(emotions or (FIRST, SECOND), num_players=num_players, clock=self.clock)

    def read(self, *faces: SeenFace, seconds: float = 0.2, apart_s: float = 0.2) -> None:
        for _ in range(round(seconds / apart_s)):
            self.game.observe(self.clock(), faces)
            self.clock.advance(apart_s)

    @property
    def phase(self) -> GamePhase:
        return self.game.view().phase

    def last(self, player: int = 0) -> Attempt:
        return self.game.view().rounds[-1][player]


def test_a_game_has_one_round_for_each_emotion_and_ends() -> None:
    play = Play(*EMOTIONS)
    seen = []
    while play.phase is not GamePhase.OVER:
        play.read(face())
        seen.append((len(play.game.view().rounds), play.phase))
    rounds = [(number, phase) for number in range(1, 8) for phase in (GamePhase.SHOWING, GamePhase.RESULT)]
    assert [each for each in dict.fromkeys(seen) if each[1] is not GamePhase.WAITING] == [*rounds, (7, GamePhase.OVER)]
    assert play.clock() - 100 == pytest.approx(7 * (ROUND_S + RESULT_S), abs=7 * 0.4)
    assert [attempt.emotion for (attempt,) in play.game.view().rounds] == list(EMOTIONS)
    before = play.game.view().points
    play.read(face(), seconds=2)
    play.game.skip()
    assert (play.phase, play.game.view().points) == (GamePhase.OVER, before)


def test_the_first_round_begins_after_a_countdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(game, "COUNTDOWN_S", 3.0)
    play = Play()
    play.read(face(share=0.9), seconds=2)
    assert play.phase is GamePhase.COUNTING
    assert play.game.view().left_s == pytest.approx(1.0)
    assert play.last().probabilities is None  # not yet
    play.read(face(share=0.9), seconds=1.2)
    assert (play.phase, play.last().emotion) == (GamePhase.SHOWING, FIRST)
    play.read(face(), seconds=ROUND_S + RESULT_S)
    assert play.phase is GamePhase.SHOWING  # without another countdown


def test_quality_and_speed_give_points_and_the_winner_has_more_than_all_others() -> None:
    play = Play()
    play.read(face(FIRST, 0.9), seconds=1)
    fast = play.last()
    assert fast.share == pytest.approx(0.9)
    assert fast.points == round(70 * 0.9 + 30)  # within the first second
    slow = Play()
    slow.read(face(Emotion.NEUTRAL), seconds=3)
    slow.read(face(FIRST, 0.9), seconds=1)
    assert slow.last().reached_s == pytest.approx(3.2)  # with the second one of three or four
    assert slow.last().points == round(70 * 0.9 + 30 * 1.8 / 4)
    never = Play()
    never.read(face(Emotion.NEUTRAL, 0.4), seconds=5)
    assert (never.last().reached_s, never.last().points) == (None, 7)  # 70 times 0.1
    for shares, winner in (((0.5, 0.8), 1), ((0.8, 0.8), None), ((0.8,), None)):
        attempts = tuple(Attempt(FIRST, FakeClassifier(FIRST, share).probabilities) for share in shares)
        assert GameView(GamePhase.OVER, (attempts,), 1, 0.0, ()).winner == winner


def test_the_best_moment_is_kept_with_its_picture_also_of_late_readings() -> None:
    play = Play()
    play.read(face(), face(Emotion.SAD, x=10, side=20))
    assert play.last().picture == b""  # the first reading only starts the round
    play.read(face(FIRST, 0.5))
    first = play.last().picture
    play.read(face(FIRST, 0.9), seconds=1)
    best = play.last()
    play.read(face(FIRST, 0.7), seconds=2)
    assert play.last() is best
    assert best.picture is not first
    assert read_image(best.picture).shape == (200, 200, 3)
    play = Play()
    play.read(face(FIRST, 0.5))
    play.clock.advance(ROUND_S + 0.5)
    assert play.phase is GamePhase.RESULT
    play.game.observe(play.clock() - 1.0, [face(FIRST, 0.6)])
    assert play.last().share == pytest.approx(0.6)
    play.game.observe(play.clock(), [face(FIRST, 0.99)])
    assert play.last().share == pytest.approx(0.6)


def test_two_players_are_the_two_largest_faces_by_side_and_one_who_left_is_absent() -> None:
    play = Play(num_players=2)
    left, right = face(FIRST, 0.9, x=20), face(FIRST, 0.6, x=220)
    play.read(left)
    assert play.phase is GamePhase.WAITING
    play.read(left, face(FIRST, 0.99, x=140, side=20), right, seconds=0.4)
    assert [attempt.share for attempt in play.game.view().rounds[0]] == pytest.approx([0.9, 0.6])
    assert None not in play.game.view().now
    play.read(face(FIRST, 0.95, x=200), seconds=2)  # the other one is hidden
    assert [attempt.share for attempt in play.game.view().rounds[0]] == pytest.approx([0.9, 0.95])
    assert [one is None for one in play.game.view().now] == [True, False]
    assert play.game.view().points == tuple(attempt.points for attempt in play.game.view().rounds[0])


def test_a_press_skips_a_round_once() -> None:
    play = Play()
    play.game.skip()  # a held key
    assert len(play.game.view().rounds) == 1
    play.clock.advance(1)
    play.game.skip()
    play.game.skip()
    assert len(play.game.view().rounds) == 2
    play.clock.advance(1)
    play.game.skip()
    assert play.phase is GamePhase.OVER
    assert play.game.view().points == (0,)
    assert play.game.view().strongest is None


def seen(side: int = 60, shade: int = 0, **shares: float) -> SeenFace:
    """A seen with these probabilities; the others share the rest."""
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
    lesson.observe(clock(), [seen(neutral=0.9)])
    lesson.start()
    lesson.observe(clock(), [seen(neutral=0.9)])
    view = lesson.view()
    assert (view.step, view.seconds_left, view.taken) == (Step.COUNTING, COUNTDOWN_S, ())
    clock.advance(COUNTDOWN_S)
    assert lesson.view().step is Step.CAPTURING
    lesson.observe(clock(), [seen(40, 1, neutral=0.9), seen(60, 2, neutral=0.5)])
    clock.advance(CAPTURE_S)
    lesson.observe(clock(), [seen(90, 3, neutral=0.99)])
    assert lesson.view().step is Step.TAKEN
    late, later = clock() - 0.01, clock()
    assert not lesson.uses_profiles_at(late)  # a frame of the capture that is read after its end
    assert lesson.uses_profiles_at(later)
    assert [shot.crop[0, 0, 0] for shot in lesson.view().taken] == [2]


def test_the_best_frame_has_the_most_of_the_emotion(lesson: Lesson, clock: FakeClock) -> None:
    teach(lesson, clock, seen(neutral=0.6, angry=0.01))
    lesson.keep()
    while lesson.view().name is not Emotion.ANGRY:
        lesson.skip()
    teach(lesson, clock, seen(shade=1, angry=0.05), seen(shade=2, angry=0.2), seen(shade=3, angry=0.1))
    lesson.finish()  # also keeps the one just taken
    assert [shot.crop[0, 0, 0] for shot in lesson.shots()[Emotion.ANGRY]] == [2]
    assert set(lesson.shots()) == {Emotion.NEUTRAL, Emotion.ANGRY}


def test_a_capture_without_a_face_is_missed_and_can_be_repeated(lesson: Lesson, clock: FakeClock) -> None:
    lesson.start()
    clock.advance(COUNTDOWN_S + CAPTURE_S)
    assert lesson.view().step is Step.CAPTURING  # a slow computer may have read no frame yet
    clock.advance(2 * CAPTURE_S)
    assert lesson.view().step is Step.MISSED
    lesson.keep()
    lesson.skip()  # the neutral seen is needed
    lesson.finish()
    assert lesson.view().name is Emotion.NEUTRAL
    teach(lesson, clock, seen(neutral=0.5))
    first = lesson.view().taken
    teach(lesson, clock, seen(neutral=0.4))
    assert len(lesson.view().taken) == 1
    assert lesson.view().taken != first


def test_a_slow_computer_takes_longer_for_the_shots_of_a_class(clock: FakeClock) -> None:
    lesson = Lesson(("glasses", "none"), clock)
    lesson.start()
    clock.advance(COUNTDOWN_S)
    for num_read in range(8):  # of 20 shots
        assert (lesson.view().step, len(lesson.view().taken)) == (Step.CAPTURING, num_read)
        lesson.observe(clock(), [seen(neutral=0.5)])
        clock.advance(2)
    assert (lesson.view().step, len(lesson.view().taken)) == (Step.TAKEN, 8)


def test_the_lesson_ends_after_the_last_emotion_or_earlier(lesson: Lesson, clock: FakeClock) -> None:
    for emotion in ORDER:
        assert lesson.view().name is emotion
        teach(lesson, clock, seen(**{emotion.value: 0.5}))
        lesson.keep()
    assert lesson.view().step is Step.DONE
    assert set(lesson.shots()) == set(Emotion)
    short = Lesson(clock=clock)
    teach(short, clock, seen(neutral=0.5))
    short.keep()
    short.finish()
    assert (short.view().step, set(short.shots())) == (Step.DONE, {Emotion.NEUTRAL})
