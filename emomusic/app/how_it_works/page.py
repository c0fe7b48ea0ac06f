"""The How it works page: its steps, and their layout with sentences next to the drawing or above a wide one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import share_text
from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.charts import roomy_columns, styled_room
from emomusic.app.frame import shown_errors
from emomusic.app.how_it_works import draw
from emomusic.app.how_it_works.draw import CHART, WIDE
from emomusic.app.how_it_works.walk import Walk, choose_photo, show_face, walk_of
from emomusic.app.picture_chooser import Picture
from emomusic.faces.detection import MIN_CONFIDENCE
from emomusic.server.shared import shared


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
    ratio: float = 1.0  # width by height of the drawing, if it is not the photo


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
        "A second check",
        "A second network checks each remaining box, corrects its position and removes most of them.",
        "This network is slower but more accurate, and it checks far fewer boxes.",
        f"R-Net of MTCNN: {_MTCNN}",
        draw.show_refined,
        needs_face=False,
    ),
    Step(
        "face",
        "Face and landmarks",
        "A third network selects the faces and marks the eyes, the nose and the corners of the mouth.",
        f"A box needs a confidence of at least {share_text(MIN_CONFIDENCE)} to count as a face.",
        f"O-Net of MTCNN: {_MTCNN}",
        draw.show_faces,
        needs_face=False,
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
        "R. R. Selvaraju et al., Grad-CAM, ICCV 2017, as HiResCAM, R. L. Draelos & L. Carin, arXiv:2011.08891; "
        "M. D. Zeiler & R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        draw.show_explanations,
        waiting="Covering one area at a time",
        ratio=2.0,
    ),
    Step(
        "probabilities",
        "Scores to probabilities",
        "The network gives one score per emotion, and the softmax turns the scores into probabilities.",
        "Calibration matches confidence to accuracy, and an adjustment corrects frequent mistakes on photos.",
        "C. Guo et al., On calibration of modern neural networks, ICML 2017; label smoothing: G. Patrini et al., CVPR "
        "2017; adjustment: M. Kull et al., Dirichlet calibration, NeurIPS 2019",
        draw.show_probabilities,
        waiting="Running the network",
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
        "The quadrant links the face to the music.",
        f"{_RUSSELL}; the ring is our choice",
        draw.show_quadrant,
    ),
    Step(
        "songs",
        "Songs for this face",
        "Each quadrant has a mood of music, and songs have a valence and an arousal too.",
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
)


def step_named(key: str | None) -> Step:
    """Return the step with this key, or the first step."""
    return next((step for step in STEPS if step.key == key), STEPS[0])


_KEYS = state.how_widget("keys")

_TOP_PX, _STEP_PX = 52, 502

# Type for a projector. Markdown has no size between text and heading. Streamlit adds the key of a container as a class
_STYLE = f"""<style>
.st-key-how-title {{ overflow: visible; }}
.st-key-how-title h1 {{ font-size: clamp(1.5rem, 2.4vw, 2.6rem); line-height: 1.25; padding: 0; }}
.st-key-how-top {{ overflow: auto hidden; padding: 4px; }}
.st-key-{_KEYS} {{ position: absolute; }} /* removes the gap of this invisible element */
[class*="st-key-how-"] .stElementContainer:has(> .stSpinner) {{ position: absolute; }} /* its place is the drawing's */
.st-key-how-fitting {{ margin: 0 auto; width: 100%; }}
/* The rest of the window's height. A plane is square, so it is no higher than a phone is wide */
[class*="st-key-{CHART}-"] {{ flex: none; height: max(20rem, min(100vh - 12rem + var(--how-saved, 0rem), 100vw)); }}
@media (min-width: 641px) {{
  .st-key-how-words p {{ font-size: clamp(1.2rem, 2.3vw, 3rem); line-height: 1.4; }}
  .st-key-how-words-wide p {{ font-size: clamp(1.1rem, 1.55vw, 2rem); line-height: 1.4; }}
  .st-key-how-fact p {{ font-size: clamp(1rem, 1.5vw, 1.8rem); }}
  .st-key-how-songs p {{ font-size: clamp(0.9rem, min(1.2vw, 2.1vh), 1.3rem); line-height: 1.3; }}
  .st-key-how-songs {{ gap: min(1.2vh, 1rem); }}
  .st-key-how-drawing, .st-key-how-wide {{ min-height: max(16rem, 62vh); }}
  .st-key-how-wide [class*="st-key-{CHART}-"] {{ height: max(20rem, 100vh - 18rem + var(--how-saved, 0rem)); }}
}}
@media (max-width: 640px) {{
  .st-key-how-top {{ justify-content: start; }}
  .st-key-how-full {{ display: none; }}
  .st-key-how-drawing {{ min-height: 100vw; }}
}}
/* Full screen: the picture takes the place of the header, which has no use there */
:root:fullscreen {{ --how-saved: 3.5rem; }}
:root:fullscreen [data-testid="stHeader"] {{ display: none; }}
:root:fullscreen .stMainBlockContainer {{ padding: 0.4375rem 2rem 0; }}
</style>"""

# Browsers send scroll keys to the focused element. After loading or a click in the header, that is not the main part.
# A browser shows the full screen only in answer to a key or a click, so the server cannot ask for it
_PRESENTER_KEYS = st.components.v2.component(
    "emomusic_presenter_keys",
    js="""
