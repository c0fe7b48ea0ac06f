"""Records of the trained models, read from saved files. No model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec

from emomusic.assets import METRICS, ModelKind, folder_of, models_dir, read_metrics
from emomusic.baselines import FACE_BASELINES, MUSIC_BASELINES, Baseline
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.metrics import FOUR, SEVEN, ClassScores
from emomusic.music import mood_models
from emomusic.text import csv_text, escape_formula

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0)]


NOT_FOUND = "not found"
"""The name of the `FaceBin` of undetected faces."""


@dataclass(frozen=True, slots=True)
class SavedScores(ClassScores):
    """Scores of one class from a file. Reading checks the ranges."""

    precision: Share
    recall: Share
    f1: Share
    support: Count


@dataclass(frozen=True, slots=True)
class FaceBin:
    """The accuracy of a model on similar faces, for example on those in profile.

    Attributes:
        name: the faces, for people, or `NOT_FOUND`.
        n: number of faces.
        accuracy: over the model's own classes.
    """

    name: str
    n: Count
    accuracy: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class FerPlusFigures:
    """Metrics of a face model on PrivateTest against the majority of ten people's votes (FER+).

    The votes have an eighth class, contempt, which no model has. Its faces count as wrong.

    Attributes:
        n: number of faces with a majority.
        contempt: number of those that show contempt.
        accuracy: over the model's own classes.
        accuracy_interval: 95 %.
        four_class_accuracy: over Q1, Q2, Q3 and N.
        macro_recall: over the model's own classes, without the faces of contempt, as is `macro_f1`.
    """

    n: Count
    contempt: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    four_class_accuracy: Share
    macro_recall: Share
    macro_f1: Share

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"accuracy_interval": list(self.accuracy_interval)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WildFigures:
    """Metrics of a face model on photographs through the whole pipeline. Older files lack some: those are None.

    Attributes:
        n: number of faces.
        missed: number of undetected faces. Each counts as wrong.
        accuracy: over the model's own classes.
        accuracy_interval: 95 %.
        four_class_accuracy: over Q1, Q2, Q3 and N.
        folds: folds that the model's adjustment for photographs was evaluated in.
        calibration_error: the expected calibration error on detected faces.
        per_class: scores by class name.
        groups: bins of faces by a property ("pose", "size", "sharpness"), from easy to hard.
        groups_without: classes that the groups leave out, because the model cannot tell them apart.
    """

    n: Count
    missed: Count | None = None
    accuracy: Share
    accuracy_interval: tuple[Share, Share] | None = None
    macro_recall: Share | None = None
    macro_f1: Share | None = None
    four_class_accuracy: Share
    folds: Count | None = None
    calibration_error: Share | None = None
    per_class: Mapping[str, SavedScores] | None = None
    groups: Mapping[str, tuple[FaceBin, ...]] | None = None
    groups_without: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without those that are None."""
        values = msgspec.json.decode(msgspec.json.encode(self))
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRecord:
    """The saved results of a face model.

    Attributes:
        name: name of its folder.
        is_default: whether the app and the commands use it unless told otherwise.
        classes: its classes. Compare the accuracy over four classes with the `four_class_accuracy` of other models.
        accuracy: from 0 to 1, like all shares here; over its own classes.
        accuracy_interval: 95 %.
        unseen_accuracy: on test pictures without a duplicate in Training; None if there are none.
        num_unseen: number of those pictures.
        ferplus: against people's votes; None if not measured.
        wild: on photographs; None if not measured.
        reported: published accuracies of such a model.
        evaluated_on: the data, for people.
        parameters: number of weights.
        num_bytes: size of the weights on disk.
        ms_per_item: time for one face; None if not measured.
    """

    kind: ClassVar[ModelKind] = ModelKind.FACE
    item: ClassVar[str] = "a face"

    name: str
    is_default: bool
    classes: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    four_class_accuracy: float
    macro_f1: float
    calibration_error: float
    unseen_accuracy: float | None
    num_unseen: int
    ferplus: FerPlusFigures | None
    wild: WildFigures | None
    reported: tuple[Baseline, ...]
    evaluated_on: str
    parameters: int
    num_bytes: int
    ms_per_item: float | None

    @property
    def has_four(self) -> bool:
        """Whether it has four classes instead of seven emotions."""
        return self.classes == FOUR

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `models --json`."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "default": self.is_default,
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "four_class_accuracy": self.four_class_accuracy,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "not_in_training": {"accuracy": self.unseen_accuracy, "n": self.num_unseen},
            "ferplus": None if self.ferplus is None else self.ferplus.as_dict(),
            "wild": None if self.wild is None else self.wild.as_dict(),
            "reported": [report.as_dict() for report in self.reported],
            "evaluated_on": self.evaluated_on,
            "parameters": self.parameters,
            "bytes": self.num_bytes,
            "item": self.item,
            "ms_per_item": self.ms_per_item,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodRecord:
    """The saved results of a mood model. `FaceRecord` explains the attributes that are not listed.

    Attributes:
        accuracy: mean over the folds.
        accuracy_std: standard deviation over the folds.
        calibration_error: over the first repeat of the folds.
        ms_per_item: time for one song in a large batch; None if not measured.
    """

    kind: ClassVar[ModelKind] = ModelKind.MUSIC
    item: ClassVar[str] = "a song"

    name: str
    is_default: bool
    classes: tuple[str, ...]
    accuracy: float
    accuracy_std: float
    macro_f1: float
    calibration_error: float
    reported: tuple[Baseline, ...]
    evaluated_on: str
    num_bytes: int
    ms_per_item: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `models --json`."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "default": self.is_default,
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "accuracy_std": self.accuracy_std,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "reported": [report.as_dict() for report in self.reported],
            "evaluated_on": self.evaluated_on,
            "bytes": self.num_bytes,
            "item": self.item,
            "ms_per_item": self.ms_per_item,
        }


