"""The network of the report in NumPy, which learns moods of songs step by step.

A class sees what the learning rate, the batch, the hidden nodes and wrong labels do. Adam (Kingma & Ba, 2015) trains
it, as scikit-learn's `MLPClassifier` of `mood.build_mood_model`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emomusic.assets import find_dataset
from emomusic.calibration import softmax
from emomusic.songs.mood import MOODS, SEED
from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import FEATURE_NAMES

Floats = npt.NDArray[np.float64]

NUM_EPOCHS = 300
GRID = 41
"""Points of a side of the plane of `Training.regions`."""

_HELD_OUT, _PER_MOOD, _SURE, _SHOWN = 0.2, 170, 0.6, 200
_DECAYS, _TINY = (0.9, 0.999), 1e-8  # as in Adam
_AXES = [FEATURE_NAMES.index(name) for name in ("valence", "energy")]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSongs:
    """Songs to learn from.

    Attributes:
        inputs: shape (n, 9), the features, scaled from 0 to 1.
        labels: shape (n,), positions in `Mood`.
        are_predicted: whether the labels are answers of the bundled model, without the songs that people labelled.
    """

    inputs: Floats
    labels: npt.NDArray[np.int64]
    are_predicted: bool

    @classmethod
    def load(cls) -> LabelledSongs:
        """The songs of `data_moods.csv`; without it, known songs of the catalogue whose mood is clear.

        Raises:
            DatasetError: the file or the catalogue is damaged.
        """
        if (path := find_dataset("music/data_moods.csv") or find_dataset("data_moods.csv")) is not None:
            from emomusic.songs.training import read_labelled_songs

            known = read_labelled_songs(path)
            features, labels = known.inputs[:, : len(FEATURE_NAMES)], known.labels
        else:
            songs = load_recommender()
            order = songs.catalogue.best_known_first(np.flatnonzero(songs.predicted.max(axis=1) >= _SURE))
            moods = songs.predicted.argmax(axis=1)[order]
            rows = np.concatenate([order[moods == mood][:_PER_MOOD] for mood in range(len(MOODS))])
            features, labels = songs.catalogue.features[rows], songs.predicted.argmax(axis=1)[rows]
        low, high = features.min(axis=0), features.max(axis=0)
        scaled = (features.astype(np.float64) - low) / np.where(high > low, high - low, 1)
        return cls(scaled, labels.astype(np.int64), path is None)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that the class changes.

    Attributes:
        rate: the learning rate.
        batch: songs of one step.
        hidden: hidden nodes.
        wrong: share of the training songs whose label is replaced by another mood.
    """

    rate: float = 0.001
    batch: int = 64
    hidden: int = 8
    wrong: float = 0.0


class Training:
    """A training from its first weights on; the same settings give the same run.

    Attributes:
        curves: for each epoch, accuracy and loss on the training songs by their perhaps wrong labels, and on songs
            held out by their true ones; shape (epochs + 1, 4). The first row is before the training.
    """

    def __init__(self, songs: LabelledSongs, settings: Settings) -> None:
        """Divide the songs, replace labels, and draw the first weights."""
        self.settings, self._random = settings, np.random.default_rng(SEED)
        order = self._random.permutation(len(songs.labels))
        held, known = np.split(order, [round(_HELD_OUT * len(order))])
        self._inputs, self._labels = songs.inputs[known], songs.labels[known].copy()
        self._held_inputs, self._held_labels = songs.inputs[held], songs.labels[held]
        wrong = self._random.permutation(len(known))[: round(settings.wrong * len(known))]
        self._labels[wrong] = (self._labels[wrong] + self._random.integers(1, len(MOODS), len(wrong))) % len(MOODS)
        side = np.linspace(0, 1, GRID)
        plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(GRID**2, len(_AXES))
        shown = self._inputs[:_SHOWN]
        gaps = np.linalg.norm(plane[:, None] - shown[None, :, _AXES], axis=2)
        self._grid = shown[gaps.argmin(axis=1)]  # the other features of each point of the plane
        self._grid[:, _AXES] = plane
        sides = (self._inputs.shape[1], settings.hidden, len(MOODS))
        self._weights: list[Floats] = []
        for before, after in itertools.pairwise(sides):
            bound = np.sqrt(6 / (before + after))  # Glorot & Bengio, 2010
            self._weights += [self._random.uniform(-bound, bound, (before, after)), np.zeros(after)]
        self._means = [np.zeros_like(weights) for weights in self._weights]
        self._squares = [np.zeros_like(weights) for weights in self._weights]
        self._num_steps = 0
        self.curves = [self._row()]

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.curves) - 1

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= NUM_EPOCHS

    def step(self, epochs: int = 1) -> None:
        """Learn for some epochs, at most up to the last one."""
        for _ in range(min(epochs, NUM_EPOCHS - self.epoch)):
            order = self._random.permutation(len(self._labels))
            for start in range(0, len(order), self.settings.batch):
                self._learn(order[start : start + self.settings.batch])
            self.curves.append(self._row())

    def _learn(self, rows: npt.NDArray[np.intp]) -> None:
        """One step of Adam on these songs."""
        inputs, labels = self._inputs[rows], self._labels[rows]
        hidden, answers = self._forward(inputs)
        answers[np.arange(len(rows)), labels] -= 1
        answers /= len(rows)
        back = (answers @ self._weights[2].T) * (hidden > 0)
        gradients = (inputs.T @ back, back.sum(axis=0), hidden.T @ answers, answers.sum(axis=0))
        self._num_steps += 1
        first, second = _DECAYS
        scale = self.settings.rate * np.sqrt(1 - second**self._num_steps) / (1 - first**self._num_steps)
        for weights, mean, square, gradient in zip(self._weights, self._means, self._squares, gradients, strict=True):
            mean += (1 - first) * (gradient - mean)
            square += (1 - second) * (gradient**2 - square)
            weights -= scale * mean / (np.sqrt(square) + _TINY)

    def _forward(self, inputs: Floats) -> tuple[Floats, Floats]:
        """The hidden nodes and the probabilities."""
        first, first_constants, second, second_constants = self._weights
        hidden = np.maximum(inputs @ first + first_constants, 0)
        return hidden, np.asarray(softmax(hidden @ second + second_constants), np.float64)

    def _row(self) -> tuple[float, float, float, float]:
        """Accuracy and loss on the training songs and on those held out."""
        found: list[float] = []
        for inputs, labels in ((self._inputs, self._labels), (self._held_inputs, self._held_labels)):
            answers = self._forward(inputs)[1]
            likelihood = np.maximum(answers[np.arange(len(labels)), labels], 1e-12)
            found += [float((answers.argmax(axis=1) == labels).mean()), float(-np.log(likelihood).mean())]
        return found[0], found[1], found[2], found[3]

    def regions(self) -> npt.NDArray[np.int64]:
        """The mood at each point of Spotify's valence and energy, with the other features of the nearest shown song.

        Shape (GRID, GRID), positions in `Mood`; rows go with energy, from low to high. With the medians, songs that
        the network has right would lie in the area of another mood.
        """
        return np.asarray(self._forward(self._grid)[1].argmax(axis=1).reshape(GRID, GRID))

    def shown_songs(self) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Valence and energy of some training songs, shape (n, 2), their perhaps wrong labels, and the answers."""
        shown = self._inputs[:_SHOWN]
        return shown[:, _AXES], self._labels[:_SHOWN], self._forward(shown)[1].argmax(axis=1)
