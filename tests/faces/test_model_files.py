import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import ModelSpec
from emomusic.faces.reading import load_networks
from tests.tiny_model import COPIED, stripes

SPEC = ModelSpec("small", "tiny", "smoke", side=48, mirrored=True, temperature=1.25, parameters=3807, sha256="0" * 64)


def make_model(root: Path, name: str) -> None:
    """A model's folder with a spec."""
    folder = root / "models" / "face" / name
    folder.mkdir(parents=True)
    model_files.write_spec(replace(SPEC, name=name), folder)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return tmp_path


def test_models_are_listed_with_the_default_first_and_a_path_is_not_a_name(checkout: Path) -> None:
    make_model(checkout, "x")
    for name in ("", "../face/x"):
        with pytest.raises(ModelError, match="expected one of the trained models x"):
            model_files.model_folder(name)
    for name in ("zeta", model_files.DEFAULT_MODEL, "alpha"):
        make_model(checkout, name)
    (checkout / "models" / "face" / "half-trained" / "checkpoint").mkdir(parents=True)
    assert model_files.face_models() == [model_files.DEFAULT_MODEL, "alpha", "x", "zeta"]


def test_a_spec_with_a_wrong_value_is_refused(tmp_path: Path) -> None:
    for change, message in (
        ({"temperature": 0}, "temperature"),
        ({"classes": ["happy"]}, "classes"),
        ({"adjustment": [0.1]}, "adjustment"),
        ({"side": "48"}, "side"),
        ({"colour": 1}, "colour"),
        ("{", "truncated"),
    ):
        text = change if isinstance(change, str) else json.dumps({**asdict(SPEC), **change})
        (tmp_path / assets.SPEC).write_text(text)
        with pytest.raises(ModelError, match=rf"expected a trained model in .*Received: .*{message}"):
            model_files.read_spec(tmp_path)


def test_several_batches_keep_the_order_and_photos_and_cameras_share_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classifier, crops = EmotionClassifier.load(COPIED), list(stripes(10, seed=9).images)
    together = classifier.read(crops)[0]
    monkeypatch.setattr("emomusic.faces.classifier._BATCH", 4)
    np.testing.assert_allclose(classifier.read(crops)[0], together, atol=1e-5)
    (detector, photographs), (same, cameras) = load_networks(), load_networks(posed=True)
    assert same is detector
    faces = list(np.random.default_rng(0).integers(0, 256, (2, 144, 144), np.uint8))
    np.testing.assert_array_equal(cameras.read(faces)[0], photographs.read(faces)[0])
    assert cameras.spec.adjustment == photographs.spec.posed_adjustment != photographs.spec.adjustment


def test_a_partner_reads_all_faces_and_leaves_descriptions() -> None:
    alone, partner = EmotionClassifier.load("emonet"), EmotionClassifier.load("vgg9")
    spec = replace(alone.spec, partner="vgg9", partner_share=0.25, posed_adjustment=((1.0,) * 8,) * 7)
    both = EmotionClassifier(alone._forward, spec, partner=partner)
    small = list(stripes(3, seed=9).images)
    faces = [*small, *(np.kron(face, np.ones((2, 2), np.uint8)) for face in small)]
    one_view = EmotionClassifier(partner._forward, replace(partner.spec, mirrored=False))
    logs = 0.75 * np.log(alone.read(faces)[0]) + 0.25 * np.log(one_view.read(faces)[0])
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    assert np.abs(expected - alone.read(faces)[0]).max() > 0.01
    np.testing.assert_allclose(both.read(faces)[0], expected, atol=1e-5)
    np.testing.assert_allclose(both.posed().read(faces)[0], expected, atol=1e-5)
    np.testing.assert_allclose(both.describe(faces), alone.describe(faces), atol=1e-5)


def test_the_adjustments_are_mixed_by_the_probability_that_people_posed() -> None:
    shipped, crops = EmotionClassifier.load(), list(stripes(6, seed=9).images)

    def answers(score: float) -> np.ndarray:
        layer = replace(
            shipped.posing_layer, weights=np.zeros_like(shipped.posing_layer.weights), constants=np.array([score])
        )
        return EmotionClassifier(shipped._forward, shipped.spec, None, layer, shipped.partner).adjusted_probabilities(
            crops
        )

    plain = EmotionClassifier(shipped._forward, shipped.spec, partner=shipped.partner).adjusted_probabilities(crops)
    posed = shipped.posed().adjusted_probabilities(crops)
    np.testing.assert_allclose(answers(-50), plain, atol=1e-5)
    np.testing.assert_allclose(answers(50), posed, atol=1e-5)
    between = np.sqrt(plain * posed)
    np.testing.assert_allclose(answers(0), between / between.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.abs(plain - posed).max() > 0.1


@pytest.mark.parametrize(
    "change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": [], "constants": []}]
)
def test_a_spec_of_another_network_is_refused(copied_model: Path, change: dict[str, object]) -> None:
    path = copied_model / assets.SPEC
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=r"expected a network in .*cnn_capstone.*spec\.json"):
        EmotionClassifier.load(COPIED)
