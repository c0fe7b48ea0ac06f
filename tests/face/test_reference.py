"""The exported networks against the package `mtcnn` and Keras."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from mtcnn import MTCNN

from emomusic.assets import find_dataset
from emomusic.face.detection import MIN_CONFIDENCE, MtcnnDetector
from emomusic.face.images import read_image, shrink

SAMPLES = sorted((Path(__file__).parents[2] / "data" / "samples").glob("*.jpg"))
NUM_WILD = 200


@pytest.fixture(scope="module")
def package() -> MTCNN:
    return MTCNN()


def faces_of_package(package: MTCNN, path: Path) -> list[dict]:
    """The package's faces of sufficient confidence, in pixels of the reduced picture."""
    image, _ = shrink(read_image(path))
    return [face for face in package.detect_faces(image) if face["confidence"] >= MIN_CONFIDENCE]


def require_same_faces(detector: MtcnnDetector, package: MTCNN, path: Path) -> int:
    """Compare the faces of the search without padding, and return their number."""
    image = read_image(path)
    expected = sorted(faces_of_package(package, path), key=lambda face: face["box"][:2])
    if not expected:  # the package has no search with padding
        return 0
    found = detector.detect(shrink(image)[0])
    # The package keeps two boxes of one face if they overlap by more than half.
    assert 0 < len(found) <= len(expected)
    for face in found:
        nearest = min(expected, key=lambda other: abs(other["box"][0] - face.box.x) + abs(other["box"][1] - face.box.y))
        x, y, width, height = nearest["box"]
        theirs = np.clip([x, y, x + width, y + height], 0, [*image.shape[1::-1]] * 2)
        ours = [face.box.x, face.box.y, face.box.right, face.box.bottom]
        assert np.abs(theirs - ours).max() <= 1, path
        assert face.confidence == pytest.approx(nearest["confidence"], abs=1e-3)
    return len(found)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_have_the_same_faces_as_in_the_package(detector: MtcnnDetector, package: MTCNN, path: Path) -> None:
    assert require_same_faces(detector, package, path) > 0


def test_photographs_have_the_same_faces_as_in_the_package(detector: MtcnnDetector, package: MTCNN) -> None:
    folder = find_dataset("wild")
    if folder is None:
        pytest.skip(f"needs wild/ in $EMOMUSIC_DATA. Received: {os.environ.get('EMOMUSIC_DATA')}")
    pictures = sorted(folder.glob("*/*.jpg"))
    chosen = pictures[:: len(pictures) // NUM_WILD][:NUM_WILD]
    assert len(chosen) == NUM_WILD
    assert sum(require_same_faces(detector, package, path) for path in chosen) > 0.9 * NUM_WILD
