"""The mirror game: each round names an emotion, and players show it to the camera for points.

A round has up to 100 points: 70 times the largest probability of the named emotion, and 30 for the time until it was
the most probable one. Within the first second the speed has full points, at the end of the round none. All
probabilities are means over 0.6 seconds, so that a single odd reading does not decide.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.media.images import Box, RgbImage, encode_jpeg
from emomusic.stream.persons import Recognition
from emomusic.stream.reader import SeenFace

COUNTDOWN_S, ROUND_S, RESULT_S = 3.0, 5.0, 2.0
"""Seconds before the first emotion, seconds to show one, and seconds for its result."""

MAX_POINTS = 100
"""Of a player in a round."""

_QUALITY_POINTS, _SPEED_POINTS = 70, 30
_FULL_SPEED_S = 1.0  # covers the delay of video and page
_MEAN_S = 0.6  # the probabilities are the mean over this time
_SEEN_S = 1.5  # a face is absent after this time without a reading; slow servers read twice a second
_REPEAT_S = 0.5
_PICTURE_SIDE = 160


class Stage(StrEnum):
    """Stage of the game."""

    WAITING = "waiting"  # for the faces of all players
    COUNTING = "counting"  # down to the first round
    SHOWING = "showing"
    RESULT = "result"
    OVER = "over"


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """The best moment of one player in one round.

    Attributes:
        emotion: the named one.
        probabilities: of the best moment; None if there was no face.
        picture: the face at that moment, JPEG, 160 pixels wide; empty if there was no face.
        reached_s: seconds until the named emotion was the most probable one; None if it never was.
    """

    emotion: Emotion
    probabilities: EmotionProbabilities | None = None
    picture: bytes = b""
    reached_s: float | None = None

    @property
    def share(self) -> float:
        """The largest probability of the named emotion."""
        return 0.0 if self.probabilities is None else self.probabilities[self.emotion]

    @property
    def points(self) -> int:
        """From 0 to `MAX_POINTS`."""
        speed = 0.0 if self.reached_s is None else (ROUND_S - self.reached_s) / (ROUND_S - _FULL_SPEED_S)
        return round(_QUALITY_POINTS * self.share + _SPEED_POINTS * min(max(speed, 0.0), 1.0))

    def with_reading(
        self, elapsed_s: float, probabilities: EmotionProbabilities, picture: Callable[[], bytes]
    ) -> Attempt:
        """The attempt after a reading; `picture` is only called if the reading is the best."""
        attempt = self
        if self.reached_s is None and probabilities.emotion is self.emotion:
            attempt = replace(attempt, reached_s=elapsed_s)
        if self.probabilities is None or probabilities[self.emotion] > self.share:
            attempt = replace(attempt, probabilities=probabilities, picture=picture())
        return attempt


@dataclass(frozen=True, slots=True, eq=False)
class GameView:
    """The state of a game at one moment.

    Attributes:
        stage: of the game.
        rounds: the attempts of all players, from left to right, in each round so far, the current one included.
        num_rounds: of the whole game.
        left_s: seconds left in the round, or in the countdown.
        now: the current probabilities of each player; None without a face.
    """

    stage: Stage
    rounds: tuple[tuple[Attempt, ...], ...]
    num_rounds: int
    left_s: float
    now: tuple[EmotionProbabilities | None, ...]

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


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The last readings of a player.

    Attributes:
        recent: times and probabilities of the last moment, oldest first.
        box: of the last one.
    """

    recent: tuple[tuple[float, npt.NDArray[np.float32]], ...]
    box: Box

    @classmethod
    def after(cls, before: _Seen | None, time_s: float, face: SeenFace) -> _Seen:
        kept = () if before is None else before.recent
        kept = tuple(entry for entry in kept if time_s - entry[0] <= _MEAN_S)
        return cls((*kept, (time_s, face.probabilities.values)), face.box)

    @property
    def time_s(self) -> float:
        return self.recent[-1][0]

    @property
    def probabilities(self) -> EmotionProbabilities:
        return EmotionProbabilities(np.mean([values for _, values in self.recent], axis=0, dtype=np.float32))

    def distance(self, face: SeenFace) -> float:
        """Between the centers of the boxes, in pixels."""
        one, other = self.box, face.box
        return math.hypot(
            one.x - other.x + (one.width - other.width) / 2, one.y - other.y + (one.height - other.height) / 2
        )


