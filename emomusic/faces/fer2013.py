"""The FER2013 dataset, checked, with its duplicates between training and test.

FER2013 [1] has 35,887 grey pictures of 48x48 pixels with one of seven emotions, in three splits: Training 28,709,
PublicTest 3,589 and PrivateTest 3,589. This package calls them train, validation and test. The dataset is for research
use and is not part of this project. Download `fer2013.csv` from Kaggle.

[1] I. Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests", 2013.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

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


USAGE_TO_SPLIT: Mapping[str, Split] = MappingProxyType(
    {"Training": Split.TRAIN, "PublicTest": Split.VALIDATION, "PrivateTest": Split.TEST}
)
PUBLISHED_COUNTS: Mapping[Split, int] = MappingProxyType(
    {Split.TRAIN: 28_709, Split.VALIDATION: 3_589, Split.TEST: 3_589}
)
_COLUMNS = ("emotion", "pixels", "Usage")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """The pictures of one split.

    Attributes:
        images: shape (n, 48, 48), uint8, grey.
        labels: shape (n,), uint8, positions in `EMOTIONS`.
        in_training: shape (n,), bool; whether the train split has the same pixels. All true for the train split.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    in_training: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> LabelledFaces:
        """The first `count` pictures, for a quick run."""
        return LabelledFaces(self.images[:count], self.labels[:count], self.in_training[:count])


@dataclass(frozen=True, slots=True, eq=False)
class Fer2013:
    """The dataset. `splits` lacks a split without pictures."""

    splits: Mapping[Split, LabelledFaces]

    def split(self, split: Split) -> LabelledFaces:
        """One split.

        Raises:
            DatasetError: the source has no picture of this split.
        """
        if split not in self.splits:
            usage = next(u for u, s in USAGE_TO_SPLIT.items() if s is split)
            raise DatasetError(
                f"expected pictures of the {split} split ({usage}). Received: only {', '.join(self.splits) or 'none'}. "
                "Use the complete fer2013.csv"
            )
        return self.splits[split]


@dataclass(frozen=True, slots=True, eq=False)
class SplitPictures:
    """The pictures and labels of one split, as in `LabelledFaces`."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def read_split(source: Path, split: Split) -> SplitPictures:
    """Read one split of `fer2013.csv` in a few seconds.

    Raises:
        DatasetError: the file is damaged or has no picture of this split. The message names the line.
    """
    rows = list(_csv_rows(source, only=split))
    if not rows:
        raise DatasetError(f"expected pictures of the {split} split in {source.name}. Received: none")
    return SplitPictures(
        images=np.stack([image for _, _, image in rows]), labels=np.array([label for _, label, _ in rows], np.uint8)
    )


def read_fer2013(source: Path, *, needs: Collection[Split] = ()) -> Fer2013:
    """Read the dataset from Kaggle's `fer2013.csv`.

    Args:
        source: the CSV file.
        needs: required splits.

    Raises:
        DatasetError: the file is absent or damaged, or lacks a split of `needs`. The message names the line.
    """
    if not source.is_file():
        reason = "is not a file" if source.exists() else "does not exist"
        raise DatasetError(f"expected fer2013.csv. Received: {source}, which {reason}")
    dataset = _assemble(_csv_rows(source), source)
    for split in needs:
        dataset.split(split)
    counts = {split.value: len(faces) for split, faces in dataset.splits.items()}
    if counts != dict(PUBLISHED_COUNTS):
        log.warning("FER2013 is incomplete (%s). Its figures are not comparable with published ones.", counts)
    return dataset


Row = tuple[Split, int, npt.NDArray[np.uint8]]


def _csv_rows(source: Path, *, only: Split | None = None) -> Iterator[Row]:
    """The rows of the file or of one split. The pixels of other splits are not parsed."""
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
                    if only in (None, split):
                        yield split, label, _pixels(row[pixels])
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


def _pixels(text: str) -> npt.NDArray[np.uint8]:
    values = bytes(map(_GREYS.__getitem__, text.split()))
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)


def _assemble(rows: Iterable[Row], source: Path) -> Fer2013:
    images: dict[Split, list[npt.NDArray[np.uint8]]] = {split: [] for split in Split}
    labels: dict[Split, list[int]] = {split: [] for split in Split}
    for split, label, image in rows:
        images[split].append(image)
        labels[split].append(label)
    if not any(labels.values()):
        raise DatasetError(f"expected at least one picture in {source}. Received: none")
    known = {image.tobytes() for image in images[Split.TRAIN]}
    return Fer2013(
        {
            split: LabelledFaces(
                images=np.stack(images[split]),
                labels=np.array(labels[split], np.uint8),
                in_training=np.array([image.tobytes() in known for image in images[split]], np.bool_),
            )
            for split in Split
            if images[split]
        }
    )
