import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.affect import EmotionProbabilities
from emomusic.calibration import apply_temperature, invert_label_smoothing
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier
from emomusic.training.evaluate import keras_classifier
from tests.tiny_model import Run, stripes


@pytest.fixture(scope="module")
def classifier(tiny_run: Run) -> Iterator[EmotionClassifier]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets, "ROOT", tiny_run.folder.parents[2])
        yield EmotionClassifier.load("tiny")


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return stripes(30, seed=9).images[..., None]


def crops(count: int) -> list[np.ndarray]:
    """Colour images of many sizes."""
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (side, side, 3), np.uint8) for side in rng.integers(20, 200, count)]


def test_rows_are_probabilities(classifier: EmotionClassifier, inputs: np.ndarray) -> None:
    rows = classifier.probabilities(inputs)
    assert (rows.shape, rows.dtype) == ((30, 7), np.float32)
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    assert len(set(rows.argmax(axis=1))) > 1  # the answer depends on the input


def test_a_batch_equals_single_calls(classifier: EmotionClassifier) -> None:
    faces = crops(7)
    batch = classifier.classify(faces)
    single = [classifier.classify([face])[0] for face in faces]
    assert {type(reading) for reading in batch} == {EmotionProbabilities}
    np.testing.assert_allclose([p.values for p in batch], [p.values for p in single], atol=1e-5)


def test_several_batches_keep_the_order_of_faces(classifier: EmotionClassifier, inputs: np.ndarray) -> None:
    many = np.tile(inputs, (18, 1, 1, 1))
    assert len(many) > 2 * 256
    rows = classifier.probabilities(many)
    np.testing.assert_allclose(rows, np.tile(classifier.probabilities(inputs), (18, 1)), atol=1e-5)


def test_a_model_without_mirroring_runs_the_network_once(tiny_run: Run, inputs: np.ndarray) -> None:
    import keras

    model = keras.saving.load_model(tiny_run.folder / model_files.WEIGHTS)
    spec = replace(model_files.read_spec(tiny_run.folder), mirrored=False, smoothing=0.0, temperature=2.0)
    rows = keras_classifier(model, spec).probabilities(inputs)
    outputs = keras.ops.convert_to_numpy(model(inputs.astype(np.float32)))
    np.testing.assert_allclose(rows, apply_temperature(outputs, 2.0), atol=1e-5)


def test_the_export_equals_the_keras_model(tiny_run: Run, classifier: EmotionClassifier, inputs: np.ndarray) -> None:
    import keras

    model = keras.saving.load_model(tiny_run.folder / model_files.WEIGHTS)
    reference = keras_classifier(model, classifier.spec).probabilities(inputs)
    np.testing.assert_allclose(classifier.probabilities(inputs), reference, atol=0.005)


def test_label_smoothing_is_inverted(classifier: EmotionClassifier, inputs: np.ndarray) -> None:
    raw = replace(classifier.spec, smoothing=0.0, temperature=1.0)
    answers = [
        EmotionClassifier(classifier._forward, spec).probabilities(inputs)
        for spec in (raw, replace(raw, smoothing=0.1))
    ]
    np.testing.assert_allclose(answers[1], invert_label_smoothing(answers[0], 0.1), atol=1e-5)
    assert (answers[1].max(axis=1) >= answers[0].max(axis=1)).all()


@pytest.fixture
def copy(tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a model folder that a test may damage."""
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return Path(shutil.copytree(tiny_run.folder, tmp_path / "models" / "face" / "tiny"))


def test_a_damaged_network_is_refused_by_its_checksum(copy: Path) -> None:
    network = copy / model_files.ONNX
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    with pytest.raises(ModelError, match=r"expected .*model\.onnx with SHA-256 [0-9a-f]{64}\. Received: .*Restore"):
        EmotionClassifier.load("tiny")


def test_a_text_file_with_the_right_checksum_is_refused(copy: Path) -> None:
    network = copy / model_files.ONNX
    network.write_bytes(b"not a model")
    spec = json.loads((copy / assets.SPEC).read_text())
    (copy / assets.SPEC).write_text(json.dumps({**spec, "onnx_sha256": assets.sha256_of(network)}))
    with pytest.raises(ModelError, match=r"expected a network in ONNX format\. Received: .*tiny"):
        EmotionClassifier.load("tiny")


@pytest.mark.parametrize("change", [{"side": 96}, {"classes": ["Q1", "Q2", "Q3", "N"], "adjustment": []}])
def test_a_spec_of_another_network_is_refused(copy: Path, change: dict[str, object]) -> None:
    spec = json.loads((copy / assets.SPEC).read_text())
    (copy / assets.SPEC).write_text(json.dumps(spec | change))
    with pytest.raises(ModelError, match=r"expected a network in .*tiny.*spec\.json"):
        EmotionClassifier.load("tiny")
