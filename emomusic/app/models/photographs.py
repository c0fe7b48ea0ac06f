"""Errors as pictures of FER2013, and errors on photographs by head pose, face size, sharpness and class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from emomusic.app import state
from emomusic.app.charts import show_chart
from emomusic.app.frame import shown_errors
from emomusic.app.models.saved import Chosen, classifier, predictions
from emomusic.app.picture_chooser import sample_picture, samples
from emomusic.assets import find_dataset
from emomusic.charts.diagnostics import accuracy_by_group, recall_bars
from emomusic.faces.fer2013 import Split, SplitPictures, read_split
from emomusic.faces.harder import harder
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, shrink, to_network_input
from emomusic.metrics import SEVEN, ClassScores
from emomusic.records import FaceRecord, PhotoScores
from emomusic.results.findings import FOUR_LEGEND, describe_photographs, in_words, label_of, percent, with_range
from emomusic.results.predictions import Predictions
from emomusic.server.shared import shared
from emomusic.text import join_names

_DATASET = "fer2013.csv"
_MOST = 24
_SIDE = 96  # pixels on the page, twice the size in FER2013
_LARGEST = 384  # pixels, of a crop before it is made harder


def test_pictures(own: Predictions) -> SplitPictures | None:
    """The test pictures of FER2013, in the order of a model's predictions; None if absent or not the same.

    The smoke preset evaluates on the first pictures only, so there can be more pictures than predictions.

    Raises:
        DatasetError: the file is damaged.
    """
    if (path := find_dataset(_DATASET)) is None:
        return None
    with st.spinner("Reading the test pictures. The first time takes some seconds."):
        pictures = _pictures(path)
    return pictures if np.array_equal(pictures.labels[: len(own.truth)], own.truth) else None


@st.cache_resource(max_entries=1, show_spinner=False)
def _pictures(path: Path) -> SplitPictures:
    return read_split(path, Split.TEST)


def show_mistakes(chosen: Chosen) -> None:
    """Show the most confident mistakes on FER2013, or without that dataset the answers about harder sample faces."""
    has_dataset = find_dataset(_DATASET) is not None
    legend = f" {FOUR_LEGEND}" if any(record.has_four for record in chosen.faces) else ""
    if has_dataset:
        st.caption(
            "Wrong answers on the test set, the highest confidence first. Some labels are wrong, and some pictures "
            f"show no face.{legend}"
        )
    else:
        st.caption(
            "The same face, made harder to see: the expression stays, so an answer that changes is a mistake. "
            f"FER2013's own pictures may not be copied, so these are EmoMusic's samples.{legend}"
        )
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column, shown_errors():
            if has_dataset:
                _show_worst(chosen, name)
            else:
                _show_changed(name)


def _show_worst(chosen: Chosen, name: str) -> None:
    own = predictions(chosen.kind, name)
    if (pictures := test_pictures(own)) is None:
        st.info(f"{label_of(name)} was evaluated on other pictures than those in {_DATASET}.")
        return
    st.markdown(f"**{label_of(name)}**")
    wrong = np.flatnonzero(own.y_pred != own.y_true)
    order = np.argsort(-own.probabilities[wrong].max(axis=1), kind="stable")
    face_grid(own, pictures, wrong[order][:_MOST], four=False)


def _show_changed(name: str) -> None:
    with st.spinner("Reading the samples", show_time=False):
        answers = _harder_answers(name)
    changed = [answer for answer in answers if answer.after != answer.before]
    changed.sort(key=lambda answer: -answer.confidence)
    by_defect = Counter(answer.defect for answer in changed)
    defects = Counter(answer.defect for answer in answers)
    st.markdown(
        f"**{label_of(name)}** changes its answer on {len(changed)} of {len(answers)} harder pictures: "
        + ", ".join(f"{defect} {by_defect[defect]} of {number}" for defect, number in defects.items())
        + "."
    )
    with st.container(horizontal=True, gap="small"):
        for answer in changed[:_MOST]:
            _show_face(
                answer.jpeg,
                f"A face, {answer.defect}, called {answer.after} instead of {answer.before}",
                f"{answer.defect}  \n{answer.before} → **{answer.after}**",
                answer.confidence,
            )


@dataclass(frozen=True, slots=True, eq=False)
class _HarderAnswer:
    """A model's answers about a sample face before and after a defect, the latter with its confidence."""

    defect: str
    jpeg: bytes
    before: str
    after: str
    confidence: float


@st.cache_resource(max_entries=1, show_spinner=False)
def _sample_faces() -> list[RgbImage]:
    """The faces of the samples of one person, cut out. The group shows the same photos."""
    detector, _ = shared().networks()
    images = [sample_picture(sample).read() for sample in samples()]
    found = [(image, detector.detect(image)) for image in images]
    return [crop_face(image, faces[0].box) for image, faces in found if len(faces) == 1]


@st.cache_resource(max_entries=16, show_spinner=False)
def _harder_answers(name: str) -> list[_HarderAnswer]:
    model = classifier(name)
    answers = []
    for crop in _sample_faces():
        copies = harder(shrink(crop, _LARGEST)[0])
        rows = model.of_photographs(to_network_input([crop, *copies.values()], model.spec.side))
        before, *after = (in_words(model.spec.classes[row]) for row in rows.argmax(axis=1).tolist())
        answers += [
            _HarderAnswer(defect, encode_jpeg(shrink(copy, 2 * _SIDE)[0]), before, word, float(row.max()))
            for (defect, copy), word, row in zip(copies.items(), after, rows[1:], strict=True)
        ]
    return answers


