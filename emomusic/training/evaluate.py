"""Evaluate a face model on FER2013 or on a folder of labelled photographs."""

from __future__ import annotations

import itertools
import logging
import tempfile
import timeit
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, Emotion
from emomusic.assets import CARD, METRICS, SPEC, ModelKind, read_metrics
from emomusic.calibration import fit_adjustment, separable_classes
from emomusic.errors import DatasetError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.fer2013 import NO_MAJORITY, LabelledFaces, Split, evaluate_on_votes, majority, votes_on
from emomusic.faces.identity import describe_persons
from emomusic.faces.profile import FaceProfile, nearest_persons
from emomusic.media.images import Box, RgbImage, crop_face
from emomusic.metrics import (
    MISSED,
    FloatArray,
    IntArray,
    Scores,
    coverage_curve,
    evaluate,
    expected_calibration_error,
    in_classes,
)
from emomusic.records import PhotoScores, write_metrics
from emomusic.training.card import write_card
from emomusic.training.labelled import Source
from emomusic.training.people import collection_record
from emomusic.training.posed import COLLECTIONS, largest_faces

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

ANSWERED = 0.8
"""Share of the faces of PublicTest that are clear to a model."""
FOLDS = 5
"""Folds of labelled photographs for evaluating an adjustment."""
Adjustment = tuple[tuple[float, ...], ...]
"""As `ModelSpec.adjustment`."""

_TIMED = 8  # faces in one timed call
_SHARPNESS_SIDE = 96  # pixels; sharpness depends on the size of the crop


def evaluate_splits(
    splits: Mapping[Split, LabelledFaces],
    before: Mapping[Split, npt.NDArray[Any]],
    after: Mapping[Split, npt.NDArray[Any]],
    classes: Sequence[str],
) -> dict[str, Any]:
    """Metrics of each split from probabilities before and after calibration, and against the votes, for JSON."""
    found: dict[str, Any] = {}
    for split, rows in after.items():
        y_true, unseen = in_classes(splits[split].labels, classes), ~splits[split].in_training
        is_right = y_true == rows.argmax(axis=1)
        found[split.value] = {
            **evaluate(splits[split].labels, rows.argmax(axis=1), classes).as_dict(),
            "not_in_training": {
                "n": int(unseen.sum()),
                "accuracy": float(is_right[unseen].mean()) if unseen.any() else None,
            },
            "calibration": {
                "expected_error": expected_calibration_error(y_true, rows),
                "expected_error_before": expected_calibration_error(y_true, before[split]),
            },
        }
    votes = {s.value: evaluate_on_votes(splits[s].images, s, rows.argmax(axis=1), classes) for s, rows in after.items()}
    return found | {"ferplus": votes} if all(votes.values()) else found


def evaluate_pictures(
    pictures: list[tuple[Source, Emotion]],
    classifier: EmotionClassifier,
    detector: FaceDetector | None,
    on_progress: Callable[..., None] = lambda *_: None,
    profile: FaceProfile | None = None,
    turned: int = 0,
) -> tuple[Scores, Counter[int], int]:
    """Metrics on labelled photographs through the whole pipeline, turns, and the number of faces of a known person.

    Args:
        pictures: paths and emotions, from `labelled.labelled_pictures`.
        classifier: the model with its adjustment for photographs.
        detector: finds the faces; the largest face counts. None if the pictures are face crops.
        on_progress: takes the number of pictures done, and of all.
        profile: that of the person whose faces are read with it; None for no person.
        turned: degrees by which each picture is turned clockwise before it is read.

    Returns:
        The metrics, in which pictures without a face and unreadable pictures count as wrong and as missed; the number
        of faces by the degrees by which they were taken to be turned; the number of faces of the person.
    """
    y_pred, turns, num_known = np.full(len(pictures), MISSED), Counter[int](), 0
    paths = [path for path, _ in pictures]
    for index, image, found, crop in largest_faces(paths, detector, on_progress, turned=turned):
        face = found or Face(Box(0, 0, image.shape[1], image.shape[0]), 1.0)
        turns.update([] if found is None else [(360 - face.turn) % 360])
        if profile is not None and nearest_persons(describe_persons(image, [face]), [profile])[0] is not None:
            answer = profile.classify_still(image, face)
            y_pred[index], num_known = answer.emotion.label, num_known + 1
        else:
            y_pred[index] = classifier.adjusted_probabilities([crop])[0].argmax()
    return evaluate(_labels(pictures), y_pred, classifier.spec.classes), turns, num_known


