import pytest

from emomusic.baselines import MUSIC_BASELINES, MUSIC_SOURCE
from emomusic.music.features import FEATURE_NAMES
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS


def test_the_default_is_one_of_the_models() -> None:
    assert DEFAULT_MOOD_MODEL in MOOD_MODELS


def test_only_the_mlp_has_no_duration_as_input() -> None:
    inputs = {name: spec.inputs for name, spec in MOOD_MODELS.items()}
    assert inputs.pop("mlp") == FEATURE_NAMES
    assert set(inputs.values()) == {(*FEATURE_NAMES, "duration_s")}


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_every_model_has_a_description_of_one_line(name: str) -> None:
    assert 20 < len(MOOD_MODELS[name].description) < 250
    assert "\n" not in MOOD_MODELS[name].description


def test_the_figures_of_the_reports_belong_to_known_models() -> None:
    assert set(MUSIC_BASELINES) <= set(MOOD_MODELS)
    assert all(0 < report.figure < 1 and report.note for reports in MUSIC_BASELINES.values() for report in reports)
    assert MUSIC_SOURCE
