"""The drawing functions of the steps of a photo, for any window size.

Also a face, and the plane, with a mark that the visitor moves; and the photo with a scrubber: as numbers, and with the
boxes of the three networks that find faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import NEUTRAL_RADIUS, QUADRANT_CORNERS, AffectPoint, EmotionProbabilities, share_text
from emomusic.app.browser.components import mount
from emomusic.app.charts import show_chart
from emomusic.app.choices import STEP
from emomusic.assets import ModelKind
from emomusic.charts import steps as plots
from emomusic.charts.face import share_bars
from emomusic.colours import QUIET, TRAIL, faded
from emomusic.faces.detection import MIN_CONFIDENCE, DetectionTrace
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.who import Who
from emomusic.records import read_face_record
from emomusic.results.predictions import Predictions, read_predictions
from emomusic.runtime import Float32Array
from emomusic.server.walk import Walk
from emomusic.songs.hearing import spectrogram_of
from emomusic.text import pluralize

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


# The step with a scrubber

NETWORKS = {
    "proposals": (
        "Where might a face be?",
        "A small network scans the photo at many sizes and proposes a box for each possible face. Non-maximum "
        "suppression keeps, of overlapping boxes, the one with the highest confidence.",
    ),
    "refined": (
        "A second check",
        "A second network is slower but more accurate. It checks each remaining box, corrects its position and removes "
        "most of them.",
    ),
    "face": (
        "Face and landmarks",
        "A third network selects the faces and marks the eyes, the nose and the corners of the mouth. A box needs a "
        f"confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
    ),
}
"""Title and words of the moments of the three networks, by their keys in the URL, which must not change."""

MOMENTS = ("picture", "photo", *NETWORKS)
"""The keys of all moments in the URL."""

_NUMBERS = 8  # pixels per side with their numbers
_MOST_BOXES = 1000  # boxes of a kind: more hide the photo


def show_moments(walk: Walk, trace: DetectionTrace, first: str, second: str, key: str) -> None:
    """Show the photo with a scrubber over its moments, from the one with this key on.

    `first` and `second` are the words of the moments before the networks.
    """
    sides, (width, height) = walk.preview.shape[:2], walk.size
    side = min(_NUMBERS, *sides)
    top, left = (int(share * (size - side)) for share, size in zip((0.35, 0.5), sides, strict=True))
    grey = walk.preview[top : top + side, left : left + side].mean(axis=2).round().astype(int)
    about = f"{width:,} by {height:,} pixels, {3 * width * height:,} numbers"
    data = {
        "picture": walk.preview_file.url,
        "size": walk.size,
        "numbers": {"place": [left / walk.scale, top / walk.scale, side / walk.scale], "rows": grey.tolist()},
        "moments": [
            {"title": "A photo is numbers", "words": first, "fact": "The brightness of some pixels", "name": "pixels"},
            {"title": "The photo", "words": second, "fact": about, "name": "photo"},
            *_networks_of(trace),
        ],
        "keys": MOMENTS,
        "start": MOMENTS.index(key) if key in MOMENTS else 0,
    }
    name = f"how-moments-{walk.picture.digest}"
    mount("moments", key=name, data=data, on_moment_change=lambda: STEP.set(st.session_state[name]["moment"]))


def _networks_of(trace: DetectionTrace) -> list[dict[str, Any]]:
    """The moments of the networks, with boxes and landmarks in pixels of the photo."""
    named: list[dict[str, Any]] = [{"title": title, "words": words} for title, words in NETWORKS.values()]
    first, second, third = trace.proposals, trace.refined, trace.output
    third = replace(third, kept=third.kept.take(third.kept.confidence >= MIN_CONFIDENCE))
    proposed, *boxes = (pluralize(len(found), "box", "boxes") for found in (first.found, first.kept, second.kept))
    faces = pluralize(len(trace.faces), "face")
    facts = (
        f"{proposed} proposed (blue), {len(first.kept):,} kept (yellow)",
        f"{boxes[0]} checked, {len(second.found):,} accepted (blue), {len(second.kept):,} kept (yellow)",
        f"{boxes[1]} checked, {faces} found",
    )
    dots = [point for face in trace.faces for point in face.landmarks or ()]
    for moment, fact, name, output in zip(named, facts, (*boxes, faces), (first, second, third), strict=True):
        found, kept = (boxes.corners[:_MOST_BOXES].round(1).tolist() for boxes in (output.found, output.kept))
        sure = output.kept.confidence.tolist()
        moment |= {"fact": fact, "name": name, "found": found, "kept": kept, "sure": sure}
        moment["dots"] = dots if output is third else []
    return named
