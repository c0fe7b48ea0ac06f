"""scripts/build_band.py: loops of equal length and loudness, without a click, whose mixes sound as the face looks."""

import json
from typing import Any

import numpy as np
import pytest

from emomusic.assets import data_dir
from scripts.build_band import (
    AROUSALS,
    RATE,
    VALENCES,
    Sound,
    blended,
    hear,
    loudness_db,
    mix,
    read_files,
)

pytestmark = pytest.mark.slow  # encodes the band

BAND = json.loads((data_dir() / "band" / "band.json").read_text(encoding="utf-8"))
Style = dict[str, Any]


@pytest.fixture(scope="module", params=BAND["styles"], ids=lambda style: style["name"])
def style(request: pytest.FixtureRequest) -> Style:
    return request.param


@pytest.fixture(scope="module")
def files(style: Style) -> dict[str, Sound]:
    return read_files(style["name"])


@pytest.fixture(scope="module")
def loops(files: dict[str, Sound]) -> dict[str, Sound]:
    return blended(files)


def click(loop: Sound) -> float:
    """The step from the end of a loop to its start, as a share of the largest step in the 20 ms around it."""
    around = np.concatenate([loop[-RATE // 100 :], loop[: RATE // 100]])
    steps = np.abs(np.diff(around, axis=0)).max(axis=1)
    seam = len(steps) // 2
    return float(steps[seam] / np.delete(steps, seam).max())


def test_no_loop_clicks_at_its_seam(loops: dict[str, Sound]) -> None:
    assert {name for name, loop in loops.items() if click(loop) > 1} == set()
    tone = np.sin(np.arange(RATE) / 20)[:, None]
    assert click(tone[: RATE - 40]) > 1  # what a cut within a wave gives


def test_all_mixes_are_equally_loud_and_do_not_clip(loops: dict[str, Sound]) -> None:
    mixes = [mix(loops, valence, arousal) for valence in (-1, 0, 1) for arousal in (-1, 0.2, 1)]
    loudness = [loudness_db(mixed) for mixed in mixes]
    assert max(loudness) - min(loudness) < 2
    assert max(np.abs(mixed).max() for mixed in mixes) < 1


def test_the_model_hears_valence_and_arousal_rise_along_their_axes(style: Style, loops: dict[str, Sound]) -> None:
    for axis, places in (("valence", VALENCES), ("arousal", AROUSALS)):
        at, heard = np.array(style["heard"][axis]).T
        assert tuple(at) == places
        assert np.diff(heard).min() > -0.01  # where only the level rises, songs are heard at one level
        assert heard[-1] - heard[0] > 0.8
    again = np.mean([hear(mix(loops, valence, AROUSALS[-1]))[1] for valence in VALENCES[::2]])
    assert again == pytest.approx(style["heard"]["arousal"][-1][1], abs=0.05)