def share_turned(turns: Counter[int], turned: int = 0) -> float | None:
    """The share of the found faces whose predicted rotation is not that of the pictures; None without a search."""
    return 1 - turns[turned] / turns.total() if turns else None


def fit_to_pictures(
    pictures: list[tuple[Source, Emotion]],
    classifier: EmotionClassifier,
    detector: FaceDetector | None,
    on_progress: Callable[..., None] = lambda *_: None,
) -> tuple[dict[str, Any], Adjustment]:
    """Fit and cross-validate the adjustment of a model for photographs.

    Args: as for `evaluate_pictures`; the current adjustment of `classifier` is ignored.

    Returns:
        The metrics for JSON (`records.PhotoScores`), where the adjustment of each fold was fitted on the other folds;
        and the adjustment fitted on all pictures. The groups of faces leave out classes that the model cannot tell
        apart, which would distort the groups where they are frequent.

    Raises:
        DatasetError: fewer than `FOLDS` faces of one of the model's classes.
    """
    classes = classifier.spec.classes
    found, rows, conditions, turns = [], [], [], Counter[int]()
    for index, image, face, crop in largest_faces([path for path, _ in pictures], detector, on_progress):
        found.append(index)
        turns.update([] if face is None else [(360 - face.turn) % 360])
        rows.append(classifier.read([crop]))
        # Face crops and turned faces have no landmarks
        conditions.append(None if face is None or face.landmarks is None else conditions_of(image, face))
    y_true = in_classes(_labels(pictures), classes)[found]
    answers, features = map(np.concatenate, zip(*rows, strict=True))
    adjusted, adjustment = _adjust_in_folds(y_true, answers, features, classifier)
    y_pred = np.full(len(pictures), MISSED)
    y_pred[found] = adjusted.argmax(axis=1)
    told = np.isin(y_true, separable_classes(y_true, answers))
    confidence = np.zeros(len(pictures))
    confidence[found] = adjusted.max(axis=1)
    record = evaluation_record(classifier.spec.name, evaluate(_labels(pictures), y_pred, classes)) | {
        "wrongly_turned": share_turned(turns),
        "coverage": coverage_curve(y_pred == in_classes(_labels(pictures), classes), confidence),
        "folds": FOLDS,
        "calibration_error": expected_calibration_error(y_true, adjusted),
        "groups": accuracy_by_condition(list(itertools.compress(conditions, told)), (y_pred[found] == y_true)[told]),
        "groups_without": [name for label, name in enumerate(classes) if not told[y_true == label].any()],
    }
    return record, tuple(tuple(round(float(number), 3) for number in row) for row in adjustment)


def can_fit(pictures: Sequence[tuple[Source, Emotion]], classes: Sequence[str]) -> bool:
    """Whether there are enough pictures of each class for `fit_to_pictures`."""
    counts = np.bincount(in_classes(_labels([*pictures]), classes), minlength=len(classes))
    return int(counts.min()) >= FOLDS


def _adjust_in_folds(
    y_true: IntArray, answers: FloatArray, features: FloatArray, classifier: EmotionClassifier
) -> tuple[FloatArray, FloatArray]:
    """Probabilities, each with an adjustment fitted on the other folds, and the adjustment fitted on all.

    Raises as `fit_to_pictures`.
    """
    from sklearn.model_selection import StratifiedKFold

    classes = classifier.spec.classes
    counts = np.bincount(y_true, minlength=len(classes))
    if counts.min() < FOLDS:
        raise DatasetError(
            f"expected {FOLDS} faces of each class to fit an adjustment. "
            f"Received: {', '.join(f'{name} {count}' for name, count in zip(classes, counts, strict=True))}"
        )
    adjusted = np.empty_like(answers, np.float64)
    for fit, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(answers, y_true):
        adjustment = fit_adjustment(y_true[fit], answers[fit])
        adjusted[judged] = classifier.adjust(answers[judged], features[judged], adjustment.tolist())
    return adjusted, fit_adjustment(y_true, answers)


