"""The shipped models, read as on a processor with tile units, whatever this one has."""

import numpy as np
import pytest

from emomusic.face import classifier as classifier_module
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.explain import Explainer
from emomusic.face.reading import NETWORK_PARTS, load_networks

NUM_FACES = 20


@pytest.fixture(autouse=True)
def _tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_module, "has_bfloat16_tiles", lambda: True)


def faces(side: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (NUM_FACES, side, side, 1), np.uint8)


@pytest.mark.parametrize("name", ["emonet", "mobilenet_quadrants", "xception_entry_exit"])
def test_shipped_models_answer_nearly_alike_in_bfloat16(name: str) -> None:
    quick = EmotionClassifier.load(name, quick=True)
    exact = quick.exact()
    inputs = faces(exact.spec.side)
    np.testing.assert_allclose(quick.probabilities(inputs), exact.probabilities(inputs), atol=0.05)
    assert (quick.probabilities(inputs) != exact.probabilities(inputs)).any()
    assert exact.exact() is exact


def test_the_app_reads_faces_quickly_and_explains_them_exactly() -> None:
    told: list[str] = []
    _, quick = load_networks(tell=told.append)
    assert told == list(NETWORK_PARTS)
    exact = EmotionClassifier.load()
    inputs = faces(exact.spec.side)
    assert (quick.probabilities(inputs) != exact.probabilities(inputs)).any()
    np.testing.assert_array_equal(Explainer(quick).classifier.probabilities(inputs), exact.probabilities(inputs))
