"""The layer that tells how faces are turned (`faces.turned.TurnLayer`), and how well it does in another collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.fer2013 import LabelledFaces
from emomusic.faces.turned import LEAD, TURNS, TurnLayer, likeliest_turns
from emomusic.media.images import to_network_input
from emomusic.metrics import FloatArray
from emomusic.training.batches import augment
from emomusic.training.posed import PosedFaces
from emomusic.training.presets import Augmentation

_PHOTOGRAPHS = "fer2013"
MOST = 600
"""Faces of a collection: enough, and no large collection decides alone."""

_COPIES = 3  # of each face in each turn
_VARIED = Augmentation(rotation_degrees=12, scale=(0.85, 1.15), shift=0.08, flip=0.5, contrast=0.2, low_resolution=0.3)
_C = 0.1  # 0.01 is less sure, and above it little changes

Examples = Mapping[str, FloatArray]
"""Features of faces by collection, shape (4, n, features): those of each turn, in the order of `TURNS`."""


def turn_examples(classifier: EmotionClassifier, posed: PosedFaces, photographs: LabelledFaces) -> Examples:
    """Features of varied copies of faces in the four turns, in some minutes."""
    groups = {name: posed.images[posed.collections == name] for name in np.unique(posed.collections).tolist()}
    rng = np.random.default_rng(0)
    examples = {}
    for name, images in (groups | {_PHOTOGRAPHS: photographs.images}).items():
        chosen = np.tile(images[rng.permutation(len(images))[:MOST]], (_COPIES, 1, 1))
        views = [np.rot90(augment(chosen, _VARIED, rng), turn // 90, axes=(1, 2)) for turn in TURNS]
        examples[name] = np.stack([_features(classifier, view) for view in views])
    return examples


def _features(classifier: EmotionClassifier, images: npt.NDArray[np.uint8]) -> FloatArray:
    return classifier.features(to_network_input(list(images), classifier.spec.side))


def fit_turns(examples: Examples) -> TurnLayer:
    """The layer: multinomial logistic regression on all examples."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([rows for group in examples.values() for rows in group])
    labels = np.concatenate([np.repeat(np.arange(len(TURNS)), group.shape[1]) for group in examples.values()])
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=_C, max_iter=500).fit(scaler.transform(features), labels)
    weights = model.coef_.T / np.maximum(scaler.scale_, 1e-6)[:, None]
    return TurnLayer(weights, model.intercept_ - scaler.mean_ @ weights)


def judge_turns(examples: Examples) -> dict[str, dict[str, Any]]:
    """Figures of each collection, of a layer that learned from the others.

    Returns:
        By collection, the number of faces, and the shares of upright faces that are called turned (`upright`) and of
        turned ones whose turn is right (`turned`).
    """
    figures = {}
    for name, group in examples.items():
        layer = fit_turns({other: rows for other, rows in examples.items() if other != name})
        told = [np.array(likeliest_turns(layer.scores(rows), 0, LEAD)) for rows in group]
        wrong = [np.mean(turns != turn) for turns, turn in zip(told, TURNS, strict=True)]
        figures[name] = {
            "faces": group.shape[1] // _COPIES,
            "upright": float(wrong[0]),
            "turned": float(1 - np.mean(wrong[1:])),
        }
    return figures
