"""The computations of the How it works page for one photo. Each result is computed once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.app import state
from emomusic.app.picture_chooser import (
    Picture,
    PictureState,
    choose_picture,
    keep_result,
    kept_result,
    picture_menu,
    sample_picture,
    samples,
)
from emomusic.app.state import page_state
from emomusic.faces.detection import DetectionTrace
from emomusic.faces.inspection import FloatMap, Insight, Occlusion, agreement, explain, grad_cam, occlude
from emomusic.faces.reading import FaceReading, classify_faces
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, shrink, to_network_input
from emomusic.server.shared import shared, visitor_turn

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
        return explain(self.network_input, shared().networks()[1].spec)

    @cached_property
    def occlusion(self) -> Occlusion:
        """The effect of covering parts of the face; takes about a second."""
        return occlude(self.network_input, shared().networks()[1])

    @cached_property
    def grad_cam(self) -> FloatMap:
        """The areas that support the answer."""
        return grad_cam(shared().networks()[1].spec, self.network_input, self.insight.winner)

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
        detector, classifier = shared().networks()
        image = self.preview if self.scale == 1.0 else self.picture.read()
        with visitor_turn():
            trace = detector.detect_with_trace(image)
        faces = tuple(
            FaceWalk(reading, crop_face(image, reading.face.box), classifier.spec.side)
            for reading in classify_faces(image, trace.faces, classifier)
        )
        return trace, faces


def choose_photo() -> Picture:
    """Return the photo chosen on any page, else the first sample. Shows the chooser in a popover."""
    with picture_menu("Photo", state.how_widget("picture")):
        st.markdown("Choose a sample, or use your own photo. It stays in memory.")
        picture = choose_picture()
    # The URL must not name the first sample, because the name could replace an upload in progress
    return picture or sample_picture(samples()[0])


def walk_of(picture: Picture) -> Walk:
    """Return the results for a photo, from the session if it is the same photo.

    Raises:
        ImageError: the photo cannot be read.
    """
    if (walk := kept_result(Walk, picture)) is None:
        walk = Walk(picture)
        keep_result(picture, walk)
    return walk


def show_face(number: int) -> None:
    """Show another face of the photo; for buttons."""
    _, walk = page_state(PictureState).results[Walk]
    walk.number = number
