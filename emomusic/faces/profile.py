"""What the app learned of one person's face: a small classifier for the faces that this person pulls.

A face is described by the logarithms of the emotions' probabilities and by the features of the network's last layer.
Persons differ in their neutral face, and in how and how strongly they show each emotion. A Gaussian model of real
persons in a few directions of the features (`models/face/<name>/people.npz`, `training.people`) has these differences,
and a person's shots condition it in closed form. Its log densities are added to what the network says of anyone, with a
small weight, so that few shots cannot spoil what it reads well. With a shot of every emotion, the last layer of the
network is adapted to them, too.

A profile holds numbers only. It is biometric data: the library neither stores nor logs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.calibration import adjust_logits, softmax
from emomusic.errors import ModelError, ProfileError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.reading import PictureReading
from emomusic.media.images import Box, RgbImage, crop_face

MAX_BYTES = 64 * 1024
"""Largest profile as JSON. One takes up to 25 KB."""

MAX_SHOTS = 20
"""Most pictures of one emotion."""

_SIZE, _IDENTITY_SIZE, _MAX_NUMBER = len(EMOTIONS) + 256, 1024, 100.0
_NEUTRAL = Emotion.NEUTRAL.label
_CALM, _EXPECTED_LEAD = 0.25, 0.5  # share of what the lead of neutral on the neutral shot has too much
_OF_ALL = 0.25  # weight of all shots in the densities; more makes some persons' readings worse than without a profile
_RIDGE, _CONSTANT_RIDGE = 15.0, 0.15  # of the adapted layer
_MARGIN, _STEP = 0.04, 0.05  # of the views of `describe_still`, as shares of the side
_LEAD = 0.03  # of the cosine of the nearest person over the second, in `nearest_persons`
_ONE_PERSON = 0.88  # cosine of two profiles of one person; 59 of 60 pairs of persons in california have less than 0.83
_ADVICE = "Choose a file that EmoMusic saved, or teach the face again."

Vectors = npt.NDArray[np.float64]
"""Faces as `EmotionClassifier.describe` returns them, shape (n, 7 + features)."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """How the faces of people differ, in directions of the features that tell persons and emotions apart.

    Attributes:
        directions: from features to numbers whose deviation between pictures of one face is 1, shape (features, d).
        means: of the emotions, shape (7, d): the neutral face, and what each emotion adds to one's own.
        between: covariance of the neutral faces of persons, shape (d, d).
        ways: covariance of what an emotion adds, shape (d, d).
        scale: deviation of a feature between pictures of one face.
        evidence: factor of the log densities, because the numbers of a face depend on each other.
    """

    directions: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    between: npt.NDArray[np.float64]
    ways: npt.NDArray[np.float64]
    scale: float
    evidence: float

    @classmethod
    def load(cls, model: str) -> People:
        """The numbers of a trained model.

        Raises:
            ModelError: there is no such model, it cannot learn a face, or its numbers are damaged.
        """
        path = model_files.model_folder(model) / model_files.PEOPLE
        if not path.is_file():
            raise ModelError(
                f"expected a model that can learn a face, such as {model_files.DEFAULT_MODEL}. "
                f"Received: {model}. Choose another model"
            )
        with model_files.readable("the numbers of people", path), np.load(path, allow_pickle=False) as arrays:
            # [()] makes a number of an array without axes
            return cls(**{name: arrays[name].astype(np.float64)[()] for name in cls.__dataclass_fields__})

    def conditioned(
        self, faces: Mapping[Emotion, npt.NDArray[np.float64]], anyone: Sequence[Sequence[float]]
    ) -> Callable[[Vectors], npt.NDArray[np.float32]]:
        """The probabilities of the emotions, each equally frequent, shape (n, 7), for faces of one person.

        Args:
            faces: mean faces of the person; of neutral, and perhaps of more emotions.
            anyone: the adjustment that reads posed faces of anyone (`ModelSpec.posed_adjustment`).
        """
        num_emotions = len(EMOTIONS)

        def general(shown: Vectors) -> npt.NDArray[np.float64]:
            return np.asarray(np.log(adjust_logits(np.exp(shown[:, :num_emotions]), anyone)))

        density, of_neutral = self._densities(faces), self._densities({Emotion.NEUTRAL: faces[Emotion.NEUTRAL]})
        neutral = general(faces[Emotion.NEUTRAL][None])[0]
        lead = neutral[_NEUTRAL] - np.delete(neutral, _NEUTRAL).max()
        adapt = self._adapted(faces, general) if len(faces) == num_emotions else None

        def probabilities(shown: Vectors) -> npt.NDArray[np.float32]:
            scores = general(shown)
            if adapt is None:
                scores[:, _NEUTRAL] -= _CALM * (lead - _EXPECTED_LEAD)
            else:
                scores += adapt(shown)
            evidence = _OF_ALL * density(shown) + (1 - _OF_ALL) * of_neutral(shown)
            return np.asarray(softmax(scores + self.evidence * evidence), np.float32)

        return probabilities

    def _densities(self, faces: Mapping[Emotion, npt.NDArray[np.float64]]) -> Callable[[Vectors], Vectors]:
        """The log density of each emotion, shape (n, 7), for faces of a person with these faces."""
        num_emotions, size = self.means.shape
        prior = np.zeros((num_emotions, size, num_emotions, size))
        prior += self.between[None, :, None, :]
        for label in range(num_emotions):
            if label != _NEUTRAL:
                prior[label, :, label, :] += self.ways
        covariance, mean = prior.reshape(num_emotions * size, -1), self.means.ravel()
        known = np.concatenate([np.arange(size) + emotion.label * size for emotion in faces])
        seen = np.concatenate([face[num_emotions:] @ self.directions for face in faces.values()])
        gain = np.linalg.solve(covariance[np.ix_(known, known)] + np.eye(len(known)), covariance[known]).T
        mean = (mean + gain @ (seen - mean[known])).reshape(num_emotions, size)
        blocks = (covariance - gain @ covariance[known]).reshape(num_emotions, size, num_emotions, size)
        roots = np.linalg.cholesky(np.stack([blocks[each, :, each, :] + np.eye(size) for each in range(num_emotions)]))
        constants = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        inverse = np.linalg.inv(roots)

        def densities(shown: Vectors) -> Vectors:
            apart = (shown[:, num_emotions:] @ self.directions)[:, None] - mean
            distances = (np.einsum("cij,ncj->nci", inverse, apart) ** 2).sum(axis=2)
            return np.asarray(-distances / 2 - constants)

        return densities

    def _adapted(
        self, faces: Mapping[Emotion, npt.NDArray[np.float64]], general: Callable[[Vectors], Vectors]
    ) -> Callable[[Vectors], Vectors]:
        """What to add to the scores of anyone: multinomial logistic regression on the faces, with those as offset."""
        from scipy.optimize import minimize

        shots, labels = np.stack(list(faces.values())), [emotion.label for emotion in faces]
        features, count = shots[:, len(EMOTIONS) :] / self.scale, len(labels)
        centre, offset, wanted = features.mean(axis=0), general(shots), np.eye(len(EMOTIONS))[labels]
        products = (features - centre) @ (features - centre).T  # the layer is a sum of shots

        def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            weights, constants = flat[:-7].reshape(count, -1), flat[-7:]
            answers = softmax(offset + products @ weights + constants)
            wrong, pulled = answers - wanted, products @ weights
            value = -np.log(answers[wanted > 0].clip(1e-300)).sum() + _RIDGE * (weights * pulled).sum()
            gradient = products @ wrong + 2 * _RIDGE * pulled
            constant_gradient = wrong.sum(axis=0) + 2 * _CONSTANT_RIDGE * constants
            value += _CONSTANT_RIDGE * float(constants @ constants)
            return float(value), np.concatenate([gradient.ravel(), constant_gradient])

        found = minimize(loss, np.zeros(7 * count + 7), jac=True, method="L-BFGS-B").x
        layer = (features - centre).T @ found[:-7].reshape(count, -1)
        return lambda shown: (shown[:, len(EMOTIONS) :] / self.scale - centre) @ layer + found[-7:]


def _numbers(_: type, value: object) -> npt.NDArray[np.float64]:
    """Numbers from JSON."""
    return np.array(msgspec.convert(value, list[Annotated[float, msgspec.Meta(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]]))


class FaceProfile(msgspec.Struct, frozen=True, eq=False, kw_only=True, forbid_unknown_fields=True):
    """What the app learned of one person's face. JSON has the same fields.

    Attributes:
        model: the trained model that described the faces.
        model_sha256: checksum of the network. Others describe faces otherwise.
        shots: number of pictures of each emotion; neutral is there.
        faces: their mean, as one of `Vectors`, for each emotion of `shots`.
        identity: mean descriptor of the person, shape (1024,), length 1.
    """

    format: Literal["emomusic face profile"] = "emomusic face profile"
    version: Literal[3] = 3
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    shots: dict[Emotion, Annotated[int, msgspec.Meta(ge=1, le=MAX_SHOTS)]]
    faces: dict[Emotion, npt.NDArray[np.float64]]
    identity: npt.NDArray[np.float32]

    def to_json(self) -> bytes:
        """The profile as a file of up to 25 KB."""
        rounded = msgspec.structs.replace(
            self,
            faces={emotion: face.round(4) for emotion, face in self.faces.items()},
            identity=self.identity.astype(np.float64).round(5),
        )
        return msgspec.json.encode(rounded, enc_hook=np.ndarray.tolist)

    @classmethod
    def from_json(cls, content: bytes) -> FaceProfile:
        """The profile in a file, which may come from anyone.

        Raises:
            ProfileError: the file is no profile, damaged, too large, or of another version.
        """
        if len(content) > MAX_BYTES:
            raise ProfileError(
                f"expected a face profile of at most {MAX_BYTES // 1024} KB. Received: a larger file. {_ADVICE}"
            )
        try:
            stored = msgspec.json.decode(content, type=cls, dec_hook=_numbers)
            if Emotion.NEUTRAL not in stored.shots or stored.shots.keys() != stored.faces.keys():
                raise ValueError("a face for each counted emotion, and a neutral one, are needed")
            if {face.shape for face in stored.faces.values()} != {(_SIZE,)} or stored.identity.shape != (
                _IDENTITY_SIZE,
            ):
                raise ValueError("a face or the descriptor has too few or too many numbers")
            length = float(np.linalg.norm(stored.identity))
            if not 0.9 < length < 1.1:
                raise ValueError("the descriptor has another length than 1")
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ProfileError(
                f"expected a face profile. Received: another, an older or a damaged file ({reason}). {_ADVICE}"
            ) from error
        return msgspec.structs.replace(stored, identity=np.asarray(stored.identity / length, np.float32))

    def is_same_person(self, other: FaceProfile) -> bool:
        """Whether another profile is of the same person."""
        return float(self.identity @ other.identity) >= _ONE_PERSON


def learn_profile(
    faces: Mapping[Emotion, Vectors], descriptors: npt.NDArray[np.float32], classifier: EmotionClassifier
) -> FaceProfile:
    """Learn the face of one person.

    Args:
        faces: of the person by emotion, as from `EmotionClassifier.describe` or `describe_still`; at least one neutral
            face.
        descriptors: of faces of the person, shape (n, 1024), as from `identity.describe_persons`.
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
    total = descriptors.mean(axis=0)
    return FaceProfile(
        model=classifier.spec.name,
        model_sha256=classifier.spec.onnx_sha256,
        shots=counts,
        faces={emotion: np.mean(faces[emotion], axis=0) for emotion in counts},
        identity=np.asarray(total / max(math.sqrt(float(total @ total)), 1e-6), np.float32),
    )


