import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS, TRAIL, rgb_of

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


def channels(colour: str) -> np.ndarray:
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255


def light_of(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def linear(colour: str) -> np.ndarray:
    return light_of(channels(colour))


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ rgb.clip(0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """CIEDE2000 of two colours in CIELAB, after G. Sharma et al., 2005."""
    (light, a, b), (light_, a_, b_) = one, other
    mean = (np.hypot(a, b) + np.hypot(a_, b_)) / 2
    a, a_ = (part * (1.5 - np.sqrt(mean**7 / (mean**7 + 25**7)) / 2) for part in (a, a_))
    chroma, chroma_ = np.hypot(a, b), np.hypot(a_, b_)
    hue, hue_ = np.degrees(np.arctan2([b, b_], [a, a_])) % 360
    turn = (hue_ - hue + 180) % 360 - 180 if chroma * chroma_ else 0.0
    light_mean, mean, middle = (light + light_) / 2, (chroma + chroma_) / 2, hue + turn / 2
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))
    weight = 1 + sum(height * np.cos(np.radians(times * middle + shift)) for height, times, shift in waves)
    far = (light_mean - 50) ** 2
    lightness = (light_ - light) / (1 + 0.015 * far / np.sqrt(20 + far))
    colourful = (chroma_ - chroma) / (1 + 0.045 * mean)
    tint = 2 * np.sqrt(chroma * chroma_) * np.sin(np.radians(turn) / 2) / (1 + 0.015 * mean * weight)
    turned = np.sin(np.radians(60) * np.exp(-(((middle % 360 - 275) / 25) ** 2)))
    rotation = -2 * np.sqrt(mean**7 / (mean**7 + 25**7)) * turned
    return float(np.sqrt(lightness**2 + colourful**2 + tint**2 + rotation * colourful * tint))


def test_the_difference_is_that_of_published_pairs() -> None:
    pairs = (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    )
    for one, other, published in pairs:
        assert difference(np.array(one), np.array(other)) == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", [*EMOTION_COLOURS.values(), TRAIL])
def test_every_colour_has_enough_contrast_to_the_page(colour: str, page: str) -> None:
    assert contrast(colour, PAGES[page]) >= 3.0


def test_moods_have_no_hue() -> None:
    for colour in (*MOOD_COLOURS.values(), TRAIL):
        assert np.hypot(*lab(linear(colour))[1:]) < 6, colour


GREYS = {**MOOD_COLOURS, Emotion.NEUTRAL: EMOTION_COLOURS[Emotion.NEUTRAL]}
OPAQUE, AREA = 1.0, 0.85  # of bars, and of the stacked areas of a session and a film


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
def test_neighbours_differ_in_both_themes_under_every_kind_of_colour_vision(
    table: dict[str, str], opacity: float, page: str, sight: str
) -> None:
    drawn = {name: opacity * channels(colour) + (1 - opacity) * channels(PAGES[page]) for name, colour in table.items()}
    seen = {name: lab(SIGHT[sight] @ light_of(colour)) for name, colour in drawn.items()}
    apart = {pair: difference(seen[pair[0]], seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(apart.values()) >= 8, min(apart, key=lambda pair: apart[pair])


def test_the_style_of_the_pages_has_the_colours_of_the_theme(root: Path) -> None:
    theme = tomllib.loads((root / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
    style = (root / "emomusic/app/frame.css").read_text(encoding="utf-8")
    assert f"light-dark({theme['light']['primaryColor']}, {theme['dark']['linkColor']})" in style
    for mode in ("light", "dark"):
        written = rgb_of(theme[mode]["textColor"])
        assert f"fill: rgb{written}" in style
        assert f"stroke: rgb{written}" in style
        assert theme[mode]["backgroundColor"] in (root / "emomusic/app/music/page.css").read_text(encoding="utf-8")
