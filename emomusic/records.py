"""The saved results of models in their one form, which training and `evaluate` write; and what others published."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
import numpy as np

from emomusic.affect import Quadrant
from emomusic.assets import METRICS, ModelKind, folder_of, read_metrics, write_json
from emomusic.errors import ModelError
from emomusic.metrics import FOUR, SEVEN, ClassMetrics, ClassScores, Count, IntArray, Scores, Share

Milliseconds = Annotated[float, msgspec.Meta(ge=0)]


class FaceBin(msgspec.Struct, frozen=True):
    """The accuracy of a model on similar faces, for example on those in profile.

    Attributes:
        name: the faces, for people.
        n: number of faces.
        accuracy: over the model's own classes.
    """

    name: str
    n: Count
    accuracy: Share


class CoveragePoint(msgspec.Struct, frozen=True):
    """The accuracy of a model if it answers only the share of the faces with the highest confidence.

    Attributes:
        coverage: the share of the faces that it answers.
        accuracy: the accuracy on these.
        accuracy_interval: 95 %.
        threshold: the least probability of an answer.
    """

    coverage: Share
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    threshold: Share


class PhotoScores(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of a face model on labelled photographs through the whole pipeline.

    Attributes:
        n: number of faces.
        missed: number of undetected faces. Each counts as wrong.
        accuracy: over the model's own classes, as are the next three.
        accuracy_interval: 95 %.
        four_class_accuracy: over Q1, Q2, Q3 and N.
        wrongly_turned: share of the found faces that were taken to be turned; None if it was not measured.
        coverage: the accuracy by share of answered faces; missed ones come last.
        folds: folds that the model's adjustment for photographs was evaluated in.
        calibration_error: the expected calibration error on detected faces.
        per_class: scores by class name.
        groups: bins of faces by a property ("pose", "size", "sharpness"), from easy to hard.
        groups_without: classes that the groups leave out, because the model cannot tell them apart.
    """

    n: Count
    missed: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    macro_recall: Share
    macro_f1: Share
    four_class_accuracy: Share
    folds: Count
    calibration_error: Share
    per_class: dict[str, ClassScores]
    groups: dict[str, tuple[FaceBin, ...]]
    groups_without: tuple[str, ...]
    wrongly_turned: Share | None = None
    coverage: tuple[CoveragePoint, ...] = ()


class Unseen(msgspec.Struct, frozen=True):
    """The accuracy on pictures without a duplicate in Training; None if there are none."""

    accuracy: Share | None
    n: Count


class CalibrationErrors(msgspec.Struct, frozen=True):
    """The expected calibration error, and that before temperature and label smoothing."""

    expected_error: Share
    expected_error_before: Share


class SplitScores(Scores, frozen=True, eq=False, kw_only=True, omit_defaults=True):
    """Metrics of a face model on one split of FER2013, against its labels."""

    not_in_training: Unseen
    calibration: CalibrationErrors


class VoteScores(Scores, frozen=True, eq=False, kw_only=True, omit_defaults=True):
    """Metrics of a face model on one split of FER2013, against the majority of ten people's votes (FER+).

    The votes have an eighth class, contempt, which no model has. Its faces count as wrong.

    Attributes:
        n: number of faces with a majority.
        contempt: number of those that show contempt.
        seven: the metrics without contempt of a model of seven emotions; else None.
        four: the same of a model of four classes.
    """

    contempt: Count
    seven: Scores | None = None
    four: Scores | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.seven is None) == (self.four is None):
            raise ValueError("expected either seven or four classes without contempt")

    @property
    def without_contempt(self) -> Scores:
        """The metrics in the model's own classes."""
        inner = self.seven or self.four
        assert inner is not None
        return inner


