"""Emotions, the affect plane and the moods of songs: every mapping between them, with its source.

The plane is Russell's circumplex [1]: x is valence (unpleasant to pleasant), y is arousal (asleep to awake), both from
-1 to 1.

[1] J. A. Russell, "A circumplex model of affect", Journal of Personality and Social Psychology 39(6), 1980.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Emotion(StrEnum):
    """The seven emotions of FER2013, in the order of its labels 0 to 6."""

    ANGRY = "angry"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"

    @property
    def label(self) -> int:
        """The label in FER2013."""
        return EMOTIONS.index(self)

    @property
    def adjective(self) -> str:
        """The adjective for sentences such as "Probably surprised"."""
        return {"disgust": "disgusted", "fear": "afraid", "surprise": "surprised"}.get(self.value, self.value)

    @property
    def point(self) -> AffectPoint:
        """The place on the affect plane."""
        return EMOTION_POINTS[self]

    def mood_at(self, point: AffectPoint) -> Mood:
        """The mood of the songs that match the emotion: that of its quadrant, so that sad faces get sad songs.

        A neutral face, at this place, gets the mood of the side to which it leans: happy or calm.
        """
        if self is Emotion.NEUTRAL:
            return Mood.HAPPY if point.valence > 0 else Mood.CALM
        return self.point.quadrant.mood


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)


class Quadrant(StrEnum):
    """A quadrant of the affect plane, or its neutral centre."""

    Q1 = "Q1"
    Q2 = "Q2"
    Q3 = "Q3"
    Q4 = "Q4"
    N = "N"

    @property
    def description(self) -> str:
        """A description for people."""
        return _QUADRANTS[self][0]

    @property
    def mood(self) -> Mood:
        """The mood of its songs."""
        return _QUADRANTS[self][1]


class Mood(StrEnum):
    """The four moods of songs in `data_moods.csv`.

    The order differs from the numbers in the file, which are alphabetical. Always read labels by name.
    """

    CALM = "calm"
    HAPPY = "happy"
    ENERGETIC = "energetic"
    SAD = "sad"

    @property
    def point(self) -> AffectPoint:
        """The place of a mood that a person chose."""
        return MOOD_POINTS[self]


# Its name, and the mood of its songs, which is our choice: songs with high arousal and low valence count
# as energetic, and the neutral middle gets calm songs
_QUADRANTS: Mapping[Quadrant, tuple[str, Mood]] = {
    Quadrant.Q1: ("pleasant and awake", Mood.HAPPY),
    Quadrant.Q2: ("unpleasant and awake", Mood.ENERGETIC),
    Quadrant.Q3: ("unpleasant and drowsy", Mood.SAD),
    Quadrant.Q4: ("pleasant and drowsy", Mood.CALM),
    Quadrant.N: ("near the neutral middle", Mood.CALM),
}

QUADRANT_CORNERS: Mapping[Quadrant, tuple[int, int]] = {
    Quadrant.Q1: (1, 1),
    Quadrant.Q2: (-1, 1),
    Quadrant.Q3: (-1, -1),
    Quadrant.Q4: (1, -1),
}
"""Valence and arousal of the outer corner of each quadrant."""


@dataclass(frozen=True, slots=True)
class AffectPoint:
    """A point of the affect plane.

    Attributes:
        valence: -1 (unpleasant) to 1 (pleasant).
        arousal: -1 (asleep) to 1 (awake).
    """

    valence: float
    arousal: float

    def __post_init__(self) -> None:
        for name, value in (("valence", self.valence), ("arousal", self.arousal)):
            if not -1.0 <= value <= 1.0:  # also refuses NaN
                raise ValueError(f"{name} must be from -1 to 1. Received: {value}")

    def distance(self, other: AffectPoint) -> float:
        """Euclidean distance to another point, from 0 to 2.83."""
        return math.hypot(self.valence - other.valence, self.arousal - other.arousal)

    @property
    def quadrant(self) -> Quadrant:
        """The quadrant, or the neutral centre."""
        return quadrant_of(self)


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class EmotionProbabilities:
    """Probabilities of the emotions for one face, or for a group.

    Attributes:
        values: shape (7,), float32, in the order of `Emotion`, summing to 1.
    """

    values: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.shape != (len(EMOTIONS),):
            raise ValueError(f"values must have shape {(len(EMOTIONS),)}. Received: {self.values.shape}")
        total = float(self.values.sum())
        if not abs(total - 1.0) < 1e-3 or float(self.values.min()) < 0.0:
            raise ValueError(f"values must be probabilities summing to 1. Received: {self.values} (sum {total})")

    @classmethod
    def certain(cls, emotion: Emotion) -> EmotionProbabilities:
        """All probability on one emotion, as chosen by a person."""
        values = np.zeros(len(EMOTIONS), np.float32)
        values[emotion.label] = 1.0
        return cls(values)

    def __getitem__(self, emotion: Emotion) -> float:
        return float(self.values[emotion.label])

    def as_dict(self) -> dict[str, float]:
        """Name to probability, in the order of `Emotion`, as plain floats."""
        return {emotion.value: float(value) for emotion, value in zip(EMOTIONS, self.values, strict=True)}

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion."""
        return EMOTIONS[int(self.values.argmax())]

    @property
    def point(self) -> AffectPoint:
        """The expected position on the circumplex."""
        return AffectPoint(*affect_of_rows(self.values[None])[0].tolist())

    @classmethod
    def mean(
        cls, shares: npt.NDArray[np.floating], weights: npt.NDArray[np.floating] | None = None
    ) -> EmotionProbabilities | None:
        """The mean of probabilities of shape (n, 7), weighted if there are weights; None if n is 0."""
        if not len(shares):
            return None
        mean = np.average(shares.astype(np.float64), axis=0, weights=weights)
        return cls((mean / mean.sum()).astype(np.float32))


