"""The FER2013 dataset, checked, with its duplicates between training and test.

FER2013 [1] has 35,887 grey pictures of 48x48 pixels with one of seven emotions, in three splits: Training 28,709,
PublicTest 3,589 and PrivateTest 3,589. This package calls them train, validation and test. The dataset is for research
use and is not part of this project. Download `fer2013.csv` from Kaggle.

[1] I. Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests", 2013.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError

log = logging.getLogger(__name__)

SIDE = 48
"""Side of a FER2013 picture in pixels."""


class Split(StrEnum):
    """The splits of the dataset."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


USAGE_TO_SPLIT: Mapping[str, Split] = {
    "Training": Split.TRAIN,
    "PublicTest": Split.VALIDATION,
    "PrivateTest": Split.TEST,
}
PUBLISHED_COUNTS: Mapping[Split, int] = {Split.TRAIN: 28_709, Split.VALIDATION: 3_589, Split.TEST: 3_589}
_COLUMNS = ("emotion", "pixels", "Usage")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """The pictures of one split.

    Attributes:
        images: shape (n, 48, 48), uint8, grey.
        labels: shape (n,), uint8, positions in `EMOTIONS`.
        in_training: shape (n,), bool; whether the train split, if it was read, has the same pixels. All true for the
            train split.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    in_training: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> LabelledFaces:
        """The first `count` pictures, for a quick run."""
        return LabelledFaces(self.images[:count], self.labels[:count], self.in_training[:count])


def read_fer2013(source: Path, only: Collection[Split] = tuple(Split)) -> dict[Split, LabelledFaces]:
    """Read splits of Kaggle's `fer2013.csv`, each in a few seconds.

    Raises:
        DatasetError: the file is absent or damaged, or has no picture of a split. The message names the line.
    """
    rows: dict[Split, list[tuple[int, npt.NDArray[np.uint8]]]] = {split: [] for split in only}
    for split, label, image in _csv_rows(source, only):
        rows[split].append((label, image))
    known = {image.tobytes() for _, image in rows.get(Split.TRAIN, ())}
    splits = {}
    for split, own in rows.items():
        if not own:
            usage = next(usage for usage, each in USAGE_TO_SPLIT.items() if each is split)
            raise DatasetError(
                f"expected pictures of the {split} split ({usage}) in {source}. Received: none. "
                "Use the complete fer2013.csv"
            )
        splits[split] = LabelledFaces(
            images=np.stack([image for _, image in own]),
            labels=np.array([label for label, _ in own], np.uint8),
            in_training=np.array([image.tobytes() in known for _, image in own], np.bool_),
        )
    counts = {split.value: len(faces) for split, faces in splits.items()}
    if counts != {split.value: PUBLISHED_COUNTS[split] for split in splits}:
        log.warning("FER2013 is incomplete (%s). Its figures are not comparable with published ones.", counts)
    return splits


def _csv_rows(source: Path, only: Collection[Split]) -> Iterator[tuple[Split, int, npt.NDArray[np.uint8]]]:
    """Split, label and pixels of the rows of some splits. The pixels of others are not parsed."""
    import csv

    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]  # Kaggle's second edition has " pixels"
            if missing := [name for name in _COLUMNS if name not in header]:
                raise DatasetError(
                    f"expected the columns {', '.join(_COLUMNS)} in {source.name}. "
                    f"Received: {repr(', '.join(header)[:120]) if header else 'an empty file'}, "
                    f"without {', '.join(missing)}"
                )
            emotion, pixels, usage = (header.index(name) for name in _COLUMNS)
            for row in filter(None, reader):
                try:
                    split, label = USAGE_TO_SPLIT[row[usage].strip()], _LABELS[row[emotion].strip()]
                    if split in only:
                        greys = bytes(map(_GREYS.__getitem__, row[pixels].split()))
                        yield split, label, np.frombuffer(greys, np.uint8).reshape(SIDE, SIDE)
                except (KeyError, IndexError, ValueError) as error:
                    raise DatasetError(
                        f"{source.name}, line {reader.line_num}: expected an emotion from 0 to 6, {SIDE * SIDE} pixels "
                        f"from 0 to 255 and a Usage of {', '.join(USAGE_TO_SPLIT)}. Received: {str(error)[:40]}"
                    ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{source.name}, after line {reader.line_num}: expected CSV text. Received: {error}"
        ) from error
    except OSError as error:
        raise DatasetError(f"expected to read {source}. Received: {error.strerror}") from error


_LABELS = {str(emotion.label): emotion.label for emotion in EMOTIONS}
_GREYS = {str(value): value for value in range(256)}  # faster and stricter than int(), which accepts "1_0"
