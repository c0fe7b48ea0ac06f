"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, Mood
from emomusic.app import address, state
from emomusic.app.answer import ALL, YOU, Listener
from emomusic.faces.reading import FaceReading, group_of

_MAX_BUTTONS = 8  # more faces of one photo are in a menu


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What the visitor chose, and the faces with the corrections."""

    who: str  # `EVERYONE`, "Person 1", "Face 2", or `YOU` without a face
    chosen: tuple[int, ...]  # the numbers of the faces of a chosen person or face
    faces: tuple[FaceReading, ...]  # by number; each corrected face has all probability on its emotion
    emotion: Emotion | None  # the correction of `who`
    mood: Mood | None  # of the songs for `who`
    corrected: frozenset[int]  # numbers of the corrected faces
    widgets: Mapping[str, Mapping[str, Any]]  # keyword arguments of the widgets, by URL parameter

    @property
    def shown(self) -> tuple[FaceReading, ...]:
        """The chosen faces, or all."""
        return tuple(self.faces[number - 1] for number in self.chosen) or self.faces

    @property
    def probabilities(self) -> EmotionProbabilities | None:
        """Probabilities of the chosen faces or of everyone, as corrected; None without a face and a choice."""
        if self.emotion is not None and len(self.chosen) != 1:
            return EmotionProbabilities.certain(self.emotion)
        return self.shown[0].probabilities if len(self.chosen) == 1 else group_of(self.shown)

    @property
    def listener(self) -> Listener | None:
        """The listener of the songs; None if nothing is known."""
        if self.probabilities is None and self.mood is None:
            return None
        return Listener(self.label, self.probabilities, self.mood, self.emotion)

    @property
    def label(self) -> str:
        """The label of `who` on the plane."""
        label = {state.EVERYONE: ALL, YOU: YOU}.get(self.who, self.who)
        return label.replace("Face ", "").replace("Person ", "P")


def who_of(label: str) -> str:
    """The name of everyone, a person or a face with this label on the plane."""
    if label == ALL:
        return state.EVERYONE
    return f"Face {label}" if label.isdecimal() else label.replace("P", "Person ")


def choices_of(faces: Sequence[FaceReading], persons: Mapping[str, tuple[int, ...]], digest: str) -> Choices:
    """The choices about the faces of the photos, before their widgets are drawn. The URL sets those about samples.

    `persons` are the numbers of the faces of each person in several photos, by label.
    """
    numbers = {str(number): (number,) for number in range(1, len(faces) + 1)}
    offered = {who_of(label): who for label, who in {**persons, **numbers}.items()}
    if len(faces) > 1:
        widgets = {state.WHO: _follow_link(state.WHO, f"who-{digest}", [state.EVERYONE, *offered], digest)}
        who = str(st.session_state[widgets[state.WHO]["key"]])
    else:
        address.offered(state.WHO, [])  # a link may name another face
        widgets, who = {}, "Face 1" if faces else YOU
    for name, values in ((state.SAYS, [*Emotion]), (state.MOOD, [*Mood])):
        widgets[name] = _follow_link(name, f"{name}-{digest}-{who}", values, digest)
    said = {
        number: emotion
        for number in range(1, len(faces) + 1)
        if (emotion := st.session_state.get(state.fresh(f"{state.SAYS}-{digest}-Face {number}"))) is not None
    }
    corrected = tuple(
        replace(face, probabilities=EmotionProbabilities.certain(said[number])) if number in said else face
        for number, face in enumerate(faces, 1)
    )
    return Choices(
        who,
        offered.get(who, ()),
        corrected,
        st.session_state[widgets[state.SAYS]["key"]],
        st.session_state[widgets[state.MOOD]["key"]],
        frozenset(said),
        widgets,
    )


def choose_who(choices: Choices) -> None:
    """Show buttons for everyone and each face of one photo; many faces are in a menu."""
    if state.WHO not in choices.widgets:
        return
    options = [state.EVERYONE, *(f"Face {number}" for number in range(1, len(choices.faces) + 1))]
    shared = {"label_visibility": "collapsed", **choices.widgets[state.WHO]}
    if len(choices.faces) > _MAX_BUTTONS:
        st.selectbox("Songs for", options, width=160, **shared)
    else:
        st.segmented_control("Songs for", options, required=True, wrap=False, **shared)


def choose_face(digest: str, label: str) -> None:
    """Choose the face or person with this label on the plane, or everyone; for callbacks."""
    st.session_state[state.fresh(f"who-{digest}")] = who_of(label)
    _link_choices(digest)


def choose_by_hand(choices: Choices) -> None:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    says, mood = choices.widgets[state.SAYS], choices.widgets[state.MOOD]
    st.pills("Emotion", list(Emotion), format_func=lambda emotion: emotion.adjective, wrap=True, **says)
    st.pills("Mood of the songs", list(Mood), wrap=True, **mood)


def _follow_link(name: str, key: str, options: Sequence[str], digest: str) -> dict[str, Any]:
    """Keyword arguments of a widget about the shown photo. The URL sets its value if a sample is shown."""
    first = state.EVERYONE if state.EVERYONE in options else None
    value = st.session_state.setdefault(state.fresh(key), first)
    if address.chosen(state.SAMPLE) is not None:
        linked = next(iter(address.offered(name, options)), first)
        if linked != value:
            state.renew(key)  # also reaches a widget in a closed menu
            st.session_state[state.fresh(key)] = linked
    return {"key": state.fresh(key), "persist_state": "session", "on_change": _link_choices, "args": (digest,)}


def _link_choices(digest: str) -> None:
    """Write the choices about a sample to the URL."""
    if address.chosen(state.SAMPLE) is None:
        return
    who = st.session_state.get(state.fresh(f"who-{digest}"))  # absent for a single face
    keys = {name: state.fresh(f"{name}-{digest}-{who or 'Face 1'}") for name in (state.SAYS, state.MOOD)}
    said = {name: st.session_state.get(key) for name, key in keys.items()}
    address.choose({state.WHO: None if who == state.EVERYONE else who, **said})
