"""The first screen of the Photo page: the photo with a button on each face, and seven bars for one of them.

Several photos are a contact sheet, in rows of one height, as photo libraries show them. And the visitor's choices about
the photos: everyone or one face, corrected emotions, and the mood of the songs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import Emotion, EmotionProbabilities, list_shares, share_text
from emomusic.answer.answer import Answer
from emomusic.app.browser.components import mount
from emomusic.app.choices import MOOD, SAMPLE, SAYS, WHO, Choice, choose
from emomusic.app.frame import read_beside
from emomusic.colours import EMOTION_COLOURS, TRAIL, ink_on
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import FaceReading
from emomusic.faces.who import EACH, EVERYONE, NOBODY, Who
from emomusic.server.photos import Photo, Photos

PARTS = ("picture", "player", "bars")
"""The parts of the screen, in the order of a phone."""

_NUMBERS_ONLY = 12  # more faces have no room for words
_STRIPS = 60  # more faces would need too many rules of the style
_FITTING = 24  # more photos never fit
_SHEET, _LEAST_ROW = 0.58, 0.1  # heights of a contact sheet in the lowest window, and of its rows
_LEAST_WIDTH, _GAP, _WORDS = 0.125, 0.03, 0.09  # a photo, between photos, and below a row; all by the sheet's width


def screen_style(
    readings: Sequence[PictureReading], chosen: Sequence[int], emotion: Emotion | None = None, *, number: int = 1
) -> str:
    """The style of the screen for the shape of a photo, its faces, and the chosen ones; or for several photos.

    Args:
        readings: the photos as they were read.
        chosen: numbers of the chosen faces.
        emotion: the emotion of the listener, which gives the tile of the song its colour.
        number: how many photos there are.
    """
    marked = chosen if sum(len(reading.faces) for reading in readings) > 1 else ()
    faces = [_face_style(face, reading) for reading in readings for face in reading.faces]
    values = {
        "FACES": "\n".join(faces),
        "CHOSEN": f":is({', '.join(f'.st-key-photo-face-{number}' for number in [0, *marked])})",  # 0 is none
        "MOOD": TRAIL if emotion is None else EMOTION_COLOURS[emotion],
        "NUMBER": str(number),
        "RATIO": f"{readings[0].width / readings[0].height if readings else 1:.4f}",
    }
    style = read_beside(__file__, "faces.css")
    for word, value in values.items():  # words in capitals
        style = style.replace(word, value)
    return f"<style>\n{style}</style>"


def _face_style(face: FaceReading, reading: PictureReading) -> str:
    number, box, colour = face.number, face.face.box, EMOTION_COLOURS[face.emotion]
    left, top, width, height = (
        100 * part / side
        for part, side in zip((box.x, box.y, box.width, box.height), (reading.width, reading.height) * 2, strict=True)
    )
    place = f"--top: {top:.2f}; left: {left:.2f}%; width: {width:.2f}% !important; height: {height:.2f}%;"
    key = f".st-key-photo-face-{number}"
    both = f":is({key}, .st-key-tile-face-{number})"  # on the photo, and in a row of faces
    style = f"{key} {{ {place} }} {both} {{ --colour: {colour}; --ink: {ink_on(colour)}; }}"
    if not face.is_sure:
        style += f" {key} {{ --plate: var(--paper); --letters: var(--text); --line: dashed; }}"
    if left > 75:
        style += f" {key} p {{ left: auto; right: -4px; }}"
    if number <= _STRIPS:
        style += f" .st-key-screen:has({key} button:is(:hover, :focus-visible)) .strip-{number} {{ display: grid; }}"
    return style


def show_picture(picture: bytes, alt: str) -> DeltaGenerator:
    """Show a photo, given as JPEG; returns the container for the buttons of its faces."""
    with st.container(key="photo-frame"):
        preview = st.container(key="photo-preview", gap=None)
    preview.image(picture, alt=alt, width="stretch")
    return preview


def show_faces(reading: PictureReading, *, on_face: Callable[[Who], None]) -> None:
    """Show a button on each face, numbered and named in the colour of its emotion; a click gives the face."""
    for face in reading.faces:
        number, word = face.number, "" if len(reading.faces) > _NUMBERS_ONLY else f" {face.word}"
        options: dict[str, Any] = {"type": "tertiary", "on_click": on_face, "args": (face.who,)}
        st.button(f"**{number}**{word}", key=f"photo-face-{number}", **options)


def draw_frame(on_frame: Callable[[], None]) -> None:
    """Let the visitor frame a face on the photo. Then "mark-face" has its sides, as `Photo.mark` takes them."""
    mount("frame", key="mark-face", data={}, on_box_change=on_frame)


def row_share(ratios: Sequence[float]) -> float:
    """The largest height of the rows of a contact sheet at which all photos fit, as a share of its width.

    Args:
        ratios: width by height of each photo.
    """
    for share in np.arange(0.4, _LEAST_ROW, -0.005) if len(ratios) <= _FITTING else ():
        height, row = 0.0, list[float]()
        for ratio in [*ratios, math.inf]:
            widths = [max(share * side, _LEAST_WIDTH) for side in row]
            if row and sum(widths) + share * ratio > 1 - _GAP * len(row):  # a full row grows, the last one does not
                growth = 1.0 if ratio == math.inf else (1 - _GAP * (len(row) - 1)) / sum(widths)
                height += _WORDS + max(growth * width / side for width, side in zip(widths, row, strict=True))
                row = []
            row.append(ratio)
        if height <= _SHEET:
            return float(share)
    return _LEAST_ROW


def show_sheet(photos: Iterable[tuple[str, Photo]]) -> dict[str, tuple[DeltaGenerator, DeltaGenerator]]:
    """Show photos, given with their digests; returns the containers for the marks and the words of each one."""
    places, ratios = {}, list[float]()
    with st.container(key="sheet", horizontal=True, gap="small"):
        for number, (digest, photo) in enumerate(photos, 1):
            with st.container(gap=None):
                ratios.append(photo.reading.width / photo.reading.height)
                rules = f".st-key-sheet {{ --row: {row_share(ratios):.1%}; }}"  # the last rule counts
                rules += f".st-key-sheet > :nth-child({number}) {{ --ratio: {ratios[-1]:.3f}; }}"
                st.html(f"<style>{rules}</style>")
                on_photo = st.container(key=f"sheet-{number}", gap=None)
                on_photo.image(photo.small, alt=photo.name, width="stretch")
                places[digest] = on_photo, st.empty()
    return places


def show_strip(answer: Answer) -> None:
    """Show the seven probabilities of the listener, and in their place those of the face under the pointer.

    The probabilities are the app's; the name shows the visitor's correction.
    """
    listener = answer.probabilities if answer.emotion is None else answer.estimates.where(answer.who).mean()
    if listener is None:
        return
    strips = [_strip("listener", answer.name, listener, answer.emotion)]
    faces = answer.estimates[:_STRIPS]
    strips += [_strip(str(face.number), face.who.text, face.probabilities, answer.says.get(face.who)) for face in faces]
    st.html("".join(strips))


def _strip(label: str, name: str, probabilities: EmotionProbabilities, said: Emotion | None) -> str:
    bars = "".join(
        f'<div><span>{emotion}</span><i style="--share: {100 * share:.1f}%; --colour: {EMOTION_COLOURS[emotion]}"></i>'
        f"<b>{share_text(share)}</b></div>"
        for emotion in EMOTION_COLOURS
        for share in [probabilities[emotion]]
    )
    words = list_shares(probabilities.as_dict())
    correction = "" if said is None else f" · you: {said.adjective}"
    title = f"{name}{correction}"
    return f'<div class="strip strip-{label}" role="img" aria-label="{title}: {words}"><em>{title}</em>{bars}</div>'


# The choices about the photos

_NAMES = {EVERYONE.text: "All together", EACH.text: "A song for each"}


def answer_of(photos: Photos) -> Answer:
    """The answer to the photos with the visitor's choices, before their widgets are drawn."""
    faces, digest = photos.faces, photos.digest
    singles = [face.who for face in faces]
    offered = [EVERYONE, EACH, *dict.fromkeys([*faces.persons(), *singles])] if len(faces) > 1 else []
    of_value = {who.text: who for who in offered}
    if SAMPLE.value is not None or not offered:
        WHO.among([*of_value])  # a link may name another face
    who = EVERYONE if offered else faces[0].who if faces else NOBODY
    who = next((of_value[value] for value in _about(WHO, digest).values if value in of_value), who)
    says, mood = (_about(choice, f"{digest}-{who.text}") for choice in (SAYS, MOOD))
    found = {one: SAYS.about(f"{digest}-{one.text}", is_linked=False).value for one in singles} | {who: says.value}
    said = {one: emotion for one, emotion in found.items() if emotion is not None}
    return Answer(faces, who, said, mood.value, photos=photos.photos, unread=photos.unread)


