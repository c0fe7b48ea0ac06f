"""The photos that a visitor chose, kept in memory, and how they are read: one way for one and for many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from emomusic.compat import return_free_memory
from emomusic.errors import CapacityError, ImageError
from emomusic.faces.detection import Face
from emomusic.faces.identity import ROOM_AROUND, Descriptors, describe_crops, group_persons
from emomusic.faces.reading import PictureReading, load_networks
from emomusic.faces.table import NO_FACES, Faces, Integers
from emomusic.media.images import Box, DecodedPicture, encode_jpeg, read_image, read_picture_file, shrink
from emomusic.server.capacity import HeldBytes, capacity
from emomusic.server.kept import Kept
from emomusic.server.shared import read_for_visitor
from emomusic.server.visitor import session_id

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded photo: at most 20 MB, while 50 decoded megapixels take 150 MB.

    Attributes:
        name: the name of the file.
        data: its content.
        content: identifies the photo and whether it is posed.
        turns: quarter turns clockwise before it is shown and read.
        held: its bytes in the budget of the server.
        problem: why the server did not store it.
        is_posed: whether it comes from the page's camera, for which people pull faces.
    """

    name: str
    data: bytes
    content: str
    turns: int = 0
    held: HeldBytes | None = field(default=None, compare=False)
    problem: str = ""
    is_posed: bool = False

    @classmethod
    def of(cls, name: str, data: bytes, held: HeldBytes | None = None, *, is_posed: bool = False) -> Picture:
        """Make a picture from bytes."""
        content = hashlib.sha256(data).hexdigest()[:16] + ("p" if is_posed else "")
        return cls(name, data, content, held=held, is_posed=is_posed)

    @property
    def digest(self) -> str:
        """Identifies the photo, its turns and whether it is posed."""
        return f"{self.content}-{self.turns}" if self.turns else self.content

    def decode(self) -> DecodedPicture:
        """Decode the photo.

        Raises:
            ImageError: the photo cannot be decoded.
        """
        if self.problem:
            raise ImageError(self.problem)
        decoded = read_picture_file(self.data, self.name)
        image = decoded.pixels
        if self.turns:
            image = np.ascontiguousarray(np.rot90(image, -self.turns))
        return replace(decoded, pixels=image, is_upright=decoded.is_upright or self.is_posed)

    def turned(self) -> Picture:
        """The photo turned clockwise by 90 degrees."""
        return replace(self, turns=(self.turns + 1) % 4)


@dataclass
class PictureState(Kept):
    """The photos that were chosen last on any page.

    Attributes:
        own: the visitor's photos, also while a sample is shown. Of several, a small copy replaces each one after it
            was read.
        sample: the name of a sample in the URL; None without a known one. Each run of a page decides it once.
        named: the samples with this name.
        notes: sentences about files that are not among them.
        results: what the pages made of the photos, with their digest, by type.
    """

    own: tuple[Picture, ...] = ()
    sample: str | None = None
    named: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    results: dict[type[Any], tuple[str, Any]] = field(default_factory=dict)

    @property
    def held_thing(self) -> str:
        """The visitor's data in this session: "photo" or "photos"; empty without any."""
        return "photos"[: 5 + (len(self.own) > 1)] if self.own else ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The photos: the samples, or the visitor's."""
        return self.named or self.own

    @property
    def first(self) -> Picture | None:
        """The first photo; None before a choice."""
        return next(iter(self.pictures), None)

    @property
    def are_own(self) -> bool:
        """Whether these are the visitor's photos."""
        return bool(self.own) and not self.named

    @property
    def digest(self) -> str:
        """Identifies the photos: the digest of one, a digest of several."""
        if len(self.pictures) == 1:
            return self.pictures[0].digest
        return hashlib.sha256("".join(picture.digest for picture in self.pictures).encode()).hexdigest()[:16]

    def keep(self, digest: str, result: Result) -> Result:
        """Keep a result about photos, until the visitor chooses own photos or removes them."""
        self.results[type(result)] = (digest, result)
        return result

    def kept(self, kind: type[Result], digest: str) -> Result | None:
        """The result of a type about photos; None if it must be computed."""
        kept, result = self.results.get(kind, ("", None))
        return result if kept == digest else None

    def take(self, own: tuple[Picture, ...], notes: tuple[str, ...] = ()) -> None:
        """Replace the photos, and delete all that was computed from the last ones."""
        self.own, self.notes = own, notes
        self.results.clear()
        self.offer()

    def take_over(self, before: PictureState) -> None:
        """Take the photos of an ended session, and their readings if all were read: a run of it may still go on."""
        digest, read = before.results.get(Photos, ("", None))
        self.own, self.notes = before.own, before.notes
        if read is not None and read.is_read:
            self.results[Photos] = digest, read
        before.take(())

    def copy_from(self, before: PictureState) -> None:
        """Take the photos of an open page, which keeps them.

        Raises:
            CapacityError: there is no room for them.
        """
        copies = []
        for picture in before.own:
            held = None if picture.held is None else HeldBytes(capacity().memory, session_id(), picture.held.num_bytes)
            copies.append(replace(picture, held=held))
        self.take(tuple(copies), before.notes)