class CollectionScores(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics on one collection of posed faces (`evaluate face --images DIR --posed --record`).

    Attributes:
        persons: their number; 0 if the names of the pictures do not tell.
        people: who they are, and where from; empty if not known.
        is_trained: whether the network learned from most of these persons.
        recall: the recall of the classes that the collection has.
        wrongly_turned: share of the found faces that were taken to be turned; None if they were not searched.
    """

    n: Count
    missed: Count
    persons: Count
    people: str
    is_trained: bool
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    recall: dict[str, Share]
    wrongly_turned: Share | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a training; `made_by` describes its origin if the command did not make it."""

    config: dict[str, Any]
    epochs: Count
    best_epoch: Count
    val_accuracy: Share
    training_minutes: Annotated[float, msgspec.Meta(ge=0)]
    made_by: str = ""


class FaceRecord(
    msgspec.Struct,
    frozen=True,
    eq=False,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"name": "model", "num_bytes": "bytes"},
):
    """The saved results of a face model.

    Attributes:
        name: name of its folder.
        network: key in `training.presets.NETWORKS`.
        stages: the stages of the training.
        parameters: number of weights.
        num_bytes: size of the weights on disk.
        best_epoch: the epoch of the saved weights, from 1.
        ms_per_face: the time for a face in calls of eight faces with their mirror images.
        validation: the metrics on PublicTest of FER2013.
        test: the metrics on PrivateTest of FER2013.
        ferplus: against people's votes, by split; None if not measured, as are the next two.
        wild: the metrics on photographs.
        profiles: accuracy on persons of a collection by what a profile knows, with the number of faces and persons.
        turns: how well a layer that learned from the other collections predicts the rotation of the faces of one.
        posing: mean probability that the faces of a collection posed, by a layer that learned from the others.
        collections: the metrics on posed faces of collections.
        coverage: the accuracy on PrivateTest by share of answered faces, by "labels" and by "votes".
    """

    kind: ClassVar[ModelKind] = ModelKind.FACE

    name: str
    network: str
    preset: str
    stages: Annotated[tuple[Stage, ...], msgspec.Meta(min_length=1)]
    parameters: Count
    num_bytes: Count
    epochs: Count
    best_epoch: Count
    ms_per_face: Milliseconds | None = None
    training_minutes: float
    validation: SplitScores
    test: SplitScores
    ferplus: dict[str, VoteScores] | None = None
    wild: PhotoScores | None = None
    profiles: dict[str, dict[str, float]] | None = None
    turns: dict[str, dict[str, float]] | None = None
    posing: dict[str, float] | None = None
    collections: dict[str, CollectionScores] | None = None
    coverage: dict[str, tuple[CoveragePoint, ...]] | None = None

    def __post_init__(self) -> None:
        if self.classes not in (SEVEN, FOUR):
            raise ValueError(f"expected the classes {', '.join(SEVEN)} or {', '.join(FOUR)}. Received: {self.classes}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes. Compare the accuracy over four classes with `in_four` of other models."""
        return self.test.classes

    @property
    def by_class(self) -> ClassMetrics:
        """Its metrics by class on PrivateTest."""
        return self.test

    @property
    def votes(self) -> VoteScores | None:
        """Its metrics against people's votes on PrivateTest; None if not measured."""
        return (self.ferplus or {}).get("test")

    @property
    def evaluated_on(self) -> str:
        """The data, for people."""
        return f"FER2013 PrivateTest (n = {self.test.n})"


class MoodModelRecord(
    ClassMetrics,
    frozen=True,
    eq=False,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"name": "model", "num_bytes": "bytes"},
):
    """The saved results of a model that predicts moods from features, or quadrants from sound.

    The metrics by class are those of the first repeat of the folds.

    Attributes:
        kind: the kind of the model.
        name: name of its folder.
        n: number of songs.
        folds: the number of folds of all repeats.
        accuracy: mean over the folds.
        accuracy_std: standard deviation over the folds.
        macro_f1_std: standard deviation of `macro_f1`.
        calibration_error: over the first repeat of the folds.
        num_bytes: size of the model's files on disk.
        ms_per_song: the time for a song of a large batch; None if not measured.
    """

    kind: ModelKind
    name: str
    n: Count
    folds: Count
    accuracy: Share
    accuracy_std: Share
    macro_f1: Share
    macro_f1_std: Share
    calibration_error: Share
    num_bytes: Count
    ms_per_song: Milliseconds | None = None

    @property
    def by_class(self) -> ClassMetrics:
        """Its metrics by mood, also of quadrants."""
        if self.kind is ModelKind.MUSIC:
            return self
        moods = {Quadrant(name).mood.value: scores for name, scores in self.per_class.items()}
        return ClassMetrics(per_class=moods, confusion=self.confusion)

    @property
    def evaluated_on(self) -> str:
        """The data, for people."""
        data = "data_moods.csv" if self.kind is ModelKind.MUSIC else "4Q clips"
        return f"{self.folds} folds of {data} (n = {self.n})"


