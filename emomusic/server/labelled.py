"""For whom the app works, on a visitor's own labelled pictures: a ZIP with a folder for each emotion."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np

from emomusic.affect import Emotion
from emomusic.errors import ImageError
from emomusic.faces.labels import emotions_in
from emomusic.media.archives import Archive
from emomusic.media.formats import PICTURE_ENDINGS, has_ending
from emomusic.media.images import MAX_BYTES, read_picture_file
from emomusic.metrics import MISSED
from emomusic.records import FaceBin
from emomusic.server.shared import read_for_visitor

MOST_PICTURES, MAX_ZIP_MB = 300, 60  # larger ones would go to a temporary file
"""Of one ZIP, which is read within minutes."""


@dataclass(frozen=True, slots=True)
class OwnFaces:
    """How often the app is right on a visitor's own pictures.

    Attributes:
        row: the accuracy; a picture without a face counts as wrong.
        missed: number of pictures in which no face was found, or that cannot be read.
        counts: number of pictures by emotion, from the smallest.
    """

    row: FaceBin
    missed: int
    counts: tuple[tuple[Emotion, int], ...]


def read_own_faces(file: BinaryIO, name: str) -> OwnFaces:
    """Read the largest face of each picture, one picture at a time.

    Raises:
        ImageError: the file is no ZIP, is damaged, or has no pictures in folders that are named after emotions.
    """
    archive = Archive(file, ".zip", mend=False)
    members = [
        (place, problem, shown[0])
        for member, place, problem in archive.members()
        if has_ending(member, PICTURE_ENDINGS) and len(shown := emotions_in(PurePosixPath(member).parent.name)) == 1
    ]
    if not members:
        raise ImageError("This ZIP has no pictures in folders named after emotions; name them happy, sad and so on.")
    members = sorted(members, key=lambda member: member[2].label)[:: -(-len(members) // MOST_PICTURES)]
    labels = np.array([emotion.label for *_, emotion in members])
    answers = np.array(
        [MISSED if problem or place[1] > MAX_BYTES else _answer(archive, place) for place, problem, _ in members]
    )
    row = FaceBin(f"your faces ({name})", len(labels), float((answers == labels).mean()))
    counts = sorted(Counter(emotion for *_, emotion in members).items(), key=lambda pair: pair[1])
    return OwnFaces(row, int((answers == MISSED).sum()), tuple(counts))


def _answer(archive: Archive, place: tuple[int, int]) -> int:
    """The label that the app gives the largest face of a picture, or `MISSED`."""
    try:
        with archive.open(*place) as opened:
            faces = read_for_visitor(read_picture_file(opened.read()), posed=False).faces
    except ImageError:
        return MISSED
    return faces.emotions[int(faces.box[:, 2:].prod(axis=1).argmax())].label if len(faces) else MISSED
