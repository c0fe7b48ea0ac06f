"""A figure that a student report gives of a model, to stand beside ours. Not measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Baseline:
    """A figure as a report gives it.

    Attributes:
        figure: accuracy from 0 to 1; where the report gives a range, its upper end.
        lowest: the lower end of a range; None for a single figure.
        of: over which classes, in words.
        title: of the report.
        note: what differs from ours, or what is not known of it.
        f1: by class, where the report gives it.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def percent(self) -> str:
        """The figure as people write it."""
        return percent_of(self.figure, self.lowest)

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


def percent_of(figure: float, lowest: float | None = None) -> str:
    """A share as people write it: "69 %"; a range as "58 to 63 %"."""
    high = f"{100 * figure:.3g} %"
    return high if lowest is None else f"{100 * lowest:.3g} to {high}"


OF_SEVEN = "accuracy over seven"


OF_FOUR = "four classes"


FACE_BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        "xception_entry_exit": Baseline(
            0.69,
            OF_SEVEN,
            "Music Mood Lifter",
            "a modified Xception on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_paper": Baseline(
            0.5972,
            OF_SEVEN,
            "a CNN study, first network",
            "on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_improved": Baseline(
            0.7029,
            OF_SEVEN,
            "a CNN study, improved network",
            "with pictures of RAF-DB and AffectNet added to FER2013; ours saw FER2013's pictures alone",
        ),
        "mobilenet_quadrants": Baseline(
            0.72,
            OF_FOUR,
            "Matching emotions: portraits and songs",
            "a MobileNet; judged on 3,591 pictures, which is neither PublicTest nor PrivateTest (3,589 each)",
            f1=MappingProxyType({"Q1": 0.86, "Q2": 0.77, "Q3": 0.54, "N": 0.61}),
        ),
        "cnn_capstone": Baseline(
            0.63,
            OF_SEVEN,
            "a capstone's CNN of four blocks",
            "the report gives a range, not which split it is of",
            lowest=0.58,
        ),
    }
)


MUSIC_SOURCE = "the student reports this project follows"


def _music_baseline(accuracy: float, note: str) -> Baseline:
    return Baseline(accuracy, "four moods", MUSIC_SOURCE, note)


MUSIC_BASELINES: Mapping[str, tuple[Baseline, ...]] = MappingProxyType(
    {
        "mlp": (_music_baseline(0.82, "best case"), _music_baseline(0.80, "on average")),
        "gradient_boosting": (_music_baseline(0.50, 'boosting, "around 50 %"'),),
    }
)
"""Their splits are not known, and a single split of this data is several points off either way."""
