"""Choose a photo: a sample, an upload or a snapshot. Photos stay in the session's memory."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.address import SAMPLE_PARAMS, choose, chosen
from emomusic.app.charts import styled_room
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.tiles import show_tile, style_tiles
from emomusic.app.uploads import show_removal, show_uploader
from emomusic.assets import data_dir
from emomusic.errors import ImageError
from emomusic.media.images import (
    FORMATS_IN_WORDS,
    MAX_BYTES,
    PICTURE_ENDINGS,
    RgbImage,
    encode_jpeg,
    read_image,
    shrink,
)

MAX_MB = MAX_BYTES // 2**20  # per file, in Streamlit's unit
_MAX_ASPECT_RATIO = 100  # a longer photo would be less than a pixel high on the page
THUMBNAIL = 104  # pixels: a row has eight on a desktop, three on a phone
SMALL_THUMBNAIL = 52


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded photo: at most 20 MB, while 50 decoded megapixels take 150 MB.

    Attributes:
        name: of the file.
        data: its content.
        digest: identifies the photo and its turns.
        turns: quarter turns clockwise before it is shown and read.
    """

    name: str
    data: bytes
    digest: str
    turns: int = 0

    @classmethod
    def of(cls, name: str, data: bytes) -> Picture:
        """Make a picture from bytes."""
        return cls(name, data, hashlib.sha256(data).hexdigest()[:16])

    def read(self) -> RgbImage:
        """Decode the photo.

        Raises:
            ImageError: the photo cannot be decoded, or is too long and narrow.
        """
        image = read_image(self.data)
        if self.turns:
            image = np.ascontiguousarray(np.rot90(image, -self.turns))
        height, width = image.shape[:2]
        if max(height, width) > _MAX_ASPECT_RATIO * min(height, width):
            raise ImageError(
                f"expected a photo at most {_MAX_ASPECT_RATIO} times as long as wide. Received: {width}x{height} "
                "pixels. Choose a photo that shows a face."
            )
        return image

    def turned(self) -> Picture:
        """The photo turned clockwise by 90 degrees."""
        turns, digest = (self.turns + 1) % 4, self.digest.partition("-")[0]
        return replace(self, turns=turns, digest=f"{digest}-{turns}" if turns else digest)


@dataclass(frozen=True, slots=True)
class Sample:
    """A bundled photo; `key` is its value in the URL, `title` its label."""

    key: str
    title: str
    path: Path


def samples() -> list[Sample]:
    """The bundled photos, in display order."""
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
    """Show the samples, the upload and the camera; returns the photo chosen last, or None before the first.

    The URL names the shown sample, and a sample that the URL names is shown.
    """
    _open_linked_sample()
    _sample_row("samples")
    _choose_own()
    return _chosen()


def choose_another_picture(*, also_without: bool = False) -> Picture | None:
    """Like `choose_picture`, in one row: small samples, and a menu for the visitor's photo.

    Shows nothing before the first choice, unless the page asks for the row without a photo. The row stays after the
    uploader has lost its photo: to replace one, the uploader reports no photo first, and then must be there to report
    the other.
    """
    _open_linked_sample()
    if _chosen() is not None:
        st.session_state.pop(state.NO_MORE, None)
    elif not (also_without or st.session_state.get(state.NO_MORE)):
        return None
    look: dict[str, Any] = {"horizontal": True, "gap": "small", "vertical_alignment": "center", "wrap": False}
    with styled_room("chooser-row", SMALL_THUMBNAIL + 10), st.container(key="chooser", **look):
        _sample_row("small-samples")
        with picture_menu("Another photo", "another"):
            _choose_own()
    return _chosen()


@contextlib.contextmanager
def picture_menu(label: str, name: str) -> Iterator[None]:
    """A menu that closes when another photo is chosen."""
    shown, last = _chosen(), f"{name}-last"
    # A new key closes the popover. The key must not change while there is no photo: during a replacement the uploader
    # reports no file first, and it would be removed before it reports the second file
    if shown is not None:
        st.session_state[last] = shown.digest
    with st.popover(label, icon=":material/image:", key=f"{name}-{st.session_state.get(last, 'none')}"):
        yield