const KEYS = ["PageDown", "PageUp", "Home", "End", "ArrowDown", "ArrowUp", " "];
function focusMain(event) {
  if (!KEYS.includes(event.key)) return;
  if (!document.activeElement?.matches('body, [data-testid="stHeader"] a')) return;
  document.querySelector('[data-testid="stMain"]')?.focus({ preventScroll: true });
}
function toggle() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}
function press(event) {
  const isTyped = event.target.closest?.("input, textarea, [contenteditable]");
  if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyped) toggle();
}
function click(event) {
  if (event.isTrusted && event.target.closest?.(".st-key-how-full button")) toggle();
}
const LISTENERS = [["keydown", focusMain], ["keydown", press], ["click", click]];
export default function () {
  for (const [name, listener] of LISTENERS) document.addEventListener(name, listener, true);
  return () => { for (const [name, listener] of LISTENERS) document.removeEventListener(name, listener, true); };
}
""",
)


def show_top() -> tuple[Step, Picture]:
    """Show the title and, in one row, the buttons. Returns the step that the URL names, and the photo."""
    step = step_named(chosen(state.HOW_STEP))
    st.set_page_config(page_title=f"{step.title} · How it works · EmoMusic")
    st.html(_STYLE)
    # Heights in pixels, because the style loads after the text, which would move the parts below
    title, buttons = st.columns([3, 5], gap="small")
    with title.container(height=_TOP_PX, border=False, vertical_alignment="center", key="how-title"):
        st.title(step.title, anchor=False)
    row = buttons.container(
        height=_TOP_PX,
        border=False,
        horizontal=True,
        wrap=False,
        horizontal_alignment="right",
        vertical_alignment="center",
        key="how-top",
    )
    with row:
        _choose_step(step)
        return step, choose_photo()


def _choose_step(step: Step) -> None:
    number = STEPS.index(step)
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
    st.button("Full screen", key=state.how_widget("full"), shortcut="F")


def show_step(step: Step, picture: Picture) -> None:
    """Show the sentences at once, and the drawing when it is ready."""
    shared()  # starts loading the networks during the first step
    with shown_errors():
        walk = walk_of(picture)
        ratio = step.ratio if step.needs_face else walk.size[0] / walk.size[1]
        share = 50 if ratio >= WIDE else round(100 * min(max(0.53 * ratio, 0.3), 0.61))
        room = styled_room("how-step", _STEP_PX)
        with room:
            words, place = roomy_columns([100 - share, share], key="how", gap="medium")
        with words:
            with st.container(key="how-words-wide" if ratio >= WIDE or step.draw is draw.show_songs else "how-words"):
                st.markdown(f"{step.first} {step.second}" if ratio >= WIDE else step.first)
                st.empty() if ratio >= WIDE else st.markdown(step.second)
            # Not `st.empty()`: it removes the old buttons, and the focus with them, before new ones exist
            face_buttons = st.container(horizontal=True, gap="small")
        if ratio >= WIDE:
            for column in (words, place):
                column.empty()  # removes figures and drawing of the last step at once; later the new drawing would move
            facts, drawing = place, room.container(key="how-wide")
        else:
            facts, drawing = words.container(), place.container(key="how-drawing")
        with drawing, st.spinner(step.waiting):
            if step.needs_face and not walk.faces:
                st.info("No face was found. Choose another photo, or go back to see the detection.")
            else:
                if step.needs_face and len(walk.faces) > 1:
                    with face_buttons:
                        _choose_face(walk)
                step.draw(walk, facts)
        with room:
            _PRESENTER_KEYS(key=_KEYS)
    st.caption(f"Source: {step.reference}")


def _go(step: Step) -> None:
    choose({state.HOW_STEP: step.key})


def _choose_face(walk: Walk) -> None:
    """Let the visitor choose one of several faces."""
    # Other widgets than buttons use the arrow keys. A change of `type` would replace the button and lose the focus
    for number in range(1, len(walk.faces) + 1):
        st.button(
            f":primary[**Face {number}, selected**]" if number == walk.number else f"Face {number}",
            key=state.how_widget("face", str(number)),
            on_click=show_face,
            args=(number,),
        )
