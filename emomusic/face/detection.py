"""Find faces: MTCNN on exported networks.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE Signal
Processing Letters 23(10), 2016. `scripts/export_detector.py` exports the networks of the package `mtcnn` 1.0, whose
arithmetic this module repeats: the same faces, the same boxes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.assets import models_dir, require_intact
from emomusic.face.images import Box, RgbImage, shrink
from emomusic.face.nms import non_maximum_suppression
from emomusic.face.runtime import Network, in_slices

# True faces score 0.99 and more as a rule; a false one was seen at 0.855.
MIN_CONFIDENCE = 0.9

# Two boxes sharing more than this are one face seen twice; neighbours in a crowd share less.
_SAME_FACE_OVERLAP = 0.5

DETECTOR_FILES = ("pnet.onnx", "rnet.onnx", "onet.onnx")
"""The networks, in the order in which they run; in `models/detector/`."""

# As in the `mtcnn` package. The P-Net gives a map of boxes of 12 pixels, 2 apart, at every size of the picture.
_CELL, _STRIDE = 12, 2
_FIRST_SCALE, _SCALE_FACTOR = 12 / 20, 0.709
_PROPOSAL_LOGIT = math.log(0.6 / 0.4)  # a probability of 0.6
_MIN_REFINED, _MIN_OUTPUT = 0.7, 0.8
_SAME_SCALE_OVERLAP, _STAGE_OVERLAP = 0.5, 0.7
_REFINE_SIDE, _OUTPUT_SIDE = 24, 48

_PATCHES_AT_ONCE = 64  # bounds memory
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

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All five, in this order."""
        return (self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right)


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


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The picture as MTCNN is shown it.

    Attributes:
        pixels: the picture, shrunk and perhaps with a border drawn out around it.
        scale: its size as a share of the picture's.
        across: pixels of border on the left.
        down: pixels of border at the top.
    """

    pixels: RgbImage
    scale: float
    across: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that may hold a face.

    Attributes:
        corners: shape (n, 4), float64: left, top, right, bottom in pixels of the picture; they may lie outside it.
        confidence: shape (n,), 0 to 1.
    """

    corners: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.confidence)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What one of MTCNN's three networks finds likely.

    Attributes:
        found: all of it.
        kept: what is left when of boxes on one another only the surest stays; the next network's input.
    """

    found: Candidates
    kept: Candidates


@dataclass(frozen=True, slots=True, eq=False)
class DetectionTrace:
    """The answers of MTCNN's networks for one picture, in the look that found faces, or else in the first.

    Attributes:
        proposals: of P-Net, at all sizes.
        refined: of R-Net, which looks again at what P-Net kept.
        output: of O-Net, which looks again at what R-Net kept.
        faces: what `detect` finds: those of `output.kept` that it is confident of.
    """

    proposals: Stage
    refined: Stage
    output: Stage
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """A picture as the networks expect it.

    Attributes:
        image: shape (height, width, 3), float32, -1 to 1.
        planes: the same as shape (1, 3, height, width).
    """

    image: npt.NDArray[np.float32]
    planes: npt.NDArray[np.float32]

    @classmethod
    def of(cls, image: RgbImage) -> _Pixels:
        """Normalise an image."""
        normalized = image.astype(np.float32)
        normalized -= np.float32(127.5)
        normalized *= np.float32(1 / 128)
        return cls(normalized, _channels_first(normalized))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Boxes in pixels of a view.

    Attributes:
        corners: shape (n, 4), float64: left, top, right, bottom.
        confidence: shape (n,), float64.
        landmarks: shape (n, 2, 5), float64: x and y of the five points; None before O-Net.
    """

    corners: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    landmarks: npt.NDArray[np.float64] | None = None

    def take(self, chosen: npt.NDArray[Any]) -> _Found:
        """Those at these positions, or those of a mask."""
        landmarks = None if self.landmarks is None else self.landmarks[chosen]
        return _Found(self.corners[chosen], self.confidence[chosen], landmarks)

    def above(self, confidence: float) -> _Found:
        """Those with more confidence than this."""
        return self.take(self.confidence > confidence)

    def at_least(self, confidence: float) -> _Found:
        """Those with this confidence or more."""
        return self.take(self.confidence >= confidence)

    def kept(self, threshold: float, *, overlap: Literal["union", "min"] = "union") -> _Found:
        """What non-maximum suppression leaves, most confident first."""
        return self.take(non_maximum_suppression(self.corners, self.confidence, threshold, overlap=overlap))

    def squared(self) -> _Found:
        """Each box widened to a square around its middle."""
        return replace(self, corners=_squares(self.corners))

    def seen_in(self, view: _View) -> Candidates:
        """The same in pixels of the picture that the view shows."""
        border = np.array([view.across, view.down, view.across, view.down])
        return Candidates((self.corners - border) / view.scale, self.confidence.clip(0.0, 1.0))


