"""Labelled faces beside FER2013, most of them posed: the layout, the crops, and what each face shows.

A collection has pictures `<emotion>/<person>_<picture>.jpg` (or png). Further folders named by two emotions hold
mixtures, and `votes.csv` has the shares of raters. Pictures named `test_...` are for evaluation and left out here.
`COLLECTIONS` describes those that the project knows. They are for research, and none of their pictures is in this
project.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, Emotion
from emomusic.errors import DatasetError, ImageError
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.fer2013 import SIDE, LabelledFaces
from emomusic.faces.labels import emotions_in
from emomusic.media.formats import PICTURE_ENDINGS
from emomusic.media.images import Box, RgbImage, crop_face, read_image, to_network_input
from emomusic.metrics import SEVEN
from emomusic.training.labelled import Source

log = logging.getLogger(__name__)

HELD_OUT = 8
"""One in this number of persons of each collection judges the network and never trains it. In a large collection,
whose persons are unknown, it is one in twice this number of pictures."""

UNKNOWN = "x"
"""The person of pictures whose person is not known."""

VOTES = "votes.csv"

TEST = "test_"
"""How the names of pictures begin that no network learns from."""

_DARK = 12  # brightness up to 255; the black around faces that were cut out is darker
_VOTE_WEIGHT = np.float32(0.5)  # the share of the raters; the rest is the emotion that was asked for


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of labelled faces.

    Attributes:
        title: its name and authors.
        people: who they are, and where from.
        terms: what it may be used for.
        is_posed: whether people pulled the faces for the camera.
        face: the box of the face in each picture, where the detector shall not search.
        is_cut_out: whether the faces are cut out along their contour, on black.
        is_large: whether an epoch shows each picture only once.
    """

    title: str
    people: str
    terms: str
    is_posed: bool
    face: Box | None = None
    is_cut_out: bool = False
    is_large: bool = False


