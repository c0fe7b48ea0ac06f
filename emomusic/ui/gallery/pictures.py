"""The gallery: choosing many pictures at once, and reading each of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.compat import release_upload, return_free_memory
from emomusic.errors import ImageError
from emomusic.face.gallery import Gallery
from emomusic.face.images import PICTURE_ENDINGS, encode_jpeg, shrink
from emomusic.face.reading import PictureReading, read_faces
from emomusic.plots.picture import framed_face
from emomusic.ui.core import state
from emomusic.ui.core.address import remembered, write
from emomusic.ui.core.engine import engine
from emomusic.ui.core.picture_chooser import MOST_MB, THUMBNAIL, Picture, Sample, sample_picture, samples, thumbnail
from emomusic.ui.core.tiles import show_sharp
from emomusic.ui.core.uploads import show_lost_uploads

MOST_PICTURES = 100  # what is kept of one takes some 200 KB of a session's memory
FACE_SIDE = 96
_SMALL_SIDE = 960
_SAMPLES = "samples"
_GONE = "It was one too many before, and is not in memory any more; choose it again."


@dataclass(slots=True)
class PictureSource:
    """A file that was chosen and is perhaps not read yet.

    Attributes:
        key: tells whether it was read already, without looking at its bytes.
        name: of the file.
        load: gives it with its bytes; None once it was read, so that nothing holds them any more.
    """

    key: str
    name: str
    load: Callable[[], Picture] | None


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPicture:
    """What is kept of a picture that was read; the picture itself is not.

    Attributes:
        name: of the file.
        digest: of its bytes.
        reading: its faces.
        small: JPEG of the picture, its longer side 960 pixels at most.
        faces: JPEG of each face, framed in the colour of its emotion.
    """

    name: str
    digest: str
    reading: PictureReading
    small: bytes
    faces: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GalleryResult:
    """All that was chosen and read.

    Attributes:
        hung: the pictures on the wall.
        wall: their faces.
        unread: name and reason of each file that could not be read.
        doubles: names of files that hold a picture that hangs already.
        left_out: how many pictures were too many.
    """

    pictures: tuple[GalleryPicture, ...]
    wall: Gallery
    unread: tuple[tuple[str, str], ...]
    doubles: tuple[str, ...]
    left_out: int

    @property
    def key(self) -> str:
        """Tells this wall from others."""
        return hashlib.sha256("".join(picture.digest for picture in self.pictures).encode()).hexdigest()[:16]

    @property
    def names(self) -> list[str]:
        """Of the pictures on the wall."""
        return [picture.name for picture in self.pictures]


def choose_pictures() -> list[PictureSource]:
    """Offer the upload of pictures or a folder, and the samples; returns what was chosen, nothing at first."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        source = st.segmented_control(
            "Many pictures",
            ["Pictures", "Folder"],
            default="Pictures",
            required=True,
            key=state.GALLERY_SOURCE,
            format_func=lambda name: f":material/{'photo_library' if name == 'Pictures' else 'folder'}: {name}",
            label_visibility="collapsed",
        )
        with st.container(width="stretch"):
            st.file_uploader(
                f"Drop pictures here, up to {MOST_PICTURES} of {MOST_MB} MB each",
                type=list(PICTURE_ENDINGS),
                accept_multiple_files="directory" if source == "Folder" else True,
                max_upload_size=MOST_MB,
                key=_uploader(source),
                on_change=_take,
                args=(_uploader(source),),
                label_visibility="collapsed",
            )
    listed: Sequence[UploadedFile | DeletedFile] = st.session_state.get(_uploader(source)) or ()
    if listed and state.GALLERY_FILES not in st.session_state:  # the browser's list outlived the session it was told to
        _take(_uploader(source))
    files: list[PictureSource] = st.session_state.get(state.GALLERY_FILES, [])
    show_lost_uploads(_uploader(source), known={file.key for file in files})
    if files:
        write(state.GALLERY_RESULT, None)
        if not listed:  # the uploader forgets when another page, or the other kind of it, is shown
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.button("Take the pictures down", icon=":material/delete:", on_click=_remove_all)
                st.caption("Those you chose before still hang. New ones take their place.", width="content")
        return files
    if _samples_chosen():
        return [PictureSource(sample.key, sample.path.name, partial(sample_picture, sample)) for sample in _portraits()]
    st.session_state.pop(state.GALLERY, None)  # faces of people that nobody looks at any more
    return []


