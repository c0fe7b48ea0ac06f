"""The How it works page: its steps, and their layout with sentences left and the drawing right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from emomusic.affect import share_text
from emomusic.face.detection import MIN_CONFIDENCE
from emomusic.ui.core import state
from emomusic.ui.core.address import choose, chosen
from emomusic.ui.core.charts import roomy_columns
from emomusic.ui.core.frame import shown_errors
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.core.shared import shared
from emomusic.ui.how_it_works import draw
from emomusic.ui.how_it_works.draw import BARS, PLANE, SMALL_PLANE
from emomusic.ui.how_it_works.walk import Walk, walk_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the page."""

    key: str  # value of the URL parameter; it must not change, or links break
    title: str
    first: str  # two sentences for students
    second: str
    source: str
    draw: Callable[[Walk], None]
    waiting: str = "Detecting faces"  # text of the spinner
    needs_face: bool = True
    wide: bool = False  # the drawing takes the full width below the sentences


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
    ),
    Step(
        "proposals",
        "Where might a face be?",
        "A small network scans the photo at many sizes and proposes a box for each possible face.",
        "Non-maximum suppression removes overlapping boxes and keeps the one with the highest confidence.",
        f"P-Net of MTCNN: {_MTCNN}",
        draw.show_proposals,
        needs_face=False,
    ),
    Step(
        "refined",
        "A second check of the boxes",
        "A second network checks each remaining box, corrects its position and removes most of them.",
        "This network is slower but more accurate, and it checks far fewer boxes.",
        f"R-Net of MTCNN: {_MTCNN}",
        draw.show_refined,
        needs_face=False,
    ),
    Step(
        "face",
        "The face and its five landmarks",
        "A third network selects the faces and marks the eyes, the nose and the corners of the mouth.",
        f"A box needs a confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
        f"O-Net of MTCNN: {_MTCNN}",
        draw.show_faces,
        needs_face=False,
    ),
    Step(
        "crop",
        "The input of the emotion network",
        "The app crops the face to a square, removes its colours and resizes it.",
        "The emotion network learned from thousands of small grey faces, so it gets the same kind of image.",
        "Training data FER2013: I. J. Goodfellow et al., Challenges in representation learning, ICONIP 2013",
        draw.show_crop,
    ),
    Step(
        "maps",
        "Patterns that the layers detect",
        "Each layer makes feature maps, which are bright at its patterns: first edges, then parts of a face.",
        "The maps become smaller from layer to layer, and their patterns become harder to name.",
        "Y. LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), "
        "1998",
        draw.show_maps,
        waiting="Running the network",
    ),
    Step(
        "look",
        "Which parts of the face matter?",
        "Grad-CAM computes which areas support the answer; occlusion covers each area and measures the drop.",
        "Grad-CAM is a formula and occlusion is an experiment; if they disagree, trust the experiment.",
        "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891; "
        "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        draw.show_explanations,
        waiting="Covering one area at a time",
    ),
    Step(
        "probabilities",
        "From scores to probabilities",
        "The network gives one score per emotion, and the softmax turns the scores into probabilities.",
        "Calibration matches confidence to accuracy, and an adjustment corrects frequent mistakes on photos.",
        "C. Guo et al., On calibration of modern neural networks, ICML 2017; label smoothing: G. Patrini et al., CVPR "
        "2017; adjustment: M. Kull et al., Dirichlet calibration, NeurIPS 2019",
        draw.show_probabilities,
        waiting="Running the network",
    ),
    Step(
        "place",
        "From probabilities to a point",
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
        "The quadrant links the face to the music.",
        f"{_RUSSELL}; the ring is our choice",
        draw.show_quadrant,
    ),
    Step(
        "songs",
        "From the quadrant to songs",
        "Each quadrant has a mood of music, and songs have a valence and an arousal too.",
        "The first songs probably have this mood and lie near the face; each song states its reason.",
        f"{_RUSSELL}; the mood of each quadrant and the ranking are our choice",
        draw.show_songs,
        waiting="Choosing songs",
        wide=True,
    ),
)


def step_named(key: str | None) -> Step:
    """Return the step with this key, or the first step."""
    return next((step for step in STEPS if step.key == key), STEPS[0])


_KEYS = state.how_widget("keys")

