"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, Mood
from emomusic.app import address, state
from emomusic.app.answer import ALL, YOU, Listener
from emomusic.app.state import WidgetKeys, page_state
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


def choices_of(
    faces: Sequence[FaceReading], persons: Mapping[str, tuple[int, ...]], digest: str, *, is_linked: bool
) -> Choices:
    """The choices about the faces of the photos, before their widgets are drawn. The URL sets those about samples.

    `persons` are the numbers of the faces of each person in several photos, by label. `is_linked` tells whether the URL
    names a sample.
    """
    keys = page_state(WidgetKeys)
    numbers = {str(number): (number,) for number in range(1, len(faces) + 1)}
    offered = {who_of(label): who for label, who in {**persons, **numbers}.items()}
    if len(faces) > 1:
        linked = address.offered(state.WHO, [state.EVERYONE, *offered]) if is_linked else None
        widgets = {state.WHO: _widget(keys, f"who-{digest}", digest, linked, state.EVERYONE)}
        who = str(st.session_state[widgets[state.WHO]["key"]])
    else:
        address.offered(state.WHO, [])  # a link may name another face
        widgets, who = {}, "Face 1" if faces else YOU
    for name, kind in ((state.SAYS, Emotion), (state.MOOD, Mood)):
        linked = [kind(value) for value in address.chosen_all(name)] if is_linked else None
        widgets[name] = _widget(keys, f"{name}-{digest}-{who}", digest, linked)
    said = {
        number: emotion
        for number in range(1, len(faces) + 1)
        if (emotion := st.session_state.get(keys.current(f"{state.SAYS}-{digest}-Face {number}"))) is not None
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
    st.session_state[page_state(WidgetKeys).current(f"who-{digest}")] = who_of(label)
    _link_choices(digest)


def choose_by_hand(choices: Choices) -> None:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    says, mood = choices.widgets[state.SAYS], choices.widgets[state.MOOD]
    st.pills("Emotion", list(Emotion), format_func=lambda emotion: emotion.adjective, wrap=True, **says)
    st.pills("Mood of the songs", list(Mood), wrap=True, **mood)


def _widget(
    keys: WidgetKeys, name: str, digest: str, linked: Sequence[str] | None, first: str | None = None
) -> dict[str, Any]:
    """Keyword arguments of a widget about the photo. `linked` is its value in the URL, or None if that says nothing."""
    key = keys.current(name)
    value = st.session_state.setdefault(key, first)
    if linked is not None and (wanted := next(iter(linked), first)) != value:
        key = keys.renew(name)  # also reaches a widget in a closed menu
        st.session_state[key] = wanted
    return {"key": key, "persist_state": "session", "on_change": _link_choices, "args": (digest,)}


def _link_choices(digest: str) -> None:
    """Write the choices about a sample to the URL."""
    if address.chosen(state.SAMPLE) is None:
        return
    keys = page_state(WidgetKeys)
    who = st.session_state.get(keys.current(f"who-{digest}"))  # absent for a single face
    names = {name: f"{name}-{digest}-{who or 'Face 1'}" for name in (state.SAYS, state.MOOD)}
    said = {name: st.session_state.get(keys.current(key)) for name, key in names.items()}
    address.choose({state.WHO: None if who == state.EVERYONE else who, **said})
