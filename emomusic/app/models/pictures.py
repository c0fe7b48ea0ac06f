"""A model's answers on the test pictures of FER2013, with the pictures if the dataset is here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.assets import find_dataset
from emomusic.faces.fer2013 import LabelledFaces, Split, read_fer2013
from emomusic.records import Record
from emomusic.results.predictions import Chosen, Predictions

_DATASET = "fer2013.csv"
_MOST = 24
_SURE = 0.9  # a confidence


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
    """Show the mistakes on the test set, the most confident first, with their pictures if they are here."""
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
        pairs = Counter(
            (own.classes[own.y_true[row]], own.classes[own.y_pred[row]]) for row in wrong[: sure or _MOST].tolist()
        )
        listed = "; ".join(f"{true} called {called} {number}" for (true, called), number in pairs.most_common(5))
        st.caption(f"The surest ones: {listed}. The pictures of the test are not here: FER2013 may not be copied.")


def face_grid(model: str, found: Predictions, pictures: LabelledFaces, rows: npt.NDArray[np.int64]) -> None:
    """Show pictures side by side, each with its label, the model's prediction and the confidence."""
    with st.container(horizontal=True, gap="small", key=f"models-faces-{model}"):
        for row in rows.tolist():
            label, answer = (found.classes[int(of[row])] for of in (found.y_true, found.y_pred))
            with st.container(gap="xxsmall"):
                alt = f"A face labelled {label}, called {answer}"
                st.image(pictures.images[found.rows[row]], width="stretch", output_format="PNG", alt=alt)
                st.caption(f"{label}  \ncalled **{answer}**  \nconfidence {100 * float(found.confidence[row]):.0f} %")
