"""What songs are asked for: the policy, the filters, and where on the affect plane a request aims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from emomusic.affect import (
    EMOTION_POINTS,
    JOURNEY_MOODS,
    MOOD_POINTS,
    QUADRANT_MOODS,
    SOOTHING_MOODS,
    AffectPoint,
    Emotion,
    Mood,
    quadrant_of,
)


class Policy(StrEnum):
    """What the music should do for the listener."""

    MATCH = "match"
    SOOTHE = "soothe"
    JOURNEY = "journey"


@dataclass(frozen=True, slots=True)
class Request:
    """What to find songs for.

    Attributes:
        point: where the listener is.
        emotion: the emotion seen or said; None where only the place is known (soothe then takes the nearest).
        mood: a mood chosen by hand, which overrides the one the policy would choose.
        policy: what the music should do.
        seed: songs that fit about equally well are shuffled by it; the same seed gives the same list.
        hide_explicit: leave out songs marked as having explicit lyrics.
        adventure: 0 prefers songs that many know, 1 songs that few know; in between, popularity matters less.
        genres: only songs of these; empty for all. Likewise below.
        decades: only songs of these, named by their first year (1990 for the nineties); a song of unknown year never.
        tempo_bpm: only songs from the first to the second number of beats a minute, both included; None for all.
    """

    point: AffectPoint
    emotion: Emotion | None = None
    mood: Mood | None = None
    policy: Policy = Policy.MATCH
    seed: int = 0
    hide_explicit: bool = False
    adventure: float = 0.2
    genres: frozenset[str] = frozenset()
    decades: frozenset[int] = frozenset()
    tempo_bpm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0. Received: {self.seed}")
        if not 0.0 <= self.adventure <= 1.0:
            raise ValueError(f"adventure must be from 0 to 1. Received: {self.adventure}")
        if self.tempo_bpm is not None and not self.tempo_bpm[0] <= self.tempo_bpm[1]:
            raise ValueError(f"tempo_bpm must go from a lower to a higher number. Received: {self.tempo_bpm}")


def nearest_emotion(point: AffectPoint) -> Emotion:
    """The emotion whose place on the circumplex is closest."""
    return min(EMOTION_POINTS, key=lambda emotion: EMOTION_POINTS[emotion].distance(point))


def target_of(request: Request) -> tuple[AffectPoint, Mood]:
    """Where on the plane a request aims, and at songs of which mood."""
    if request.mood is not None:
        return MOOD_POINTS[request.mood], request.mood
    if request.policy is Policy.MATCH:
        return request.point, QUADRANT_MOODS[quadrant_of(request.point)]
    moods = JOURNEY_MOODS if request.policy is Policy.JOURNEY else SOOTHING_MOODS
    mood = moods[request.emotion or nearest_emotion(request.point)]
    return MOOD_POINTS[mood], mood
