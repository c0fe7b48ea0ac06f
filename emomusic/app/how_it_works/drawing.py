"""What draws the steps of a photo for any window. Also a face, and the plane, with a mark that the visitor moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import NEUTRAL_RADIUS, QUADRANT_CORNERS, AffectPoint, EmotionProbabilities
from emomusic.app.browser.components import mount
from emomusic.app.charts import show_chart
from emomusic.assets import ModelKind
from emomusic.charts import steps as plots
from emomusic.charts.face import share_bars
from emomusic.colours import QUIET, TRAIL, faded
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.who import Who
from emomusic.records import read_face_record
from emomusic.results.predictions import Predictions, read_predictions
from emomusic.runtime import Float32Array
from emomusic.server.walk import Walk
from emomusic.songs.hearing import spectrogram_of

_DOT = 0.1  # diameter on the plane, as a share of the plane's side


def place_square(walk: Walk) -> tuple[int, int, int]:
    """Show the face with a grey square as large as in `occlude`, at first where it changes the answer most.

    Returns:
        Top row, left column and side of the square, in pixels of the network's input.
    """
    face, effect = walk.face.grey, walk.face.occlusion
    row, column = np.unravel_index(int(effect.drops.argmax()), effect.drops.shape)
    first = tuple((effect.starts[start] + effect.patch / 2) / len(face) for start in (column, row))
    picture = f"url({plots.picture_address(face)})"
    place = _place(picture, "Grey square: the arrow keys move it", effect.patch / len(face), first, walk)
    left, top = (round(share * len(face) - effect.patch / 2) for share in place)
    return top, left, effect.patch


def place_on_plane(walk: Walk, first: AffectPoint, style: str = "") -> AffectPoint:
    """Show the plane with a dot, which a band follows if its `style` is given; returns its point."""
    dark, light = faded(TRAIL, 0.25), faded(TRAIL, 0.1)
    ring = f"transparent {NEUTRAL_RADIUS - 0.005:.1%}, {QUIET} 0 {NEUTRAL_RADIUS + 0.005:.1%}, transparent 0"
    tints = f"repeating-conic-gradient({dark} 0 25%, {light} 0 50%)"
    picture = f"radial-gradient(closest-side, {ring}), {tints}"
    start = ((first.valence + 1) / 2, (1 - first.arousal) / 2)
    names = [quadrant.description for quadrant in QUADRANT_CORNERS]
    x, y = _place(picture, "Dot: the arrow keys move it", _DOT, start, walk, names, style)
    return AffectPoint(round(2 * x - 1, 4) + 0.0, round(1 - 2 * y, 4) + 0.0)  # never -0.00


def _place(
    picture: str,
    label: str,
    share: float,
    first: Sequence[float],
    walk: Walk,
    corners: Sequence[str] = (),
    style: str = "",
) -> tuple[float, float]:
    """Show a mark over a picture, and return its middle from the left and the top, as shares of the picture's side."""
    data = {"picture": picture, "label": label, "share": share, "place": first, "corners": corners, "style": style}
    key = f"how-place-{walk.picture.digest}-{walk.number}-{'band' if style else len(corners)}"
    x, y = mount("place", key=key, data=data, on_place_change=lambda: None).place or first
    return x, y


WIDE = 1.6
"""An image of at least this ratio of width to height lies below the sentences, not next to them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A step of a photo on the page."""

    walk: Walk
    key: str  # the key of the step
    facts: DeltaGenerator  # the place for figures and widgets
    has_face: bool  # whether it is about one face

    def fact(self, text: str) -> None:
        """Show the figures of the step in large type, for a projector."""
        with self.facts, st.container(key="how-fact"):
            st.markdown(text)

    def chart(self, figure: go.Figure, part: str = "", *, alt: str) -> None:
        """Show a chart with the height that `page.css` sets. The key of a second one has the name of its `part`."""
        with st.container(key=f"how-chart-{self.key}{part}"):
            show_chart(figure, key=f"how-figure-{self.key}{part}", alt=self.alt(alt), height="stretch")

    def plane(self, alt: str, probabilities: EmotionProbabilities, **options: Any) -> None:
        """Show the plane with the face at these probabilities."""
        self.chart(plots.face_on_plane(probabilities, Who.face(self.walk.number), **options), alt=alt)

    def alt(self, text: str) -> str:
        """An alternative text that names the face if there are several."""
        return f"Face {self.walk.number}. {text}" if self.has_face and len(self.walk.faces) > 1 else text


def fit_height(ratio: float, *, other_rem: float) -> DeltaGenerator:
    """Return a container that shrinks its images in low windows.

    `ratio` is the width of the images divided by the height that everything else on the screen, `other_rem`, leaves.
    """
    height = f"max(16rem, 100vh - {other_rem:.1f}rem + var(--how-saved, 0rem))"
    st.html(f"<style>.st-key-how-fitting {{ max-width: calc({height} * {ratio:.3f}); }}</style>")
    return st.container(key="how-fitting")


def bars(shares: Mapping[str, float]) -> go.Figure:
    """Bars of shares with large type."""
    return plots.readable(share_bars(shares, height=plots.HEIGHT))


@st.cache_resource(show_spinner=False)
def votes_answers() -> Predictions:
    """The model's answers about test faces on which most people agree."""
    votes = read_face_record(DEFAULT_MODEL).votes
    assert votes is not None  # a bundled model has them
    return read_predictions(ModelKind.FACE, DEFAULT_MODEL).by_votes(votes.without_contempt.n)


@st.cache_resource(max_entries=18, show_spinner=False)
def spectrogram(path: str) -> Float32Array:
    """The spectrogram of a bundled song."""
    from emomusic.media.audio_file import read_song

    return spectrogram_of(np.concatenate([window.samples for window in read_song(path).windows]))
