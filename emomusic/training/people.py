"""Differences between persons, for profiles of one face (`faces.people`), and tests of profiles on other collections.

The faces of each collection are described by a network that did not learn from it, as a network describes its users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion
from emomusic.calibration import adjust_logits, fit_equal_classes
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.people import People, PersonalReader
from emomusic.metrics import FloatArray, Scores, evaluate
from emomusic.training.posed import COLLECTIONS, PosedFaces

_NEUTRAL = Emotion.NEUTRAL.label
_SHRINK = 0.2  # share of the covariances towards a multiple of the identity
_DIRECTIONS, _WAYS = 12, 0.3  # chosen on one collection, judged on another (docs/experiments.md)
_EVIDENCE = 0.08  # chosen on the collections that judge it (docs/decisions.md)
_OF_EMOTIONS, _OF_PERSONS = 3.0, 0.3  # weights of both in the choice of the directions
_DRAWS = 2  # draws of the shots of each person
_KNOWN = {"nothing": 0, "a neutral shot": 1, "two shots": 2, "three shots": 3, "five shots": 5, "all seven shots": 7}


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Faces of one collection.

    Attributes:
        faces: the faces as from `EmotionClassifier.describe`, shape (n, 7 + features).
        labels: shape (n,).
        persons: shape (n,).
    """

    faces: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    persons: npt.NDArray[np.str_]

    @classmethod
    def by(cls, classifier: EmotionClassifier, faces: PosedFaces) -> Described:
        """The faces as a network describes them."""
        return cls(classifier.describe(list(faces.images)), faces.labels.astype(np.int64), faces.persons)

    def shown_by(self) -> Iterator[dict[int, npt.NDArray[np.intp]]]:
        """For each person with a neutral face, the positions of the faces by label."""
        for person in np.unique(self.persons):
            own = np.flatnonzero(self.persons == person)
            shown = {int(label): own[self.labels[own] == label] for label in np.unique(self.labels[own])}
            if _NEUTRAL in shown:
                yield shown


def fit_people(collections: Sequence[Described]) -> People:
    """The numbers of people, from the persons of all collections with the same weight."""
    neutral, ways, noise = [], [], []
    for described in collections:
        features = described.faces[:, len(EMOTIONS) :]
        for shown in described.shown_by():
            means = {label: features[own].mean(axis=0) for label, own in shown.items()}
            neutral.append(means[_NEUTRAL])
            ways += [(label, mean - means[_NEUTRAL]) for label, mean in means.items() if label != _NEUTRAL]
            noise += [
                (features[own] - means[label]) * np.sqrt(len(own) / (len(own) - 1))
                for label, own in shown.items()
                if len(own) > 1
            ]
    if not noise:  # two persons with one emotion, instead of two pictures of one person
        noise = [(way - np.mean([other for kind, other in ways if kind == label], axis=0))[None] for label, way in ways]
    within = np.cov(np.concatenate(noise).T, bias=True)
    values, vectors = np.linalg.eigh(_shrunk(within))
    whiten = vectors / np.sqrt(values)
    calm, labels = np.array(neutral) @ whiten, np.array([label for label, _ in ways])
    added = np.array([way for _, way in ways]) @ whiten
    centres = np.zeros((len(EMOTIONS), added.shape[1]))
    for label in np.unique(labels):
        centres[label] = added[labels == label].mean(axis=0)
    spread = _OF_EMOTIONS * np.cov(centres.T) + _OF_PERSONS * (np.cov(added.T) + np.cov(calm.T))
    chosen = np.linalg.eigh(spread)[1][:, ::-1][:, :_DIRECTIONS]
    calm, added, centres = calm @ chosen, added @ chosen, centres @ chosen
    return People(
        directions=whiten @ chosen,
        means=calm.mean(axis=0) + centres,
        between=_shrunk(np.cov(calm.T, bias=True)),
        ways=_WAYS * _shrunk(np.mean([np.cov(added[labels == label].T, bias=True) for label in np.unique(labels)], 0)),
        scale=max(float(np.sqrt(np.trace(within) / len(within))), 1e-6),
        evidence=_EVIDENCE,
    )


