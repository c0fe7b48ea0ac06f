"""The mistakes a model is surest of, as pictures; only where FER2013 is here, which this project may not ship."""

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
_SIDE = 96  # pixels on the screen: twice what FER2013 has


def test_pictures(own: Predictions) -> SplitPictures | None:
    """PrivateTest's pictures, in the order of a model's answers; None where they are not here or are others.

    There may be more of them: a training for a quick look is judged on the first ones alone.

    Raises:
        DatasetError: the file is damaged.
    """
    if (path := find_dataset(_DATASET)) is None:
        return None
    with st.spinner("Reading the pictures of PrivateTest: some seconds, once"):
        pictures = _pictures(path, path.stat().st_mtime)
    return pictures if np.array_equal(pictures.labels[: len(own.truth)], own.truth) else None


@st.cache_resource(max_entries=1, show_spinner=False)
def _pictures(path: Path, changed: float) -> SplitPictures:  # noqa: ARG001  # a changed file is read anew
    return read_split(path, Split.TEST)


def show_mistakes(chosen: Chosen) -> None:
    """Show the wall of each model, or say what is needed for it."""
    if find_dataset(_DATASET) is None:
        st.info(
            "Here stand the pictures that a model gets wrong and is surest of. They are FER2013's, which is for "
            f"research and not part of this app: get {_DATASET} from Kaggle, put its folder's path into the "
            "environment variable EMOMUSIC_DATA and start the app again.",
            icon=":material/hide_image:",
        )
        return
    st.caption(
        "The pictures of PrivateTest that the model gets wrong and is surest of. Look at some before you judge: here "
        "and there the label is the one that is wrong, or no face is in the picture."
        + (f" {FOUR_LEGEND}" if any(record.has_four for record in chosen.faces) else "")
    )
    for column, name in zip(st.columns(len(chosen.names), gap="large"), chosen.names, strict=True):
        with column:
            own = predictions(chosen.kind, name)
            if (pictures := test_pictures(own)) is None:
                st.info(f"{name} was judged on other pictures than those in {_DATASET}.")
                continue
            st.markdown(f"**{name}**")
            face_grid(own, pictures, surest_mistakes(own)[:_MOST], four=False)


def surest_mistakes(own: Predictions) -> npt.NDArray[np.int64]:
    """The examples that a model has wrong, the surest answers first."""
    wrong = np.flatnonzero(own.y_pred != own.y_true)
    return wrong[np.argsort(-own.probabilities[wrong].max(axis=1), kind="stable")]


def face_grid(own: Predictions, pictures: SplitPictures, rows: npt.NDArray[np.int64], *, four: bool) -> None:
    """Pictures side by side, each with its label and the answer."""
    group = own.grouped(four=four)
    with st.container(horizontal=True, gap="small"):
        for row in rows.tolist():
            label, answer = group.classes[int(group.y_true[row])], group.classes[int(group.y_pred[row])]
            sure = f"{100 * group.confidence[row]:.0f} %"
            with st.container(width=_SIDE + 8, gap="xxsmall"):
                st.image(_enlarged(pictures.images[row]), width=_SIDE, alt=f"A face labelled {label}, called {answer}")
                st.caption(f"{label}  \ncalled **{answer}**  \n{sure} sure")


def _enlarged(picture: npt.NDArray[np.uint8]) -> bytes:
    grey = cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_CUBIC)
    return encode_png(np.repeat(grey[:, :, None], 3, axis=2))
