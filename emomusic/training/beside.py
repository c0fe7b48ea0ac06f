"""The share of pairs of persons, one upright and one turned, in which both are found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from emomusic.errors import DatasetError, ImageError
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.turned import TURNS, turned_box
from emomusic.media.images import Box, RgbImage, read_image
from emomusic.training.labelled import Source

log = logging.getLogger(__name__)

_HALF = (960, 640)  # height and width of half of a composed picture
_LEAST, _MOST = 0.1, 0.33  # side of a face, as a share of the height
_SAME_FACE_OVERLAP = 0.3


def evaluate_beside(
    paths: Sequence[Source], detector: FaceDetector, on_progress: Callable[..., None] = lambda *_: None
) -> dict[str, Any]:
    """Shares of faces that are found in pictures composed of two, and of faces that are none, for JSON.

    The pictures with one face make pairs, the same ones in each run. The left face of a pair is upright, the right one
    is turned by 90, 180 or 270 degrees.

    Args:
        paths: upright pictures of one person each.
        detector: finds the faces.
        on_progress: takes the number of pictures done, and of all.

    Raises:
        DatasetError: fewer than two pictures have one face.
    """
    rng = np.random.default_rng(0)
    counts: list[int] = []
    persons: list[tuple[RgbImage, Box]] = []
    rows: list[tuple[bool, bool, bool]] = []
    for number, index in enumerate(rng.permutation(len(paths)).tolist()):
        try:
            image = read_image(paths[index])
            faces = detector.detect(image)
            counts.append(len(faces))
            persons += [_cut(image, face.box) for face in faces if len(faces) == 1]
        except ImageError as error:
            log.warning("Left out: %s", error)
        if len(persons) == 2:
            turns = 0, TURNS[1 + len(rows) % 3]
            (left, place), (right, other) = (_composed(*persons.pop(), turn, rng) for turn in turns)
            places = place, Box(other.x + _HALF[1], other.y, other.width, other.height)
            found = detector.detect(np.concatenate([left, right], axis=1))
            upright, turned = (any(_is_at(face, *at) for face in found) for at in zip(places, turns, strict=True))
            is_other = any(all(face.box.overlap(at) < _SAME_FACE_OVERLAP for at in places) for face in found)
            rows.append((upright, turned, is_other))
        on_progress(number + 1, len(paths))
    if not rows:
        raise DatasetError(f"expected two pictures with one face. Received: {sum(count == 1 for count in counts)}")
    shares = np.array(rows)
    return {
        "n": len(counts),
        "more_faces_than_people": float(np.mean(np.array(counts) > 1)),
        "pairs": len(rows),
        "upright_found": float(shares[:, 0].mean()),
        "both_found": float(shares[:, :2].all(axis=1).mean()),
        "turned_found": float(shares[:, 1].mean()),
        "pairs_with_a_face_that_is_none": float(shares[:, 2].mean()),
    }


def _cut(image: RgbImage, box: Box) -> tuple[RgbImage, Box]:
    """A face with its surroundings in a picture, at most half of its longer side, and its place in them."""
    margin = max(box.width, box.height) // 2
    around = Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)
    around = around.clipped(image.shape[1], image.shape[0])
    place = Box(box.x - around.x, box.y - around.y, box.width, box.height)
    return image[around.y : around.bottom, around.x : around.right].copy(), place


def _composed(person: RgbImage, box: Box, turn: int, rng: np.random.Generator) -> tuple[RgbImage, Box]:
    """Half of a picture with a face of any side, turned counter-clockwise by these degrees, and its place."""
    side = _HALF[0] * _LEAST * (_MOST / _LEAST) ** rng.random()
    scale = side / max(box.width, box.height)
    pixels = cv2.resize(
        person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    place = turned_box(box.scaled(scale), (pixels.shape[1], pixels.shape[0]), turn // 90)
    pixels = np.rot90(pixels, turn // 90)
    half = np.full((*_HALF, 3), 127, np.uint8)
    y, x = (int(rng.integers(most - length + 1)) for most, length in zip(_HALF, pixels.shape, strict=False))
    half[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return half, Box(x + place.x, y + place.y, place.width, place.height)


def _is_at(face: Face, place: Box, turn: int) -> bool:
    return face.turn == turn and face.box.overlap(place) >= _SAME_FACE_OVERLAP
