"""Read the chosen photos: one path for one photo and for a hundred."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from emomusic.app.persons import persons_version, read_visitor, with_persons
from emomusic.app.picture_chooser import Picture, PictureState, digest_of, shown_pictures
from emomusic.app.state import page_state
from emomusic.compat import return_free_memory
from emomusic.errors import ImageError
from emomusic.faces.gallery import Gallery
from emomusic.faces.reading import PictureReading
from emomusic.marks.picture import ROOM_AROUND
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, read_image, shrink

_PREVIEW_SIDE = 1400  # pixels; Streamlit shrinks images wider than 1460 pixels on every run
_FACE_SIDE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A photo before its faces are found.

    Attributes:
        preview: JPEG in screen size.
        image: the photo; None once it was read.
    """

    name: str
    preview: bytes
    width: int
    height: int
    decode_ms: float
    image: RgbImage | None


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo that was read, with the images that the page shows.

    Attributes:
        look: without the image.
        found: the faces, read without profiles.
        reading: the faces, read with the profiles of the session's persons.
        faces: JPEG of each face.
    """

    look: Look
    found: PictureReading
    reading: PictureReading
    faces: tuple[bytes, ...]


@dataclass(eq=False)
class Photos:
    """The photos of the page, as far as they were read. It holds no file, so that each one goes after its reading.

    Attributes:
        digest: of all photos.
        chosen: the file names in their order, by the digest of the photo.
        read: a photo or why it cannot be read, by digest.
        persons_version: of the persons with whose profiles the faces were read.
    """

    digest: str
    chosen: dict[str, str]
    read: dict[str, Photo | Look | str] = field(default_factory=dict)
    persons_version: int = 0

    @property
    def is_read(self) -> bool:
        """Whether all photos were read."""
        return all(isinstance(self.read.get(digest), Photo | str) for digest in self.chosen)

    @property
    def photos(self) -> list[Photo]:
        """The photos that were read."""
        return [photo for digest in self.chosen if isinstance(photo := self.read.get(digest), Photo)]

    @property
    def one(self) -> Photo | None:
        """The photo, if only one was chosen."""
        return self.photos[0] if len(self.chosen) == 1 and self.photos else None

    @property
    def names(self) -> list[str]:
        """Their file names."""
        return [photo.look.name for photo in self.photos]

    @property
    def unread(self) -> list[tuple[str, str]]:
        """Name and reason of each file that cannot be read."""
        return [(name, why) for digest, name in self.chosen.items() if isinstance(why := self.read.get(digest), str)]

    @property
    def gallery(self) -> Gallery:
        """Their faces, numbered over all photos."""
        return Gallery.of([photo.reading for photo in self.photos])

    def look(self, digest: str) -> Look | None:
        """The look of a photo, which is kept until it is read; None if it cannot be read."""
        found = self.read.get(digest)
        if found is None:
            found = self.read[digest] = _look_at(digest)
        if isinstance(found, Photo):
            return found.look
        return None if isinstance(found, str) else found

    def finish(self, on_progress: Callable[[int], None]) -> None:
        """Read the photos that are not read yet; an interrupted run keeps its results.

        Args:
            on_progress: called with the number of photos that are read.

        Raises:
            EmomusicError: a model is missing or damaged.
        """
        for number, digest in enumerate(self.chosen):
            if not isinstance(self.read.get(digest), Photo | str):
                on_progress(number)
                look = self.look(digest)
                if look is not None:
                    self.read[digest] = _read(look)
                if len(self.chosen) > 1:
                    _let_go_of(digest, look)
        if self.persons_version != persons_version():
            again = {digest: _read_again(photo) for digest, photo in self.read.items() if isinstance(photo, Photo)}
            self.read |= again
            self.persons_version = persons_version()


def photos_of_page() -> Photos:
    """The chosen photos as they are kept in the session, read or not."""
    results, pictures = page_state(PictureState).results, shown_pictures()
    digest, photos = results.get(Photos, ("", None))
    if not isinstance(photos, Photos) or digest != digest_of(pictures):
        names = {picture.digest: picture.name for picture in pictures}
        photos = Photos(digest_of(pictures), names, persons_version=persons_version())
        results[Photos] = photos.digest, photos
    return photos


def _picture(digest: str) -> Picture:
    return next(picture for picture in shown_pictures() if picture.digest == digest)


def _look_at(digest: str) -> Look | str:
    picture, started = _picture(digest), time.perf_counter()
    try:
        image = picture.read()
    except ImageError as error:
        return str(error)
    decode_ms = 1000 * (time.perf_counter() - started)
    height, width = image.shape[:2]
    return Look(picture.name, encode_jpeg(shrink(image, _PREVIEW_SIDE)[0]), width, height, decode_ms, image)


def _read(look: Look) -> Photo:
    assert look.image is not None  # it is not read yet
    found = read_visitor(look.image)
    reading = with_persons(look.image, found)
    faces = tuple(
        encode_jpeg(shrink(crop_face(look.image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in found.faces
    )
    return_free_memory()
    return Photo(replace(look, image=None), found, reading, faces)


def _let_go_of(digest: str, look: Look | None) -> None:
    """Replace an own photo that was read by its copy in screen size."""
    mine, copy = page_state(PictureState), b"" if look is None else look.preview
    mine.own = tuple(replace(each, data=copy, held=None) if each.digest == digest else each for each in mine.own)


def _read_again(photo: Photo) -> Photo:
    """The photo after a change of the persons, from its copy in screen size."""
    image, found = read_image(photo.look.preview), photo.found
    height, width = image.shape[:2]
    boxes = (each.face.box.scaled(width / found.width).clipped(width, height) for each in found.faces)
    small = tuple(replace(each, face=replace(each.face, box=box)) for each, box in zip(found.faces, boxes, strict=True))
    known = with_persons(image, replace(found, faces=small)).faces
    faces = tuple(replace(each, face=face.face) for each, face in zip(known, found.faces, strict=True))
    return replace(photo, reading=replace(found, faces=faces))
