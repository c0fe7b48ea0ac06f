"""The chosen models, and their saved results as the details read them: each file once for all visitors."""

from __future__ import annotations

from dataclasses import dataclass

from emomusic.assets import ModelKind, load_once
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.reading import load_networks
from emomusic.metrics import FOUR
from emomusic.records import FaceRecord, Record
from emomusic.results import predictions as results
from emomusic.results.overview import Benchmark, Evaluation, evaluation
from emomusic.results.predictions import Predictions

predictions = load_once(results.read_predictions)
fold_accuracies = load_once(results.read_fold_accuracies)


@load_once
def classifier(name: str) -> EmotionClassifier:
    """A face model with its network, for all visitors."""
    return load_networks()[1] if name == DEFAULT_MODEL else EmotionClassifier.load(name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A benchmark, the one or two chosen models, and all models of their kind."""

    benchmark: Benchmark
    records: tuple[Record, ...]
    others: tuple[Record, ...]

    @property
    def kind(self) -> ModelKind:
        """The kind of the models."""
        return self.benchmark.kind

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen models."""
        return tuple(record.name for record in self.records)

    @property
    def evaluations(self) -> tuple[Evaluation | None, ...]:
        """The figures of the chosen models."""
        return tuple(evaluation(record, self.benchmark) for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """The chosen models if they read faces, else empty."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))

    @property
    def in_four(self) -> bool:
        """Whether their answers are compared in four classes, because one of them has no others."""
        return any(record.classes == FOUR for record in self.faces)

    def predictions(self, record: Record) -> Predictions:
        """The predictions of a chosen model, in the classes in which they are compared."""
        own = predictions(self.kind, record.name)
        return own.in_four() if self.in_four else own
