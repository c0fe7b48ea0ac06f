"""Faces of a picture with their emotions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from emomusic.assets import load_once
from emomusic.faces.classifier import Classifier, load_classifier
from emomusic.faces.detection import DetectionTrace, FaceDetector, MtcnnDetector, missed_side, needs_close_search
from emomusic.faces.identity import describe_persons
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.profile import FaceProfile, nearest_persons
from emomusic.faces.table import Faces
from emomusic.faces.turned import TurningDetector
from emomusic.media.images import DecodedPicture, RgbImage

Networks: TypeAlias = tuple[FaceDetector, Classifier]
"""What detects and what classifies faces."""

_SMALL_SIDE = 30  # pixels; smaller faces tell little


@dataclass(frozen=True, slots=True)
class PictureReading:
    """The faces of a picture.

    Attributes:
        width: the width of the picture in pixels, the unit of the boxes.
        height: the height of the picture in pixels.
        faces: the faces from left to right; empty if there are none.
        detect_ms: duration of the detection.
        classify_ms: duration of cropping and classification.
        trace: the output of the detector's networks; None unless asked for.
        decode_ms: duration of the decoding; 0 for pixels.
        read_part: what of the file was read, if that is not all of it; None otherwise.
    """

    width: int
    height: int
    faces: Faces
    detect_ms: float
    classify_ms: float
    trace: DetectionTrace | None = field(default=None, compare=False, repr=False)
    decode_ms: float = 0.0
    read_part: str | None = None

    @property
    def note(self) -> str | None:
        """What was not read of the file, and which faces may be missed, where small ones are likely; None otherwise."""
        side, boxes = missed_side(self.width, self.height), [row.face.box for row in self.faces]
        if side <= _SMALL_SIDE or not needs_close_search(self.width, self.height, boxes):
            return self.read_part
        missed = f"Faces below about {side} pixels may be missed; parts of the picture show more."
        return missed if self.read_part is None else f"{self.read_part} {missed}"


class LoadNetworks(Protocol):
    """Gives the networks for a picture. `load_networks` and `Shared.visitor_networks` implement it."""

    def __call__(self, *, posed: bool = False, upright: bool = False, still: bool = False) -> Networks:
        """The networks, for faces that people pull, for a picture known to be upright, and for a still."""
        ...


def read_picture(
    picture: DecodedPicture,
    networks: LoadNetworks,
    *,
    posed: bool = False,
    profiles: Sequence[FaceProfile] = (),
    with_trace: bool = False,
) -> PictureReading:
    """The faces of a picture with the probabilities of the seven emotions: the one reader of still pictures.

    Args:
        picture: the decoded picture; turned faces are searched beside upright ones, and elsewhere unless it is known to
            be upright.
        networks: gives the detector and the classifier.
        posed: whether people pulled the faces for a camera.
        profiles: those of persons, whose faces are read with them.
        with_trace: keep the output of the detector's networks.

    Raises:
        ModelError: a model is missing or damaged, or has no adjustment for posed faces.
    """
    image = picture.pixels
    detector, classifier = networks(posed=posed, upright=picture.is_upright, still=True)
    started = time.perf_counter()
    trace = detector.detect_with_trace(image)
    detected = time.perf_counter()
    probabilities = classifier.classify([face.crop(image) for face in trace.faces])
    classified = time.perf_counter()
    reading = PictureReading(
        width=image.shape[1],
        height=image.shape[0],
        faces=Faces.of(trace.faces, probabilities, threshold=classifier.threshold),
        detect_ms=1000 * (detected - started),
        classify_ms=1000 * (classified - detected),
        trace=trace if with_trace else None,
        decode_ms=picture.decode_ms,
        read_part=picture.note,
    )
    return _apply_profiles(image, reading, profiles)


def _apply_profiles(image: RgbImage, reading: PictureReading, profiles: Sequence[FaceProfile]) -> PictureReading:
    """The reading of a picture with the probabilities of these persons replaced. Other faces stay as they are."""
    found = [row.face for row in reading.faces]
    if not found or not profiles:
        return reading
    faces = reading.faces
    shares, is_known, threshold = faces.shares.copy(), faces.is_known.copy(), faces.threshold.copy()
    nearest = nearest_persons(describe_persons(image, found), profiles)
    for row, (profile, face) in enumerate(zip(nearest, found, strict=True)):
        if profile is not None:
            shares[row], is_known[row] = profile.classify_still(image, face).values, True
            threshold[row] = profile.threshold
    return replace(reading, faces=replace(faces, shares=shares, is_known=is_known, threshold=threshold))


def load_networks(
    model: str = DEFAULT_MODEL, *, posed: bool = False, upright: bool = False, still: bool = False
) -> Networks:
    """The detector and a trained model, loaded once in about 0.25 s. Threads may share them.

    Args:
        model: name of a trained model.
        posed: assume posed faces (`EmotionClassifier.posed`).
        upright: find no turned faces, as in a camera's picture, except beside upright ones of a still.
        still: find turned faces beside upright ones, which takes too long for films.

    Raises:
        ModelError: there is no such model, its files are damaged, its classes are not the seven emotions, or it has no
            adjustment for posed faces.
    """
    classifier = load_classifier(model)
    classifier.require_emotions()
    return load_detector(upright=upright, still=still), classifier.posed() if posed else classifier


@load_once
def load_detector(*, upright: bool = False, still: bool = False) -> FaceDetector:
    """The detector, loaded once, which finds turned faces as `load_networks` says. The default model tells their turns.

    Raises:
        ModelError: a file is absent or damaged.
    """
    if upright and not still:
        return _load_mtcnn()
    detector, default = _load_mtcnn(), load_classifier(DEFAULT_MODEL)
    if default.turn_layer is None:
        return detector
    return TurningDetector(detector, default.turn_scores, upright=upright, still=still)


_load_mtcnn = load_once(MtcnnDetector)