def _chosen() -> Picture | None:
    picture: Picture | None = st.session_state.get(state.PICTURE)
    return picture


def _choose_own() -> None:
    # Set in the session, not as the widget's default: the live page sets it too, and Streamlit warns about both
    is_camera = st.session_state.setdefault(state.SOURCE, "Upload") == "Camera"
    look: dict[str, Any] = {"vertical_alignment": "top" if is_camera else "center"}
    with st.container(horizontal=True, gap="medium", key=f"own-{'camera' if is_camera else 'file'}", **look):
        source = st.segmented_control(
            "Your own photo",
            ["Upload", "Camera"],
            required=True,
            key=state.SOURCE,
            format_func=lambda name: f":material/{'upload' if name == 'Upload' else 'photo_camera'}: {name}",
        )
        with st.container(width="stretch"):
            if source == "Camera":
                st.caption(
                    "EmoMusic estimates the emotion of every face: photograph only yourself or people who agree. "
                    f"The photo stays in memory and is deleted {WHEN_GONE}."
                )
                look = {"width": 480, "label_visibility": "collapsed"}
                show_uploader(st.camera_input, "Take a photo", state.CAMERA, _store_own, **look)
            else:
                show_uploader(
                    st.file_uploader,
                    f"Drop a photo here: {FORMATS_IN_WORDS}, up to {MAX_MB} MB",
                    state.UPLOAD,
                    _store_own,
                    type=list(PICTURE_ENDINGS),
                    max_upload_size=MAX_MB,
                    label_visibility="collapsed",
                )
            widget = state.CAMERA if source == "Camera" else state.UPLOAD
            if (shown := _chosen()) is not None and _sample_of(shown) is None:
                show_removal(widget, "Remove photo", _remove_own)
                show_turn("turn-in-menu")


def _open_linked_sample() -> None:
    """Show the sample that the URL names, after a link, Back or Forward.

    If the visitor goes back to a URL without a sample, the photo from before the sample returns.
    """
    key = chosen(state.SAMPLE)
    linked = next((sample for sample in samples() if sample.key == key), None)
    if linked is not None:
        st.session_state[state.PICTURE] = sample_picture(linked)
    elif _sample_of(_chosen()) is not None:
        st.session_state[state.PICTURE] = st.session_state.get(state.OWN)


def _choose_sample(sample: Sample) -> None:
    picture = sample_picture(sample)
    st.session_state[state.PICTURE] = picture
    choose(choices_about(picture.digest) | {state.SAMPLE: sample.key})


def choices_about(digest: str) -> dict[str, str | None]:
    """The visitor's choices about a picture, given by its digest, by URL parameter."""
    who = st.session_state.get(state.fresh(state.listener(digest)))  # absent for a single face
    about = digest, who or "Face 1"
    return {
        state.WHO: None if who == state.EVERYONE else who,
        state.SAYS: st.session_state.get(state.fresh(state.manual_emotion(*about))),
        state.MOOD: st.session_state.get(state.fresh(state.manual_mood(*about))),
    }


@st.cache_data(max_entries=16, show_spinner=False)
def sample_picture(sample: Sample) -> Picture:
    """The photo of a sample."""
    return Picture.of(sample.path.name, sample.path.read_bytes())


def _sample_of(picture: Picture | None) -> Sample | None:
    """The sample that shows the picture; None for a photo of the visitor."""
    return next((sample for sample in samples() if sample_picture(sample) == picture), None)


def show_turn(key: str = "turn") -> None:
    """Offer to turn the visitor's own photo; the samples are upright."""
    if (shown := _chosen()) is not None and _sample_of(shown) is None:
        st.button("Turn by 90°", icon=":material/rotate_right:", on_click=_turn, args=(shown,), key=key)


