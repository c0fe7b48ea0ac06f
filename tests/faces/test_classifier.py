import json
from pathlib import Path

import numpy as np
import pytest

from emomusic.assets import SPEC
from emomusic.errors import ModelError
from emomusic.faces.classifier import EmotionClassifier
from tests.tiny_model import COPIED, stripes


def test_several_batches_keep_the_order_of_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, inputs = EmotionClassifier.load(COPIED), stripes(10, seed=9).images[..., None]
    together = classifier.probabilities(inputs)
    monkeypatch.setattr("emomusic.faces.classifier._BATCH", 4)
    np.testing.assert_allclose(classifier.probabilities(inputs), together, atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": [], "constants": []}]
)
def test_a_spec_of_another_network_is_refused(copied_model: Path, change: dict[str, object]) -> None:
    path = copied_model / SPEC
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=r"expected a network in .*cnn_capstone.*spec\.json"):
        EmotionClassifier.load(COPIED)