def show_gallery_samples() -> None:
    """What the gallery shows before the first pictures: the samples, which one press hangs."""
    st.header("Or look at the samples first", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for sample in _portraits():
            show_sharp(thumbnail(sample.path), alt=f"Sample: {sample.title}", width=THUMBNAIL)
    st.button("Hang the samples", icon=":material/wall_art:", type="primary", on_click=_choose_samples)
    st.caption(
        "Every face gets a number and hangs in the quarter of the plane where its expression lies. Then there are "
        "songs for all of them, or for the one you choose, and a table to take away."
    )


def read_gallery(sources: Sequence[PictureSource]) -> GalleryResult:
    """Read the pictures that were not read yet, saying how far it is; a click meanwhile loses nothing of it.

    Raises:
        EmomusicError: a model is absent or damaged.
    """
    kept: dict[str, GalleryPicture | str] = st.session_state.setdefault(state.GALLERY, {})
    wanted = sources[:MOST_PICTURES]
    for gone in kept.keys() - {picture.key for picture in wanted}:
        del kept[gone]
    new = [picture for picture in wanted if picture.key not in kept]
    place = st.empty()  # also where nothing is new: what stands below keeps its place, and nothing of it is made anew
    if new:
        for number, picture in enumerate(new, 1):
            place.progress((number - 1) / len(new), f"Reading picture {number} of {len(new)}")
            kept[picture.key] = _GONE if picture.load is None else _read(picture.load())
            _release(picture)
        place.empty()
    for picture in sources[MOST_PICTURES:]:
        _release(picture)
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
    wall = Gallery.of([picture.reading for picture in pictures.values()])
    return GalleryResult(tuple(pictures.values()), wall, tuple(unread), tuple(doubles), left_out)


def _read(picture: Picture) -> GalleryPicture | str:
    """What is kept of a picture, or why it cannot be read."""
    try:
        image = picture.read()
    except ImageError as error:
        return str(error)
    reading = read_faces(image, *engine().networks())
    return_free_memory()
    faces = tuple(encode_jpeg(framed_face(image, face, 2 * FACE_SIDE)) for face in reading.faces)
    return GalleryPicture(picture.name, picture.digest, reading, encode_jpeg(shrink(image, _SMALL_SIDE)[0]), faces)


def _uploader(source: str) -> str:
    return f"{state.GALLERY_FILES}-{source}"


def _take(widget: str) -> None:
    """Keep what was uploaded, also while another page is looked at.

    Of a file that was read before, the server has nothing left but its number.
    """
    before: dict[str, PictureSource] = {file.key: file for file in st.session_state.get(state.GALLERY_FILES, ())}
    listed: Sequence[UploadedFile | DeletedFile] = st.session_state.get(widget) or ()
    files = []
    for file in listed:
        if file.file_id in before:
            files.append(before[file.file_id])
        elif not isinstance(file, DeletedFile):
            files.append(PictureSource(file.file_id, file.name, partial(_loaded, file)))
    if widget == _uploader("Folder"):  # whose order is the browser's
        files.sort(key=lambda file: file.name)
    st.session_state[state.GALLERY_FILES] = files


def _remove_all() -> None:
    for key in (state.GALLERY_FILES, state.GALLERY):
        st.session_state.pop(key, None)


def _release(picture: PictureSource) -> None:
    """Hold the bytes of a picture no longer, nor let Streamlit, which would as long as the session lasts."""
    picture.load = None
    release_upload(picture.key)


def _loaded(file: UploadedFile) -> Picture:
    return Picture.of(file.name, file.getvalue())


def _portraits() -> list[Sample]:
    """The samples but the group, which is put together from others."""
    return [sample for sample in samples() if sample.key != "four-people"]


def _samples_chosen() -> bool:
    """Whether the address asks for the samples, or did when the visitor left for the page that they come back from."""
    hang = remembered(state.GALLERY_RESULT) == _SAMPLES
    if hang:
        write(state.GALLERY_RESULT, _SAMPLES)
    return hang


def _choose_samples() -> None:
    address = {state.GALLERY_RESULT: _SAMPLES}
    # At once: the control of the songs would write it in a step of its own, and Back would undo that one alone
    if policy := st.session_state.get(state.POLICY):
        address[state.POLICY] = policy
    st.query_params.update(address)