class MirrorGame:
    """A game of one or two players. Thread-safe.

    One player is the largest face. Two players are the two largest faces, from left to right on the screen; a single
    face is the player who was nearest to it. A round starts when all players are seen.
    """

    def __init__(
        self, emotions: Sequence[Emotion], *, num_players: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start a game.

        Args:
            emotions: one for each round.
            num_players: 1 or 2.
            clock: seconds, the clock of the readings.
        """
        if not emotions or num_players not in (1, 2):
            raise ValueError(f"expected emotions, and 1 or 2 players. Received: {emotions}, {num_players}")
        self.num_players = num_players
        self._emotions = tuple(emotions)
        self._clock = clock
        self._lock = threading.Lock()
        self._rounds: list[list[Attempt]] = []
        self._is_over = False
        self._started_s: float | None = None  # of the round; None while it waits
        self._changed_s = 0.0  # start of the last round
        self._seen: list[_Seen | None] = [None] * num_players
        self._start_round()

    @property
    def recognition(self) -> Recognition:
        """During the game, no estimate counts: it would change the points of one player in the middle."""
        with self._lock:
            self._advance()
            return Recognition.ESTIMATED if self._is_over else Recognition.TAUGHT

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Add a reading, as an `Observer`."""
        with self._lock:
            self._advance()
            if self._is_over:
                return
            players = self._players(faces)
            for player, face in enumerate(players):
                if face is not None:
                    self._seen[player] = _Seen.after(self._seen[player], time_s, face)
            if self._started_s is None:
                if None not in players:
                    self._started_s = self._clock() + (COUNTDOWN_S if len(self._rounds) == 1 else 0.0)
                return
            elapsed_s = time_s - self._started_s
            if not 0 <= elapsed_s <= ROUND_S:  # a late reading still counts during the result
                return
            attempts = self._rounds[-1]
            for player, (face, seen) in enumerate(zip(players, self._seen, strict=True)):
                if face is not None and seen is not None:
                    picture = partial(_picture, face.crop)
                    attempts[player] = attempts[player].with_reading(elapsed_s, seen.probabilities, picture)

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
                stage = Stage.OVER
            elif self._started_s is None:
                stage = Stage.WAITING
            elif elapsed_s < 0:
                stage = Stage.COUNTING
            else:
                stage = Stage.SHOWING if elapsed_s < ROUND_S else Stage.RESULT
            return GameView(
                stage=stage,
                rounds=tuple(tuple(attempts) for attempts in self._rounds),
                num_rounds=len(self._emotions),
                left_s=-elapsed_s if elapsed_s < 0 else max(ROUND_S - elapsed_s, 0.0),
                now=tuple(
                    seen.probabilities if seen and now_s - seen.time_s <= _SEEN_S else None for seen in self._seen
                ),
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

    def _players(self, faces: Sequence[SeenFace]) -> list[SeenFace | None]:
        """The face of each player, from left to right on the screen."""
        largest = sorted(range(len(faces)), key=lambda index: -faces[index].box.width * faces[index].box.height)
        players = [faces[index] for index in sorted(largest[: self.num_players])]
        if len(players) == self.num_players:
            return [*players]
        if not players:
            return [None] * self.num_players
        (face,) = players
        first, second = (math.inf if seen is None else seen.distance(face) for seen in self._seen)
        return [None, face] if second < first else [face, None]


def _picture(crop: RgbImage) -> bytes:
    return encode_jpeg(cv2.resize(crop, (_PICTURE_SIDE, _PICTURE_SIDE), interpolation=cv2.INTER_AREA))