def _labels(pictures: list[tuple[Source, Emotion]]) -> IntArray:
    return np.array([emotion.label for _, emotion in pictures], np.int64)


def evaluation_record(model: str, scores: Scores) -> dict[str, Any]:
    """The metrics as JSON of the command. A model of four classes has its accuracy under two names."""
    return {"model": model, "four_class_accuracy": scores.accuracy, **scores.as_dict()}


def ms_per_face(classifier: EmotionClassifier, *, runs: int = 30) -> list[float]:
    """Milliseconds for each of eight faces in one call on this machine, with mirror images if the model uses them.

    Returns one value for each run.
    """
    crops = list(np.random.default_rng(0).integers(0, 256, (_TIMED, 96, 96), np.uint8))
    classifier.read(crops)  # warm up
    seconds = timeit.repeat(lambda: classifier.read(crops), number=1, repeat=runs)
    return [1000 * run_s / _TIMED for run_s in seconds]


def record_photographs(name: str, record: dict[str, Any], adjustment: Adjustment) -> None:
    """Save the result of `fit_to_pictures` in a model's spec, metrics (as `wild`) and card."""
    added = {"wild": {field: record[field] for field in PhotoScores.__struct_fields__}}
    record_figures(name, added, adjustment=adjustment)


def record_thresholds(classifier: EmotionClassifier, splits: Mapping[Split, LabelledFaces]) -> dict[str, Any]:
    """Choose the threshold of a clear answer, so that a model answers 80 % of PublicTest; save and return the figures.

    The threshold is that of the answers as the app adjusts them. The curves on PrivateTest use the same answers as
    the other figures on FER2013.
    """
    spec = classifier.spec

    def least(reader: EmotionClassifier) -> float:
        confidence = reader.adjusted_probabilities(list(splits[Split.VALIDATION].images)).max(axis=1)
        return round(float(np.quantile(confidence, 1 - ANSWERED)), 4)

    test = splits[Split.TEST]
    rows, _ = classifier.read(list(test.images))
    y_pred, confidence = rows.argmax(axis=1), rows.max(axis=1)
    coverage = {"labels": coverage_curve(y_pred == in_classes(test.labels, spec.classes), confidence)}
    seen = majority(votes_on(test.images, Split.TEST))
    known = (seen != NO_MAJORITY) & (seen < len(EMOTIONS))  # no model knows contempt
    if known.any():
        right = y_pred[known] == in_classes(seen[known], spec.classes)
        coverage["votes"] = coverage_curve(right, confidence[known])
    thresholds = {"threshold": least(classifier)}
    if spec.posed_adjustment:
        thresholds["posed_threshold"] = least(classifier.posed())
    record_figures(spec.name, {"coverage": coverage}, **thresholds)
    return {"model": spec.name, **thresholds, "coverage": coverage}


def record_collection(
    name: str,
    folder: Path,
    pictures: Sequence[tuple[Source, Emotion]],
    scores: Scores,
    turns: Counter[int],
    *,
    is_test: bool = False,
) -> None:
    """Save the metrics of `evaluate_pictures` on a collection as posed faces, under the name of its folder.

    `is_test`: the pictures are the part that no network learns from, of persons who are not known.
    """
    persons = (
        set()
        if is_test
        else {path.stem.partition("_")[0] for path, _ in pictures if isinstance(path, Path) and "_" in path.stem}
    )
    collection = folder.resolve().name
    is_trained = collection in COLLECTIONS and not is_test
    record = collection_record(collection, scores, len(persons), is_trained=is_trained)
    before = read_metrics(model_files.model_folder(name)).get("collections", {})
    record |= {"wrongly_turned": share_turned(turns)}
    record_figures(name, {"collections": before | {collection: record}})


