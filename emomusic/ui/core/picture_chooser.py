"""Choosing a picture: a sample, an upload or a snapshot. It stays in the session's memory and nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.assets import data_dir
from emomusic.compat import release_upload
from emomusic.errors import ImageError
from emomusic.face.images import FORMATS_IN_WORDS, MAX_BYTES, PICTURE_ENDINGS, RgbImage, encode_jpeg, read_image, shrink
from emomusic.ui.core import state
from emomusic.ui.core.address import chosen_here, named, turn_to_sample, went_back, write
from emomusic.ui.core.sessions import WHEN_GONE
from emomusic.ui.core.tiles import show_tile, style_tiles
from emomusic.ui.core.uploads import show_lost_uploads

MOST_MB = MAX_BYTES // 2**20  # of a file, as Streamlit counts them
_MOST_NARROW = 100  # times as long as wide; beyond, what is shown of it would be less than a pixel high
THUMBNAIL = 104  # pixels: eight beside each other on a desktop, three on a phone


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it came, not yet decoded: 20 MB at most, where 50 megapixels decoded would take 150.

    Attributes:
        name: of the file, or of the sample.
        data: its bytes.
        digest: of the bytes; tells whether a picture was read already.
    """

    name: str
    data: bytes
    digest: str

    @classmethod
    def of(cls, name: str, data: bytes) -> Picture:
        """Make one from bytes."""
        return cls(name, data, hashlib.sha256(data).hexdigest()[:16])

    def read(self) -> RgbImage:
        """Decode it.

        Raises:
            ImageError: it cannot be read, or is a mere stripe; the message tells what to do.
        """
        image = read_image(self.data)
        height, width = image.shape[:2]
        if max(height, width) > _MOST_NARROW * min(height, width):
            raise ImageError(
                f"This picture is a stripe: expected at most {_MOST_NARROW} times as long as wide, received "
                f"{width}x{height} pixels; choose one that shows a face."
            )
        return image


@dataclass(frozen=True, slots=True)
class Sample:
    """A bundled picture; `key` is its name in the address, `title` what people call it."""

    key: str
    title: str
    path: Path


def samples() -> list[Sample]:
    """The bundled pictures, in the order they are shown."""
    return [
        Sample(key, title, data_dir() / "samples" / f"{key}.jpg")
        for key, title in (
            ("barack-obama-2012", "A smile"),
            ("four-people", "Four people"),
            ("joe-biden-2010", "A stern look"),
            ("eileen-collins-1999", "An astronaut"),
            ("barack-obama-2009-speaking", "Speaking"),
            ("grace-hopper-1984", "An admiral"),
            ("morisot-self-portrait-1885", "A self-portrait"),
            ("morisot-young-woman-in-mauve-1880", "A painting"),
        )
    ]


def choose_picture() -> Picture | None:
    """Offer the samples, the upload and the camera; returns the picture chosen last, or None before the first.

    A sample's name goes to the address, and a sample that the address names is chosen.
    """
    _open_linked_sample()
    _sample_row()
    # In the session and not as the widget's default, because the live page sets it too: Streamlit warns of both
    is_camera = st.session_state.setdefault(state.SOURCE, "Upload") == "Camera"
    with st.container(horizontal=True, gap="medium", vertical_alignment="top" if is_camera else "center"):
        source = st.segmented_control(
            "Or your own picture",
            ["Upload", "Camera"],
            required=True,
            key=state.SOURCE,
            format_func=lambda name: f":material/{'upload' if name == 'Upload' else 'photo_camera'}: {name}",
        )
        with st.container(width="stretch"):
            _camera() if source == "Camera" else _upload()
            _offer_to_take_away(state.CAMERA if source == "Camera" else state.UPLOAD)
    picture = st.session_state.get(state.PICTURE)
    if not isinstance(picture, Picture):
        return None
    name_sample(picture)  # who comes back from another page has an address without it
    return picture


def _upload() -> None:
    st.file_uploader(
        f"Drop a picture here: {FORMATS_IN_WORDS}, up to {MOST_MB} MB",
        type=list(PICTURE_ENDINGS),
        max_upload_size=MOST_MB,
        key=state.UPLOAD,
        on_change=_take,
        args=(state.UPLOAD,),
        label_visibility="collapsed",
    )
    _take_what_was_cut_off(state.UPLOAD)
    show_lost_uploads(state.UPLOAD)


def _camera() -> None:
    st.caption(
        "The expression on the faces in your snapshot will be estimated by a program. Take one of yourself, or of "
        f"people who agree. It stays in memory and is gone {WHEN_GONE}."
    )
    st.camera_input(
        "Take a snapshot",
        key=state.CAMERA,
        on_change=_take,
        args=(state.CAMERA,),
        width=480,
        label_visibility="collapsed",
    )
    _take_what_was_cut_off(state.CAMERA)


def _offer_to_take_away(widget: str) -> None:
    """Where the visitor's own picture is shown and what took it lists it no more, there is a button in its stead.

    Uploader and camera forget when another page, or the other of them, is shown.
    """
    shown = st.session_state.get(state.PICTURE)
    if isinstance(shown, Picture) and not _is_sample(shown) and st.session_state.get(widget) is None:
        st.button("Take the picture away", icon=":material/delete:", on_click=_set_own, args=(None,))


