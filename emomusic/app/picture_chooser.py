"""Choose photos: samples, an upload of one to a hundred, or a snapshot. They stay in the session's memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.app.camera import camera_works, show_problem
from emomusic.app.charts import outline_tile, show_tile
from emomusic.app.choices import ABOUT_SAMPLE, PICTURE_FROM, SAMPLE, Address, choose
from emomusic.app.frame import escape_markdown
from emomusic.app.state import page_state
from emomusic.app.uploads import keep_upload, show_uploader
from emomusic.assets import data_dir
from emomusic.errors import CapacityError
from emomusic.media.formats import FORMATS, Kind
from emomusic.media.images import MAX_BYTES, encode_jpeg, read_image, shrink
from emomusic.server.frames import Problem
from emomusic.server.photos import Picture, PictureState
from emomusic.server.sessions import WHEN_GONE
from emomusic.server.visitor import LOCAL_HOSTS
from emomusic.text import pluralize

MOST_PICTURES = 100
_MAX_MB = MAX_BYTES // 2**20  # per file, in Streamlit's unit

ALL_SAMPLES = "all"
"""In the URL: the samples as one group."""
GROUP = "four-people"  # composed of other samples
_THUMBNAIL = 72  # pixels


SAMPLES = {
    "barack-obama-2012": "A smile",
    GROUP: "Four people",
    "joe-biden-2010": "A stern look",
    "eileen-collins-1999": "An astronaut",
    "barack-obama-2009-speaking": "Speaking",
    "grace-hopper-1984": "An admiral",
    "morisot-self-portrait-1885": "A self-portrait",
    "morisot-young-woman-in-mauve-1880": "A painting",
}
"""The labels of the bundled photos by their value in the URL, in display order."""


def shown_pictures() -> PictureState:
    """The photos of this run of the page."""
    key = next(iter(SAMPLE.among([*SAMPLES, ALL_SAMPLES])), None)  # also removes an unknown one from the URL
    named = tuple(sample_picture(name) for name in SAMPLES if name == key or (key == ALL_SAMPLES and name != GROUP))
    shown = page_state(PictureState)
    shown.sample, shown.named = key, named
    return shown


def draw_chooser(shown: PictureState) -> None:
    """Show the drop zone and the camera, and the samples."""
    _draw_own(shown)
    _sample_row(shown)


def draw_menu(shown: PictureState) -> None:
    """Show a menu with the drop zone, the camera and all samples."""
    with picture_menu("Other photos", "another", shown):
        draw_chooser(shown)
        options: dict[str, Any] = {"icon": ":material/photo_library:", "type": "tertiary", "key": "all-samples"}
        st.button("All samples as a group", on_click=set_sample, args=(ALL_SAMPLES,), **options)


def picture_menu(label: str, name: str, shown: PictureState) -> DeltaGenerator:
    """A menu that closes when another photo is chosen."""
    return st.popover(label, icon=":material/image:", key=f"{name}-{shown.digest}")


def _draw_own(shown: PictureState) -> None:
    is_camera = PICTURE_FROM.value == "Camera"
    with st.container(key=f"own-{'camera' if is_camera else 'file'}", gap="small"):
        if is_camera:
            _show_camera()
            st.button(
                "Choose a photo", icon=":material/image:", on_click=_take_from, args=("Upload",), key="use-upload"
            )
        else:
            st.markdown("Drop a photo", width="content")
            with st.container(horizontal=True, gap="small", vertical_alignment="center", key="own-ways"):
                options: dict[str, Any] = {"icon": ":material/photo_camera:", "type": "primary", "key": "use-camera"}
                st.button("Camera", on_click=_take_from, args=("Camera",), **options)
                show_drop_zone("upload")
        if shown.are_own:
            with st.container(horizontal=True, gap="small"):
                st.button("Remove", icon=":material/delete:", on_click=_remove_own, key="remove-own")
                show_turn(shown, "turn-in-menu")


def _take_from(source: str) -> None:
    st.session_state[PICTURE_FROM.key] = source


def _show_camera() -> None:
    address = urlsplit(st.context.url or "")
    if address.scheme == "http" and address.hostname not in LOCAL_HOSTS:
        show_problem(Problem.INSECURE, "photo")
        return
    if not camera_works():
        return
    st.caption(
        "EmoMusic estimates the emotion of every face: photograph only yourself or people who agree. "
        f"The photo stays in memory and is deleted {WHEN_GONE}."
    )
    options: dict[str, Any] = {"draw": st.camera_input, "width": 480, "label_visibility": "collapsed"}
    show_uploader("Take a photo", _widget_key("camera"), partial(_store_own, is_posed=True), **options)


def _widget_key(name: str) -> str:
    """The key of an uploader; another one after each photo, so that the next photos replace the last ones."""
    number = page_state(Address).renewed["own"]
    return f"{name}-{number}" if number else name


def show_drop_zone(name: str) -> None:
    """Show the drop zone for one to a hundred photos, which replace the last ones."""
    show_uploader(
        f"Drop one to {MOST_PICTURES} photos here: {FORMATS[Kind.PICTURE]}, up to {_MAX_MB} MB",
        _widget_key(name),
        _store_own,
        accept_multiple_files=True,
        max_upload_size=_MAX_MB,
        label_visibility="collapsed",
    )


def set_sample(key: str | None) -> None:
    """Show a sample, or none; for callbacks."""
    choose({**dict.fromkeys(ABOUT_SAMPLE), SAMPLE: key})


@st.cache_data(max_entries=16, show_spinner=False)
def sample_picture(key: str) -> Picture:
    """The photo of a sample."""
    path = data_dir() / "samples" / f"{key}.jpg"
    return Picture.of(path.name, path.read_bytes())


def show_turn(shown: PictureState, key: str = "turn") -> None:
    """Offer to turn the visitor's own photo; the samples are upright."""
    if shown.are_own and len(shown.pictures) == 1:
        st.button("Turn by 90°", icon=":material/rotate_right:", on_click=_turn, key=key)


