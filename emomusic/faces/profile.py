"""What the app learned of one person's face: how it shows emotions, own classes, or both. Its file has numbers as JSON.

A face is described by the logarithms of the emotions' probabilities and by the features of the network's last layer. A
profile holds such numbers only. It is biometric data: the library neither stores nor logs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.calibration import softmax
from emomusic.errors import ProfileError
from emomusic.faces.classifier import EmotionClassifier, load_classifier
from emomusic.faces.detection import Face
from emomusic.faces.identity import SAME_PERSON
from emomusic.faces.layer import Layer
from emomusic.faces.people import People, PersonalReader, Vectors
from emomusic.media.images import RgbImage
from emomusic.metrics import FloatArray

MAX_BYTES = 64 * 1024
"""Largest file. A profile takes up to 28 KB, and four own classes 12 KB."""

MAX_SHOTS = 20
"""Most pictures of an emotion, and of an own class."""

FEWEST, MOST, LONGEST_NAME = 2, 4, 24
"""Fewest and most classes, and letters of a name."""

_NUM, _MAX_NUMBER, _IDENTITY_SIZE, _ROUNDING = len(EMOTIONS), 100.0, 1024, 0.01
_MARGIN, _STEP = 0.04, 0.05  # the views of `describe_still`, as shares of the side
_LEAD = 0.03  # the cosine of the nearest person over the second, in `nearest_persons`
_ONE_PERSON = 0.88  # cosine of two profiles of one person; 59 of 60 pairs of persons in california have less than 0.83
_BLOCKS = 4  # parts of the shots of a class
_RIDGE = 3.0  # among 1 to 150, it fits a second recording of changed samples best


def _numbers(_: type, value: object) -> FloatArray:
    """Numbers from JSON."""
    return np.array(msgspec.convert(value, list[Annotated[float, msgspec.Meta(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]]))


class OwnClasses(msgspec.Struct, frozen=True, eq=False, kw_only=True, forbid_unknown_fields=True):
    """Two to four own classes, such as "glasses" and "looking left", by their names, which come from anyone.

    Attributes:
        moods: the mood of the songs that a class starts.
        weights: the weights of the features of the network, shape (features + 1,); the last one is the constant.
        called: how many shots of a class each class was called for, by layers that had not learned from these shots.
    """

    moods: dict[str, Mood]
    weights: dict[str, npt.NDArray[np.float64]]
    called: dict[str, list[Annotated[int, msgspec.Meta(ge=0, le=MAX_SHOTS)]]]

    def __post_init__(self) -> None:
        names = [*self.moods]
        check_names(names)
        if not names == [*self.weights] == [*self.called] or len({row.shape for row in self.weights.values()}) > 1:
            raise ValueError("a class has too few or too many numbers")
        if any(len(row) != len(names) or not sum(row) for row in self.called.values()):
            raise ValueError("a class has no shots, or is called by other names")

    def probabilities(self, faces: Vectors) -> FloatArray:
        """The probabilities of the classes, shape (n, classes)."""
        weights = np.stack([*self.weights.values()], axis=1)
        return softmax(Layer(weights[:-1], weights[-1]).scores(faces[:, _NUM:]))


def check_names(names: list[str]) -> None:
    """Raise a `ProfileError` unless there are two to four different names that can be shown."""
    are_clear = all(name.isprintable() and 0 < len(name.strip()) <= LONGEST_NAME for name in names)
    if not (FEWEST <= len({name.casefold() for name in names}) == len(names) <= MOST and are_clear):
        raise ProfileError(
            f"expected two to four different names of up to {LONGEST_NAME} letters for own classes. "
            f"Received: {len(names)}. Change the names"
        )


class FaceProfile(
    msgspec.Struct, frozen=True, eq=False, kw_only=True, forbid_unknown_fields=True, weakref=True, dict=True
):
    """What the app learned of one person's face. JSON has the same fields. Threads may share one instance.

    Attributes:
        model: the trained model that described the faces.
        model_sha256: checksum of the network. Others describe faces otherwise.
        shots: number of pictures of each emotion; neutral is there. Empty if own classes alone were learned.
        faces: their mean, as one of `Vectors`, for each emotion of `shots`.
        identity: mean descriptor of the person, shape (1024,), length 1; empty without `shots`.
        classes: own classes; None if emotions alone were learned.
    """

    format: Literal["emomusic face profile"] = "emomusic face profile"
    version: Literal[3] = 3
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    shots: dict[Emotion, Annotated[int, msgspec.Meta(ge=1, le=MAX_SHOTS)]] = {}
    faces: dict[Emotion, npt.NDArray[np.float64]] = {}
    identity: npt.NDArray[np.float64] = msgspec.field(default_factory=lambda: np.zeros(0))
    classes: OwnClasses | None = None

    def __post_init__(self) -> None:
        if self.shots.keys() != self.faces.keys() or (Emotion.NEUTRAL in self.shots) != bool(self.shots):
            raise ValueError("a face for each counted emotion, and a neutral one, are needed")
        if not self.shots and self.classes is None:
            raise ValueError("faces or own classes are needed")
        size = _IDENTITY_SIZE if self.shots else 0
        if len({face.shape for face in self.faces.values()}) > 1 or self.identity.shape != (size,):
            raise ValueError("a face or the descriptor has too few or too many numbers")
        if self.shots and abs(np.linalg.norm(self.identity) - 1) > _ROUNDING:
            raise ValueError("the descriptor has another length than 1")

    def to_json(self) -> bytes:
        """A file of these numbers."""
        return msgspec.json.encode(self, enc_hook=lambda numbers: numbers.round(5).tolist())

    @classmethod
    def from_json(cls, content: bytes) -> FaceProfile:
        """The content of a file, which may come from anyone.

        Raises:
            ProfileError: the file is of another kind or version, damaged, or too large.
        """
        try:
            if len(content) > MAX_BYTES:
                raise ValueError(f"at most {MAX_BYTES // 1024} KB")
            return msgspec.json.decode(content, type=cls, dec_hook=_numbers)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ProfileError(
                f"expected a face profile. Received: another, an older or a damaged file ({reason}). "
                "Choose a file that EmoMusic saved, or teach it again."
            ) from error

    def require_model(self, classifier: EmotionClassifier) -> People:
        """The numbers of people of the network that described the faces.

        Raises:
            ProfileError: it is another network, or one with more or fewer features.
            ModelError: the model cannot learn faces.
        """
        people, spec = People.load(classifier.spec.name), classifier.spec
        sizes = {len(face) - _NUM for face in self.faces.values()}
        if self.classes is not None:
            sizes |= {len(weights) - 1 for weights in self.classes.weights.values()}
        if (spec.name, spec.onnx_sha256, {len(people.directions)}) != (self.model, self.model_sha256, sizes):
            raise ProfileError(
                f"expected a face profile for {spec.name} in its present version. "
                f"Received: one for {self.model!r}, perhaps of another version. Teach it again."
            )
        return people

    def is_same_person(self, other: FaceProfile) -> bool:
        """Whether another profile is of the same person. Own classes alone belong to no person."""
        return bool(self.shots and other.shots) and float(self.identity @ other.identity) >= _ONE_PERSON

    @property
    def threshold(self) -> float:
        """As in `ModelSpec`: a person's faces are read as posed ones."""
        return load_classifier(self.model).spec.posed_threshold

    @cached_property
    def _reader(self) -> PersonalReader:
        """Takes about 10 ms. Raises as `require_model`."""
        classifier = load_classifier(self.model)
        return PersonalReader(self.require_model(classifier), self.faces, classifier.spec.posed_adjustment)

    def classify_still(self, image: RgbImage, face: Face) -> EmotionProbabilities:
        """Probabilities for a face of this person on a picture that does not move, from seven views."""
        described = describe_still(image, face, load_classifier(self.model))
        return EmotionProbabilities(self._reader.probabilities(described[None])[0])

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities for faces of this person, cropped as by `images.crop_face`."""
        if not crops:
            return []
        described = load_classifier(self.model).describe(crops)
        return [EmotionProbabilities(row) for row in self._reader.probabilities(described)]


def learn_profile(
    faces: Mapping[Emotion, Vectors], descriptors: npt.NDArray[np.float32], classifier: EmotionClassifier
) -> FaceProfile:
    """Learn the face of one person.

    Args:
        faces: the faces of the person by emotion, as from `EmotionClassifier.describe` or `describe_still`; at least
            one neutral face.
        descriptors: the descriptors of faces of the person, shape (n, 1024), as from `identity.describe_persons`.
        classifier: the model.

    Raises:
        ProfileError: there is no neutral face, or there are too many faces of an emotion.
        ModelError: the model cannot learn a face.
    """
    counts = {emotion: len(faces[emotion]) for emotion in EMOTIONS if len(faces.get(emotion, ()))}
    if Emotion.NEUTRAL not in counts:
        raise ProfileError("expected a neutral face to learn from. Received: none. Add one")
    if max(counts.values()) > MAX_SHOTS:
        raise ProfileError(
            f"expected at most {MAX_SHOTS} pictures of each emotion. Received: {max(counts.values())}. Remove some"
        )
    People.load(classifier.spec.name)  # report a model that cannot learn
    total = descriptors.mean(axis=0, dtype=np.float64)
    return FaceProfile(
        model=classifier.spec.name,
        model_sha256=classifier.spec.onnx_sha256,
        shots=counts,
        faces={emotion: np.mean(faces[emotion], axis=0) for emotion in counts},
        identity=total / max(np.linalg.norm(total), 1e-6),
    )


def learn_classes(
    shots: Mapping[str, Vectors], moods: Mapping[str, Mood], classifier: EmotionClassifier
) -> FaceProfile:
    """Learn own classes, and judge them.

    Neighbouring shots are near copies. So the shots of a class are four blocks in the order of time. The layer that
    judges a block learned neither from it nor from the neighbouring shots.

    Args:
        shots: at least eight faces of each class in the order of time.
        moods: the mood of each class.
        classifier: the model. Raises a `ModelError` if it cannot learn faces.
    """
    features = np.concatenate([rows[:, _NUM:] for rows in shots.values()])
    wanted = np.repeat(np.eye(len(shots)), [len(rows) for rows in shots.values()], axis=0)
    blocks = np.concatenate([np.arange(len(rows)) * _BLOCKS // len(rows) for rows in shots.values()])
    options = {"scale": People.load(classifier.spec.name).scale, "ridge": _RIDGE}
    called = np.zeros((len(shots), len(shots)))
    for block in range(_BLOCKS):
        out = blocks == block
        far = np.convolve(out, np.ones(3), "same") == 0
        answers = Layer.fit(features[far], wanted[far], **options).scores(features[out])
        called += wanted[out].T @ np.eye(len(shots))[answers.argmax(axis=1)]
    layer = Layer.fit(features, wanted, **options)
    classes = OwnClasses(
        moods={name: moods[name] for name in shots},
        weights=dict(zip(shots, np.vstack([layer.weights, layer.constants]).T, strict=True)),
        called=dict(zip(shots, called.astype(int).tolist(), strict=True)),
    )
    return FaceProfile(model=classifier.spec.name, model_sha256=classifier.spec.onnx_sha256, classes=classes)


def describe_still(image: RgbImage, face: Face, classifier: EmotionClassifier) -> npt.NDArray[np.float64]:
    """A face of a picture as `EmotionClassifier.describe` returns it, the mean of seven views.

    The views are the box, wider, closer, and moved in four directions.
    """
    box, step = face.box, round(_STEP * max(face.box.width, face.box.height))
    moved = [replace(box, x=box.x + x, y=box.y + y) for x, y in ((-step, 0), (step, 0), (0, -step), (0, step))]
    views = [face.crop(image, margin) for margin in (0.0, _MARGIN, -_MARGIN)]
    views += [replace(face, box=other).crop(image) for other in moved]
    return np.asarray(classifier.describe(views).mean(axis=0))


def nearest_persons(descriptors: npt.NDArray[np.float32], profiles: Sequence[FaceProfile]) -> list[FaceProfile | None]:
    """The profile of the person of each face; None if it is none of these persons, or as much like two of them.

    Args:
        descriptors: the descriptors of the faces, shape (n, 1024), as from `identity.describe_persons`.
        profiles: those of persons, in any order. Own classes alone belong to no person.
    """
    persons = [profile for profile in profiles if len(profile.identity)]
    none = np.full((len(descriptors), 2), -1.0)  # so that there are a first and a second one
    cosines = np.column_stack([*(descriptors @ person.identity for person in persons), none])
    second, first = np.sort(cosines)[:, -2:].T
    is_clear = (first >= SAME_PERSON) & (first - second >= _LEAD)
    return [persons[row] if clear else None for row, clear in zip(cosines.argmax(axis=1), is_clear, strict=True)]
