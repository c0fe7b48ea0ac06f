"""Pictures of a data set of faces with their emotions, from names of folders or files, from lists, and from tables."""

from __future__ import annotations

import filecmp
import io
import json
import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emomusic.affect import EMOTIONS, Emotion
from emomusic.errors import DatasetError
from emomusic.faces.fer2013 import majority
from emomusic.faces.labels import NAMING, emotions_in
from emomusic.media.encodings import as_utf8
from emomusic.media.formats import PICTURE_ENDINGS, has_ending
from emomusic.media.guarded import FolderWalk

log = logging.getLogger(__name__)

Source: TypeAlias = Path | bytes
"""A picture of a data set: its path, or the bytes of its file."""

Label: TypeAlias = tuple[Source, str]
"""A picture with its label as written."""

TABLES = (".csv", ".parquet")
_COLUMNS: dict[str, list[str]] = NAMING["columns"]
_VOTES = _COLUMNS["votes"]
_ROWS = 1000  # rows of pixels that are read at once
_TABLES_OF_NAMES = ("csv", "tsv", "json", "jsonl")
_LIST_ENDINGS = ("txt", "npy", *_TABLES_OF_NAMES)
_MAX_BYTES = 2**30  # the pictures in a table
_LARGEST_LIST = 2**28
_STEM = re.compile(r"_aligned$|_exp$|_emotion$", re.IGNORECASE)
_BARE = {2: ["image", "label"], 12: ["image", "box", *_VOTES]}
"""The columns of lists without a first row of names, by their number: the latter are those of FER+."""


def listed_pictures(folder: Path, pictures: list[Path], files: list[Path]) -> list[Label]:
    """Pictures with the labels of the lists in a folder: lines with a name and a label, tables, or `<name>_exp.npy`.

    Args:
        folder: the folder of the data set.
        pictures: the pictures in it.
        files: the files in it, of any format. A name that fits several pictures means the nearest one.
    """
    known: defaultdict[str, list[Path]] = defaultdict(list)
    for path in pictures:
        place = path.relative_to(folder)
        for key in {place.as_posix(), path.name, _STEM.sub("", path.stem), "/".join(place.parts[-2:])}:
            known[key.lower()].append(path)
    found: dict[Path, str] = {}
    unclear: set[str] = set()
    for file in files:
        if has_ending(file.name, _LIST_ENDINGS) and file.stat().st_size <= _LARGEST_LIST:
            for name, label in _rows_of(file):
                key = name.strip().replace("\\", "/").lower()
                written = (key, key.rpartition("/")[2], Path(key).stem)
                fits = _nearest(next((known[part] for part in written if part in known), []), file)
                if len(fits) > 1:
                    unclear.add(name)
                elif fits:
                    found.setdefault(fits[0], label.strip())
    if unclear:
        log.warning("Left out: names of lists that fit several pictures, such as %s: %d.", min(unclear), len(unclear))
    return list(found.items())


def _nearest(paths: list[Path], file: Path) -> list[Path]:
    """The paths that share most folders with a file; one of them if their files are copies."""
    shared = [len(os.path.commonpath((path, file))) for path in paths]
    nearest = [path for path, length in zip(paths, shared, strict=True) if length == max(shared)]
    return nearest[:1] if all(filecmp.cmp(nearest[0], path, shallow=False) for path in nearest[1:]) else nearest


def _rows_of(file: Path) -> Iterator[tuple[str, str]]:
    """Names of pictures and their labels in a list; nothing for another file."""
    try:
        if file.suffix.lower() == ".npy":
            if file.stem.endswith("_exp"):
                yield _STEM.sub("", file.stem), str(np.load(file, allow_pickle=False))
            return
        text = as_utf8(file.read_bytes())[0].decode(errors="replace")
        if has_ending(file.name, _TABLES_OF_NAMES):
            yield from _rows_of_table(text)
        elif file.stem.endswith("_emotion") and len(text.split()) == 1:  # the label of the last frame of a film of CK+
            yield _STEM.sub("", file.stem), f"{float(text):g}"
        else:
            rows = (re.sub("[,;\t]", " ", line).rsplit(maxsplit=1) for line in text.splitlines())
            yield from (
                (row[0], row[1]) for row in rows if len(row) == 2 and has_ending(row[0].strip(), PICTURE_ENDINGS)
            )
    except (OSError, ValueError, LookupError, TypeError):
        return