# The readings of photos

_PREVIEW_SIDE = 1400  # pixels; Streamlit shrinks images wider than 1460 pixels on every run
_SHEET_SIDE = 480  # pixels of a photo among several
_FACE_SIDE = 128
_NOTHING = PictureReading(1, 1, NO_FACES, 0, 0)


@dataclass(eq=False)
class Photo:
    """A photo with what the page shows of it. It holds no file."""

    name: str  # the name of the file
    problem: str = ""  # why it cannot be read
    decoded: DecodedPicture | None = None  # the photo, until it is read
    preview: bytes = b""  # JPEG in screen size
    small: bytes = b""  # JPEG for the contact sheet
    reading: PictureReading = _NOTHING  # the faces; none before the photo is read
    portraits: tuple[bytes, ...] = ()  # JPEG of each face
    note: str = ""  # what of its file was read, and how
    is_posed: bool = False  # as of its `Picture`
    num_marked: int = 0  # faces that the visitor framed, the last ones
    descriptors: Descriptors | None = None  # what the faces look like, until all photos are read
    held: HeldBytes | None = None  # the bytes of preview, small copy and faces

    @classmethod
    def of(cls, picture: Picture) -> Photo:
        """The photo before its faces are found."""
        try:
            decoded = picture.decode()
        except ImageError as error:
            return cls(picture.name, str(error))
        image = decoded.pixels
        preview, small = (encode_jpeg(shrink(image, side)[0]) for side in (_PREVIEW_SIDE, _SHEET_SIDE))
        unread = replace(_NOTHING, width=image.shape[1], height=image.shape[0])
        photo = cls(picture.name, "", decoded, preview, small, unread)
        photo.is_posed = picture.is_posed
        return photo

    def read(self, *, of_several: bool) -> None:
        """Find and read the faces. The faces `of_several` photos are compared with those of the others."""
        decoded = self.decoded
        if decoded is None:
            return
        self.reading = read_for_visitor(decoded, posed=self.is_posed)
        faces = [row.face for row in self.reading.faces]
        crops = [face.crop(decoded.pixels, ROOM_AROUND) for face in faces]
        self.portraits = tuple(encode_jpeg(shrink(crop, _FACE_SIDE)[0]) for crop in crops)
        turn = next((face.turn for face in faces), 0)
        read = [
            self.reading.note,
            f"Read after a turn of {turn} degrees." if turn else "",
            "Read as faces that people pull for a camera." if self.is_posed and faces else "",
        ]
        self.note = " ".join(filter(None, read))
        if of_several and crops:
            self.descriptors = describe_crops(crops)
        self.decoded = decoded = None
        return_free_memory()

    def mark(self, sides: Sequence[float]) -> None:
        """Add a face that the visitor framed, read from the copy in screen size.

        Args:
            sides: left, top, width and height of the frame, as shares of the photo's sides.

        Raises:
            CapacityError: there is no room for the portrait; the photo stays as it was.
        """
        image, found = read_image(self.preview), self.reading
        size = (found.width, found.height)
        left, top, width, height = np.round(np.clip(sides, 0, 1) * (size * 2)).astype(int).tolist()
        box = Box(min(left, size[0] - 1), min(top, size[1] - 1), max(width, 1), max(height, 1)).clipped(*size)
        face = Face(box.scaled(image.shape[1] / found.width).clipped(image.shape[1], image.shape[0]), 1.0)
        _, classifier = load_networks(posed=self.is_posed)
        shares = classifier.classify([face.crop(image)])
        row = Faces.of([Face(box, 1.0)], shares, threshold=classifier.threshold)
        portrait = encode_jpeg(shrink(face.crop(image, ROOM_AROUND), _FACE_SIDE)[0])
        if self.held is not None:
            self.held.grow(len(portrait))
        self.reading = replace(found, faces=Faces.of_pictures([Faces.joined([found.faces, row])]))
        self.portraits += (portrait,)
        self.num_marked += 1

    def take_place_of(self, picture: Picture) -> Picture:
        """The picture with the copy in screen size as its file, or with the reason why it cannot be read."""
        if picture.held is not None:
            picture.held.release()  # before its copies take their place
        self.hold()
        return replace(picture, data=self.preview, held=self.held, problem=self.problem)

    def hold(self) -> None:
        """Count the copies against the visitor's memory. Without room for them, the photo cannot be read."""
        if self.held is None and not self.problem:
            num_bytes = sum(map(len, (self.preview, self.small, *self.portraits)))
            try:
                self.held = HeldBytes(capacity().memory, session_id(), num_bytes)
            except CapacityError as error:
                self.problem, self.preview, self.small, self.portraits = str(error), b"", b"", ()


