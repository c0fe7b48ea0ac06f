"""The photos that a visitor chose, in the memory of the session."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from emomusic.errors import ImageError
from emomusic.media.images import DecodedPicture, read_picture_file
from emomusic.server.capacity import HeldBytes

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
class PictureState:
    """The photos that were chosen last on any page.

    Attributes:
        own: the visitor's photos, also while a sample is shown. Of several, a small copy replaces each one after it
            was read.
        sample: the name of a sample in the URL; None without a known one. Each run of a page decides it once.
        named: the samples with this name.
        notes: sentences about files that are not among them.
        results: what the pages made of the photos, with their digest, by type.
        token: names this state to the browser's tab; "" without own photos.
    """

    own: tuple[Picture, ...] = ()
    sample: str | None = None
    named: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    results: dict[type[Any], tuple[str, Any]] = field(default_factory=dict)
    token: str = ""

    @property
    def held_thing(self) -> str:
        """What the session has of the visitor."""
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
        self.token = secrets.token_urlsafe(16) if own else ""
        if own:
            _STATES[self.token] = self


_STATES: WeakValueDictionary[str, PictureState] = WeakValueDictionary()


def take_back(token: str, into: PictureState) -> bool:
    """Take the photos of the session before this one, if it still lives. The browser's tab knows their token."""
    before = _STATES.get(token)
    if not into.own and before is not None and before.own:
        into.take(before.own, before.notes)
    return bool(into.own)
