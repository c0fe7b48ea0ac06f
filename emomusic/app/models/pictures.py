"""Pictures of a model's answers: the test pictures of FER2013, or without that dataset harder copies of the samples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.app.picture_chooser import SAMPLES, sample_picture
from emomusic.assets import find_dataset
from emomusic.faces.classifier import load_classifier
from emomusic.faces.fer2013 import LabelledFaces, Split, read_fer2013
from emomusic.faces.inspection import harder
from emomusic.faces.reading import load_detector
from emomusic.media.images import RgbImage, encode_jpeg, shrink
from emomusic.records import Record
from emomusic.results.overview import in_words
from emomusic.results.predictions import Chosen, Predictions

_DATASET = "fer2013.csv"
_MOST = 24
_SIDE = 192  # pixels of a copy; on the page, its width is in `page.css`
_SURE = 0.9  # a confidence
_LARGEST = 384  # pixels, of a crop before it is made harder


def test_pictures(own: Predictions) -> LabelledFaces | None:
    """The test pictures of FER2013, in the order of a model's predictions; None if absent or not the same.

    The smoke preset evaluates on the first pictures only, so there can be more pictures than predictions.

    Raises:
        DatasetError: the file is damaged.
    """
    if (path := find_dataset(_DATASET)) is None:
        return None
    pictures = _pictures(path)
    is_same = len(pictures) > own.rows.max() and np.array_equal(pictures.labels[own.rows], own.labels)
    return pictures if is_same else None


@st.cache_resource(max_entries=1, show_spinner="Reading the test pictures. The first time takes some seconds.")
def _pictures(path: Path) -> LabelledFaces:
    return read_fer2013(path, [Split.TEST])[Split.TEST]


def show_mistakes(chosen: Chosen, record: Record) -> None:
    """Show the mistakes on the test set, the surest first, with their pictures if they are here; and harder samples."""
    own = chosen.own_predictions(record)
    wrong = np.flatnonzero(own.y_pred != own.y_true)
    wrong = wrong[np.argsort(-own.confidence[wrong], kind="stable")]
    sure = int((own.confidence[wrong] >= _SURE).sum())
    st.markdown(
        f"It is wrong on **{len(wrong):,} of {len(own.y_true):,}** test faces, on {sure:,} with a confidence of "
        f"{100 * _SURE:.0f} % or more."
    )
    if (pictures := test_pictures(own)) is not None:
        st.caption("The highest confidence first. Some labels are wrong, and some pictures show no face.")
        face_grid(record.name, own, pictures, wrong[:_MOST])
    else:
        pairs = Counter((own.classes[own.y_true[row]], own.classes[own.y_pred[row]]) for row in wrong[:sure].tolist())
        listed = "; ".join(f"{true} called {called} {number}" for (true, called), number in pairs.most_common(5))
        st.caption(f"The surest ones: {listed}. The pictures of the test are not here: FER2013 may not be copied.")
    st.subheader("Make it harder", anchor=False)
    _show_changed(record.name)


def _show_changed(name: str) -> None:
    answers = _harder_answers(name)
    changed = [answer for answer in answers if answer.after != answer.before]
    changed.sort(key=lambda answer: -answer.confidence)
    by_defect = Counter(answer.defect for answer in changed)
    defects = Counter(answer.defect for answer in answers)
    counts = ", ".join(f"{defect} {by_defect[defect]} of {number}" for defect, number in defects.items())
    st.markdown(f"It changes its answer on **{len(changed)} of {len(answers)}** copies of the samples: {counts}.")
    with st.container(horizontal=True, gap="small", key=f"models-faces-harder-{name}"):
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
    images = [sample_picture(sample).decode().pixels for sample in SAMPLES]
    found = [(image, load_detector(upright=True).detect(image)) for image in images]
    return [faces[0].crop(image) for image, faces in found if len(faces) == 1]


@st.cache_resource(max_entries=16, show_spinner="Reading the samples")
def _harder_answers(name: str) -> list[_HarderAnswer]:
    model = load_classifier(name)
    answers = []
    for crop in _sample_faces():
        copies = harder(shrink(crop, _LARGEST)[0])
        rows = model.adjusted_probabilities([crop, *copies.values()])
        before, *after = (in_words(model.spec.classes[row]) for row in rows.argmax(axis=1).tolist())
        answers += [
            _HarderAnswer(defect, encode_jpeg(shrink(copy, _SIDE)[0]), before, word, float(row.max()))
            for (defect, copy), word, row in zip(copies.items(), after, rows[1:], strict=True)
        ]
    return answers


def face_grid(model: str, found: Predictions, pictures: LabelledFaces, rows: npt.NDArray[np.int64]) -> None:
    """Show pictures side by side, each with its label, the model's prediction and the confidence."""
    with st.container(horizontal=True, gap="small", key=f"models-faces-{model}"):
        for row in rows.tolist():
            label, answer = (found.classes[int(of[row])] for of in (found.y_true, found.y_pred))
            _show_face(
                pictures.images[found.rows[row]],
                f"A face labelled {label}, called {answer}",
                f"{label}  \ncalled **{answer}**",
                float(found.confidence[row]),
            )


def _show_face(image: bytes | npt.NDArray[np.uint8], alt: str, words: str, confidence: float) -> None:
    with st.container(gap="xxsmall"):
        st.image(image, width="stretch", output_format="PNG" if isinstance(image, np.ndarray) else "auto", alt=alt)
        st.caption(f"{words}  \nconfidence {100 * confidence:.0f} %")
