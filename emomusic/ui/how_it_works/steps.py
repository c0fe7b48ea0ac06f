"""The steps of the How it works page: texts, source and drawing function of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emomusic.affect import share_text
from emomusic.face.detection import MIN_CONFIDENCE
from emomusic.ui.how_it_works import draw
from emomusic.ui.how_it_works.walk import Subject


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the page.

    Attributes:
        key: value of the URL parameter; it must not change, or links break.
        title: heading.
        sentences: two sentences for students.
        source: publication.
        draw: draws the step.
        waiting: text of the spinner.
        needs_face: whether the step shows a face of the photo.
        wide: the drawing takes the full width below the sentences.
    """

    key: str
    title: str
    sentences: tuple[str, str]
    source: str
    draw: Callable[[Subject], None]
    waiting: str = "Detecting faces"
    needs_face: bool = True
    wide: bool = False


_MTCNN = (
    "K. Zhang et al., Joint face detection and alignment using multi-task cascaded convolutional networks, "
    "IEEE Signal Processing Letters 23(10), 2016"
)
_RUSSELL = "J. A. Russell, A circumplex model of affect, Journal of Personality and Social Psychology 39(6), 1980"

STEPS: tuple[Step, ...] = (
    Step(
        "picture",
        "A photo is numbers",
        (
            "A photo is a table of numbers: the amounts of red, green and blue in each pixel.",
            "The app computes an expression from these numbers, but an expression does not prove a feeling.",
        ),
        "L. F. Barrett et al., Emotional expressions reconsidered, Psychological Science in the Public Interest 20(1), "
        "2019",
        draw.show_photo,
        needs_face=False,
    ),
    Step(
        "proposals",
        "Where might a face be?",
        (
            "A small network scans the photo at many sizes and proposes a box for each possible face.",
            "Non-maximum suppression removes overlapping boxes and keeps the one with the highest confidence.",
        ),
        f"P-Net of MTCNN: {_MTCNN}",
        draw.show_proposals,
        needs_face=False,
    ),
    Step(
        "refined",
        "A second check of the boxes",
        (
            "A second network checks each remaining box, corrects its position and removes most of them.",
            "This network is slower but more accurate, and it checks far fewer boxes.",
        ),
        f"R-Net of MTCNN: {_MTCNN}",
        draw.show_refined,
        needs_face=False,
    ),
    Step(
        "face",
        "The face and its five landmarks",
        (
            "A third network selects the faces and marks the eyes, the nose and the corners of the mouth.",
            f"A box needs a confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
        ),
        f"O-Net of MTCNN: {_MTCNN}",
        draw.show_faces,
        needs_face=False,
    ),
    Step(
        "crop",
        "The input of the emotion network",
        (
            "The app crops the face to a square, removes its colours and resizes it.",
            "The emotion network learned from thousands of small grey faces, so it gets the same kind of image.",
        ),
        "Training data FER2013: I. J. Goodfellow et al., Challenges in representation learning, ICONIP 2013",
        draw.show_crop,
    ),
    Step(
        "maps",
        "Patterns that the layers detect",
        (
            "Each layer makes feature maps, which are bright at its patterns: first edges, then parts of a face.",
            "The maps become smaller from layer to layer, and their patterns become harder to name.",
        ),
        "Y. LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), "
        "1998",
        draw.show_maps,
        waiting="Running the network",
    ),
    Step(
        "look",
        "Which parts of the face matter?",
        (
            "Grad-CAM computes which areas support the answer; occlusion covers each area and measures the drop.",
            "Grad-CAM is a formula and occlusion is an experiment; if they disagree, trust the experiment.",
        ),
        "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891; "
        "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        draw.show_explanations,
        waiting="Covering one area at a time",
    ),
    Step(
        "probabilities",
        "From scores to probabilities",
        (
            "The network gives one score per emotion, and the softmax turns the scores into probabilities.",
            "Calibration matches confidence to accuracy, and an adjustment corrects frequent mistakes on photos.",
        ),
        "C. Guo et al., On calibration of modern neural networks, ICML 2017; label smoothing: G. Patrini et al., CVPR "
        "2017; adjustment: M. Kull et al., Dirichlet calibration, NeurIPS 2019",
        draw.show_probabilities,
        waiting="Running the network",
    ),
    Step(
        "place",
        "From probabilities to a point",
        (
            "Each emotion has a point on a plane: pleasant on the right (valence), awake at the top (arousal).",
            "The face lies at the mean of these points, weighted by the probabilities.",
        ),
        f"{_RUSSELL}; points: J. A. Russell & A. Mehrabian, Evidence for a three-factor theory of emotions, "
        "Journal of Research in Personality 11(3), 1977",
        draw.show_point,
    ),
    Step(
        "quadrant",
        "Which quadrant is it?",
        (
            "Two axes divide the plane into four quadrants; a face inside the central ring counts as neutral.",
            "The quadrant links the face to the music.",
        ),
        f"{_RUSSELL}; the ring is our choice",
        draw.show_quadrant,
    ),
    Step(
        "songs",
        "From the quadrant to songs",
        (
            "Each quadrant has a mood of music, and songs have a valence and an arousal too.",
            "The first songs probably have this mood and lie near the face; each song states its reason.",
        ),
        f"{_RUSSELL}; the mood of each quadrant and the ranking are our choice",
        draw.show_songs,
        waiting="Choosing songs",
        wide=True,
    ),
)


def step_named(key: str | None) -> Step:
    """Return the step with this key, or the first step."""
    return next((step for step in STEPS if step.key == key), STEPS[0])
