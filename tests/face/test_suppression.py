"""emomusic/face/suppression.py: the answers of MTCNN's package, in memory that has a bound."""

import tracemalloc

import numpy as np
import pytest
from mtcnn.utils.bboxes import smart_nms_from_bboxes

from emomusic.face.suppression import MOST_BOXES, bounded_suppression


def boxes(count: int, *, side: int = 600, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, side, (count, 2)), rng.uniform(10, 120, (count, 2))
    return np.c_[np.zeros(count), corners, corners + sides, rng.uniform(0.6, 1, count)]


@pytest.mark.parametrize(("method", "threshold"), [("union", 0.5), ("union", 0.7), ("min", 0.7), ("union", 2.0)])
@pytest.mark.parametrize("count", [0, 1, 2, 300, 1500])
def test_the_answer_is_that_of_the_package(method: str, threshold: float, count: int) -> None:
    rows = boxes(count)
    for initial_sort in (True, False):
        expected = smart_nms_from_bboxes(rows.copy(), threshold, method=method, initial_sort=initial_sort)
        found = bounded_suppression(rows, threshold, method=method, initial_sort=initial_sort)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected)
    assert count < 1500 or threshold > 1 or 0 < len(found) < count  # some stay and some go


def test_boxes_of_several_pictures_do_not_meet() -> None:
    rows = np.concatenate([boxes(200, side=200, seed=seed) for seed in range(3)])
    rows[:, 0] = np.repeat([0, 1, 2], 200)
    found = bounded_suppression(rows, 0.5)
    np.testing.assert_array_equal(found, smart_nms_from_bboxes(rows.copy(), 0.5))
    assert len(found) > len(bounded_suppression(rows * [0, 1, 1, 1, 1, 1], 0.5))


def test_more_columns_are_carried_along() -> None:
    rows = np.c_[boxes(40), np.arange(40)]
    found = bounded_suppression(rows, 0.5)
    assert found.shape[1] == 7
    for row in found:
        np.testing.assert_array_equal(row, rows[int(row[6])])


def test_boxes_without_area_harm_nobody() -> None:
    rows = np.array([[0, 10, 10, 10, 10, 0.9], [0, 10, 10, 10, 10, 0.8], [0, 0, 0, 20, 20, 0.7]], np.float64)
    assert len(bounded_suppression(rows, 0.5)) == 3


def test_tens_of_thousands_of_boxes_take_no_gigabytes_and_the_surest_stay() -> None:
    rows = boxes(30_000, side=20_000)
    tracemalloc.start()
    found = bounded_suppression(rows, 0.5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6
    assert 0.9 * MOST_BOXES < len(found) <= MOST_BOXES
    assert found[:, 5].min() >= np.sort(rows[:, 5])[-MOST_BOXES]
