"""Of boxes on one another the surest stays: as MTCNN's package does it, but in memory that has a bound.

The package compares each box with each at once, 72 bytes a pair. A page of portraits gives its first network thousands
of boxes, so one small picture would take gigabytes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

MOST_BOXES = 8000
"""So many of the surest are looked at, at each size of a picture: a page of 400 portraits gives 6,400."""

_PAIRS_AT_ONCE = 2**18


def bounded_suppression(
    rows: npt.NDArray[np.floating[Any]],
    threshold: float,
    *,
    method: Literal["union", "min"] = "union",
    initial_sort: bool = True,
) -> npt.NDArray[np.floating[Any]]:
    """Drop the boxes that lie on a surer one; stands in for the package's `smart_nms_from_bboxes`.

    Args:
        rows: shape (n, 6 or more): index of the picture, box (left, top, right, bottom), confidence.
        threshold: so much of two boxes may be shared.
        method: whether that is a share of what both cover together, or of the smaller one.
        initial_sort: whether the rows are not sorted yet, the surest first.

    Returns:
        Those that stay, picture by picture, the surest first.
    """
    if initial_sort:
        rows = rows[np.argsort(rows[:, 5])[::-1]]
    # EmoMusic shows MTCNN one picture at a time; others in the same process may show it several
    pictures = [_of_one_picture(rows[rows[:, 0] == index], threshold, method) for index in np.unique(rows[:, 0])]
    return np.concatenate([rows[:0], *pictures])


def _of_one_picture(
    rows: npt.NDArray[np.floating[Any]], threshold: float, method: Literal["union", "min"]
) -> npt.NDArray[np.floating[Any]]:
    """The same for rows of one picture that are sorted."""
    rows = rows[:MOST_BOXES]
    boxes = rows[:, 1:5]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    stays = np.ones(len(rows), np.bool_)
    step = max(1, _PAIRS_AT_ONCE // max(len(rows), 1))
    for start in range(0, len(rows), step):
        judged = slice(start, start + step)
        surer = boxes[: start + step]
        starts = np.maximum(surer[:, None, :2], boxes[None, judged, :2])
        ends = np.minimum(surer[:, None, 2:], boxes[None, judged, 2:])
        shared = np.maximum(0, ends - starts).prod(axis=2)
        one, other = areas[: start + step, None], areas[None, judged]
        whole = np.minimum(one, other) if method == "min" else one + other - shared
        is_surer = np.arange(len(surer))[:, None] < np.arange(start, min(start + step, len(rows)))
        with np.errstate(invalid="ignore"):  # boxes without area share nothing
            stays[judged] = ~((shared / whole > threshold) & is_surer).any(axis=0)
    return rows[stays]
