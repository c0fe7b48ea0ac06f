"""What the student reports say of their face models, to stand beside ours. Their figures, not measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

SEVEN = "accuracy over seven"
FOUR = "four classes"


@dataclass(frozen=True, slots=True)
class Reported:
    """A figure as a report gives it.

    Attributes:
        figure: accuracy from 0 to 1; where the report gives a range, its upper end.
        of: over which classes, `SEVEN` or `FOUR`.
        title: of the report.
        note: what differs from ours, or what is not known of it.
        lowest: the lower end of a range; None for a single figure.
        f1: by class, where the report gives it.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "figure": self.figure,
            "lowest": self.lowest,
            "of": self.of,
            "title": self.title,
            "note": self.note,
            "f1": dict(self.f1),
        }


REPORTED: Mapping[str, Reported] = MappingProxyType(
    {
        "xception_entry_exit": Reported(
            0.69,
            SEVEN,
            "Music Mood Lifter",
            "a modified Xception on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_paper": Reported(
            0.5972,
            SEVEN,
            "a CNN study, first network",
            "on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_improved": Reported(
            0.7029,
            SEVEN,
            "a CNN study, improved network",
            "with pictures of RAF-DB and AffectNet added to FER2013; ours has FER2013 alone",
        ),
        "mobilenet_quadrants": Reported(
            0.72,
            FOUR,
            "Matching emotions: portraits and songs",
            "a MobileNet; judged on 3,591 pictures, which is neither PublicTest nor PrivateTest (3,589 each)",
            f1=MappingProxyType({"Q1": 0.86, "Q2": 0.77, "Q3": 0.54, "N": 0.61}),
        ),
        "cnn_capstone": Reported(
            0.63,
            SEVEN,
            "a capstone's CNN of four blocks",
            "the report gives a range, not which split it is of",
            lowest=0.58,
        ),
    }
)
