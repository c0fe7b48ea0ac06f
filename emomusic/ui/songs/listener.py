"""The listener: whose music it is, and their place on the affect plane."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from emomusic.affect import (
    AffectPoint,
    Emotion,
    EmotionProbabilities,
    Mood,
    affect_of,
    describe,
    quadrant_of,
)

MOST_POINTS = 60  # faces on the plane; beyond, they hide each other


FIRST_POINTS = f"The plane shows the first {MOST_POINTS} faces; all count."
"""To be said where there are more."""


EVERYONE = "Everyone"


ALL = "all"


NOW = "now"


YOU = "you"


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom the music is for, and how they are.

    Attributes:
        label: for the plane: the number of the face, or `ALL`, `NOW` or `YOU`.
        point: where they are on the plane.
        emotion: what they show, or what was said by hand; None where only a mood was chosen.
        mood: chosen by hand, or None.
        said_emotion: said by hand, or None.
    """

    label: str
    point: AffectPoint
    emotion: Emotion | None
    mood: Mood | None
    manual_emotion: Emotion | None = None

    @property
    def name(self) -> str:
        """As the page calls them: "Everyone", "Face 2", "You"."""
        return {ALL: EVERYONE, YOU: "You"}.get(self.label, f"Face {self.label}")


def group_sentence(probabilities: EmotionProbabilities, *, group_of: int) -> str:
    """What one face shows, or so many together, in words: "Mostly happy", "Together: mostly happy"."""
    words = describe(probabilities)
    return words if group_of == 1 else f"Together: {words.lower()}"


def show_emotion_sentence(probabilities: EmotionProbabilities, *, group_of: int) -> None:
    """Say in a sentence what a face shows, or `group_of` faces together, and in which quadrant that lies."""
    quadrant = quadrant_of(affect_of(probabilities))
    st.header(group_sentence(probabilities, group_of=group_of), anchor=False)
    st.caption(
        f"{quadrant}, {quadrant.description}"
        + (f"; the mean of {group_of} faces" if group_of > 1 else "")
    )  # fmt: skip
