"""The gallery: choose many photos at once, and read each of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.compat import return_free_memory
from emomusic.errors import ImageError
from emomusic.face.gallery import Gallery
from emomusic.face.images import PICTURE_ENDINGS, encode_jpeg, read_image, shrink
from emomusic.face.reading import PictureReading
from emomusic.plots.picture import box_in_frame, framed_face, reframed_face
from emomusic.ui.core import state
from emomusic.ui.core.address import choose, chosen
from emomusic.ui.core.persons import read_visitor, with_persons
from emomusic.ui.core.picture_chooser import MAX_MB, THUMBNAIL, Picture, Sample, sample_picture, samples, thumbnail
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.core.uploads import show_removal, show_uploader

MOST_PICTURES = 100  # each takes about 200 KB of a session's memory
FACE_SIDE = 96
_SMALL_SIDE = 960
_SAMPLES = "samples"
_LOST = f"This photo exceeded the limit of {MOST_PICTURES} and is no longer in memory. Choose it again."


@dataclass(slots=True)
class PictureSource:
    """A chosen file, read or not."""

    key: str  # identifies the file without its bytes
    name: str
    load: Callable[[], Picture] | None  # None after reading, so that the bytes are released


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPicture:
    """The results of a photo that was read, without the photo itself."""

    name: str
    digest: str
    found: PictureReading  # without profiles
    reading: PictureReading  # with those of the session's persons
    small: bytes  # JPEG, at most 960 pixels on the longer side
    faces: tuple[bytes, ...]  # JPEG of each face, framed in the colour of its emotion


@dataclass(frozen=True, slots=True, eq=False)
class GalleryResult:
    """The photos that were chosen and read."""

    pictures: tuple[GalleryPicture, ...]
    gallery: Gallery
    unread: tuple[tuple[str, str], ...]  # name and reason of each file that could not be read
    doubles: tuple[str, ...]  # names of files with the same content as a shown photo
    left_out: int  # number of files beyond the limit

    @property
    def key(self) -> str:
        """The digest of the shown photos."""
        return hashlib.sha256("".join(picture.digest for picture in self.pictures).encode()).hexdigest()[:16]

    @property
    def names(self) -> list[str]:
        """The file names of the shown photos."""
        return [picture.name for picture in self.pictures]


def choose_pictures() -> list[PictureSource]:
    """Show the upload of photos or a folder; returns the chosen files or samples, or an empty list."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        source = st.segmented_control(
            "Photo source",
            ["Pictures", "Folder"],
            default="Pictures",
            required=True,
            key=state.GALLERY_SOURCE,
            format_func=lambda name: (
                ":material/photo_library: Photos" if name == "Pictures" else ":material/folder: Folder"
            ),
            label_visibility="collapsed",
        )
        with st.container(width="stretch"):
            show_uploader(
                st.file_uploader,
                f"Drop photos here, up to {MOST_PICTURES} of {MAX_MB} MB each",
                (widget := f"{state.GALLERY_FILES}-{source}"),
                _store_folder if source == "Folder" else _store_files,
                type=list(PICTURE_ENDINGS),
                accept_multiple_files="directory" if source == "Folder" else True,
                max_upload_size=MAX_MB,
                label_visibility="collapsed",
            )
    files: list[PictureSource] = st.session_state.get(state.GALLERY_FILES, [])
    if files:
        show_removal(widget, "Remove photos", _store_files, "These photos stay until you choose others.")
        return files
    if chosen(state.GALLERY_RESULT) == _SAMPLES:
        return [PictureSource(sample.key, sample.path.name, partial(sample_picture, sample)) for sample in _portraits()]
    st.session_state.pop(state.GALLERY, None)  # delete faces that are no longer shown
    return []


