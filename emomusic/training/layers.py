"""The layers of a face model (`faces.layer.Layer`): how faces are turned, and whether people posed for a picture.

Both are logistic regressions on the features of the network, judged in collections that they did not learn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier, posed_share
from emomusic.faces.fer2013 import LabelledFaces
from emomusic.faces.layer import Layer
from emomusic.faces.turned import LEAD, TURNS, likeliest_turns
from emomusic.metrics import FloatArray
from emomusic.training.batches import augment
from emomusic.training.posed import PosedFaces
from emomusic.training.presets import Augmentation

_PHOTOGRAPHS = "fer2013"
MOST = 600
"""Faces of a collection: enough, and no large collection decides alone."""

_COPIES = 3  # copies of each face in each turn
_VARIED = Augmentation(rotation_degrees=12, scale=(0.85, 1.15), shift=0.08, flip=0.5, contrast=0.2, low_resolution=0.3)
_C = 0.1  # 0.01 is less sure, and above it little changes
_POSING_C = 0.01


def write_layers(
    classifier: EmotionClassifier, posed: PosedFaces, photographs: LabelledFaces, folder: Path
) -> dict[str, Any]:
    """Fit and write both layers of a model, in some minutes; without collections of people who posed only the first.

    Returns:
        The metrics `turns` and `posing`: their figures in collections that they did not learn from.
    """
    turns = _turn_examples(classifier, posed, photographs)
    _fit_turns(turns).save(folder / model_files.TURNS)
    if not posed.are_posed.any():
        return {"turns": _judge_turns(turns)}
    posing = _posing_examples(classifier, posed, photographs)
    _fit_posing(posing).save(folder / model_files.POSING)
    return {"turns": _judge_turns(turns), "posing": _judge_posing(posing)}


Examples = Mapping[str, FloatArray]
"""Features of faces by collection, shape (4, n, features): those of each turn, in the order of `TURNS`."""


def _turn_examples(classifier: EmotionClassifier, posed: PosedFaces, photographs: LabelledFaces) -> Examples:
    """Features of varied copies of faces in the four turns, in some minutes."""
    groups = {name: posed.images[posed.collections == name] for name in np.unique(posed.collections).tolist()}
    rng = np.random.default_rng(0)
    examples = {}
    for name, images in (groups | {_PHOTOGRAPHS: photographs.images}).items():
        chosen = np.tile(images[rng.permutation(len(images))[:MOST]], (_COPIES, 1, 1))
        views = [np.rot90(augment(chosen, _VARIED, rng), turn // 90, axes=(1, 2)) for turn in TURNS]
        examples[name] = np.stack([classifier.features(list(view)) for view in views])
    return examples


def _fit_turns(examples: Examples) -> Layer:
    """The layer with a score for each of `TURNS`: multinomial logistic regression on all examples."""
    features = np.concatenate([rows for group in examples.values() for rows in group])
    labels = np.concatenate([np.repeat(np.arange(len(TURNS)), group.shape[1]) for group in examples.values()])
    return _fit(features, labels, _C)


def _fit(features: FloatArray, labels: npt.NDArray[Any], c: float, weights: FloatArray | None = None) -> Layer:
    """Logistic regression on standardized features, as a layer on the features themselves."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=c, max_iter=500).fit(scaler.transform(features), labels, sample_weight=weights)
    slopes = model.coef_.T / np.maximum(scaler.scale_, 1e-6)[:, None]
    return Layer(slopes, model.intercept_ - scaler.mean_ @ slopes)


def _judge_turns(examples: Examples) -> dict[str, dict[str, Any]]:
    """Figures of each collection, of a layer that learned from the others.

    Returns:
        By collection, the number of faces, and the shares of upright faces that are called turned (`upright`) and of
        turned ones whose turn is right (`turned`).
    """
    figures = {}
    for name, group in examples.items():
        layer = _fit_turns({other: rows for other, rows in examples.items() if other != name})
        told = [np.array(likeliest_turns(layer.scores(rows), 0, LEAD)) for rows in group]
        wrong = [np.mean(turns != turn) for turns, turn in zip(told, TURNS, strict=True)]
        figures[name] = {
            "faces": group.shape[1] // _COPIES,
            "upright": float(wrong[0]),
            "turned": float(1 - np.mean(wrong[1:])),
        }
    return figures


def _posing_examples(
    classifier: EmotionClassifier, posed: PosedFaces, photographs: LabelledFaces
) -> dict[str, tuple[FloatArray, bool]]:
    """Features of upright faces by collection, shape (n, features), and whether its people posed."""
    groups = {name: posed.where(posed.collections == name) for name in np.unique(posed.collections).tolist()}
    found = {name: (group.images, bool(group.are_posed.all())) for name, group in groups.items()}
    rng, num_classes = np.random.default_rng(0), len(classifier.spec.classes)
    return {
        name: (classifier.describe(list(images[rng.permutation(len(images))[:MOST]]))[:, num_classes:], is_posed)
        for name, (images, is_posed) in (found | {_PHOTOGRAPHS: (photographs.images, False)}).items()
    }


def _fit_posing(examples: Mapping[str, tuple[FloatArray, bool]]) -> Layer:
    """The layer with one score: positive if people posed. Both kinds weigh the same, and so do their collections."""
    features = np.concatenate([rows for rows, _ in examples.values()])
    labels = np.concatenate([np.full(len(rows), is_posed) for rows, is_posed in examples.values()])
    kinds = [is_posed for _, is_posed in examples.values()]
    weights = [np.full(len(rows), 1 / len(rows) / kinds.count(is_posed)) for rows, is_posed in examples.values()]
    return _fit(features, labels, _POSING_C, np.concatenate(weights) * len(features) / 2)


def _judge_posing(examples: Mapping[str, tuple[FloatArray, bool]]) -> dict[str, float]:
    """The mean probability that faces of each collection posed, by a layer that learned from the others.

    The only collection of its kind has none, because no layer learns without it.
    """
    figures = {}
    for name, (rows, _) in examples.items():
        others = {other: group for other, group in examples.items() if other != name}
        if len({is_posed for _, is_posed in others.values()}) == 2:
            figures[name] = float(posed_share(_fit_posing(others), rows).mean())
    return figures
