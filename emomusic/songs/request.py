"""Song requests: policy, filters and target on the affect plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from emomusic.affect import BETTER_POINTS, REPORT_MOODS, AffectPoint, Emotion, Mood, quadrant_of
from emomusic.songs.song import Trait


class Policy(StrEnum):
    """The relation of the songs to the emotion."""

    MATCH = "match"
    SOOTHE = "soothe"
    JOURNEY = "journey"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Request:
    """A request for songs.

    Attributes:
        point: emotion of the listener on the affect plane.
        emotion: emotion of the listener; None takes the emotion closest to `point`.
        mood: target mood, overrides the mood of the policy.
        policy: how to choose the target.
        destination: end of a journey; None takes a point of the target mood.
        turns: the name, the point and the emotion of several listeners, whose songs play in turn.
        seed: shuffles songs of similar scores; the same seed gives the same list.
        hide_explicit: remove songs marked explicit.
        genres: a song must have one of them; empty allows all. A genre of comedy, sleep or children's songs includes
            songs that are otherwise excluded.
        traits: an audio file must have all of them; songs of other sources have none.
        today: holiday songs are excluded unless this date is in their season. It counts for no comparison, so that a
            queue goes on after midnight.
    """

    point: AffectPoint = Emotion.NEUTRAL.point
    emotion: Emotion | None = None
    mood: Mood | None = None
    policy: Policy = Policy.MATCH
    destination: AffectPoint | None = None
    turns: tuple[tuple[str, AffectPoint, Emotion], ...] = ()
    seed: int = 0
    hide_explicit: bool = False
    genres: frozenset[str] = frozenset()
    traits: frozenset[Trait] = frozenset()
    today: date = field(default_factory=date.today, compare=False)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0. Received: {self.seed}")


def nearest_emotion(point: AffectPoint) -> Emotion:
    """Emotion closest on the circumplex."""
    return min(Emotion, key=lambda emotion: emotion.point.distance(point))


def destination_of(text: str) -> AffectPoint | None:
    """The end of a journey: the place of a mood's name in any case, or of numbers such as "0.4,-0.2"; else None."""
    try:
        return Mood(text.lower()).point if text.isalpha() else AffectPoint(*map(float, text.split(",")))
    except (TypeError, ValueError):
        return None


def mood_of_point(point: AffectPoint) -> Mood:
    """The mood of the songs at a point: that of its quadrant, also near the middle."""
    return quadrant_of(point, neutral_radius=0).mood


def start_mood(request: Request) -> Mood:
    """The mood of the listener. Without an emotion, the point decides."""
    if request.emotion is None:
        return request.point.quadrant.mood
    return request.emotion.mood_at(request.point)


def target_of(request: Request) -> tuple[AffectPoint, Mood]:
    """Target point and target mood of a request."""
    if request.policy is Policy.JOURNEY and request.destination is not None:
        return request.destination, mood_of_point(request.destination)
    if request.mood is not None:
        return request.mood.point, request.mood
    if request.policy is Policy.MATCH:
        return request.point, start_mood(request)
    emotion = request.emotion or nearest_emotion(request.point)
    if request.policy is Policy.REPORT:
        return REPORT_MOODS[emotion].point, REPORT_MOODS[emotion]
    point = BETTER_POINTS[emotion]
    if request.policy is Policy.JOURNEY and mood_of_point(point) is start_mood(request):
        point = Mood.CALM.point  # a happy listener is already at the target
    return point, mood_of_point(point)
