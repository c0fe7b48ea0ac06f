"""Bar charts of class shares, which are emotions, moods, or the classes of any model; and drawn faces as SVG."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood, share_text
from emomusic.charts.layout import BAR_MARGIN, REVERSED, lay_out
from emomusic.colours import EMOTION_COLOURS, FACE_CLASS_COLOURS, MOOD_COLOURS, ink_on


def share_bars(shares: Mapping[str, float], *, height: int = 210, letters: int = 13, bargap: float = 0.28) -> go.Figure:
    """One bar per class, in the given order, with its name and percentage. Sizes are pixels."""
    colours: Mapping[Any, str] = MOOD_COLOURS if {*shares} == {*Mood} else FACE_CLASS_COLOURS
    figure = go.Figure().add_bar(
        x=[100 * share for share in shares.values()], y=list(shares), orientation="h",
        marker={"color": [colours[name] for name in shares], "cornerradius": 3},
        text=[share_text(share) for share in shares.values()], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )  # fmt: skip
    return lay_out(
        figure,
        height,
        x={"range": [0, 116], "visible": False},  # space for the percentage to the right of a full bar
        y=REVERSED | {"tickfont": {"size": letters}},
        margin=BAR_MARGIN,
        bargap=bargap,
    )


def probability_bars(probabilities: EmotionProbabilities | None, *, height: int = 250) -> go.Figure:
    """Seven bars in the order of `Emotion`, each with its name and percentage. None draws empty bars, no numbers."""
    shares: dict[str, float] = dict.fromkeys(EMOTIONS, 0.0) if probabilities is None else probabilities.as_dict()
    figure = share_bars(shares, height=height, letters=14)
    if probabilities is None:
        figure.update_traces(text=[""] * len(EMOTIONS))
    figure.update_layout(uniformtext={"minsize": 13, "mode": "show"})
    return figure


_DOTS = '<circle cx="34" cy="46" r="5" class="full"/><circle cx="66" cy="46" r="5" class="full"/>'
_WIDE = (
    '<circle cx="33" cy="46" r="10"/><circle cx="67" cy="46" r="10"/>'
    '<circle cx="33" cy="46" r="3" class="full"/><circle cx="67" cy="46" r="3" class="full"/>'
)

# Brows, eyes and mouth in a square of 100
_FEATURES: Mapping[Emotion, str] = {
    Emotion.ANGRY: '<path d="M20 28 44 39M80 28 56 39"/>' + _DOTS + '<path d="M32 76Q50 60 68 76"/>',
    Emotion.DISGUST: '<path d="M22 34 44 38M78 34 56 38M25 45 42 47M75 45 58 47M44 56 50 59 56 56"/>'
    '<path d="M30 76Q40 67 50 67T70 76"/><path d="M45 69H61V79Q60 87 53 87T45 79Z" class="full"/>',
    Emotion.FEAR: '<path d="M19 33Q30 25 43 22M81 33Q70 25 57 22"/>'
    + _WIDE
    + '<path d="M30 76 36 69 43 76 50 69 57 76 64 69 70 76"/>',
    Emotion.HAPPY: '<path d="M24 47Q33 35 42 47M58 47Q67 35 76 47"/>'
    '<path d="M26 60H74Q68 84 50 84T26 60Z" class="full"/>',
    Emotion.SAD: '<path d="M20 38 42 29M80 38 58 29"/>'
    + _DOTS
    + '<path d="M34 78Q50 64 66 78"/><path d="M27 56Q20 66 27 68T27 56Z" class="full"/>',
    Emotion.SURPRISE: '<path d="M21 30Q32 19 43 27M79 30Q68 19 57 27"/>'
    + _WIDE
    + '<ellipse cx="50" cy="76" rx="9" ry="12" class="full"/>',
    Emotion.NEUTRAL: '<path d="M25 33H43M57 33H75"/>' + _DOTS + '<path d="M34 72H66"/>',
}


def expression_uri(emotion: Emotion) -> str:
    """A drawn face that shows an emotion, in its colour, for light and dark pages: a data URI of an image."""
    colour = EMOTION_COLOURS[emotion]
    ink = ink_on(colour)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><style>'
        f"g{{fill:none;stroke:{ink};stroke-width:4;stroke-linecap:round;stroke-linejoin:round}}"
        f".full{{fill:{ink}}}</style>"
        f'<circle cx="50" cy="50" r="49" fill="{colour}"/><g>{_FEATURES[emotion]}</g></svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