# Type for a projector. Markdown has no size between text and heading. Streamlit adds the key of a container as a class
_LARGE = f"""<style>
.st-key-how-words p, .st-key-how-words-wide p {{ font-size: clamp(1.2rem, 1.9vw, 1.75rem); line-height: 1.4; }}
.st-key-how-fact p {{ font-size: clamp(1rem, 1.25vw, 1.2rem); }}
.st-key-how-songs p {{ font-size: 1rem; }}
/* A wide step has more text, so its type is smaller in low windows */
@media (min-width: 641px) {{
  .st-key-how-words-wide p {{ font-size: clamp(1.1rem, 1.7vw, 1.75rem); }}
  .st-key-how-songs {{ gap: min(1.3vh, 1rem); }}
  .st-key-how-moods p, .st-key-how-songs p {{ font-size: clamp(0.9rem, min(1.2vw, 2vh), 1.2rem); line-height: 1.35; }}
}}
.st-key-{_KEYS} {{ position: absolute; }} /* removes the gap of this invisible element */
/* The rest of the window's height. A plane is square, so it is no higher than a phone is wide */
.st-key-{BARS} {{ flex: none; height: clamp(20rem, 100vh - 20rem, 34rem); }}
.st-key-{PLANE} {{ flex: none; height: clamp(20rem, min(100vh - 15rem, 100vw), 36rem); }}
.st-key-{SMALL_PLANE} {{ flex: none; height: clamp(17rem, min(100vh - 29.5rem, 100vw), 30rem); }}
</style>"""

# Browsers send scroll keys to the focused element. After loading or a click in the header, that is not the main part
_SCROLLED_BY_KEYS = st.components.v2.component(
    "emomusic_scrolled_by_keys",
    js="""
const KEYS = ["PageDown", "PageUp", "Home", "End", "ArrowDown", "ArrowUp", " "];
function focusMain(event) {
  if (!KEYS.includes(event.key)) return;
  if (!document.activeElement?.matches('body, [data-testid="stHeader"] a')) return;
  document.querySelector('[data-testid="stMain"]')?.focus({ preventScroll: true });
}
export default function () {
  document.addEventListener("keydown", focusMain, true);
  return () => document.removeEventListener("keydown", focusMain, true);
}
""",
)


def choose_step() -> Step:
    """Show Back, Next and the list of steps. Returns the step that the URL names."""
    step = step_named(chosen(state.HOW_STEP))
    number = STEPS.index(step)
    st.set_page_config(page_title=f"{step.title} · How it works · EmoMusic")
    st.button(
        "Back",
        key=state.how_widget("back"),
        on_click=_go,
        args=(STEPS[max(number - 1, 0)],),
        disabled=number == 0,
        shortcut="Left",
    )
    # The last step reuses this button, because a disabled button loses focus. It has no shortcut, to stop at the end
    is_last = number == len(STEPS) - 1
    st.button(
        "Start again" if is_last else "Next",
        key=state.how_widget("next"),
        on_click=_go,
        args=(STEPS[0 if is_last else number + 1],),
        type="primary",
        shortcut=None if is_last else "Right",
    )
    # The key contains the step, so navigation closes the popover
    with st.popover(f"Step {number + 1} of {len(STEPS)}", key=state.how_widget("steps", step.key)):
        for position, other in enumerate(STEPS, 1):
            st.button(
                f"{position}. {other.title}",
                key=state.how_widget("go", other.key),
                on_click=_go,
                args=(other,),
                type="tertiary",
                disabled=other is step,
            )
    return step


def show_step(step: Step, picture: Picture) -> None:
    """Show the sentences at once, and the drawing when it is ready."""
    st.html(_LARGE)
    _SCROLLED_BY_KEYS(key=_KEYS)
    shared()  # starts loading the networks during the first step
    words, drawing = (st.container(), st.container()) if step.wide else roomy_columns([2, 3], key="how", gap="large")
    with words:
        st.title(step.title, anchor=False)
        with st.container(key="how-words-wide" if step.wide else "how-words"):
            st.markdown(step.first)
            st.markdown(step.second)
        st.caption(f"Source: {step.source}")
        # Not `st.empty()`: it removes the old buttons, and the focus with them, before new ones exist
        face_buttons = st.container(horizontal=True, gap="small")
    with drawing, shown_errors():
        walk = walk_of(picture)
        with st.spinner(step.waiting):
            if step.needs_face and not walk.faces:
                st.info("No face was found. Choose another photo, or go back to see the detection.")
                return
            walk.number = _choose_face(walk, face_buttons) if step.needs_face else 1
            step.draw(walk)


def _go(step: Step) -> None:
    choose({state.HOW_STEP: step.key})


def _choose_face(walk: Walk, container: st.delta_generator.DeltaGenerator) -> int:
    """Let the visitor choose one of several faces. Returns its number."""
    if len(walk.faces) == 1:
        return 1
    key = state.how_widget("face", walk.picture.digest)
    chosen = int(st.session_state.get(key, 1))
    # Other widgets than buttons use the arrow keys. A change of `type` would replace the button and lose the focus
    with container:
        for face in walk.faces:
            name = f"Face {face.number}"
            st.button(
                f":primary[**{name}, selected**]" if face.number == chosen else name,
                key=state.how_widget("face", str(face.number)),
                on_click=state.put,
                args=(key, face.number),
            )
    return chosen