def _about(choice: Choice, subject: str) -> Choice:
    """The choice about own photos, or about one of their listeners; about a sample, the URL has it too."""
    return choice.about(subject, is_linked=SAMPLE.value is not None)


def draw_who(answer: Answer, digest: str) -> None:
    """Show the choice between songs for all together and for each in turn, beside a chosen face or person."""
    chosen = [answer.who.text] if answer.chosen else []
    _about(WHO, digest).draw(
        st.segmented_control,
        "Songs for",
        [*_NAMES, *chosen],
        format_func=lambda value: _NAMES.get(value, value),
        label_visibility="collapsed",
        value=answer.who.text,
        on_change=partial(set_who, digest),
        wrap=False,
    )


def set_who(digest: str, chosen: Who | None = None) -> None:
    """Choose a face, a person or everyone, by default the choice in the widget; for callbacks.

    The URL of a sample then includes the visitor's choices about it.
    """
    about = _about(WHO, digest)
    who = st.session_state[about.key] if chosen is None else chosen.text
    by_hand = (SAYS, MOOD) if about.is_linked else ()
    said = {choice: choice.about(f"{digest}-{who}", is_linked=False).value for choice in by_hand}
    choose({about: None if who == EVERYONE.text else who, **said})


def draw_by_hand(digest: str, who: Who) -> None:
    """Let the visitor set the emotion of the listener, or the mood of the songs, which has priority."""
    says, mood = (_about(choice, f"{digest}-{who.text}") for choice in (SAYS, MOOD))
    says.draw(st.pills, "Emotion", format_func=lambda emotion: emotion.adjective, wrap=True)
    mood.draw(st.pills, "Mood of the songs", wrap=True)