def face_grid(own: Predictions, pictures: SplitPictures, rows: npt.NDArray[np.int64], *, four: bool) -> None:
    """Show pictures side by side, each with its label, the prediction and the confidence."""
    group = own.grouped(four=four)
    with st.container(horizontal=True, gap="small"):
        for row in rows.tolist():
            label, answer = (in_words(group.classes[int(of[row])]) for of in (group.y_true, group.y_pred))
            _show_face(
                pictures.images[row],
                f"A face labelled {label}, called {answer}",
                f"{label}  \ncalled **{answer}**",
                float(group.confidence[row]),
            )


def _show_face(image: bytes | npt.NDArray[np.uint8], alt: str, words: str, confidence: float) -> None:
    with st.container(width=_SIDE + 32, gap="xxsmall"):
        st.image(image, width=_SIDE, output_format="PNG" if isinstance(image, np.ndarray) else "auto", alt=alt)
        st.caption(f"{words}  \nconfidence {100 * confidence:.0f} %")


_TITLES = {"pose": "Head pose", "size": "Face size", "sharpness": "Sharpness"}


def show_photographs(chosen: Chosen) -> None:
    """Show where the chosen models fail on labelled photographs."""
    measured = [(record, record.wild) for record in chosen.faces if record.wild]
    if absent := [label_of(record.name) for record in chosen.faces if record.wild is None]:
        st.info(f"Not measured on photographs: {' and '.join(absent)}.", icon=":material/image_not_supported:")
    if not measured:
        return
    for record, wild in measured:
        st.markdown(describe_photographs(record, wild))
    if any(record.has_four for record, _ in measured):
        is_mixed = len({record.classes for record, _ in measured}) > 1
        advice = " Compare only the accuracy over four classes." if is_mixed else ""
        st.caption(f"{FOUR_LEGEND}{advice}")
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        without = dict.fromkeys(label for _, wild in measured for label in wild.groups_without)
        groups = {
            label_of(record.name): {_TITLES.get(name, name): bins for name, bins in wild.groups.items()}
            for record, wild in measured
            if wild.groups
        }
        if groups:
            left_out = f", without {join_names(without)}, which the model cannot tell apart" if without else ""
            first, *second = groups
            marks = f" Circles: {first}; diamonds: {second[0]}." if second else ""
            st.caption(f"Accuracy, with its 95 % range and the number of faces{left_out}.{marks}")
            show_chart(
                accuracy_by_group(groups),
                key=state.models_widget("groups"),
                alt="; ".join(
                    f"Accuracy of {name} by {title.lower()}: "
                    + ", ".join(f"{faces.name} {faces.accuracy:.0%} of {faces.n:,}" for faces in bins if faces.n)
                    for name, by_title in groups.items()
                    for title, bins in by_title.items()
                ),
            )
    with words:
        _show_recall(measured)
    st.markdown("**Over all photographs**")
    st.table(
        pd.DataFrame({label_of(record.name): _overall(wild) for record, wild in measured}).rename_axis("figure"),
        border="horizontal",
    )
    st.caption(
        "Faces in labelled photographs, through the whole pipeline. A face that is not found counts as wrong. The "
        "adjustment for photographs was fitted on other folds than those it was evaluated on."
    )


def _show_recall(measured: Sequence[tuple[FaceRecord, PhotoScores]]) -> None:
    """Recall by class: one chart for models of the same classes, so one or two charts."""
    for classes in dict.fromkeys(record.classes for record, _ in measured):
        recalls = {
            label_of(record.name): {in_words(label): wild.per_class[label] for label in classes}
            for record, wild in measured
            if record.classes == classes
        }
        kind = "an emotion" if classes == SEVEN else "a class"
        find = "find" if len(recalls) > 1 else "finds"
        show_recall_bars(
            recalls,
            meaning=f"The share of the faces of {kind} that {join_names(recalls)} {find}.",
            key=state.models_widget("photo-recall", *recalls),
            alt="Recall on photographs",
        )


def show_recall_bars(models: Mapping[str, Mapping[str, ClassScores]], *, meaning: str, key: str, alt: str) -> None:
    """Show the recall of every class of one model or two."""
    full, *striped = models
    st.caption(meaning + (f" Full bars: {full}; striped: {striped[0]}." if striped else ""))
    figures = "; ".join(
        f"{name} "
        + ", ".join(f"{label} {scores.recall:.0%} of {scores.support:,}" for label, scores in per_class.items())
        for name, per_class in models.items()
    )
    show_chart(recall_bars(models), key=key, alt=f"{alt}: {figures}")


def _overall(wild: PhotoScores) -> dict[str, str]:
    """The metrics on all photographs, formatted as text."""
    return {
        "accuracy": with_range(wild.accuracy, wild.accuracy_interval),
        "accuracy over four classes": percent(wild.four_class_accuracy),
        "mean recall": percent(wild.macro_recall),
        "mean F1": percent(wild.macro_f1),
        "calibration error": f"{wild.calibration_error:.3f}",
        "faces": f"{wild.n:,}",
        "not found": f"{wild.missed:,}",
    }
