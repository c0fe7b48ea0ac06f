"""Charts of a training that runs: its curves so far, and the regions of the moods on the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.charts.layout import GRID, lay_out, legend_above
from emomusic.colours import MOOD_COLOURS, RIGHT, WRONG, faded
from emomusic.songs.mood import MOODS


def run_curves(training: Sequence[float], held_out: Sequence[float], *, label: str, top: float, last: int) -> go.Figure:
    """One curve on the training songs and one on songs held out, by epoch up to `last`; the y axis ends at `top`."""
    figure = go.Figure()
    for values, name, colour, dash in ((training, "training", WRONG, "dot"), (held_out, "held out", RIGHT, "solid")):
        figure.add_scatter(
            x=list(range(len(values))), y=np.round(values, 4), mode="lines+markers" if len(values) < 2 else "lines",
            name=name, line={"color": colour, "width": 2.5, "dash": dash},
            hovertemplate=f"epoch %{{x}}: %{{y:.3f}}<extra>{name}</extra>",
        )  # fmt: skip
    x = {"title": "epoch", "range": [0, last]}
    return lay_out(figure, 240, x=x, y=GRID | {"range": [0, top], "title": label}, **legend_above())


def mood_regions(
    regions: npt.NDArray[np.int64], songs: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> go.Figure:
    """The predicted mood at each point of valence and energy, and songs in the colour of their label.

    Args:
        regions: shape (side, side), positions in `Mood`; rows go with energy.
        songs: shape (n, 2), valence and energy from 0 to 1.
        labels: shape (n,), positions in `Mood`.
    """
    steps = len(MOODS)
    scale = [
        [edge, faded(MOOD_COLOURS[mood], 0.35)]
        for number, mood in enumerate(MOODS)
        for edge in (number / steps, (number + 1) / steps)
    ]
    side = np.linspace(0, 1, len(regions))
    figure = go.Figure().add_heatmap(
        z=regions, x=side, y=side, zmin=-0.5, zmax=steps - 0.5, colorscale=scale, showscale=False, hoverinfo="skip"
    )
    for number, mood in enumerate(MOODS):
        own = songs[labels == number]
        figure.add_scatter(
            x=own[:, 0], y=own[:, 1], mode="markers", name=mood.value, hoverinfo="skip",
            marker={"color": MOOD_COLOURS[mood], "size": 5, "line": {"width": 0.5, "color": "white"}},
        )  # fmt: skip
    axes = [{"range": [0, 1], "title": name} for name in ("valence of Spotify", "energy")]
    return lay_out(figure, 500, x=axes[0], y=axes[1], **legend_above())
