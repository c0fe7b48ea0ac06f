"""The same faces and non-maximum suppression as in the package `mtcnn`, and smaller copies of an image."""

import tracemalloc

import numpy as np
import pytest

from emomusic.faces.detection import MIN_CONFIDENCE, MtcnnDetector
from emomusic.faces.mtcnn import MAX_BOXES, Boxes
from emomusic.media.images import read_image, shrink
from tests.films import SAMPLES


def test_suppression_of_many_boxes_has_bounded_memory() -> None:
    rng, count = np.random.default_rng(0), 12_000
    corners, sides = rng.uniform(0, 20_000, (count, 2)), rng.uniform(10, 120, (count, 2))
    confidence = rng.uniform(0.6, 1, count)
    tracemalloc.start()
    found = Boxes(np.c_[corners, corners + sides], confidence).suppressed(0.5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6
    assert 0.9 * MAX_BOXES < len(found) <= MAX_BOXES
    assert found.confidence.min() >= np.sort(confidence)[-MAX_BOXES]


@pytest.mark.slow  # loads TensorFlow
def test_the_samples_have_the_same_faces_as_in_the_package(detector: MtcnnDetector) -> None:
    from mtcnn import MTCNN

    package = MTCNN()
    for name in ("four-people.jpg", "morisot-self-portrait-1885.jpg"):
        image, _ = shrink(read_image(SAMPLES / name))
        expected = [face for face in package.detect_faces(image) if face["confidence"] >= MIN_CONFIDENCE]
        found = detector.detect(image)
        assert len(found) > 0
        for face in found:
            nearest = min(expected, key=lambda other, box=face.box: abs(other["box"][0] - box.x))
            x, y, width, height = nearest["box"]
            theirs = np.clip([x, y, x + width, y + height], 0, [*image.shape[1::-1]] * 2)
            ours = [face.box.x, face.box.y, face.box.right, face.box.bottom]
            assert np.abs(theirs - ours).max() <= 1, name
            assert face.confidence == pytest.approx(nearest["confidence"], abs=1e-3)
