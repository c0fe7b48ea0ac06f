"""FER2013: read it, check it, and know which of its test images also stand in training.

35,887 grey pictures of 48x48 pixels with one of seven emotions [1], in three splits: Training 28,709, PublicTest 3,589
and PrivateTest 3,589. Here they are called train, validation and test. The dataset is for research use and is not
part of this project: get `fer2013.csv` from Kaggle.

[1] I. Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests", 2013.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.assets import DAMAGED_ARRAYS, cache_dir
from emomusic.errors import DatasetError

log = logging.getLogger(__name__)

SIDE = 48
"""Pixels along each side of a FER2013 picture."""


class Split(StrEnum):
    """The three parts of the dataset."""

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
_CACHE_VERSION = 2
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp"})


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """The pictures of one split.

    Attributes:
        images: shape (n, 48, 48), uint8, grey.
        labels: shape (n,), uint8, positions in `EMOTIONS`.
        in_training: shape (n,), bool; the same pixels also stand in the train split. All true for that split itself.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    in_training: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> LabelledFaces:
        """The first `count` pictures: a small part for a quick run."""
        return LabelledFaces(self.images[:count], self.labels[:count], self.in_training[:count])


@dataclass(frozen=True, slots=True, eq=False)
class Fer2013:
    """The whole dataset; a split with no picture in the source is absent from `splits`."""

    splits: Mapping[Split, LabelledFaces]

    def split(self, split: Split) -> LabelledFaces:
        """One part.

        Raises:
            DatasetError: the source holds no picture of that split.
        """
        if split not in self.splits:
            usage = next(u for u, s in USAGE_TO_SPLIT.items() if s is split)
            raise DatasetError(
                f"expected pictures of the {split} split ({usage}). Received: only {', '.join(self.splits) or 'none'}. "
                "Use the whole fer2013.csv"
            )
        return self.splits[split]

    @property
    def is_complete(self) -> bool:
        """Whether every split has as many pictures as published, so that figures can be compared."""
        return {split: len(faces) for split, faces in self.splits.items()} == dict(PUBLISHED_COUNTS)


@dataclass(frozen=True, slots=True, eq=False)
class SplitPictures:
    """The pictures of one split alone: `images` and `labels` as those of `LabelledFaces`."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def read_split(source: Path, split: Split) -> SplitPictures:
    """Read one split of `fer2013.csv` and leave the others aside: some seconds, and no copy is kept.

    Raises:
        DatasetError: what was expected, what was received, and in which row.
    """
    rows = list(_csv_rows(source, only=split))
    if not rows:
        raise DatasetError(f"expected pictures of the {split} split in {source.name}. Received: none")
    return SplitPictures(
        images=np.stack([image for _, _, image in rows]), labels=np.array([label for _, label, _ in rows], np.uint8)
    )


def read_fer2013(source: Path, *, cache: Path | None = None, needs: Collection[Split] = ()) -> Fer2013:
    """Read the dataset from Kaggle's `fer2013.csv` or from folders `train/<emotion>/…`, `test/<emotion>/…`.

    The first reading of a CSV writes a compact copy (78 MB) into `cache`; later ones take a second.

    Args:
        source: the CSV file, or the folder that holds `train` and `test`.
        cache: folder for compact copies; `assets.cache_dir()` unless given.
        needs: the splits that must be there.

    Raises:
        DatasetError: what was expected, what was received, and in which row or file; or a split of `needs` is absent.
    """
    if source.is_dir():
        dataset = _assemble(_folder_rows(source), source)
    elif source.is_file():
        dataset = _read_csv_cached(source, cache or cache_dir())
    else:
        raise DatasetError(
            "expected fer2013.csv, or a folder with train/ and test/. "
            f"Received: {source}, which is {'no file' if source.exists() else 'not there'}"
        )
    for split in needs:
        dataset.split(split)  # an error says enough: the warning below is for what goes on
    if not dataset.is_complete:
        counts = {split.value: len(faces) for split, faces in dataset.splits.items()}
        log.warning("This is not the whole of FER2013 (%s); its figures compare with no published one.", counts)
    return dataset


def _read_csv_cached(source: Path, cache: Path | None) -> Fer2013:
    if cache is None:
        log.warning("No compact copy kept (no home folder is known).")
        return _assemble(_csv_rows(source), source)
    stat = source.stat()
    edition = f"{stat.st_size}|{stat.st_mtime_ns}|{_CACHE_VERSION}"
    # One copy a file: that of an earlier edition is written over
    compact = cache / f"fer2013-{hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:16]}.npz"
    if compact.is_file():
        try:
            if (dataset := _load_compact(compact, edition)) is not None:
                return dataset
        except DAMAGED_ARRAYS as error:
            log.warning("Reading %s anew: its compact copy is damaged (%s).", source.name, error)
    dataset = _assemble(_csv_rows(source), source)
    _save_compact(dataset, compact, edition)
    return dataset


def _load_compact(path: Path, edition: str) -> Fer2013 | None:
    """The copy; None where it is one of another edition."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if str(arrays["edition"]) != edition:
            return None
        return Fer2013(
            {
                split: LabelledFaces(*(arrays[f"{split}_{part}"] for part in ("images", "labels", "in_training")))
                for split in Split
                if f"{split}_labels" in arrays
            }
        )


