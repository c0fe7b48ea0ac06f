"""Accuracies that the student reports published. We did not measure them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published accuracy.

    Attributes:
        figure: accuracy from 0 to 1; the upper end if the report gives a range.
        lowest: the lower end of a range; None for a single figure.
        of: the classes, for people.
        title: title of the report.
        note: differences from our setup, and facts that the report leaves out.
        f1: F1 by class, if published.
    """

    figure: float
    of: str
    title: str
    note: str
    lowest: float | None = None
    f1: dict[str, float] = field(default_factory=dict)

    @property
    def percent(self) -> str:
        """The figure for people: "69 %" or "58 to 63 %"."""
        return percent_of(self.figure, self.lowest)


def percent_of(figure: float, lowest: float | None = None) -> str:
    """Format an accuracy: "69 %"; or a range: "58 to 63 %"."""
    high = f"{100 * figure:.3g} %"
    return high if lowest is None else f"{100 * lowest:.3g} to {high}"


OF_SEVEN = "accuracy over seven"
OF_FOUR = "four classes"


FACE_BASELINES: Mapping[str, Baseline] = {
    "xception_entry_exit": Baseline(
        0.69,
        OF_SEVEN,
        "Music Mood Lifter",
        "a modified Xception on FER2013; the split and the choice of the epoch are not published",
    ),
    "cnn_paper": Baseline(
        0.5972,
        OF_SEVEN,
        "a CNN study, first network",
        "on FER2013; the split and the choice of the epoch are not published",
    ),
    "cnn_improved": Baseline(
        0.7029,
        OF_SEVEN,
        "a CNN study, improved network",
        "trained on FER2013 with RAF-DB and AffectNet; ours is trained on FER2013 alone",
    ),
    "mobilenet_quadrants": Baseline(
        0.72,
        OF_FOUR,
        "Matching emotions: portraits and songs",
        "a MobileNet; evaluated on 3,591 pictures, neither PublicTest nor PrivateTest (3,589 each)",
        f1={"Q1": 0.86, "Q2": 0.77, "Q3": 0.54, "N": 0.61},
    ),
    "cnn_capstone": Baseline(
        0.63,
        OF_SEVEN,
        "a capstone's CNN of four blocks",
        "the report gives a range and no split",
        lowest=0.58,
    ),
}


MUSIC_SOURCE = "the student reports this project follows"


def _music_baseline(accuracy: float, note: str) -> Baseline:
    return Baseline(accuracy, "four moods", MUSIC_SOURCE, note)


MUSIC_BASELINES: Mapping[str, tuple[Baseline, ...]] = {
    "mlp": (_music_baseline(0.82, "best case"), _music_baseline(0.80, "on average")),
    "gradient_boosting": (_music_baseline(0.50, 'boosting, "around 50 %"'),),
}
"""The splits are not published. Single splits of this dataset vary by several points."""


SOUND_BASELINE = Baseline(
    0.764,
    "four quadrants, macro-F1",
    "Panda, Malheiro and Paiva (2018)",
    "a support vector machine on 100 features of 900 clips, ten folds",
)
