"""The chosen models, and their saved results as the tabs read them: each file once for all visitors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from emomusic.app.frame import shown_errors
from emomusic.assets import ModelKind, load_once
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.metrics import FOUR, Scores
from emomusic.results.predictions import ClassMetrics, Predictions, read_class_metrics, read_predictions
from emomusic.results.records import FaceRecord, ModelRecord
from emomusic.server.shared import shared

_Read = TypeVar("_Read")


def read_each(names: Sequence[str], read: Callable[[str], _Read]) -> dict[str, _Read]:
    """The result of `read` for each model by name; models that cannot be read are reported and left out."""
    found = {}
    for name in names:
        with shown_errors():
            found[name] = read(name)
    return found


@load_once
def predictions(kind: ModelKind, name: str) -> Predictions:
    """A model's predictions on held-out examples; see `emomusic.results.predictions.read_predictions`."""
    return read_predictions(kind, name)


@load_once
def classifier(name: str) -> EmotionClassifier:
    """A face model with its network, for all visitors."""
    return shared().networks()[1] if name == DEFAULT_MODEL else EmotionClassifier.load(name)


@st.cache_resource(max_entries=32, show_spinner="Computing the figures")
def scores(kind: ModelKind, name: str, *, four: bool) -> Scores:
    """All metrics of the predictions; the first call loads scikit-learn."""
    return predictions(kind, name).grouped(four=four).scores()


def class_metrics(kind: ModelKind, name: str, *, four: bool) -> ClassMetrics:
    """Metrics per class from training; computed from the predictions if four classes replace seven."""
    own = read_class_metrics(kind, name)
    if four and own.classes != FOUR:
        found = scores(kind, name, four=True)
        own = ClassMetrics(found.per_class, found.confusion)
    return ClassMetrics({in_words(label): scores for label, scores in own.per_class.items()}, own.confusion)


FOUR_LEGEND = (
    "The four classes of the student report on portraits: happy; tense (angry, disgust, fear and surprise); sad; "
    "neutral."
)
_FOUR_WORDS = dict(zip(FOUR, ("happy", "tense", "sad", "neutral"), strict=True))


def in_words(name: str) -> str:
    """The name of a class for people: a word for one of `FOUR`."""
    return _FOUR_WORDS.get(name, name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one or two chosen models, and all models of their kind."""

    kind: ModelKind
    records: tuple[ModelRecord, ...]
    others: tuple[ModelRecord, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen models."""
        return tuple(record.name for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """The chosen models if they read faces, else empty."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))
