"""What the steps of a photo show: the computations, each done once, and what draws them for any window.

Also a face, and the plane, with a mark that the visitor moves over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import NEUTRAL_RADIUS, QUADRANT_CORNERS, AffectPoint, EmotionProbabilities, share_text
from emomusic.app.browser.components import mount
from emomusic.app.charts import show_chart
from emomusic.app.state import page_state
from emomusic.assets import ModelKind
from emomusic.charts import steps as plots
from emomusic.charts.face import share_bars
from emomusic.colours import QUADRANT_COLOURS, QUIET, faded
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import DetectionTrace, Face, NetworkOutput
from emomusic.faces.inspection import Insight, Occlusion, explain, grad_cam, occlude
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.reading import load_classifier
from emomusic.faces.table import FaceReading
from emomusic.faces.who import Who
from emomusic.media.images import RgbImage, encode_jpeg, shrink, to_network_input
from emomusic.records import read_face_record
from emomusic.results.predictions import Predictions, read_predictions
from emomusic.runtime import Float32Array
from emomusic.server.capacity import capacity
from emomusic.server.pictures import Picture, PictureState
from emomusic.server.shared import read_for_visitor
from emomusic.songs.hearing import spectrogram_of
from emomusic.text import pluralize

_LONGEST = 2200  # pixels, of an image
_CROP_SIDE = 720  # pixels: twice the displayed width on most screens


class FaceWalk:
    """One face of the photo and the intermediate results of its reading.

    The full-size crop is discarded, because it can be as large as the photo.
    """

    def __init__(self, reading: FaceReading, crop: RgbImage, classifier: EmotionClassifier) -> None:
        self.reading = reading
        self.side = len(crop)  # in pixels of the photo
        self.jpeg = encode_jpeg(shrink(crop, _CROP_SIDE)[0])
        self.classifier = classifier
        # The crop as the network receives it: shape (n, n), grey
        self.network_input: npt.NDArray[np.uint8] = to_network_input([crop], classifier.spec.side)[0, ..., 0]

    @cached_property
    def insight(self) -> Insight:
        """Feature maps, logits, and the probabilities of `reading` to the precision of float32."""
        # Loading takes 50 ms; a kept network would take 15 MB
        return explain(self.network_input, self.classifier)

    @cached_property
    def occlusion(self) -> Occlusion:
        """The effect of covering parts of the face; takes about a second."""
        return occlude(self.network_input, self.classifier)

    @cached_property
    def grad_cam(self) -> Float32Array:
        """The areas that support the answer."""
        return grad_cam(self.classifier.spec, self.network_input, self.insight.winner)


class Walk:
    """A photo with the results that the steps have computed. It belongs to one visitor's session."""

    def __init__(self, picture: Picture) -> None:
        image = picture.read()
        self.picture = picture
        self.size = (image.shape[1], image.shape[0])
        self.preview, self.scale = shrink(image)  # at most as large as a screen, and its size relative to the photo
        self.number = 1  # of the shown face, from left to right

    @property
    def trace(self) -> DetectionTrace:
        """The output of each network of the detector."""
        return self._found[0]

    @property
    def faces(self) -> tuple[FaceWalk, ...]:
        """The faces from left to right. Empty if there is none."""
        return self._found[1]

    @property
    def face(self) -> FaceWalk:
        """The shown face. The photo must have one."""
        return self.faces[self.number - 1]

    @cached_property
    def _found(self) -> tuple[DetectionTrace, tuple[FaceWalk, ...]]:
        """Trace and faces in one property, so that the original is decoded only once."""
        decoded = self.picture.decode()
        posed = self.picture.is_posed
        with capacity().work():
            reading = read_for_visitor(decoded, posed=posed, with_trace=True)
        assert reading.trace is not None
        classifier = load_classifier(DEFAULT_MODEL)
        classifier = classifier.posed() if posed else classifier
        return reading.trace, tuple(
            FaceWalk(face, face.face.crop(decoded.pixels), classifier) for face in reading.faces
        )


def show_face(number: int) -> None:
    """Show another face of the photo; for buttons."""
    _, walk = page_state(PictureState).results[Walk]
    walk.number = number


_DOT = 0.1  # diameter on the plane, as a share of the plane's side


def place_square(walk: Walk) -> tuple[int, int, int]:
    """Show the face with a grey square as large as in `occlude`, at first where it changes the answer most.

    Returns:
        Top row, left column and side of the square, in pixels of the network's input.
    """
    face, effect = walk.face.network_input, walk.face.occlusion
    row, column = np.unravel_index(int(effect.drops.argmax()), effect.drops.shape)
    first = tuple((effect.starts[start] + effect.patch / 2) / len(face) for start in (column, row))
    picture = f"url({plots.picture_address(face)})"
    place = _place(picture, "Grey square: the arrow keys move it", effect.patch / len(face), first, walk)
    left, top = (round(share * len(face) - effect.patch / 2) for share in place)
    return top, left, effect.patch