def _shrunk(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The covariance, mixed with a multiple of the identity of the same trace."""
    size = len(covariance)
    shrunk = (1 - _SHRINK) * covariance + (_SHRINK * np.trace(covariance) / size + 1e-6) * np.eye(size)
    return np.asarray(shrunk)


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Faces of people that a network has not met.

    Attributes:
        posed: the faces of each collection of people who posed.
        wild: held out from large collections. The adjustment learns from them, too.
    """

    posed: Mapping[str, Described]
    wild: Sequence[Described] = ()

    @classmethod
    def by(cls, classifier: EmotionClassifier, faces: PosedFaces) -> Strangers:
        """All faces of people who posed, and those that `PosedFaces.split` holds out, as a network describes them."""
        names = np.unique(faces.collections[faces.are_posed]).tolist()
        held = faces.where(faces.are_large).split()[1]
        return cls(
            {name: Described.by(classifier, faces.of(name)) for name in names},
            [Described.by(classifier, held)] if len(held) else [],
        )

    def others(self, name: str) -> list[Described]:
        """Those of the other collections of people who posed."""
        return [described for other, described in self.posed.items() if other != name]


def judge_strangers(strangers: Strangers) -> dict[str, dict[str, dict[str, Any]]]:
    """Figures of each collection of people who posed, with numbers of people and an adjustment from the others.

    Returns:
        `profiles` with the accuracy by what is known of the person, and `collections` with the metrics as posed faces.
        Shots are drawn at random. A person's only face of an emotion is no shot while it is judged, and a person's only
        neutral face is not judged.
    """
    profiles, collections = {}, {}
    for name, judged in strangers.posed.items():
        others = strangers.others(name)
        people, anyone = fit_people(others), fit_anyone([*others, *strangers.wild]).tolist()
        profiles[name] = _judge(judged, people, anyone)
        scores = evaluate(judged.labels, adjust_logits(_probabilities(judged.faces), anyone).argmax(axis=1))
        collections[name] = collection_record(name, scores, len(np.unique(judged.persons)), is_trained=False)
    return {"profiles": profiles, "collections": collections}


def collection_record(name: str, scores: Scores, num_persons: int, *, is_trained: bool) -> dict[str, Any]:
    """Metrics on a collection, for JSON (`records.CollectionScores`)."""
    return {
        "n": scores.n,
        "missed": scores.missed,
        "persons": num_persons,
        "people": COLLECTIONS[name].people if name in COLLECTIONS else "",
        "is_trained": is_trained,
        "accuracy": scores.accuracy,
        "accuracy_interval": list(scores.accuracy_interval),
        "recall": {emotion: figures.recall for emotion, figures in scores.per_class.items() if figures.support},
    }


def fit_anyone(collections: Sequence[Described]) -> FloatArray:
    """The adjustment for posed faces of people that a network has not met."""
    labels = np.concatenate([described.labels for described in collections])
    return fit_equal_classes(labels, _probabilities(np.concatenate([described.faces for described in collections])))


def fit_held_out(classifier: EmotionClassifier, faces: PosedFaces) -> tuple[tuple[float, ...], ...]:
    """The adjustment for posed faces, as in `ModelSpec`, of a model with its partner, from persons of neither."""
    held = faces.split()[1]
    table = fit_equal_classes(held.labels.astype(np.int64), classifier.read(list(held.images))[0]).round(3)
    return tuple(map(tuple, table.tolist()))


def _probabilities(faces: FloatArray) -> FloatArray:
    return np.asarray(np.exp(faces[:, : len(EMOTIONS)]))


def _judge(described: Described, people: People, anyone: Sequence[Sequence[float]]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    right: dict[str, list[npt.NDArray[np.bool_]]] = {known: [] for known in _KNOWN}

    def read(shots: Mapping[int, int], order: Sequence[int], judged: npt.NDArray[np.intp]) -> None:
        """Add which faces are read right, by what is known."""
        faces, labels = described.faces[judged], described.labels[judged]
        right["nothing"].append(adjust_logits(_probabilities(faces), anyone).argmax(axis=1) == labels)
        for known, count in _KNOWN.items():
            if count and (count <= len(order) or count == len(EMOTIONS)):
                own = {EMOTIONS[label]: described.faces[shots[label]] for label in order[:count]}
                right[known].append(PersonalReader(people, own, anyone).probabilities(faces).argmax(axis=1) == labels)

    for _ in range(_DRAWS):
        for shown in described.shown_by():
            shots = {label: int(rng.choice(own)) for label, own in shown.items()}
            others = [label for label in shots if label != _NEUTRAL]
            order = [_NEUTRAL, *map(int, rng.permutation(others))]
            several = [label for label, own in shown.items() if len(own) > 1]
            rest = [np.setdiff1d(shown[label], shots[label]) for label in several]
            if rest:
                read(shots, order, np.concatenate(rest))
            for label in order:
                if label != _NEUTRAL and label not in several:
                    read(shots, [other for other in order if other != label], shown[label])
    return {known: float(np.concatenate(rows).mean()) for known, rows in right.items() if rows} | {
        "faces": int(sum(len(rows) for rows in right["nothing"]) / _DRAWS),
        "persons": sum(1 for _ in described.shown_by()),
    }
