"""One picture on its way through everything: what each step of "How it works" computes, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import EmotionProbabilities
from emomusic.explain import grad_cam
from emomusic.face.detection import DetectionTrace
from emomusic.face.images import RgbImage, crop_face, encode_jpeg, shrink, to_network_input
from emomusic.face.inspection import Explainer, FloatMap, Insight, Occlusion, agreement, occlude
from emomusic.face.reading import FaceReading, classify_faces
from emomusic.ui.core import state
from emomusic.ui.core.engine import engine
from emomusic.ui.core.picture_chooser import Picture, choose_picture, sample_picture, samples

CROP_SIDE = 720  # pixels: what is kept of a face to be shown; twice as wide as it is on most screens


class FaceWalk:
    """One face of the picture, and how the network came to its answer.

    Of the cut-out only what is shown and asked is kept: at full size it can be the whole picture, decoded.

    Attributes:
        number: its place from the left, from 1.
        reading: where it is and what it shows, as the app reads it.
        side: of the square cut out of the picture, in its pixels.
        shown: JPEG of that, its side `CROP_SIDE` pixels at most.
        seen: the same as the network gets it: shape (n, n), uint8, grey.
    """

    def __init__(self, number: int, reading: FaceReading, crop: RgbImage, network_side: int) -> None:
        self.number = number
        self.reading = reading
        self.side = len(crop)
        self.shown = encode_jpeg(shrink(crop, CROP_SIDE)[0])
        self.seen: npt.NDArray[np.uint8] = to_network_input([crop], network_side)[0, ..., 0]

    @cached_property
    def insight(self) -> Insight:
        """What the network makes of the face."""
        return _explainer().look(self.seen)

    @cached_property
    def probabilities(self) -> EmotionProbabilities:
        """The answer that the steps explain and go on with, in float32; that of `reading` may be less exact."""
        return EmotionProbabilities(self.insight.probabilities.astype(np.float32))

    @cached_property
    def occlusion(self) -> Occlusion:
        """What covering parts of the face does; takes a second or so."""
        return occlude(self.seen, engine().networks()[1])

    @cached_property
    def grad_cam(self) -> FloatMap:
        """Which places speak for the answer; takes about five seconds, in which TensorFlow loads.

        Raises:
            ModelError: TensorFlow is not installed.
        """
        return grad_cam(engine().networks()[1].spec.name, self.seen, self.insight.winner)

    @cached_property
    def agreement(self) -> float | None:
        """How well Grad-CAM and occlusion agree."""
        return agreement(self.grad_cam, self.occlusion)


class Walk:
    """A picture, and what the steps have computed of it so far. It lives in one visitor's session and ends with it.

    Attributes:
        picture: as it came.
        preview: decoded, at the size of a screen.
        scale: size of `preview` as a share of the picture's.
        size: width and height of the picture as it came.
        pictures: the bytes of what was drawn, by what it shows.
    """

    def __init__(self, picture: Picture) -> None:
        """Decode the picture.

        Raises:
            ImageError: it cannot be read; the message tells what to do.
        """
        image = picture.read()
        self.picture = picture
        self.size = (image.shape[1], image.shape[0])
        self.preview, self.scale = shrink(image)
        self.pictures: dict[str, bytes] = {}

    @property
    def stages(self) -> DetectionTrace:
        """What the detector's networks found."""
        return self._found[0]

    @property
    def faces(self) -> tuple[FaceWalk, ...]:
        """The faces, from left to right; empty where there is none."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[DetectionTrace, tuple[FaceWalk, ...]]:
        """All that needs the whole picture, so that it is decoded no more than once again."""
        detector, classifier = engine().networks()
        image = self.preview if self.scale == 1.0 else self.picture.read()
        trace = detector.detect_with_trace(image)
        faces = tuple(
            FaceWalk(number, face, crop_face(image, face.face.box), classifier.spec.side)
            for number, face in enumerate(classify_faces(image, trace.faces, classifier), 1)
        )
        return trace, faces


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step draws: a picture on its way, and which of its faces.

    Attributes:
        walk: the picture.
        number: of the face, from 1.
    """

    walk: Walk
    number: int = 1

    @property
    def face(self) -> FaceWalk:
        """The face; there must be one."""
        return self.walk.faces[self.number - 1]

    def drawn(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes of a picture, made the first time it is asked for."""
        key = f"{self.number}-{name}"
        if key not in self.walk.pictures:
            self.walk.pictures[key] = make()
        return self.walk.pictures[key]


def choose_example() -> Picture:
    """The picture that the visitor chose on any page, or else the first sample; the chooser sits in a popover."""
    chosen, last = st.session_state.get(state.PICTURE), state.how_widget("last")
    # A new picture makes a new popover, which is closed. None yet makes none: an uploader in which one file takes the
    # place of another says in between that it has none, and would not live to say the rest.
    if isinstance(chosen, Picture):
        st.session_state[last] = chosen.digest
    key = state.how_widget("picture", st.session_state.get(last, "none"))
    with st.popover("Picture", icon=":material/image:", key=key):
        st.markdown("Choose a sample, or take your own. It stays in memory.")
        picture = choose_picture()
    # Its name stays out of the address, which would arrive there after the file that was on its way
    return picture or sample_picture(samples()[0])


def walk_of(picture: Picture) -> Walk:
    """A picture's way, with what was computed of it before.

    Raises:
        ImageError: it cannot be read.
    """
    walk = st.session_state.get(state.HOW_WALK)
    if isinstance(walk, Walk) and walk.picture.digest == picture.digest:
        return walk
    walk = Walk(picture)
    st.session_state[state.HOW_WALK] = walk
    return walk


@st.cache_resource(show_spinner=False)
def _explainer() -> Explainer:
    """The model's network, opened once for all visitors."""
    return Explainer(engine().networks()[1].spec)
