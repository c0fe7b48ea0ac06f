import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.assets import SPEC
from emomusic.errors import ModelError
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import model_folder
from tests.tiny_model import stripes


def test_several_batches_keep_the_order_of_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, inputs = EmotionClassifier.load("vgg9"), stripes(10, seed=9).images[..., None]
    together = classifier.probabilities(inputs)
    monkeypatch.setattr("emomusic.faces.classifier._BATCH", 4)
    np.testing.assert_allclose(classifier.probabilities(inputs), together, atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": [], "constants": []}]
)
def test_a_spec_of_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    folder = tmp_path / "models" / "face" / "copy"
    shutil.copytree(model_folder("vgg9"), folder, ignore=shutil.ignore_patterns("*.keras"))
    (tmp_path / "SHA256SUMS").touch()
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (folder / SPEC).write_text(json.dumps(json.loads((folder / SPEC).read_text()) | change))
    with pytest.raises(ModelError, match=r"expected a network in .*copy.*spec\.json"):
        EmotionClassifier.load("copy")
