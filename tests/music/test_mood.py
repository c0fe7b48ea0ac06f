import json
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from emomusic.affect import Mood
from emomusic.assets import SPEC, models_dir
from emomusic.errors import ModelError
from emomusic.music.catalogue import Catalogue
from emomusic.music.features import FEATURE_NAMES
from emomusic.music.mood import MODEL_FILE, MoodClassifier
from emomusic.music.mood_models import MOOD_MODELS
from emomusic.music.mood_training import read_labelled_songs

BUNDLED = models_dir() / "music" / "mlp"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A copy of a bundled model, for modification."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "mlp"))


def edit_spec(folder: Path, **changes: object) -> None:
    path = folder / SPEC
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_every_model_learns_moods_and_predicts_the_same_after_loading(
    name: str, mood_csv: Path, tmp_path: Path
) -> None:
    table = read_labelled_songs(mood_csv)
    durations_s = np.linspace(100.0, 300.0, len(table))
    classifier = MoodClassifier(name).fit(table.features, table.labels, duration_s=durations_s)
    probabilities = classifier.predict_probabilities(table.features, duration_s=durations_s)
    assert probabilities.shape == (len(table), 4)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert (probabilities.argmax(axis=1) == table.labels).mean() > 0.9
    classifier.save(tmp_path / "model", data_sha256=table.sha256)
    loaded = MoodClassifier.load(tmp_path / "model")
    assert loaded.name == name
    np.testing.assert_array_equal(loaded.predict_probabilities(table.features, duration_s=durations_s), probabilities)
    unknown = classifier.predict_probabilities(table.features[:3])  # is the median duration
    for duration_s in (np.nan, 200.0):
        same = classifier.predict_probabilities(table.features[:3], duration_s=np.full(3, duration_s))
        np.testing.assert_array_equal(unknown, same)


def test_predicting_does_not_reset_the_warning_filters(
    classifier: MoodClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn resets them for each tree."""
    resets: list[bool] = []
    monkeypatch.setattr(warnings, "resetwarnings", lambda: resets.append(True))
    probabilities = classifier.predict_probabilities(np.full((3, len(FEATURE_NAMES)), 0.5))
    assert probabilities.shape == (3, 4)
    assert resets == []


def test_the_bundled_model_predicts_a_sad_and_a_happy_song(catalogue: Catalogue, classifier: MoodClassifier) -> None:
    hurt = catalogue.search("hurt johnny cash")[0]
    kicks = catalogue.search("pumped up kicks")[0]
    rows = np.array([[getattr(track, name) for name in FEATURE_NAMES] for track in (hurt, kicks)])
    durations_s = np.array([hurt.duration_s, kicks.duration_s])
    sad, happy = classifier.predict_probabilities(rows, duration_s=durations_s)
    assert list(Mood)[sad.argmax()] is Mood.SAD
    assert list(Mood)[happy.argmax()] is Mood.HAPPY


def test_values_outside_the_training_range_are_clipped(classifier: MoodClassifier) -> None:
    songs = np.full((2, 9), 0.5)
    songs[:, FEATURE_NAMES.index("loudness_db")] = (5.9, 5.0)
    probabilities = classifier.predict_probabilities(songs)
    np.testing.assert_array_equal(probabilities[0], probabilities[1])


def test_songs_of_another_shape_are_refused_and_none_give_an_empty_array(classifier: MoodClassifier) -> None:
    assert classifier.predict_probabilities(np.zeros((0, 9))).shape == (0, 4)
    for shape in [(9,), (3, 8)]:
        with pytest.raises(ValueError, match=r"features must have shape \(n, 9\)\. Received"):
            classifier.predict_probabilities(np.zeros(shape))
    with pytest.raises(ValueError, match=r"duration_s must have shape \(2,\)\. Received: \(3,\)"):
        classifier.predict_probabilities(np.zeros((2, 9)), duration_s=np.zeros(3))


def test_invalid_arguments_are_value_errors() -> None:
    with pytest.raises(ValueError, match="name must be one of mlp"):
        MoodClassifier("oracle")
    with pytest.raises(ValueError, match="fitted or loaded"):
        MoodClassifier().predict_probabilities(np.zeros((1, 9)))
    with pytest.raises(ValueError, match="labels must contain"):
        MoodClassifier().fit(np.zeros((3, 9)), np.array([0, 1, 2]))


@pytest.mark.parametrize("content", [pickle.dumps([1, 2, 3]), (BUNDLED / MODEL_FILE).read_bytes()[:9000]])
def test_a_pickle_or_a_damaged_model_is_refused(saved: Path, content: bytes) -> None:
    (saved / MODEL_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"expected an undamaged mood model.*emomusic train music"):
        MoodClassifier.load(saved)


def test_a_model_with_an_untrusted_type_is_refused(saved: Path) -> None:
    skops.io.dump(FunctionTransformer(func=shutil.rmtree), saved / MODEL_FILE)
    with pytest.raises(ModelError, match="Untrusted types found"):
        MoodClassifier.load(saved)


@pytest.mark.parametrize("name", [MODEL_FILE, SPEC])
def test_the_error_for_an_absent_model_has_the_training_command(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelError, match=r"No such file.*python -m emomusic train music"):
        MoodClassifier.load(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": list(reversed(FEATURE_NAMES))},
        {"moods": ["calm", "energetic", "happy", "sad"]},
        {"name": "oracle"},
    ],
)
def test_a_model_of_other_features_moods_or_kind_is_refused(saved: Path, changes: dict[str, object]) -> None:
    edit_spec(saved, **changes)
    with pytest.raises(ModelError, match="expected a known model, features and moods"):
        MoodClassifier.load(saved)


def test_a_model_with_other_probabilities_than_when_saved_is_refused(saved: Path, mood_csv: Path) -> None:
    table = read_labelled_songs(mood_csv)
    other = MoodClassifier("mlp").fit(table.features, table.labels)
    spec = (saved / SPEC).read_text(encoding="utf-8")
    other.save(saved, data_sha256=table.sha256)
    (saved / SPEC).write_text(spec, encoding="utf-8")
    with pytest.raises(ModelError, match="expected the probabilities"):
        MoodClassifier.load(saved)


def test_a_model_of_another_scikit_learn_is_used_if_its_probabilities_match(
    saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit_spec(saved, sklearn_version="1.0")
    with caplog.at_level("INFO"):
        MoodClassifier.load(saved)
    assert "saved by scikit-learn 1.0" in caplog.text