ModelRecord = FaceRecord | MoodRecord


@dataclass(frozen=True, slots=True)
class _Unseen:
    accuracy: Share | None
    n: Count


@dataclass(frozen=True, slots=True)
class _Calibration:
    expected_error: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class _FaceTest:
    n: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    four_class_accuracy: Share | msgspec.UnsetType = msgspec.UNSET
    macro_f1: Share
    calibration: _Calibration
    not_in_training: _Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithoutContempt:
    n: Count
    accuracy: Share
    macro_recall: Share
    macro_f1: Share
    four_class_accuracy: Share | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class _FerPlusTest:
    """The figures on PrivateTest; those without contempt are in `seven` or `four`, depending on the classes."""

    n: Annotated[int, msgspec.Meta(ge=1)]
    contempt: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    seven: _WithoutContempt | msgspec.UnsetType = msgspec.UNSET
    four: _WithoutContempt | msgspec.UnsetType = msgspec.UNSET

    def figures(self, classes: tuple[str, ...]) -> FerPlusFigures:
        """The figures of a model with these classes."""
        inner = self.four if classes == FOUR else self.seven
        if isinstance(inner, msgspec.UnsetType):
            raise msgspec.ValidationError(f"no ferplus.test.{'four' if classes == FOUR else 'seven'}")
        share = inner.accuracy if classes == FOUR else inner.four_class_accuracy
        if isinstance(share, msgspec.UnsetType):
            raise msgspec.ValidationError("no ferplus.test.seven.four_class_accuracy")
        if inner.n + self.contempt != self.n:
            raise msgspec.ValidationError(f"{inner.n} faces and {self.contempt} of contempt for {self.n} faces")
        return FerPlusFigures(
            n=self.n,
            contempt=self.contempt,
            accuracy=self.accuracy,
            accuracy_interval=self.accuracy_interval,
            four_class_accuracy=share * inner.n / self.n,
            macro_recall=inner.macro_recall,
            macro_f1=inner.macro_f1,
        )


@dataclass(frozen=True, slots=True)
class _FerPlus:
    test: _FerPlusTest


@dataclass(frozen=True, slots=True)
class _FaceMetrics:
    """The parts of a face model's `metrics.json` that its record needs."""

    test: _FaceTest
    parameters: Count
    bytes: Count
    ferplus: _FerPlus | None = None
    wild: WildFigures | None = None
    ms_per_face: Milliseconds | None = None


@dataclass(frozen=True, slots=True)
class _FoldAccuracy:
    mean: Share
    std: Share


@dataclass(frozen=True, slots=True)
class _MoodMetrics:
    """The parts of a mood model's `metrics.json` that its record needs."""

    n: Count
    folds: Count
    accuracy: _FoldAccuracy
    macro_f1: Share
    calibration_error: Share
    per_class: dict[str, Any]
    ms_per_song: Milliseconds | None = None


def read_records(kind: ModelKind) -> tuple[list[ModelRecord], dict[str, ModelError]]:
    """The records of all models of a kind, the default first, and the errors of damaged ones by name."""
    names: list[str]
    read: Callable[[str], ModelRecord]
    if kind is ModelKind.FACE:
        names, read = model_files.face_models(), face_model_record
    else:
        names, read = music_models(), mood_model_record
    records, problems = [], {}
    for name in names:
        try:
            records.append(read(name))
        except ModelError as error:
            problems[name] = error
    return records, problems


def music_models() -> list[str]:
    """Names of the trained mood models, the default first."""
    names = sorted(path.parent.name for path in (models_dir() / ModelKind.MUSIC).glob(f"*/{METRICS}"))
    return sorted(names, key=lambda name: name != mood_models.DEFAULT_MOOD_MODEL)


