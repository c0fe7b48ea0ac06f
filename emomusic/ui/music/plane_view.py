"""The plane of songs in the browser: one WebGL call draws all songs, and a selection returns only its outline.

Plotly needs a second more for 81,000 songs, and its selection returns every point (`scripts/measure_music_page.py`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS
from emomusic.music.mood import MOODS
from emomusic.plots.colours import MOOD_COLOURS, QUADRANT_COLOURS
from emomusic.plots.music import MOOD_SYMBOLS
from emomusic.ui.music.plane_script import CSS, HTML, JS

MOST_NAMED = 10_000
"""Largest number of songs whose titles the plane shows; more titles would be megabytes."""

_MANY = 10_000  # songs; smaller and paler symbols above
_MOST_CORNERS = 1000
_NEAR = 0.04  # distance of a click from its song

_PLANE = st.components.v2.component("emomusic_song_plane", html=HTML, css=CSS, js=JS)


@dataclass(frozen=True, slots=True)
class Selection:
    """An area of the plane, or a clicked song.

    Attributes:
        corners: valence and energy of the corners of the area; one corner is the position of a clicked song.
        moods: positions in `Mood` of the shown moods.
    """

    corners: tuple[tuple[float, float], ...]
    moods: tuple[int, ...]

    @classmethod
    def of(cls, sent: object) -> Selection | None:
        """The selection that the browser sent, or None if there is none or it is invalid."""
        if not isinstance(sent, dict):
            return None
        try:
            corners = np.array(sent["corners"], np.float64)[:_MOST_CORNERS]
            moods = tuple(int(mood) for mood in sent["moods"])
        except (KeyError, TypeError, ValueError):
            return None
        if corners.ndim != 2 or corners.shape[1] != 2 or not len(corners) or not np.isfinite(corners).all():
            return None
        return cls(tuple((x, y) for x, y in corners.tolist()), moods)

    def rows(self, plane: npt.NDArray[np.float32], moods: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Row numbers of the selected songs; a click selects the nearest song.

        Args:
            plane: shape (n, 2), valence and energy from -1 to 1.
            moods: shape (n,), positions in `Mood`.
        """
        corners = np.array(self.corners)
        if len(corners) == 1:
            low, high = corners[0] - _NEAR, corners[0] + _NEAR
        else:
            low, high = corners.min(axis=0), corners.max(axis=0)
        rows = np.flatnonzero(((plane >= low) & (plane <= high)).all(axis=1) & np.isin(moods, self.moods))
        places = plane[rows].astype(np.float64)
        if len(corners) > 1:
            return rows[is_inside(places, corners)]
        return rows[[np.hypot(*(places - corners[0]).T).argmin()]] if len(rows) else rows


def is_inside(places: npt.NDArray[np.float64], corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether places are inside a polygon (even-odd rule).

    Args:
        places: shape (n, 2).
        corners: shape (m, 2).
    """
    x, y = places.T
    inside = np.zeros(len(places), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def plane_data(
    plane: npt.NDArray[np.float32], moods: npt.NDArray[np.int64], names: Sequence[str] | None, *, alt: str
) -> dict[str, Any]:
    """The plane of songs for the browser, four bytes and a mood per song.

    Args:
        plane: shape (n, 2), valence and energy from -1 to 1.
        moods: shape (n,), positions in `Mood`.
        names: song titles for the pointer; None for positions only.
        alt: alternative text.
    """
    order = np.random.default_rng(0).permutation(len(plane))  # no mood hides the others
    places, colours = (plane[order] * 32767).round().astype("<i2").tobytes(), moods[order].astype(np.uint8).tobytes()
    is_many = len(plane) > _MANY
    return {
        "digest": hashlib.sha256(places + colours).hexdigest()[:16],
        "places": base64.b64encode(places).decode(),
        "order": base64.b64encode(colours).decode(),
        "names": None if names is None else [names[row] for row in order],
        "size": 3.5 if is_many else 7,
        "opacity": 0.55 if is_many else 0.75,
        "moods": [{"name": mood.value, "colour": MOOD_COLOURS[mood], "symbol": MOOD_SYMBOLS[mood]} for mood in MOODS],
        "quadrants": [
            {
                "side": side,
                "level": level,
                "label": f"{quadrant}: {quadrant.description}",
                "colour": QUADRANT_COLOURS[quadrant],
            }
            for quadrant, (side, level) in QUADRANT_CORNERS.items()
        ],
        "tools": {"lasso": "Lasso", "box": "Box", "clear": "Clear"},
        "axes": "valence, \u22121 to 1, from left to right \u00b7 energy, \u22121 to 1, upwards",
        "hide": "Show or hide this mood",
        "choose": "Select this quadrant",
        "alt": alt,
    }


def show_plane(data: dict[str, Any], *, key: str) -> Selection | None:
    """Show the plane, and return the selection; a selection reruns the surrounding fragment.

    Args:
        data: from `plane_data`.
        key: of the plane on its page.
    """
    sent = _PLANE(key=key, data=data, on_selection_change=lambda: None)
    return Selection.of(sent.get("selection"))
