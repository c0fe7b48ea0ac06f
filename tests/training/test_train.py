from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emomusic import assets, metrics
from emomusic.affect import EMOTIONS, Emotion
from emomusic.calibration import softmax
from emomusic.errors import DatasetError, ModelError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.faces.model_files import DEFAULT_MODEL, FACERES_PATH, GRAD_CAM, WEIGHTS, model_folder, read_spec
from emomusic.media.images import encode_png
from emomusic.metrics import FOUR, evaluate
from emomusic.runtime import Network
from emomusic.training.evaluate import evaluate_splits
from emomusic.training.people import Described, Strangers, fit_people, judge_strangers
from emomusic.training.posed import read_posed_faces
from emomusic.training.presets import FIRST, NETWORKS, PRESETS, PREVIOUS, NetworkSpec, TrainingConfig
from tests.fakes import FakeDetector, make_face
from tests.lazy import lazy
from tests.tiny_model import Run, Splits

pytestmark = pytest.mark.slow  # trains

keras, architectures = lazy("keras"), lazy("emomusic.training.architectures")
train_module = lazy("emomusic.training.train")

# Uses everything with a state: momentum, averages, dropout, schedule, mixup
FULL = TrainingConfig(
    epochs=3,
    learning_rate=0.05,
    batch_size=32,
    weight_decay=5e-3,
    ema_momentum=0.9,
    label_smoothing=0.1,
    mixup=0.2,
    augmentation=PRESETS["smoke"][0].augmentation,
)
FILES = {*model_files.FILES} - {model_files.PEOPLE, model_files.TURNS, model_files.POSING}


class KilledError(Exception):
    """Ends a run from within, as a signal would."""


def kill_after(epoch: int) -> Callable[[int], None]:
    def on_progress(done: int) -> None:
        if done == epoch:
            raise KilledError

    return on_progress


def history_of(folder: Path) -> list[dict[str, float]]:
    return pd.read_csv(folder / "history.csv").to_dict("records")


def predicted_labels(folder: Path, faces: LabelledFaces) -> np.ndarray:
    """What the saved network itself says, without mirrored views and calibration."""
    model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    return keras.ops.convert_to_numpy(model(faces.images[..., None].astype(np.float32))).argmax(axis=1)


def test_a_run_writes_every_file_and_metrics_that_any_program_can_read(tiny_run: Run) -> None:
    assert {path.name for path in tiny_run.folder.iterdir()} == FILES
    text = (tiny_run.folder / "metrics.json").read_text(encoding="utf-8")
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert read == json.loads(json.dumps(tiny_run.metrics))
    (stage,) = read["stages"]
    assert stage["config"] == json.loads(json.dumps(train_module.asdict(PRESETS["smoke"][0])))
    assert (stage["epochs"], stage["best_epoch"]) == (read["epochs"], read["best_epoch"])
    assert read["bytes"] == (tiny_run.folder / "model.keras").stat().st_size
    history = history_of(tiny_run.folder)
    assert [row["epoch"] for row in history] == tiny_run.reports == [1, 2]
    assert history[0].keys() >= {"stage", "loss", "val_loss", "learning_rate", "seconds"}


def test_saved_classifier_predictions_and_metrics_agree(only_tiny: Run, dataset: Splits) -> None:
    classifier = EmotionClassifier.load("tiny")
    with np.load(only_tiny.folder / "predictions.npz", allow_pickle=False) as arrays:
        predictions = dict(arrays)
    for split, num_unseen in ((Split.VALIDATION, 42), (Split.TEST, 38)):
        labels, probabilities = predictions[f"{split}_labels"], predictions[f"{split}_probabilities"]
        written, faces = only_tiny.metrics[split.value], dataset[split]
        np.testing.assert_array_equal(labels, faces.labels)
        np.testing.assert_allclose(classifier.read(list(faces.images))[0], probabilities, atol=1e-5)
        again = metrics.evaluate(labels, probabilities.argmax(axis=1)).as_dict()
        assert {name: written[name] for name in again} == again
        assert written["calibration"]["expected_error"] == metrics.expected_calibration_error(labels, probabilities)
        is_right = (probabilities.argmax(axis=1) == labels)[~faces.in_training]
        assert written["not_in_training"] == {"n": num_unseen, "accuracy": is_right.mean()}