class FaceDetector(Protocol):
    """Finds faces. `MtcnnDetector` is the real one; tests have a fake."""

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right; none is an empty list."""
        ...

    def detect_near(self, image: RgbImage, boxes: Sequence[Box]) -> list[Face]:
        """Find again the faces that were in these boxes a moment ago, sorted from left to right; none is empty."""
        ...


class MtcnnDetector:
    """MTCNN. Threads may share one instance; each call computes on the thread that makes it."""

    def __init__(self, min_confidence: float = MIN_CONFIDENCE) -> None:
        """Load the three networks, which takes about 20 ms.

        Raises:
            AssetError: a network is absent or damaged.
        """
        if not 0.0 <= min_confidence <= 1.0:
            raise ValueError(f"min_confidence must be from 0 to 1. Received: {min_confidence}")
        self._min_confidence = min_confidence
        paths = [models_dir() / "detector" / name for name in DETECTOR_FILES]
        require_intact(*paths)
        self._propose, self._refine, self._output = (Network(path) for path in paths)

    def warm_up(self) -> None:
        """Run the networks once, so that the first picture is as fast as the next."""
        blank = np.full((_WARM_UP_SIDE, _WARM_UP_SIDE, 3), 127, np.uint8)
        self.detect(blank)
        self.detect_near(blank, [Box(10, 10, 100, 100)])

    def detect(self, image: RgbImage) -> list[Face]:
        """Find all faces, sorted from left to right.

        The picture is searched at no more than 1280 pixels a side. Faces under about 12 pixels there are not found.

        Args:
            image: shape (height, width, 3), uint8, RGB.

        Returns:
            Faces in pixels of `image`; an empty list where there is none.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        faces: list[Face] = []
        for view in _views(image):
            pixels = _Pixels.of(view.pixels)
            refined = self._refined(pixels, _kept_proposals(self._proposed(pixels)))
            output = self._outputs(pixels, refined.kept(_STAGE_OVERLAP).squared().corners, _MIN_OUTPUT)
            if faces := self._faces_in(output.kept(_STAGE_OVERLAP, overlap="min"), image, view):
                break
        return faces

    def detect_near(self, image: RgbImage, boxes: Sequence[Box]) -> list[Face]:
        """Find again the faces that were in these boxes a moment ago.

        Only the last of the three networks runs, a tenth of the work of `detect`: it decides in both what is a face,
        and brings a box up to three tenths beside a face back onto it. Faces elsewhere are not found.

        Args:
            image: shape (height, width, 3), uint8, RGB; best no larger than the faces need.
            boxes: where to look, in its pixels.

        Returns:
            Sorted from left to right; not one for each box, as a face may be gone, or two boxes have come to share one.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        if not boxes:
            return []
        corners = np.array([(box.x, box.y, box.right, box.bottom) for box in boxes], np.float64)
        found = self._outputs(_Pixels.of(image), _squares(corners), self._min_confidence)
        return self._faces_in(found.kept(_STAGE_OVERLAP, overlap="min"), image, _View(image, 1.0))

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """Do what `detect` does and keep the answer of each network.

        Args:
            image: shape (height, width, 3), uint8, RGB.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        _check(image)
        traces: list[DetectionTrace] = []
        for view in _views(image):
            pixels = _Pixels.of(view.pixels)
            proposed = self._proposed(pixels)
            proposals = _kept_proposals(proposed)
            refined = self._refined(pixels, proposals)
            kept = refined.kept(_STAGE_OVERLAP).squared()
            output = self._outputs(pixels, kept.corners, _MIN_OUTPUT)
            faces = output.kept(_STAGE_OVERLAP, overlap="min")
            stages = (
                Stage(_concatenated(proposed).seen_in(view), proposals.seen_in(view)),
                Stage(refined.squared().seen_in(view), kept.seen_in(view)),
                Stage(output.seen_in(view), faces.seen_in(view)),
            )
            traces.append(DetectionTrace(*stages, tuple(self._faces_in(faces, image, view))))
            if traces[-1].faces:
                return traces[-1]
        return traces[0]

    def _proposed(self, pixels: _Pixels) -> list[_Found]:
        """All boxes that P-Net finds likely, for each size of the picture."""
        found = []
        height, width = pixels.image.shape[:2]
        for scale in _scales(width, height):
            size = (int(width * scale), int(height * scale))
            small = cv2.resize(pixels.image, size, interpolation=cv2.INTER_AREA)
            (answer,) = self._propose(_channels_first(small))
            offsets, logits = answer[0, :4], answer[0, 4]
            rows, columns = np.nonzero(logits > _PROPOSAL_LOGIT)
            places = _STRIDE * np.column_stack([columns, rows])
            cells = np.concatenate([places + 1, places + _CELL], axis=1)  # 11 pixels wide, as mtcnn counts them
            corners = (cells + (_CELL - 1) * offsets[:, rows, columns].T.astype(np.float64)) / scale
            found.append(_Found(corners, 1 / (1 + np.exp(-logits[rows, columns].astype(np.float64)))))
        return found

    def _refined(self, pixels: _Pixels, proposals: _Found) -> _Found:
        """What R-Net makes of proposals, without the unlikely ones."""
        corners, found = proposals.corners, []
        for part in in_slices(len(corners), _PATCHES_AT_ONCE):
            offsets, confidence = self._refine(*_patches(pixels, corners[part], _REFINE_SIDE))
            found.append(_Found(_moved(corners[part], offsets), confidence[:, 1].astype(np.float64)))
        return _concatenated(found).above(_MIN_REFINED)

    def _outputs(self, pixels: _Pixels, corners: npt.NDArray[np.float64], min_confidence: float) -> _Found:
        """What O-Net makes of square boxes, with landmarks, without the unlikely ones."""
        found = []
        for part in in_slices(len(corners), _PATCHES_AT_ONCE):
            squares = corners[part]
            offsets, shares, confidence = self._output(*_patches(pixels, squares, _OUTPUT_SIDE))
            # The network gives five x, then five y, as shares of a box that counts one pixel more
            sides = squares[:, 2:] - squares[:, :2] + 1
            landmarks = shares.reshape(-1, 2, 5) * sides[:, :, None] + squares[:, :2, None] - 1
            found.append(_Found(_moved(squares, offsets), confidence[:, 1].astype(np.float64), landmarks))
        return _concatenated(found).above(min_confidence)

    def _faces_in(self, found: _Found, image: RgbImage, view: _View) -> list[Face]:
        """The confident ones of what was found in a view of the image, from left to right."""
        faces = _without_duplicates(_to_faces(found.at_least(self._min_confidence), image, view))
        return sorted(faces, key=lambda face: (face.box.x, face.box.y))


