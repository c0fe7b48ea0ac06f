"""Face detection with MTCNN on exported networks.

`scripts/export_detector.py` of commit 754eb11b exported the networks of the package `mtcnn` 1.0.
`emomusic.faces.mtcnn` has its box arithmetic.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.assets import models_dir
from emomusic.faces import mtcnn
from emomusic.faces.mtcnn import Boxes, Float64Array
from emomusic.media.images import WORKING_SIDE, Box, RgbImage, crop_face, require_rgb, shrink
from emomusic.runtime import Network, map_threads

# Faces usually score 0.99 or more. A false detection had 0.855.
MIN_CONFIDENCE = 0.9

# Two boxes that share more than this are one face. Neighbours in a crowd share less.
_SAME_FACE_OVERLAP = 0.5

_SAME_SCALE_OVERLAP, _STAGE_OVERLAP = 0.5, 0.7

# Work of one to two milliseconds, which the threads share. The layers of a network fit the processor's cache.
_STRIP_PIXELS = 2**15


class _Stage(NamedTuple):
    """R-Net or O-Net: side of its input, boxes of a batch, and the confidence of likely boxes."""

    side: int
    batch: int
    least: float


_REFINE, _OUTPUT = _Stage(24, 16, 0.7), _Stage(48, 4, 0.8)
_WARM_UP_SIDE = 120


# MTCNN misses faces that fill the frame, so an image without a detection is searched again with a border. Measured on
# 974 tightly cut faces, of which the plain search misses 45: these two find 37 of them (the first alone 32), with no
# false detection in 179 images without a face. A black border finds 26. A third padding adds none. Each has the longer
# side of the image in pixels, the width of the border as a share of the side, and OpenCV's type of border. Of 294 faces
# that only they found in 2,574 pictures, upright and turned, the smallest has 0.29 of the side.
_PADDINGS = ((192, 0.25, cv2.BORDER_REPLICATE), (256, 0.5, cv2.BORDER_REFLECT_101))
_LEAST_SHARE = 0.2


# A large picture without faces, or with small ones, is searched again at more pixels, for faces that the plain search
# misses: those below 19 pixels. A face of 12 pixels is found. Less sure new faces are mostly none.
_CLOSE_PIXELS, _SMALL_FACE, _NEW_FACE, _FOUND_SIDE = 2_500_000, 28, 19, 12
_PLAIN_ENOUGH, _SHARED_AREA, _CLOSE_CONFIDENCE = 0.8, 0.4, 0.97


# Degrees. Of 200 faces of each of two collections, turned by 45 degrees, 100 and 75 are read right as they are, and 158
# and 144 with level eyes; upright ones keep their answers (a script of commit 566fd87b).
_MOST_TILT = 30.0


# Of a face: where its mouth begins, how far its chin may reach, and the least height of a chin with a collar
_MOUTH_SHARE, _CHIN_SHARE, _LEAST_CHIN = 0.6, 0.1, 0.3


class Landmarks(NamedTuple):
    """Five points of a face, each (x, y) in pixels of the image. Left and right are those of the viewer."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    mouth_left: tuple[float, float]
    mouth_right: tuple[float, float]

    @property
    def tilt(self) -> float:
        """Degrees counter-clockwise that level the eyes, if these are many; otherwise 0."""
        (left, top), (right, bottom) = self.left_eye, self.right_eye
        degrees = math.degrees(math.atan2(bottom - top, right - left))
        return degrees if abs(degrees) > _MOST_TILT else 0.0


