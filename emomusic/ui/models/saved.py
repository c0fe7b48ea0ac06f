"""Saved results of the Models page, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from emomusic.assets import ModelKind, load_once
from emomusic.metrics import FOUR, Scores
from emomusic.results.predictions import ClassMetrics, Predictions, read_class_metrics, read_predictions
from emomusic.ui.core.frame import shown_errors

_Read = TypeVar("_Read")


def read_each(names: Sequence[str], read: Callable[[str], _Read]) -> dict[str, _Read]:
    """The result of `read` for each model by name; models that cannot be read are reported and left out."""
    found = {}
    for name in names:
        with shown_errors():
            found[name] = read(name)
    return found


@load_once
def predictions(kind: ModelKind, name: str) -> Predictions:
    """A model's predictions on held-out examples; see `emomusic.results.predictions.read_predictions`."""
    return read_predictions(kind, name)


@st.cache_resource(max_entries=32, show_spinner="Computing the figures")
def scores(kind: ModelKind, name: str, *, four: bool) -> Scores:
    """All metrics of the predictions; the first call loads scikit-learn."""
    return predictions(kind, name).grouped(four=four).scores()


def class_metrics(kind: ModelKind, name: str, *, four: bool) -> ClassMetrics:
    """Metrics per class from training; computed from the predictions if four classes replace seven."""
    own = read_class_metrics(kind, name)
    if not four or own.classes == FOUR:
        return own
    found = scores(kind, name, four=True)
    return ClassMetrics(found.per_class, found.confusion)
