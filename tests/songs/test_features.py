import numpy as np
import pandas as pd

from emomusic.affect import AffectPoint
from emomusic.songs.features import FEATURE_NAMES, affect_of_song, affect_plane, feature_matrix

from .tables import song_table


def test_points_on_the_plane_range_from_minus_one_to_one() -> None:
    cells = [(0.0, 0.0), (1.0, 1.0), (0.75, 0.25)]
    expected = [[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]]
    assert [affect_of_song(*cell) for cell in cells] == [AffectPoint(*point) for point in expected]
    plane = affect_plane(pd.DataFrame(cells, columns=["valence", "energy"]))
    assert (plane.dtype, plane.tolist()) == (np.float32, expected)


def test_the_feature_matrix_does_not_depend_on_the_order_of_columns() -> None:
    table = song_table(3)
    matrix = feature_matrix(table[sorted(table.columns, reverse=True)])
    for position, name in enumerate(FEATURE_NAMES):
        np.testing.assert_array_equal(matrix[:, position], table[name])
