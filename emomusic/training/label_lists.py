"""Labelled pictures whose labels are in lists, and tables that hold pictures, as the makers of data sets ship them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emomusic.errors import DatasetError
from emomusic.media.formats import PICTURE_ENDINGS, has_ending

Source: TypeAlias = Path | bytes
"""A picture of a data set: its path, or the bytes of its file."""

Label: TypeAlias = tuple[Source, str]
"""A picture with its label as written."""

TABLES = (".csv", ".parquet")
_NAMES = (
    *("subdirectory_filepath", "image", "filename", "file_name", "file", "path", "pth", "filepath", "img"),
    *("image_name", "image_path", "picture"),
)
_LABELS = ["expression", "label", "emotion", "class", "labels"]
_LIST_ENDINGS = ("txt", "csv", "npy")
_MAX_BYTES = 2**30  # of the pictures in a table
_LARGEST_LIST = 2**28
_STEM = re.compile(r"_aligned$|_exp$", re.IGNORECASE)

PIXEL_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Numbers in tables of pixels, as in `fer2013.csv`; that of CK+ adds contempt."""


def listed_pictures(folder: Path, pictures: list[Path], files: list[Path]) -> list[Label]:
    """Pictures with the labels of the lists in a folder: lines with a name and a label, tables, or `<name>_exp.npy`.

    Args:
        folder: of the data set.
        pictures: in it.
        files: in it, of any format.
    """
    known: dict[str, Path] = {}
    for path in pictures:
        place = path.relative_to(folder)
        for key in (place.as_posix(), path.name, _STEM.sub("", path.stem), "/".join(place.parts[-2:])):
            known.setdefault(key.lower(), path)
    found: dict[Path, str] = {}
    for file in files:
        if has_ending(file.name, _LIST_ENDINGS) and file.stat().st_size <= _LARGEST_LIST:
            for name, label in _rows_of(file):
                key = name.strip().replace("\\", "/").lower()
                for written in (key, key.rpartition("/")[2], Path(key).stem):
                    if written in known:
                        found.setdefault(known[written], label.strip())
                        break
    return list(found.items())


def _rows_of(file: Path) -> Iterator[tuple[str, str]]:
    """Names of pictures and their labels in a list; nothing for another file."""
    try:
        if file.suffix.lower() == ".npy":
            if file.stem.endswith("_exp"):
                yield _STEM.sub("", file.stem), str(np.load(file, allow_pickle=False))
            return
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return
    if file.suffix.lower() == ".csv":
        rows = csv.DictReader(io.StringIO(text))
        columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
        name, label = (next((columns[each] for each in usual if each in columns), None) for usual in (_NAMES, _LABELS))
        if name is not None and label is not None:
            yield from ((row[name] or "", row[label] or "") for row in rows)
        return
    for line in text.splitlines():
        words = line.replace(",", " ").replace("\t", " ").split()
        if len(words) == 2 and has_ending(words[0], PICTURE_ENDINGS):
            yield words[0], words[1]


def pictures_in_table(table: Path) -> list[Label]:
    """The pictures in a CSV of pixels, or in a Parquet file of the bytes of picture files, with their labels.

    Raises:
        DatasetError: it cannot be read, or has no such columns.
    """
    read: Callable[[Path], Iterator[Label]] = _pixels if table.suffix.lower() == ".csv" else _parquet
    found, num_bytes = list[Label](), 0
    for picture, label in read(table):
        found.append((picture, label))
        num_bytes += len(picture) if isinstance(picture, bytes) else 0
        if num_bytes > _MAX_BYTES:
            raise DatasetError(f"expected at most 1 GB of pictures in {table.name}. Received: more. Use a part of it")
    return found


def _pixels(table: Path) -> Iterator[Label]:
    from emomusic.media.images import encode_png  # loads OpenCV, which other commands do not need

    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader((line.replace("\0", "") for line in file), skipinitialspace=True)
            if not {"emotion", "pixels"} <= set(rows.fieldnames or ()):
                raise DatasetError(
                    f"expected the columns emotion and pixels in {table.name}. Received: {rows.fieldnames}"
                )
            for row in rows:
                greys = np.array(row["pixels"].split(), np.uint8)
                side = round(len(greys) ** 0.5)
                number = int(row["emotion"])
                label = PIXEL_ORDER[number] if 0 <= number < len(PIXEL_ORDER) else ""
                yield encode_png(np.repeat(greys.reshape(side, side, 1), 3, axis=2)), label
    except (OSError, ValueError, csv.Error, OverflowError, AttributeError, TypeError) as error:
        raise DatasetError(
            f"expected rows of emotion and pixels in {table.name}. Received: {str(error)[:80]}"
        ) from error


def _parquet(table: Path) -> Iterator[Label]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            columns = {name.lower(): name for name in file.schema_arrow.names}
            image = next(
                (columns[each] for each in ("image", "img", "img_bytes", "bytes", "picture") if each in columns), None
            )
            label = next((columns[each] for each in _LABELS if each in columns), None)
            if image is None or label is None:
                raise DatasetError(
                    f"expected the columns image and label in {table.name}. Received: {', '.join(columns)[:120]}"
                )
            words = _class_names(file.schema_arrow.metadata or {}, label)
            for batch in file.iter_batches(64, columns=[image, label]):
                for row in batch.to_pylist():
                    picture, shown = row[image], row[label]
                    content = picture.get("bytes") if isinstance(picture, dict) else picture
                    if isinstance(content, bytes):
                        is_named = isinstance(shown, int) and 0 <= shown < len(words)
                        yield content, words[shown] if is_named else str(shown)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"expected a Parquet file. Received: {table.name} ({str(error)[:80]})") from error


def _class_names(metadata: Mapping[bytes, bytes], label: str) -> list[str]:
    """The words for the numbers of a column, which the library `datasets` writes; empty without them."""
    try:
        features: Any = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (ValueError, KeyError, TypeError):
        return []
