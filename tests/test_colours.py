from itertools import combinations, product

import numpy as np
import pytest

from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS, QUADRANT_COLOURS

# Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
# at full severity, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
PAGES = {"light": "#FBF8F4", "dark": "#151115"}


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ rgb.clip(0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", [*EMOTION_COLOURS.values(), *QUADRANT_COLOURS.values()])
def test_every_colour_has_enough_contrast_to_the_page(colour: str, page: str) -> None:
    assert contrast(colour, PAGES[page]) >= 3.0


def test_no_quadrant_and_no_mood_has_a_colour_near_that_of_an_emotion() -> None:
    for colour, other in product([*QUADRANT_COLOURS.values(), *MOOD_COLOURS.values()], EMOTION_COLOURS.values()):
        assert np.linalg.norm(lab(linear(colour)) - lab(linear(other))) >= 30, (colour, other)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(
    "table", [EMOTION_COLOURS, QUADRANT_COLOURS, MOOD_COLOURS], ids=["emotion", "quadrant", "mood"]
)
def test_colours_differ_under_every_kind_of_colour_vision(table: dict[str, str], sight: str) -> None:
    seen = {name: lab(SIGHT[sight] @ linear(colour)) for name, colour in table.items()}
    distances = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(seen, 2)}
    assert min(distances.values()) >= 15, min(distances, key=lambda pair: distances[pair])
