"""The How it works page: the buttons, and each step with its sentences next to the drawing or above a wide one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from emomusic.app.charts import roomy_columns
from emomusic.app.choices import FACE
from emomusic.app.choices import STEP as CHOSEN_STEP
from emomusic.app.frame import shown_errors
from emomusic.app.how_it_works.drawing import WIDE, Drawing
from emomusic.app.how_it_works.steps import STEPS, Step, step_named
from emomusic.app.picture_chooser import draw_chooser, picture_menu, sample_picture, shown_pictures
from emomusic.server.photos import Picture, PictureState
from emomusic.server.shared import shared
from emomusic.server.walk import Walk

_FIRST = "barack-obama-2009-speaking"  # its answer turns when the mouth is covered


def show_page() -> None:
    """Show the step that the URL names: the title and, in one row, the buttons; the sentences, and the drawing."""
    step, shown = step_named(CHOSEN_STEP.value), shown_pictures()
    st.set_page_config(page_title=f"{step.title} · How it works · EmoMusic")
    title, buttons = st.columns([3, 5], gap="small")
    with title.container(vertical_alignment="center", key="how-title"):
        st.title(step.title, anchor=False)
    with buttons.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="right",
        vertical_alignment="center",
        key="how-top",
    ):
        _draw_buttons(step)
        with picture_menu("Photo", "how-picture", shown):
            st.markdown("Choose a sample, or use your own photo. It stays in memory.")
            draw_chooser(shown)
    # The URL must not name the first sample, because the name could replace an upload in progress
    _show_step(step, shown.first or sample_picture(_FIRST), shown)
    st.caption(f"Source: {step.reference}")


def _draw_buttons(step: Step) -> None:
    number = STEPS.index(step)
    st.button("Back", key="how-back", on_click=_go, args=(number - 1,), disabled=number == 0, shortcut="Left")
    # The last step reuses this button, because a disabled button loses focus. It has no shortcut, to stop at the end
    is_last = number == len(STEPS) - 1
    label, after, shortcut = ("Start again", 0, None) if is_last else ("Next", number + 1, "Right")
    st.button(label, key="how-next", on_click=_go, args=(after,), type="primary", shortcut=shortcut)
    titles = [f"{position}. {other.title}" for position, other in enumerate(STEPS, 1)]
    _menu(f"Step {number + 1} of {len(STEPS)}", titles, number, _go)
    st.button("Full screen", key="how-full", shortcut="F")


def _show_step(step: Step, picture: Picture, mine: PictureState) -> None:
    """Show the sentences at once, and the drawing when it is ready."""
    shared()  # starts loading the networks during the first step
    with shown_errors():
        walk = mine.kept(Walk, picture.digest) or mine.keep(picture.digest, Walk(picture))
        is_wide = step.ratio >= WIDE
        share = 50 if is_wide else round(100 * min(0.53 * step.ratio, 0.61))
        room = st.container(key="how-step")
        if step.moments:
            with room:
                step.draw(Drawing(walk, CHOSEN_STEP.value or step.key, room, False))
            return
        with room:
            words, place = roomy_columns([100 - share, share], key="how", gap="medium")
        size = "how-words-wide" if is_wide or step.key in ("songs", "probabilities") else "how-words"
        with words, st.container(key=size):
            st.markdown(f"{step.first} {step.second}" if is_wide else step.first)
            st.empty() if is_wide else st.markdown(step.second)
        if is_wide:
            for column in (words, place):
                column.empty()  # removes figures and drawing of the last step at once; later the new drawing would move
            facts, drawing = place, room.container(key="how-wide")
        else:
            facts, drawing = words.container(), place.container(key="how-drawing")
        face_menu = facts.container()
        with drawing, st.spinner(step.waiting):
            if step.needs_face:
                numbers = [str(number) for number in range(1, len(walk.faces) + 1)]
                walk.number = int(next(iter(FACE.among(numbers)), 1))
            if step.needs_face and len(walk.faces) > 1:
                with face_menu:
                    faces = [f"Face {number}" for number in range(1, len(walk.faces) + 1)]
                    label = f"Face {walk.number} of {len(faces)}"
                    _menu(label, faces, walk.number - 1, lambda chosen: FACE.set(str(chosen + 1)))
            if step.needs_face and not walk.faces:
                st.info("No face was found. Choose another photo, or go back to see the detection.")
            else:
                step.draw(Drawing(walk, step.key, facts, step.needs_face))


def _go(number: int) -> None:
    CHOSEN_STEP.set(STEPS[number].key)


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