def test_where_all_pictures_stand_in_training_there_is_no_such_figure() -> None:
    faces = LabelledFaces(np.zeros((2, 48, 48), np.uint8), np.zeros(2, np.uint8), np.ones(2, np.bool_))
    probabilities = {Split.TEST: np.eye(7)[:2]}
    found = evaluate_splits({Split.TEST: faces}, probabilities, probabilities, EMOTIONS)["test"]
    assert found["not_in_training"] == {"n": 0, "accuracy": None}
    assert found["accuracy"] == 0.5


def test_the_file_has_the_weights_of_the_best_epoch_as_its_spec_says(tiny_run: Run, dataset: Splits) -> None:
    history, spec = history_of(tiny_run.folder), read_spec(tiny_run.folder)
    best = max(row["val_accuracy"] for row in history)
    assert history[tiny_run.metrics["best_epoch"] - 1]["val_accuracy"] == best
    model = keras.saving.load_model(tiny_run.folder / "model.keras", safe_mode=True)
    faces = dataset[Split.VALIDATION]
    assert (predicted_labels(tiny_run.folder, faces) == faces.labels).mean() == pytest.approx(best, abs=1e-6)
    assert spec.sha256 == assets.sha256_of(tiny_run.folder / "model.keras")
    assert spec.onnx_sha256 == assets.sha256_of(tiny_run.folder / "model.onnx")
    assert (spec.name, spec.network, spec.preset, spec.side, spec.mirrored) == ("tiny", "tiny", "smoke", 48, True)
    assert spec.parameters == model.count_params() == tiny_run.metrics["parameters"]
    assert getattr(model, "optimizer", None) is None
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


