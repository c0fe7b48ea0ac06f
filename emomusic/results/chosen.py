"""One or two models on a benchmark, with their figures and their predictions."""

from __future__ import annotations

from dataclasses import dataclass

from emomusic.assets import ModelKind, load_once
from emomusic.errors import ModelError
from emomusic.metrics import FOUR
from emomusic.records import FaceRecord, Record
from emomusic.results.overview import Benchmark, Evaluation, evaluation, label_of
from emomusic.results.predictions import Predictions, read_predictions

_predictions = load_once(read_predictions)  # for all visitors


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

    def own_predictions(self, record: Record) -> Predictions:
        """The predictions of a chosen model on the benchmark, in its own classes.

        Raises:
            EmomusicError: they are absent or damaged, or were not made on the benchmark.
        """
        own = _predictions(self.kind, record.name)
        if self.benchmark is not Benchmark.VOTES:
            return own
        votes = record.votes if isinstance(record, FaceRecord) else None
        if votes is None:
            raise ModelError(f"{label_of(record.name)} was not measured here")
        return own.by_votes(votes.without_contempt.n)

    def predictions(self, record: Record) -> Predictions:
        """These in the classes in which the chosen models are compared."""
        own = self.own_predictions(record)
        return own.in_four() if self.in_four else own
