"""One colour for each emotion, quadrant and mood, the same in the light and the dark theme.

Every colour has a contrast of at least 3:1 to both page backgrounds, and any two emotions differ under the three common
kinds of colour blindness (measured in tests/test_colours.py). A name or a symbol accompanies every colour.
"""

from __future__ import annotations

from collections.abc import Mapping

from emomusic.affect import QUADRANT_CORNERS, QUADRANT_MOODS, Emotion, Mood, Quadrant

EMOTION_COLOURS: Mapping[Emotion, str] = {
    Emotion.ANGRY: "#B43713",
    Emotion.DISGUST: "#1A9241",
    Emotion.FEAR: "#9A35FA",
    Emotion.HAPPY: "#BB8409",
    Emotion.SAD: "#2F8DEE",
    Emotion.SURPRISE: "#CB0AA3",
    Emotion.NEUTRAL: "#7A7474",
}

QUADRANT_COLOURS: Mapping[Quadrant, str] = {
    Quadrant.Q1: "#779900",
    Quadrant.Q2: "#CC0055",
    Quadrant.Q3: "#4466FF",
    Quadrant.Q4: "#009988",
    Quadrant.N: "#AA66BB",
}
"""Of quadrants, and so of moods of songs: none is near an emotion's colour, because both are in one chart."""

MOOD_COLOURS: Mapping[Mood, str] = {QUADRANT_MOODS[place]: QUADRANT_COLOURS[place] for place in QUADRANT_CORNERS}

FACE_CLASS_COLOURS: Mapping[str, str] = {
    **{emotion.value: colour for emotion, colour in EMOTION_COLOURS.items()},
    "tense": EMOTION_COLOURS[Emotion.ANGRY],  # of the four classes of face models
}
"""Colours of the classes of face models by name."""

RIGHT, WRONG = "#1F66B5", "#8A5F00"
"""Correct and wrong answers; also negative and positive correlations."""

TRAIL = "#80808A"
"""Earlier positions, and songs among faces: a grey that is no emotion's colour."""


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", each from 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def ink_on(colour: str) -> str:
    """Black or white: the text colour with the higher contrast on "#rrggbb" (WCAG relative luminance)."""
    channels = (channel / 255 for channel in rgb_of(colour))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def faded(colour: str, opacity: float) -> str:
    """The colour "#rrggbb" with an opacity, as "rgba(…)"."""
    red, green, blue = rgb_of(colour)
    return f"rgba({red}, {green}, {blue}, {opacity})"


QUIET = faded(TRAIL, 0.35)
"""Axes, rings and outlines: visible on both themes, but unobtrusive."""

GUIDE = faded(TRAIL, 0.9)
"""Reference lines and marks."""

BOX_KEPT, BOX_DROPPED = "#FFC247", "#7FC4FF"
"""Boxes that a network of the detector keeps and drops; both are visible on light and dark backgrounds."""

HEAT = ("#0A0722", "#4B1466", "#A3336E", "#EC6A4B", "#FBC15A", "#FCFBD0")
"""Heat map colours from zero to the maximum; lightness increases, so they work without colour vision."""
