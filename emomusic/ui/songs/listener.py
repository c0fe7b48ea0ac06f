"""The listener: the face or group that songs are recommended for, with a point on the affect plane."""

from __future__ import annotations

from dataclasses import dataclass

from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, describe
from emomusic.ui.core import state

MOST_POINTS = 60  # more faces would hide each other on the plane
FIRST_POINTS = f"The plane shows the first {MOST_POINTS} faces. Their mean includes all of them."

# Labels besides face numbers
ALL = "all"
NOW = "now"
YOU = "you"


@dataclass(frozen=True, slots=True)
class Listener:
    """The face, group or person that songs are for.

    Attributes:
        label: on the plane: the number of the face, or `ALL`, `NOW` or `YOU`.
        point: position on the plane.
        emotion: the estimated or manual emotion; None if only a mood is chosen.
        mood: chosen by hand, or None.
        manual_emotion: chosen by hand, or None.
    """

    label: str
    point: AffectPoint
    emotion: Emotion | None
    mood: Mood | None
    manual_emotion: Emotion | None = None

    @property
    def name(self) -> str:
        """The name on the page: "Everyone", "Face 2", "You"."""
        return {ALL: state.EVERYONE, YOU: "You"}.get(self.label, f"Face {self.label}")


def group_sentence(probabilities: EmotionProbabilities, *, group_of: int) -> str:
    """Describe the emotion of one face or of a group: "Mostly happy", "Together: mostly happy"."""
    words = describe(probabilities, of_group=group_of > 1)
    return words if group_of == 1 else f"Together: {words.lower()}"