class KnownFace:
    """A profile, ready to classify. Threads may share one instance.

    Attributes:
        profile: the profile.
        name: of the person, for people.
        picture: of the person as JPEG, of about 100 pixels; empty without one.
    """

    def __init__(
        self, profile: FaceProfile, classifier: EmotionClassifier, name: str = "", picture: bytes = b""
    ) -> None:
        """Prepare a profile, in about 10 ms.

        Raises:
            ProfileError: the profile is of another model, or of an older version of it.
            ModelError: the model cannot learn a face.
        """
        model = classifier.spec.name
        people = People.load(model)
        if (profile.model, profile.model_sha256) != (model, classifier.spec.onnx_sha256):
            raise ProfileError(
                f"expected a face profile for {model} in its present version. "
                f"Received: one for {profile.model!r}, perhaps of another version. Teach the face again."
            )
        self.profile, self.name, self.picture, self._classifier = profile, name, picture, classifier
        self._read = people.conditioned(profile.faces, classifier.spec.posed_adjustment)

    def classify_still(self, image: RgbImage, box: Box) -> EmotionProbabilities:
        """Probabilities for a face of this person on a picture that does not move, from seven views."""
        return EmotionProbabilities(self._read(describe_still(image, box, self._classifier)[None])[0])

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities for faces of this person, cropped as by `images.crop_face`."""
        if not crops:
            return []
        return [EmotionProbabilities(row) for row in self._read(self._classifier.describe(crops))]


def describe_still(image: RgbImage, box: Box, classifier: EmotionClassifier) -> npt.NDArray[np.float64]:
    """A face of a picture as `EmotionClassifier.describe` returns it, the mean of seven views.

    The views are the box, wider, closer, and moved in four directions.
    """
    step = round(_STEP * max(box.width, box.height))
    moved = [replace(box, x=box.x + x, y=box.y + y) for x, y in ((-step, 0), (step, 0), (0, -step), (0, step))]
    crops = [crop_face(image, box, margin=margin) for margin in (0.0, _MARGIN, -_MARGIN)]
    return np.asarray(classifier.describe([*crops, *(crop_face(image, each) for each in moved)]).mean(axis=0))


def nearest_persons(descriptors: npt.NDArray[np.float32], known: Sequence[KnownFace]) -> list[KnownFace | None]:
    """The person of each face; None if it is none of these persons, or as much like two of them.

    Args:
        descriptors: of the faces, shape (n, 1024), as from `identity.describe_persons`.
        known: persons, in any order.
    """
    if not known:
        return [None] * len(descriptors)
    cosines = descriptors @ np.stack([person.profile.identity for person in known]).T
    found: list[KnownFace | None] = []
    for row in cosines:
        nearest, second = np.argsort(-row)[0], np.sort([-1.0, *row])[-2]
        is_clear = row[nearest] >= SAME_PERSON and row[nearest] - second >= _LEAD
        found.append(known[int(nearest)] if is_clear else None)
    return found


def apply_profiles(image: RgbImage, reading: PictureReading, known: Sequence[KnownFace]) -> PictureReading:
    """The reading of a picture with the probabilities of known persons replaced. Other faces stay as they are."""
    faces = reading.faces
    if not faces or not known:
        return reading
    shares, is_known = faces.shares.copy(), faces.is_known.copy()
    persons = nearest_persons(describe_persons(image, faces.boxes), known)
    for row, (person, box) in enumerate(zip(persons, faces.boxes, strict=True)):
        if person is not None:
            shares[row], is_known[row] = person.classify_still(image, box).values, True
    return replace(reading, faces=replace(faces, shares=shares, is_known=is_known))
