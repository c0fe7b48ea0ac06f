"""The songs that a selection on the plane of songs contains, also those that the chart does not draw."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

_MOST_AREAS, _MOST_CORNERS = 20, 1000  # a browser can send any number

_Mask: TypeAlias = npt.NDArray[np.bool_]
_Points: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]


class Point(msgspec.Struct, frozen=True):
    """A clicked song."""

    x: float
    y: float


class Area(msgspec.Struct, frozen=True):
    """The corners of a lasso, or two opposite corners of a box."""

    x: list[float]
    y: list[float]

    @property
    def corners(self) -> npt.NDArray[np.float64]:
        """Shape (m, 2); fewer corners than the browser sent if it sent very many."""
        corners = np.array(list(zip(self.x, self.y, strict=False)), np.float64).reshape(-1, 2)
        return corners[:: len(corners) // _MOST_CORNERS + 1]


class Selection(msgspec.Struct, frozen=True):
    """A selection as Streamlit returns it: the outlines, and the drawn songs inside them or clicked."""

    points: list[Point] = []
    box: list[Area] = []
    lasso: list[Area] = []

    @classmethod
    def of(cls, sent: object) -> Selection:
        """The selection that the browser sent; an invalid one is empty."""
        try:
            return msgspec.convert(sent, cls)
        except msgspec.ValidationError:
            return cls()

    def contains(self, plane: _Points) -> _Mask:
        """Whether each song lies in one of the areas or, without areas, nearest to a clicked point.

        Args:
            plane: shape (n, 2), valence and energy of all songs.
        """
        chosen = np.zeros(len(plane), np.bool_)
        for area in self.box[:_MOST_AREAS]:
            chosen |= in_box(plane, area.corners)
        for area in self.lasso[:_MOST_AREAS]:
            near = np.flatnonzero(in_box(plane, area.corners))
            chosen[near] |= in_polygon(plane[near], area.corners)
        if not (self.box or self.lasso) and len(plane):
            for point in self.points[:_MOST_AREAS]:
                distances = np.hypot(*(plane.astype(np.float64) - (point.x, point.y)).T)
                chosen |= distances == distances.min()
        return chosen


def in_box(points: _Points, corners: npt.NDArray[np.float64]) -> _Mask:
    """Whether points are inside the smallest box around some corners; nothing is inside of no corners.

    Args:
        points: shape (n, 2).
        corners: shape (m, 2).
    """
    if not len(corners):
        return np.zeros(len(points), np.bool_)
    inside: _Mask = ((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1)
    return inside


def in_polygon(points: _Points, corners: npt.NDArray[np.float64]) -> _Mask:
    """Whether points are inside a polygon (even-odd rule).

    Args:
        points: shape (n, 2).
        corners: shape (m, 2).
    """
    x, y = points.T
    inside = np.zeros(len(points), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside
