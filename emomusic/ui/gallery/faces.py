"""The gallery's wall: faces hung by quadrant, the one that was chosen, the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import EMOTIONS, EmotionProbabilities, Quadrant, affect_of, describe, list_shares, share_text
from emomusic.face.gallery import GalleryFace
from emomusic.face.images import encode_jpeg, read_image
from emomusic.plots.affect import FacePoint
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import annotated_preview
from emomusic.text import escape_formula, pluralize
from emomusic.ui.core import state
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import escape_markdown
from emomusic.ui.core.tiles import show_sharp, show_tile, style_tiles
from emomusic.ui.gallery.pictures import FACE_SIDE, MOST_PICTURES, GalleryResult
from emomusic.ui.songs.listener import ALL, EVERYONE, FIRST_POINTS, MOST_POINTS, Listener, show_emotion_sentence

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


def show_gallery(gallery: GalleryResult) -> Listener | None:
    """Show the wall and whom the music is for; returns the latter, or None where no face was found."""
    _show_counts(gallery)
    if not gallery.pictures:
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
        show_emotion_sentence(probabilities, group_of=len(gallery.wall.faces) if chosen is None else 1)
        show_chart(
            probability_bars(probabilities),
            key="gallery-bars",
            alt=f"Probabilities: {list_shares(probabilities.as_dict())}",
        )
        with st.container(key="gallery-picture"):
            if chosen is not None:
                _show_picture(gallery, chosen)
    with right:
        _show_faces(gallery, chosen)
    return _listener(probabilities, chosen)


def gallery_points(gallery: GalleryResult) -> list[FacePoint]:
    """The faces of the wall as points on the plane, as many as can be told apart there."""
    return [
        FacePoint(str(face.number), face.reading.point, face.reading.emotion)
        for face in gallery.wall.faces[:MOST_POINTS]
    ]


def show_faces_table(gallery: GalleryResult) -> None:
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


def _table(gallery: GalleryResult) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "face": face.number,
            "picture": escape_formula(gallery.names[face.picture]),  # the table on the page can be saved as CSV
            "expression": face.reading.emotion.value,
            "sure": 100 * face.reading.probabilities[face.reading.emotion],
            "quadrant": face.reading.quadrant.value,
            "valence": face.reading.point.valence,
            "arousal": face.reading.point.arousal,
            **{name: 100 * value for name, value in face.reading.probabilities.as_dict().items()},
        }
        for face in gallery.wall.faces
    )


def _show_counts(gallery: GalleryResult) -> None:
    faces, pictures = gallery.wall.faces, gallery.pictures
    counts = Counter(face.reading.emotion for face in faces)
    shown = ", ".join(f"{counts[emotion]} {emotion.adjective}" for emotion in EMOTIONS if counts[emotion])
    if pictures:
        st.markdown(
            f"{pluralize(len(faces), 'face')} in {pluralize(len(pictures), 'picture')}{': ' if shown else ''}{shown}."
        )
    else:
        st.header("No picture could be read", anchor=False)
    notes = []
    if faces and (without := [picture.name for picture in pictures if not picture.reading.faces]):
        notes.append(f"No face was found in {_listed(without)}.")
    if gallery.doubles:
        notes.append(f"Hung once, though chosen twice: {_listed(gallery.doubles)}.")
    if gallery.left_out:
        notes.append(f"The first {MOST_PICTURES} files were read; {pluralize(gallery.left_out, 'more file')} left out.")
    if len(faces) > MOST_POINTS:
        notes.append(FIRST_POINTS)
    if notes:
        st.caption(" ".join(notes))
    if gallery.unread:
        label = f"{pluralize(len(gallery.unread), 'file')} could not be read"
        with st.expander(label, icon=":material/error:", expanded=not pictures):
            for name, reason in gallery.unread:
                st.markdown(f"**{escape_markdown(name)}:** {escape_markdown(reason)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(escape_markdown(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _choose_face(gallery: GalleryResult) -> GalleryFace | None:
    """Let the visitor choose one face, where there are several; None for all of them."""
    faces = gallery.wall.faces
    if len(faces) == 1:
        return faces[0]
    key = state.gallery_listener(gallery.key)
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
    named = (None, None) if chosen is None else (gallery.pictures[chosen.picture].digest, chosen.place)
    st.session_state[state.GALLERY_CHOSEN] = gallery.key, *named
    return chosen


def _number_of(gallery: GalleryResult, digest: str | None, place: int | None) -> int:
    """The number of a face on this wall; 0, as for everyone, where it does not hang here."""
    numbers = (
        face.number
        for face in gallery.wall.faces
        if face.place == place and gallery.pictures[face.picture].digest == digest
    )
    return next(numbers, 0)


def _choose(key: str, face: GalleryFace) -> None:
    st.session_state[key] = face.number
    # On a phone the bars are above the wall and the songs below it: a tap is answered where it was
    st.toast(f"Face {face.number}: {describe(face.reading.probabilities).lower()}. Its songs are below the wall.")


def _show_faces(gallery: GalleryResult, chosen: GalleryFace | None) -> None:
    style_tiles("hung", chosen="" if chosen is None else _name_of(gallery, chosen))
    quadrants = gallery.wall.by_quadrant()
    for row in _ROWS:
        for quadrant, column in zip(row, st.columns(len(row)), strict=True):
            with column:
                _show_quadrant(gallery, quadrant, quadrants[quadrant], chosen)
    _show_quadrant(gallery, Quadrant.N, quadrants[Quadrant.N], chosen)
    st.caption(
        "A face has the name of its most probable expression and the place of the mean of all seven, so one called "
        "neutral may hang in a quarter of the plane. In each, those farthest from the middle come first."
    )


def _show_quadrant(
    gallery: GalleryResult, quadrant: Quadrant, faces: Sequence[GalleryFace], chosen: GalleryFace | None
) -> None:
    # As high as the one beside it; neutral faces have nobody beside them
    with st.container(border=True, height="content" if quadrant is Quadrant.N else "stretch"):
        st.markdown(f"**{quadrant}**, {quadrant.description}")
        if not faces:
            st.caption(
                "None of the seven expressions lies here; calm songs do." if quadrant is Quadrant.Q4 else "Nobody."
            )
        with st.container(horizontal=True, gap="small"):
            for face in faces[:_MOST_TILES]:
                _show_face(gallery, face, is_chosen=face is chosen)
        if len(faces) > _MOST_TILES:
            st.caption(f"{len(faces) - _MOST_TILES} more stand in the table below.")


def _show_face(gallery: GalleryResult, face: GalleryFace, *, is_chosen: bool) -> None:
    picture, emotion = gallery.pictures[face.picture], face.reading.emotion
    show_tile(
        "hung",
        _name_of(gallery, face),
        picture.faces[face.place],
        f"**✓ {face.number} {emotion}**" if is_chosen else f"{face.number} {emotion}",
        alt=f"Face {face.number}, {emotion}, in {picture.name}",
        width=FACE_SIDE,
        on_click=_choose,
        args=(state.gallery_listener(gallery.key), face),
    )


def _name_of(gallery: GalleryResult, face: GalleryFace) -> str:
    return f"{gallery.pictures[face.picture].digest}-{face.place}"


def _show_picture(gallery: GalleryResult, chosen: GalleryFace) -> None:
    picture = gallery.pictures[chosen.picture]
    first = gallery.wall.first_number(chosen.picture)
    width, height = _PREVIEW
    small = read_image(picture.small)
    shown = annotated_preview(small, picture.reading, width, height, first=first, only=chosen.number)
    show_sharp(
        encode_jpeg(shown),
        alt=f"{picture.name}, its faces framed and Face {chosen.number} named",
        width=min(width, round(height * shown.shape[1] / shown.shape[0])),
        caption=escape_markdown(picture.name),
    )


def _listener(probabilities: EmotionProbabilities, chosen: GalleryFace | None) -> Listener:
    label = ALL if chosen is None else str(chosen.number)
    return Listener(label, affect_of(probabilities), probabilities.emotion, None)
