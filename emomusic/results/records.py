"""Records of the trained models, read from saved files. No model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec

from emomusic.assets import METRICS, ModelKind, folder_of, models_dir, read_metrics
from emomusic.baselines import FACE_BASELINES, MUSIC_BASELINES, SOUND_BASELINE, Baseline
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.metrics import FOUR, SEVEN, ClassScores, Count, Share
from emomusic.songs import mood_models
from emomusic.text import csv_text, escape_formula

Milliseconds = Annotated[float, msgspec.Meta(ge=0)]


NOT_FOUND = "not found"
"""The name of the `FaceBin` of undetected faces."""


class FaceBin(msgspec.Struct, frozen=True):
    """The accuracy of a model on similar faces, for example on those in profile.

    Attributes:
        name: the faces, for people, or `NOT_FOUND`.
        n: number of faces.
        accuracy: over the model's own classes.
    """

    name: str
    n: Count
    accuracy: Share


class FerPlusFigures(msgspec.Struct, frozen=True, kw_only=True):
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

    n: int
    contempt: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    four_class_accuracy: float
    macro_recall: float
    macro_f1: float


class WildFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    per_class: dict[str, ClassScores] | None = None
    groups: dict[str, tuple[FaceBin, ...]] | None = None
    groups_without: tuple[str, ...] | None = None


class Unseen(msgspec.Struct, frozen=True):
    """The accuracy on test pictures without a duplicate in Training; None if there are none."""

    accuracy: Share | None
    n: Count


class FaceRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag=ModelKind.FACE.value,
    rename={"is_default": "default", "num_bytes": "bytes"},
):
    """The saved results of a face model, and its document in `models --json`.

    Attributes:
        name: name of its folder.
        is_default: whether the app and the commands use it unless told otherwise.
        classes: its classes. Compare the accuracy over four classes with the `four_class_accuracy` of other models.
        accuracy: from 0 to 1, like all shares here; over its own classes.
        accuracy_interval: 95 %.
        not_in_training: on the test pictures that are not also in Training.
        ferplus: against people's votes; None if not measured.
        wild: on photographs; None if not measured.
        reported: published accuracies of such a model.
        evaluated_on: the data, for people.
        parameters: number of weights.
        num_bytes: size of the weights on disk.
        item: what it classifies.
        ms_per_item: time for one face; None if not measured.
    """

    kind: ClassVar[ModelKind] = ModelKind.FACE

    name: str
    is_default: bool
    classes: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    four_class_accuracy: float
    macro_f1: float
    calibration_error: float
    not_in_training: Unseen
    ferplus: FerPlusFigures | None
    wild: WildFigures | None
    reported: tuple[Baseline, ...]
    evaluated_on: str
    parameters: int
    num_bytes: int
    item: str = "a face"
    ms_per_item: float | None

    @property
    def has_four(self) -> bool:
        """Whether it has four classes instead of seven emotions."""
        return self.classes == FOUR


class MoodRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag=ModelKind.MUSIC.value,
    rename={"is_default": "default", "num_bytes": "bytes"},
):
    """The saved results of a mood model. `FaceRecord` explains the attributes that are not listed.

    Attributes:
        accuracy: mean over the folds.
        accuracy_std: standard deviation over the folds.
        calibration_error: over the first repeat of the folds.
        ms_per_item: time for one song in a large batch; None if not measured.
    """

    kind: ClassVar[ModelKind] = ModelKind.MUSIC

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
    item: str = "a song"
    ms_per_item: float | None


class SoundRecord(MoodRecord, frozen=True, kw_only=True, tag=ModelKind.SOUND.value):
    """The saved results of a model that hears mood, in the quadrants of songs."""

    kind: ClassVar[ModelKind] = ModelKind.SOUND


ModelRecord = FaceRecord | MoodRecord | SoundRecord


class _Calibration(msgspec.Struct):
    expected_error: Share


class _FaceTest(msgspec.Struct):
    n: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    macro_f1: Share
    calibration: _Calibration
    not_in_training: Unseen
    four_class_accuracy: Share | msgspec.UnsetType = msgspec.UNSET  # absent for models of four classes


class _WithoutContempt(msgspec.Struct):
    n: Count
    accuracy: Share
    macro_recall: Share
    macro_f1: Share
    four_class_accuracy: Share | msgspec.UnsetType = msgspec.UNSET


class _FerPlusTest(msgspec.Struct):
    """The figures on PrivateTest; those without contempt are in `seven` or `four`, depending on the classes."""

    n: Annotated[int, msgspec.Meta(ge=1)]
    contempt: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    seven: _WithoutContempt | None = None
    four: _WithoutContempt | None = None

    def figures(self, classes: tuple[str, ...]) -> FerPlusFigures:
        """The figures of a model with these classes."""
        inner = self.four if classes == FOUR else self.seven
        if inner is None:
            raise msgspec.ValidationError(f"no ferplus.test.{'four' if classes == FOUR else 'seven'}")
        return FerPlusFigures(
            n=self.n,
            contempt=self.contempt,
            accuracy=self.accuracy,
            accuracy_interval=self.accuracy_interval,
            four_class_accuracy=_in_four(inner, classes) * inner.n / self.n,
            macro_recall=inner.macro_recall,
            macro_f1=inner.macro_f1,
        )


def _in_four(figures: _FaceTest | _WithoutContempt, classes: tuple[str, ...]) -> float:
    """The accuracy over four classes, which a model of four classes does not repeat."""
    share = figures.accuracy if classes == FOUR else figures.four_class_accuracy
    if isinstance(share, msgspec.UnsetType):
        raise msgspec.ValidationError("no four_class_accuracy")
    return share


class _FerPlus(msgspec.Struct):
    test: _FerPlusTest


class _FaceMetrics(msgspec.Struct):
    """The parts of a face model's `metrics.json` that its record needs."""

    test: _FaceTest
    parameters: Count
    bytes: Count
    ferplus: _FerPlus | None = None
    wild: WildFigures | None = None
    ms_per_face: Milliseconds | None = None