def _turn() -> None:
    photo = page_state(PictureState)
    if len(photo.own) == 1:
        photo.take((photo.own[0].turned(),))


def _store_own(files: Sequence[UploadedFile], *, is_posed: bool = False) -> None:
    """Store the visitor's photos in place of the last ones. Streamlit keeps none of them."""
    taken: dict[str, Picture] = {}
    doubles = []
    for file in files[:MOST_PICTURES]:
        try:
            picture = Picture.of(file.name, *keep_upload(file), is_posed=is_posed)
        except CapacityError as error:
            picture = Picture(file.name, b"", file.file_id, problem=str(error))
        if picture.digest in taken:
            doubles.append(picture.name)
        taken.setdefault(picture.digest, picture)
    if taken:
        notes = [f"Duplicates, shown once: {', '.join(map(escape_markdown, doubles[:3]))}."] if doubles else []
        left_out = len(files) - MOST_PICTURES
        if left_out > 0:
            notes.append(f"The limit is {MOST_PICTURES} photos; {pluralize(left_out, 'file')} not read.")
        set_sample(None)
        page_state(PictureState).take(tuple(taken.values()), tuple(notes))
        page_state(Address).renewed["own"] += 1
    # Last, because another run of the page can interrupt this one, and stores the same files again
    for file in files:
        file.close()  # the session keeps the object, and with it the bytes, until the next run


def _remove_own() -> None:
    set_sample(None)
    page_state(PictureState).take(())


def _sample_row(shown: PictureState) -> None:
    """Show the samples as tiles, with labels for screen readers."""
    outline_tile(next((name for name in SAMPLES if name == shown.sample), "none"))
    with st.container(horizontal=True, gap="small", key="samples"):
        for sample, title in SAMPLES.items():
            show_tile(
                "sample",
                sample,
                _thumbnail(sample),
                title,
                alt=f"Sample: {title}",
                width=_THUMBNAIL,
                on_click=set_sample,
                args=(sample,),
            )


@st.cache_data(max_entries=16, show_spinner=False)
def _thumbnail(sample: str) -> bytes:
    """A square cut from the upper middle, where portraits have their face; a wide group is split into two rows."""
    image = read_image(sample_picture(sample).data)
    if image.shape[1] > 2 * image.shape[0]:
        half = image.shape[1] // 2
        image = np.concatenate([image[:, :half], image[:, half : 2 * half]])
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 6
    small, _ = shrink(image[top : top + side, left : left + side], 2 * _THUMBNAIL)
    return encode_jpeg(small)
