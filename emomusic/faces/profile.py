"""What the app learned of one person's face: a small classifier for the faces that this person pulls.

A face is described by seven numbers, logarithms of the emotions' probabilities. Persons differ in their neutral face,
and in how and how strongly they show each emotion. A Gaussian model of real persons (`models/face/<name>/people.npz`,
written by training, `training.people`) has these differences. A person's shots condition it in closed form, so one
neutral face moves all emotions, and each further shot moves its emotion more. While emotions have no shot, the face is
also read as of anyone, and as the difference from the neutral shot; the difference counts more for persons whose
neutral face lies far from those of known people.

A profile holds numbers only. It is biometric data: the library neither stores nor logs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.assets import DAMAGED_ARRAYS
from emomusic.calibration import adjust_logits, softmax
from emomusic.errors import ModelError, ProfileError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.reading import PictureReading
from emomusic.media.images import RgbImage, crop_face

MAX_BYTES = 64 * 1024
"""Largest profile as JSON. One takes about 8 KB."""

MAX_SHOTS = 20
"""Most pictures of one emotion."""

_SIZE, _IDENTITY_SIZE, _MAX_NUMBER = len(EMOTIONS), 1024, 20.0
_NEUTRAL = Emotion.NEUTRAL.label
_ROUNDS, _LEAST_NEUTRAL = 3, 0.5  # of `estimate_profile`
_ADVICE = "Choose a file that EmoMusic saved, or teach the face again."

Vectors = npt.NDArray[np.float64]
"""Faces as `EmotionClassifier.describe` returns them, shape (n, 7)."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """How the faces of people differ, from persons whom the networks that described them had not met.

    Attributes:
        means: of the emotions, shape (7, 7): the neutral face, and what each emotion adds to one's own.
        between: covariance of the neutral faces of persons, shape (7, 7).
        ways: covariance of what an emotion adds, shape (7, 7).
        within: covariance of the pictures of one person with one emotion, shape (7, 7).
        evidence: factor of the log likelihoods, because the numbers of a face depend on each other.
        reach: distance of a neutral face, in standard deviations, at which only the difference from it counts.
    """

    means: npt.NDArray[np.float64]
    between: npt.NDArray[np.float64]
    ways: npt.NDArray[np.float64]
    within: npt.NDArray[np.float64]
    evidence: float
    reach: float

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
        try:
            with np.load(path, allow_pickle=False) as arrays:
                values = {name: arrays[name].astype(np.float64) for name in cls.__dataclass_fields__}
        except DAMAGED_ARRAYS as error:
            raise ModelError(
                f"expected the numbers of people in {path}. Received: {error}. Restore the file"
            ) from error
        numbers: dict[str, Any] = {name: value if value.ndim else float(value) for name, value in values.items()}
        return cls(**numbers)

    def conditioned(
        self,
        faces: Mapping[Emotion, npt.NDArray[np.float64]],
        counts: Mapping[Emotion, int],
        anyone: Sequence[Sequence[float]],
    ) -> Callable[[Vectors], npt.NDArray[np.float32]]:
        """The probabilities of the emotions, each equally frequent, shape (n, 7), for faces of one person.

        Args:
            faces: mean faces of the person; of neutral, and perhaps of more emotions.
            counts: number of shots of each.
            anyone: the adjustment that reads posed faces of anyone (`ModelSpec.posed_adjustment`).
        """
        num_emotions, size = self.means.shape
        prior = np.zeros((num_emotions, size, num_emotions, size))
        prior += self.between[None, :, None, :]
        for label in range(num_emotions):
            if label != _NEUTRAL:
                prior[label, :, label, :] += self.ways
        covariance, mean = prior.reshape(num_emotions * size, -1), self.means.ravel()
        known = np.concatenate([np.arange(size) + emotion.label * size for emotion in faces])
        seen = np.concatenate(list(faces.values()))
        shots = np.diag([1 / counts[emotion] for emotion in faces])
        gain = np.linalg.solve(covariance[np.ix_(known, known)] + np.kron(shots, self.within), covariance[known]).T
        mean = mean + gain @ (seen - mean[known])
        covariance = covariance - gain @ covariance[known]
        blocks = covariance.reshape(num_emotions, size, num_emotions, size)
        each = np.stack([blocks[label, :, label, :] + self.within for label in range(num_emotions)])
        roots = np.linalg.cholesky(each)
        inverse = np.linalg.inv(roots)
        neutral = faces[Emotion.NEUTRAL]
        apart = neutral - self.means[_NEUTRAL]
        distance = math.sqrt(apart @ np.linalg.solve(self.between + self.within, apart) / size)
        contrast = min(distance / self.reach, 1.0)  # share of the rise from the neutral shot, and not of anyone's faces
        general = (num_emotions - len(faces)) / (num_emotions - 1)  # weight of both, which falls with each shot
        maps, offsets = np.swapaxes(inverse, 1, 2), np.einsum("cij,cj->ci", inverse, mean.reshape(num_emotions, size))
        densities = -np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)  # logarithms, at the centres

        def probabilities(shown: Vectors) -> npt.NDArray[np.float32]:
            distances = ((np.matmul(shown[None], maps) - offsets[:, None]) ** 2).sum(axis=2).T
            rises = np.log(softmax(shown) / softmax(neutral[None]))
            rises[:, _NEUTRAL] = 1.0
            of_anyone = np.log(adjust_logits(softmax(shown), anyone))
            logits = self.evidence * (densities - distances / 2)
            return np.asarray(softmax(logits + general * ((1 - contrast) * of_anyone + contrast * rises)), np.float32)

        return probabilities


def _numbers(_: type, value: object) -> npt.NDArray[np.float64]:
    """Numbers from JSON."""
    return np.array(msgspec.convert(value, list[Annotated[float, msgspec.Meta(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]]))


class FaceProfile(msgspec.Struct, frozen=True, eq=False, kw_only=True, forbid_unknown_fields=True):
    """What the app learned of one person's face. JSON has the same fields.

    Attributes:
        model: the trained model that described the faces.
        model_sha256: checksum of the network. Others describe faces otherwise.
        shots: number of pictures of each emotion; neutral is there.
        faces: their mean, shape (7,), for each emotion of `shots`.
        identity: mean descriptor of the person, shape (1024,), length 1.
    """

    format: Literal["emomusic face profile"] = "emomusic face profile"
    version: Literal[2] = 2
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    shots: dict[Emotion, Annotated[int, msgspec.Meta(ge=1, le=MAX_SHOTS)]]
    faces: dict[Emotion, npt.NDArray[np.float64]]
    identity: npt.NDArray[np.float32]

    def to_json(self) -> bytes:
        """The profile as a file of about 8 KB."""
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

    def shows(self, descriptors: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Whether faces are of this person, by descriptors as from `identity.describe_persons`, shape (n,)."""
        return np.asarray(descriptors @ self.identity >= SAME_PERSON)