def state_of(out: Path, stage: int) -> dict[str, Any]:
    return json.loads((out / "checkpoint" / f"stage{stage}" / "state.json").read_text("utf-8"))


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "test", (replace(FULL, epochs=1),))
    out = tmp_path / "net"

    def start_another(_: int) -> None:
        with pytest.raises(ModelError, match="no other run"):
            train_module.train("tiny", dataset, out, preset="test", resume=True)

    train_module.train("tiny", dataset, out, preset="test", on_progress=start_another)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_run_killed_in_its_second_stage_and_resumed_ends_like_an_uninterrupted_one(
    dataset: Splits, tmp_path: Path, tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emomusic.training.train.export_onnx", tiny_run.export)
    monkeypatch.setitem(architectures.GRAPHS, "twin", architectures.GRAPHS["tiny"])
    monkeypatch.setitem(NETWORKS, "twin", replace(NETWORKS["tiny"], name="twin"))
    taught: list[str] = []
    teach = train_module.keras_classifier

    def watched(model: keras.Model, spec: model_files.ModelSpec) -> EmotionClassifier:
        taught.append(spec.network)
        return teach(model, spec)

    monkeypatch.setattr("emomusic.training.train.keras_classifier", watched)
    faces = dataset[Split.VALIDATION]
    voted = np.where(np.arange(len(faces)) % 2, faces.labels, Emotion.SAD.label).astype(np.uint8)
    monkeypatch.setattr("emomusic.training.train.seen_emotions", lambda *_: voted)
    taught_by = {"teachers": (PREVIOUS, FIRST), "distillation_weight": 0.5}
    second = replace(FULL, epochs=2, sam_rho=0.1, start=PREVIOUS, **taught_by, validation="ferplus")
    monkeypatch.setitem(PRESETS, "test", (replace(FULL, epochs=1, network="twin"), second))
    out, whole_out = tmp_path / "net", tmp_path / "whole"

    def copy_then_kill(done: int) -> None:
        if done == 2:
            shutil.copytree(whole_out, out)  # what a kill would leave
        kill_after(3)(done)

    with pytest.raises(KilledError):
        train_module.train("tiny", dataset, whole_out, preset="test", on_progress=copy_then_kill)
    whole = state_of(whole_out, 1)["history"] + state_of(whole_out, 2)["history"]
    assert {path.name for path in out.iterdir()} == {"checkpoint"}
    reports: list[int] = []
    metrics = train_module.train("tiny", dataset, out, preset="test", resume=True, on_progress=reports.append)
    assert set(taught) == {"twin"}
    assert read_spec(out).network == "tiny"
    assert [(stage["config"]["start"], stage["epochs"]) for stage in metrics["stages"]] == [(None, 1), (PREVIOUS, 2)]
    assert metrics["epochs"] == 3
    assert metrics["best_epoch"] in (2, 3)
    assert reports == [3]
    assert {path.name for path in out.iterdir()} == FILES
    assert [(row["stage"], row["epoch"]) for row in history_of(out)] == [(1, 1), (2, 2), (2, 3)]
    for resumed, row in zip(history_of(out), whole, strict=True):
        for figure in set(row) - {"seconds", "epoch"}:
            assert resumed[figure] == pytest.approx(row[figure], rel=1e-4), figure
    accuracies = [(predicted_labels(out, faces) == labels).mean() for labels in (voted, faces.labels)]
    best = max(row["val_accuracy"] for row in whole[1:])  # of the votes; half precision may turn a face
    assert accuracies[0] == pytest.approx(best, abs=1.5 / len(faces))
    assert accuracies[0] != accuracies[1]


@pytest.fixture(scope="module")
def killed_once(dataset: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of "smoke" that was killed after its first epoch."""
    made = tmp_path_factory.mktemp("run") / "killed"
    with pytest.raises(KilledError):
        train_module.train("tiny", dataset, made, preset="smoke", on_progress=kill_after(1))
    return made


@pytest.fixture
def killed(killed_once: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(killed_once, tmp_path / "killed"))


def test_another_kind_of_checkpoint_is_refused(dataset: Splits, killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "smoke", (replace(PRESETS["smoke"][0], seed=1),))
    with pytest.raises(ModelError, match=r"checkpoint of this network, configuration and data in .*Received: another"):
        train_module.train("tiny", dataset, killed, preset="smoke", resume=True)
    assert (killed / "checkpoint" / "stage1" / "state.json").is_file()


@pytest.mark.parametrize("file", ["state.json", "epoch1.weights.h5", "best.weights.h5"])
def test_a_damaged_checkpoint_is_refused_with_advice(dataset: Splits, killed: Path, file: str) -> None:
    path = killed / "checkpoint" / "stage1" / file
    path.unlink() if file.startswith("best") else path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"complete checkpoint in .*stage1. Received: .* without --resume"):
        train_module.train("tiny", dataset, killed, preset="smoke", resume=True)


def test_a_network_may_have_four_classes(dataset: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quarters() -> tuple[keras.KerasTensor, keras.KerasTensor]:
        inputs = keras.layers.Input((64, 64, 1), name="pixels")
        x = keras.layers.Conv2D(8, 5, activation="relu", name="conv")(inputs)
        x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
        return inputs, keras.layers.Dense(4, activation="softmax", name="answer")(x)

    monkeypatch.setitem(architectures.GRAPHS, "quarters", quarters)
    monkeypatch.setitem(NETWORKS, "quarters", NetworkSpec("quarters", "One convolution", 64, "", "test", FOUR))
    monkeypatch.setitem(PRESETS, "test", (replace(FULL, epochs=1),))
    folder = tmp_path / "models" / "face" / "quarters"
    metrics = train_module.train("quarters", dataset, folder, preset="test")
    assert read_spec(folder).classes == tuple(metrics["test"]["per_class"]) == ("Q1", "Q2", "Q3", "N")
    assert np.sum(metrics["test"]["confusion"]) == metrics["test"]["n"] == 42
    with np.load(folder / "predictions.npz") as arrays:
        assert arrays["test_probabilities"].shape == (42, 4)
        assert arrays["test_labels"].max() == 6  # the labels stay FER2013's own
    assert "| Q3 | " in (folder / "CARD.md").read_text(encoding="utf-8")
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    classifier = EmotionClassifier.load("quarters")
    answers = classifier.read(list(dataset[Split.TEST].images))[0]
    again = evaluate(dataset[Split.TEST].labels, answers.argmax(axis=1), FOUR).as_dict()
    assert again == {key: metrics["test"][key] for key in again}
    with pytest.raises(ModelError, match=r"of the seven emotions\. Received: quarters with the classes Q1, "):
        classifier.classify([np.zeros((9, 9, 3), np.uint8)])


export_onnx = lazy("emomusic.training.export_onnx")


def pictures(name: str, count: int = 3) -> np.ndarray:
    """Raw pixels, 0 to 255, as they come from a picture."""
    side = NETWORKS[name].side
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 1)).astype(np.float32)


def answer(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(pixels, training=False))


def test_layers_of_the_same_name_take_their_weights_and_networks_begin_as_they_grow() -> None:
    model = NETWORKS["mobilenet_quadrants"].build("float32")
    logits = model.get_layer("logits").get_weights()[0].copy()
    architectures.apply_start_weights(model, "faceres")
    with np.load(assets.models_dir() / FACERES_PATH) as arrays:
        for layer in ("conv1", "conv_dw_7", "conv_pw_13"):
            kernel, bias = model.get_layer(layer).get_weights()
            np.testing.assert_array_equal(kernel, arrays[f"{layer}/kernel"].astype(np.float32))
            np.testing.assert_array_equal(bias, arrays[f"{layer}/bias"].astype(np.float32))
    np.testing.assert_array_equal(model.get_layer("logits").get_weights()[0], logits)
    model = NETWORKS["emonet"].build("float32")
    architectures.apply_start_weights(model, "vgg9")
    source = keras.saving.load_model(model_folder("vgg9") / WEIGHTS, compile=False, safe_mode=True)
    answers = [answer(network, pictures("emonet")) for network in (model, source)]
    np.testing.assert_allclose(*answers, atol=1e-6)  # what was added changes nothing yet


def test_the_bundled_maps_equal_those_of_keras_on_35_faces() -> None:
    folder = model_folder(DEFAULT_MODEL)
    model = keras.saving.load_model(folder / WEIGHTS, compile=False, safe_mode=True)
    graph, faces = Network(folder / GRAD_CAM), export_onnx.varied_samples(48).astype(np.float32)
    faces = np.random.default_rng(0).permutation(faces)[:35]
    layer = NETWORKS[DEFAULT_MODEL].grad_cam
    differences: list[float] = []
    for winner, part in enumerate(np.array_split(faces, 7)):
        is_winner = np.eye(7, dtype=np.float32)[[winner]]
        expected = export_onnx.keras_maps(model, layer, part, is_winner)
        received = np.concatenate([graph(face[None], is_winner)[0] for face in part])
        assert expected.shape == (len(part), 12, 12)
        differences += (np.abs(received - expected).max(axis=(1, 2)) / expected.max(axis=(1, 2))).tolist()
    assert np.quantile(differences, 0.9) < 1e-4
    assert max(differences) < 0.05  # a value near 0 can have a gradient or none


steps = lazy("emomusic.training.steps")

RADIUS, RATE = 0.3, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype(np.float32)
Y = RNG.normal(size=(8, 1)).astype(np.float32)


def slope(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The gradient of the mean squared error of x @ w."""
    return 2 * x.T @ (x @ w - y) / len(x)


def test_a_step_goes_uphill_by_half_a_batch_and_learns_there_from_all() -> None:
    inputs = keras.layers.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    before = model.get_weights()[0]
    aware = steps.SharpnessAware(model, RADIUS)
    aware.compile(optimizer=keras.optimizers.SGD(RATE), loss="mse", jit_compile=False)
    loss = float(aware.train_on_batch(X, Y))
    uphill = slope(X[:4], Y[:4], before)
    there = before + RADIUS * uphill / np.linalg.norm(uphill)
    np.testing.assert_allclose(model.get_weights()[0], before - RATE * slope(X, Y, there), rtol=1e-4)
    assert loss == pytest.approx(float(np.mean((X @ there - Y) ** 2)), rel=1e-4)


# TensorFlow's kernel averages the variance without bias, Keras's own layer that of the sample


OneFace = partial(FakeDetector, [make_face(5, 5, 48, 48)])


def put(folder: Path, name: str, grey: int = 100) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.full((60, 60, 3), grey, np.uint8)))


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    root = tmp_path / "posed"
    for person in range(16):
        for emotion in EMOTIONS:
            put(root, f"taiwan/{emotion.value}/{person:02}_a.png", 40 + 10 * emotion.label)
    put(root, "cfee/happily_surprised/1_1.png")
    put(root, "cfee/hatred/1_2.png")
    put(root, "cfee/neutral/1_3.png")
    put(root, "cfee/neutral/nobody.png")  # no person
    (root / "taiwan" / "votes.csv").write_text("picture,happy,sad,angry,disgust,fear,surprise\na,0.5,0.5,0,0,0,0\n")
    return root


