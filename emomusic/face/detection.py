"""Where the faces are: one adapter over MTCNN.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE Signal
Processing Letters 23(10), 2016; as packaged in `mtcnn` 1.0.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.face._tensorflow import load_tensorflow
from emomusic.face.images import Box, RgbImage, shrink

# True faces score 0.99 and more as a rule; a false one was seen at 0.855.
MIN_CONFIDENCE = 0.9

# Two boxes sharing more than this are one face seen twice; neighbours in a crowd share less.
_SAME_FACE_OVERLAP = 0.5


# MTCNN's rows: image number, x1, y1, x2, y2, confidence, five x of the landmarks, five y.
_Rows: TypeAlias = npt.NDArray[np.float64]
_NUM_COLUMNS = 16
_CONFIDENCE = 5
_XS = [1, 3, 6, 7, 8, 9, 10]
_YS = [2, 4, 11, 12, 13, 14, 15]

_INPUT_SIDES = (None, 24, 48)  # of the three networks; the first takes any size
_WARM_UP_SIDE = 120


@dataclass(frozen=True, slots=True)
class _Look:
    """How to look again: shrunk to this side, then with the border drawn out by a share on each side."""

    side: int
    padding: float
    border: int


# MTCNN misses faces that fill the frame: it has seen few without surroundings. Where the first look finds nothing, it
# looks again, with surroundings made up; such a face is large, so few pixels show it as well and cost little. Chosen
# on 974 tightly cut faces, of which the first look misses 45: these two bring back 37 (the first alone 32), with no
# false face in 179 pictures without any. Black surroundings bring back fewer (26), and a third look none.
_SECOND_LOOKS = (_Look(192, 0.25, cv2.BORDER_REPLICATE), _Look(256, 0.5, cv2.BORDER_REFLECT_101))


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Five points of a face, each (x, y) in pixels of the image; left and right as the viewer sees them."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    mouth_left: tuple[float, float]
    mouth_right: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in an image.

    Attributes:
        box: inside the image, in its pixels.
        confidence: 0 to 1.
        landmarks: eyes, nose and corners of the mouth; they may lie outside the image where the face is cut off.
    """

    box: Box
    confidence: float
    landmarks: Landmarks


class FaceDetector(Protocol):
    """Finds faces. `MtcnnDetector` is the real one; tests have a fake."""

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right; none is an empty list."""
        ...


class MtcnnDetector:
    """MTCNN with compiled networks; one instance may be shared by threads.

    Making one loads TensorFlow and the networks' weights, which takes seconds; `warm_up` takes the rest.
    """

    def __init__(self, min_confidence: float = MIN_CONFIDENCE) -> None:
        if not 0.0 <= min_confidence <= 1.0:
            raise ValueError(f"min_confidence must be from 0 to 1. Received: {min_confidence}")
        self._min_confidence = min_confidence
        self._mtcnn = _compiled_mtcnn()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Trace and run the networks once, so that the first real picture need not wait."""
        blank = np.full((_WARM_UP_SIDE, _WARM_UP_SIDE, 3), 127, np.uint8)
        self._look(blank)
        # No candidate of a blank picture gets as far as the later networks: they are run by hand.
        with self._lock:
            for stage, side in zip(self._mtcnn.stages, _INPUT_SIDES, strict=True):
                stage.model(np.zeros((1, side or _WARM_UP_SIDE, side or _WARM_UP_SIDE, 3), np.float32))

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right.

        The work is done on at most 1280 pixels a side, so faces under 20 pixels there are not found.

        Args:
            image: shape (height, width, 3), uint8, RGB.

        Returns:
            Faces in pixels of `image`; an empty list where there is none.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"image must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}")
        small, scale = shrink(image)
        faces = _to_faces(self._look(small), image, scale)
        for look in _SECOND_LOOKS:
            if faces:
                break
            faces = self._look_again(image, look)
        return sorted(_without_duplicates(faces), key=lambda face: (face.box.x, face.box.y))

    def _look_again(self, image: RgbImage, look: _Look) -> list[Face]:
        small, scale = shrink(image, look.side)
        down, across = (round(side * look.padding) for side in small.shape[:2])
        rows = self._look(cv2.copyMakeBorder(small, down, down, across, across, look.border))
        rows[:, _XS] -= across
        rows[:, _YS] -= down
        return _to_faces(rows, image, scale)

    def _look(self, image: RgbImage) -> _Rows:
        """Run MTCNN once; rows of those it is confident of, in pixels of this very image."""
        with self._lock:
            # As float32 the result is the same to the last bit and a fifth faster: MTCNN makes integers float64.
            rows: _Rows = self._mtcnn.detect_faces(
                image.astype(np.float32), box_format="xyxy", output_type="numpy", postprocess=False
            )
        if rows.shape[1] != _NUM_COLUMNS:  # nothing got as far as the last stage
            return np.empty((0, _NUM_COLUMNS))
        return rows[rows[:, _CONFIDENCE] >= self._min_confidence]


def _compiled_mtcnn() -> Any:
    tensorflow = load_tensorflow()
    import lz4.frame
    import mtcnn
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    packed = Path(mtcnn.__file__).parent / "assets" / "weights"
    with tempfile.TemporaryDirectory() as folder:

        def weights(name: str) -> str:
            # Unpacked by ourselves: joblib leaves the packed file to a finaliser, of which Python 3.13 complains. And
            # by a full path: given a bare name, mtcnn prefers a file of that name in the working directory.
            path = Path(folder) / name
            path.write_bytes(lz4.frame.decompress((packed / f"{name}.lz4").read_bytes()))
            return str(path)

        stages = [
            StagePNet(weights=weights("pnet")),
            StageRNet(weights=weights("rnet")),
            StageONet(weights=weights("onet")),
        ]
    # Uncompiled, Python takes half of the time. One signature for all sizes, or each new size would be traced anew.
    for stage, side in zip(stages, _INPUT_SIDES, strict=True):
        signature = [tensorflow.TensorSpec((None, side, side, 3), tensorflow.float32)]
        stage._model = tensorflow.function(stage._model, input_signature=signature)
    return mtcnn.MTCNN(stages=stages)


def _to_faces(rows: _Rows, image: RgbImage, scale: float) -> list[Face]:
    """Turn MTCNN's rows, found at a share of the image's size, into faces of the image; drop those outside it."""
    height, width = image.shape[:2]
    faces = []
    for row in rows:
        xs, ys = (row[_XS] / scale).tolist(), (row[_YS] / scale).tolist()
        # A mirrored or drawn-out border can hold a face too. What counts lies with its middle inside the image.
        if not (0 <= xs[0] + xs[1] < 2 * width and 0 <= ys[0] + ys[1] < 2 * height):
            continue
        left, top = min(round(xs[0]), width - 1), min(round(ys[0]), height - 1)
        right, bottom = max(round(xs[1]), left + 1, 1), max(round(ys[1]), top + 1, 1)
        box = Box(left, top, right - left, bottom - top).clipped(width, height)
        landmarks = Landmarks(*zip(xs[2:], ys[2:], strict=True))
        faces.append(Face(box, min(float(row[_CONFIDENCE]), 1.0), landmarks))
    return faces


def _without_duplicates(faces: Sequence[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(face.box.overlap(other.box) <= _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
