"""The gallery: faces by quadrant, the chosen face, and a table of all faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import EMOTIONS, EmotionProbabilities, Quadrant, describe, share_text
from emomusic.app import state
from emomusic.app.answer import (
    ALL,
    FIRST_POINTS,
    MOST_POINTS,
    Listener,
    answer,
    face_points,
    group_sentence,
    show_bars,
)
from emomusic.app.charts import roomy_columns, styled_room
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.gallery.pictures import (
    FACE_SIDE,
    MOST_PICTURES,
    GalleryResult,
    GalleryState,
    PictureSource,
    choose_pictures,
    read_gallery,
)
from emomusic.app.persons import choose_persons, show_known
from emomusic.app.state import from_state, page_state
from emomusic.app.tiles import show_sharp, show_tile, style_tiles
from emomusic.export import gallery_csv, gallery_record
from emomusic.faces.gallery import GalleryFace
from emomusic.marks.picture import annotated_preview
from emomusic.media.images import encode_jpeg, read_image
from emomusic.text import escape_formula, for_excel, pluralize

# An element's key is also its CSS class, as documented
_STYLE = """<style>
.st-key-gallery-screen { min-height: 800px; }
.st-key-gallery-head { min-height: 3.75rem; }
/* Beside a tall gallery, the player stays visible */
@media (min-width: 641px) { div:has(> .st-key-gallery-answer) { position: sticky; top: 4rem; } }
.st-key-gallery-answer h1 {
  min-height: calc(2.4em + 0.25rem); display: flex; align-items: end; padding-bottom: 0.25rem !important;
}
/* The heights of parts that the browser loads later: the policies, and tiles of one size */
.st-key-gallery-answer .st-key-policy { height: 2rem; }
.st-key-gallery-faces [class*="st-key-tile-"] { min-height: 126px; justify-content: end; }
.st-key-gallery-faces img { width: 100%; aspect-ratio: 1; }
[class*="st-key-hung-"] button { min-height: 0; padding: 0.25rem 0; }
[class*="st-key-hung-"] p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
@media (max-width: 640px) {
  [class*="st-key-tiles-"] { flex-wrap: nowrap; overflow-x: auto; padding: 5px; }
  [class*="st-key-tiles-"] > * { flex-shrink: 0; }
}
</style>"""
_MAX_TILES = 24  # per quadrant; the table has all faces
_MOST_THUMBNAILS = 200  # in the table, 3 KB each
_PREVIEW = (480, 300)  # width and height

# As on the plane: unpleasant left, high arousal at the top
_ROWS = ((Quadrant.Q2, Quadrant.Q1), (Quadrant.Q3, Quadrant.Q4))


def show_gallery(sources: Sequence[PictureSource]) -> None:
    """Read the chosen photos, and show the page for them in the order of the screen.

    Raises:
        EmomusicError: a model is missing or damaged.
    """
    st.html(_STYLE)
    with styled_room("gallery-screen", 800):
        with st.container(horizontal=True, vertical_alignment="center", key="gallery-head", wrap=False):
            with st.container(width="stretch"):
                head = st.empty()
            with st.popover("Other photos", icon=":material/photo_library:", key="gallery-photos"):
                choose_pictures()
        result = read_gallery(sources, head)
        if result.pictures:
            head.markdown(_counts(result))
        _show_notes(result)
        if (group := result.gallery.group) is not None:
            _show_answer(result, group)
        elif result.pictures:
            st.title("No face found", anchor=False)
            st.markdown(
                "Faces should look towards the camera, in good light. Choose other photos, or set the mood by hand on "
                "the Photo page."
            )
        else:
            st.title("No photo could be read", anchor=False)


def _show_answer(result: GalleryResult, group: EmotionProbabilities) -> None:
    # The answer comes first, also on a phone, which stacks the columns
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="gallery-answer", gap="small"):
        title = st.container()
        chosen = _choose_face(result)
        probabilities = group if chosen is None else chosen.reading.probabilities
        with title:
            group_of = len(result.gallery.faces) if chosen is None else 1
            st.title(group_sentence(probabilities, group_of=group_of), anchor=False)
        songs = answer(Listener.of(ALL if chosen is None else str(chosen.number), probabilities), "gallery")
        songs.show_player("gallery")
    with right, st.container(key="gallery-faces"):
        _show_faces(result, chosen)
    bars, plane = roomy_columns([2, 3], key="details", gap="large")
    with bars:
        st.header("Emotions", anchor=False)
        show_bars(probabilities, key="gallery-bars")
        if chosen is not None:
            _show_picture(result, chosen)
    with plane:
        songs.show_plane(face_points(face.reading for face in result.gallery.faces))
    _show_faces_table(result)
    with st.container(horizontal=True, gap="small"):
        page_state(GalleryState).shown = result, songs
        _show_downloads()
        choose_persons()


def _show_faces_table(result: GalleryResult) -> None:
    """Show a table of all faces."""
    st.header("All faces", anchor=False)
    faces = result.gallery.faces
    thumbnails = [result.pictures[face.picture].thumbnails[face.place] for face in faces[:_MOST_THUMBNAILS]]
    table = pd.DataFrame(
        {
            "face": face.number,
            "picture": thumbnail,
            "photo": escape_formula(result.names[face.picture]),  # the page's table can be saved as CSV
            "emotion": face.reading.emotion.value,
            "confidence": 100 * face.reading.probabilities[face.reading.emotion],
            "quadrant": face.reading.quadrant.value,
            "valence": face.reading.point.valence,
            "arousal": face.reading.point.arousal,
            **{name: 100 * value for name, value in face.reading.probabilities.as_dict().items()},
        }
        for face, thumbnail in zip_longest(faces, thumbnails)
    )
    st.dataframe(
        table.style.format(_percent_text, [emotion.value for emotion in EMOTIONS]),
        hide_index=True,
        row_height=44,
        column_config={
            "picture": st.column_config.ImageColumn(width="small"),
            "confidence": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "valence": st.column_config.NumberColumn(format="%.2f", help="-1 unpleasant to 1 pleasant"),
            "arousal": st.column_config.NumberColumn(format="%.2f", help="-1 drowsy to 1 awake"),
        },
    )


def _percent_text(percent: Any) -> str:
    return share_text(percent / 100)


def _counts(result: GalleryResult) -> str:
    faces = result.gallery.faces
    counts = Counter(face.reading.emotion for face in faces)
    shown = ", ".join(f"{counts[emotion]} {emotion.adjective}" for emotion in EMOTIONS if counts[emotion])
    num_faces, num_photos = pluralize(len(faces), "face"), pluralize(len(result.pictures), "photo")
    return f"{num_faces} in {num_photos}{': ' if shown else ''}{shown}."


def _show_notes(result: GalleryResult) -> None:
    """Show what the figures leave out, and the files that could not be read."""
    faces, pictures = result.gallery.faces, result.pictures
    notes = []
    if faces and (without := [picture.name for picture in pictures if not picture.reading.faces]):
        notes.append(f"No face found in {_listed(without)}.")
    if result.doubles:
        notes.append(f"Duplicates, shown once: {_listed(result.doubles)}.")
    if result.left_out:
        notes.append(f"The limit is {MOST_PICTURES} photos; {pluralize(result.left_out, 'file')} not read.")
    if len(faces) > MOST_POINTS:
        notes.append(FIRST_POINTS)
    if notes:
        st.caption(" ".join(notes))
    show_known(face.reading for face in faces)
    if result.unread:
        label = f"{pluralize(len(result.unread), 'file')} could not be read"
        with st.expander(label, icon=":material/error:", expanded=not pictures):
            for name, reason in result.unread:
                st.markdown(f"**{escape_markdown(name)}:** {escape_markdown(reason)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(escape_markdown(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _choose_face(result: GalleryResult) -> GalleryFace | None:
    """Let the visitor choose one of several faces; None means all faces."""
    faces = result.gallery.faces
    if len(faces) == 1:
        return faces[0]
    key = state.gallery_listener(result.key)
    gallery = page_state(GalleryState)
    shown, digest, place = gallery.chosen
    if shown != result.key:  # after a change of the photos, the same face has another number
        same = (f for f in faces if f.place == place and result.pictures[f.picture].digest == digest)
        st.session_state[key] = next((face.number for face in same), 0)  # else everyone
    names = [state.EVERYONE, *(f"Face {face.number}, {result.names[face.picture]}" for face in faces)]
    number = st.selectbox(
        "Songs for",
        range(len(names)),
        key=key,
        label_visibility="collapsed",
        persist_state="session",
        format_func=names.__getitem__,
    )
    chosen = faces[number - 1] if number else None
    position = ("", 0) if chosen is None else (result.pictures[chosen.picture].digest, chosen.place)
    gallery.chosen = result.key, *position
    return chosen


def _choose(key: str, number: int, words: str) -> None:
    st.session_state[key] = number
    # On a phone the player is above the faces, so the toast answers at the tap
    st.toast(f"Face {number}: {words}. The player has its song.")


def _show_faces(result: GalleryResult, chosen: GalleryFace | None) -> None:
    style_tiles("hung", chosen="" if chosen is None else _name_of(result, chosen))
    quadrants = result.gallery.by_quadrant()
    for row in _ROWS:
        for quadrant, column in zip(row, st.columns(len(row)), strict=True):
            with column:
                _show_quadrant(result, quadrant, quadrants[quadrant], chosen)
    _show_quadrant(result, Quadrant.N, quadrants[Quadrant.N], chosen)
    st.caption(
        "The label is a face's most probable emotion. Its quadrant is that of the mean over all seven emotions, so the "
        "two can differ. The faces farthest from the centre come first."
    )


def _show_quadrant(
    result: GalleryResult, quadrant: Quadrant, faces: Sequence[GalleryFace], chosen: GalleryFace | None
) -> None:
    # Equal heights within a row; the neutral faces have a row to themselves
    with st.container(border=True, height="content" if quadrant is Quadrant.N else "stretch"):
        st.markdown(f"**{quadrant.description.capitalize()}**")
        if not faces:
            st.caption("No emotion lies in this quadrant, only calm songs." if quadrant is Quadrant.Q4 else "No faces.")
        with st.container(horizontal=True, gap="small", key=f"tiles-{quadrant}"):
            for face in faces[:_MAX_TILES]:
                _show_face(result, face, is_chosen=face is chosen)
        if len(faces) > _MAX_TILES:
            st.caption(f"{len(faces) - _MAX_TILES} more faces are in the table below.")


def _show_face(result: GalleryResult, face: GalleryFace, *, is_chosen: bool) -> None:
    picture, emotion = result.pictures[face.picture], face.reading.emotion
    show_tile(
        "hung",
        _name_of(result, face),
        picture.faces[face.place],
        f"**✓ {face.number} {emotion}**" if is_chosen else f"{face.number} {emotion}",
        alt=f"Face {face.number}, {emotion}, in {picture.name}",
        width=FACE_SIDE,
        on_click=_choose,
        args=(state.gallery_listener(result.key), face.number, describe(face.reading.probabilities).lower()),
    )


def _name_of(result: GalleryResult, face: GalleryFace) -> str:
    return f"{result.pictures[face.picture].digest}-{face.place}"


def _show_picture(result: GalleryResult, chosen: GalleryFace) -> None:
    picture = result.pictures[chosen.picture]
    width, height = _PREVIEW
    small = read_image(picture.small)
    reading = result.gallery.pictures[chosen.picture]
    shown = annotated_preview(small, reading, width, height, only=chosen.number)
    show_sharp(
        encode_jpeg(shown),
        alt=f"{picture.name} with framed faces; face {chosen.number} is labelled",
        width=min(width, round(height * shown.shape[1] / shown.shape[0])),
        caption=escape_markdown(picture.name),
    )


def _show_downloads() -> None:
    """Show a menu with the gallery as files. The player offers the songs."""
    gallery = page_state(GalleryState)
    with st.popover("Download", icon=":material/download:", key="gallery-downloads"):
        download_button("Faces (CSV)", from_state(gallery, _table_of), "gallery-faces.csv", type="tertiary")
        download_button("Everything (JSON)", from_state(gallery, _record_of), "gallery.json", type="tertiary")


def _table_of(gallery: GalleryState) -> bytes:
    assert gallery.shown is not None  # the page shows it
    result, _ = gallery.shown
    return for_excel(gallery_csv(result.names, result.gallery))


def _record_of(gallery: GalleryState) -> str:
    assert gallery.shown is not None  # the page shows it
    result, songs = gallery.shown
    return songs.json(
        lambda picks, request: gallery_record(result.names, result.gallery, result.unread, picks, request)
    )
