"""A photo that was read: its faces, and the images that the page shows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from emomusic.compat import return_free_memory, session_id
from emomusic.face.images import crop_face, encode_jpeg, shrink
from emomusic.face.reading import PictureReading, read_faces
from emomusic.plots.picture import ROOM_AROUND, annotated_preview
from emomusic.ui.core import state
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.core.shared import shared
from emomusic.ui.core.tiles import show_sharp

PREVIEW_HEIGHT = 520  # CSS pixels
_COLUMN = 740  # width of the preview's column on a page of 1440 pixels, so that its labels are readable
_FACE_SIDE = 96


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """A photo that was read, with the images that the page shows.

    Attributes:
        picture: the photo.
        reading: its faces.
        decode_ms: decoding time in milliseconds.
        preview: JPEG of the annotated photo, in screen size.
        faces: JPEG of each face.
    """

    picture: Picture
    reading: PictureReading
    decode_ms: float
    preview: bytes
    faces: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The digest of the photo."""
        return self.picture.digest


def read_picture(picture: Picture) -> PhotoResult:
    """Find and read the faces of a photo; a rerun of the page gets the stored result.

    Raises:
        ImageError: the photo cannot be read.
    """
    waiting = st.empty()  # also without a new photo, so that the elements below keep their position and state
    stored = st.session_state.get(state.READING)
    if isinstance(stored, PhotoResult) and stored.picture.digest == picture.digest:
        return stored
    started = time.perf_counter()
    image = picture.read()
    decode_ms = 1000 * (time.perf_counter() - started)
    with waiting.container():
        show_sharp(encode_jpeg(shrink(image, 640)[0]), alt="Your photo", width=320)
        with st.spinner("Detecting faces"):
            reading = read_faces(image, *shared().visitor_networks(session_id()))
    return_free_memory()
    waiting.empty()
    faces = tuple(
        encode_jpeg(shrink(crop_face(image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in reading.faces
    )
    preview = encode_jpeg(annotated_preview(image, reading, _COLUMN, PREVIEW_HEIGHT))
    result = PhotoResult(picture, reading, decode_ms, preview, faces)
    st.session_state[state.READING] = result
    return result
