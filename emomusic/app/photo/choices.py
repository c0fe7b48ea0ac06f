"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from emomusic.affect import Emotion, EmotionProbabilities, Mood
from emomusic.app.answer import Listener
from emomusic.app.choices import MOOD, SAMPLE, SAYS, WHO, Choice, choose
from emomusic.faces.table import Faces
from emomusic.faces.who import EVERYONE, NOBODY, Kind, Who

_MAX_BUTTONS = 8  # more faces of one photo are in a menu


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What the visitor chose, and the faces with the corrections."""

    who: Who  # `NOBODY` without a face
    faces: Faces  # as corrected
    emotion: Emotion | None  # the correction of `who`
    mood: Mood | None  # of the songs for `who`
    says: Choice  # the correction of `who`, to draw
    songs: Choice  # their mood, to draw
    digest: str  # of the photos
    offered: Sequence[Who]  # the choices of `who`; none without several faces

    @property
    def shown(self) -> Faces:
        """The chosen faces, or all."""
        return self.faces.where(self.who)

    @property
    def chosen(self) -> list[int]:
        """The numbers of the faces of a chosen person or face."""
        return [] if self.who in (EVERYONE, NOBODY) else self.shown.number.tolist()

    @property
    def probabilities(self) -> EmotionProbabilities | None:
        """Probabilities of the chosen faces or of everyone, as corrected; None without a face and a choice."""
        if self.emotion is not None and self.who.kind is not Kind.FACE:
            return EmotionProbabilities.certain(self.emotion)
        return self.shown[0].probabilities if self.who.kind is Kind.FACE else self.shown.mean()

    @property
    def listener(self) -> Listener | None:
        """The listener of the songs; None if nothing is known."""
        if self.probabilities is None and self.mood is None:
            return None
        return Listener(self.who, self.probabilities, self.mood, self.emotion)


def choices_of(faces: Faces, digest: str, *, is_linked: bool) -> Choices:
    """The choices about the faces of the photos, before their widgets are drawn. The URL sets those about samples.

    `is_linked` tells whether the URL names a sample.
    """
    each = [face.who for face in faces]
    offered = [EVERYONE, *dict.fromkeys([*faces.persons(), *each])] if len(faces) > 1 else []
    of_value = {who.value: who for who in offered}
    if is_linked or not offered:
        WHO.among([*of_value])  # a link may name another face
    who = EVERYONE if offered else Who.face(1) if faces else NOBODY
    who = next((of_value[value] for value in _who(digest, is_linked=is_linked).values if value in of_value), who)
    says, mood = _by_hand(digest, who.value, is_linked=is_linked)
    said = {face: SAYS.about(f"{digest}-{face.value}", is_linked=False).value for face in each}
    corrected = faces.corrected({face: emotion for face, emotion in said.items() if emotion is not None})
    return Choices(who, corrected, says.value, mood.value, says, mood, digest, offered)


def choose_who(choices: Choices) -> None:
    """Show buttons for everyone and each face of one photo; many faces are in a menu."""
    if not choices.offered:
        return
    who, digest = _who(choices.digest, is_linked=SAMPLE.value is not None), choices.digest
    options = [offered.value for offered in choices.offered if offered.kind is not Kind.PERSON]
    shared: dict[str, Any] = {
        "label_visibility": "collapsed",
        "value": choices.who.value,
        "on_change": partial(_take_who, digest),
    }
    if len(choices.faces) > _MAX_BUTTONS:
        who.draw(st.selectbox, "Songs for", options, width=160, **shared)
    else:
        who.draw(st.segmented_control, "Songs for", options, wrap=False, **shared)


def choose_face(digest: str, who: Who) -> None:
    """Choose a face or person, or everyone; for callbacks."""
    _choose(digest, who.value)


def _take_who(digest: str) -> None:
    _choose(digest, st.session_state[_who(digest, is_linked=False).key])


def _choose(digest: str, who: str) -> None:
    """Choose everyone, a person or a face by the value in the URL. The URL of a sample then has what was said of it."""
    is_linked = SAMPLE.value is not None
    said = (
        {}
        if not is_linked
        else {choice: choice.about(f"{digest}-{who}", is_linked=False).value for choice in (SAYS, MOOD)}
    )
    choose({_who(digest, is_linked=is_linked): None if who == EVERYONE.value else who, **said})


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
