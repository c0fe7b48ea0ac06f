"""One colour for each emotion, quadrant and mood, the same in light and dark.

Each stands out from white and from the dark page by at least 3:1, and any two emotions differ under the three common
kinds of colour blindness (tests/plots/test_colours.py measures both). A name or a sign goes with every colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from emomusic.affect import Emotion, Mood, Quadrant

EMOTION_COLOURS: Mapping[Emotion, str] = MappingProxyType(
    {
        Emotion.ANGRY: "#B43713",
        Emotion.DISGUST: "#1A9241",
        Emotion.FEAR: "#9A35FA",
        Emotion.HAPPY: "#BB8409",
        Emotion.SAD: "#2F8DEE",
        Emotion.SURPRISE: "#CB0AA3",
        Emotion.NEUTRAL: "#7A7474",
    }
)

QUADRANT_COLOURS: Mapping[Quadrant, str] = MappingProxyType(
    {
        Quadrant.Q1: EMOTION_COLOURS[Emotion.HAPPY],
        Quadrant.Q2: EMOTION_COLOURS[Emotion.ANGRY],
        Quadrant.Q3: EMOTION_COLOURS[Emotion.SAD],
        Quadrant.Q4: EMOTION_COLOURS[Emotion.DISGUST],
        Quadrant.N: EMOTION_COLOURS[Emotion.NEUTRAL],
    }
)

MOOD_COLOURS: Mapping[Mood, str] = MappingProxyType(
    {
        Mood.CALM: EMOTION_COLOURS[Emotion.DISGUST],
        Mood.HAPPY: EMOTION_COLOURS[Emotion.HAPPY],
        Mood.ENERGETIC: EMOTION_COLOURS[Emotion.SURPRISE],
        Mood.SAD: EMOTION_COLOURS[Emotion.SAD],
    }
)

QUIET = "rgba(128, 128, 138, 0.35)"
"""Of axes, rings and outlines: visible on both pages without asking for attention."""


def faded(colour: str, opacity: float) -> str:
    """The same colour, see-through: "#rrggbb" to "rgba(…)"."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"
