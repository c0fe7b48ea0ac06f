"""The faces of several pictures, numbered over all of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from emomusic.affect import EmotionProbabilities, group_probabilities
from emomusic.faces.reading import FaceReading, PictureReading


@dataclass(frozen=True, slots=True)
class GalleryFace:
    """A face of a gallery.

    Attributes:
        picture: index of its picture in `Gallery.pictures`.
        place: index among the faces of that picture.
        reading: the face with its emotion, numbered over all pictures in their order, and from left to right in each.
    """

    picture: int
    place: int
    reading: FaceReading

    @property
    def number(self) -> int:
        """The number of the face."""
        return self.reading.number


@dataclass(frozen=True, slots=True)
class Gallery:
    """The readings of several pictures.

    Attributes:
        pictures: one reading per picture, with faces numbered over all pictures.
        faces: of all pictures, sorted by number.
    """

    pictures: tuple[PictureReading, ...]
    faces: tuple[GalleryFace, ...]

    @classmethod
    def of(cls, pictures: Sequence[PictureReading]) -> Gallery:
        """The gallery of these pictures."""
        number = itertools.count(1)
        numbered = tuple(
            replace(read, faces=tuple(replace(face, number=next(number)) for face in read.faces)) for read in pictures
        )
        faces = (
            GalleryFace(picture, place, face)
            for picture, read in enumerate(numbered)
            for place, face in enumerate(read.faces)
        )
        return cls(numbered, tuple(faces))

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over all faces with equal weights; None without faces."""
        return group_probabilities([face.reading.probabilities for face in self.faces])
