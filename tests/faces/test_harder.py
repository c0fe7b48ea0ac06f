import numpy as np

from emomusic.faces.harder import harder


def test_harder_copies_keep_the_shape_and_change_the_pixels() -> None:
    crop = np.random.default_rng(0).integers(60, 256, (64, 64, 3), np.uint8)
    copies = harder(crop)
    assert all(copy.shape == crop.shape and copy.dtype == np.uint8 for copy in copies.values())
    assert copies["dark"].mean() < 0.25 * crop.mean()
    assert copies["blurred"].std() < crop.std() > copies["small"].std()
    assert np.array_equal(copies["mouth covered"][:39], crop[:39])
    assert not np.array_equal(copies["tilted"], crop)