def _rows_of_table(text: str) -> Iterator[tuple[str, str]]:
    """Names of pictures and their labels, or what most people voted for; nothing without such columns."""
    import pandas as pd

    text = re.sub(r'\A"?sep=.*\n', "", text)  # Excel's first line
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    is_bare = has_ending(first.partition(separator)[0].strip('" '), PICTURE_ENDINGS)
    options: Any = {"keep_default_na": False, "on_bad_lines": "skip", "header": None if is_bare else 0}
    if first.lstrip().startswith(("{", "[")):
        rows = pd.DataFrame(_records(text)).astype(str)
    else:
        rows = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, **options)
    rows.columns = pd.Index(_BARE.get(rows.shape[1], rows.columns) if is_bare else rows.columns.str.strip().str.lower())
    if rows.columns.isin(_VOTES).sum() == len(_VOTES):
        votes = rows[_VOTES].apply(pd.to_numeric, errors="coerce").fillna(0).clip(0, 255)
        winners = majority(votes.to_numpy(np.uint8))
        rows["label"] = ["no majority" if winner < 0 else _VOTES[winner] for winner in winners]
    elif _columns(rows.columns, _COLUMNS["labels"]) is None:  # a column for each emotion
        classes = [name for name in rows.columns if emotions_in(str(name))]
        marked = rows[classes].apply(pd.to_numeric, errors="coerce") > 0
        rows["label"] = marked.idxmax(axis=1).where(marked.sum(axis=1) == 1, "not one of them")
    if (columns := _columns(rows.columns, _COLUMNS["names"], _COLUMNS["labels"])) is not None:
        yield from rows[columns].itertuples(index=False, name=None)


def _records(text: str) -> Any:
    """The records of a list in JSON or JSON Lines, or of COCO's, without pictures that have several of its labels."""
    try:
        content: Any = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(content, list):
        return content
    if has_ending(next(iter(content), ""), PICTURE_ENDINGS):
        return {"image": content.keys(), "label": content.values()}
    if not {"images", "annotations", "categories"} <= content.keys():  # a list inside, or a single record
        return next((value for value in content.values() if isinstance(value, list)), [content])
    names = {picture["id"]: picture["file_name"] for picture in content["images"]}
    words = {category["id"]: category["name"] for category in content["categories"]}
    labels = [(row["image_id"], row["category_id"]) for row in content["annotations"]]
    counts = Counter(picture for picture, _ in labels)
    return [{"image": names[one], "label": words[label]} for one, label in labels if counts[one] == 1]


def _columns(names: Iterable[str], *usual: Sequence[str]) -> list[str] | None:
    """For each kind of column, the likeliest of its usual names that a table has; None if a kind is absent."""
    known = {str(name).strip().lower(): name for name in names}
    found = [next((known[column] for column in kind if column in known), None) for kind in usual]
    return None if None in found else [name for name in found if name is not None]


def pictures_in_table(table: Path) -> list[Label]:
    """The pictures in a CSV of pixels, or in a Parquet file of the bytes of picture files, with their labels.

    Raises:
        DatasetError: it cannot be read, is too large, or has no such columns.
    """
    try:
        if table.stat().st_size > _MAX_BYTES:
            raise DatasetError(f"expected at most 1 GB of pictures in {table.name}. Received: more. Use a part of it")
        return list(_pixels(table) if table.suffix.lower() == ".csv" else _parquet(table))
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DatasetError(f"expected pictures with labels in {table.name}. Received: {str(error)[:80]}") from error


