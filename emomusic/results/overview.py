"""The trained models of a kind, and their results for a page, a list and other programs. No model is loaded.

The findings are sentences in Markdown, computed from saved metrics.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from emomusic.assets import SPEC, ModelKind, models_dir
from emomusic.errors import ModelError
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.metrics import FOUR, ClassScores, McNemar, accuracy_interval
from emomusic.records import (
    OF_FOUR,
    Baseline,
    CollectionScores,
    FaceBin,
    FaceRecord,
    Record,
    baselines_of,
    read_record,
)
from emomusic.songs.mood import DEFAULT_MOOD_MODEL
from emomusic.text import join_names

_SMALL_CLASS = 100  # recall of a class with fewer examples comes with counts
_WEAK = 0.5  # a class is weak if the model finds less than this share of its examples

TITLES = {
    "emonet_photo": "Photo model",
    "emonet": "FER2013 champion",
    "mobilenet_photo": "Second photo model",
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


def label_of(name: str) -> str:
    """The name of a model for people."""
    return TITLES.get(name, name)


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
    """The benchmarks of models; the value is for people."""

    VOTES = "People's votes"
    PHOTOGRAPHS = "Photographs"
    LABELS = "FER2013's labels"
    POSED = "Posed faces"
    FEATURES = "Mood models"
    SOUND = "Sound models"

    @property
    def kind(self) -> ModelKind:
        """The models that have these figures."""
        return ModelKind(_BENCHMARKS[self.name]["kind"])

    @property
    def has_predictions(self) -> bool:
        """Whether the answer about each example is saved, besides the figures."""
        return bool(_BENCHMARKS[self.name]["has_predictions"])

    @property
    def about(self) -> str:
        """Which examples there are, and how models are judged on them, for people."""
        return str(_BENCHMARKS[self.name]["about"])


_BENCHMARKS = tomllib.loads(Path(__file__).with_name("benchmarks.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a model on one benchmark."""

    n: int  # number of examples
    accuracy: float  # over the model's own classes
    range: str  # its 95 % interval, or its standard deviation over the folds, for people
    recall: dict[str, float]  # by class name
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
    means = {label: sum(own) / len(own) for label, own in recalls.items()}
    return Evaluation(n, right / n, to_text(accuracy_interval(right, n)), means)


DEFAULTS = {ModelKind.FACE: DEFAULT_MODEL, ModelKind.MUSIC: DEFAULT_MOOD_MODEL, ModelKind.SOUND: "musicnn"}
"""The model of each kind that the app and the commands use unless told otherwise."""


def read_records(kind: ModelKind) -> tuple[list[Record], dict[str, ModelError]]:
    """The results of all models of a kind, the default first, and the errors of damaged ones by name."""
    names = sorted(path.parent.name for path in (models_dir() / kind).glob(f"*/{SPEC}"))
    records, problems = [], {}
    for name in sorted(names, key=lambda name: name != DEFAULTS[kind]):
        try:
            records.append(read_record(kind, name))
        except ModelError as error:
            problems[name] = error
    return records, problems


def reports_of(record: Record) -> Sequence[Baseline]:
    """The published accuracies of such a model."""
    return baselines_of(record.kind, record.network if isinstance(record, FaceRecord) else record.name)


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
            "ferplus": votes
            and {
                "n": votes.n,
                "contempt": votes.contempt,
                "accuracy": votes.accuracy,
                "accuracy_interval": list(votes.accuracy_interval),
                "four_class_accuracy": votes.in_four,
                "macro_recall": votes.without_contempt.macro_recall,  # by class without contempt
                "macro_f1": votes.without_contempt.macro_f1,
            },
            "wild": None if record.wild is None else msgspec.to_builtins(record.wild),
        }
        size, item, ms_per_item = {"parameters": record.parameters}, "a face", record.ms_per_face
    else:
        names = ("accuracy", "accuracy_std", "macro_f1", "calibration_error")
        figures = {name: getattr(record, name) for name in names}
        size, item, ms_per_item = {}, "a song", record.ms_per_song
    return {
        "kind": record.kind.value,
        "name": record.name,
        "default": record.name == DEFAULTS[record.kind],
        "classes": list(record.classes),
        **figures,
        "reported": msgspec.to_builtins(reports_of(record)),
        "evaluated_on": record.evaluated_on,
        **size,
        "bytes": record.num_bytes,
        "item": item,
        "ms_per_item": ms_per_item,
    }


# Findings


def answer(record: Record, found: Evaluation, benchmark: Benchmark) -> str:
    """State how often a model is right, and which classes it rarely finds."""
    where = _BENCHMARKS[benchmark.name]["examples"].format(n=found.n)
    ordered = sorted(found.recall, key=lambda label: found.recall[label])
    weak = [label for label in ordered if found.recall[label] < _WEAK] or ordered[:1]
    named = join_names(
        f"{percent(found.recall[label])} of {label}{_counts_of(found.per_class.get(label))}" for label in weak
    )
    best = ordered[-1]
    return (
        f"{label_of(record.name)}: right on {percent(found.accuracy)} {where} ({found.range}). "
        f"It finds {percent(found.recall[best])} of {best}, but only {named}."
    )