class _FoldAccuracy(msgspec.Struct):
    mean: Share
    std: Share


class _MoodMetrics(msgspec.Struct):
    """The parts of a mood model's `metrics.json` that its record needs."""

    n: Count
    folds: Count
    accuracy: _FoldAccuracy
    macro_f1: Share
    calibration_error: Share
    per_class: dict[str, ClassScores]
    ms_per_song: Milliseconds | None = None


class _SoundMetrics(msgspec.Struct):
    """The parts of a sound model's `metrics.json` that its record needs."""

    n: Count
    folds: Count
    accuracy: Share
    accuracy_std: Share
    macro_f1: Share
    calibration_error: Share
    per_class: dict[str, ClassScores]


def read_records(kind: ModelKind) -> tuple[list[ModelRecord], dict[str, ModelError]]:
    """The records of all models of a kind, the default first, and the errors of damaged ones by name."""
    names: list[str]
    read: Callable[[str], ModelRecord]
    if kind is ModelKind.FACE:
        names, read = model_files.face_models(), face_model_record
    elif kind is ModelKind.SOUND:
        names, read = _names_of(kind), sound_model_record
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
    return sorted(_names_of(ModelKind.MUSIC), key=lambda name: name != mood_models.DEFAULT_MOOD_MODEL)


def _names_of(kind: ModelKind) -> list[str]:
    return sorted(path.parent.name for path in (models_dir() / kind).glob(f"*/{METRICS}"))


def overview_csv(records: Sequence[ModelRecord]) -> str:
    """Records of one kind as a table with one row for each model. Nested values become several columns.

    Scores by class are left out. `class_metrics_csv` has them for one model.
    """
    rows = []
    for record in records:
        values = msgspec.to_builtins(record)
        values["reported"] = "; ".join(f"{r.percent} ({r.title}; {r.note})" for r in record.reported)
        values["name"] = escape_formula(record.name)  # a folder may have any name
        rows.append(dict(_columns(values)))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text(columns, ([row.get(column, "") for column in columns] for row in rows))


def _columns(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The columns of a document: two for an interval, one for each part of a dict and of a bin of faces."""
    for name, value in values.items():
        if name == "accuracy_interval":
            yield from zip((f"{prefix}accuracy_low", f"{prefix}accuracy_high"), value, strict=True)
        elif name == "groups":
            for group, bins in value.items():
                for faces in bins:
                    yield from _columns(faces, f"{prefix}{group}_{faces.pop('name')}_")
        elif isinstance(value, dict):
            if name != "per_class":
                yield from _columns(value, f"{prefix}{name}_")
        elif name not in ("ferplus", "wild"):  # not measured
            yield f"{prefix}{name}", " ".join(value) if isinstance(value, tuple) else value


def face_classes(folder: Path) -> tuple[str, ...]:
    """The classes of a face model. Raise a `ModelError` if they are neither the seven emotions nor Q1, Q2, Q3 and N."""
    classes = model_files.read_spec(folder).classes
    if classes not in (SEVEN, FOUR):
        raise ModelError(f"expected {', '.join(SEVEN)} or {', '.join(FOUR)} in {folder}. Received: {classes}")
    return classes


def face_model_record(name: str) -> FaceRecord:
    """The record of one face model. Raise a `ModelError` if its files are damaged."""
    folder = model_files.model_folder(name)
    classes = face_classes(folder)
    report = FACE_BASELINES.get(model_files.read_spec(folder).network)
    try:
        metrics = msgspec.convert(read_metrics(folder), _FaceMetrics)
        test = metrics.test
        four_class_accuracy = _in_four(test, classes)
        ferplus = None if metrics.ferplus is None else metrics.ferplus.test.figures(classes)
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
        not_in_training=test.not_in_training,
        ferplus=ferplus,
        wild=metrics.wild,
        reported=() if report is None else (report,),
        evaluated_on=f"FER2013 PrivateTest (n = {test.n})",
        parameters=metrics.parameters,
        num_bytes=metrics.bytes,
        ms_per_item=metrics.ms_per_face,
    )


def mood_model_record(name: str) -> MoodRecord:
    """The record of one mood model. Raise a `ModelError` if its files are damaged."""
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


def sound_model_record(name: str) -> SoundRecord:
    """The record of one model that hears mood.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = folder_of(ModelKind.SOUND, name)
    try:
        metrics = msgspec.convert(read_metrics(folder), _SoundMetrics)
        num_bytes = sum((folder / file).stat().st_size for file in ("network.onnx", "head.npz"))
    except (OSError, msgspec.ValidationError) as error:
        raise ModelError(f"expected the figures of a sound model in {folder}. Received: {error}") from error
    return SoundRecord(
        name=name,
        is_default=True,
        classes=tuple(metrics.per_class),
        accuracy=metrics.accuracy,
        accuracy_std=metrics.accuracy_std,
        macro_f1=metrics.macro_f1,
        calibration_error=metrics.calibration_error,
        reported=(SOUND_BASELINE,),
        evaluated_on=f"{metrics.folds} folds of 4Q clips (n = {metrics.n})",
        num_bytes=num_bytes,
        ms_per_item=None,
    )
