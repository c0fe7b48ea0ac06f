"""The cards of the faces of a photo, and the downloads."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from emomusic.affect import describe, list_shares
from emomusic.export import faces_csv, picture_record
from emomusic.face.images import encode_png, read_image
from emomusic.music.queue import SongQueue
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import annotated_picture
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.files import download_button
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.photo.result import PhotoResult
from emomusic.ui.songs.listener import FIRST_POINTS, MOST_POINTS, Listener
from emomusic.ui.songs.player import PLAYLIST
from emomusic.ui.songs.take_along import songs_json

_CARDS_SHOWN = 12

# On a phone the cards form one row that scrolls sideways
_ONE_ROW = """<style>
@media (max-width: 640px) {
  .st-key-face-cards { flex-wrap: nowrap; overflow-x: auto; }
  .st-key-face-cards > * { flex-shrink: 0; }
}
</style>"""


def show_face_cards(result: PhotoResult) -> None:
    """Show one card per face, in the order of the numbers on the photo."""
    faces = result.reading.faces
    shown = faces[:_CARDS_SHOWN]
    st.html(_ONE_ROW)
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for number, (face, portrait) in enumerate(zip(shown, result.faces, strict=False), 1):
            with st.container(border=True, width=300):
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    show_sharp(portrait, alt=f"Face {number}", width=56)
                    st.markdown(f"**Face {number}**  \n{describe(face.probabilities)}")
                show_chart(
                    probability_bars(face.probabilities, height=190),
                    key=f"card-{number}",
                    alt=f"Probabilities of face {number}: {list_shares(face.probabilities.as_dict())}",
                )
    if len(faces) > len(shown):
        more = f"{len(faces) - len(shown)} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(faces) > MOST_POINTS else more)


def show_photo_downloads(result: PhotoResult, listener: Listener, queue: SongQueue) -> None:
    """Show a menu with the photo and its readings as files. The player offers the songs."""
    stem = stem_of(result)

    def annotated() -> bytes:
        return encode_png(annotated_picture(read_image(result.picture.data), result.reading))

    def everything() -> str:
        songs = queue.playlist(PLAYLIST)
        record = picture_record(result.picture.name, result.reading, songs, queue.request, decode_ms=result.decode_ms)
        return songs_json(record, listener, queue.request)

    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if result.reading.faces:
            download_button("Photo with faces (PNG)", annotated, f"{stem}-faces.png", type="tertiary")
            download_button("Faces (CSV)", lambda: faces_csv(result.reading), f"{stem}-faces.csv", type="tertiary")
        download_button("Everything (JSON)", everything, f"{stem}.json", type="tertiary")


def stem_of(result: PhotoResult) -> str:
    """Start of the names of downloaded files."""
    return Path(result.picture.name).stem or "picture"