# Of each emotion:
# - Valence and arousal, the means of the pleasure and arousal ratings in J. A. Russell & A. Mehrabian, "Evidence for a
#   three-factor theory of emotions", Journal of Research in Personality 11(3), 1977. Neutral is the origin.
# - Dominance, from the same table: anger is a loud emotion, fear a soft one, in music too (P. N. Juslin & P. Laukka,
#   "Communication of emotions in vocal expression and music performance", Psychological Bulletin 129(5), 2003).
# - The group in the report "Matching emotions: portraits and songs". It puts surprise with the unpleasant emotions,
#   unlike the circumplex. Use it for comparison with the report only, and `Emotion.point` elsewhere.
# - The mood in the table of the report "Music Mood Lifter". It gives a sad listener sad songs.
_EMOTIONS: Mapping[Emotion, tuple[float, float, float, Quadrant, Mood]] = {
    Emotion.ANGRY: (-0.51, 0.59, 0.25, Quadrant.Q2, Mood.CALM),
    Emotion.DISGUST: (-0.60, 0.35, 0.11, Quadrant.Q2, Mood.CALM),
    Emotion.FEAR: (-0.64, 0.60, -0.43, Quadrant.Q2, Mood.CALM),
    Emotion.HAPPY: (0.81, 0.51, 0.46, Quadrant.Q1, Mood.HAPPY),
    Emotion.SAD: (-0.63, -0.27, -0.33, Quadrant.Q3, Mood.SAD),
    Emotion.SURPRISE: (0.40, 0.67, -0.13, Quadrant.Q2, Mood.ENERGETIC),
    Emotion.NEUTRAL: (0.0, 0.0, 0.0, Quadrant.N, Mood.HAPPY),
}
EMOTION_POINTS: Mapping[Emotion, AffectPoint] = {one: AffectPoint(*row[:2]) for one, row in _EMOTIONS.items()}
DOMINANCE: Mapping[Emotion, float] = {emotion: row[2] for emotion, row in _EMOTIONS.items()}
FOUR_CLASSES: Mapping[Emotion, Quadrant] = {emotion: group for emotion, (*_, group, _) in _EMOTIONS.items()}
REPORT_MOODS: Mapping[Emotion, Mood] = {emotion: mood for emotion, (*_, mood) in _EMOTIONS.items()}

# The target of songs that lift a listener, with the reasons:
# - Tense emotions need less arousal first; quiet, pleasant music lowers it (M. de Witte et al., "Effects of music
#   interventions on stress-related outcomes", Health Psychology Review 14(2), 2020). Fear needs comfort: more pleasant,
#   and not as quiet.
# - Disgust is a matter of valence: pleasant songs, neither quiet nor lively. This one is our choice.
# - Sad listeners choose consolation before cheer (A. Van den Tol & J. Edwards, "Exploring a rationale for choosing to
#   listen to sad music when feeling sad", Psychology of Music 41(4), 2013): gentle and bright.
# - Surprise settles. A neutral mood gains energy (R. E. Thayer, J. R. Newman & T. M. McClain,
#   "Self-regulation of mood", Journal of Personality and Social Psychology 67(5), 1994). A happy one is kept and
#   shared (S. Saarikallio & J. Erkkila, "The role of music in adolescents' mood regulation", Psychology of Music 35(1),
#   2007).
BETTER_POINTS: Mapping[Emotion, AffectPoint] = {
    Emotion.ANGRY: AffectPoint(0.4, -0.65),
    Emotion.DISGUST: AffectPoint(0.75, 0.25),
    Emotion.FEAR: AffectPoint(0.65, -0.3),
    Emotion.HAPPY: AffectPoint(0.85, 0.7),
    Emotion.SAD: AffectPoint(0.5, -0.12),
    Emotion.SURPRISE: AffectPoint(0.45, 0.15),
    Emotion.NEUTRAL: AffectPoint(0.6, 0.45),
}

