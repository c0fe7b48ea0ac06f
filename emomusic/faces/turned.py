"""Faces on their side or upside down: how each found face is turned, and the search of turned copies.

MTCNN is sure of many faces that lie on their side, and doubts upright ones that frown, so its confidence does not tell
how a face is turned. A linear layer on the features of a face model does (`training.layers`).
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from emomusic.faces.detection import DetectionTrace, Face, FaceDetector, MtcnnDetector, NetworkOutput
from emomusic.faces.mtcnn import Boxes, Float64Array
from emomusic.media.images import Box, RgbImage, shrink
from emomusic.metrics import FloatArray

TURNS = (0, 90, 180, 270)
"""Degrees clockwise that make a face upright, in the order of the scores of a model's layer."""

LEAD = 1.0
"""What the score of another turn must have above that of an upright face, as most pictures are upright."""

_DOUBT = 2.0  # a face whose upright score leads by less is looked for in turned copies

_LEAST = 0.95  # confidence of a face in a turned copy; 0.9 finds more faces that are none
_SIDE = 640  # pixels of a turned copy, where the picture has no face that tells its turn

# Of small copies that are searched for faces beside upright ones: most pixels of a copy, and of the row of three, where
# a panorama leaves much empty. With fewer, faces of a tenth of the shorter side are missed.
_COPY_PIXELS, _ROW_PIXELS = 38_000, 200_000
_GAP, _GREY = 8, 127  # pixels between two copies; what lies there, and what covers the known faces

_SAME_FACE_OVERLAP = 0.3  # boxes of two searches; boxes of a face on its side are less exact

Turner = Callable[[Sequence[RgbImage]], FloatArray]
"""Takes crops of faces; returns the score of each turn, shape (n, 4), as from `EmotionClassifier.turn_scores`."""


def likeliest_turns(scores: FloatArray, expected: int, lead: float) -> list[int]:
    """The turn of each face, where the score of the expected one counts as higher by `lead`."""
    return [TURNS[column] for column in (scores + lead * np.equal(TURNS, expected)).argmax(axis=1).tolist()]


