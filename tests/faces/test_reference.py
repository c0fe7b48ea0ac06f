"""The exported networks against the package `mtcnn`."""

import numpy as np
import pytest

from emomusic.faces.detection import MIN_CONFIDENCE, MtcnnDetector
from emomusic.media.images import read_image, shrink
from tests.films import SAMPLES


def test_the_samples_have_the_same_faces_as_in_the_package(detector: MtcnnDetector) -> None:
    from mtcnn import MTCNN  # loads TensorFlow

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