Record: TypeAlias = FaceRecord | MoodModelRecord


def read_record(kind: ModelKind, name: str) -> Record:
    """Read the results of one model. Raise a `ModelError` if they are absent or damaged."""
    folder = folder_of(kind, name)
    try:
        record = _converted(kind, read_metrics(folder))
    except msgspec.ValidationError as error:
        raise ModelError(f"expected the results of a {kind} model in {folder}. Received: {error}") from error
    return msgspec.structs.replace(record, name=name)  # a folder may be a copy


def read_face_record(name: str) -> FaceRecord:
    """Read the results of one face model. Raise a `ModelError` if they are absent or damaged."""
    record = read_record(ModelKind.FACE, name)
    assert isinstance(record, FaceRecord)
    return record


def write_metrics(kind: ModelKind, folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write the results of a model.

    Raises:
        ModelError: they have not the form that `read_record` reads.
    """
    try:
        _converted(kind, metrics)
    except msgspec.ValidationError as error:
        raise ModelError(f"expected the results of a {kind} model to write. Received: {error}") from error
    write_json(folder / METRICS, metrics)


def _converted(kind: ModelKind, metrics: Mapping[str, Any]) -> Record:
    if kind is ModelKind.FACE:
        return msgspec.convert(metrics, FaceRecord, dec_hook=_matrix)
    values = {**metrics, "kind": kind}
    spread = metrics.get("accuracy")
    if isinstance(spread, Mapping):  # a model of moods
        values |= {"accuracy": spread.get("mean"), "accuracy_std": spread.get("std")}
    return msgspec.convert(values, MoodModelRecord, dec_hook=_matrix)


def _matrix(_: type, value: object) -> IntArray:
    """A confusion matrix from JSON."""
    return np.array(msgspec.convert(value, list[list[Count]]), np.int64)


# Accuracies that student reports and papers published, from `baselines.toml`. We did not measure them

OF_FOUR = "four classes"
"""Value of `Baseline.of`."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published accuracy.

    Attributes:
        figure: accuracy from 0 to 1; the upper end if the report gives a range.
        of: the classes, for people.
        title: title of the report.
        note: differences from our setup, and facts that the report leaves out.
        lowest: the lower end of a range; None for a single figure.
        f1: F1 by class, if published.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: dict[str, float] = field(default_factory=dict)

    @property
    def percent(self) -> str:
        """The figure for people: "69 %" or "58 to 63 %"."""
        high = f"{100 * self.figure:.3g} %"
        return high if self.lowest is None else f"{100 * self.lowest:.3g} to {high}"


def baselines_of(kind: str, name: str) -> Sequence[Baseline]:
    """The published accuracies of a kind of model, for the name of a face model's network, or of another model."""
    return _baselines()[kind].get(name, ())


@cache
def _baselines() -> Mapping[str, Mapping[str, Sequence[Baseline]]]:
    kinds = tomllib.loads(Path(__file__).with_name("baselines.toml").read_text(encoding="utf-8"))
    return {
        kind: {name: tuple(Baseline(**report) for report in reports) for name, reports in models.items()}
        for kind, models in kinds.items()
    }


def filled_card(template: Path, **values: Any) -> str:
    """The text of a `CARD.md` from a template of Jinja, whose filter `percent` writes shares."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda share, digits=1: f"{share:.{digits}%}"
    return environment.get_template(template.name).render(**values)
