import numpy as np

from emomusic.faces.reading import load_networks


def test_photographs_and_cameras_share_the_networks() -> None:
    (detector, photographs), (same, cameras) = load_networks(), load_networks(posed=True)
    assert same is detector
    faces = np.random.default_rng(0).integers(0, 256, (2, photographs.spec.side, photographs.spec.side, 1), np.uint8)
    np.testing.assert_array_equal(cameras.probabilities(faces), photographs.probabilities(faces))
    assert cameras.spec.adjustment == photographs.spec.posed_adjustment != photographs.spec.adjustment
