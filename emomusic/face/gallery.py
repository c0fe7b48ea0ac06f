"""Many pictures at once: their faces numbered through, hung by the quadrant they lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emomusic.affect import EmotionProbabilities, Quadrant, group_probabilities
from emomusic.face.reading import FaceReading, PictureReading


@dataclass(frozen=True, slots=True)
class GalleryFace:
    """A face on the wall.

    Attributes:
        number: from 1, through all pictures in their order, in each from left to right.
        picture: position of its picture among `Gallery.pictures`.
        place: its position among the faces of that picture.
        reading: what it shows.
    """

    number: int
    picture: int
    place: int
    reading: FaceReading


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures that were read, side by side.

    Attributes:
        pictures: the reading of each.
        faces: of all pictures, by their number.
    """

    pictures: tuple[PictureReading, ...]
    faces: tuple[GalleryFace, ...]

    @classmethod
    def of(cls, pictures: Sequence[PictureReading]) -> Gallery:
        """Hang the faces of these pictures."""
        places = [(picture, place) for picture, read in enumerate(pictures) for place in range(len(read.faces))]
        faces = (
            GalleryFace(number, picture, place, pictures[picture].faces[place])
            for number, (picture, place) in enumerate(places, 1)
        )
        return cls(tuple(pictures), tuple(faces))

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over all faces, each counting alike; None where there is none."""
        return group_probabilities([face.reading.probabilities for face in self.faces])

    def first_number(self, picture: int) -> int:
        """The number that the first face of a picture has, or would have."""
        return 1 + sum(len(read.faces) for read in self.pictures[:picture])

    def by_quadrant(self) -> Mapping[Quadrant, tuple[GalleryFace, ...]]:
        """All quadrants in the order of `Quadrant`, each with its faces: those farthest from the middle first."""
        hung: dict[Quadrant, list[GalleryFace]] = {quadrant: [] for quadrant in Quadrant}
        for face in self.faces:
            hung[face.reading.quadrant].append(face)
        return {quadrant: tuple(sorted(faces, key=_how_far, reverse=True)) for quadrant, faces in hung.items()}


def _how_far(face: GalleryFace) -> float:
    point = face.reading.point
    return point.valence**2 + point.arousal**2
