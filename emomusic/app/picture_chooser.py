"""Choose a photo: a sample, an upload or a snapshot. Photos stay in the session's memory."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.address import SAMPLE_PARAMS, choose, chosen
from emomusic.app.charts import styled_room
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import page_state
from emomusic.app.tiles import show_tile, style_tiles
from emomusic.app.uploads import hold, show_removal, show_uploader
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
from emomusic.server.budget import HeldBytes

MAX_MB = MAX_BYTES // 2**20  # per file, in Streamlit's unit
_MAX_ASPECT_RATIO = 100  # a longer photo would be less than a pixel high on the page
Result = TypeVar("Result")
About = Callable[[str], Mapping[str, str | None]]
"""The visitor's choices about a sample, given by its digest, by URL parameter."""

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


@dataclass
class PictureState:
    """The photo of all pages.

    Attributes:
        own: the visitor's photo, also while a sample is shown.
        held: its bytes in the budget of the server.
        is_gone: whether the uploader in the menu reported that it has no photo.
        results: what the pages made of a photo, with its digest, by type.
        menus: the digest of the last photo by the name of a menu.
    """

    own: Picture | None = None
    held: HeldBytes | None = None
    is_gone: bool = False
    results: dict[type[Any], tuple[str, Any]] = field(default_factory=dict)
    menus: dict[str, str] = field(default_factory=dict)


def shown_picture() -> Picture | None:
    """The photo that was chosen last on any page: the sample that the URL names, or the visitor's; None before it."""
    sample = _shown_sample()
    return page_state(PictureState).own if sample is None else sample_picture(sample)


def is_photo_gone() -> bool:
    """Whether the visitor removed the shown photo in the menu, perhaps to choose another one."""
    return page_state(PictureState).is_gone


def keep_result(picture: Picture, result: object) -> None:
    """Keep a result about a photo in the session, until the visitor chooses an own photo or removes it."""
    page_state(PictureState).results[type(result)] = (picture.digest, result)


def kept_result(kind: type[Result], picture: Picture) -> Result | None:
    """The result of a type about a photo; None if it must be computed."""
    digest, result = page_state(PictureState).results.get(kind, ("", None))
    return result if digest == picture.digest else None


def choose_picture(about: About | None = None) -> Picture | None:
    """Show the samples, the upload and the camera; returns the photo chosen last, or None before the first.

    Args:
        about: gives the earlier choices about a sample that is chosen.
    """
    _sample_row("samples", about)
    _choose_own()
    return shown_picture()


def choose_another_picture(about: About, *, also_without: bool = False) -> Picture | None:
    """Like `choose_picture`, in one row: small samples, and a menu for the visitor's photo.

    Shows nothing before the first choice, unless the page asks for the row without a photo. The row stays after the
    uploader has lost its photo: to replace one, the uploader reports no photo first, and then must be there to report
    the other.
    """
    photo, shown = page_state(PictureState), shown_picture()
    if shown is not None:
        photo.is_gone = False
    elif not (also_without or photo.is_gone):
        return None
    look: dict[str, Any] = {"horizontal": True, "gap": "small", "vertical_alignment": "center", "wrap": False}
    with styled_room("chooser-row", SMALL_THUMBNAIL + 10), st.container(key="chooser", **look):
        _sample_row("small-samples", about)
        with picture_menu("Another photo", "another"):
            _choose_own()
    return shown


@contextlib.contextmanager
def picture_menu(label: str, name: str) -> Iterator[None]:
    """A menu that closes when another photo is chosen."""
    menus, shown = page_state(PictureState).menus, shown_picture()
    # A new key closes the popover. The key must not change while there is no photo: during a replacement the uploader
    # reports no file first, and it would be removed before it reports the second file
    if shown is not None:
        menus[name] = shown.digest
    with st.popover(label, icon=":material/image:", key=f"{name}-{menus.get(name, 'none')}"):
        yield


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
            if _is_own_shown():
                show_removal(widget, "Remove photo", _remove_own)
                show_turn("turn-in-menu")


def _shown_sample() -> Sample | None:
    """The sample that the URL names."""
    return _sample(chosen(state.SAMPLE))


def _sample(key: str | None) -> Sample | None:
    return next((sample for sample in samples() if sample.key == key), None)


def _choose_sample(key: str, about: About | None) -> None:
    if (sample := _sample(key)) is not None:
        choices = dict.fromkeys(SAMPLE_PARAMS) if about is None else about(sample_picture(sample).digest)
        choose({**choices, state.SAMPLE: key})


@st.cache_data(max_entries=16, show_spinner=False)
def sample_picture(sample: Sample) -> Picture:
    """The photo of a sample."""
    return Picture.of(sample.path.name, sample.path.read_bytes())


def _is_own_shown() -> bool:
    return page_state(PictureState).own is not None and _shown_sample() is None


def show_turn(key: str = "turn") -> None:
    """Offer to turn the visitor's own photo; the samples are upright."""
    if _is_own_shown():
        st.button("Turn by 90°", icon=":material/rotate_right:", on_click=_turn, key=key)


def _turn() -> None:
    photo = page_state(PictureState)
    if photo.own is not None:
        photo.own = photo.own.turned()


def _store_own(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the visitor's photo, or None after its removal, and delete all that was computed from the last one."""
    photo, new = page_state(PictureState), [file for file in files if isinstance(file, UploadedFile)]
    photo.held = hold(new[0]) if new else None
    photo.own = Picture.of(new[0].name, new[0].getvalue()) if new else None
    if photo.own is not None or _shown_sample() is None:  # the removal keeps a shown sample
        choose(dict.fromkeys((state.SAMPLE, *SAMPLE_PARAMS)))
    photo.is_gone = shown_picture() is None
    photo.results.clear()


def _remove_own(files: Sequence[UploadedFile | DeletedFile]) -> None:
    _store_own(files)
    page_state(PictureState).is_gone = False


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


def _sample_row(key: str, about: About | None) -> None:
    """Show the samples as tiles with labels, or small ones for the key "small-samples"."""
    shown = _shown_sample()
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
                args=(sample.key, about),
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
