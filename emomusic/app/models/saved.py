"""The chosen models, and their saved results as the tabs read them: each file once for all visitors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from emomusic.app.frame import shown_errors
from emomusic.assets import ModelKind, load_once
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.metrics import FOUR, ClassMetrics
from emomusic.records import FaceRecord, Record, read_record
from emomusic.results.findings import in_words
from emomusic.results.predictions import Predictions, read_predictions
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


def class_metrics(kind: ModelKind, name: str, *, four: bool) -> ClassMetrics:
    """Metrics per class from training; computed from the predictions if four classes replace seven."""
    own = read_record(kind, name).by_class
    if four and own.classes != FOUR:
        own = predictions(kind, name).grouped(four=True).scores()
    in_people_words = {in_words(label): scores for label, scores in own.per_class.items()}
    return ClassMetrics(per_class=in_people_words, confusion=own.confusion)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one or two chosen models, and all models of their kind."""

    kind: ModelKind
    records: tuple[Record, ...]
    others: tuple[Record, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen models."""
        return tuple(record.name for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """The chosen models if they read faces, else empty."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))
