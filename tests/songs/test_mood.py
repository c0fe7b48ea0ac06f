import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from onnx import TensorProto, helper, save_model
from sklearn.preprocessing import FunctionTransformer
from skops.io.exceptions import UntrustedTypesFoundException

from emomusic.affect import Mood
from emomusic.assets import SPEC, models_dir
from emomusic.errors import ModelError
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.mood import MODEL_FILE, MOOD_MODELS, MOODS, MoodClassifier
from emomusic.songs.mood_training import FITTED_FILE, MoodEstimator
from emomusic.songs.playground import NUM_EPOCHS, LabelledSongs, Settings, Training
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURE_NAMES, FEATURES
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.training import read_labelled_songs

from .tables import mood_table, song_table

BUNDLED = models_dir() / "music" / "mlp"
MOST = 1e-6  # difference of probabilities
DEAR = ("ensemble", "gradient_boosting", "random_forest")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A copy of a bundled model, for modification."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "mlp"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in DEAR else ()) for name in MOOD_MODELS]
)
def test_every_model_learns_moods_and_predicts_the_same_after_loading(name: str, tmp_path: Path) -> None:
    mood_table().to_csv(tmp_path / "moods.csv", index=False)
    table = read_labelled_songs(tmp_path / "moods.csv")
    inputs = np.column_stack([table.inputs[:, :-1], np.linspace(100.0, 300.0, len(table.labels))])
    estimator = MoodEstimator(name).fit(inputs, table.labels)
    probabilities = estimator.predict_probabilities(inputs)
    assert probabilities.shape == (len(table.labels), 4)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert (probabilities.argmax(axis=1) == table.labels).mean() > 0.9
    estimator.save(tmp_path / "model", data_sha256=table.checksums[0])
    classifier = estimator.export(tmp_path / "model", inputs)
    assert classifier.name == name
    found = classifier.predict_probabilities(inputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, probabilities, rtol=0, atol=MOST)
    inputs[:, -1] = np.nan
    unknown = classifier.predict_probabilities(inputs)
    inputs[:, -1] = 200  # the median
    np.testing.assert_array_equal(classifier.predict_probabilities(inputs), unknown)


@pytest.mark.parametrize("name", MOOD_MODELS)
def test_an_export_equals_scikit_learn_at_the_edges_and_thresholds_of_a_model(name: str) -> None:
    classifier, estimator = load_both(name)
    rng = np.random.default_rng(0)
    lows, highs = (np.array([getattr(feature, end) for feature in FEATURES.values()]) for end in ("low", "high"))
    songs = np.column_stack([rng.uniform(lows, highs, (300, len(FEATURES))), rng.uniform(1, 900, 300)])
    songs[:100] = songs[:100].round(2)  # equal to thresholds and quantiles
    songs[100:150, :-1] = np.where(rng.random((50, len(FEATURES))) < 0.5, lows, highs)
    songs[150:200, -1] = np.nan
    songs[200:250, FEATURE_NAMES.index("instrumentalness")] = 0
    found, expected = (each.predict_probabilities(songs) for each in (classifier, estimator))
    np.testing.assert_allclose(found, expected, rtol=0, atol=MOST)


@pytest.mark.slow
@pytest.mark.parametrize("name", MOOD_MODELS)
def test_an_export_equals_scikit_learn_for_all_songs_of_the_catalogue(name: str, recommender: Recommender) -> None:
    inputs = recommender.catalogue.inputs
    assert len(inputs) == 81_198
    found, expected = (each.predict_probabilities(inputs) for each in load_both(name))
    np.testing.assert_allclose(found, expected, rtol=0, atol=MOST)


def load_both(name: str) -> tuple[MoodClassifier, MoodEstimator]:
    """A bundled model, and the model of scikit-learn that it was exported from."""
    folder = models_dir() / "music" / name
    return MoodClassifier.load(folder), MoodEstimator.load(folder)


