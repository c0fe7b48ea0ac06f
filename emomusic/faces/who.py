"""The listener of songs: everyone, a face, a person of several photos, a moment, or a visitor without a face."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The kinds of `Who`: the words of its text and of its label. Only faces and persons have numbers."""

    EVERYONE = "Everyone", "all"
    EACH = "Each", "all"
    FACE = "Face", ""
    PERSON = "Person", "P"
    MOMENT = "Now", "now"
    NOBODY = "You", "you"


@dataclass(frozen=True, slots=True)
class Who:
    """The face, person or group that songs are for.

    Attributes:
        kind: EVERYONE for all faces together, EACH for one after another in turn, FACE for one, PERSON for those of
            one person in several photos, MOMENT for the faces of a few seconds, NOBODY for a mood without a face.
        number: the number of the face or person, from 1; 0 for the other kinds.
    """

    kind: Kind
    number: int = 0

    def __post_init__(self) -> None:
        if (self.number > 0) is not (self.kind in (Kind.FACE, Kind.PERSON)):
            raise ValueError(f"a face or person has a number from 1, others have none. Received: {self}")

    @classmethod
    def face(cls, number: int) -> Who:
        """One face, by its number."""
        return cls(Kind.FACE, number)

    @classmethod
    def person(cls, number: int) -> Who:
        """The faces of one person in several photos, by the number of the person."""
        return cls(Kind.PERSON, number)

    @property
    def text(self) -> str:
        """The name on pages, in files and in the URL: "Everyone", "Each", "Face 2", "Person 1", "Now" or "You"."""
        return f"{self.kind.value[0]} {self.number or ''}".strip()

    @property
    def label(self) -> str:
        """The label on the affect plane: "all", "2", "P1", "now" or "you"."""
        return f"{self.kind.value[1]}{self.number or ''}"


EVERYONE, EACH = Who(Kind.EVERYONE), Who(Kind.EACH)
MOMENT, NOBODY = Who(Kind.MOMENT), Who(Kind.NOBODY)
