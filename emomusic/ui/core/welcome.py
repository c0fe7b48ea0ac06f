"""What a page shows before the first picture."""

from __future__ import annotations

import streamlit as st

from emomusic.plots.affect import circumplex
from emomusic.ui.core.charts import show_chart

_STEPS = (
    (":material/face:", "Faces", "MTCNN looks for the faces in the picture, in photographs and in paintings."),
    (
        ":material/bar_chart:",
        "Expressions",
        "A network trained on thousands of faces gives each one seven probabilities.",
    ),
    (":material/explore:", "A place", "They become a point on the plane of pleasure and arousal, the circumplex."),
    (
        ":material/queue_music:",
        "Songs",
        "Thousands of songs lie on the same plane. Those that fit play here, in Spotify's players.",
    ),
)


def show_welcome() -> None:
    """Say in four steps what will happen, beside the plane it happens on."""
    left, right = st.columns([1, 1], gap="large", vertical_alignment="center")
    with left:
        for icon, title, text in _STEPS:
            st.markdown(f"{icon} **{title}.** {text}")
    with right:
        show_empty_plane()


def show_empty_plane() -> None:
    """The plane that faces and songs will stand on."""
    show_chart(
        circumplex([], height=380),
        key="empty-plane",
        alt="The affect plane with the places of the seven emotions",
    )
