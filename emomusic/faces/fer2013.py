"""The FER2013 dataset, checked, with its duplicates between training and test, and the votes of ten people on it.

FER2013 [1] has 35,887 grey pictures of 48x48 pixels with one of seven emotions, in three splits: Training 28,709,
PublicTest 3,589 and PrivateTest 3,589. This package calls them train, validation and test. The dataset is for research
use and is not part of this project. Download `fer2013.csv` from Kaggle.

About a third of the labels do not match what people see. Networks learn from the votes of FER+ [2] on the Training
split. The votes on the other splits choose and evaluate models that shall see what people see. Every function that
needs the votes raises a `DatasetError` if their file is absent or damaged.

[1] I. Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests", 2013.
[2] E. Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label
distribution", ICMI 2016; github.com/microsoft/FERPlus, MIT.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.assets import data_dir
from emomusic.errors import DatasetError
from emomusic.faces.model_files import readable
from emomusic.metrics import SEVEN, IntArray, evaluate, in_classes, score

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
_CSV_COLUMNS = ("emotion", "pixels", "Usage")


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
            usage = next(usage for usage, its_split in USAGE_TO_SPLIT.items() if its_split is split)
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
            missing = [name for name in _CSV_COLUMNS if name not in header]
            if missing:
                raise DatasetError(
                    f"expected the columns {', '.join(_CSV_COLUMNS)} in {source.name}. "
                    f"Received: {repr(', '.join(header)[:120]) if header else 'an empty file'}, "
                    f"without {', '.join(missing)}"
                )
            emotion, pixels, usage = (header.index(name) for name in _CSV_COLUMNS)
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


VOTES = data_dir() / "ferplus" / "votes.npz"
"""Written by `scripts/build_votes.py` of commit 8f591e7, from two published tables that do not change."""

CONTEMPT = "contempt"
COLUMNS = (*SEVEN, CONTEMPT, "unknown", "no face")
"""What people could vote for, in the order of the file."""
NO_MAJORITY = -1


def checksums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """CRC-32 of the pixels of each picture, shape (n,)."""
    return np.array([zlib.crc32(image.tobytes()) for image in images], np.uint32)


def read_votes(split: Split) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """The checksums of the pictures of a split in their order, shape (n,), and the votes on them, shape (n, 10)."""
    with readable("the votes of FER+", VOTES, DatasetError):
        with VOTES.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            known, votes = arrays[f"{split}_pictures"], arrays[f"{split}_votes"]
        if votes.shape != (len(known), len(COLUMNS)):
            raise ValueError(f"{len(known)} pictures with votes of shape {votes.shape}")
    return known, votes


def votes_on(images: npt.NDArray[np.uint8], split: Split) -> npt.NDArray[np.uint8]:
    """The number of votes on each picture.

    Args:
        images: pictures of one split of FER2013, shape (n, 48, 48), uint8, in any order. Pictures with the same
            pixels get their own votes only in the original order.
        split: the split.

    Returns:
        Shape (n, 10), in the order of `COLUMNS`. Rows of unknown pictures are 0.
    """
    known, votes = read_votes(split)
    order = np.argsort(known, kind="stable")
    wanted = checksums(images)
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    in_order = np.arange(len(wanted)).clip(max=len(known) - 1)
    place = np.where(known[in_order] == wanted, in_order, place)
    found: npt.NDArray[np.uint8] = np.where((known[place] == wanted)[:, None], votes[place], np.uint8(0))
    return found


def vote_shares(images: npt.NDArray[np.uint8], split: Split = Split.TRAIN) -> npt.NDArray[np.float32]:
    """The share of votes for each emotion on the pictures of `votes_on`.

    Returns:
        Shape (n, 7), float32, in the order of `EMOTIONS`. Rows sum to 1, or to 0 for unknown pictures and pictures
        without a vote for one of the seven.
    """
    votes = votes_on(images, split)[:, : len(EMOTIONS)].astype(np.float32)
    shares: npt.NDArray[np.float32] = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return shares


def seen_emotions(faces: LabelledFaces, split: Split) -> npt.NDArray[np.uint8]:
    """The emotion with the most votes on each picture, or its label if no vote is for one of the seven."""
    shares = vote_shares(faces.images, split)
    return np.where(shares.any(axis=1), shares.argmax(axis=1), faces.labels).astype(np.uint8)


def majority(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The class that more than half of the people saw, as in Barsoum et al.

    Single votes count as errors and are dropped first. The paper's evaluation leaves out pictures without a majority
    and those whose majority is "unknown" or "no face".

    Args:
        votes: shape (n, 10), from `votes_on`.

    Returns:
        Shape (n,), positions in `COLUMNS` up to contempt, or `NO_MAJORITY`.
    """
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    most, winner = counted.max(axis=1), counted.argmax(axis=1)
    is_clear = (2 * most > counted.sum(axis=1)) & (winner <= COLUMNS.index(CONTEMPT))
    return np.where(is_clear, winner, NO_MAJORITY)


def evaluate_on_votes(
    images: npt.NDArray[np.uint8], split: Split, y_pred: IntArray, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Metrics against the majority of the votes, in eight classes as in Barsoum et al.

    Args:
        images: pictures of one split of FER2013, shape (n, 48, 48).
        split: the split.
        y_pred: shape (n,), positions in `classes`.
        classes: the seven emotions, or `metrics.FOUR`.

    Returns:
        The metrics as JSON over the model's classes and contempt, which no model here predicts, so that its pictures
        count as wrong (`contempt` is their number). `seven` (or `four`) has the metrics without them. None if no
        picture has a majority, as in a dataset without votes.
    """
    seen = majority(votes_on(images, split))
    is_emotion = (seen != NO_MAJORITY) & (seen < len(SEVEN))
    is_contempt = seen == COLUMNS.index(CONTEMPT)
    if not is_emotion.any():
        return None
    true, predicted = seen[is_emotion], y_pred[is_emotion]
    y_true = np.concatenate([in_classes(true, classes), np.full(is_contempt.sum(), len(classes))])
    with_contempt = score(y_true, np.concatenate([predicted, y_pred[is_contempt]]), (*classes, CONTEMPT))
    inner = evaluate(true, predicted, classes)
    return {
        **with_contempt.as_dict(),
        "four_class_accuracy": inner.in_four * inner.n / with_contempt.n,
        "contempt": int(is_contempt.sum()),
        "seven" if tuple(classes) == SEVEN else "four": inner.as_dict(),
    }
