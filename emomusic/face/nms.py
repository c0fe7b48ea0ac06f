"""Non-maximum suppression with bounded memory."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

MAX_BOXES = 8000
"""Suppression looks at this many of the most confident boxes. A page of 400 portraits gives 6,400."""

_PAIRS_AT_ONCE = 2**18


def non_maximum_suppression(
    corners: npt.NDArray[np.float64],
    confidence: npt.NDArray[np.float64],
    threshold: float,
    *,
    overlap: Literal["union", "min"] = "union",
) -> npt.NDArray[np.intp]:
    """Positions of the boxes that overlap no box of higher confidence, most confident first.

    A box is also dropped when the box that it overlaps is dropped itself, as in the `mtcnn` package.

    Args:
        corners: shape (n, 4): left, top, right, bottom.
        confidence: shape (n,).
        threshold: two boxes may share this much.
        overlap: the shared area counts as a share of the union, or of the smaller box.
    """
    order = np.argsort(confidence)[::-1][:MAX_BOXES]
    left, top, right, bottom = np.ascontiguousarray(corners[order].T)
    areas = (right - left) * (bottom - top)
    stays = np.ones(len(order), np.bool_)
    step = max(1, _PAIRS_AT_ONCE // max(len(order), 1))  # comparing all pairs at once takes gigabytes for thousands
    for start in range(0, len(order), step):
        end = min(start + step, len(order))
        rows, columns = (slice(start, end), None), (None, slice(end))  # each of the rows against all that may be surer
        shared = np.minimum(right[rows], right[columns]) - np.maximum(left[rows], left[columns])
        height = np.minimum(bottom[rows], bottom[columns]) - np.maximum(top[rows], top[columns])
        np.maximum(shared, 0, out=shared)
        shared *= np.maximum(height, 0, out=height)
        sizes = areas[rows], areas[columns]
        whole = np.minimum(*sizes) if overlap == "min" else np.add(*sizes) - shared
        overlaps = shared > threshold * whole
        is_surer = np.arange(end) < np.arange(start, end)[:, None]
        stays[start:end] = ~(overlaps & is_surer).any(axis=1)
    return order[stays]