def _save_compact(dataset: Fer2013, path: Path, edition: str) -> None:
    """Write the copy under a temporary name, then move it; a disk that refuses costs time later, nothing else."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    arrays = {
        f"{split}_{part}": getattr(faces, part)
        for split, faces in dataset.splits.items()
        for part in ("images", "labels", "in_training")
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, edition=np.array(edition), **arrays)
        temporary.replace(path)
    except OSError as error:
        log.warning("No compact copy kept in %s (%s).", path.parent, error.strerror)
        with contextlib.suppress(OSError):  # what refused to be written may refuse this too
            temporary.unlink()


Row = tuple[Split, int, npt.NDArray[np.uint8]]


def _csv_rows(source: Path, *, only: Split | None = None) -> Iterator[Row]:
    """The rows of the file, or those of one split: the pixels of the others are not looked at."""
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
            for row in reader:
                if not row:
                    continue
                try:
                    if only is None or _usage(row[usage]) is only:
                        yield _usage(row[usage]), _label(row[emotion]), _pixels(row[pixels])
                except (ValueError, IndexError) as error:
                    reason = "it has too few columns" if isinstance(error, IndexError) else error
                    raise DatasetError(f"{source.name}, line {reader.line_num}: {reason}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{source.name}, after line {reader.line_num}: expected CSV text. Received: {error}"
        ) from error
    except OSError as error:
        raise DatasetError(f"expected to read {source}. Received: {error.strerror}") from error


def _usage(text: str) -> Split:
    if text.strip() not in USAGE_TO_SPLIT:
        raise ValueError(f"expected a Usage of {', '.join(USAGE_TO_SPLIT)}. Received: {text[:40]!r}")
    return USAGE_TO_SPLIT[text.strip()]


def _label(text: str) -> int:
    if text.strip() not in {str(emotion.label) for emotion in EMOTIONS}:
        raise ValueError(f"expected an emotion from 0 to {len(EMOTIONS) - 1}. Received: {text[:40]!r}")
    return int(text)


_GREYS = {str(value): value for value in range(256)}  # stricter than int(), which takes "1_0", and faster


def _pixels(text: str) -> npt.NDArray[np.uint8]:
    try:
        values = bytes(map(_GREYS.__getitem__, text.split()))
    except KeyError as error:
        wrong = error.args[0][:40]
        raise ValueError(f"expected pixels from 0 to 255, separated by spaces. Received: {wrong!r}") from error
    if len(values) != SIDE * SIDE:
        raise ValueError(f"expected {SIDE * SIDE} pixels. Received: {len(values)}")
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)


def _folder_rows(source: Path) -> Iterator[Row]:
    import cv2

    folders = {"train": Split.TRAIN, "validation": Split.VALIDATION, "val": Split.VALIDATION, "test": Split.TEST}
    found = [(source / name, split) for name, split in folders.items() if (source / name).is_dir()]
    if not found:
        raise DatasetError(f"expected the folders train/ and test/ in {source}. Received: neither")
    for folder, split in found:
        known = {emotion.value: emotion.label for emotion in EMOTIONS}
        for child in sorted(folder.iterdir()):
            if not child.is_dir():
                continue
            if child.name.lower() not in known:
                raise DatasetError(f"expected folders named {', '.join(known)}. Received: {folder.name}/{child.name}")
            for path in sorted(p for p in child.iterdir() if p.suffix.lower() in _PICTURES):
                content = path.read_bytes() if path.is_file() else b""
                try:
                    image = cv2.imdecode(np.frombuffer(content or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
                except cv2.error:  # a header that promises more pixels than OpenCV allows
                    image = None
                if image is None or image.shape != (SIDE, SIDE):
                    received = "no readable picture" if image is None else f"{image.shape[1]}x{image.shape[0]}"
                    raise DatasetError(f"expected pictures of {SIDE}x{SIDE} pixels. Received: {received} in {path}")
                # Kaggle's folder edition puts PublicTest and PrivateTest together in test/ and tells them apart by name
                prefix = path.name.split("_")[0]
                yield USAGE_TO_SPLIT.get(prefix, split), known[child.name.lower()], image.astype(np.uint8)


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
