"""Teach it your face: a guided minute on the Live page, after which the readings use the person's profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, describe
from emomusic.app.charts import show_sharp
from emomusic.app.frame import shown_errors
from emomusic.app.live.session import live_fragment, with_session
from emomusic.app.persons import PersonsState, learn_person, show_persons
from emomusic.app.state import page_state
from emomusic.charts.face import expression_uri
from emomusic.media.images import encode_jpeg
from emomusic.server.live import LiveSession
from emomusic.stream.game import ORDER, Lesson, Step
from emomusic.stream.reader import SeenFace

_KEY = "N"  # space and enter press the focused button
_SIDE = 180
_CLEAR = 0.5  # a face that is read as another emotion with this probability gets a hint

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
    """Show the lesson of a session whose video runs, and the persons who taught the app their face."""
    if session is None:
        st.markdown("Start the video. A minute with your neutral face and six others makes the readings yours.")
        with st.expander("Your profile", icon=":material/face:"):
            show_persons(page_state(PersonsState))
        return
    if (lesson := session.lesson) is None:
        lesson = session.start_lesson()
    if lesson.view().step is not Step.DONE:
        _show_step()
        return
    with shown_errors():
        _show_result(lesson.shots(), _learned(lesson))
    show_persons(page_state(PersonsState))
    st.button("Teach another person", on_click=with_session(LiveSession.start_lesson), key="teach-again")


@with_session
def _change_lesson(session: LiveSession, change: Callable[[Lesson], None], emotion: Emotion) -> None:
    """Change the visitor's lesson, unless it has left this emotion, as after the first click of two."""
    if session.lesson is not None and session.lesson.view().emotion is emotion:
        change(session.lesson)


@live_fragment(0.25)
def _show_step(session: LiveSession) -> None:
    """Show what to do now."""
    if session.lesson is None:
        return
    view = session.lesson.view()
    if (emotion := view.emotion) is None:
        st.rerun()
    st.header(f"{ORDER.index(emotion) + 1} of {len(ORDER)}: {emotion.adjective}", anchor=False)
    taken = view.taken if view.step is Step.TAKEN else None
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if taken is not None:
            show_sharp(encode_jpeg(taken.crop), alt=f"Your {emotion.adjective} face", width=_SIDE)
            shares = taken.probabilities
            st.markdown(f"Without a profile: {describe(shares).lower()}")
            if shares.emotion is not emotion and shares[shares.emotion] >= _CLEAR:
                looks = shares.emotion.adjective
                hint = f"This looks {looks}. Keep it only if it is your {emotion.adjective} face. {_HINTS[emotion]}"
                st.info(hint, icon=":material/help:")
        else:
            st.image(expression_uri(emotion), width=_SIDE)
            missed = "No face was seen. Look into the camera and try again."
            words = {Step.COUNTING: f"## {view.seconds_left:.0f}", Step.CAPTURING: "## Hold it", Step.MISSED: missed}
            st.markdown(words.get(view.step, _HINTS[emotion]))
    with st.container(horizontal=True, gap="small"):
        if taken is not None:
            _show_button("Keep it", "keep", (Lesson.keep, emotion), type="primary", shortcut=_KEY)
            _show_button("Take it again", "retake", (Lesson.start, emotion))
        else:
            is_busy = view.step in (Step.COUNTING, Step.CAPTURING)
            options = {"type": "primary", "shortcut": _KEY, "disabled": is_busy}
            _show_button("Take the picture", "start", (Lesson.start, emotion), **options)
        if view.can_skip:
            _show_button("Skip", "skip", (Lesson.skip, emotion), type="tertiary")
            _show_button("Finish", "finish", (Lesson.finish, emotion), type="tertiary")


def _show_button(label: str, key: str, call: tuple[Callable[[Lesson], None], Emotion], **options: Any) -> None:
    st.button(label, on_click=_change_lesson, args=call, key=f"teach-{key}", **options)


def _learned(lesson: Lesson) -> Mapping[Emotion, EmotionProbabilities]:
    """The probabilities of the lesson's faces with the profile, which is learned once."""
    if lesson.learned is None:
        with st.spinner("Learning your face"):
            shots = lesson.shots()
            person = learn_person({emotion: (shot.crop, shot.around) for emotion, shot in shots.items()})
            learned = person.classify([shot.crop for shot in shots.values()])
            lesson.learned = dict(zip(shots, learned, strict=True))
    return lesson.learned


def _show_result(shots: Mapping[Emotion, SeenFace], learned: Mapping[Emotion, EmotionProbabilities]) -> None:
    """Show how many faces are read right, and each face that is read otherwise than before or still wrong."""
    before = {emotion: shot.probabilities.emotion for emotion, shot in shots.items()}
    after = {emotion: learned[emotion].emotion for emotion in shots}
    knew, knows = (sum(read is emotion for emotion, read in reads.items()) for reads in (before, after))
    words = f"{knows} of {len(shots)} faces are right, before {knew}"
    if knows == knew:
        words = f"It knew you already: {knew} of {len(shots)} faces" if knew else "It learned nothing from these faces"
    st.header(words, anchor=False)
    if knows < knew:
        st.warning("The profile makes it worse. Forget it, and teach again.", icon=":material/warning:")
    for emotion, shot in shots.items():
        if before[emotion] is after[emotion] is emotion:
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_sharp(encode_jpeg(shot.crop), alt=f"Your {emotion.adjective} face", width=56)
            read = f"Read as {before[emotion].adjective}, now as **{after[emotion].adjective}**"
            if before[emotion] is after[emotion]:
                read = f"Still read as {after[emotion].adjective}. {_HINTS[emotion]}"
            st.markdown(f"**Your {emotion.adjective} face**  \n{read}", width="content")
    st.caption("These are the pictures it learned from, so new ones will do a little worse.")
