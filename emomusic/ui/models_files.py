"""What the models page reads, kept between reruns under the time of the file: a model trained anew is read anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st

from emomusic.assets import METRICS, Wing, folder_of
from emomusic.diagnosis import ClassFigures, Evidence, read_class_figures, read_evidence
from emomusic.evaluation import FOUR, Scores
from emomusic.ui.frame import shown_errors

_Read = TypeVar("_Read")


def of_each(names: Sequence[str], read: Callable[[str], _Read]) -> dict[str, _Read]:
    """What is read of each model, by name; one that cannot be read is said and left out, and the others are shown."""
    found = {}
    for name in names:
        with shown_errors():
            found[name] = read(name)
    return found


def evidence(wing: Wing, name: str) -> Evidence:
    """A model's answers on examples it had not seen; see `diagnosis.read_evidence`."""
    return _evidence(wing, name, *version_of(wing, name))


def scores(wing: Wing, name: str, *, four: bool) -> Scores:
    """All figures of those answers; the first call loads scikit-learn."""
    return _scores(wing, name, four, *version_of(wing, name))


def class_figures(wing: Wing, name: str, *, four: bool) -> ClassFigures:
    """Figures by class, as training wrote them; computed from the answers where four classes stand for seven."""
    own = read_class_figures(wing, name)
    if not four or own.classes == FOUR:
        return own
    found = scores(wing, name, four=True)
    return ClassFigures(found.per_class, found.confusion)


def version_of(wing: Wing, name: str) -> tuple[Path, float]:
    """What a cache keeps a model under: its folder, and when its figures were written; 0.0 where there are none."""
    folder = folder_of(wing, name)
    path = folder / METRICS
    return folder, path.stat().st_mtime if path.exists() else 0.0


@st.cache_resource(max_entries=32, show_spinner=False)
def _evidence(wing: Wing, name: str, folder: Path, changed: float) -> Evidence:  # noqa: ARG001
    return read_evidence(wing, name)


@st.cache_resource(max_entries=32, show_spinner="Computing the figures")
def _scores(wing: Wing, name: str, four: bool, folder: Path, changed: float) -> Scores:
    return _evidence(wing, name, folder, changed).grouped(four=four).scores()
