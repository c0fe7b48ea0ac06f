from typing import Any

import numpy as np
import pytest

from emomusic.charts.selection import Selection

GRID = np.stack(np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21)), axis=-1).reshape(-1, 2).astype(np.float32)


def rows(plane: np.ndarray, **sent: Any) -> list[int]:
    return np.flatnonzero(Selection.of(sent).contains(plane)).tolist()


def test_a_box_contains_its_songs_whatever_its_direction() -> None:
    expected = np.flatnonzero((np.abs(GRID - (0.5, 0)) < (0.25, 0.45)).all(axis=1)).tolist()
    assert len(expected) == 5 * 9
    assert rows(GRID, box=[{"x": [0.25, 0.75], "y": [-0.45, 0.45]}]) == expected
    assert rows(GRID, box=[{"x": [0.75, 0.25], "y": [0.45, -0.45]}]) == expected


def test_a_lasso_excludes_what_its_dent_leaves_out() -> None:
    dented = {"x": [-0.5, 0.5, 0.5, 0, -0.5], "y": [-0.5, -0.5, 0.5, 0, 0.5]}
    places = np.array([[0, -0.3], [0, 0.3], [0.45, 0.4], [-0.45, 0.4], [0.6, 0]], np.float32)
    assert rows(places, lasso=[dented]) == [0, 2, 3]


def test_several_areas_are_joined_and_the_songs_inside_them_are_no_clicks() -> None:
    areas = {"box": [{"x": [-1, -0.95], "y": [-1, 1]}], "lasso": [{"x": [0.9, 1.1, 1.1], "y": [0.95, 0.95, 1.2]}]}
    assert rows(GRID, **areas, points=[{"x": 0, "y": 0}]) == [*range(0, 441, 21), 440]


def test_a_click_selects_all_songs_nearest_to_it() -> None:
    plane = np.array([[0, 0], [0.02, 0], [0.5, 0.5], [0.02, 0]], np.float32)
    assert rows(plane, points=[{"x": 0.012, "y": 0.001, "text": "Song"}]) == [1, 3]
    assert rows(plane, points=[{"x": 0.02, "y": 0}, {"x": 0.5, "y": 0.5}]) == [1, 2, 3]
    assert rows(plane[:0], points=[{"x": 0, "y": 0}]) == []


@pytest.mark.parametrize(
    "sent", [None, {"box": [{"x": ["1"], "y": [1]}]}, {"lasso": [{"x": [None], "y": [1]}]}, {"points": [{"x": 1}]}]
)
def test_an_invalid_selection_is_empty(sent: object) -> None:
    assert Selection.of(sent) == Selection()
    assert not Selection.of(sent).contains(GRID).any()


def test_areas_without_corners_contain_nothing_and_long_ones_are_thinned() -> None:
    assert rows(GRID, box=[{"x": [], "y": []}], lasso=[{"x": [], "y": [1]}]) == []
    angles = np.linspace(0, 2 * np.pi, 5000)
    circle = Selection.of({"lasso": [{"x": np.cos(angles).tolist(), "y": np.sin(angles).tolist()}]})
    assert len(circle.lasso[0].corners) <= 1000
    assert circle.contains(GRID).sum() == (np.hypot(*GRID.T) < 0.999).sum()
