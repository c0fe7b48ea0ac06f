import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import StratifiedKFold

from emomusic.affect import Mood
from emomusic.assets import find_dataset, models_dir, sha256_of
from emomusic.errors import DatasetError, ModelError
from emomusic.songs import training
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MOOD_MODELS, SEED, MoodClassifier
from emomusic.songs.mood_training import MoodEstimator
from emomusic.songs.training import NUM_FOLDS, mood_card, read_labelled_songs, train_mood_model

from .tables import mood_table

pytestmark = pytest.mark.slow  # trains


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_mood_labels_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    # Sad is first, so numbering by appearance or alphabet would give other labels
    table = mood_table(3).iloc[::-1].assign(length=np.arange(12) * 10_000)
    table.to_csv(tmp_path / "moods.csv", index=False)
    songs = read_labelled_songs(tmp_path / "moods.csv")
    np.testing.assert_array_equal(songs.labels, [list(Mood).index(Mood(word.lower())) for word in table["mood"]])
    np.testing.assert_array_equal(songs.inputs[:, -1], 10 * np.arange(12))
    np.testing.assert_allclose(songs.inputs[:, 0], table["danceability"])
    assert songs.checksums[0] == sha256_of(tmp_path / "moods.csv")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("mood", "Bored", ".*calm, happy, energetic, sad.*none of Song 1, Artist 1"),
        ("mood", None, ".*calm, happy, energetic, sad.*none of Song 1, Artist 1"),
        ("tempo", -1, ".*tempo_bpm of 1 row emptied: expected 0 to 300. Received: '-1' in row 6"),
    ],
)
def test_a_wrong_label_or_number_is_refused_by_row(tmp_path: Path, column: str, value: object, rule: str) -> None:
    table = mood_table(2).astype({column: object})
    table.loc[5, column] = value
    table.to_csv(tmp_path / "moods.csv", index=False)
    with pytest.raises(DatasetError, match=rf"moods.csv[,:] {rule}"):
        read_labelled_songs(tmp_path / "moods.csv")
    table.drop(columns=column).to_csv(tmp_path / "moods.csv", index=False)
    with pytest.raises(DatasetError, match=rf"moods.csv.*(?:Received: no |Missing audio features: ){column}"):
        read_labelled_songs(tmp_path / "moods.csv")


@pytest.fixture(scope="module", autouse=True)
def one_repeat() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "NUM_REPEATS", 1)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    mood_table().to_csv(folder / "moods.csv", index=False)
    train_mood_model(folder / "moods.csv", model="logistic", out=folder / "models" / "logistic")
    return folder


def test_training_again_replaces_the_model(trained: Path) -> None:
    out = trained / "models" / "logistic"
    (out / "drafts-old").mkdir()
    (out / "CARD.md").write_text("older version", encoding="utf-8")
    metrics = train_mood_model(trained / "moods.csv", model="logistic", out=out)
    assert [folder.name for folder in (trained / "models").iterdir()] == ["logistic"]
    assert "older" not in (out / "CARD.md").read_text(encoding="utf-8")
    assert read_json(out / "metrics.json") == metrics
    files = {"model.onnx", "model.skops", "spec.json", "metrics.json", "predictions.npz", "CARD.md"}
    assert {file.name for file in out.iterdir()} == files


def test_failed_training_does_not_change_the_old_model(trained: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in (trained / "models" / "logistic").iterdir()}
    mood_table(5).to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(DatasetError, match=r"absent\.csv"):
        train_mood_model(tmp_path / "absent.csv", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(DatasetError, match=r"at least 10 songs of each mood\. Received: 5 calm, 5 happy"):
        train_mood_model(tmp_path / "few.csv", model="logistic", out=trained / "models" / "logistic")
    with pytest.raises(ModelError, match=r"Received: .*logistic"):
        train_mood_model(trained / "moods.csv", model="logistic", out=trained / "models")
    assert {file.name: file.read_bytes() for file in (trained / "models" / "logistic").iterdir()} == before


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_the_card_of_every_bundled_model_has_the_figures_of_its_metrics(name: str) -> None:
    folder = models_dir() / "music" / name
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    spec = read_json(folder / "spec.json")
    if spec["sklearn_version"] == sklearn.__version__:
        assert card == mood_card(read_json(folder / "metrics.json"), spec["data_sha256"])
    assert "no stated licence" in card
    assert MoodClassifier.load(folder).name == name


@pytest.mark.parametrize("name", ["mlp", DEFAULT_MOOD_MODEL])
def test_a_fold_of_the_published_table_gives_the_bundled_predictions(name: str) -> None:
    if (path := find_dataset("music/data_moods.csv") or find_dataset("data_moods.csv")) is None:
        pytest.skip("needs data_moods.csv in $EMOMUSIC_DATA or data/")
    songs = read_labelled_songs(path)
    with np.load(models_dir() / "music" / name / "predictions.npz") as file:
        labels, folds, expected = file["labels"], file["repeated_folds"][0], file["probabilities"]
    np.testing.assert_array_equal(songs.labels, labels)
    _, tests = zip(*StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=SEED).split(labels, labels), strict=True)
    assert [np.flatnonzero(folds == fold).tolist() for fold in range(NUM_FOLDS)] == [test.tolist() for test in tests]
    estimator = MoodEstimator(name).fit(songs.inputs[folds != 0], labels[folds != 0])
    found = estimator.predict_probabilities(songs.inputs[folds == 0])
    differ = found.argmax(axis=1) != expected[folds == 0].argmax(axis=1)
    assert differ.sum() <= 1  # rounding differs between processors