class TurningDetector(FaceDetector):
    """A detector that also estimates the turn of faces, and finds those that an upright search misses.

    It searches once, and each found face tells its turn. Only where one may be turned, or none is found, it also
    searches turned copies. A face counts as turned if it is upright in a copy. In a still, small copies are searched
    for large faces beside the found ones. Threads may share one instance.
    """

    def __init__(self, detector: MtcnnDetector, turner: Turner, *, upright: bool = False, still: bool = False) -> None:
        """Search with MTCNN. `upright`: no face that it finds may be turned. `still`: also search beside these."""
        self._detector, self._turner, self._is_upright, self._is_still = detector, turner, upright, still

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        """The result of `detect` with the output of each network, from the search that found most faces."""
        trace = self._detector.detect_with_trace(image)
        if not self._is_upright:
            trace = self._with_turns(image, trace)
        beside = self._beside(image, trace.faces) if self._is_still and trace.faces else []
        return replace(trace, faces=tuple(sorted((*trace.faces, *beside), key=_position))) if beside else trace

    def _with_turns(self, image: RgbImage, upright: DetectionTrace) -> DetectionTrace:
        """What an upright search finds, or a search of turned copies where a face may be turned or none is found."""
        told = self._turns(image, upright.faces, 0, -_DOUBT)
        if told and not any(told):
            return upright
        suspects = [face for face, turn in zip(upright.faces, told, strict=True) if turn]
        copies: list[DetectionTrace] = []
        found: list[Face] = []
        small = image if told else shrink(image, _SIDE, fast=True)[0]
        for turn in sorted(TURNS[1:], key=lambda turn: -told.count(turn)):
            if not told or any(_is_new(face, found) for face in suspects):
                copies.append(self._searched(_Copy(small, turn, image.shape)))
                found += copies[-1].faces
        if not found:
            return upright
        kept: list[Face] = []
        for face in (*sorted(found, key=lambda face: -face.confidence), *upright.faces):
            if _is_new(face, kept):
                kept.append(face)
        best = max(copies, key=lambda trace: len(trace.faces))
        return replace(best, faces=tuple(sorted(kept, key=_position)))

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        """The faces near these ones, with the turns of those."""
        found: list[Face] = []
        for turn in {face.turn for face in faces}:
            copy = _Copy(image, turn, image.shape)
            near = [replace(face, box=copy.box_inside(face.box)) for face in faces if face.turn == turn]
            found += map(copy.face_outside, self._detector.detect_near(copy.pixels, near))
        return sorted(found, key=_position)

    def _beside(self, image: RgbImage, known: Sequence[Face]) -> list[Face]:
        """Large faces near the known ones that are upright in a turned copy, from one search of the three copies."""
        height, width = image.shape[:2]
        longer = max(height, width)
        share = min(_COPY_PIXELS / (height * width), _ROW_PIXELS / (longer * (2 * height + width)))
        small, scale = shrink(image, round(longer * math.sqrt(share)), fast=True)
        small = small.copy()
        for face in known:
            box = face.box.scaled(scale)
            small[box.y : box.bottom, box.x : box.right] = _GREY
        copies = [_Copy(small, turn, image.shape) for turn in TURNS[1:]]
        starts = [0, *accumulate(copy.pixels.shape[1] + _GAP for copy in copies)]
        row = np.full((max(small.shape[:2]), starts[-1], 3), _GREY, np.uint8)
        for copy, start in zip(copies, starts, strict=False):
            row[: copy.pixels.shape[0], start : start + copy.pixels.shape[1]] = copy.pixels
        found: list[Face] = []
        for face in sorted(self._detector.detect_quickly(row), key=lambda face: -face.confidence):
            number = bisect(starts, face.box.x + face.box.width // 2) - 1
            box = replace(face.box, x=face.box.x - starts[number])
            if face.confidence >= _LEAST and copies[number].has_middle(box):
                turned = copies[number].face_outside(replace(face, box=box))
                if _is_new(turned, [*known, *found]) and not any(self._turns(image, [turned], 360 - turned.turn, LEAD)):
                    found.append(turned)
        return found

    def _turns(self, image: RgbImage, faces: Sequence[Face], expected: int, lead: float) -> list[int]:
        # Not levelled: landmarks of turned faces are wrong
        crops = [replace(face, tilt=0.0).crop(image) for face in faces]
        return likeliest_turns(self._turner(crops), expected, lead) if faces else []

    def _searched(self, copy: _Copy) -> DetectionTrace:
        """What a search finds in a copy, in pixels of the image, with the faces that are upright in the copy."""
        trace = self._detector.detect_with_trace(copy.pixels)
        sure = [face for face in trace.faces if face.confidence >= _LEAST]
        turns = self._turns(copy.pixels, sure, 360 - copy.turn, LEAD)
        faces = tuple(copy.face_outside(face) for face, turn in zip(sure, turns, strict=True) if not turn)
        first, second, third = map(copy.output_outside, (trace.proposals, trace.refined, trace.output))
        return DetectionTrace(first, second, third, faces)


class _Copy:
    """A copy of an image of this shape, turned clockwise and perhaps smaller."""

    def __init__(self, small: RgbImage, turn: int, shape: tuple[int, ...]) -> None:
        self._scale = max(small.shape[:2]) / max(shape[:2])
        self.turn, self.pixels = turn, np.ascontiguousarray(np.rot90(small, -turn // 90))
        self._size, self._inner_size = ((sides[1], sides[0]) for sides in (shape, self.pixels.shape))

    def has_middle(self, box: Box) -> bool:
        """Whether the middle of a box lies in the copy."""
        width, height = self._inner_size
        return box.x + box.width // 2 < width and box.y + box.height // 2 < height

    def box_inside(self, box: Box) -> Box:
        """A box of the image in the copy."""
        return turned_box(box, self._size, -self.turn // 90).scaled(self._scale)

    def face_outside(self, face: Face) -> Face:
        """A face that is upright in the copy, in pixels of the image."""
        box = turned_box(face.box, self._inner_size, self.turn // 90)
        box = box.scaled(1 / self._scale).clipped(*self._size)
        return Face(box, face.confidence, turn=self.turn, tilt=face.tilt)

    def output_outside(self, output: NetworkOutput) -> NetworkOutput:
        """Boxes of the copy in pixels of the image."""
        found, kept = (
            Boxes(_turned_corners(boxes.corners, self._inner_size, self.turn // 90) / self._scale, boxes.confidence)
            for boxes in (output.found, output.kept)
        )
        return NetworkOutput(found, kept)


def _turned_corners(corners: Float64Array, size: tuple[int, int], num_turns: int) -> Float64Array:
    """Corners of boxes, shape (n, 4), of an image of this width and height, after its turns counter-clockwise."""
    width, height = size
    for _ in range(num_turns % 4):
        left, top, right, bottom = corners.T
        corners = np.stack([top, width - right, bottom, width - left], axis=1)
        width, height = height, width
    return corners


def turned_box(box: Box, size: tuple[int, int], num_turns: int) -> Box:
    """A box of an image of this width and height, after its turns counter-clockwise."""
    corners = np.array([(box.x, box.y, box.right, box.bottom)], np.float64)
    left, top, right, bottom = _turned_corners(corners, size, num_turns)[0].astype(int).tolist()
    return Box(left, top, right - left, bottom - top)


def _is_new(face: Face, others: Sequence[Face]) -> bool:
    return all(face.box.overlap(other.box) < _SAME_FACE_OVERLAP for other in others)


def _position(face: Face) -> tuple[int, int]:
    return face.box.x, face.box.y