def _check(image: RgbImage) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"image must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}")


def _channels_first(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Shape (1, 3, height, width)."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


def _scales(width: int, height: int) -> npt.NDArray[np.float64]:
    """The sizes at which a picture is searched, as shares of its own; none for one of a few pixels."""
    count = round(-(math.log(min(width, height) / _CELL) / math.log(_SCALE_FACTOR) + 1))
    return np.asarray(_FIRST_SCALE * _SCALE_FACTOR ** np.arange(max(count, 0)))


def _kept_proposals(proposed: Sequence[_Found]) -> _Found:
    """What stays of the proposals, as squares: suppressed at each size, then across sizes."""
    return _concatenated([found.kept(_SAME_SCALE_OVERLAP) for found in proposed]).kept(_STAGE_OVERLAP).squared()


def _squares(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Boxes widened to squares around their middle."""
    sides = corners[:, 2:] - corners[:, :2]
    largest = sides.max(axis=1, keepdims=True)
    starts = corners[:, :2] + sides * 0.5 - largest * 0.5
    return np.concatenate([starts, starts + largest], axis=1)


def _moved(corners: npt.NDArray[np.float64], offsets: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Boxes moved by what a network answers, in shares of a box that counts one pixel more."""
    sides = corners[:, 2:] - corners[:, :2] + 1
    return np.asarray(corners + offsets * np.tile(sides, 2))


def _patches(pixels: _Pixels, corners: npt.NDArray[np.float64], side: int) -> tuple[npt.NDArray[np.float32], ...]:
    """What R-Net and O-Net take: the picture, where to sample it for each box, and which samples lie inside it.

    The first and last sample of a row lie on the edges of the box, as in TensorFlow's `crop_and_resize`. The networks
    begin with ONNX's `RoiAlign`, whose samples lie in the middle of bins.
    """
    limits = np.array(pixels.planes.shape[:1:-1]) - 1
    edges = corners * np.tile(limits / (limits + 1), 2)
    starts, steps = edges[:, :2], (edges[:, 2:] - edges[:, :2]) / (side - 1)
    bins = np.concatenate([starts, starts + side * steps], axis=1) - np.tile(steps / 2, 2) + 0.5
    samples = starts[:, :, None] + steps[:, :, None] * np.arange(side)
    is_inside = (samples >= 0) & (samples <= limits[:, None])
    inside = is_inside[:, 1, :, None] & is_inside[:, 0, None, :]
    return pixels.planes, bins.astype(np.float32), inside[:, None].astype(np.float32)


def _concatenated(found: Sequence[_Found]) -> _Found:
    if not found:
        return _Found(np.empty((0, 4)), np.empty(0), np.empty((0, 2, 5)))
    landmarks = [each.landmarks for each in found if each.landmarks is not None]
    return _Found(
        np.concatenate([each.corners for each in found]),
        np.concatenate([each.confidence for each in found]),
        np.concatenate(landmarks) if landmarks else None,
    )


def _views(image: RgbImage) -> Iterator[_View]:
    """What MTCNN is shown, one after the other until it finds a face."""
    yield _View(*shrink(image))
    for look in _SECOND_LOOKS:
        small, scale = shrink(image, look.side)
        down, across = (round(side * look.padding) for side in small.shape[:2])
        yield _View(cv2.copyMakeBorder(small, down, down, across, across, look.border), scale, across, down)


def _to_faces(found: _Found, image: RgbImage, view: _View) -> list[Face]:
    """Faces of the image from what was found in a view of it, without those outside the image."""
    height, width = image.shape[:2]
    border = np.array([view.across, view.down])
    assert found.landmarks is not None
    corners = (found.corners - np.tile(border, 2)) / view.scale
    points = (found.landmarks - border[:, None]) / view.scale
    faces = []
    for (x1, y1, x2, y2), confidence, (xs, ys) in zip(
        corners.tolist(), found.confidence.tolist(), points.tolist(), strict=True
    ):
        # A mirrored or drawn-out border can hold a face too. What counts lies with its middle inside the image.
        if not (0 <= x1 + x2 < 2 * width and 0 <= y1 + y2 < 2 * height):
            continue
        left, top = min(round(x1), width - 1), min(round(y1), height - 1)
        right, bottom = max(round(x2), left + 1, 1), max(round(y2), top + 1, 1)
        box = Box(left, top, right - left, bottom - top).clipped(width, height)
        faces.append(Face(box, min(confidence, 1.0), Landmarks(*zip(xs, ys, strict=True))))
    return faces


def _without_duplicates(faces: Sequence[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(face.box.overlap(other.box) <= _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