def _open_linked_sample() -> None:
    """Show the sample that the address names: at first a link's, later the one that a visitor goes back to.

    An address that names none any more, where one was chosen on this visit, means going back to what was there before.
    """
    key = named(state.SAMPLE)
    shown = st.session_state.get(state.PICTURE)
    if key is None and _is_sample(shown) and went_back(state.SAMPLE):
        turn_to_sample(None)
        st.session_state[state.PICTURE] = st.session_state.get(state.OWN)
    for sample in samples():
        if sample.key == key and not (isinstance(shown, Picture) and _is_of(shown, sample)):
            st.session_state[state.PICTURE] = sample_picture(sample)
            write(state.SAMPLE, sample.key)
            _forget_choices(sample_picture(sample))  # what was chosen about it stands in the address


def _choose_sample(sample: Sample) -> None:
    st.session_state[state.PICTURE] = sample_picture(sample)
    turn_to_sample(sample.key)


@st.cache_data(max_entries=16, show_spinner=False)
def sample_picture(sample: Sample) -> Picture:
    """The picture of a sample."""
    return Picture.of(sample.path.name, sample.path.read_bytes())


def name_sample(picture: Picture) -> None:
    """Keep the sample's name in the address, so that a link shows the same; of a visitor's own picture, nothing."""
    key = next((sample.key for sample in samples() if _is_of(picture, sample)), None)
    if named(state.SAMPLE) != key:
        turn_to_sample(key)  # what stands there was chosen about another picture
        chosen_here(state.SAMPLE)  # nobody chose on this visit: going back from here takes no sample away


def _forget_choices(picture: Picture) -> None:
    for key in list(st.session_state):
        if picture.digest in str(key):
            del st.session_state[key]


def _is_sample(shown: object) -> bool:
    return isinstance(shown, Picture) and any(_is_of(shown, sample) for sample in samples())


def _is_of(picture: Picture, sample: Sample) -> bool:
    return picture.name == sample.path.name and picture.digest == sample_picture(sample).digest


def _take(widget: str) -> None:
    """Keep what was uploaded or snapped, or nothing where the file was taken away again."""
    file = st.session_state.get(widget)
    _set_own(None if file is None else Picture.of(file.name, file.getvalue()))
    if file is not None:
        st.session_state[state.OWN_FILE] = file.file_id  # last: it says that all is done


def _take_what_was_cut_off(widget: str) -> None:
    """Keep a file whose `_take` did not come to its end.

    A file that arrives while the note of the networks looks whether they are ready comes with that fragment's run. The
    page's own run, on its way already, puts an end to it, in the middle of what a callback does, and calls none again.
    """
    file = st.session_state.get(widget)
    if isinstance(file, UploadedFile) and file.file_id != st.session_state.get(state.OWN_FILE):
        _take(widget)


def _set_own(own: Picture | None) -> None:
    """Show the visitor's own picture in place of the last; taken away, it leaves a sample that is shown, or nothing.

    All that is kept of the last, or was computed of it, is let go.
    """
    shown, stays = st.session_state.get(state.PICTURE), None
    if own is None and isinstance(shown, Picture) and _is_sample(shown):
        stays = shown.digest
    else:
        st.session_state[state.PICTURE] = own
        turn_to_sample(None)
    st.session_state[state.OWN] = own
    for key in (state.READING, state.HOW_WALK, state.MODELS_ASKED):
        if stays is None or getattr(st.session_state.get(key), "digest", None) != stays:
            st.session_state.pop(key, None)
    if file := st.session_state.get(state.OWN_FILE):
        release_upload(file)
        del st.session_state[state.OWN_FILE]


_SMALLER = """<style>
@media (max-width: 480px) {  /* four beside each other, so that a phone's first screen has room for the answer */
  div.st-key-samples { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.5rem; }
  div.st-key-samples > *, div.st-key-samples div[class*="st-key-tile-"] { width: auto; min-width: 0; }
  div.st-key-samples p { font-size: 0.8rem; line-height: 1.15; }
  div.st-key-samples button { padding: 0; }
}
</style>"""


def _sample_row() -> None:
    style_tiles("sample")
    st.html(_SMALLER)
    with st.container(horizontal=True, gap="small", key="samples"):
        for sample in samples():
            show_tile(
                "sample",
                sample.key,
                thumbnail(sample.path),
                sample.title,
                alt=f"Sample: {sample.title}",
                width=THUMBNAIL,
                on_click=_choose_sample,
                args=(sample,),
            )


@st.cache_data(max_entries=16, show_spinner=False)
def thumbnail(path: Path) -> bytes:
    """A square cut from the upper middle, where portraits have their face; a row of people is folded in two rows."""
    image = read_image(path)
    if image.shape[1] > 2 * image.shape[0]:
        half = image.shape[1] // 2
        image = np.concatenate([image[:, :half], image[:, half : 2 * half]])
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 6
    small, _ = shrink(image[top : top + side, left : left + side], 2 * THUMBNAIL)
    return encode_jpeg(small)
