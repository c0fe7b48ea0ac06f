import json
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, Mood
from emomusic.errors import ModelError, ProfileError
from emomusic.faces import reading
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.people import People, PersonalReader
from emomusic.faces.profile import MAX_BYTES, FaceProfile, learn_classes, learn_profile, nearest_persons
from tests.fakes import FakeClassifier, FakeDetector, describe_apart, make_face, read_pixels

ANYONE = np.eye(7, 8).tolist()
"""An adjustment that changes nothing."""
NAMES = ["glasses", "tongue out", "looking left"]
WRONG_CLASSES = (
    {"moods": {}},
    {"moods": dict.fromkeys([*NAMES, "other"], "calm")},
    {"moods": dict.fromkeys(NAMES, "angry")},
    {"weights": {key: [1000000000.0] for key in NAMES}},
    {"weights": {"glasses": [0.0], "tongue out": [0.0], "looking left": [0.0, 0.0]}},
    {"called": {key: [1, 2] for key in NAMES}},
    {"called": {key: [1, 2, 10**9] for key in NAMES}},
    {"extra": 1},
)


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load()


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 48, 48, 3), np.uint8)


@pytest.fixture
def profile(classifier: EmotionClassifier, faces: np.ndarray) -> FaceProfile:
    shots = {Emotion.NEUTRAL: classifier.describe(faces[:1]), Emotion.HAPPY: classifier.describe(faces[1:3])}
    return learn_profile(shots, np.eye(1, 1024, dtype=np.float32), classifier)


def person(people: People, seed: int) -> tuple[dict[Emotion, np.ndarray], np.ndarray, np.ndarray]:
    """Faces of a person with their own neutral face and weak expressions, of which the network sees nothing; and 40
    more of each emotion."""
    rng, size = np.random.default_rng(seed), people.means.shape[1]
    between, ways = (np.linalg.cholesky(each).T for each in (people.between, people.ways))
    own = people.means[Emotion.NEUTRAL.label] + 0.8 * (people.means - people.means[Emotion.NEUTRAL.label])
    own += 1.5 * rng.normal(size=own.shape) @ ways + 1.5 * rng.normal(size=size) @ between
    y_true = np.repeat(np.arange(7), 40)

    def faces(labels: np.ndarray) -> np.ndarray:
        features = (own[labels] + rng.normal(size=(len(labels), size))) @ np.linalg.pinv(people.directions)
        return np.hstack([np.full((len(labels), 7), np.log(1 / 7)), features])

    return dict(zip(EMOTIONS, faces(np.arange(7)), strict=True)), faces(y_true), y_true


def test_each_further_shot_of_a_person_helps() -> None:
    people, accuracies = People.load("emonet_photo"), []
    for seed in range(5):
        shots, shown, y_true = person(people, seed)
        given = [[Emotion.NEUTRAL], [Emotion.NEUTRAL, Emotion.SAD, Emotion.FEAR, Emotion.ANGRY], list(EMOTIONS)]
        rows = []
        for emotions in given:
            probabilities = PersonalReader(people, {each: shots[each] for each in emotions}, ANYONE).probabilities(
                shown
            )
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
            rows.append((probabilities.argmax(axis=1) == y_true).mean())
        accuracies.append(rows)
    means = np.mean(accuracies, axis=0)
    assert (np.diff(means) > 0.01).all(), means
    assert (means > [0.75, 0.88, 0.97]).all(), means


def test_a_whole_profile_survives(profile: FaceProfile, classifier: EmotionClassifier, faces: np.ndarray) -> None:
    content = profile.to_json()
    assert len(content) <= MAX_BYTES / 2
    again = FaceProfile.from_json(content)
    assert again.shots == {Emotion.NEUTRAL: 1, Emotion.HAPPY: 2}
    again.require_model(classifier)
    for first, second in zip(profile.classify(list(faces)), again.classify(list(faces)), strict=True):
        np.testing.assert_allclose(first.values, second.values, atol=1e-3)
    for change in (
        *({"version": 2}, {"identity": [0.0] * 1024}, {"shots": {"happy": 2}}),
        {"shots": {"neutral": 1, "happy": 10**9}},
        {"shots": {"neutral": 1}, "faces": {"neutral": [1000.0, -1000.0, 0.0, 0.0, 0.0, 0.0, 0.0]}},
        {"faces": {"neutral": [0.0] * 6, "happy": [0.0] * 7}},
    ):
        with pytest.raises(ProfileError, match="expected a face profile"):
            FaceProfile.from_json(json.dumps(json.loads(profile.to_json()) | change).encode())


