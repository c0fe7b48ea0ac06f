"""The gallery: choose many photos at once, and read each of them once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.address import choose, chosen
from emomusic.app.answer import Answer
from emomusic.app.example import show_example
from emomusic.app.persons import persons_version, read_visitor, with_persons
from emomusic.app.picture_chooser import MAX_MB, Picture, Sample, sample_picture, samples
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import page_state
from emomusic.app.uploads import hold, show_removal, show_uploader
from emomusic.compat import return_free_memory
from emomusic.errors import CapacityError, ImageError
from emomusic.faces.gallery import Gallery
from emomusic.faces.reading import PictureReading
from emomusic.marks.picture import box_in_frame, framed_face, reframed_face
from emomusic.media.images import PICTURE_ENDINGS, encode_jpeg, read_image, shrink
from emomusic.server.budget import HeldBytes

MOST_PICTURES = 100  # each takes about 200 KB of a session's memory
FACE_SIDE = 96
_SMALL_SIDE, _THUMBNAIL_SIDE = 960, 48
_SAMPLES = "samples"
_STYLE = """<style>
/* The room of the uploader, which the browser loads later */
.st-key-gallery-own { min-height: 6.25rem; align-content: start; }
.st-key-gallery-own > :last-child { min-width: min(100%, 20rem); flex-grow: 1; }  /* below in a menu, or on a phone */
.st-key-gallery-own [data-testid="stFileChipName"] + div { font-size: 13px; }
@media (max-width: 640px) { .st-key-gallery-own { min-height: 10rem; } }
</style>"""
_LOST = f"This photo exceeded the limit of {MOST_PICTURES} and is no longer in memory. Choose it again."


@dataclass(slots=True)
class PictureSource:
    """A chosen file, read or not."""

    key: str  # identifies the file without its bytes
    name: str
    load: Callable[[], Picture] | None  # None after reading, so that the bytes are released
    held: HeldBytes | None = None  # the bytes of the file in the budget of the server, until it is read
    problem: str | None = None  # why the file is not stored


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPicture:
    """The results of a photo that was read, without the photo itself."""

    name: str
    digest: str
    found: PictureReading  # without profiles
    reading: PictureReading  # with those of the session's persons
    small: bytes  # JPEG, at most 960 pixels on the longer side
    faces: tuple[bytes, ...]  # JPEG of each face, framed in the colour of its emotion
    thumbnails: tuple[str, ...]  # data URI of each face, for the table


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


@dataclass
class GalleryState:
    """The gallery of a session.

    Attributes:
        files: the visitor's photos.
        read: the results, or why a photo could not be read, by the key of its source.
        persons_version: of the persons with whose profiles the faces were read.
        chosen: the gallery and its chosen face: digest of the photo, and position of the face in it; "" for everyone.
        shown: what the page shows, for its files.
    """

    files: list[PictureSource] = field(default_factory=list)
    read: dict[str, GalleryPicture | str] = field(default_factory=dict)
    persons_version: int = 0
    chosen: tuple[str, str, int] = ("", "", 0)
    shown: tuple[GalleryResult, Answer] | None = None


def chosen_pictures() -> list[PictureSource]:
    """The chosen files or samples; an empty list before a choice."""
    gallery = page_state(GalleryState)
    if gallery.files:
        return gallery.files
    if chosen(state.GALLERY_RESULT) == _SAMPLES:
        return [PictureSource(sample.key, sample.path.name, partial(sample_picture, sample)) for sample in _portraits()]
    gallery.read.clear()  # delete faces that are no longer shown
    gallery.shown = None
    return []


def show_start() -> None:
    """Show the page before a choice: the samples, the upload and an example."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Show the samples",
            icon=":material/wall_art:",
            type="primary",
            on_click=choose,
            args=({state.GALLERY_RESULT: _SAMPLES},),
            key="gallery-samples",
        )
        st.caption(
            f"Or up to {MOST_PICTURES} portraits, or photos of people who agree. They are deleted when you leave.",
            width="content",
        )
        with st.popover("Privacy", type="tertiary", icon=":material/lock:"):
            st.markdown(
                "This server reads each photo in memory and then deletes it. A small copy, the faces and their figures "
                f"stay in memory until you choose other photos, or {WHEN_GONE}. Nothing is sent on. Everyone in your "
                "photos must agree to the analysis."
            )
    choose_pictures()
    if chosen_pictures():  # an upload arrived
        st.rerun()
    show_example("The samples or your photos replace this example. Each face appears in its quadrant.")


def choose_pictures() -> None:
    """Show the upload of photos or a folder, and a way to remove them."""
    st.html(_STYLE)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="gallery-own"):
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
    if page_state(GalleryState).files:
        show_removal(widget, "Remove photos", _store_files, "These photos stay until you choose others.")


def read_gallery(sources: Sequence[PictureSource], place: DeltaGenerator) -> GalleryResult:
    """Read the photos that are not read yet; an interrupted run keeps its results.

    Args:
        sources: the chosen photos.
        place: of the progress bar.

    Raises:
        EmomusicError: a model is missing or damaged.
    """
    gallery = page_state(GalleryState)
    kept, wanted = gallery.read, sources[:MOST_PICTURES]
    gallery.shown = None
    for gone in kept.keys() - {picture.key for picture in wanted}:
        del kept[gone]
    new = [picture for picture in wanted if picture.key not in kept]
    for number, picture in enumerate(new, 1):
        place.progress((number - 1) / len(new), f"Reading photo {number} of {len(new)}")
        kept[picture.key] = picture.problem or (_LOST if picture.load is None else _read(picture.load()))
        picture.load = picture.held = None
    if new:
        place.empty()
    if gallery.persons_version != persons_version():
        kept |= {key: read if isinstance(read, str) else _read_again(read) for key, read in kept.items()}
        gallery.persons_version = persons_version()
    for picture in sources[MOST_PICTURES:]:
        picture.load = picture.held = None
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
    return GalleryPicture(picture.name, picture.digest, found, reading, small, faces, _thumbnails(faces))


def _thumbnails(faces: Sequence[bytes]) -> tuple[str, ...]:
    """Small copies of pictures, as data URIs."""
    small = (encode_jpeg(shrink(read_image(face), _THUMBNAIL_SIDE)[0]) for face in faces)
    return tuple(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}" for content in small)


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
    return replace(
        picture,
        reading=replace(picture.found, faces=tuple(readings)),
        faces=tuple(framed),
        thumbnails=_thumbnails(framed),
    )


def _store_files(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded photos in the session, until they are read."""
    gallery = page_state(GalleryState)
    before = {file.key: file for file in gallery.files}
    gallery.files = [before[file.file_id] if isinstance(file, DeletedFile) else _source_of(file) for file in files]
    if files:
        choose({state.GALLERY_RESULT: None})


def _source_of(file: UploadedFile) -> PictureSource:
    try:
        return PictureSource(file.file_id, file.name, partial(_loaded, file), hold(file))
    except CapacityError as error:
        return PictureSource(file.file_id, file.name, None, problem=str(error))


def _store_folder(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store a folder in the order of the names; the browser sends it in its own order."""
    _store_files(files)
    page_state(GalleryState).files.sort(key=lambda file: file.name)


def _loaded(file: UploadedFile) -> Picture:
    return Picture.of(file.name, file.getvalue())


def _portraits() -> list[Sample]:
    """The samples without the group photo, which is composed of others."""
    return [sample for sample in samples() if sample.key != "four-people"]
