"""The steps that read a photo: the intermediate results, each computed once, and their descriptions."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from emomusic.affect import share_text
from emomusic.faces.classifier import EmotionClassifier, load_classifier, to_grey
from emomusic.faces.detection import DetectionTrace
from emomusic.faces.inspection import FeatureMaps, Occlusion, feature_maps, grad_cam, occlude
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.table import FaceReading
from emomusic.media.images import RgbImage, encode_jpeg, shrink, to_network_input
from emomusic.runtime import Float32Array
from emomusic.server.files import ServedFile
from emomusic.server.photos import Picture
from emomusic.server.shared import read_for_visitor

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
        self.grey = to_grey(crop)

    @property
    def network_input(self) -> npt.NDArray[np.uint8]:
        """The crop as the first network receives it: shape (side, side), grey."""
        return to_network_input([self.grey], self.classifier.spec.side)[0, ..., 0]

    @cached_property
    def levels(self) -> list[FeatureMaps]:
        """The feature maps from fine to coarse."""
        # Loading takes 50 ms; a kept network would take 15 MB
        return feature_maps(self.grey, self.classifier)

    @cached_property
    def occlusion(self) -> Occlusion:
        """The effect of covering parts of the face; takes about a second."""
        return occlude(self.grey, self.classifier)

    @cached_property
    def grad_cam(self) -> Float32Array:
        """The areas that support the answer."""
        return grad_cam(self.classifier.spec, self.grey, self.reading.emotion.label)


class Walk:
    """A photo with the results that the steps have computed. It belongs to one visitor's session."""

    def __init__(self, picture: Picture) -> None:
        image = picture.decode().pixels
        self.picture = picture
        self.size = (image.shape[1], image.shape[0])
        self.preview, self.scale = shrink(image)  # at most as large as a screen, and its size relative to the photo
        self.number = 1  # the shown face, counted from left to right

    @cached_property
    def preview_file(self) -> ServedFile:
        """The preview for the browser."""
        return ServedFile(encode_jpeg(self.preview), "image/jpeg")

    @property
    def is_searched(self) -> bool:
        """Whether trace and faces are known."""
        return "_found" in vars(self)

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
        reading = read_for_visitor(decoded, posed=posed, with_trace=True)
        assert reading.trace is not None
        classifier = load_classifier(DEFAULT_MODEL)
        classifier = classifier.posed() if posed else classifier
        return reading.trace, tuple(
            FaceWalk(face, face.face.crop(decoded.pixels), classifier) for face in reading.faces
        )


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
    high, low = share_text(before), share_text(lowest)
    if high == low:
        return f"Covering the lightest area hardly changes “{answer}”: it stays at {high}."
    return f"Covering the lightest area lowers “{answer}” from {high} to {low}."
