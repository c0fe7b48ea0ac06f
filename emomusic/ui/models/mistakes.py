"""The mistakes with the highest confidence, as pictures; they need FER2013, which the app cannot include."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.assets import find_dataset
from emomusic.face.fer2013 import Split, SplitPictures, read_split
from emomusic.face.images import encode_png
from emomusic.results.predictions import Predictions
from emomusic.ui.models.saved import predictions
from emomusic.ui.models.table import FOUR_LEGEND, Chosen

_DATASET = "fer2013.csv"
_MOST = 24
_SIDE = 96  # pixels on the page, twice the size in FER2013


def test_pictures(own: Predictions) -> SplitPictures | None:
    """The test pictures of FER2013, in the order of a model's predictions; None if absent or not the same.

    The smoke preset evaluates on the first pictures only, so there can be more pictures than predictions.

    Raises:
        DatasetError: the file is damaged.
    """
    if (path := find_dataset(_DATASET)) is None:
        return None
    with st.spinner("Reading the test pictures. The first time takes some seconds."):
        pictures = _pictures(path, path.stat().st_mtime)
    return pictures if np.array_equal(pictures.labels[: len(own.truth)], own.truth) else None


@st.cache_resource(max_entries=1, show_spinner=False)
def _pictures(path: Path, changed: float) -> SplitPictures:  # noqa: ARG001  # part of the cache key
    return read_split(path, Split.TEST)


def show_mistakes(chosen: Chosen) -> None:
    """Show the most confident mistakes of each model, or explain how to get the dataset."""
    if find_dataset(_DATASET) is None:
        st.info(
            f"The mistakes need FER2013, which the app cannot include. Get {_DATASET} from Kaggle, set the environment "
            "variable EMOMUSIC_DATA to its folder and restart the app.",
            icon=":material/hide_image:",
        )
        return
    st.caption(
        "Wrong answers on the test set, the highest confidence first. Some labels are wrong, and some pictures show "
        "no face." + (f" {FOUR_LEGEND}" if any(record.has_four for record in chosen.faces) else "")
    )
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column:
            own = predictions(chosen.kind, name)
            if (pictures := test_pictures(own)) is None:
                st.info(f"{name} was evaluated on other pictures than those in {_DATASET}.")
                continue
            st.markdown(f"**{name}**")
            wrong = np.flatnonzero(own.y_pred != own.y_true)
            order = np.argsort(-own.probabilities[wrong].max(axis=1), kind="stable")
            face_grid(own, pictures, wrong[order][:_MOST], four=False)


def face_grid(own: Predictions, pictures: SplitPictures, rows: npt.NDArray[np.int64], *, four: bool) -> None:
    """Show pictures side by side, each with its label, the prediction and the confidence."""
    group = own.grouped(four=four)
    with st.container(horizontal=True, gap="small"):
        for row in rows.tolist():
            label, answer = group.classes[int(group.y_true[row])], group.classes[int(group.y_pred[row])]
            confidence = f"{100 * group.confidence[row]:.0f} %"
            with st.container(width=_SIDE + 8, gap="xxsmall"):
                st.image(_enlarged(pictures.images[row]), width=_SIDE, alt=f"A face labelled {label}, called {answer}")
                st.caption(f"{label}  \ncalled **{answer}**  \nconfidence {confidence}")


def _enlarged(picture: npt.NDArray[np.uint8]) -> bytes:
    grey = cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_CUBIC)
    return encode_png(np.repeat(grey[:, :, None], 3, axis=2))
