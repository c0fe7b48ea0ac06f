"""The mirror game: each round names an emotion, and players show it to the camera for points.

A round has up to 100 points: 70 times the largest probability of the named emotion, and 30 for the time until it was
the most probable one. Within the first second the speed has full points, at the end of the round none. All
probabilities are means over 0.6 seconds, so that a single odd reading does not decide.

The lesson is a guided minute in which a person shows a neutral face and then each emotion, for a face profile, or
shows own classes.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.profile import MAX_SHOTS
from emomusic.media.images import Box, encode_jpeg, shrink
from emomusic.stream.reader import Observer, SeenFace

COUNTDOWN_S, ROUND_S, RESULT_S = 3.0, 5.0, 2.0
"""Seconds before the first emotion, seconds to show one, and seconds for its result. A lesson counts down alike."""

MAX_POINTS = 100
"""Of a player in a round."""

_QUALITY_POINTS, _SPEED_POINTS = 70, 30
_FULL_SPEED_S = 1.0  # covers the delay of video and page
_MEAN_S = 0.6  # the probabilities are the mean over this time
_SEEN_S = 1.5  # a face is absent after this time without a reading; slow servers read twice a second
_REPEAT_S = 0.5
_PICTURE_SIDE = 200


class GamePhase(StrEnum):
    """Phase of the game."""

    WAITING = "waiting"  # for the faces of all players
    COUNTING = "counting"  # down to the first round
    SHOWING = "showing"
    RESULT = "result"
    OVER = "over"


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """The best moment of one player in one round."""

    emotion: Emotion  # the named one
    probabilities: EmotionProbabilities | None = None  # the best moment; None if there was no face
    picture: bytes = b""  # `SeenFace.around` at that moment, JPEG, 200 pixels wide; empty if there was no face
    reached_s: float | None = None  # seconds until the named emotion was the most probable one; None if it never was

    @property
    def share(self) -> float:
        """The largest probability of the named emotion."""
        return 0.0 if self.probabilities is None else self.probabilities[self.emotion]

    @property
    def points(self) -> int:
        """From 0 to `MAX_POINTS`."""
        speed = 0.0 if self.reached_s is None else (ROUND_S - self.reached_s) / (ROUND_S - _FULL_SPEED_S)
        return round(_QUALITY_POINTS * self.share + _SPEED_POINTS * min(max(speed, 0.0), 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class GameView:
    """The state of a game at one moment."""

    phase: GamePhase  # what happens now
    # The attempts of all players, from left to right, in each round so far, the current one included
    rounds: tuple[tuple[Attempt, ...], ...]
    num_rounds: int  # rounds of the whole game
    left_s: float  # seconds left in the round, or in the countdown
    now: tuple[EmotionProbabilities | None, ...]  # the current probabilities of each player; None without a face

    @property
    def points(self) -> tuple[int, ...]:
        """The sum of each player."""
        return tuple(sum(attempt.points for attempt in attempts) for attempts in zip(*self.rounds, strict=True))

    @property
    def winner(self) -> int | None:
        """The player with the most points; None for a draw or a single player."""
        best = [player for player, points in enumerate(self.points) if points == max(self.points)]
        return best[0] if len(best) == 1 < len(self.points) else None

    @property
    def strongest(self) -> Attempt | None:
        """The attempt with the largest probability; None without a face."""
        seen = [attempt for attempts in self.rounds for attempt in attempts if attempt.probabilities is not None]
        return max(seen, key=lambda attempt: attempt.share, default=None)


class _Player:
    """The readings of a player in the last moment."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, SeenFace]] = deque()

    def add(self, time_s: float, face: SeenFace) -> None:
        self._recent.append((time_s, face))
        while time_s - self._recent[0][0] > _MEAN_S:
            self._recent.popleft()

    def probabilities(self, now_s: float) -> EmotionProbabilities | None:
        """The mean; None without a face for a while."""
        if not self._recent or now_s - self._recent[-1][0] > _SEEN_S:
            return None
        shares = [face.probabilities.values for _, face in self._recent]
        return EmotionProbabilities(np.mean(shares, axis=0, dtype=np.float32))

    def distance(self, box: Box) -> float:
        """Between the centers of a box and the last one, in pixels."""
        if not self._recent:
            return math.inf
        own = self._recent[-1][1].box
        return math.hypot(own.x - box.x + (own.width - box.width) / 2, own.y - box.y + (own.height - box.height) / 2)


