"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from emomusic.answer.answer import Answer
from emomusic.app.choices import MOOD, SAMPLE, SAYS, WHO, Choice, choose
from emomusic.faces.who import EACH, EVERYONE, NOBODY, Who
from emomusic.server.photos import Photos

_NAMES = {EVERYONE.value: "All together", EACH.value: "A song for each"}


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What draws the choices.

    Attributes:
        digest: the photos.
        says: the emotion of the listener.
        mood: the mood of the songs for the listener.
    """

    digest: str
    says: Choice
    mood: Choice


def answer_of(photos: Photos, *, is_linked: bool) -> tuple[Answer, Controls]:
    """The answer to the photos with the visitor's choices, before their widgets are drawn.

    `is_linked` tells whether the URL names a sample. It then has the choices, too.
    """
    faces, digest = photos.faces, photos.digest
    singles = [face.who for face in faces]
    offered = [EVERYONE, EACH, *dict.fromkeys([*faces.persons(), *singles])] if len(faces) > 1 else []
    of_value = {who.value: who for who in offered}
    if is_linked or not offered:
        WHO.among([*of_value])  # a link may name another face
    who = EVERYONE if offered else faces[0].who if faces else NOBODY
    who = next((of_value[value] for value in _who(digest, is_linked=is_linked).values if value in of_value), who)
    says, mood = _by_hand(digest, who.value, is_linked=is_linked)
    found = {one: SAYS.about(f"{digest}-{one.value}", is_linked=False).value for one in singles} | {who: says.value}
    said = {one: emotion for one, emotion in found.items() if emotion is not None}
    answer = Answer(faces, who, said, mood.value, photos=photos.photos, unread=photos.unread)
    return answer, Controls(digest, says, mood)


def draw_who(answer: Answer, controls: Controls) -> None:
    """Show the choice between songs for all together and for each in turn, beside a chosen face or person."""
    _who(controls.digest, is_linked=SAMPLE.value is not None).draw(
        st.segmented_control,
        "Songs for",
        [*_NAMES, *[answer.who.value] * bool(answer.chosen)],
        format_func=lambda value: _NAMES.get(value, value),
        label_visibility="collapsed",
        value=answer.who.value,
        on_change=partial(set_who, controls.digest),
        wrap=False,
    )


def set_who(digest: str, chosen: Who | None = None) -> None:
    """Choose a face or person, or everyone, or what the widget has; for callbacks.

    The URL of a sample then has what was said of it.
    """
    is_linked = SAMPLE.value is not None
    who = st.session_state[_who(digest, is_linked=False).key] if chosen is None else chosen.value
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


def draw_by_hand(controls: Controls) -> None:
    """Let the visitor set the emotion of the face, or the mood of the songs, which has priority."""
    controls.says.draw(st.pills, "Emotion", format_func=lambda emotion: emotion.adjective, wrap=True)
    controls.mood.draw(st.pills, "Mood of the songs", wrap=True)
