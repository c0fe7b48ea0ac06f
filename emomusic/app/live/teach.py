"""Teach it: a guided minute on the Live page, after which the readings use a person's profile, or know own classes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, Mood, describe, share_text
from emomusic.answer.answer import Answer
from emomusic.app.charts import show_sharp
from emomusic.app.choices import TEACH, TEACH_OWN
from emomusic.app.frame import escape_markdown, shown_errors
from emomusic.app.live.profiles import ProfilesState, learn_own, learn_person, show_profiles
from emomusic.app.live.session import live_fragment, with_session
from emomusic.app.player import show_queue
from emomusic.app.queues import play_for
from emomusic.app.state import page_state
from emomusic.charts.face import expression_uri
from emomusic.faces.classifier import load_classifier
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.profile import LONGEST_NAME, MAX_SHOTS, MOST, OwnClasses, check_names
from emomusic.media.images import encode_jpeg
from emomusic.metrics import FloatArray
from emomusic.server.live import LiveSession
from emomusic.stream.game import ORDER, Lesson, LessonView, Step
from emomusic.stream.reader import SeenFace

_KEY = "N"  # space and enter press the focused button
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
    """Show what a session whose video runs can learn: a person's face, or own classes."""
    is_own = TEACH.draw(st.segmented_control, "What it learns", label_visibility="collapsed") == TEACH_OWN
    page_state(OwnState).follow(page_state(ProfilesState).classes)  # nothing of forgotten ones stays
    if session is None:
        st.markdown("Start the video. A minute with your face makes the readings yours, or teaches own classes.")
    elif session.lesson is None or is_own == (session.lesson.names == ORDER):
        _begin(session, () if is_own else ORDER)
    lesson = None if session is None else session.lesson
    if lesson is not None and lesson.view().step is not Step.DONE:
        _show_step()
    elif is_own:
        _show_own(lesson)
    else:
        _show_face(lesson)
    show_profiles()


def _begin(session: LiveSession, names: Sequence[str] = ORDER) -> None:
    session.observe(session.game, Lesson(names, session.clock))


# The recorder of both


@with_session
def _change_lesson(session: LiveSession, change: Callable[[Lesson], None], position: int) -> None:
    """Change the visitor's lesson, unless it has left this name, as after the first click of two."""
    if session.lesson is not None and session.lesson.view().position == position:
        change(session.lesson)


@live_fragment(0.25)
def _show_step(session: LiveSession) -> None:
    """Show what to do now."""
    lesson = session.lesson
    if lesson is None:
        return
    view = lesson.view()
    name = view.name
    if name is None:
        st.rerun()
    shown = name.adjective if isinstance(name, Emotion) else escape_markdown(name)
    st.header(f"{view.position + 1} of {len(lesson.names)}: {shown}", anchor=False)
    is_taken = view.step is Step.TAKEN
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", wrap=False, key="teach-now"):
        if is_taken:
            _show_taken(view, name, shown)
        else:
            if isinstance(name, Emotion):
                st.image(expression_uri(name), width="stretch")
            st.markdown(_words(view, name))
    with st.container(horizontal=True, gap="small"):
        if is_taken:
            _show_button("Keep it", "keep", (Lesson.keep, view.position), type="primary", shortcut=_KEY)
            _show_button("Take it again", "retake", (Lesson.start, view.position))
        else:
            is_busy = view.step in (Step.COUNTING, Step.CAPTURING)
            options = {"type": "primary", "shortcut": _KEY, "disabled": is_busy}
            label = "Take the picture" if isinstance(name, Emotion) else f"Take {MAX_SHOTS} shots"
            _show_button(label, "start", (Lesson.start, view.position), **options)
        if view.can_skip:
            _show_button("Skip", "skip", (Lesson.skip, view.position), type="tertiary")
            _show_button("Finish", "finish", (Lesson.finish, view.position), type="tertiary")


