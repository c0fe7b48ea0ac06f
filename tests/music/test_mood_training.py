import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.metrics import f1_score

from emomusic.affect import Mood
from emomusic.assets import models_dir, sha256_of
from emomusic.errors import DatasetError, ModelError
from emomusic.metrics import expected_calibration_error
from emomusic.music.mood import MoodClassifier
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS
from emomusic.music.mood_training import _card, evaluate_mood_model, read_labelled_songs, train_mood_model

from .tables import mood_table


def test_mood_labels_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    # Sad is first, so numbering by appearance or alphabet would give other labels
    table = mood_table(3).iloc[::-1].assign(length=np.arange(12) * 1000)
    table.to_csv(tmp_path / "moods.csv", index=False)
    songs = read_labelled_songs(tmp_path / "moods.csv")
    np.testing.assert_array_equal(songs.labels, [list(Mood).index(Mood(word.lower())) for word in table["mood"]])
    np.testing.assert_array_equal(songs.duration_s, np.arange(12))
    np.testing.assert_allclose(songs.features[:, 0], table["danceability"])
    assert songs.sha256 == sha256_of(tmp_path / "moods.csv")


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs /dev/fd")
def test_a_table_from_a_pipe_has_the_checksum_of_its_content() -> None:
    content = mood_table(1).to_csv(index=False).encode()
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    try:
        songs = read_labelled_songs(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
    assert len(songs) == 4
    assert songs.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("mood", "Bored", "row 6 .*mood must be one of Calm, Happy, Energetic, Sad. Received: 'Bored'"),
        ("mood", None, "row 6 .*mood must be one of Calm, Happy, Energetic, Sad. Received: an empty cell"),
        ("tempo", -1, "row 6 .*tempo_bpm must be a number from 0 to 300"),
    ],
)
def test_a_wrong_label_or_number_is_refused_with_its_row(tmp_path: Path, column: str, value: object, rule: str) -> None:
    table = mood_table(2).astype({column: object})
    table.loc[5, column] = value
    table.to_csv(tmp_path / "moods.csv", index=False)
    with pytest.raises(DatasetError, match=rf"moods.csv, {rule}"):
        read_labelled_songs(tmp_path / "moods.csv")
    table.drop(columns=column).to_csv(tmp_path / "moods.csv", index=False)
    with pytest.raises(DatasetError, match=rf"moods.csv.*missing column {column}\."):
        read_labelled_songs(tmp_path / "moods.csv")


def test_the_published_table_has_686_songs_with_the_known_counts(data_moods: Path) -> None:
    counts = np.bincount(read_labelled_songs(data_moods).labels).tolist()
    assert dict(zip(Mood, counts, strict=True)) == {Mood.CALM: 195, Mood.HAPPY: 140, Mood.ENERGETIC: 154, Mood.SAD: 197}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    mood_table().to_csv(folder / "moods.csv", index=False)
    train_mood_model(folder / "moods.csv", model="mlp", out=folder / "models" / "mlp", num_repeats=1)
    return folder


def test_training_again_replaces_the_model(trained: Path) -> None:
    out = trained / "models" / "mlp"
    (out / "drafts-old").mkdir()
    (out / "CARD.md").write_text("older version", encoding="utf-8")
    metrics = train_mood_model(trained / "moods.csv", model="mlp", out=out, num_repeats=1)
    assert [folder.name for folder in (trained / "models").iterdir()] == ["mlp"]
    assert "older" not in (out / "CARD.md").read_text(encoding="utf-8")
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8")) == metrics
    files = {"model.skops", "spec.json", "metrics.json", "predictions.npz", "CARD.md"}
    assert {file.name for file in out.iterdir()} == files