@dataclass(eq=False)
class Photos:
    """The photos of the page, as far as they were read. The session keeps them."""

    digest: str  # identifies all photos together
    by_digest: dict[str, Photo | None]  # by digest, in their order; None before it was decoded
    person: Integers | None = None  # the column of all faces, once several photos are read
    removed: set[int] = field(default_factory=set)  # numbers of detections that the visitor marked as no face
    is_marking: bool = False  # whether the visitor frames a face that was missed

    @property
    def is_read(self) -> bool:
        """Whether all photos were read."""
        return all(photo is not None and photo.decoded is None for photo in self.by_digest.values())

    @property
    def photos(self) -> list[Photo]:
        """The photos without a problem."""
        return [photo for photo in self.by_digest.values() if photo is not None and not photo.problem]

    @property
    def digests(self) -> list[str]:
        """The digests of `photos`."""
        return [digest for digest, photo in self.by_digest.items() if photo is not None and not photo.problem]

    @property
    def unread(self) -> list[tuple[str, str]]:
        """Name and reason of each file that cannot be read."""
        return [(photo.name, photo.problem) for photo in self.by_digest.values() if photo is not None and photo.problem]

    @property
    def faces(self) -> Faces:
        """The faces, numbered over all photos; without the removed ones, whose numbers stay free."""
        faces = Faces.of_pictures([photo.reading.faces for photo in self.photos])
        faces = faces if self.person is None else replace(faces, person=self.person)
        return faces[~np.isin(faces.number, [*self.removed])]

    def decoded(self, digest: str, shown: PictureState) -> Photo:
        """A shown photo, decoded if that was not done."""
        photo = self.by_digest[digest]
        if photo is None:
            photo = self.by_digest[digest] = Photo.of(next(one for one in shown.pictures if one.digest == digest))
        return photo

    def glance(self, shown: PictureState) -> Iterator[tuple[str, Photo]]:
        """The photos with their digests, one after another, also those that are not read yet."""
        pictures = {picture.digest: picture for picture in shown.pictures}
        for digest, photo in self.by_digest.items():
            seen = photo or Photo.of(pictures[digest])  # it is decoded again later: all at once would fill the memory
            if seen.problem:
                self.by_digest[digest] = seen
            else:
                yield digest, seen

    def finish(self, shown: PictureState, on_read: Callable[[str], None]) -> None:
        """Read the shown photos that are not read yet; an interrupted run keeps its results.

        Of several, a copy in screen size replaces each own photo that was read.

        Args:
            shown: the photos.
            on_read: gets the digest of each photo after it was read.

        Raises:
            EmomusicError: a model is missing or damaged.
        """
        of_several = len(self.by_digest) > 1
        for digest, before in self.by_digest.items():
            if before is None or before.decoded is not None:
                photo = self.decoded(digest, shown)
                photo.read(of_several=of_several)
                if of_several:
                    shown.own = tuple(photo.take_place_of(one) if one.digest == digest else one for one in shown.own)
                photo.hold()
                on_read(digest)
        described = [photo for photo in self.photos if photo.descriptors is not None]
        if described and self.person is None:
            rows = np.concatenate([photo.descriptors for photo in described if photo.descriptors is not None])
            owners = [number for number, photo in enumerate(described) for _ in photo.portraits]
            self.person = np.zeros(len(rows), np.int64)
            for number, group in enumerate(group_persons(rows, owners), 1):
                self.person[group] = number if len(group) > 1 else 0
            for photo in described:
                photo.descriptors = None
