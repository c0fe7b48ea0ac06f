import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import AffectPoint
from emomusic.music.features import FEATURE_NAMES, FEATURES, affect_of_track, affect_plane, feature_matrix

from .tables import song_table

SHARES = st.floats(0, 1)


def test_the_nine_features_have_ranges_and_units_in_their_names() -> None:
    assert len(FEATURES) == 9
    for name, feature in FEATURES.items():
        assert feature.name == name
        assert feature.low < feature.high
        assert name == feature.source_name + (f"_{feature.unit.lower()}" if feature.unit == "dB" else "") or (
            name == f"{feature.source_name}_bpm" and feature.unit == "BPM"
        )
        assert feature.description


def test_features_have_titles_with_units_and_a_number_of_decimals() -> None:
    shown = [(FEATURES[name].titled, FEATURES[name].num_digits) for name in ("energy", "loudness_db", "tempo_bpm")]
    assert shown == [("Energy", 2), ("Loudness (dB)", 1), ("Tempo (BPM)", 0)]


@pytest.mark.parametrize(
    ("valence", "energy", "expected"),
    [(0.0, 0.0, (-1, -1)), (1.0, 1.0, (1, 1)), (0.5, 0.5, (0, 0)), (0.75, 0.25, (0.5, -0.5))],
)
def test_points_on_the_plane_range_from_minus_one_to_one(
    valence: float, energy: float, expected: tuple[int, int]
) -> None:
    assert affect_of_track(valence, energy) == AffectPoint(*expected)


@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=20))
def test_the_plane_of_a_table_has_the_point_of_each_song(pairs: list[tuple[float, float]]) -> None:
    plane = affect_plane(pd.DataFrame(pairs, columns=["valence", "energy"]))
    assert plane.shape == (len(pairs), 2)
    assert plane.dtype == np.float32
    points = [affect_of_track(valence, energy) for valence, energy in pairs]
    np.testing.assert_allclose(plane, [(p.valence, p.arousal) for p in points], atol=1e-6)
    assert np.abs(plane).max() <= 1.0


def test_the_feature_matrix_does_not_depend_on_the_order_of_columns() -> None:
    table = song_table(3)
    matrix = feature_matrix(table[sorted(table.columns, reverse=True)])
    for position, name in enumerate(FEATURE_NAMES):
        np.testing.assert_array_equal(matrix[:, position], table[name])