def learn_profile(
    crops: Mapping[Emotion, Sequence[RgbImage]], descriptors: npt.NDArray[np.float32], classifier: EmotionClassifier
) -> FaceProfile:
    """Learn the face of one person, in the time that the networks take.

    Args:
        crops: faces of the person by emotion, as from `images.crop_face`; at least one neutral face.
        descriptors: of faces of the person, shape (n, 1024), as from `identity.describe_persons`.
        classifier: the model.

    Raises:
        ProfileError: there is no neutral face, or there are too many faces of an emotion.
        ModelError: the model cannot learn a face.
    """
    counts = {emotion: len(crops[emotion]) for emotion in EMOTIONS if len(crops.get(emotion, ()))}
    if Emotion.NEUTRAL not in counts:
        raise ProfileError("expected a neutral face to learn from. Received: none. Add one")
    if max(counts.values()) > MAX_SHOTS:
        raise ProfileError(
            f"expected at most {MAX_SHOTS} pictures of each emotion. Received: {max(counts.values())}. Remove some"
        )
    People.load(classifier.spec.name)  # report a model that cannot learn
    means = {emotion: classifier.describe(crops[emotion]).mean(axis=0) for emotion in counts}
    return _profile_of(means, counts, descriptors, classifier)


def estimate_profile(
    faces: Vectors, descriptors: npt.NDArray[np.float32], classifier: EmotionClassifier
) -> FaceProfile | None:
    """Estimate the neutral face of a person who was watched for some seconds; a profile as from one neutral shot.

    Args:
        faces: readings of the person, as from `EmotionClassifier.describe`. Most of them should be calm.
        descriptors: as for `learn_profile`.
        classifier: the model.

    Returns:
        The median of the half that is nearest to the median. None if that is rather an emotion to a model that knows
        nothing of the person: somebody who smiles all the time would make all smiles neutral.

    Raises:
        ModelError: the model cannot learn a face.
    """
    calm = np.median(faces, axis=0)
    for _ in range(_ROUNDS):
        nearest = np.argsort(((faces - calm) ** 2).sum(axis=1))[: max(len(faces) // 2, 1)]
        calm = np.median(faces[nearest], axis=0)
    anyone = adjust_logits(softmax(calm[None]), classifier.spec.posed_adjustment)
    if anyone[0, _NEUTRAL] <= _LEAST_NEUTRAL:
        return None
    return _profile_of({Emotion.NEUTRAL: calm}, {Emotion.NEUTRAL: 1}, descriptors, classifier)


def _profile_of(
    faces: Mapping[Emotion, npt.NDArray[np.float64]],
    shots: Mapping[Emotion, int],
    descriptors: npt.NDArray[np.float32],
    classifier: EmotionClassifier,
) -> FaceProfile:
    total = descriptors.mean(axis=0)
    return FaceProfile(
        model=classifier.spec.name,
        model_sha256=classifier.spec.onnx_sha256,
        shots=dict(shots),
        faces=dict(faces),
        identity=np.asarray(total / max(math.sqrt(float(total @ total)), 1e-6), np.float32),
    )


class KnownFace:
    """A profile, ready to classify. Threads may share one instance.

    Attributes:
        profile: the profile.
    """

    def __init__(self, profile: FaceProfile, classifier: EmotionClassifier) -> None:
        """Prepare a profile, in about 10 ms.

        Raises:
            ProfileError: the profile is of another model, or of an older version of it.
            ModelError: the model cannot learn a face.
        """
        name = classifier.spec.name
        people = People.load(name)
        if (profile.model, profile.model_sha256) != (name, classifier.spec.onnx_sha256):
            raise ProfileError(
                f"expected a face profile for {name} in its present version. "
                f"Received: one for {profile.model!r}, perhaps of another version. Teach the face again."
            )
        self.profile, self._classifier = profile, classifier
        self._read = people.conditioned(profile.faces, profile.shots, classifier.spec.posed_adjustment)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities for faces of this person, cropped as by `images.crop_face`."""
        if not crops:
            return []
        return [EmotionProbabilities(row) for row in self._read(self._classifier.describe(crops))]


def apply_profile(image: RgbImage, reading: PictureReading, known: KnownFace) -> PictureReading:
    """The reading of a picture with the probabilities of the known person replaced. Other faces stay as they are."""
    if not reading.faces:
        return reading
    boxes = [each.face.box for each in reading.faces]
    shown = known.profile.shows(describe_persons(image, boxes))
    mine = iter(known.classify([crop_face(image, box) for box, is_shown in zip(boxes, shown, strict=True) if is_shown]))
    faces = tuple(
        replace(each, probabilities=next(mine), is_known=True) if is_shown else each
        for each, is_shown in zip(reading.faces, shown, strict=True)
    )
    return replace(reading, faces=faces)