def record_figures(name: str, added: Mapping[str, Any], **changes: Any) -> None:
    """Add metrics to those of a model, and write its spec with changes, its metrics and its card together.

    Raises:
        ModelError: one of the files is damaged.
    """
    folder = model_files.model_folder(name)
    spec, metrics = replace(model_files.read_spec(folder), **changes), {**read_metrics(folder), **added}
    with tempfile.TemporaryDirectory(dir=folder, prefix="drafts-") as drafts_name:
        drafts = Path(drafts_name)
        model_files.write_spec(spec, drafts)
        write_metrics(ModelKind.FACE, drafts, metrics)
        write_card(spec, metrics, drafts / CARD)
        for file in (SPEC, METRICS, CARD):
            (drafts / file).replace(folder / file)


def keras_classifier(model: keras.Model, spec: model_files.ModelSpec) -> EmotionClassifier:
    """A classifier that runs a Keras model, for training."""
    from keras import Model

    both = Model(model.input, [model.output, model.get_layer("logits").input])
    return EmotionClassifier(lambda pixels: np.concatenate(both.predict_on_batch(pixels), axis=1), spec)


_BINS: Mapping[str, tuple[str, ...]] = {
    "pose": ("towards the camera", "slightly turned", "turned or tilted"),
    "size": ("over 300 pixels", "120 to 300 pixels", "under 120 pixels"),
    "sharpness": ("sharp", "slightly blurred", "blurred"),
}
"""Conditions of faces on photographs, each from easy to hard."""


def conditions_of(image: RgbImage, face: Face) -> dict[str, str]:
    """The name in `_BINS` of each condition of one detected face.

    The pose is the distance of the nose from the middle of the eyes, along the line of the eyes, as a share of their
    distance; and the angle of that line. The sharpness is the variance of the Laplacian (J. Pech-Pacheco et al., ICPR
    2000) of the face at 96x96 pixels.
    """
    assert face.landmarks is not None
    left, right, nose = (np.array(point) for point in face.landmarks[:3])
    eyes = right - left
    turn, tilt = abs((nose - (left + right) / 2) @ eyes) / max(eyes @ eyes, 1.0), np.degrees(np.arctan2(*eyes[::-1]))
    side = max(face.box.width, face.box.height)
    crop = cv2.cvtColor(crop_face(image, face.box), cv2.COLOR_RGB2GRAY)
    crop = cv2.resize(crop, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA)
    sharpness = cv2.Laplacian(crop, cv2.CV_64F).var()
    difficulties = (
        int(turn >= 0.1 or abs(tilt) >= 8) + int(turn >= 0.2 or abs(tilt) >= 15),
        int(side < 300) + int(side < 120),
        int(sharpness < 150) + int(sharpness < 50),
    )
    return {group: names[level] for (group, names), level in zip(_BINS.items(), difficulties, strict=True)}


def accuracy_by_condition(
    conditions: Sequence[dict[str, str] | None], is_right: npt.NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """The accuracy in bins of each condition, from easy to hard.

    Args:
        conditions: the conditions of each face, from `conditions_of`; None for undetected and turned ones: in no bin.
        is_right: shape (n,), whether each prediction is correct.

    Returns:
        For "pose", "size" and "sharpness", the bins as `{"name", "n", "accuracy"}`. Empty bins are left out.
    """
    known = [(face, right) for face, right in zip(conditions, is_right.tolist(), strict=True) if face is not None]
    found: dict[str, list[dict[str, Any]]] = {group: [] for group in _BINS}
    for group, names in _BINS.items():
        for name in names:
            rights = [right for face, right in known if face[group] == name]
            if rights:
                found[group].append({"name": name, "n": len(rights), "accuracy": sum(rights) / len(rights)})
    return found
