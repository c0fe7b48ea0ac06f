"""What the steps of a photo show: the computations, each done once, and what draws them for any window.

Also a face with a grey square that the visitor moves over it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import share_text
from emomusic.app.charts import show_chart
from emomusic.app.parts import read_beside
from emomusic.app.picture_chooser import Picture, PictureState
from emomusic.app.state import page_state
from emomusic.charts.face import share_bars
from emomusic.charts.steps import LETTERS
from emomusic.faces.detection import DetectionTrace
from emomusic.faces.inspection import Insight, Occlusion, agreement, explain, grad_cam, occlude
from emomusic.faces.reading import FaceReading, classify_faces, load_networks
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, encode_png, shrink, to_network_input
from emomusic.runtime import Float32Array
from emomusic.server.shared import visitor_turn

CROP_SIDE = 720  # pixels: twice the displayed width on most screens


class FaceWalk:
    """One face of the photo and the intermediate results of its reading.

    The full-size crop is discarded, because it can be as large as the photo.
    """

    def __init__(self, reading: FaceReading, crop: RgbImage, network_side: int) -> None:
        self.reading = reading
        self.side = len(crop)  # in pixels of the photo
        self.jpeg = encode_jpeg(shrink(crop, CROP_SIDE)[0])
        # The crop as the network receives it: shape (n, n), grey
        self.network_input: npt.NDArray[np.uint8] = to_network_input([crop], network_side)[0, ..., 0]

    @cached_property
    def insight(self) -> Insight:
        """Feature maps, logits, and the probabilities of `reading` to the precision of float32."""
        # Loading takes 50 ms; a kept network would take 15 MB
        return explain(self.network_input, load_networks()[1].spec)

    @cached_property
    def occlusion(self) -> Occlusion:
        """The effect of covering parts of the face; takes about a second."""
        return occlude(self.network_input, load_networks()[1])

    @cached_property
    def grad_cam(self) -> Float32Array:
        """The areas that support the answer."""
        return grad_cam(load_networks()[1].spec, self.network_input, self.insight.winner)

    @cached_property
    def agreement(self) -> float | None:
        """The rank correlation of Grad-CAM and occlusion; None if one of them is constant."""
        return agreement(self.grad_cam, self.occlusion)


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
        detector, classifier = load_networks()
        image = self.preview if self.scale == 1.0 else self.picture.read()
        with visitor_turn():
            trace = detector.detect_with_trace(image)
        faces = tuple(
            FaceWalk(reading, crop_face(image, reading.face.box), classifier.spec.side)
            for reading in classify_faces(image, trace.faces, classifier)
        )
        return trace, faces


def show_face(number: int) -> None:
    """Show another face of the photo; for buttons."""
    _, walk = page_state(PictureState).results[Walk]
    walk.number = number


COVERED = 0.25
"""The side of the square, as a share of the face's."""

_FIRST = (0.375, 0.6)  # left and top: the mouth

# A square that the pointer or the arrow keys move. It tells its place now and then while it moves, and at the end
_COVER = st.components.v2.component(
    "emomusic_cover",
    html="""<div><button type="button" aria-label="Grey square: the arrow keys move it"></button></div>""",
    css=read_beside(__file__, "cover.css"),
    js=read_beside(__file__, "cover.js"),
)


def place_square(face: npt.NDArray[np.uint8], *, key: str) -> tuple[float, float]:
    """Show the grey face, and return the left and the top edge of the square, as shares of its side."""
    address = f"data:image/png;base64,{b64encode(encode_png(np.repeat(face[..., None], 3, axis=2))).decode()}"
    data = {"face": address, "share": COVERED, "place": _FIRST}
    left, top = _COVER(data=data, on_place_change=lambda: None, key=key).place or _FIRST
    return left, top


CHART = "how-chart"
"""Container key of a chart. The style in `page.css` sets its height."""

WIDE = 1.6
"""An image of at least this ratio of width to height lies below the sentences, not next to them."""

_MIN_REM = 16  # lowest height for a low window


@dataclass(frozen=True, slots=True)
class Drawing:
    """A step of a photo on the page."""

    walk: Walk
    key: str  # of the step
    facts: DeltaGenerator  # the place for figures and widgets
    has_face: bool  # whether it is about one face

    def fact(self, text: str) -> None:
        """Show the figures of the step in large type, for a projector."""
        with self.facts, st.container(key="how-fact"):
            st.markdown(text)

    def image(self, image: RgbImage, *, alt: str, ratio: float | None = None) -> None:
        """Show an image as large as the window allows; `ratio` is width by height, by default the photo's."""
        width, height = self.walk.size
        ratio = ratio or width / height
        with fit_height(ratio, other_rem=23.5 if ratio >= WIDE else 14.5):
            st.image(encode_jpeg(image), alt=self.alt(alt), width="stretch")

    def chart(self, figure: go.Figure, part: str = "", *, alt: str) -> None:
        """Show a chart with the height that the style sets. The key of a second one has the name of its `part`."""
        with st.container(key=f"{CHART}-{self.key}{part}"):
            show_chart(figure, key=f"how-figure-{self.key}{part}", alt=self.alt(alt), height="stretch")

    def alt(self, text: str) -> str:
        """An alternative text that names the face if there are several."""
        return f"Face {self.walk.number}. {text}" if self.has_face and len(self.walk.faces) > 1 else text


def fit_height(ratio: float, *, other_rem: float) -> DeltaGenerator:
    """Return a container that shrinks its images in low windows.

    `ratio` is the width of the images divided by the height that everything else on the screen, `other_rem`, leaves.
    """
    height = f"max({_MIN_REM}rem, 100vh - {other_rem:.1f}rem + var(--how-saved, 0rem))"
    st.html(f"<style>.st-key-how-fitting {{ max-width: calc({height} * {ratio:.3f}); }}</style>")
    return st.container(key="how-fitting")


def bars(shares: Mapping[str, float]) -> go.Figure:
    """Bars of shares with large type."""
    return share_bars(shares, letters=LETTERS).update_traces(textfont_size=LETTERS)


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
