"""The How it works page: the buttons, and each step with its sentences next to the drawing or above a wide one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.charts import roomy_columns, styled_room
from emomusic.app.frame import shown_errors
from emomusic.app.how_it_works.drawing import CHART, WIDE, Drawing, Walk, show_face
from emomusic.app.how_it_works.steps import STEPS, Step, step_named
from emomusic.app.picture_chooser import (
    SAMPLES,
    Picture,
    choose_picture,
    keep_result,
    kept_result,
    picture_menu,
    sample_picture,
)
from emomusic.server.shared import shared

_KEYS = "how-keys"

_TOP_PX, _STEP_PX = 52, 502

# Type for a projector. Markdown has no size between text and heading. Streamlit adds the key of a container as a class
_STYLE = f"""<style>
.st-key-how-title {{ overflow: visible; }}
.st-key-how-temperature {{ flex: none; height: 4.5rem; }}
.st-key-how-title h1 {{ font-size: clamp(1.5rem, 2.4vw, 2.6rem); line-height: 1.25; padding: 0; }}
.st-key-how-top {{ overflow: auto hidden; padding: 4px; }}
.st-key-{_KEYS} {{ position: absolute; }} /* removes the gap of this invisible element */
[class*="st-key-how-"] .stElementContainer:has(> .stSpinner) {{ position: absolute; }} /* its place is the drawing's */
.st-key-how-fitting {{ margin: 0 auto; width: 100%; }}
.st-key-how-cover {{ max-width: max(18rem, 100vh - 23.5rem + var(--how-saved, 0rem)); }}
/* The rest of the window's height. A plane is square, so it is no higher than a phone is wide */
[class*="st-key-{CHART}-"] {{ flex: none; height: max(20rem, min(100vh - 14.5rem + var(--how-saved, 0rem), 100vw)); }}
@media (min-width: 641px) {{
  .st-key-how-words p {{ font-size: clamp(1.2rem, 2.3vw, 3rem); line-height: 1.4; }}
  .st-key-how-words-wide p {{ font-size: clamp(1.1rem, 1.55vw, 2rem); line-height: 1.4; }}
  .st-key-how-fact p {{ font-size: clamp(1rem, 1.5vw, 1.8rem); }}
  .st-key-how-songs p {{ font-size: clamp(0.9rem, min(1.2vw, 2.1vh), 1.3rem); line-height: 1.3; }}
  .st-key-how-songs {{ gap: min(1.2vh, 1rem); }}
  .st-key-how-drawing {{ min-height: max(16rem, 62vh); }}
  .st-key-how-wide {{ min-height: max(16rem, 45vh); }}
  .st-key-how-wide [class*="st-key-{CHART}-"] {{ height: max(18rem, 100vh - 23.5rem + var(--how-saved, 0rem)); }}
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
        with picture_menu("Photo", "how-picture"):
            st.markdown("Choose a sample, or use your own photo. It stays in memory.")
            picture = choose_picture()
    # The URL must not name the first sample, because the name could replace an upload in progress
    return step, picture or sample_picture(next(iter(SAMPLES)))


def _choose_step(step: Step) -> None:
    number = STEPS.index(step)
    st.button("Back", key="how-back", on_click=_go, args=(number - 1,), disabled=number == 0, shortcut="Left")
    # The last step reuses this button, because a disabled button loses focus. It has no shortcut, to stop at the end
    if number == len(STEPS) - 1:
        st.button("Start again", key="how-next", on_click=_go, args=(0,), type="primary")
    else:
        st.button("Next", key="how-next", on_click=_go, args=(number + 1,), type="primary", shortcut="Right")
    titles = [f"{position}. {other.title}" for position, other in enumerate(STEPS, 1)]
    _menu(f"Step {number + 1} of {len(STEPS)}", titles, number, _go)
    st.button("Full screen", key="how-full", shortcut="F")


def show_step(step: Step, picture: Picture) -> None:
    """Show the sentences at once, and the drawing when it is ready."""
    shared()  # starts loading the networks during the first step
    with shown_errors():
        walk = kept_result(Walk, picture.digest) or keep_result(picture.digest, Walk(picture))
        ratio = step.ratio or walk.size[0] / walk.size[1]
        share = 50 if ratio >= WIDE else round(100 * min(max(0.53 * ratio, 0.3), 0.61))
        room = styled_room("how-step", _STEP_PX)
        with room:
            words, place = roomy_columns([100 - share, share], key="how", gap="medium")
        size = "how-words-wide" if ratio >= WIDE or step.key in ("songs", "probabilities") else "how-words"
        with words, st.container(key=size):
            st.markdown(f"{step.first} {step.second}" if ratio >= WIDE else step.first)
            st.empty() if ratio >= WIDE else st.markdown(step.second)
        if ratio >= WIDE:
            for column in (words, place):
                column.empty()  # removes figures and drawing of the last step at once; later the new drawing would move
            facts, drawing = place, room.container(key="how-wide")
        else:
            facts, drawing = words.container(), place.container(key="how-drawing")
        face_menu = facts.container()
        with drawing, st.spinner(step.waiting):
            if step.needs_face and len(walk.faces) > 1:
                with face_menu:
                    faces = [f"Face {number}" for number in range(1, len(walk.faces) + 1)]
                    label = f"Face {walk.number} of {len(faces)}"
                    _menu(label, faces, walk.number - 1, lambda chosen: show_face(chosen + 1))
            if step.needs_face and not walk.faces:
                st.info("No face was found. Choose another photo, or go back to see the detection.")
            else:
                step.draw(Drawing(walk, step.key, facts, step.needs_face))
        with room:
            _PRESENTER_KEYS(key=_KEYS)
    st.caption(f"Source: {step.reference}")


def _go(number: int) -> None:
    choose({state.HOW_STEP: STEPS[number].key})


def _menu(label: str, options: Sequence[str], chosen: int, choose: Callable[[int], None]) -> None:
    """A menu of buttons. Other widgets would take the arrow keys."""
    # The key contains the choice, so that a choice closes the menu
    with st.popover(label, key=f"how-menu-{label}"):
        for number, option in enumerate(options):
            st.button(
                option,
                key=f"how-choose-{option}",
                on_click=choose,
                args=(number,),
                type="tertiary",
                disabled=number == chosen,
            )
