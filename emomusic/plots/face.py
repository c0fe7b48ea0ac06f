"""What a network says of one face, as a chart."""

from __future__ import annotations

import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, EmotionProbabilities, share_text
from emomusic.plots.colours import EMOTION_COLOURS


def probability_bars(probabilities: EmotionProbabilities | None, *, height: int = 250) -> go.Figure:
    """Seven bars in the order of `Emotion`, each with its name and percentage.

    The order never changes, so that two faces can be compared at a glance.

    Args:
        probabilities: of a face or a group; None, where nobody is there, gives bars of no length and no percentage.
        height: of the figure, in pixels.
    """
    names = [emotion.value for emotion in EMOTIONS]
    percents = [0.0 if probabilities is None else 100 * probabilities[emotion] for emotion in EMOTIONS]
    figure = go.Figure(
        go.Bar(
            x=percents,
            y=names,
            orientation="h",
            marker={"color": [EMOTION_COLOURS[emotion] for emotion in EMOTIONS], "cornerradius": 3},
            text=["" if probabilities is None else share_text(value / 100) for value in percents],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 4, "b": 4},
        bargap=0.28,
        showlegend=False,
        dragmode=False,
        uniformtext={"minsize": 11, "mode": "show"},
    )
    # Room to the right of a full bar for its percentage
    figure.update_xaxes(range=[0, 116], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticks="", showgrid=False, tickfont={"size": 14})
    return figure