def test_mixtures_are_two_halves_raters_have_half_a_say_and_persons_are_on_one_side(collections: Path) -> None:
    faces = read_posed_faces(collections, OneFace())
    assert len(faces) == 16 * 7 + 3
    (shares,) = faces.shares[faces.is_mixture & (faces.labels == Emotion.HAPPY.label)]
    assert shares[[Emotion.HAPPY.label, Emotion.SURPRISE.label]].tolist() == [0.5, 0.5]
    afraid = faces.shares[(faces.collections == "taiwan") & (faces.labels == Emotion.FEAR.label)]
    assert afraid[0, [Emotion.FEAR.label, Emotion.HAPPY.label, Emotion.SAD.label]].tolist() == [0.5, 0.25, 0.25]
    calm = faces.shares[(faces.collections == "taiwan") & (faces.labels == Emotion.NEUTRAL.label)]
    assert calm[0, Emotion.NEUTRAL.label] == 1
    train, judged = faces.split()  # a person is on one side only
    assert set(train.persons) & set(judged.persons) == set()
    assert set(judged.persons) == {"taiwan/04", "taiwan/12"}


def test_a_preset_with_posed_faces_needs_them(dataset: Splits, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--posed-faces"):
        train_module.train("tiny", dataset, tmp_path / "model", preset="everyone")


def test_training_with_posed_faces_judges_strangers(
    collections: Path, dataset: Splits, tmp_path: Path, tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emomusic.training.train.export_onnx", tiny_run.export)
    shutil.copytree(collections / "taiwan", collections / "cfee", dirs_exist_ok=True)
    posed = read_posed_faces(collections, OneFace())
    stage = TrainingConfig(epochs=1, learning_rate=0.05, batch_size=64, posed=1, start_share=0.5)
    monkeypatch.setitem(PRESETS, "partner", (stage,))
    alone = train_module.train("tiny", dataset, tmp_path / "alone", preset="partner", posed=posed)
    assert not alone.keys() & {"collections", "profiles", "posing", "turns"}  # a second network has the first one's
    assert not any((tmp_path / "alone" / name).exists() for name in ("people.npz", "turns.npz", "posing.npz"))
    monkeypatch.setitem(PRESETS, "test", (replace(stage, is_judged=True),))
    metrics = train_module.train("tiny", dataset, tmp_path / "tiny", preset="test", posed=posed)
    assert metrics["collections"].keys() == metrics["profiles"].keys() == {"cfee", "taiwan"}
    assert metrics["collections"]["taiwan"]["persons"] == 16
    assert metrics["posing"].keys() == {"cfee", "taiwan"}  # "fer2013" is the only one without posing
    assert all((tmp_path / "tiny" / name).is_file() for name in ("people.npz", "turns.npz", "posing.npz"))


def persons(seed: int, *, num_persons: int = 12, pictures: int = 3) -> Described:
    """Persons whose faces differ from each other more than their emotions do, of whose emotions a network sees some."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(num_persons, 1, 1, 14)) * 2
    features = own + 1.5 * np.eye(7, 14)[None, :, None] + rng.normal(size=(num_persons, 7, pictures, 14)) * 0.3
    faces = np.concatenate([np.log(softmax(features[..., :7].reshape(-1, 7))), features.reshape(-1, 14)], axis=1)
    labels = np.broadcast_to(np.arange(7)[None, :, None], features.shape[:3]).ravel()
    names = np.repeat(np.arange(num_persons), 7 * pictures).astype(str)
    return Described(faces, labels.astype(np.int64), names)


def test_persons_are_judged_with_the_numbers_of_others_which_are_of_real_persons() -> None:
    figures = judge_strangers(Strangers({"taiwan": persons(0, num_persons=5), "other": persons(1, num_persons=5)}))
    for known in figures["profiles"].values():
        assert known["nothing"] + 0.05 < known["a neutral shot"] <= known["all seven shots"]
        assert (known["faces"], known["persons"]) == (5 * 7 * 2, 5)
    collections = figures["collections"]
    assert (collections["taiwan"]["n"], collections["taiwan"]["persons"]) == (105, 5)
    assert collections["taiwan"]["people"]
    assert not collections["other"]["people"]
    people = fit_people([persons(0, num_persons=400)])
    assert people.scale == pytest.approx(0.3, rel=0.1)
    assert np.diag(people.between).min() > 10 * np.diag(people.ways).max()
