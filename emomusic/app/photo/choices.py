"""The visitor's choices about the photos: everyone or one face, corrected emotions, and the mood of the songs."""

from __future__ import annotations

from functools import partial

import streamlit as st

from emomusic.answer.answer import Answer
from emomusic.app.choices import MOOD, SAMPLE, SAYS, WHO, Choice, choose
from emomusic.faces.who import EACH, EVERYONE, NOBODY, Who
from emomusic.server.photos import Photos

_NAMES = {EVERYONE.value: "All together", EACH.value: "A song for each"}


def answer_of(photos: Photos) -> Answer:
    """The answer to the photos with the visitor's choices, before their widgets are drawn."""
    faces, digest = photos.faces, photos.digest
    singles = [face.who for face in faces]
    offered = [EVERYONE, EACH, *dict.fromkeys([*faces.persons(), *singles])] if len(faces) > 1 else []
    of_value = {who.value: who for who in offered}
    if SAMPLE.value is not None or not offered:
        WHO.among([*of_value])  # a link may name another face
    who = EVERYONE if offered else faces[0].who if faces else NOBODY
    who = next((of_value[value] for value in _about(WHO, digest).values if value in of_value), who)
    says, mood = (_about(choice, f"{digest}-{who.value}") for choice in (SAYS, MOOD))
    found = {one: SAYS.about(f"{digest}-{one.value}", is_linked=False).value for one in singles} | {who: says.value}
    said = {one: emotion for one, emotion in found.items() if emotion is not None}
    return Answer(faces, who, said, mood.value, photos=photos.photos, unread=photos.unread)


def _about(choice: Choice, subject: str) -> Choice:
    """The choice about own photos, or about one of their listeners; about a sample, the URL has it too."""
    return choice.about(subject, is_linked=SAMPLE.value is not None)


def draw_who(answer: Answer, digest: str) -> None:
    """Show the choice between songs for all together and for each in turn, beside a chosen face or person."""
    _about(WHO, digest).draw(
        st.segmented_control,
        "Songs for",
        [*_NAMES, *[answer.who.value] * bool(answer.chosen)],
        format_func=lambda value: _NAMES.get(value, value),
        label_visibility="collapsed",
        value=answer.who.value,
        on_change=partial(set_who, digest),
        wrap=False,
    )


def set_who(digest: str, chosen: Who | None = None) -> None:
    """Choose a face or person, or everyone, or what the widget has; for callbacks.

    The URL of a sample then has what was said of it.
    """
    about = _about(WHO, digest)
    who = st.session_state[about.key] if chosen is None else chosen.value
    by_hand = (SAYS, MOOD) if about.is_linked else ()
    said = {choice: choice.about(f"{digest}-{who}", is_linked=False).value for choice in by_hand}
    choose({about: None if who == EVERYONE.value else who, **said})


def draw_by_hand(digest: str, who: Who) -> None:
    """Let the visitor set the emotion of the listener, or the mood of the songs, which has priority."""
    says, mood = (_about(choice, f"{digest}-{who.value}") for choice in (SAYS, MOOD))
    says.draw(st.pills, "Emotion", format_func=lambda emotion: emotion.adjective, wrap=True)
    mood.draw(st.pills, "Mood of the songs", wrap=True)
