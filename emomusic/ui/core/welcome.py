"""The empty state of a page, before the first photo."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from emomusic.plots.affect import circumplex
from emomusic.plots.colours import write_in
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import text_color

_STEPS = (
    (":material/face:", "Faces", "MTCNN finds the faces, in photographs and in paintings."),
    (":material/bar_chart:", "Emotions", "A network trained on thousands of faces gives each one seven probabilities."),
    (":material/explore:", "Valence and arousal", "The probabilities become a point on a plane, the circumplex."),
    (":material/queue_music:", "Songs", "Thousands of songs lie on the same plane. Spotify players play the nearest."),
)


def show_welcome() -> None:
    """Show the four steps from a photo to songs, and the empty plane."""
    show_parts(_STEPS)


def show_parts(parts: Sequence[tuple[str, str, str]]) -> None:
    """Show what a page will hold, next to the empty plane.

    Args:
        parts: icon, title and description of each.
    """
    left, right = st.columns([1, 1], gap="large", vertical_alignment="center")
    with left:
        for icon, title, text in parts:
            st.markdown(f"{icon} **{title}:** {text}")
    with right:
        show_empty_plane()


@st.cache_resource(max_entries=4, show_spinner=False)
def _empty_plane(colour: str | None) -> go.Figure:
    """The plane in the page's text colour, which sessions share."""
    figure = circumplex([], height=380)
    write_in(figure, colour)
    return figure


def show_empty_plane() -> None:
    """Show the plane without faces or songs."""
    show_chart(
        _empty_plane(text_color()),
        key="empty-plane",
        alt="The affect plane with the seven emotions",
    )
