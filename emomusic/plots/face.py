"""Shares of one whole as bars: of emotions, of moods, of the classes of any model."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, EmotionProbabilities, share_text
from emomusic.plots.colours import CLASS_COLOURS


def share_bars(shares: Mapping[str, float], *, height: int = 210, letters: int = 13, bargap: float = 0.28) -> go.Figure:
    """A bar for each class, in their order, with its name and percentage.

    Args:
        shares: by the names of the classes, from 0 to 1.
        height: of the figure, in pixels.
        letters: size of the names, in pixels.
        bargap: how much of the height is left free between the bars.
    """
    figure = go.Figure(
        go.Bar(
            x=[100 * share for share in shares.values()], y=list(shares), orientation="h",
            marker={"color": [CLASS_COLOURS[name] for name in shares], "cornerradius": 3},
            text=[share_text(share) for share in shares.values()], textposition="outside", cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=height, margin={"l": 0, "r": 8, "t": 4, "b": 4}, bargap=bargap, showlegend=False, dragmode=False
    )
    # Room to the right of a full bar for its percentage
    figure.update_xaxes(range=[0, 116], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticks="", showgrid=False, tickfont={"size": letters})
    return figure


def probability_bars(probabilities: EmotionProbabilities | None, *, height: int = 250) -> go.Figure:
    """Seven bars in the order of `Emotion`, each with its name and percentage.

    The order never changes, so that two faces can be compared at a glance.

    Args:
        probabilities: of a face or a group; None, where nobody is there, gives bars of no length and no percentage.
        height: of the figure, in pixels.
    """
    shares: dict[str, float] = dict.fromkeys(EMOTIONS, 0.0) if probabilities is None else probabilities.as_dict()
    figure = share_bars(shares, height=height, letters=14)
    if probabilities is None:
        figure.update_traces(text=[""] * len(EMOTIONS))
    figure.update_layout(uniformtext={"minsize": 11, "mode": "show"})
    return figure