def _turn(picture: Picture) -> None:
    st.session_state[state.PICTURE] = st.session_state[state.OWN] = picture.turned()


def _store_own(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the visitor's photo, or None after its removal, and delete all that was computed from the last one."""
    new = (Picture.of(file.name, file.getvalue()) for file in files if isinstance(file, UploadedFile))
    own = st.session_state[state.OWN] = next(new, None)
    if own is not None or _sample_of(_chosen()) is None:  # the removal keeps a shown sample
        st.session_state[state.PICTURE] = own
        choose(dict.fromkeys((state.SAMPLE, *SAMPLE_PARAMS)))
    st.session_state[state.NO_MORE] = _chosen() is None
    for key in (state.READING, state.HOW_WALK, state.MODELS_ASKED):
        st.session_state.pop(key, None)


def _remove_own(files: Sequence[UploadedFile | DeletedFile]) -> None:
    _store_own(files)
    st.session_state.pop(state.NO_MORE)


_ROWS = """<style>
/* The room of the tiles and the uploader, which the browser loads later */
.st-key-samples { min-height: 148px; }
[data-testid="stMain"] .st-key-own-file { min-height: 4.5rem; max-height: 4.5rem; }
[data-testid="stMain"] .st-key-own-file .st-key-source { min-width: 12.75rem; }
@media (max-width: 640px) { [data-testid="stMain"] .st-key-own-file { min-height: 12.25rem; max-height: none; } }
@media (max-width: 480px) {  /* four in a row */
  div.st-key-samples { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.5rem; min-height: 17rem; }
  div.st-key-samples > *, div.st-key-samples div[class*="st-key-tile-"] { width: auto; min-width: 0; }
  div.st-key-samples p { font-size: 13px; line-height: 1.15; }
  div.st-key-samples button { padding: 0; }
}
:is(.st-key-samples, .st-key-small-samples) :is(img, div[class*="st-key-tile-"] > :first-child) {
  width: 100%; aspect-ratio: 1;
}
.st-key-chooser-row-room { min-height: 62px; }
/* One row that scrolls sideways; the labels are for screen readers */
.st-key-chooser > * { flex-shrink: 0; }
.st-key-chooser > :has(> .st-key-small-samples) { flex-shrink: 1; min-width: 0; }
.st-key-small-samples { flex-wrap: nowrap; overflow-x: auto; padding: 5px; min-width: 0; }
.st-key-small-samples > * { flex-shrink: 0; }
.st-key-small-samples div[class*="st-key-sample-"] { height: 0; }
.st-key-small-samples div[class*="st-key-sample-"] button {
  position: absolute !important; inset: 0; width: 100%; height: 100%; min-height: 0; padding: 0; border: 0;
}
.st-key-small-samples button p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
</style>"""


def _sample_row(key: str) -> None:
    """Show the samples as tiles with labels, or small ones for the key "small-samples"."""
    shown = _sample_of(_chosen())
    style_tiles("sample", chosen="" if shown is None else shown.key)
    st.html(_ROWS)
    look: dict[str, Any] = {"gap": "small"} if key == "samples" else {"gap": "xsmall", "width": "content"}
    with st.container(horizontal=True, key=key, **look):
        for sample in samples():
            show_tile(
                "sample",
                sample.key,
                thumbnail(sample.path),
                sample.title,
                alt=f"Sample: {sample.title}",
                width=THUMBNAIL if key == "samples" else SMALL_THUMBNAIL,
                on_click=_choose_sample,
                args=(sample,),
            )


@st.cache_data(max_entries=16, show_spinner=False)
def thumbnail(path: Path) -> bytes:
    """A square cut from the upper middle, where portraits have their face; a wide group is split into two rows."""
    image = read_image(path)
    if image.shape[1] > 2 * image.shape[0]:
        half = image.shape[1] // 2
        image = np.concatenate([image[:, :half], image[:, half : 2 * half]])
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 6
    small, _ = shrink(image[top : top + side, left : left + side], 2 * THUMBNAIL)
    return encode_jpeg(small)