# The point for a mood that a person chose: about the middle of its quadrant
MOOD_POINTS: Mapping[Mood, AffectPoint] = {
    Mood.CALM: AffectPoint(0.5, -0.6),
    Mood.HAPPY: AffectPoint(0.7, 0.4),
    Mood.ENERGETIC: AffectPoint(-0.4, 0.7),
    Mood.SAD: AffectPoint(-0.6, -0.4),
}

NEUTRAL_RADIUS = 0.3
"""Points closer to the origin count as neutral: about as many faces of FER2013 as are labelled neutral."""

_POSITION_MATRIX = np.array([(p.valence, p.arousal) for p in EMOTION_POINTS.values()], dtype=np.float64)


def affect_of_rows(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The positions for many probabilities, shape (n, 7) with positive sums, as valence and arousal, shape (n, 2)."""
    weights = shares.astype(np.float64)
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)) @ _POSITION_MATRIX)


def quadrant_of(point: AffectPoint, *, neutral_radius: float = NEUTRAL_RADIUS) -> Quadrant:
    """The quadrant of a point. A point on an axis belongs to the pleasant or the awake side."""
    if float(np.hypot(point.valence, point.arousal)) < neutral_radius:
        return Quadrant.N
    if point.arousal >= 0:
        return Quadrant.Q1 if point.valence >= 0 else Quadrant.Q2
    return Quadrant.Q4 if point.valence >= 0 else Quadrant.Q3


class WithEmotion:
    """A thing with `probabilities`, and so with an emotion and a place on the affect plane."""

    __slots__ = ()

    probabilities: EmotionProbabilities

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion."""
        return self.probabilities.emotion

    @property
    def point(self) -> AffectPoint:
        """The position on the affect plane."""
        return self.probabilities.point

    @property
    def quadrant(self) -> Quadrant:
        """The quadrant of that position."""
        return self.point.quadrant


def describe(probabilities: EmotionProbabilities, *, of_group: bool = False, is_clear: bool = True) -> str:
    """Describe probabilities as a person would: "Probably happy, or surprised".

    The mean of a group is a mixture, so its second emotion is no guess: "Mostly happy, a little surprised".
    """
    names, shares = [emotion.adjective for emotion in EMOTIONS], probabilities.values.tolist()
    return describe_shares(names, shares, is_mixture=of_group, is_clear=is_clear)


def describe_shares(
    names: Sequence[str], shares: Sequence[float], *, is_mixture: bool = False, is_clear: bool = True
) -> str:
    """Name the likeliest classes with "clearly", "probably" or "unclear": "Unclear, sad or neutral".

    In a mixture, all classes are present in these shares, instead of one that is uncertain.
    """
    ranked = sorted(zip(shares, names, strict=True), key=lambda pair: -pair[0])
    (top, first), (next_, second) = ranked[:2]
    sure = certainty(top)
    if not is_clear or (sure == "unclear," and not is_mixture):
        return f"Unclear, {first} or {second}"
    if not is_mixture or sure == "clearly":
        return f"{sure.capitalize()} {first}{f', or {second}' * (next_ >= 0.15)}"
    if top < 0.5:
        return f"Between {first} and {second}"
    return f"Mostly {first}{f', a little {second}' * (next_ >= 0.15)}"


def certainty(share: float) -> str:
    """The word before the likeliest class with this share: "clearly", "probably" or "unclear,"."""
    return "clearly" if share >= 0.85 else "probably" if share >= 0.43 else "unclear,"


def describe_mood(probabilities: EmotionProbabilities, mood: Mood) -> str:
    """Why songs have a mood, with the emotions that count: "sad songs because: sad 53 %, neutral 36 %"."""
    ranked = sorted(probabilities.as_dict().items(), key=lambda pair: -pair[1])[:2]
    shares = {Emotion(name).adjective: share for name, share in ranked if share >= 0.15 or (name, share) == ranked[0]}
    return f"{mood} songs because: {list_shares(shares)}"


def share_text(share: float) -> str:
    """Format a share from 0 to 1: "93 %". A positive share below 1 % is "<1 %"."""
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def list_shares(shares: Mapping[str, float], *, most: int | None = None) -> str:
    """List names with their shares: "happy 93 %, sad 7 %"; with `most`, the largest ones in falling order."""
    items = shares.items() if most is None else sorted(shares.items(), key=lambda item: -item[1])[:most]
    return ", ".join(f"{name} {share_text(share)}" for name, share in items)
