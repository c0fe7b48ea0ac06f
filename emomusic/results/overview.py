"""The trained models of a kind, and their results for a page, a list and other programs. No model is loaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from emomusic.assets import SPEC, ModelKind, models_dir
from emomusic.baselines import FACE_BASELINES, MUSIC_BASELINES, SOUND_BASELINE, Baseline
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.metrics import FOUR, ClassScores, accuracy_interval
from emomusic.records import CollectionScores, FaceRecord, Record, VoteScores, read_record
from emomusic.songs.mood import DEFAULT_MOOD_MODEL

TITLES = {
    "emonet_photo": "Photo model",
    "emonet": "FER2013 champion",
    "vgg9": "Nine-layer network",
    "cnn_capstone": "Capstone network",
    "cnn_improved": "Improved network",
    "cnn_paper": "First network",
    "mobilenet_quadrants": "Four-class network",
    "xception_entry_exit": "Mood Lifter network",
    "ensemble": "Ensemble",
    "gradient_boosting": "Boosted trees",
    "logistic": "Logistic regression",
    "mlp": "Neural network",
    "random_forest": "Random forest",
    "svm": "Support vectors",
    "musicnn": "Sound network",
}
"""Names of models for people, by folder."""

FOUR_LEGEND = (
    "The four classes of the student report on portraits: happy; tense (angry, disgust, fear and surprise); sad; "
    "neutral."
)
_FOUR_WORDS = dict(zip(FOUR, ("happy", "tense", "sad", "neutral"), strict=True))


def title_of(record: Record) -> str:
    """The name of a model for people."""
    return TITLES.get(record.name, record.name)


def label_of(name: str) -> str:
    """The name of a model for people, with the name of its folder."""
    return f"{TITLES[name]} ({name})" if name in TITLES else name


def in_words(name: str) -> str:
    """The name of a class for people: a word for one of `FOUR`."""
    return _FOUR_WORDS.get(name, name)


def of_100(share: float) -> str:
    """Format a share as a number out of 100, with one decimal."""
    return f"{100 * share:.1f}"


def percent(share: float) -> str:
    """Format a share as a percentage with one decimal and a no-break space."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def to_text(interval: tuple[float, float]) -> str:
    """Format an interval of shares as numbers out of 100."""
    return " to ".join(map(of_100, interval))


