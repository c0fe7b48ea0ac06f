"""Layout of the How it works page: navigation above, sentences left, drawing right."""

from __future__ import annotations

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.core.address import choose, chosen
from emomusic.ui.core.charts import roomy_columns
from emomusic.ui.core.frame import shown_errors
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.core.shared import shared
from emomusic.ui.how_it_works.draw import BARS, PLANE, SMALL_PLANE
from emomusic.ui.how_it_works.steps import STEPS, Step, step_named
from emomusic.ui.how_it_works.walk import Subject, Walk, walk_of

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
            for sentence in step.sentences:
                st.markdown(sentence)
        st.caption(f"Source: {step.source}")
        # Not `st.empty()`: it removes the old buttons, and the focus with them, before new ones exist
        face_buttons = st.container(horizontal=True, gap="small")
    with drawing, shown_errors():
        walk = walk_of(picture)
        with st.spinner(step.waiting):
            if step.needs_face and not walk.faces:
                st.info("No face was found. Choose another photo, or go back to see the detection.")
                return
            number = _choose_face(walk, face_buttons) if step.needs_face else 1
            step.draw(Subject(walk, number))


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