def place_on_plane(walk: Walk, first: AffectPoint, style: str = "") -> AffectPoint:
    """Show the plane with a dot, which a band follows if its `style` is given; returns its point."""
    q1, q2, q3, q4 = (faded(QUADRANT_COLOURS[quadrant], 0.3) for quadrant in QUADRANT_CORNERS)
    ring = f"transparent {NEUTRAL_RADIUS - 0.005:.1%}, {QUIET} 0 {NEUTRAL_RADIUS + 0.005:.1%}, transparent 0"
    picture = f"radial-gradient(closest-side, {ring}), conic-gradient({q1} 25%, {q4} 0 50%, {q3} 0 75%, {q2} 0)"
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
    x, y = mount("overlay", "place", key=key, data=data, on_place_change=lambda: None).place or first
    return x, y


WIDE = 1.6
"""An image of at least this ratio of width to height lies below the sentences, not next to them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A step of a photo on the page."""

    walk: Walk
    key: str  # of the step
    facts: DeltaGenerator  # the place for figures and widgets
    has_face: bool  # whether it is about one face
    ratio: float  # width by height

    def fact(self, text: str) -> None:
        """Show the figures of the step in large type, for a projector."""
        with self.facts, st.container(key="how-fact"):
            st.markdown(text)

    def image(self, image: RgbImage, *, alt: str) -> None:
        """Show an image as large as the window allows."""
        with fit_height(self.ratio, other_rem=23.5 if self.ratio >= WIDE else 14.5):
            st.image(encode_jpeg(shrink(image, _LONGEST)[0]), alt=self.alt(alt), width="stretch")

    def chart(self, figure: go.Figure, part: str = "", *, alt: str) -> None:
        """Show a chart with the height that `page.css` sets. The key of a second one has the name of its `part`."""
        with st.container(key=f"how-chart-{self.key}{part}"):
            show_chart(figure, key=f"how-figure-{self.key}{part}", alt=self.alt(alt), height="stretch")

    def boxes(self, output: NetworkOutput, fact: str, faces: Sequence[Face] = ()) -> None:
        """Show the photo with the boxes of one of the detector's networks, and the landmarks of faces."""
        image, scale = shrink(self.walk.preview, _LONGEST)
        landmarks = [face.landmarks for face in faces if face.landmarks is not None]
        scale *= self.walk.scale
        drawn = plots.boxes_on_picture(image, output.found, output.kept, scale=scale, landmarks=landmarks)
        found = pluralize(len(output.found), "box", "boxes")
        self.image(drawn, alt=f"The photo with {found}, {len(output.kept)} with thick lines")
        self.fact(fact)

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


def describe_agreement(correlation: float | None) -> str:
    """Describe the rank correlation of two maps."""
    if correlation is None:
        return "The maps cannot be compared: one of them is constant."
    limits = ((0.5, "agree"), (0.2, "agree a little"), (-0.2, "are unrelated"))
    verdict = next((words for least, words in limits if correlation >= least), "disagree")
    return f"**The maps {verdict}**: rank correlation {correlation:.2f}."


def describe_drop(answer: str, before: float, lowest: float) -> str:
    """Describe the largest drop of a probability under occlusion. Both values are between 0 and 1."""
    if lowest >= before:
        return f"Covering an area never lowers “{answer}”."
    high, low = share_in_words(before), share_in_words(lowest)
    if high == low:
        return f"Covering the lightest area hardly changes “{answer}”: it stays at {high}."
    return f"Covering the lightest area lowers “{answer}” from {high} to {low}."


def share_in_words(share: float) -> str:
    """Format a share, with a no-break space before the percent sign."""
    return share_text(share).replace(" ", "\N{NO-BREAK SPACE}")


@st.cache_resource(show_spinner=False)
def votes_answers() -> Predictions:
    """The model's answers about test faces on which most people agree."""
    votes = read_face_record(DEFAULT_MODEL).votes
    assert votes is not None  # of a bundled model
    return read_predictions(ModelKind.FACE, DEFAULT_MODEL).by_votes(votes.without_contempt.n)


@st.cache_resource(max_entries=18, show_spinner=False)
def spectrogram(path: str) -> Float32Array:
    """The spectrogram of a bundled song."""
    from emomusic.media.audio_file import read_song

    return spectrogram_of(np.concatenate([window.samples for window in read_song(path).windows]))