def groups_of(record: FaceRecord) -> list[FaceBin]:
    """The accuracy of a model on each collection of posed faces and on photographs, the weakest last.

    The names state the number of persons and their origin.
    """
    bins = [FaceBin(_persons(name, one), one.n, one.accuracy) for name, one in (record.collections or {}).items()]
    if record.wild is not None:
        bins.append(FaceBin("people on photographs, origin unknown", record.wild.n, record.wild.accuracy))
    return sorted(bins, key=lambda one: -one.accuracy)


def recall_by_group(record: FaceRecord) -> dict[str, dict[str, float]]:
    """The recall of each class in each collection of posed faces, by the persons of the collection."""
    return {
        _persons(name, one): {in_words(label): recall for label, recall in one.recall.items()}
        for name, one in (record.collections or {}).items()
    }


def describe_weakest(record: FaceRecord) -> str:
    """Name the group with the lowest accuracy of a model; empty if not measured."""
    if not record.collections:
        return ""
    name, weakest = min(record.collections.items(), key=lambda pair: pair[1].accuracy)
    met = any(one.is_trained for one in record.collections.values())
    return (
        f"It works worst for {_persons(name, weakest)}: {percent(weakest.accuracy)} "
        f"({to_text(weakest.accuracy_interval)})." + ("" if met else " It had not seen the faces of these collections.")
    )


def _persons(name: str, collection: CollectionScores) -> str:
    return collection.people or f"{collection.persons} persons of {name}"


def list_reports(record: Record) -> list[dict[str, str]]:
    """The figure of each report about such a model, our figure, and the reason for the difference."""
    if not isinstance(record, FaceRecord):
        own = record.macro_f1 if record.kind is ModelKind.SOUND else record.accuracy
        compared = [(report, own, "Ours is the mean over folds of held-out songs.") for report in reports_of(record)]
    else:
        config = record.stages[-1].config  # extra training data of ours, beyond the reports'
        extras = ["people's votes on the pictures (FER+)"] if _is_on(config, "votes") else []
        if _is_distilled(config):
            extras.append(f"the answers of {join_names(config['teachers'])}")
        why = "Ours is measured on FER2013 PrivateTest, with its labels."
        if extras:
            why = f"Ours also learned from {join_names(extras)}, and averages a face and its mirror image. {why}"
        test = record.test
        compared = [
            (report, test.in_four if report.of == OF_FOUR else test.accuracy, why) for report in reports_of(record)
        ] + [
            (published, one.accuracy, "Ours is measured on a copy whose faces are cut out, with 48 and 144 pixels.")
            for name, one in (record.collections or {}).items()
            for published in baselines_of("collection", name)
        ]
    return [
        {
            "Report": report.title,
            "The report said": f"{report.percent}, {report.of}",
            "We got": percent(own),
            "Why they differ": f"The report: {report.note}. {why}",
        }
        for report, own, why in compared
    ]


def describe_figures(first: Record, found: Evaluation, second: Record, other: Evaluation) -> str:
    """Compare the accuracy of two models on a benchmark by their ranges, the better one first."""
    ranked = sorted(((first, found), (second, other)), key=lambda pair: -pair[1].accuracy)
    shares = ", ".join(f"{label_of(record.name)} {percent(own.accuracy)} ({own.range})" for record, own in ranked)
    are_alike = first.by_class.classes == second.by_class.classes
    return f"{shares}." + ("" if are_alike else " Their classes differ, so these figures do not compare.")


def describe_exception(first: Record, found: Evaluation, second: Record, other: Evaluation) -> str:
    """Name the class with a higher recall in the weaker of two models than in the better one; empty without one."""
    (_, strong), (weaker, weak) = sorted(((first, found), (second, other)), key=lambda pair: -pair[1].accuracy)
    more = {label: weak.recall[label] - recall for label, recall in strong.recall.items() if label in weak.recall}
    label = max(more, key=more.__getitem__, default="")
    if not more or more[label] <= 0:
        return ""
    shares = f"{percent(weak.recall[label])} against {percent(strong.recall[label])}"
    return f"Yet {label_of(weaker.name)} finds more {label}: {shares}."


def describe_comparison(first: Record, second: Record, test: McNemar) -> tuple[str, str]:
    """State which of two models is better or that chance can explain the difference, and the test behind it."""
    one, other = (label_of(record.name) for record in (first, second))
    is_face = first.kind is ModelKind.FACE
    in_four = ", in four classes" if first.by_class.classes != second.by_class.classes else ""
    if not test.is_beyond_chance:
        verdict = f"Chance can explain the difference between {one} and {other}"
    else:
        better, worse = (one, other) if test.only_first > test.only_second else (other, one)
        verdict = f"{better} is better than {worse}, beyond chance"
    p_value = "< 0.001" if test.p_value < 0.001 else f"= {test.p_value:.2g}"
    return verdict, (
        f"Of the same {test.n:,} {first.kind.examples}{in_four}, only {one} has {test.only_first:,} right and only "
        f"{other} {test.only_second:,}. On the others both are right or both are wrong (McNemar's exact test, "
        f"p {p_value})." + ("" if is_face else " Other folds can give another result.")
    )


def _counts_of(scores: ClassScores | None) -> str:
    """The counts behind the recall of a small class; empty for others."""
    if scores is None or scores.support >= _SMALL_CLASS:
        return ""
    return f" ({round(scores.recall * scores.support)} of {scores.support})"


def _is_distilled(config: Mapping[str, Any]) -> bool:
    """Whether the labels included teachers' answers."""
    return bool(config.get("teachers")) and _is_on(config, "distillation_weight")


def _is_on(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name)
    return isinstance(value, int | float) and value > 0
