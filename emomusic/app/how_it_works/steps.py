"""The table of the steps of the How it works page: their sentences, sources and drawings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import share_text
from emomusic.app.how_it_works import draw
from emomusic.app.how_it_works.walk import Walk
from emomusic.faces.detection import MIN_CONFIDENCE


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the page."""

    key: str  # value of the URL parameter; it must not change, or links break
    title: str
    first: str  # two sentences for students
    second: str
    reference: str
    draw: Callable[[Walk, DeltaGenerator], None]
    waiting: str = "Detecting faces"  # text of the spinner
    needs_face: bool = True
    ratio: float | None = 1.0  # width by height of the drawing; None is the photo's


_MTCNN = (
    "K. Zhang et al., Joint face detection and alignment using multi-task cascaded convolutional networks, "
    "IEEE Signal Processing Letters 23(10), 2016"
)
_RUSSELL = "J. A. Russell, A circumplex model of affect, Journal of Personality and Social Psychology 39(6), 1980"

STEPS: tuple[Step, ...] = (
    Step(
        "picture",
        "A photo is numbers",
        "A photo is a table of numbers: the amounts of red, green and blue in each pixel.",
        "The app computes an expression from these numbers, but an expression does not prove a feeling.",
        "L. F. Barrett et al., Emotional expressions reconsidered, Psychological Science in the Public Interest 20(1), "
        "2019",
        draw.show_photo,
        needs_face=False,
        ratio=None,
    ),
    Step(
        "proposals",
        "Where might a face be?",
        "A small network scans the photo at many sizes and proposes a box for each possible face.",
        "Non-maximum suppression removes overlapping boxes and keeps the one with the highest confidence.",
        f"P-Net of MTCNN: {_MTCNN}",
        draw.show_proposals,
        needs_face=False,
        ratio=None,
    ),
    Step(
        "refined",
        "A second check",
        "A second network checks each remaining box, corrects its position and removes most of them.",
        "This network is slower but more accurate, and it checks far fewer boxes.",
        f"R-Net of MTCNN: {_MTCNN}",
        draw.show_refined,
        needs_face=False,
        ratio=None,
    ),
    Step(
        "face",
        "Face and landmarks",
        "A third network selects the faces and marks the eyes, the nose and the corners of the mouth.",
        f"A box needs a confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
        f"O-Net of MTCNN: {_MTCNN}",
        draw.show_faces,
        needs_face=False,
        ratio=None,
    ),
    Step(
        "crop",
        "The network's input",
        "The app crops the face to a square, removes its colours and resizes it.",
        "The emotion network learned from thousands of small grey faces, so it gets the same kind of image.",
        "Training data FER2013: I. J. Goodfellow et al., Challenges in representation learning, ICONIP 2013",
        draw.show_crop,
        ratio=1.5,
    ),
    Step(
        "maps",
        "Patterns in the face",
        "Each layer makes feature maps, which are bright at its patterns: first edges, then parts of a face.",
        "The maps become smaller from layer to layer, and their patterns become harder to name.",
        "Y. LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), "
        "1998",
        draw.show_maps,
        waiting="Running the network",
        ratio=1.2,
    ),
    Step(
        "look",
        "Which parts matter?",
        "Grad-CAM computes which areas support the answer; occlusion covers each area and measures the drop.",
        "Grad-CAM is a formula and occlusion is an experiment; if they disagree, trust the experiment.",
        "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891",
        draw.show_explanations,
        waiting="Covering one area at a time",
        ratio=2.0,
    ),
    Step(
        "cover",
        "Cover a part yourself",
        "Drag the grey square over the face, or move it with the arrow keys, and see which part the answer needs.",
        "This is one measurement of occlusion, the experiment of the last step.",
        "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        draw.show_cover,
        waiting="Running the network",
        ratio=2.0,
    ),
    Step(
        "probabilities",
        "Scores to probabilities",
        "The network scores each emotion, and the softmax turns scores into probabilities.",
        "Calibration matches confidence to accuracy; an adjustment corrects mistakes on photos.",
        "C. Guo et al., ICML 2017; smoothing: G. Patrini et al., CVPR 2017; adjustment: M. Kull et al., NeurIPS 2019",
        draw.show_probabilities,
        waiting="Running the network",
        ratio=1.2,
    ),
    Step(
        "people",
        "For whom does it work?",
        "The network learned from some people and is right more often for those who look and act like them.",
        "Each point is a collection of labelled faces with its 95 % range; the network had not met these persons.",
        "Figures of this model on the Models page; J. Buolamwini & T. Gebru, Gender shades, FAT* 2018",
        draw.show_people,
        needs_face=False,
        ratio=1.2,
    ),
    Step(
        "place",
        "A point on the plane",
        "Each emotion has a point on a plane: pleasant on the right (valence), awake at the top (arousal).",
        "The face lies at the mean of these points, weighted by the probabilities.",
        f"{_RUSSELL}; points: J. A. Russell & A. Mehrabian, Evidence for a three-factor theory of emotions, "
        "Journal of Research in Personality 11(3), 1977",
        draw.show_point,
    ),
    Step(
        "quadrant",
        "Which quadrant is it?",
        "Two axes divide the plane into four quadrants; a face inside the central ring counts as neutral.",
        "Each quadrant has a mood of music, which links faces to songs.",
        f"{_RUSSELL}; the ring is our choice",
        draw.show_quadrant,
    ),
    Step(
        "songs",
        "Songs for this face",
        "The main emotion sets the mood of the songs: that of its own quadrant, for neutral faces happy or calm.",
        "The first songs probably have this mood and lie near the face; each song states its reason.",
        f"{_RUSSELL}; the mood of each quadrant and the ranking are our choice",
        draw.show_songs,
        waiting="Choosing songs",
    ),
    Step(
        "sound",
        "The sound of a mood",
        "This picture is a song: time from left to right, low to high pitches upwards, light where it is loud.",
        "A network finds patterns in such pictures, and from them a second model gives each mood a probability.",
        "J. Pons & X. Serra, musicnn, ISMIR 2019; trained on clips of R. Panda et al., Novel audio features for music "
        "emotion recognition, IEEE Transactions on Affective Computing 11(4), 2020",
        draw.show_sound,
        waiting="Listening",
        ratio=2.5,
    ),
    Step(
        "band",
        "A band that a face conducts",
        "On the Live page, a pleasant face brings in major loops, and an awake one the drums and the lead.",
        "The network of the last step heard such mixes: the lines rise, so the music follows the face.",
        "The loops are our own; the network as in the last step",
        draw.show_band,
        needs_face=False,
    ),
)


def step_named(key: str | None) -> Step:
    """Return the step with this key, or the first step."""
    return next((step for step in STEPS if step.key == key), STEPS[0])
