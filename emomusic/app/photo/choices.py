"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, Mood
from emomusic.app.answer import ALL, YOU, Listener
from emomusic.app.choices import MOOD, SAMPLE, SAYS, WHO, Choice, choose
from emomusic.app.state import EVERYONE
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
    says: Choice  # the correction of `who`, to draw
    songs: Choice  # their mood, to draw
    digest: str  # of the photos
    options: Sequence[str]  # of `who`; none without several faces

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
        label = {EVERYONE: ALL, YOU: YOU}.get(self.who, self.who)
        return label.replace("Face ", "").replace("Person ", "P")


def who_of(label: str) -> str:
    """The name of everyone, a person or a face with this label on the plane."""
    if label == ALL:
        return EVERYONE
    return f"Face {label}" if label.isdecimal() else label.replace("P", "Person ")


def choices_of(
    faces: Sequence[FaceReading], persons: Mapping[str, tuple[int, ...]], digest: str, *, is_linked: bool
) -> Choices:
    """The choices about the faces of the photos, before their widgets are drawn. The URL sets those about samples.

    `persons` are the numbers of the faces of each person in several photos, by label. `is_linked` tells whether the URL
    names a sample.
    """
    numbers = {str(number): (number,) for number in range(1, len(faces) + 1)}
    offered = {who_of(label): who for label, who in {**persons, **numbers}.items()}
    options = [EVERYONE, *offered] if len(faces) > 1 else []
    if is_linked or not options:
        WHO.among(options)  # a link may name another face
    chosen_who = _who(digest, is_linked=is_linked).values
    who = (chosen_who or [EVERYONE])[0] if options else ("Face 1" if faces else YOU)
    says, mood = _by_hand(digest, who, is_linked=is_linked)
    said = {
        number: emotion
        for number in range(1, len(faces) + 1)
        if (emotion := SAYS.about(f"{digest}-Face {number}", is_linked=False).value) is not None
    }
    corrected = tuple(
        replace(face, probabilities=EmotionProbabilities.certain(said[number])) if number in said else face
        for number, face in enumerate(faces, 1)
    )
    of = offered.get(who, ())
    return Choices(who, of, corrected, says.value, mood.value, frozenset(said), says, mood, digest, options)


def choose_who(choices: Choices) -> None:
    """Show buttons for everyone and each face of one photo; many faces are in a menu."""
    if not choices.options:
        return
    who, digest = _who(choices.digest, is_linked=SAMPLE.value is not None), choices.digest
    shared: dict[str, Any] = {
        "label_visibility": "collapsed",
        "value": choices.who,
        "on_change": partial(_take_who, digest),
    }
    if len(choices.faces) > _MAX_BUTTONS:
        who.draw(st.selectbox, "Songs for", choices.options, width=160, **shared)
    else:
        who.draw(st.segmented_control, "Songs for", choices.options, wrap=False, **shared)


def choose_face(digest: str, label: str) -> None:
    """Choose the face or person with this label on the plane, or everyone; for callbacks."""
    _choose(digest, who_of(label))


def _take_who(digest: str) -> None:
    _choose(digest, st.session_state[_who(digest, is_linked=False).key])


def _choose(digest: str, who: str) -> None:
    """Choose everyone, a person or a face. The URL of a sample then has what was said of it."""
    is_linked = SAMPLE.value is not None
    said = (
        {}
        if not is_linked
        else {choice: choice.about(f"{digest}-{who}", is_linked=False).value for choice in (SAYS, MOOD)}
    )
    choose({_who(digest, is_linked=is_linked): None if who == EVERYONE else who, **said})


def _who(digest: str, *, is_linked: bool) -> Choice:
    return WHO.about(digest, is_linked=is_linked)


def _by_hand(digest: str, who: str, *, is_linked: bool) -> tuple[Choice, Choice]:
    """The choices of the emotion and of the mood for a face, a person or everyone."""
    subject = f"{digest}-{who}"
    return SAYS.about(subject, is_linked=is_linked), MOOD.about(subject, is_linked=is_linked)


def choose_by_hand(choices: Choices) -> None:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    choices.says.draw(st.pills, "Emotion", format_func=lambda emotion: emotion.adjective, wrap=True)
    choices.songs.draw(st.pills, "Mood of the songs", wrap=True)