def _words(view: LessonView, name: str) -> str:
    """What to do before, during and after a capture without a result."""
    hint = _HINTS[name] if isinstance(name, Emotion) else "Keep showing it, and move a little: nearer, aside, back."
    if view.step is Step.CAPTURING:
        return "## Hold it" if isinstance(name, Emotion) else f"## Shot {len(view.taken)} of {MAX_SHOTS}\n{hint}"
    missed = "No face was seen. Look into the camera and try again."
    if view.taken:
        missed = f"Only {len(view.taken)} of {MAX_SHOTS} shots have a face. Look into the camera and try again."
    return {Step.COUNTING: f"## {view.seconds_left:.0f}", Step.MISSED: missed}.get(view.step, hint)


def _show_taken(view: LessonView, name: str, shown: str) -> None:
    """A shot, and of an emotion what is read from it."""
    taken = view.taken[len(view.taken) // 2]
    show_sharp(encode_jpeg(taken.crop), alt=f"Your {shown} face", width=180)
    if not isinstance(name, Emotion):
        _announce(f"{len(view.taken)} of {MAX_SHOTS} shots have a face")
        return
    shares = taken.probabilities
    with st.container():
        st.markdown(f"Without a profile: {describe(shares).lower()}")
        if shares.emotion is not name and shares[shares.emotion] >= _CLEAR:
            looks = shares.emotion.adjective
            hint = f"This looks {looks}. Keep it only if it is your {shown} face. {_HINTS[name]}"
            st.info(hint, icon=":material/help:")


def _announce(text: str) -> None:
    """Show a line that screen readers read at once."""
    st.html(f'<p role="alert">{escape(text)}</p>')


def _show_button(label: str, key: str, call: tuple[Callable[[Lesson], None], int], **options: Any) -> None:
    st.button(label, on_click=_change_lesson, args=call, key=f"teach-{key}", **options)


# The face of a person


def _show_face(lesson: Lesson | None) -> None:
    """Show what was learned in a lesson that is over."""
    if lesson is not None:
        shots = {Emotion(name): shot for name, (shot,) in lesson.shots().items()}
        with shown_errors():
            _show_result(shots, _learned(lesson, shots))
        st.button("Teach another person", on_click=with_session(_begin), key="teach-again")


def _learned(lesson: Lesson, shots: Mapping[Emotion, SeenFace]) -> Mapping[Emotion, EmotionProbabilities]:
    """The probabilities of the lesson's faces with the profile, which is learned once."""
    if lesson.learned is None:
        with st.spinner("Learning your face"):
            learned = learn_person(shots).classify([shot.crop for shot in shots.values()])
            lesson.learned = dict(zip(shots, learned, strict=True))
    return lesson.learned


def _show_result(shots: Mapping[Emotion, SeenFace], learned: Mapping[Emotion, EmotionProbabilities]) -> None:
    """Show how many faces are read right, and each face whose reading changed or is still wrong."""
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


# Own classes

_EXAMPLES = ("neutral", "glasses", "tongue out", "looking left")
_ABOUT = (
    "Name two to four things that a face can show. It sees **the face alone**, small and grey: no hand, no "
    "background, no colour, no voice. The largest face counts."
)
_JUDGED = (
    "Neighbouring shots are near copies, so a quarter of each class is left out in turn and judged by the rest. "
    "On another day it does worse, and whatever it sees, it names one of the classes."
)
_MOMENTS, _SURE = 3, 0.6  # a class is held if it is the most probable one of these moments, with this mean


@dataclass
class OwnState:
    """The classes of a visit.

    Attributes:
        moods: the mood of the songs of each typed name.
        classes: those that the moments are of; None before they are taught.
        recent: the probabilities of the classes in the last moments.
        held: the class whose songs play.
    """

    moods: dict[str, Mood] = field(default_factory=dict)
    classes: OwnClasses | None = None
    recent: deque[FloatArray] = field(default_factory=lambda: deque(maxlen=_MOMENTS))
    held: str | None = None

    def follow(self, classes: OwnClasses | None) -> None:
        """Start again if these are other classes. After the last ones are forgotten, their names stay."""
        if classes is not self.classes:
            self.moods, self.classes, self.held = self.moods if classes is None else classes.moods, classes, None
            self.recent.clear()


def _show_own(lesson: Lesson | None) -> None:
    """Show the names, or the classes with what the camera shows now."""
    state = page_state(OwnState)
    with shown_errors():
        _learn_own()
    state.follow(page_state(ProfilesState).classes)
    if state.classes is None:
        st.markdown(_ABOUT)
        if lesson is not None:
            _show_names(state.moods)
    else:
        _show_now()
        if state.held is not None:
            show_queue(play_for(Answer(mood=state.moods[state.held]).request(), "live", fades=True), "emomusic-live")
        _show_confusions(state.classes)


@with_session
def _learn_own(session: LiveSession) -> None:
    """Learn the classes of a lesson that is over, and delete its pictures."""
    taken = {} if session.lesson is None else session.lesson.shots()
    if taken:
        with st.spinner("Learning your classes"):
            learn_own(taken, page_state(OwnState).moods)
        _begin(session, ())


def _show_names(before: Mapping[str, Mood]) -> None:
    """The names of the classes and the moods of their songs."""
    typed = [*before.items(), *[("", mood) for mood in Mood][len(before) :]]
    with st.form("own-names"):
        for number, (name, mood) in enumerate(typed):
            with st.container(horizontal=True, gap="small"):
                options: dict[str, Any] = {"max_chars": LONGEST_NAME, "placeholder": _EXAMPLES[number]}
                st.text_input(f"Class {number + 1}", name, key=f"own-name-{number}", **options)
                options = {"index": [*Mood].index(mood), "format_func": str.capitalize, "key": f"own-mood-{number}"}
                st.selectbox(f"Songs of class {number + 1}", [*Mood], **options)
        st.form_submit_button("Begin", type="primary", on_click=_begin_own, key="own-begin")


@with_session
def _begin_own(session: LiveSession) -> None:
    """Begin the lesson with the typed names."""
    typed = [(" ".join(st.session_state[f"own-name-{number}"].split()), number) for number in range(MOST)]
    named = [(name, Mood(st.session_state[f"own-mood-{number}"])) for name, number in typed if name]
    check_names([name for name, _ in named])
    page_state(OwnState).moods = dict(named)
    _begin(session, [name for name, _ in named])


@live_fragment(0.5)
def _show_now(session: LiveSession) -> None:
    """The class of this moment with its probability, and the class whose songs play."""
    state, face = page_state(OwnState), None if session.lesson is None else session.lesson.face()
    if state.classes is None or face is None:
        state.recent.clear()
        st.header("No face in the video", anchor=False)
        return
    state.recent.extend(state.classes.probabilities(load_classifier(DEFAULT_MODEL).describe([face.crop])))
    shares, names = np.mean(state.recent, axis=0), [*state.moods]
    best = int(shares.argmax())
    is_same = len(state.recent) == _MOMENTS and all(row.argmax() == best for row in state.recent)
    if is_same and shares[best] >= _SURE and names[best] != state.held:
        state.held = names[best]
        st.rerun()
    st.header(f"{escape_markdown(names[best])}, {share_text(float(shares[best]))}", anchor=False)
    for name, share in zip(names, shares.tolist(), strict=True):
        st.progress(share, f"{escape_markdown(name)}: {share_text(share)}")
    if state.held is None:
        st.markdown("Hold a class for two seconds: its songs play.")
    else:
        _announce(f"{state.held} was held: {state.moods[state.held]} songs play.")


def _show_confusions(classes: OwnClasses) -> None:
    """What the shots of each class were called by layers that had not learned from them."""
    called, names = np.array([*classes.called.values()]), [escape_markdown(name) for name in classes.moods]
    st.subheader(f"{np.trace(called)} of {called.sum()} shots are recognised", anchor=False)
    rows = [[f"**{name}**", *map(str, row)] for name, row in zip(names, called.tolist(), strict=True)]
    table = [["Shots of", *(f"called {name}" for name in names)], ["---"] * (len(names) + 1), *rows]
    st.markdown("\n".join(f"| {' | '.join(cells)} |" for cells in table))
    st.caption(_JUDGED)
