"""A guided minute in which a person shows a neutral face and then each emotion, for a face profile."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.stream.reader import SeenFace

ORDER = tuple(map(Emotion, ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear")))
"""Neutral first, because a profile needs it; then from easy to hard."""

COUNTDOWN_S, CAPTURE_S = 3.0, 1.5


class Step(StrEnum):
    """State of the lesson for one emotion."""

    READY = "ready"
    COUNTING = "counting"
    CAPTURING = "capturing"
    TAKEN = "taken"
    MISSED = "missed"  # there was no face
    DONE = "done"


@dataclass(frozen=True, slots=True, eq=False)
class LessonView:
    """The state of a lesson at one moment."""

    step: Step  # what happens now
    emotion: Emotion | None  # the emotion to show; None at the end
    seconds_left: float  # of the countdown, until the capture
    taken: SeenFace | None  # the best face of this emotion so far

    @property
    def can_skip(self) -> bool:
        """Whether the emotion may be left out: all but the neutral face."""
        return self.emotion not in (None, Emotion.NEUTRAL)


class Lesson:
    """The faces of one person. The reader's worker calls `observe`, the page the other methods.

    Attributes:
        learned: the probabilities of the kept faces with the profile; None before it is learned.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the neutral face. The clock is that of the reader, in seconds."""
        self.learned: Mapping[Emotion, EmotionProbabilities] | None = None
        self._clock = clock
        self._lock = threading.RLock()
        self._shots: dict[Emotion, SeenFace] = {}
        self._position = 0
        self._started_s = math.inf  # of the countdown
        self._best: SeenFace | None = None

    def view(self) -> LessonView:
        """The current state."""
        with self._lock:
            if self._position == len(ORDER):
                return LessonView(Step.DONE, None, 0.0, None)
            left_s, step = self._started_s + COUNTDOWN_S - self._clock(), Step.READY
            if left_s <= -CAPTURE_S:
                step = Step.MISSED if self._best is None else Step.TAKEN
            elif left_s < math.inf:
                step = Step.COUNTING if left_s > 0 else Step.CAPTURING
            return LessonView(step, ORDER[self._position], left_s, self._best)

    def shots(self) -> dict[Emotion, SeenFace]:
        """The kept faces, in the order of `Emotion`, with their probabilities without a profile."""
        with self._lock:
            return {emotion: self._shots[emotion] for emotion in Emotion if emotion in self._shots}

    def uses_profiles_at(self, time_s: float) -> bool:
        """No profile counts for the picture, also in a frame of the capture that is read after its end."""
        with self._lock:
            return not 0 <= time_s - self._started_s < COUNTDOWN_S + CAPTURE_S

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Keep the best picture of the largest face during the capture, as an `Observer`."""
        with self._lock:
            emotion = self.view().emotion
            if not faces or emotion is None or not 0 <= time_s - self._started_s - COUNTDOWN_S < CAPTURE_S:
                return
            face = max(faces, key=lambda seen: seen.box.width * seen.box.height)
            if self._best is None or face.probabilities[emotion] > self._best.probabilities[emotion]:
                self._best = face

    def start(self) -> None:
        """Begin the countdown, also to take a picture again."""
        with self._lock:
            self._started_s, self._best = self._clock(), None

    def keep(self) -> None:
        """Keep the picture and go on to the next emotion."""
        with self._lock:
            if (emotion := self.view().emotion) is not None and self._best is not None:
                self._shots[emotion] = self._best
                self._go_on()

    def skip(self) -> None:
        """Go on without a picture of this emotion."""
        with self._lock:
            if self.view().can_skip:
                self._go_on()

    def finish(self) -> None:
        """End the lesson with the pictures so far; it needs the neutral one."""
        with self._lock:
            if Emotion.NEUTRAL in self._shots:
                self._position = len(ORDER)

    def _go_on(self) -> None:
        self._position, self._started_s, self._best = self._position + 1, math.inf, None