def _pixels(table: Path) -> Iterator[Label]:
    import pandas as pd

    from emomusic.media.images import encode_png  # loads OpenCV, which other commands do not need

    with pd.read_csv(table, dtype=str, skipinitialspace=True, encoding="utf-8-sig", chunksize=_ROWS) as parts:
        for rows in parts:
            if (columns := _columns(rows.columns, ["emotion"], ["pixels"])) is None:
                raise _without("emotion and pixels", table, rows.columns)
            for number, pixels in rows[columns].itertuples(index=False, name=None):
                greys = np.array(pixels.split(), np.uint8)
                side = round(len(greys) ** 0.5)
                picture = encode_png(np.repeat(greys.reshape(side, side, 1), 3, axis=2))
                yield picture, dict(enumerate(_COLUMNS["pixels"])).get(int(number), "")


def _parquet(table: Path) -> Iterator[Label]:
    import pandas as pd
    import pyarrow.parquet as pq

    schema = pq.read_schema(table)
    if (columns := _columns(schema.names, _COLUMNS["pictures"], _COLUMNS["labels"])) is None:
        raise _without("image and label", table, schema.names)
    words = _class_names(schema.metadata or {}, columns[1])
    for picture, shown in pd.read_parquet(table, columns=columns).itertuples(index=False, name=None):
        content = picture.get("bytes") if isinstance(picture, dict) else picture
        if isinstance(content, bytes):
            is_named = isinstance(shown, int) and 0 <= shown < len(words)
            yield content, words[shown] if is_named else str(shown)


def _without(expected: str, table: Path, columns: Iterable[str]) -> DatasetError:
    return DatasetError(
        f"expected the columns {expected} in {table.name}. Received: {', '.join(map(str, columns))[:120]}. "
        "Choose the folder of the pictures if this is their list"
    )


def _class_names(metadata: Mapping[bytes, bytes], label: str) -> list[str]:
    """The words for the numbers of a column, which the library `datasets` writes; empty without them."""
    try:
        features: Any = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (ValueError, KeyError, TypeError):
        return []


LABELS, NAMES = tuple(NAMING["numbers"]), tuple(NAMING["file_names"])
"""The data sets whose numbers name folders, and those whose file names tell the emotions."""


@dataclass(frozen=True, slots=True)
class LabelledPictures:
    """The pictures of a data set.

    Attributes:
        pictures: path, or bytes of the file, and emotion, in a fixed order.
        skipped: number of pictures of other classes, such as contempt, and of other names.
        persons: number of persons, if file names tell them; otherwise None.
    """

    pictures: list[tuple[Source, Emotion]]
    skipped: int = 0
    persons: int | None = None


def labelled_pictures(folder: Path, *, labels: str | None = None, names: str | None = None) -> LabelledPictures:
    """The labelled pictures in a folder or table.

    Args:
        folder: holds `<emotion>/` with any usual name of an emotion, `<number>/` with `labels`, pictures and lists of
            their labels, or the files with `names`; or a table (CSV, Parquet) with pictures.
        labels: the data set whose numbers name the folders or appear in the lists, of `LABELS`.
        names: the data set whose file names tell the emotions, of `NAMES`.

    Raises:
        DatasetError: the folder is absent, has no pictures of an emotion, cannot be read whole, or has numbers without
            `labels`.
    """
    if folder.is_file() and folder.suffix.lower() in TABLES:
        return _by_labels(pictures_in_table(folder), labels, folder)
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with a subfolder for each emotion. Received: {folder}")
    if names is not None:
        return _by_file_names(folder, names)
    found: list[tuple[Source, Emotion]] = []
    others: dict[str, int] = {}
    children = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for child in children:
        shown, paths = _shown_in(child.name, labels), _pictures_in(child)
        if len(shown) == 1:
            found += [(path, *shown) for path in paths]
        elif len(shown) != 2 and paths:  # a mixture, which neither of its emotions describes
            others[child.name] = len(paths)
    if not found:
        return _by_lists(folder, labels, children)
    if others:
        counts = ", ".join(f"{name} ({count})" for name, count in others.items())
        log.warning("Left out: pictures in folders that are named after none of the seven emotions: %s.", counts)
    return LabelledPictures(found, sum(others.values()))


