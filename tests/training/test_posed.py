import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.calibration import softmax
from emomusic.errors import DatasetError
from emomusic.media.images import encode_png
from emomusic.training.people import Described, Strangers, fit_people, judge_strangers
from emomusic.training.posed import read_posed_faces
from emomusic.training.presets import PRESETS, TrainingConfig
from tests.fakes import FakeDetector, make_face
from tests.lazy import lazy
from tests.tiny_model import Run, Splits

pytestmark = pytest.mark.slow  # trains

train_module = lazy("emomusic.training.train")
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
    monkeypatch.setitem(PRESETS, "test", (stage,))
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
