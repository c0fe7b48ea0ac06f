"""The gallery's wall: faces hung by quadrant, the one that was chosen, the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import EMOTIONS, EmotionProbabilities, Quadrant, affect_of, describe, list_shares, share_text
from emomusic.face.images import encode_jpeg, read_image
from emomusic.face.wall import HungFace
from emomusic.plots.affect import FacePoint
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import annotated_preview
from emomusic.spreadsheet import disarmed
from emomusic.ui import state
from emomusic.ui.charts import show_chart
from emomusic.ui.frame import plain
from emomusic.ui.gallery import FACE_SIDE, MOST_PICTURES, Gallery
from emomusic.ui.readings import ALL, EVERYONE, FIRST_POINTS, MOST_POINTS, Listener, say_emotion
from emomusic.ui.tiles import show_sharp, show_tile, style_tiles
from emomusic.words import counted

# Beside a high wall, what was chosen on it stays on the screen. On a phone it stands above the wall, and a picture that
# comes and goes there would move the wall under the finger. Keyed elements carry their key as a class, as documented.
_IN_SIGHT = """<style>
@media (min-width: 641px) { div:has(> .st-key-gallery-chosen) { position: sticky; top: 4rem; } }
@media (max-width: 640px) { .st-key-gallery-picture { display: none; } }
</style>"""
_MOST_TILES = 24  # of a quadrant; a table has them all
_PREVIEW = (480, 300)  # width and height

# As they lie on the plane: unpleasant left, awake above
_ROWS = ((Quadrant.Q2, Quadrant.Q1), (Quadrant.Q3, Quadrant.Q4))


def show_wall(gallery: Gallery) -> Listener | None:
    """Show the wall and whom the music is for; returns the latter, or None where no face was found."""
    _say_what_hangs(gallery)
    if not gallery.hung:
        return None
    if (group := gallery.wall.group) is None:
        st.header("No face found", anchor=False)
        st.markdown(
            "It works best when whole faces look towards the camera, in good light. Choose other pictures, or take the "
            "photo page, where the mood can be said by hand."
        )
        return None
    st.html(_IN_SIGHT)
    # The answer first, also on a phone, where columns stand below each other
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="gallery-chosen"):
        chosen = _choose_face(gallery)
        probabilities = group if chosen is None else chosen.reading.probabilities
        say_emotion(probabilities, group_of=len(gallery.wall.faces) if chosen is None else 1)
        show_chart(
            probability_bars(probabilities),
            key="gallery-bars",
            alt=f"Probabilities: {list_shares(probabilities.as_dict())}",
        )
        with st.container(key="gallery-picture"):
            if chosen is not None:
                _show_picture(gallery, chosen)
    with right:
        _hang(gallery, chosen)
    return _listener(probabilities, chosen)


def gallery_points(gallery: Gallery) -> list[FacePoint]:
    """The faces of the wall as points on the plane, as many as can be told apart there."""
    return [
        FacePoint(str(face.number), face.reading.point, face.reading.emotion)
        for face in gallery.wall.faces[:MOST_POINTS]
    ]


def show_faces_table(gallery: Gallery) -> None:
    """Every face with its numbers."""
    if not gallery.wall.faces:
        return
    st.header("All faces", anchor=False)
    st.dataframe(
        _table(gallery).style.format(_percent_text, [emotion.value for emotion in EMOTIONS]),
        hide_index=True,
        column_config={
            "sure": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "valence": st.column_config.NumberColumn(format="%.2f", help="-1 unpleasant to 1 pleasant"),
            "arousal": st.column_config.NumberColumn(format="%.2f", help="-1 drowsy to 1 awake"),
        },
    )


def _percent_text(percent: Any) -> str:
    return share_text(percent / 100)


def _table(gallery: Gallery) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "face": face.number,
            "picture": disarmed(gallery.names[face.picture]),  # the table on the page can be saved as CSV
            "expression": face.reading.emotion.value,
            "sure": 100 * face.reading.probabilities[face.reading.emotion],
            "quadrant": face.reading.quadrant.value,
            "valence": face.reading.point.valence,
            "arousal": face.reading.point.arousal,
            **{name: 100 * value for name, value in face.reading.probabilities.as_dict().items()},
        }
        for face in gallery.wall.faces
    )


def _say_what_hangs(gallery: Gallery) -> None:
    faces, pictures = gallery.wall.faces, gallery.hung
    counts = Counter(face.reading.emotion for face in faces)
    shown = ", ".join(f"{counts[emotion]} {emotion.adjective}" for emotion in EMOTIONS if counts[emotion])
    if pictures:
        st.markdown(
            f"{counted(len(faces), 'face')} in {counted(len(pictures), 'picture')}{': ' if shown else ''}{shown}."
        )
    else:
        st.header("No picture could be read", anchor=False)
    notes = []
    if faces and (without := [picture.name for picture in pictures if not picture.reading.faces]):
        notes.append(f"No face was found in {_listed(without)}.")
    if gallery.doubles:
        notes.append(f"Hung once, though chosen twice: {_listed(gallery.doubles)}.")
    if gallery.left_out:
        notes.append(f"The first {MOST_PICTURES} files were read; {counted(gallery.left_out, 'more file')} left out.")
    if len(faces) > MOST_POINTS:
        notes.append(FIRST_POINTS)
    if notes:
        st.caption(" ".join(notes))
    if gallery.unread:
        label = f"{counted(len(gallery.unread), 'file')} could not be read"
        with st.expander(label, icon=":material/error:", expanded=not pictures):
            for name, reason in gallery.unread:
                st.markdown(f"**{plain(name)}:** {plain(reason)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _choose_face(gallery: Gallery) -> HungFace | None:
    """Let the visitor choose one face, where there are several; None for all of them."""
    faces = gallery.wall.faces
    if len(faces) == 1:
        return faces[0]
    key = state.hung_listener(gallery.key)
    wall, digest, place = st.session_state.get(state.GALLERY_CHOSEN, (None, None, None))
    if wall != gallery.key:  # pictures came or went: the same face has another number
        st.session_state[key] = _number_of(gallery, digest, place)
    number = st.selectbox(
        "Whose music?",
        range(len(faces) + 1),
        key=key,
        persist_state="session",
        format_func=lambda number: f"Face {number}, {gallery.names[faces[number - 1].picture]}" if number else EVERYONE,
    )
    chosen = faces[number - 1] if number else None
    named = (None, None) if chosen is None else (gallery.hung[chosen.picture].digest, chosen.place)
    st.session_state[state.GALLERY_CHOSEN] = gallery.key, *named
    return chosen


def _number_of(gallery: Gallery, digest: str | None, place: int | None) -> int:
    """The number of a face on this wall; 0, as for everyone, where it does not hang here."""
    numbers = (
        face.number
        for face in gallery.wall.faces
        if face.place == place and gallery.hung[face.picture].digest == digest
    )
    return next(numbers, 0)


def _choose(key: str, face: HungFace) -> None:
    st.session_state[key] = face.number
    # On a phone the bars are above the wall and the songs below it: a tap is answered where it was
    st.toast(f"Face {face.number}: {describe(face.reading.probabilities).lower()}. Its songs are below the wall.")


def _hang(gallery: Gallery, chosen: HungFace | None) -> None:
    style_tiles("hung", chosen="" if chosen is None else _name_of(gallery, chosen))
    quadrants = gallery.wall.by_quadrant()
    for row in _ROWS:
        for quadrant, column in zip(row, st.columns(len(row)), strict=True):
            with column:
                _hang_quadrant(gallery, quadrant, quadrants[quadrant], chosen)
    _hang_quadrant(gallery, Quadrant.N, quadrants[Quadrant.N], chosen)
    st.caption(
        "A face has the name of its most probable expression and the place of the mean of all seven, so one called "
        "neutral may hang in a quarter of the plane. In each, those farthest from the middle come first."
    )


def _hang_quadrant(gallery: Gallery, quadrant: Quadrant, faces: Sequence[HungFace], chosen: HungFace | None) -> None:
    # As high as the one beside it; neutral faces have nobody beside them
    with st.container(border=True, height="content" if quadrant is Quadrant.N else "stretch"):
        st.markdown(f"**{quadrant}**, {quadrant.description}")
        if not faces:
            st.caption(
                "None of the seven expressions lies here; calm songs do." if quadrant is Quadrant.Q4 else "Nobody."
            )
        with st.container(horizontal=True, gap="small"):
            for face in faces[:_MOST_TILES]:
                _hang_face(gallery, face, is_chosen=face is chosen)
        if len(faces) > _MOST_TILES:
            st.caption(f"{len(faces) - _MOST_TILES} more stand in the table below.")


def _hang_face(gallery: Gallery, face: HungFace, *, is_chosen: bool) -> None:
    picture, emotion = gallery.hung[face.picture], face.reading.emotion
    show_tile(
        "hung",
        _name_of(gallery, face),
        picture.faces[face.place],
        f"**✓ {face.number} {emotion}**" if is_chosen else f"{face.number} {emotion}",
        alt=f"Face {face.number}, {emotion}, in {picture.name}",
        width=FACE_SIDE,
        on_click=_choose,
        args=(state.hung_listener(gallery.key), face),
    )


def _name_of(gallery: Gallery, face: HungFace) -> str:
    return f"{gallery.hung[face.picture].digest}-{face.place}"


def _show_picture(gallery: Gallery, chosen: HungFace) -> None:
    picture = gallery.hung[chosen.picture]
    first = gallery.wall.first_number(chosen.picture)
    width, height = _PREVIEW
    small = read_image(picture.small)
    shown = annotated_preview(small, picture.reading, width, height, first=first, only=chosen.number)
    show_sharp(
        encode_jpeg(shown),
        alt=f"{picture.name}, its faces framed and Face {chosen.number} named",
        width=min(width, round(height * shown.shape[1] / shown.shape[0])),
        caption=plain(picture.name),
    )


def _listener(probabilities: EmotionProbabilities, chosen: HungFace | None) -> Listener:
    label = ALL if chosen is None else str(chosen.number)
    return Listener(label, affect_of(probabilities), probabilities.emotion, None)