def show_gallery_samples() -> None:
    """Show the empty state: the samples, and a button to open them."""
    st.header("Samples", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for sample in _portraits():
            show_sharp(thumbnail(sample.path), alt=f"Sample: {sample.title}", width=THUMBNAIL)
    st.button(
        "Show the samples",
        icon=":material/wall_art:",
        type="primary",
        on_click=choose,
        args=({state.GALLERY_RESULT: _SAMPLES},),
    )
    st.caption("Each face gets a number and appears in its quadrant. Choose songs for all faces or for one of them.")


def read_gallery(sources: Sequence[PictureSource]) -> GalleryResult:
    """Read the photos that are not read yet, with a progress bar; an interrupted run keeps its results.

    Raises:
        EmomusicError: a model is missing or damaged.
    """
    kept: dict[str, GalleryPicture | str] = st.session_state.setdefault(state.GALLERY, {})
    wanted = sources[:MOST_PICTURES]
    for gone in kept.keys() - {picture.key for picture in wanted}:
        del kept[gone]
    new = [picture for picture in wanted if picture.key not in kept]
    progress = st.empty()  # also without new photos, so that the elements below keep their position and state
    for number, picture in enumerate(new, 1):
        progress.progress((number - 1) / len(new), f"Reading photo {number} of {len(new)}")
        kept[picture.key] = _LOST if picture.load is None else _read(picture.load())
        picture.load = None
    progress.empty()
    if st.session_state.pop(state.PERSONS_CHANGED, False):
        kept |= {key: read if isinstance(read, str) else _read_again(read) for key, read in kept.items()}
    for picture in sources[MOST_PICTURES:]:
        picture.load = None
    return _gallery([(picture.name, kept[picture.key]) for picture in wanted], len(sources) - len(wanted))


def _gallery(read: Sequence[tuple[str, GalleryPicture | str]], left_out: int) -> GalleryResult:
    pictures: dict[str, GalleryPicture] = {}
    unread, doubles = [], []
    for name, picture in read:
        if isinstance(picture, str):
            unread.append((name, picture))
        elif picture.digest in pictures:
            doubles.append(name)
        else:
            pictures[picture.digest] = picture
    gallery = Gallery.of([picture.reading for picture in pictures.values()])
    return GalleryResult(tuple(pictures.values()), gallery, tuple(unread), tuple(doubles), left_out)


def _read(picture: Picture) -> GalleryPicture | str:
    """The results of a photo, or why it cannot be read."""
    try:
        image = picture.read()
    except ImageError as error:
        return str(error)
    found = read_visitor(image)
    reading = with_persons(image, found)
    return_free_memory()
    faces = tuple(encode_jpeg(framed_face(image, face, 2 * FACE_SIDE)) for face in reading.faces)
    small = encode_jpeg(shrink(image, _SMALL_SIDE)[0])
    return GalleryPicture(picture.name, picture.digest, found, reading, small, faces)


def _read_again(picture: GalleryPicture) -> GalleryPicture:
    """The results of a photo after a change of the persons, from its small pictures of faces."""
    readings, framed = [], []
    for face, before, content in zip(picture.found.faces, picture.reading.faces, picture.faces, strict=True):
        image = read_image(content)
        side = image.shape[0]
        alone = replace(face, face=replace(face.face, box=box_in_frame(side)))
        (known,) = with_persons(image, PictureReading(side, side, (alone,), 0.0, 0.0)).faces
        readings.append(replace(known, face=face.face))
        is_same = known.emotion is before.emotion
        framed.append(content if is_same else encode_jpeg(reframed_face(image, known.emotion)))
    return replace(picture, reading=replace(picture.found, faces=tuple(readings)), faces=tuple(framed))


def _store_files(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded photos in the session, until they are read."""
    before: dict[str, PictureSource] = {file.key: file for file in st.session_state.get(state.GALLERY_FILES, ())}
    st.session_state[state.GALLERY_FILES] = [
        before[file.file_id]
        if isinstance(file, DeletedFile)
        else PictureSource(file.file_id, file.name, partial(_loaded, file))
        for file in files
    ]
    if files:
        choose({state.GALLERY_RESULT: None})


def _store_folder(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store a folder in the order of the names; the browser sends it in its own order."""
    _store_files(files)
    st.session_state[state.GALLERY_FILES].sort(key=lambda file: file.name)


def _loaded(file: UploadedFile) -> Picture:
    return Picture.of(file.name, file.getvalue())


def _portraits() -> list[Sample]:
    """The samples without the group photo, which is composed of others."""
    return [sample for sample in samples() if sample.key != "four-people"]
