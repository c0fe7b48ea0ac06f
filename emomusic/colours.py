"""One colour for each emotion, and greys for the moods of songs, the same in the light and the dark theme.

Every colour of an emotion has a contrast of at least 3:1 to both page backgrounds, and any two that stand side by side
differ under the three common kinds of colour blindness (measured in tests/test_colours.py). Moods differ by shape and
name: an emotion and a mood may have one name, and never mean the same. A name or a symbol accompanies every colour.
"""

from __future__ import annotations

from collections.abc import Mapping

from emomusic.affect import Emotion, Mood

EMOTION_COLOURS: Mapping[Emotion, str] = {
    Emotion.ANGRY: "#CC0000",
    Emotion.DISGUST: "#008445",
    Emotion.FEAR: "#752FFF",
    Emotion.HAPPY: "#B08900",
    Emotion.SAD: "#2C94DB",
    Emotion.SURPRISE: "#B61E8F",
    Emotion.NEUTRAL: "#7A7474",
}

MOOD_COLOURS: Mapping[Mood, str] = {
    Mood.CALM: "#CBCBCB",
    Mood.HAPPY: "#A2A2A2",
    Mood.ENERGETIC: "#333333",
    Mood.SAD: "#555555",
}
"""Of bands of music, which have outlines and names. Marks of songs are `TRAIL`, with the symbol of their mood."""

HATCHED: Mapping[Emotion, str] = {Emotion.DISGUST: "\\", Emotion.FEAR: "/"}
"""The lines over stacked areas of emotions, as Plotly names them; the others have none."""

FACE_CLASS_COLOURS: Mapping[str, str] = {
    **{emotion.value: colour for emotion, colour in EMOTION_COLOURS.items()},
    "tense": EMOTION_COLOURS[Emotion.ANGRY],  # one of the four classes of face models
}
"""Colours of the classes of face models by name."""

RIGHT, WRONG = "#1F66B5", "#8A5F00"
"""Correct and wrong answers; also negative and positive correlations."""

TRAIL = "#80808A"
"""Songs, quadrants and earlier positions: a grey that is no emotion's colour."""


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

HEAT = ("#0A0722", "#4B1466", "#A3336E", "#EC6A4B", "#FBC15A", "#FCFBD0")
"""Heat map colours from zero to the maximum; lightness increases, so they work without colour vision."""
