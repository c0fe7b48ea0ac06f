"""Teach it your face: a guided minute on the Live page, after which the readings use the person's profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from emomusic.affect import Emotion, describe, share_text
from emomusic.app.frame import shown_errors
from emomusic.app.live.session import Learned, LiveSession
from emomusic.app.persons import add_person, show_persons
from emomusic.app.tiles import show_sharp
from emomusic.charts.expressions import expression_uri
from emomusic.faces.identity import Descriptors, load_identifier
from emomusic.faces.profile import learn_profile
from emomusic.media.images import DEFAULT_MARGIN, Box, encode_jpeg
from emomusic.server.shared import shared
from emomusic.stream.lesson import ORDER, Lesson, Shot, Step

_REFRESH_S = 0.25
_KEY = "N"  # space and enter press the focused button
_SIDE = 180

_HINTS: Mapping[Emotion, str] = {
    Emotion.NEUTRAL: "Relax your face and look into the camera.",
    Emotion.HAPPY: "Smile, also with your eyes.",
    Emotion.SURPRISE: "Raise your brows and open your mouth.",
    Emotion.SAD: "Raise the inner ends of your brows and lower the corners of your mouth.",
    Emotion.ANGRY: "Lower your brows and press your lips together.",
    Emotion.DISGUST: "Wrinkle your nose and raise your upper lip.",
    Emotion.FEAR: "Raise your brows, open your eyes wide and stretch your mouth.",
}


def show_lesson(session: LiveSession | None) -> None:
    """Show the lesson of a session, and the persons who taught the app their face.

    Args:
        session: whose video runs; None for none.
    """
    if session is None:
        st.markdown("Start the video. A minute with your neutral face and six others makes the readings yours.")
        with st.expander("Your profile", icon=":material/face:"):
            show_persons()
        return
    if session.lesson is None:
        session.start_lesson()
    lesson = session.lesson
    assert lesson is not None

    @st.fragment(run_every=_REFRESH_S)
    def guide() -> None:
        if lesson.step is Step.DONE:
            st.rerun()
        _show_step(lesson)

    if lesson.step is Step.DONE:
        with shown_errors():
            _show_result(_learned(session, lesson))
        show_persons()
        st.button("Teach another person", on_click=session.start_lesson, key="teach-again")
    else:
        guide()


def _show_step(lesson: Lesson) -> None:
    emotion, step = lesson.emotion, lesson.step
    if emotion is None:
        return
    number = ORDER.index(emotion) + 1
    st.header(f"{number} of {len(ORDER)}: {emotion.adjective}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if step is Step.TAKEN and lesson.taken is not None:
            show_sharp(encode_jpeg(lesson.taken.crop), alt=f"Your {emotion.adjective} face", width=_SIDE)
            st.markdown(f"Without a profile: {describe(lesson.taken.probabilities).lower()}")
        else:
            st.image(expression_uri(emotion), width=_SIDE)
            st.markdown(_instruction(lesson, emotion))
    with st.container(horizontal=True, gap="small"):
        if step is Step.TAKEN:
            st.button("Keep it", type="primary", shortcut=_KEY, on_click=lesson.keep, key="teach-keep")
            st.button("Take it again", on_click=lesson.start, key="teach-retake")
        else:
            is_busy = step in (Step.COUNTING, Step.CAPTURING)
            st.button(
                "Take the picture",
                type="primary",
                shortcut=_KEY,
                on_click=lesson.start,
                disabled=is_busy,
                key="teach-start",
            )
        if lesson.can_skip:
            st.button("Skip", type="tertiary", on_click=lesson.skip, key="teach-skip")
            st.button("Finish", type="tertiary", on_click=lesson.finish, key="teach-finish")


def _instruction(lesson: Lesson, emotion: Emotion) -> str:
    match lesson.step:
        case Step.COUNTING:
            return f"## {lesson.seconds_left:.0f}"
        case Step.CAPTURING:
            return "## Hold it"
        case Step.MISSED:
            return "No face was seen. Look into the camera and try again."
        case _:
            return _HINTS[emotion]


def _learned(session: LiveSession, lesson: Lesson) -> Learned:
    """The result of the session's lesson, computed once."""
    if session.learned is None:
        with st.spinner("Learning your face"):
            order = [emotion for emotion in Emotion if emotion in lesson.shots]
            shots = [lesson.shots[emotion] for emotion in order]
            crops = {emotion: [shot.crop] for emotion, shot in zip(order, shots, strict=True)}
            profile = learn_profile(crops, _descriptors(shots), shared().networks()[1])
            found = add_person(profile).classify([shot.crop for shot in shots])
        session.learned = list(zip(order, shots, found, strict=True))
    return session.learned


def _descriptors(shots: Sequence[Shot]) -> Descriptors:
    """Who is on the pictures of a lesson. The crops have a little less room around the face than pictures."""
    identifier, found = load_identifier(), []
    for shot in shots:
        side = shot.crop.shape[0]
        inset = round(side * DEFAULT_MARGIN / (1 + 2 * DEFAULT_MARGIN))
        found.append(identifier.describe(shot.crop, [Box(inset, inset, side - 2 * inset, side - 2 * inset)]))
    return np.concatenate(found)


def _show_result(learned: Learned) -> None:
    before = sum(shot.probabilities.emotion is emotion for emotion, shot, _ in learned)
    after = sum(values.emotion is emotion for emotion, _, values in learned)
    st.header(f"{after} of {len(learned)} faces are right, before {before}", anchor=False)
    st.caption("These are the pictures it learned from, so new ones will do a little worse.")
    for emotion, shot, values in learned:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_sharp(encode_jpeg(shot.crop), alt=f"Your {emotion.adjective} face", width=56)
            shares = f"{share_text(shot.probabilities[emotion])} → **{share_text(values[emotion])}**"
            st.markdown(f"**{emotion.adjective.capitalize()}**  \n{shares}", width="content")