def test_a_folder_with_other_files_is_refused_and_unchanged(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("thesis", encoding="utf-8")
    with pytest.raises(ModelError, match=r"Received: .*thesis\.txt"):
        train_mood_model(trained / "moods.csv", model="mlp", out=tmp_path, num_repeats=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(ModelError, match=r"Received: .*mlp"):
        train_mood_model(trained / "moods.csv", model="mlp", out=trained / "models", num_repeats=1)


def test_failed_training_does_not_change_the_old_model(trained: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in (trained / "models" / "mlp").iterdir()}
    mood_table(5).to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(DatasetError, match=r"absent\.csv"):
        train_mood_model(tmp_path / "absent.csv", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(DatasetError, match=r"at least 10 songs of each mood\. Received: 5 calm, 5 happy"):
        train_mood_model(tmp_path / "few.csv", model="mlp", out=trained / "models" / "mlp")
    assert {file.name: file.read_bytes() for file in (trained / "models" / "mlp").iterdir()} == before


def test_the_metrics_agree_with_the_predictions_and_the_data(trained: Path) -> None:
    folder = trained / "models" / "mlp"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    assert spec["data_sha256"] == read_labelled_songs(trained / "moods.csv").sha256
    assert spec["moods"] == ["calm", "happy", "energetic", "sad"]
    assert "github.com" not in (folder / "CARD.md").read_text(encoding="utf-8")  # an unknown table has no source
    figures = ["model", "n", "folds", "accuracy", "macro_f1", "macro_f1_std", "per_class", "confusion"]
    assert list(metrics) == [*figures, "calibration_error", "ms_per_song"]
    assert metrics["ms_per_song"] > 0
    assert (metrics["model"], metrics["n"], metrics["folds"]) == ("mlp", 100, 10)
    assert metrics["accuracy"]["mean"] > 0.8
    with np.load(folder / "predictions.npz") as predictions:
        assert set(predictions.files) == {"labels", "probabilities", "repeated_probabilities", "repeated_folds"}
        labels, probabilities = predictions["labels"], predictions["probabilities"]
    assert probabilities.shape == (100, 4)
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    assert metrics["confusion"] == confusion.tolist()
    assert [scores["support"] for scores in metrics["per_class"].values()] == [25, 25, 25, 25]
    for position, mood in enumerate(Mood):
        recall = confusion[position, position] / 25
        assert metrics["per_class"][mood]["recall"] == pytest.approx(recall)


def test_every_repeat_has_other_folds(mood_csv: Path) -> None:
    once, twice = (evaluate_mood_model(mood_csv, model="logistic", num_repeats=repeats) for repeats in (1, 2))
    assert (once.metrics["folds"], twice.metrics["folds"]) == (10, 20)
    np.testing.assert_array_equal(once.probabilities, twice.probabilities)


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_the_card_of_every_bundled_model_has_the_figures_of_its_metrics(name: str) -> None:
    folder = models_dir() / "music" / name
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert f"accuracy {metrics['accuracy']['mean']:.3f} ± {metrics['accuracy']['std']:.3f}" in card
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    if spec["sklearn_version"] == sklearn.__version__:
        assert card == _card(metrics, spec["data_sha256"])
    for phrase in ("no stated licence", "developer policy", "uses to avoid"):
        assert phrase in card
    assert MoodClassifier.load(folder).name == name


def committed(name: str) -> dict[str, Any]:
    """Metrics of a bundled model."""
    metrics: dict[str, Any] = json.loads((models_dir() / "music" / name / "metrics.json").read_text(encoding="utf-8"))
    return metrics


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_the_bundled_predictions_give_the_bundled_metrics(name: str) -> None:
    metrics = committed(name)
    with np.load(models_dir() / "music" / name / "predictions.npz") as file:
        labels, first, probabilities, folds = (
            file[key] for key in ("labels", "probabilities", "repeated_probabilities", "repeated_folds")
        )
    assert probabilities.shape == (5, 686, 4)
    np.testing.assert_array_equal(first, probabilities[0])
    np.testing.assert_allclose(probabilities.sum(axis=2), 1.0, atol=1e-5)
    predicted = probabilities.argmax(axis=2)
    parts = [(repeat, folds[repeat] == fold) for repeat in range(5) for fold in range(10)]
    accuracies = [(predicted[repeat] == labels)[is_test].mean() for repeat, is_test in parts]
    macro_f1s = [f1_score(labels[is_test], predicted[repeat][is_test], average="macro") for repeat, is_test in parts]
    assert metrics["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert metrics["accuracy"]["std"] == pytest.approx(np.std(accuracies))
    assert metrics["macro_f1"] == pytest.approx(np.mean(macro_f1s))
    assert metrics["macro_f1_std"] == pytest.approx(np.std(macro_f1s))
    assert metrics["calibration_error"] == pytest.approx(expected_calibration_error(labels, first))
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (labels, predicted[0]), 1)
    assert metrics["confusion"] == confusion.tolist()


@pytest.mark.parametrize("name", ["mlp", DEFAULT_MOOD_MODEL])
def test_one_repeat_on_the_published_table_gives_the_bundled_predictions(name: str, data_moods: Path) -> None:
    evaluation = evaluate_mood_model(data_moods, model=name, num_repeats=1)
    with np.load(models_dir() / "music" / name / "predictions.npz") as file:
        np.testing.assert_array_equal(evaluation.labels, file["labels"])
        same = evaluation.probabilities.argmax(axis=1) == file["probabilities"].argmax(axis=1)
    # Rounding differs between processors
    assert (~same).sum() <= 7