def test_an_export_with_other_probabilities_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = MoodEstimator.load(saved)
    monkeypatch.setattr(estimator, "predict_probabilities", lambda inputs: np.full((len(inputs), 4), 0.25, np.float32))
    with pytest.raises(ModelError, match=r"expected an export with the probabilities of mlp\. Received: a difference"):
        estimator.export(saved, np.full((2, 10), 0.5))


def test_values_outside_the_training_range_are_clipped(classifier: MoodClassifier) -> None:
    songs = np.full((2, 10), 0.5)
    songs[:, FEATURE_NAMES.index("loudness_db")] = (5.9, 5.0)
    probabilities = classifier.predict_probabilities(songs)
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    assert classifier.predict_probabilities(songs[:0]).shape == (0, 4)


def test_the_mood_of_a_table_counts_more_than_valence_and_energy() -> None:
    table = song_table(1).assign(valence=0.9, energy=0.9, tempo_bpm=np.nan, mood="sad")
    assert predict_moods(Catalogue(table)).tolist() == [[float(mood is Mood.SAD) for mood in MOODS]]


def test_a_damaged_or_another_model_and_an_untrusted_type_are_refused(saved: Path) -> None:
    for content in (b"no network", (BUNDLED / MODEL_FILE).read_bytes()[:900]):
        (saved / MODEL_FILE).write_bytes(content)
        with pytest.raises(ModelError, match=r"expected an undamaged mood model.*emomusic train music"):
            MoodClassifier.load(saved)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    other = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "other", values[:1], values[1:])
    save_model(helper.make_model(other, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), saved / MODEL_FILE)
    with pytest.raises(ModelError, match=r"expected a network for moods.*emomusic train music"):
        MoodClassifier.load(saved)
    skops.io.dump(FunctionTransformer(func=shutil.rmtree), saved / FITTED_FILE)
    with pytest.raises(UntrustedTypesFoundException, match="rmtree"):
        MoodEstimator.load(saved)
    path, spec = saved / SPEC, json.loads((saved / SPEC).read_text(encoding="utf-8"))
    shutil.copy(BUNDLED / MODEL_FILE, saved)
    for changes, message in (
        ({"features": list(reversed(FEATURE_NAMES))}, "expected a known model, features and moods"),
        ({"name": "oracle"}, "expected a known model, features and moods"),
        ({"probe": {"probabilities": [0.25, 0.25, 0.25, 0.25]}}, "expected the probabilities"),
    ):
        path.write_text(json.dumps(spec | changes), encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            MoodClassifier.load(saved)
    path.unlink()
    with pytest.raises(ModelError, match=r"No such file.*python -m emomusic train music"):
        MoodClassifier.load(saved)


@pytest.fixture(scope="module")
def songs() -> LabelledSongs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emomusic.songs.playground.find_dataset", lambda _: None)
        return LabelledSongs.load()


def run(songs: LabelledSongs, epochs: int = NUM_EPOCHS, **settings: float) -> Training:
    training = Training(songs, Settings(**settings))  # type: ignore[arg-type]
    training.step(epochs)
    return training


def test_it_learns_from_songs_that_ship_also_in_steps_and_its_settings_count(songs: LabelledSongs) -> None:
    assert songs.are_predicted
    assert np.bincount(songs.labels).tolist() == [170] * len(MOODS)
    assert songs.inputs.shape == (680, 9)
    assert songs.inputs.min() == 0
    assert songs.inputs.max() == 1
    before, *_, after = run(songs).curves
    assert before[2] < 0.6
    assert after[2] > 0.85
    first, second = run(songs), Training(songs, Settings())
    while not second.is_over:
        second.step(7)
    assert second.curves == first.curves
    assert len(first.curves) == NUM_EPOCHS + 1
    second.step()
    assert second.epoch == NUM_EPOCHS
    good, wild, wrong = run(songs), run(songs, rate=1.0), run(songs, wrong=0.5)
    assert wild.curves[-1][1] > 3 * good.curves[-1][1]
    assert wild.curves[-1][2] < 0.7
    gaps = [abs(training.curves[-1][2] - training.curves[-1][0]) for training in (good, wrong)]
    assert gaps[0] < 0.08
    assert gaps[1] > 0.2
