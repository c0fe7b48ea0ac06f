"""How people differ, and how this helps to read the faces that one person pulls.

A Gaussian model of real persons in a few directions of the features (`models/face/<name>/people.npz`,
`training.people`) tells how their neutral faces differ, and how they show each emotion. A person's shots condition it
in closed form. Its log densities are added to what the network says of anyone, with a small weight, so that few shots
cannot spoil what it reads well. With a shot of every emotion, the last layer of the network is adapted to them, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion
from emomusic.calibration import adjust_logits, softmax
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.layer import Layer

_NUM, _NEUTRAL = len(EMOTIONS), Emotion.NEUTRAL.label
_CALM, _EXPECTED_LEAD = 0.25, 0.5  # share of what the lead of neutral on the neutral shot has too much
_OF_ALL = 0.25  # weight of all shots in the densities; more makes some persons' readings worse than without a profile
_RIDGE = 15.0  # the penalty of the adapted layer

Vectors = npt.NDArray[np.float64]
"""Faces as `EmotionClassifier.describe` returns them, shape (n, 7 + features)."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """How the faces of people differ, in directions of the features that tell persons and emotions apart.

    Attributes:
        directions: shape (features, d), from features to numbers whose deviation between pictures of one face is 1.
        means: the means of the emotions, shape (7, d): the neutral face, and what each emotion adds to one's own.
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

    def densities(self, faces: Mapping[Emotion, Vectors], shown: Vectors) -> Vectors:
        """The log density of each emotion, shape (n, 7), for faces of a person with these mean faces."""
        size = self.means.shape[1]
        shows = np.diag(np.arange(_NUM) != _NEUTRAL).astype(float)  # one way for each emotion but neutral
        covariance = np.kron(np.ones((_NUM, _NUM)), self.between) + np.kron(shows, self.ways)
        known = np.concatenate([np.arange(size) + emotion.label * size for emotion in faces])
        seen = np.concatenate([face[_NUM:] @ self.directions for face in faces.values()])
        gain = np.linalg.solve(covariance[np.ix_(known, known)] + np.eye(len(known)), covariance[known]).T
        mean = (self.means.ravel() + gain @ (seen - self.means.ravel()[known])).reshape(_NUM, size)
        left = (covariance - gain @ covariance[known]).reshape(_NUM, size, _NUM, size)
        own = np.einsum("cicj->cij", left) + np.eye(size)
        apart = (shown[:, _NUM:] @ self.directions)[:, None] - mean
        distances = np.einsum("nci,cij,ncj->nc", apart, np.linalg.inv(own), apart)
        return np.asarray(-(distances + np.linalg.slogdet(own)[1]) / 2)


class PersonalReader:
    """Reads the faces of one person. Threads may share one instance."""

    def __init__(self, people: People, faces: Mapping[Emotion, Vectors], anyone: Sequence[Sequence[float]]) -> None:
        """Take what is known of the person.

        Args:
            people: how people differ.
            faces: mean faces of the person; of neutral, and perhaps of more emotions.
            anyone: the adjustment that reads posed faces of anyone (`ModelSpec.posed_adjustment`).
        """
        self._people, self._faces, self._anyone = people, faces, anyone
        self._layer = Layer(np.zeros((len(people.directions), _NUM)), np.zeros(_NUM))
        if len(faces) == _NUM:
            shots, wanted = np.stack(list(faces.values())), np.eye(_NUM)[[emotion.label for emotion in faces]]
            options = {"scale": people.scale, "ridge": _RIDGE}
            self._layer = Layer.fit(shots[:, _NUM:], wanted, offset=self._scores(shots), **options)
        else:
            neutral = self._scores(faces[Emotion.NEUTRAL][None])[0]
            lead = neutral[_NEUTRAL] - np.delete(neutral, _NEUTRAL).max()
            self._layer.constants[_NEUTRAL] = -_CALM * (lead - _EXPECTED_LEAD)

    def probabilities(self, shown: Vectors) -> npt.NDArray[np.float32]:
        """The probabilities of the emotions, each equally frequent, shape (n, 7), for faces of the person."""
        neutral = {Emotion.NEUTRAL: self._faces[Emotion.NEUTRAL]}
        evidence = _OF_ALL * self._people.densities(self._faces, shown)
        evidence += (1 - _OF_ALL) * self._people.densities(neutral, shown)
        return np.asarray(softmax(self._scores(shown) + self._people.evidence * evidence), np.float32)

    def _scores(self, shown: Vectors) -> Vectors:
        """The scores of anyone, and what the person adds to them."""
        general = np.log(adjust_logits(np.exp(shown[:, :_NUM]), self._anyone))
        return np.asarray(general + self._layer.scores(shown[:, _NUM:]))