def test_a_face_is_that_of_a_person_whom_it_resembles_clearly_more_than_the_others() -> None:
    nobody = SimpleNamespace(identity=np.zeros(0))
    known = [nobody, *(SimpleNamespace(identity=row) for row in np.eye(2, dtype=np.float32))]
    assert nearest_persons(np.float32([[0.9, 0.4], [0.71, 0.7], [0.5, 0.1]]), known) == [known[1], None, None]


def recording(seed: int, num_classes: int, *, apart: float, blocks: float) -> dict[str, np.ndarray]:
    """Twenty shots of each class, whose means differ, in four blocks of near copies, which differ too."""
    rng = np.random.default_rng(seed)
    shots = {}
    for name in NAMES[:num_classes]:
        places = apart * rng.normal(size=256) + blocks * rng.normal(size=(4, 256)).repeat(5, axis=0)
        shots[name] = np.hstack([np.zeros((20, 7)), places + 0.01 * rng.normal(size=(20, 256))])
    return shots


@pytest.fixture(scope="module")
def classes(classifier: EmotionClassifier) -> FaceProfile:
    shots = recording(0, 3, apart=0.3, blocks=0.05)
    return learn_classes(shots, dict(zip(NAMES, Mood, strict=False)), classifier)


def test_a_face_read_with_a_profile_is_clear_by_the_threshold_of_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Mock(threshold=0.5, **{"classify_still.return_value": FakeClassifier(share=0.55).probabilities})
    monkeypatch.setattr(reading, "describe_persons", describe_apart)
    monkeypatch.setattr(reading, "nearest_persons", lambda *_: [person, None])
    unclear = FakeClassifier(share=0.55)
    unclear.threshold = 0.6
    image = np.zeros((100, 200, 3), np.uint8)
    found = read_pixels(image, (FakeDetector([make_face(), make_face()]), unclear))
    assert reading._apply_profiles(image, found, [person]).faces.is_sure.tolist() == [True, False]


def test_own_classes_are_learned_and_survive_their_file(classes: FaceProfile, classifier: EmotionClassifier) -> None:
    content = classes.to_json()
    assert len(content) <= MAX_BYTES / 2
    profile = FaceProfile.from_json(content)
    profile.require_model(classifier)
    assert not profile.is_same_person(profile)  # they are of nobody
    again = profile.classes
    assert again.moods == dict(zip(NAMES, Mood, strict=False))
    assert again.called == dict(zip(NAMES, (20 * np.eye(3, dtype=int)).tolist(), strict=True))
    for number, (name, faces) in enumerate(recording(0, 3, apart=0.3, blocks=0.05).items()):
        shares = again.probabilities(faces)
        np.testing.assert_allclose(shares, classes.classes.probabilities(faces), atol=1e-3)
        assert (shares.argmax(axis=1) == number).all(), name


def test_near_copies_of_a_shot_do_not_judge_it(classifier: EmotionClassifier) -> None:
    """Without a difference of the classes, a layer knows the copies that it has seen, and guesses all others."""
    right = []
    for seed in range(5):
        shots = recording(seed, 2, apart=0.0, blocks=0.3)
        learned = learn_classes(shots, dict.fromkeys(shots, Mood.CALM), classifier).classes
        seen = [(learned.probabilities(faces).argmax(axis=1) == row).mean() for row, faces in enumerate(shots.values())]
        assert np.mean(seen) == 1.0
        right.append(np.trace(np.array([*learned.called.values()])) / 40)
    assert np.mean(right) < 0.7, right


def test_foreign_or_damaged_files_of_classes_are_refused(classes: FaceProfile, classifier: EmotionClassifier) -> None:
    saved = json.loads(classes.to_json())
    short = {"classes": saved["classes"] | {"weights": dict.fromkeys(NAMES, [0.0] * 256)}}
    for change in {"model": "vgg9"}, {"model_sha256": "0" * 64}, short:
        with pytest.raises(ProfileError, match="in its present version"):
            FaceProfile.from_json(json.dumps(saved | change).encode()).require_model(classifier)
    with pytest.raises(ModelError, match="can learn a face"):
        People.load("vgg9")
    before = {"format": "emomusic own classes", "version": 1, "model": saved["model"]} | saved["classes"]
    for content in (
        *(saved | {"version": 2}, saved | {"model_sha256": "x"}, saved | {"extra": 1}, saved | {"classes": None}),
        before | {"model_sha256": saved["model_sha256"]},  # as saved before classes and profiles had one file
        *({**saved, "classes": saved["classes"] | change} for change in WRONG_CLASSES),
        *(b"", b"null", b'{"weights": [NaN]}', b" " * (MAX_BYTES + 1)),
    ):
        with pytest.raises(ProfileError, match=r"teach it again|own classes"):
            FaceProfile.from_json(content if isinstance(content, bytes) else json.dumps(content).encode())
