"""Bar charts of class shares: emotions, moods, or the classes of any model."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, EmotionProbabilities, share_text
from emomusic.charts.colours import CLASS_COLOURS
from emomusic.charts.layout import BAR_MARGIN, REVERSED, lay_out


def share_bars(shares: Mapping[str, float], *, height: int = 210, letters: int = 13, bargap: float = 0.28) -> go.Figure:
    """One bar per class, in the given order, with its name and percentage. Sizes are pixels."""
    figure = go.Figure().add_bar(
        x=[100 * share for share in shares.values()], y=list(shares), orientation="h",
        marker={"color": [CLASS_COLOURS[name] for name in shares], "cornerradius": 3},
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