class MirrorGame(Observer):
    """A game of one or two players. Thread-safe.

    One player is the largest face. Two players are the two largest faces, from left to right on the screen; a single
    face is the player who was nearest to it. A round starts when all players are seen.
    """

    def __init__(
        self, emotions: Sequence[Emotion], *, num_players: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start a game of 1 or 2 players with a round for each emotion. The readings have the same clock."""
        self.num_players = num_players
        self._emotions = tuple(emotions)
        self._clock = clock
        self._lock = threading.Lock()
        self._rounds: list[list[Attempt]] = []
        self._is_over = False
        self._started_s: float | None = None  # start of the round; None while it waits
        self._changed_s = 0.0  # start of the last round
        self._players = [_Player() for _ in range(num_players)]
        self._start_round()

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Add a reading, as an `Observer`."""
        with self._lock:
            self._advance()
            if self._is_over:
                return
            found = self._assign(faces)
            for player, face in found:
                player.add(time_s, face)
            if self._started_s is None:
                if len(found) == self.num_players:
                    self._started_s = self._clock() + (COUNTDOWN_S if len(self._rounds) == 1 else 0.0)
                return
            elapsed_s = time_s - self._started_s
            if not 0 <= elapsed_s <= ROUND_S:  # a late reading still counts during the result
                return
            for player, face in found:
                if (probabilities := player.probabilities(time_s)) is not None:
                    self._score(self._players.index(player), elapsed_s, probabilities, face)

    def _score(self, player: int, elapsed_s: float, probabilities: EmotionProbabilities, face: SeenFace) -> None:
        attempt = self._rounds[-1][player]
        if attempt.reached_s is None and probabilities.emotion is attempt.emotion:
            attempt = replace(attempt, reached_s=elapsed_s)
        if attempt.probabilities is None or probabilities[attempt.emotion] > attempt.share:
            small = cv2.resize(face.around, (_PICTURE_SIDE, _PICTURE_SIDE), interpolation=cv2.INTER_AREA)
            attempt = replace(attempt, probabilities=probabilities, picture=encode_jpeg(small))
        self._rounds[-1][player] = attempt

    def skip(self) -> None:
        """Go to the next round, but not in the first half second of a round, because a held key repeats."""
        with self._lock:
            self._advance()
            if self._clock() - self._changed_s >= _REPEAT_S:
                self._start_round()

    def view(self) -> GameView:
        """The current state."""
        with self._lock:
            self._advance()
            now_s = self._clock()
            elapsed_s = 0.0 if self._started_s is None else now_s - self._started_s
            if self._is_over:
                phase = GamePhase.OVER
            elif self._started_s is None:
                phase = GamePhase.WAITING
            elif elapsed_s < 0:
                phase = GamePhase.COUNTING
            else:
                phase = GamePhase.SHOWING if elapsed_s < ROUND_S else GamePhase.RESULT
            return GameView(
                phase=phase,
                rounds=tuple(tuple(attempts) for attempts in self._rounds),
                num_rounds=len(self._emotions),
                left_s=-elapsed_s if elapsed_s < 0 else max(ROUND_S - elapsed_s, 0.0),
                now=tuple(player.probabilities(now_s) for player in self._players),
            )

    def _advance(self) -> None:
        if self._started_s is not None and self._clock() - self._started_s >= ROUND_S + RESULT_S:
            self._start_round()

    def _start_round(self) -> None:
        self._started_s, self._changed_s = None, self._clock()
        if len(self._rounds) == len(self._emotions):
            self._is_over = True
        else:
            emotion = self._emotions[len(self._rounds)]
            self._rounds.append([Attempt(emotion) for _ in range(self.num_players)])

    def _assign(self, faces: Sequence[SeenFace]) -> list[tuple[_Player, SeenFace]]:
        """The faces of the players, from left to right on the screen."""
        largest = sorted(range(len(faces)), key=lambda index: -faces[index].box.width * faces[index].box.height)
        found = [faces[index] for index in sorted(largest[: self.num_players])]
        if len(found) == self.num_players:
            return list(zip(self._players, found, strict=True))
        return [(min(self._players, key=lambda player: player.distance(face.box)), face) for face in found]


# The lesson

ORDER = tuple(map(Emotion, ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear")))
"""Neutral first, because a profile needs it; then from easy to hard."""

CAPTURE_S = 1.5
"""Seconds in which a lesson takes the picture of an emotion."""

OWN_CAPTURE_S = 10.0
"""Seconds in which a lesson takes `MAX_SHOTS` of an own class."""

_FEWEST = 0.4  # share of the shots that must have a face
_LONGEST = 3.0  # times the capture, which a slow computer takes for them
_SHOT_SIDE = 128  # bounds the memory of many shots, in pixels; the network sees fewer


class Step(StrEnum):
    """State of the lesson for one name."""

    READY = "ready"
    COUNTING = "counting"
    CAPTURING = "capturing"
    TAKEN = "taken"
    MISSED = "missed"  # there was no face, or too rarely
    DONE = "done"


@dataclass(frozen=True, slots=True, eq=False)
class LessonView:
    """The state of a lesson at one moment."""

    step: Step  # what happens now
    position: int  # the place of the name, from 0; the number of names at the end
    name: str | None  # the emotion or class to show; None at the end
    seconds_left: float  # the rest of the countdown, until the capture
    taken: tuple[SeenFace, ...]  # the shots of this name so far, in the order of time

    @property
    def can_skip(self) -> bool:
        """Whether the name may be left out: all emotions but the neutral one."""
        return isinstance(self.name, Emotion) and self.name is not Emotion.NEUTRAL


class Lesson(Observer):
    """The faces of one person, by the name of an emotion or of an own class.

    The capture is divided into as many parts as there are shots. Of each part, the face counts that shows most of the
    emotion; for a class, the first one. Without enough of them, it goes on with further parts. The reader's worker
    calls `observe`, the page the other methods.

    Attributes:
        names: what is shown, in order; without names, nothing is taken.
        learned: the probabilities of the kept faces with the profile; None before it is learned.
    """

    def __init__(self, names: Sequence[str] = ORDER, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the first name. The clock is that of the reader, in seconds."""
        self.names = tuple(names)
        self.learned: Mapping[Emotion, EmotionProbabilities] | None = None
        is_own = self.names != ORDER
        self._num_shots, self._capture_s = (MAX_SHOTS, OWN_CAPTURE_S) if is_own else (1, CAPTURE_S)
        self._clock = clock
        self._lock = threading.RLock()
        self._shots: dict[str, tuple[SeenFace, ...]] = {}
        self._position = 0
        self._started_s = math.inf  # start of the countdown
        self._best: dict[int, SeenFace] = {}  # by the part of the capture
        self._newest: tuple[float, SeenFace | None] = -math.inf, None

    def view(self) -> LessonView:
        """The current state."""
        with self._lock:
            if self._position == len(self.names):
                return LessonView(Step.DONE, self._position, None, 0.0, ())
            left_s, step = self._started_s + COUNTDOWN_S - self._clock(), Step.READY
            if left_s <= -self._ends_s:
                step = Step.TAKEN if self._has_enough else Step.MISSED
            elif left_s < math.inf:
                step = Step.COUNTING if left_s > 0 else Step.CAPTURING
            name, taken = self.names[self._position], tuple(self._best.values())
            return LessonView(step, self._position, name, left_s, taken)

    @property
    def _has_enough(self) -> bool:
        return len(self._best) >= _FEWEST * self._num_shots

    @property
    def _ends_s(self) -> float:
        """The end of the capture, in seconds after the countdown."""
        return self._capture_s * (1.0 if self._has_enough else _LONGEST)

    def shots(self) -> dict[str, tuple[SeenFace, ...]]:
        """The kept faces by name, with their probabilities without a profile."""
        with self._lock:
            return dict(self._shots)

    def face(self) -> SeenFace | None:
        """The largest face now; None if there was none for a while."""
        seen_s, face = self._newest
        return face if self._clock() - seen_s <= _SEEN_S else None

    def uses_profiles_at(self, time_s: float) -> bool:
        """No profile counts for the picture, also in a frame of the capture that is read after its end."""
        with self._lock:
            return not 0 <= time_s - self._started_s < COUNTDOWN_S + self._ends_s

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Keep the shots of the largest face during the capture, as an `Observer`."""
        if not faces:
            return
        face = max(faces, key=lambda seen: seen.box.width * seen.box.height)
        with self._lock:
            self._newest = time_s, face
            name, elapsed_s = self.view().name, time_s - self._started_s - COUNTDOWN_S
            if name is None or not 0 <= elapsed_s < self._ends_s:
                return
            part = int(elapsed_s / self._capture_s * self._num_shots)
            best = self._best.get(part)
            if isinstance(name, Emotion):
                if best is None or face.probabilities[name] > best.probabilities[name]:
                    self._best[part] = face
            elif best is None:
                small = shrink(face.crop, _SHOT_SIDE)[0]
                self._best[part] = replace(face, crop=small, around=small)

    def start(self) -> None:
        """Begin the countdown, also to take a picture again."""
        with self._lock:
            self._started_s, self._best = self._clock(), {}

    def keep(self) -> None:
        """Keep the shots and go on to the next name."""
        with self._lock:
            view = self.view()
            if view.name is not None and view.step is Step.TAKEN:
                self._shots[view.name] = view.taken
                self._go_on()

    def skip(self) -> None:
        """Go on without a picture of this emotion."""
        with self._lock:
            if self.view().can_skip:
                self._go_on()

    def finish(self) -> None:
        """End the lesson with the pictures so far, also the one just taken; it needs the neutral one."""
        with self._lock:
            self.keep()
            if Emotion.NEUTRAL in self._shots:
                self._position = len(self.names)

    def _go_on(self) -> None:
        self._position, self._started_s, self._best = self._position + 1, math.inf, {}