COLLECTIONS: Mapping[str, Collection] = msgspec.toml.decode(
    Path(__file__).with_name("collections.toml").read_bytes(), type=dict[str, Collection]
)
_Picture: TypeAlias = tuple[Path, str, tuple[Emotion, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class PosedFaces:
    """Crops of labelled faces.

    Attributes:
        images: shape (n, side, side), uint8, grey.
        shares: the shares of the emotions as training target, shape (n, 7), float32, rows summing to 1.
        labels: the emotion that was asked for, shape (n,), uint8. Of a mixture, the first one.
        is_mixture: shape (n,).
        collections: name of the collection, shape (n,).
        persons: `<collection>/<person>`, shape (n,). Of films, the first word of the title.
    """

    images: npt.NDArray[np.uint8]
    shares: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    is_mixture: npt.NDArray[np.bool_]
    collections: npt.NDArray[np.str_]
    persons: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: npt.NDArray[np.bool_]) -> PosedFaces:
        """The chosen faces; `chosen` has shape (n,)."""
        return PosedFaces(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @property
    def are_posed(self) -> npt.NDArray[np.bool_]:
        """Whether each face is of a collection of people who posed, shape (n,)."""
        return np.isin(self.collections, [name for name, collection in COLLECTIONS.items() if collection.is_posed])

    @property
    def are_large(self) -> npt.NDArray[np.bool_]:
        """Whether each face is of a large collection, shape (n,)."""
        return np.isin(self.collections, [name for name, collection in COLLECTIONS.items() if collection.is_large])

    def of(self, collection: str) -> PosedFaces:
        """The faces of one emotion in a collection."""
        return self.where((self.collections == collection) & ~self.is_mixture)

    def split(self) -> tuple[PosedFaces, PosedFaces]:
        """The faces to train with, and those of one emotion that are held out."""
        large = self.are_large
        held = large & (np.cumsum(large) % (2 * HELD_OUT) == HELD_OUT)  # whichever other collections there are
        for collection in np.unique(self.collections[~large]):
            persons = np.unique(self.persons[self.collections == collection])
            persons = persons[persons != f"{collection}/{UNKNOWN}"]
            held |= np.isin(self.persons, persons[HELD_OUT // 2 :: HELD_OUT])
        return self.where(~held), self.where(held & ~self.is_mixture)


def digest_of(splits: Iterable[LabelledFaces], posed: PosedFaces | None) -> str:
    """A checksum of training data."""
    sha = hashlib.sha256()
    if posed is not None:
        sha.update(posed.images.tobytes() + posed.shares.tobytes())
    for faces in splits:
        sha.update(faces.images.tobytes() + faces.labels.tobytes())
    return sha.hexdigest()


def read_posed_faces(
    folder: Path,
    detector: FaceDetector,
    on_progress: Callable[..., None] = lambda *_: None,
    *,
    side: int = SIDE,
) -> PosedFaces:
    """Read collections of upright pictures and cut their faces as the app does, in some minutes.

    Args:
        folder: a collection, or a folder of collections.
        detector: finds the faces; the largest one counts.
        on_progress: takes the number of pictures done, and of all.
        side: side of the crops in pixels, that of the network's input.

    Raises:
        DatasetError: the folder is absent, has no such pictures, or its votes are damaged.
    """
    pictures = _posed_pictures(folder)
    votes = {collection: _votes(path) for path, collection in {(p.parents[1], c) for p, c, _ in pictures}}
    rows: list[tuple[Any, ...]] = []
    for (path, collection, shown), crop in _crops(pictures, detector, on_progress):
        person, _, picture = path.stem.partition("_")
        shares = np.eye(len(EMOTIONS), dtype=np.float32)[[emotion.label for emotion in shown]].mean(axis=0)
        seen = votes[collection].get(picture)
        if seen is not None and shown[0] is not Emotion.NEUTRAL:  # raters had no box for neutral
            shares = (1 - _VOTE_WEIGHT) * shares + _VOTE_WEIGHT * seen
        is_cut_out = collection in COLLECTIONS and COLLECTIONS[collection].is_cut_out
        grey = to_network_input([surrounded(crop, len(rows), side) if is_cut_out else crop], side)[0, ..., 0]
        rows.append((grey, shares, shown[0].label, len(shown) > 1, collection, f"{collection}/{person}"))
    if not rows:
        raise DatasetError(f"expected pictures of faces in {folder}. Received: none with a face")
    kinds = (np.uint8, np.float32, np.uint8, np.bool_, np.str_, np.str_)
    columns: list[Any] = [np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    return PosedFaces(*columns)


def _crops(
    pictures: Sequence[_Picture], detector: FaceDetector, on_progress: Callable[..., None]
) -> Iterator[tuple[_Picture, RgbImage]]:
    """The pictures with a face and its crop, first those that the detector searches."""
    given = {name: collection.face for name, collection in COLLECTIONS.items() if collection.face is not None}
    searched = [picture for picture in pictures if picture[1] not in given]
    for index, _, _, crop in largest_faces([path for path, *_ in searched], detector, on_progress):
        yield searched[index], crop
    cut = [picture for picture in pictures if picture[1] in given]
    for index, image, _, _ in largest_faces([path for path, *_ in cut], None, on_progress):
        yield cut[index], crop_face(image, given[cut[index][1]])


def surrounded(crop: RgbImage, number: int, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """A grey copy of a face on black with other surroundings, so that no network learns from its contour.

    Half of the faces, by their number, are continued into the black, and a quarter stand on a grey; a quarter stay.
    `side`: of the network's input in pixels.
    """
    grey = to_network_input([crop], max(2 * SIDE, side))[0, ..., 0]
    is_dark = grey < _DARK
    _, areas = cv2.connectedComponents(is_dark.astype(np.uint8))
    outside = np.isin(areas, areas[[0, 0, -1, -1], [0, -1, 0, -1]]) & is_dark
    mask = cv2.dilate(outside.astype(np.uint8), np.ones((3, 3), np.uint8))
    if number % 4 < 2:
        return np.asarray(cv2.inpaint(grey, mask, 3, cv2.INPAINT_TELEA), np.uint8)
    tone = np.random.default_rng(number).integers(40, 220) if number % 4 == 2 else 0
    return np.where(mask > 0, np.uint8(tone), grey)


def _posed_pictures(folder: Path) -> list[_Picture]:
    """Path, collection and emotions of each picture, in a fixed order. Raises as `read_posed_faces`."""
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with a collection of faces. Received: {folder}")
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    collections = [folder] if any(emotions_in(path.name) for path in folders) else folders
    children = [
        (child, collection.name, emotions_in(child.name))
        for collection in collections
        for child in sorted(collection.iterdir() if collection.is_dir() else ())
        if child.is_dir()
    ]
    found = [
        (path, collection, shown)
        for child, collection, shown in children
        if len(shown) in (1, 2)
        for path in sorted(child.iterdir())
        if re.fullmatch(rf"(?!{TEST})[^._][^_]*_.+", path.stem) and path.suffix[1:].lower() in PICTURE_ENDINGS
    ]
    if not found:
        raise DatasetError(f"expected pictures named <emotion>/<person>_<picture>.jpg in {folder}. Received: none")
    return found


def largest_faces(
    paths: Sequence[Source], detector: FaceDetector | None, on_progress: Callable[..., None], *, turned: int = 0
) -> Iterator[tuple[int, RgbImage, Face | None, RgbImage]]:
    """Position, pixels, largest face and its crop for each picture with a face; all of the picture without detector.

    Args:
        paths: files of pictures.
        detector: finds the faces.
        on_progress: takes the number of pictures done, and of all.
        turned: degrees by which each picture is turned clockwise before it is read: 0, 90, 180 or 270.
    """
    for index, path in enumerate(paths):
        try:
            image = np.ascontiguousarray(np.rot90(read_image(path), -turned // 90))
            faces = [] if detector is None else detector.detect(image)
            if detector is None:
                yield index, image, None, image
            elif faces:
                face = max(faces, key=lambda face: face.box.width * face.box.height)
                yield index, image, face, face.crop(image)
        except ImageError as error:
            log.warning("Left out: %s", error)
        on_progress(index + 1, len(paths))


def _votes(collection: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Shares of the raters by picture, from `votes.csv` if there is one."""
    path = collection / VOTES
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, dtype={"picture": str}).set_index("picture").reindex(columns=SEVEN).fillna(0)
        shares = table.to_numpy(np.float32)
        totals = shares.sum(axis=1, keepdims=True)
        if not ((shares >= 0).all() and ((totals > 0) & (totals < np.inf)).all()):
            raise ValueError("votes that are not shares")
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"expected the columns picture and emotions with shares in {path}. Received: {error}"
        ) from error
    return dict(zip(table.index, shares / totals, strict=True))
