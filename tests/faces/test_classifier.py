import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.errors import ModelError
from emomusic.faces.classifier import EmotionClassifier
from tests.tiny_model import Run, stripes


@pytest.fixture(scope="module")
def classifier(tiny_run: Run) -> Iterator[EmotionClassifier]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets, "ROOT", tiny_run.folder.parents[2])
        yield EmotionClassifier.load("tiny")


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return stripes(30, seed=9).images[..., None]


def test_several_batches_keep_the_order_of_faces(classifier: EmotionClassifier, inputs: np.ndarray) -> None:
    many = np.tile(inputs, (18, 1, 1, 1))
    assert len(many) > 2 * 256
    rows = classifier.probabilities(many)
    np.testing.assert_allclose(rows, np.tile(classifier.probabilities(inputs), (18, 1)), atol=1e-5)


@pytest.fixture
def copy(tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a model folder that a test may damage."""
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return Path(shutil.copytree(tiny_run.folder, tmp_path / "models" / "face" / "tiny"))


@pytest.mark.parametrize("change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": []}])
def test_a_spec_of_another_network_is_refused(copy: Path, change: dict[str, object]) -> None:
    spec = json.loads((copy / assets.SPEC).read_text())
    (copy / assets.SPEC).write_text(json.dumps(spec | change))
    with pytest.raises(ModelError, match=r"expected a network in .*tiny.*spec\.json"):
        EmotionClassifier.load("tiny")