def _by_lists(folder: Path, labels: str | None, children: list[Path]) -> LabelledPictures:
    """The pictures with the labels of lists in the folder."""
    files = [Path(entry.path) for entry in FolderWalk([folder], lambda _: True)]
    pictures = _pictures_in(folder)
    rows = listed_pictures(folder, pictures, files)
    if rows:
        return _by_labels(rows, labels, folder)
    inner = {path.parent for path in pictures if folder not in (path.parent, path.parent.parent)}
    parts = {path.parent.relative_to(folder).as_posix() for path in inner if _shown_in(path.name, "fer2013")}
    if parts:
        raise DatasetError(
            f"expected folders of emotions in {folder}. Received: emotions in {', '.join(sorted(parts))[:200]}. "
            "Choose one of them"
        )
    for names, pattern in NAMING["file_names"].items():
        if any(re.fullmatch(pattern, path.stem, re.IGNORECASE) for path in pictures):
            raise DatasetError(f"expected --names {names}, as files are named like those of {names.upper()}")
    tables = [file.name for file in files if file.suffix.lower() in TABLES]
    if tables and len(files) == len(tables):
        raise DatasetError(
            f"expected pictures in {folder}. Received: {', '.join(tables)[:200]}. Choose one, or give fer2013.csv "
            "to --fer2013, which counts the votes of FER+ too"
        )
    known, received = ", ".join(EMOTIONS), ", ".join(child.name for child in children)[:200]
    lists = ", ".join(sorted(file.name for file in {*files}.difference(pictures)))[:200]
    raise DatasetError(
        f"expected pictures in {folder}/<emotion>/, with folders named {known}. Received: none"
        + (f" in folders named {received}" if received else "")
        + (f", and no list of labels that is read in {lists}" if lists else "")
    )


def _by_labels(rows: Sequence[Label], labels: str | None, source: Path | str) -> LabelledPictures:
    """The pictures of rows whose labels are words or numbers."""
    shown = [(picture, _shown_in(label.removesuffix(".0"), labels)) for picture, label in rows]
    found = [(picture, *emotions) for picture, emotions in shown if len(emotions) == 1]
    if not found:
        received = ", ".join({row[1] for row in rows})[:80] or "none"
        raise DatasetError(f"expected labels of emotions in {source}. Received: {received}")
    return LabelledPictures(found, len(shown) - len(found))


def _shown_in(name: str, labels: str | None) -> tuple[Emotion, ...]:
    """As `emotions_in`, also of a folder named by a number of a data set."""
    if not name.isdecimal() or name != str(int(name)):  # folders of persons and films may be named 001
        return emotions_in(name)
    if labels is None:
        raise DatasetError(
            f"expected --labels {'|'.join(LABELS)}, because data sets number emotions in different orders. Received: "
            f"the number {name} without it"
        )
    order = NAMING["numbers"][labels]
    return emotions_in(order[int(name)]) if int(name) < len(order) else ()


def _by_file_names(folder: Path, names: str) -> LabelledPictures:
    pattern = re.compile(NAMING["file_names"][names], re.IGNORECASE)
    matches: dict[Source, Any] = {path: pattern.fullmatch(path.stem) for path in _pictures_in(folder)}
    rows = [(path, match["emotion"] if match else "") for path, match in matches.items()]
    found = _by_labels(rows, None, f"the names of {names.upper()} in {folder}")
    return replace(found, persons=len({matches[path]["person"].upper() for path, _ in found.pictures}))


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and below. Raise a `DatasetError` if a part cannot be read: the figures need all."""
    walk = FolderWalk([folder], lambda name: has_ending(name, PICTURE_ENDINGS))
    paths = [Path(entry.path) for entry in walk]
    for path, reason in walk.problems.items():
        raise DatasetError(f"expected a folder of pictures. Received: {path} ({reason})")
    return paths