@dataclass(frozen=True, slots=True)
class Face:
    """A face detected in an image.

    Attributes:
        box: inside the image, in its pixels.
        confidence: 0 to 1.
        landmarks: may lie outside the image if the border cuts the face; None for a face that a stream follows, and
            for a turned one.
        turn: degrees clockwise that make the face upright: 0, 90, 180 or 270.
        tilt: degrees counter-clockwise that level the eyes, besides `turn`; 0 for a face that needs none.
    """

    box: Box
    confidence: float
    landmarks: Landmarks | None = None
    turn: int = 0
    tilt: float = 0.0

    def crop(self, image: RgbImage, margin: float = 0.0) -> RgbImage:
        """Cut a square around the face, as `images.crop_face`, and turn it upright."""
        crop = crop_face(image, self.box, margin=margin, tilt=self.tilt)
        return np.ascontiguousarray(np.rot90(crop, -self.turn // 90)) if self.turn else crop


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A version of the image that MTCNN searches.

    Attributes:
        pixels: the image, resized and perhaps padded.
        scale: size relative to the image.
        left: width of the left border in pixels.
        top: height of the top border in pixels.
        sides: sides of the smallest and the largest faces to search, in pixels of `pixels`.
        factor: of a scale to the next.
        least: confidence of the boxes of P-Net.
        overlaps: of two boxes of a scale, and of a network, which stay.
    """

    pixels: RgbImage
    scale: float
    left: int = 0
    top: int = 0
    sides: tuple[float, float] = (0.0, math.inf)
    factor: float = 0.709
    least: float = 0.6
    overlaps: tuple[float, float] = (_SAME_SCALE_OVERLAP, _STAGE_OVERLAP)

    def to_image(self, points: Float64Array) -> Float64Array:
        """Points of the view, shape (..., 2 or 4) as x and y, in pixels of the image."""
        border = np.tile([self.left, self.top], points.shape[-1] // 2)
        return np.asarray((points - border) / self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """The output of one of MTCNN's three networks, in pixels of the image. Boxes may lie partly outside it.

    Attributes:
        found: all boxes.
        kept: the boxes after non-maximum suppression, which are the input of the next network.
    """

    found: Boxes
    kept: Boxes


@dataclass(frozen=True, slots=True, eq=False)
class DetectionTrace:
    """The outputs of MTCNN's networks for one image: of the search that found faces, otherwise of the first search.

    Attributes:
        proposals: the boxes of P-Net, at all scales.
        refined: the boxes of R-Net, which takes the boxes that P-Net kept.
        output: the boxes of O-Net, which takes the boxes that R-Net kept.
        faces: the result of `detect`: the boxes of `output.kept` of sufficient confidence.
    """

    proposals: NetworkOutput
    refined: NetworkOutput
    output: NetworkOutput
    faces: tuple[Face, ...]


class FaceDetector(ABC):
    """Detects faces: `MtcnnDetector`, `turned.TurningDetector`, `server.shared.SharedDetector`, a fake of the tests."""

    @abstractmethod
    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """The result of `detect` with the output of each network. Raises as `require_rgb`."""

    @abstractmethod
    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        """The faces near these ones of a previous frame, sorted from left to right. Raises as `require_rgb`."""

    def detect(self, image: RgbImage) -> list[Face]:
        """All faces, sorted from left to right, in pixels of the image; an empty list if there are none."""
        return list(self.detect_with_trace(image).faces)

    def warm_up(self) -> None:
        """Run the networks once, so that the first image takes no longer than the next."""
        blank = np.full((_WARM_UP_SIDE, _WARM_UP_SIDE, 3), 127, np.uint8)
        self.detect(blank)
        self.detect_near(blank, [Face(Box(10, 10, 100, 100), 1.0)])


class MtcnnDetector(FaceDetector):
    """MTCNN. Threads may share one instance.

    A search uses at most 1280 pixels a side. It finds faces of at least about 12 pixels at that size. If it finds none
    in a larger image, or small ones, another search uses up to 2.5 megapixels.
    """

    def __init__(self) -> None:
        """Load the three networks in about 20 ms.

        Raises:
            ModelError: a network is absent or damaged.
        """
        names = ("pnet", "rnet", "onet")
        self._propose, self._refine, self._output = (Network(models_dir() / f"detector/{name}.onnx") for name in names)

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        """The faces near those of a previous frame, sorted from left to right.

        Only O-Net runs, in a tenth of the time of `detect`. It corrects shifts of up to 0.3 of the box. A face may be
        gone, and two boxes may have the same face. A small image is faster. Raises as `require_rgb`.
        """
        require_rgb(image)
        if not faces:
            return []
        corners = np.array([(face.box.x, face.box.y, face.box.right, face.box.bottom) for face in faces], np.float64)
        stage = _OUTPUT._replace(least=MIN_CONFIDENCE)
        found = self._scored(self._output, stage, mtcnn.planes(image), mtcnn.squares(corners))
        return self._faces_in(found.suppressed(_STAGE_OVERLAP, overlap="min"), image, _View(image, 1.0))

    def detect_quickly(self, image: RgbImage) -> list[Face]:
        """The faces of a small image, from one search of fewer scales and boxes."""
        view = _View(image, 1.0, factor=0.65, least=0.9, overlaps=(0.3, 0.3))
        return list(self._searched(image, view).faces)

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """The result of `detect` with the output of each network. Raises as `require_rgb`."""
        require_rgb(image)
        searches = (self._searched(image, view) for view in _views(image))
        first = next(searches)
        trace = first if first.faces else next((trace for trace in searches if trace.faces), first)
        if not needs_close_search(image.shape[1], image.shape[0], [face.box for face in trace.faces]):
            return trace
        side = round(max(image.shape[:2]) * close_scale(image.shape[1], image.shape[0]))
        pixels, scale = shrink(image, side, fast=True)
        close = self._searched(image, _View(pixels, scale, sides=(0.0, _NEW_FACE * side / WORKING_SIDE)))
        sure = (face for face in close.faces if face.confidence >= _CLOSE_CONFIDENCE)
        new = [face for face in sure if not any(_is_same(face.box, known.box) for known in trace.faces)]
        if not new:
            return trace
        return replace(close, faces=tuple(sorted((*trace.faces, *new), key=lambda face: (face.box.x, face.box.y))))

    def _searched(self, image: RgbImage, view: _View) -> DetectionTrace:
        planes, proposed = self._proposed(view)
        same_scale, stage = view.overlaps
        each_scale = mtcnn.concatenated([found.suppressed(same_scale) for found in proposed])
        proposals = each_scale.suppressed(stage).squared()
        refined = self._scored(self._refine, _REFINE, planes, proposals.corners)
        kept = refined.suppressed(stage).squared()
        output = self._scored(self._output, _OUTPUT, planes, kept.corners)
        faces = output.suppressed(_STAGE_OVERLAP, overlap="min")
        pairs = ((mtcnn.concatenated(proposed), proposals), (refined.squared(), kept), (output, faces))
        first, second, third = (NetworkOutput(_on_image(found, view), _on_image(rest, view)) for found, rest in pairs)
        return DetectionTrace(first, second, third, tuple(self._faces_in(faces, image, view)))

    def _proposed(self, view: _View) -> tuple[npt.NDArray[np.float32], list[Boxes]]:
        """The image for R-Net and O-Net, and the likely boxes of P-Net at each scale."""
        image = view.pixels
        steps: list[Callable[[], npt.NDArray[Any]]] = [
            lambda: mtcnn.planes(image),
            lambda: image.astype(np.float32),
            lambda: cv2.integral(image),
        ]
        planes, pixels, sums = map_threads(lambda step: step(), steps)
        scales = mtcnn.scales(image.shape[1], image.shape[0], view.sides, view.factor).tolist()
        levels = map_threads(partial(mtcnn.level, pixels, sums), scales)
        outputs = zip(self._maps(levels), scales, strict=True)
        return planes, [mtcnn.decode_proposals(output, scale, view.least) for output, scale in outputs]

    def _maps(self, levels: Sequence[npt.NDArray[np.float32]]) -> Iterator[npt.NDArray[np.float32]]:
        """The output of P-Net for each image, computed in strips, whose layers stay in the processor's cache."""

        def propose(strip: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            return self._propose(np.ascontiguousarray(strip.transpose(2, 0, 1))[None])[0]

        strips = [
            [pixels[rows] for rows in mtcnn.strips(pixels.shape[0], pixels.shape[1], _STRIP_PIXELS)]
            for pixels in levels
        ]
        outputs = iter(map_threads(propose, list(chain.from_iterable(strips))))
        return (np.concatenate([next(outputs) for _ in own], axis=2) for own in strips)

    def _scored(self, network: Network, stage: _Stage, planes: npt.NDArray[np.float32], corners: Float64Array) -> Boxes:
        """The likely boxes of R-Net or O-Net for square boxes. O-Net has landmarks."""

        def compute(squares: Float64Array) -> Boxes:
            offsets, *shares, confidence = network(*mtcnn.patches(planes, squares, stage.side))
            sides = squares[:, 2:] - squares[:, :2] + 1
            # All are shares of the side plus one pixel; O-Net returns five x, then five y
            points = [share.reshape(-1, 2, 5) * sides[:, :, None] + squares[:, :2, None] - 1 for share in shares]
            moved, scores = squares + offsets * np.tile(sides, 2), confidence[:, 1].astype(np.float64)
            return Boxes(moved, scores, points[0] if points else None)

        batches = [corners[start : start + stage.batch] for start in range(0, len(corners), stage.batch)]
        boxes = mtcnn.concatenated(map_threads(compute, batches))
        return boxes.take(boxes.confidence > stage.least)

    def _faces_in(self, found: Boxes, image: RgbImage, view: _View) -> list[Face]:
        """The boxes of a view as faces of the image, from left to right, if they are sure and have their center in it.

        A padded border can hold a face too.
        """
        height, width = image.shape[:2]
        found = found.take(found.confidence >= MIN_CONFIDENCE)
        assert found.landmarks is not None
        corners, points = view.to_image(found.corners), view.to_image(found.landmarks.swapaxes(1, 2))
        faces = []
        for (x1, y1, x2, y2), confidence, places in zip(
            corners.tolist(), found.confidence.tolist(), points.tolist(), strict=True
        ):
            if 0 <= x1 + x2 < 2 * width and 0 <= y1 + y2 < 2 * height:
                left, top = min(round(x1), width - 1), min(round(y1), height - 1)
                right, bottom = max(round(x2), left + 1, 1), max(round(y2), top + 1, 1)
                box = Box(left, top, right - left, bottom - top).clipped(width, height)
                landmarks = Landmarks(*map(tuple, places))
                faces.append(Face(box, min(confidence, 1.0), landmarks, tilt=landmarks.tilt))
        boxes = [(face.box.x, face.box.y, face.box.width, face.box.height) for face in faces]
        kept = [
            faces[row] for row in cv2.dnn.NMSBoxes(boxes, [face.confidence for face in faces], 0.0, _SAME_FACE_OVERLAP)
        ]
        heads = (face for face in kept if not any(_is_chin(face, other) for other in kept))
        return sorted(heads, key=lambda face: (face.box.x, face.box.y))


def _is_chin(face: Face, other: Face) -> bool:
    """Whether a face is the chin and collar of another one, as below a medical mask: its eyes lie in that one's mouth.

    Hair separates the eyes of a person in front from the mouth of the one behind.
    """
    if face.landmarks is None or not _LEAST_CHIN * other.box.height < face.box.height < other.box.height:
        return False
    x, y = np.mean(face.landmarks[:2], axis=0).tolist()
    box = other.box
    mouth, below = box.y + _MOUTH_SHARE * box.height, box.bottom + _CHIN_SHARE * box.height
    return face is not other and box.x < x < box.right and mouth < y < below


def close_scale(width: int, height: int) -> float:
    """The scale of the closest search in an image of this size, at most 1."""
    return min(math.sqrt(_CLOSE_PIXELS / (width * height)), 1.0)


def needs_close_search(width: int, height: int, boxes: Sequence[Box]) -> bool:
    """Whether the faces of an image of this size are small, or none, so that smaller ones are searched."""
    smallest = min((max(box.width, box.height) for box in boxes), default=0)
    plain = WORKING_SIDE / max(width, height)
    return plain < _PLAIN_ENOUGH * close_scale(width, height) and smallest * plain < _SMALL_FACE


def missed_side(width: int, height: int) -> int:
    """Side of the largest faces that the closest search may miss in an image of this size, in its pixels."""
    return round(_FOUND_SIDE / max(close_scale(width, height), min(WORKING_SIDE / max(width, height), 1.0)))


def _is_same(box: Box, other: Box) -> bool:
    """Whether two boxes of different searches are of one face."""
    return box.shared_pixels(other) > _SHARED_AREA * min(box.width * box.height, other.width * other.height)


def _on_image(boxes: Boxes, view: _View) -> Boxes:
    """Boxes of a view in pixels of the image, without landmarks."""
    return Boxes(view.to_image(boxes.corners), boxes.confidence.clip(0.0, 1.0))


def _views(image: RgbImage) -> Iterator[_View]:
    """The versions of the image to search, until one has a face. Only the first one is made of all pixels."""
    whole, scale = shrink(image)
    yield _View(whole, scale)
    for longer_side, share, border in _PADDINGS:
        small, share_of_whole = shrink(whole, longer_side)
        top, left = (round(side * share) for side in small.shape[:2])
        padded = cv2.copyMakeBorder(small, top, top, left, left, border)
        sides = _LEAST_SHARE * max(small.shape[:2]), math.inf
        yield _View(padded, scale * share_of_whole, left, top, sides)
