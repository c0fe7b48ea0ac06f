"""Non-maximum suppression: the results of the package `mtcnn` in bounded memory."""

import tracemalloc

import numpy as np
import pytest
from mtcnn.utils.bboxes import smart_nms_from_bboxes

from emomusic.face.mtcnn import MAX_BOXES, non_maximum_suppression


def boxes(count: int, *, side: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, side, (count, 2)), rng.uniform(10, 120, (count, 2))
    return np.c_[corners, corners + sides], rng.uniform(0.6, 1, count)


@pytest.mark.parametrize(("overlap", "threshold"), [("union", 0.5), ("min", 0.7)])
@pytest.mark.parametrize("count", [0, 2, 300])
def test_the_result_equals_that_of_the_package(overlap: str, threshold: float, count: int) -> None:
    corners, confidence = boxes(count)
    rows = np.c_[np.zeros(count), corners, confidence]
    expected = smart_nms_from_bboxes(rows.copy(), threshold, method=overlap, initial_sort=True)
    found = non_maximum_suppression(corners, confidence, threshold, overlap=overlap)  # type: ignore[arg-type]
    np.testing.assert_array_equal(rows[found], expected)
    assert count < 1500 or threshold > 1 or 0 < len(found) < count  # keeps some and drops some


def test_suppression_of_many_boxes_has_bounded_memory() -> None:
    corners, confidence = boxes(30_000, side=20_000)
    tracemalloc.start()
    found = non_maximum_suppression(corners, confidence, 0.5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6
    assert 0.9 * MAX_BOXES < len(found) <= MAX_BOXES
    assert confidence[found].min() >= np.sort(confidence)[-MAX_BOXES]
