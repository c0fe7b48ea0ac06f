"""The steps of "How it works": one entry each, with its words, its source and what draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from emomusic.affect import share_text
from emomusic.face.detection import MIN_CONFIDENCE
from emomusic.ui.how_it_works import draw
from emomusic.ui.how_it_works.walk import Scene


class Needs(StrEnum):
    """What a step cannot do without."""

    PICTURE = "picture"
    NETWORKS = "networks"
    FACE = "face"


@dataclass(frozen=True, slots=True)
class Step:
    """One screen.

    Attributes:
        key: its name in the address; it stays when steps come and go, so links do not break.
        title: what is shown.
        sentences: two, for a student.
        source: where it is from.
        waiting: what is being done while the visitor waits.
        draw: shows it.
        needs: what must be there first.
        wide: whether that stands below the words, for it takes the whole width.
    """

    key: str
    title: str
    sentences: tuple[str, str]
    source: str
    draw: Callable[[Scene], None]
    waiting: str = "Looking for faces"
    needs: Needs = Needs.FACE
    wide: bool = False


_MTCNN = (
    "K. Zhang et al., Joint face detection and alignment using multi-task cascaded convolutional networks, "
    "IEEE Signal Processing Letters 23(10), 2016"
)
_RUSSELL = "J. A. Russell, A circumplex model of affect, Journal of Personality and Social Psychology 39(6), 1980"

STEPS: tuple[Step, ...] = (
    Step(
        "picture",
        "A picture is numbers",
        (
            "To a computer a picture is a table of numbers: how much red, green and blue there is at every point.",
            "All that follows is arithmetic on these numbers, and the expression it reads is not yet a feeling.",
        ),
        "L. F. Barrett et al., Emotional expressions reconsidered, Psychological Science in the Public Interest 20(1), "
        "2019",
        draw.picture,
        needs=Needs.PICTURE,
    ),
    Step(
        "proposals",
        "Where might a face be?",
        (
            "A small, quick network slides over the picture at many sizes and proposes a box wherever something "
            "looks a little like a face.",
            "Of boxes that cover nearly the same place only the surest stays: that is called suppression.",
        ),
        f"P-Net of MTCNN: {_MTCNN}",
        draw.proposals,
        needs=Needs.NETWORKS,
    ),
    Step(
        "refined",
        "A closer look at few boxes",
        (
            "A second network looks at each box that is left, moves its edges and throws most of them out.",
            "It is slower and better than the first, which it can afford because so few are left.",
        ),
        f"R-Net of MTCNN: {_MTCNN}",
        draw.refined,
        needs=Needs.NETWORKS,
    ),
    Step(
        "face",
        "The face and its five points",
        (
            "A third network decides what is a face, and marks the eyes, the nose and the corners of the mouth.",
            f"Only what it is at least {share_text(MIN_CONFIDENCE)} sure of counts.",
        ),
        f"O-Net of MTCNN: {_MTCNN}",
        draw.output,
        needs=Needs.NETWORKS,
    ),
    Step(
        "crop",
        "What the next network sees",
        (
            "The face is cut out as a square, loses its colours and is brought to the small size that a network knows.",
            "The network that reads expressions learned from thousands of faces of just that kind, so it gets no more.",
        ),
        "FER2013, the faces it learned from: I. J. Goodfellow et al., Challenges in representation learning, "
        "ICONIP 2013",
        draw.crop,
    ),
    Step(
        "maps",
        "What its layers respond to",
        (
            "Each layer makes maps of the face that are bright where its pattern was found: first edges, then parts "
            "of a face.",
            "From layer to layer the maps become smaller and what they stand for harder to name.",
        ),
        "Y. LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), "
        "1998",
        draw.maps,
        waiting="Running the network",
    ),
    Step(
        "look",
        "Where does it look?",
        (
            "Grad-CAM computes which places speak for the answer; occlusion covers one place after the other and "
            "watches the answer fall.",
            "The first is a formula, the second an experiment: where they disagree, believe the experiment.",
        ),
        "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891; "
        "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        draw.look,
        waiting="Covering one place after the other",
    ),
    Step(
        "probabilities",
        "From scores to probabilities",
        (
            "The network ends in one score for each emotion, and the softmax turns scores into shares of a hundred.",
            "Then they are made as sure as the network is often right, and adjusted for photographs, where some "
            "emotions are met more often.",
        ),
        "C. Guo et al., On calibration of modern neural networks, ICML 2017; the doubt taken back: G. Patrini et al., "
        "CVPR 2017; the adjustment: A. K. Menon et al., ICLR 2021",
        draw.probabilities,
        waiting="Running the network",
    ),
    Step(
        "place",
        "A place among the feelings",
        (
            "Every emotion has a place on a plane: pleasant on the right, awake at the top.",
            "The face lies at the mean of these places, where each weighs as much as it is probable.",
        ),
        f"{_RUSSELL}; places: J. A. Russell & A. Mehrabian, Evidence for a three-factor theory of emotions, "
        "Journal of Research in Personality 11(3), 1977",
        draw.place,
    ),
    Step(
        "quadrant",
        "Which quarter is that?",
        (
            "The two axes cut the plane into four quarters; within the ring in the middle a face counts as neutral.",
            "The quarter is what the face and the music have in common.",
        ),
        f"{_RUSSELL}; the ring is this project's choice",
        draw.quadrant,
    ),
    Step(
        "songs",
        "From the quarter to the songs",
        (
            "Each quarter stands for a mood of music, and songs have places on the same plane: bright or dark, lively "
            "or quiet.",
            "Songs that are likelier than most to have this mood and lie near the face come first, each with its "
            "reason.",
        ),
        f"{_RUSSELL}; which mood a quarter stands for, and the order of the songs, are this project's choice",
        draw.songs,
        waiting="Choosing songs",
        wide=True,
    ),
)


def step_named(key: str | None) -> Step:
    """The step of that name in the address; the first where there is none of that name."""
    return next((step for step in STEPS if step.key == key), STEPS[0])
