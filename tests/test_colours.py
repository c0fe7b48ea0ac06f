from itertools import combinations, product

import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS, TRAIL

# Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
# at full severity, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# OKLab of Björn Ottosson, 2020: equal distances look about equally large
TO_CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
TO_LAB = np.array([[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
PAGES = {"light": "#FBF8F4", "dark": "#151115"}
OPAQUE, AREA = 1.0, 0.85  # of bars, and of the stacked areas of a session and a film


def channels(colour: str) -> np.ndarray:
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255


def light_of(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def linear(colour: str) -> np.ndarray:
    return light_of(channels(colour))


def lab(rgb: np.ndarray) -> np.ndarray:
    """OKLab of linear RGB."""
    return TO_LAB @ np.cbrt(TO_CONES @ rgb.clip(0, 1))


def test_every_colour_has_enough_contrast_to_the_page_and_moods_have_no_hue() -> None:
    for pair in product([*EMOTION_COLOURS.values(), TRAIL], PAGES.values()):
        low, high = sorted(float(LUMINANCE @ linear(colour)) for colour in pair)
        assert (high + 0.05) / (low + 0.05) >= 3.0, pair
    for colour in (*MOOD_COLOURS.values(), TRAIL):
        assert np.hypot(*lab(linear(colour))[1:]) < 0.02, colour


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("table", "opacity"),
    [
        (EMOTION_COLOURS, OPAQUE),
        (EMOTION_COLOURS, AREA),
        (MOOD_COLOURS | {"": EMOTION_COLOURS[Emotion.NEUTRAL]}, OPAQUE),
    ],
    ids=["emotion", "area", "mood and neutral"],
)
def test_neighbours_differ_in_every_vision(table: dict[str, str], opacity: float, page: str, sight: str) -> None:
    drawn = {name: opacity * channels(colour) + (1 - opacity) * channels(PAGES[page]) for name, colour in table.items()}
    seen = {name: lab(SIGHT[sight] @ light_of(colour)) for name, colour in drawn.items()}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(apart.values()) >= 0.05, min(apart, key=lambda pair: apart[pair])