class Benchmark(StrEnum):
    """What models are evaluated on; the value is for people."""

    PHOTOGRAPHS = "Photographs"
    VOTES = "People's votes"
    LABELS = "FER2013's labels"
    POSED = "Posed faces"
    FEATURES = "Mood models"
    SOUND = "Sound models"

    @property
    def kind(self) -> ModelKind:
        """The models that have these figures."""
        songs = {Benchmark.FEATURES: ModelKind.MUSIC, Benchmark.SOUND: ModelKind.SOUND}
        return songs.get(self, ModelKind.FACE)

    @property
    def has_predictions(self) -> bool:
        """Whether the answer about each example is saved, besides the figures."""
        return self not in (Benchmark.PHOTOGRAPHS, Benchmark.VOTES, Benchmark.POSED)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a model on one benchmark."""

    n: int  # number of examples
    accuracy: float  # over the model's own classes
    range: str  # its 95 % interval, or its standard deviation over the folds, for people
    recall: dict[str, float]  # by class, in words for people
    macro_f1: float | None = None  # None if not measured, as is the next one
    calibration_error: float | None = None
    per_class: dict[str, ClassScores] = field(default_factory=dict)  # as `recall`; empty if only that is saved


def evaluation(record: Record, benchmark: Benchmark) -> Evaluation | None:
    """The figures of a model on a benchmark of its kind; None if not measured."""
    if not isinstance(record, FaceRecord):
        by_class, spread = record.by_class.per_class, f"± {of_100(record.accuracy_std)}"
        return _evaluation(record.n, record.accuracy, spread, record.macro_f1, record.calibration_error, by_class)
    if benchmark is Benchmark.POSED:
        return _on_collections(record.collections.values()) if record.collections else None
    found = {
        Benchmark.PHOTOGRAPHS: (record.wild, record.wild, getattr(record.wild, "calibration_error", None)),
        Benchmark.VOTES: (record.votes, getattr(record.votes, "without_contempt", None), None),
        Benchmark.LABELS: (record.test, record.test, record.test.calibration.expected_error),
    }
    scores, inner, error = found[benchmark]
    if scores is None or inner is None:
        return None
    interval = to_text(scores.accuracy_interval)
    return _evaluation(scores.n, scores.accuracy, interval, inner.macro_f1, error, inner.per_class)


def _evaluation(
    n: int, accuracy: float, spread: str, macro_f1: float, error: float | None, by_class: dict[str, ClassScores]
) -> Evaluation:
    per_class = {in_words(label): scores for label, scores in by_class.items()}
    recall = {label: scores.recall for label, scores in per_class.items() if scores.support}
    return Evaluation(n, accuracy, spread, recall, macro_f1, error, per_class)


def _on_collections(collections: Collection[CollectionScores]) -> Evaluation:
    """The accuracy on all their faces, and the mean of their recalls: their numbers of each class are not saved."""
    n = sum(one.n for one in collections)
    right = sum(round(one.accuracy * one.n) for one in collections)
    recalls: dict[str, list[float]] = {}
    for one in collections:
        for label, recall in one.recall.items():
            recalls.setdefault(in_words(label), []).append(recall)
    means = {label: sum(each) / len(each) for label, each in recalls.items()}
    return Evaluation(n, right / n, to_text(accuracy_interval(right, n)), means)


def is_default(kind: ModelKind, name: str) -> bool:
    """Whether the app and the commands use this model unless told otherwise."""
    return kind is ModelKind.SOUND or name in (model_files.DEFAULT_MODEL, DEFAULT_MOOD_MODEL)


def read_records(kind: ModelKind) -> tuple[list[Record], dict[str, ModelError]]:
    """The results of all models of a kind, the default first, and the errors of damaged ones by name."""
    names = sorted(path.parent.name for path in (models_dir() / kind).glob(f"*/{SPEC}"))
    records, problems = [], {}
    for name in sorted(names, key=lambda name: not is_default(kind, name)):
        try:
            records.append(read_record(kind, name))
        except ModelError as error:
            problems[name] = error
    return records, problems


def reports_of(record: Record) -> tuple[Baseline, ...]:
    """The published accuracies of such a model."""
    if isinstance(record, FaceRecord):
        report = FACE_BASELINES.get(record.network)
        return () if report is None else (report,)
    return MUSIC_BASELINES.get(record.name, ()) if record.kind is ModelKind.MUSIC else (SOUND_BASELINE,)


def document(record: Record) -> dict[str, Any]:
    """The results of a model as one JSON document of `models --json`. All shares are from 0 to 1."""
    if isinstance(record, FaceRecord):
        test, votes = record.test, record.votes
        figures: dict[str, Any] = {
            "accuracy": test.accuracy,
            "accuracy_interval": list(test.accuracy_interval),
            "four_class_accuracy": test.in_four,
            "macro_f1": test.macro_f1,
            "calibration_error": test.calibration.expected_error,
            "not_in_training": msgspec.to_builtins(test.not_in_training),
            "ferplus": None if votes is None else _by_votes(votes),
            "wild": None if record.wild is None else msgspec.to_builtins(record.wild),
        }
        size, item, ms_per_item = {"parameters": record.parameters}, "a face", record.ms_per_face
    else:
        figures = {
            "accuracy": record.accuracy,
            "accuracy_std": record.accuracy_std,
            "macro_f1": record.macro_f1,
            "calibration_error": record.calibration_error,
        }
        size, item, ms_per_item = {}, "a song", record.ms_per_song
    return {
        "kind": record.kind.value,
        "name": record.name,
        "default": is_default(record.kind, record.name),
        "classes": list(record.classes),
        **figures,
        "reported": msgspec.to_builtins(reports_of(record)),
        "evaluated_on": record.evaluated_on,
        **size,
        "bytes": record.num_bytes,
        "item": item,
        "ms_per_item": ms_per_item,
    }


def _by_votes(votes: VoteScores) -> dict[str, Any]:
    """The figures against people's votes, those by class without contempt."""
    inner = votes.without_contempt
    return {
        "n": votes.n,
        "contempt": votes.contempt,
        "accuracy": votes.accuracy,
        "accuracy_interval": list(votes.accuracy_interval),
        "four_class_accuracy": votes.in_four,
        "macro_recall": inner.macro_recall,
        "macro_f1": inner.macro_f1,
    }
