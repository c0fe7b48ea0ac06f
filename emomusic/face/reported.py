"""What the student reports say of their face models, to stand beside ours. Their figures, not measured here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from emomusic.reported import Reported

OF_SEVEN = "accuracy over seven"
OF_FOUR = "four classes"

REPORTED: Mapping[str, Reported] = MappingProxyType(
    {
        "xception_entry_exit": Reported(
            0.69,
            OF_SEVEN,
            "Music Mood Lifter",
            "a modified Xception on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_paper": Reported(
            0.5972,
            OF_SEVEN,
            "a CNN study, first network",
            "on FER2013; on which split, and how the epoch was chosen, is not known here",
        ),
        "cnn_improved": Reported(
            0.7029,
            OF_SEVEN,
            "a CNN study, improved network",
            "with pictures of RAF-DB and AffectNet added to FER2013; ours saw FER2013's pictures alone",
        ),
        "mobilenet_quadrants": Reported(
            0.72,
            OF_FOUR,
            "Matching emotions: portraits and songs",
            "a MobileNet; judged on 3,591 pictures, which is neither PublicTest nor PrivateTest (3,589 each)",
            f1=MappingProxyType({"Q1": 0.86, "Q2": 0.77, "Q3": 0.54, "N": 0.61}),
        ),
        "cnn_capstone": Reported(
            0.63,
            OF_SEVEN,
            "a capstone's CNN of four blocks",
            "the report gives a range, not which split it is of",
            lowest=0.58,
        ),
    }
)
