"""Bar charts of class shares, which are emotions, moods, or the classes of any model; and drawn faces as SVG."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import plotly.graph_objects as go

from emomusic.affect import Emotion, Mood, share_text
from emomusic.charts.layout import REVERSED, bar_margin, lay_out
from emomusic.colours import EMOTION_COLOURS, FACE_CLASS_COLOURS, TRAIL, ink_on


def share_bars(shares: Mapping[str, float], *, height: int) -> go.Figure:
    """One bar per class, in the given order, with its name and percentage. The height is in pixels."""
    are_moods = {*shares} == {*Mood}  # two of them have the names of emotions
    figure = go.Figure().add_bar(
        x=[100 * share for share in shares.values()], y=list(shares), orientation="h",
        marker={"color": [TRAIL if are_moods else FACE_CLASS_COLOURS[name] for name in shares], "cornerradius": 3},
        text=[share_text(share) for share in shares.values()], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )  # fmt: skip
    return lay_out(
        figure,
        height,
        x={"range": [0, 116], "visible": False},  # space for the percentage to the right of a full bar
        y=REVERSED | {"tickfont": {"size": 14}},
        margin=bar_margin(shares),
        bargap=0.28,
    )


_FEATURES = tomllib.loads(Path(__file__).with_name("expressions.toml").read_text(encoding="utf-8"))


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
