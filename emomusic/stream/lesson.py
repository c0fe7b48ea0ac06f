"""A guided minute in which a person shows a neutral face and then each emotion, for a face profile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.media.images import RgbImage
from emomusic.stream.reader import SeenFace

ORDER = (
    Emotion.NEUTRAL,
    Emotion.HAPPY,
    Emotion.SURPRISE,
    Emotion.SAD,
    Emotion.ANGRY,
    Emotion.DISGUST,
    Emotion.FEAR,
)
"""Neutral first, because a profile needs it; then from easy to hard."""

COUNTDOWN_S, CAPTURE_S = 3.0, 1.5

_FLOOR = 1e-4


class Step(StrEnum):
    """State of the lesson for one emotion."""

    READY = "ready"
    COUNTING = "counting"
    CAPTURING = "capturing"
    TAKEN = "taken"
    MISSED = "missed"  # there was no face
    DONE = "done"


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A captured face, with its probabilities without a profile."""

    crop: RgbImage
    probabilities: EmotionProbabilities


class Lesson:
    """The shots of one person. The reader's worker calls `observe`, the page the other methods.

    Attributes:
        shots: the kept shots.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the neutral face. The clock is that of the reader, in seconds."""
        self.shots: dict[Emotion, Shot] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._position = 0
        self._started_s: float | None = None
        self._best: tuple[float, Shot] | None = None

    @property
    def emotion(self) -> Emotion | None:
        """The emotion to show; None at the end."""
        return ORDER[self._position] if self._position < len(ORDER) else None

    @property
    def step(self) -> Step:
        """What happens now."""
        if self.emotion is None:
            return Step.DONE
        if self._started_s is None:
            return Step.READY
        elapsed_s = self._clock() - self._started_s
        if elapsed_s < COUNTDOWN_S:
            return Step.COUNTING
        if elapsed_s < COUNTDOWN_S + CAPTURE_S:
            return Step.CAPTURING
        return Step.MISSED if self._best is None else Step.TAKEN

    @property
    def seconds_left(self) -> float:
        """Until the capture, in seconds; 0 outside of the countdown."""
        return 0.0 if self._started_s is None else max(self._started_s + COUNTDOWN_S - self._clock(), 0.0)

    @property
    def taken(self) -> Shot | None:
        """The best shot of this emotion so far."""
        return None if self._best is None else self._best[1]

    @property
    def can_skip(self) -> bool:
        """Whether the emotion may be left out: all but the neutral face."""
        return self.emotion is not Emotion.NEUTRAL

    def start(self) -> None:
        """Begin the countdown, also to take a shot again."""
        with self._lock:
            self._started_s, self._best = self._clock(), None

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Keep the best picture of the largest face during the capture."""
        if not faces or self._started_s is None:
            return
        with self._lock:
            begins_s = self._started_s + COUNTDOWN_S
            emotion = self.emotion
            if emotion is None or not begins_s <= time_s < begins_s + CAPTURE_S:
                return
            face = max(faces, key=lambda seen: seen.box.width * seen.box.height)
            score = self._score(face.probabilities, emotion)
            if self._best is None or score > self._best[0]:
                self._best = score, Shot(face.crop.copy(), face.probabilities)

    def _score(self, probabilities: EmotionProbabilities, emotion: Emotion) -> float:
        """How much more of the emotion a face shows than the person's neutral face."""
        position = list(Emotion).index(emotion)
        shares = np.log(np.maximum(probabilities.values, _FLOOR))
        if (neutral := self.shots.get(Emotion.NEUTRAL)) is not None and emotion is not Emotion.NEUTRAL:
            shares = shares - np.log(np.maximum(neutral.probabilities.values, _FLOOR))
        return float(shares[position])

    def keep(self) -> None:
        """Keep the shot and go on to the next emotion."""
        with self._lock:
            if self.emotion is not None and self._best is not None:
                self.shots[self.emotion] = self._best[1]
                self._go_on()

    def skip(self) -> None:
        """Go on without a shot of this emotion."""
        with self._lock:
            if self.can_skip:
                self._go_on()

    def finish(self) -> None:
        """End the lesson with the shots so far; it needs the neutral one."""
        with self._lock:
            if Emotion.NEUTRAL in self.shots:
                self._position = len(ORDER)

    def _go_on(self) -> None:
        self._position, self._started_s, self._best = self._position + 1, None, None
