import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emomusic.assets import SPEC
from emomusic.errors import ModelError
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.reading import load_networks
from tests.tiny_model import COPIED, stripes


def test_several_batches_keep_the_order_of_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, inputs = EmotionClassifier.load(COPIED), stripes(10, seed=9).images[..., None]
    together = classifier.probabilities(inputs)
    monkeypatch.setattr("emomusic.faces.classifier._BATCH", 4)
    np.testing.assert_allclose(classifier.probabilities(inputs), together, atol=1e-5)


def test_the_adjustments_are_mixed_by_the_probability_that_people_posed() -> None:
    shipped, inputs = EmotionClassifier.load(), stripes(6, seed=9).images[..., None]
    assert shipped.posing_layer is not None

    def answers(score: float) -> np.ndarray:
        layer = replace(
            shipped.posing_layer, weights=np.zeros_like(shipped.posing_layer.weights), constants=np.array([score])
        )
        return EmotionClassifier(shipped._forward, shipped.spec, None, layer).adjusted_probabilities(inputs)

    plain = EmotionClassifier(shipped._forward, shipped.spec).adjusted_probabilities(inputs)
    posed = shipped.posed().adjusted_probabilities(inputs)
    np.testing.assert_allclose(answers(-50), plain, atol=1e-5)
    np.testing.assert_allclose(answers(50), posed, atol=1e-5)
    between = np.sqrt(plain * posed)
    np.testing.assert_allclose(answers(0), between / between.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.abs(plain - posed).max() > 0.1


@pytest.mark.parametrize(
    "change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": [], "constants": []}]
)
def test_a_spec_of_another_network_is_refused(copied_model: Path, change: dict[str, object]) -> None:
    path = copied_model / SPEC
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=r"expected a network in .*cnn_capstone.*spec\.json"):
        EmotionClassifier.load(COPIED)


def test_photographs_and_cameras_share_the_networks() -> None:
    (detector, photographs), (same, cameras) = load_networks(), load_networks(posed=True)
    assert same is detector
    faces = np.random.default_rng(0).integers(0, 256, (2, photographs.spec.side, photographs.spec.side, 1), np.uint8)
    np.testing.assert_array_equal(cameras.probabilities(faces), photographs.probabilities(faces))
    assert cameras.spec.adjustment == photographs.spec.posed_adjustment != photographs.spec.adjustment