def overview_csv(records: Sequence[ModelRecord]) -> str:
    """Records of one kind as a table with one row for each model. Nested values become several columns.

    Scores by class are left out. `class_metrics_csv` has them for one model.
    """
    rows = []
    for record in records:
        row: dict[str, Any] = {}
        for name, value in record.as_dict().items():
            if name == "reported":
                row[name] = "; ".join(f"{r.percent} ({r.title}; {r.note})" for r in record.reported)
            elif name == "name":
                row[name] = escape_formula(value)  # a folder may have any name
            elif value is not None or name not in ("ferplus", "wild"):
                row |= _columns(name, value)
        rows.append(row)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text(columns, ([row.get(column, "") for column in columns] for row in rows))


def _columns(name: str, value: Any) -> dict[str, Any]:
    """A field as columns: two for an interval, one for each part of a dict and of a bin of faces."""
    if name.endswith("accuracy_interval"):
        low, high = value
        return {f"{name.removesuffix('interval')}{end}": figure for end, figure in (("low", low), ("high", high))}
    if isinstance(value, dict):
        columns: dict[str, Any] = {}
        for part, figure in value.items():
            if part == "groups":
                bins = [(group, item) for group, items in figure.items() for item in items]
                for group, item in bins:
                    columns |= {f"{name}_{group}_{item['name']}_{key}": item[key] for key in ("n", "accuracy")}
            elif part != "per_class":
                columns |= _columns(f"{name}_{part}", figure)
        return columns
    return {name: " ".join(value) if isinstance(value, list) else value}


def face_classes(folder: Path) -> tuple[str, ...]:
    """The classes of a face model: the seven emotions, or Q1, Q2, Q3 and N.

    Raises:
        ModelError: its `spec.json` is absent or damaged, or names other classes.
    """
    classes = model_files.read_spec(folder).classes
    if classes not in (SEVEN, FOUR):
        raise ModelError(f"expected {', '.join(SEVEN)} or {', '.join(FOUR)} in {folder}. Received: {classes}")
    return classes


def face_model_record(name: str) -> FaceRecord:
    """The record of one face model.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = model_files.model_folder(name)
    classes = face_classes(folder)
    report = FACE_BASELINES.get(model_files.read_spec(folder).network)
    try:
        metrics = msgspec.convert(read_metrics(folder), _FaceMetrics)
        test = metrics.test
        four_class_accuracy = test.accuracy if classes == FOUR else test.four_class_accuracy
        if isinstance(four_class_accuracy, msgspec.UnsetType):
            raise msgspec.ValidationError("no four_class_accuracy")
        ferplus = None if metrics.ferplus is None else metrics.ferplus.test.figures(classes)
        wild = metrics.wild
        if wild is not None and wild.per_class is not None and set(wild.per_class) != set(classes):
            raise msgspec.ValidationError(f"wild.per_class of {', '.join(wild.per_class)}")
    except msgspec.ValidationError as error:
        raise ModelError(f"expected the figures of a face model in {folder}. Received: {error}") from error
    return FaceRecord(
        name=name,
        is_default=name == model_files.DEFAULT_MODEL,
        classes=classes,
        accuracy=test.accuracy,
        accuracy_interval=test.accuracy_interval,
        four_class_accuracy=four_class_accuracy,
        macro_f1=test.macro_f1,
        calibration_error=test.calibration.expected_error,
        unseen_accuracy=test.not_in_training.accuracy,
        num_unseen=test.not_in_training.n,
        ferplus=ferplus,
        wild=wild,
        reported=() if report is None else (report,),
        evaluated_on=f"FER2013 PrivateTest (n = {test.n})",
        parameters=metrics.parameters,
        num_bytes=metrics.bytes,
        ms_per_item=metrics.ms_per_face,
    )


def mood_model_record(name: str) -> MoodRecord:
    """The record of one mood model.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = folder_of(ModelKind.MUSIC, name)
    try:
        metrics = msgspec.convert(read_metrics(folder), _MoodMetrics)
        num_bytes = sum(path.stat().st_size for path in folder.glob("model.*"))
    except (OSError, msgspec.ValidationError) as error:
        raise ModelError(f"expected the figures of a mood model in {folder}. Received: {error}") from error
    return MoodRecord(
        name=name,
        is_default=name == mood_models.DEFAULT_MOOD_MODEL,
        classes=tuple(metrics.per_class),
        accuracy=metrics.accuracy.mean,
        accuracy_std=metrics.accuracy.std,
        macro_f1=metrics.macro_f1,
        calibration_error=metrics.calibration_error,
        reported=MUSIC_BASELINES.get(name, ()),
        evaluated_on=f"{metrics.folds} folds of data_moods.csv (n = {metrics.n})",
        num_bytes=num_bytes,
        ms_per_item=metrics.ms_per_song,
    )


def version_of(kind: ModelKind, name: str) -> tuple[Path, float]:
    """A cache key for a model's saved results: its folder, and when its metrics were written (0.0 if absent)."""
    folder = folder_of(kind, name)
    path = folder / METRICS
    return folder, path.stat().st_mtime if path.exists() else 0.0
