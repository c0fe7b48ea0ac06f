"""Pictures of a data set of faces with their emotions, from the names of folders or of files."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emomusic.affect import EMOTIONS, Emotion
from emomusic.errors import DatasetError
from emomusic.media.folders import FolderWalk
from emomusic.media.formats import PICTURE_ENDINGS, has_ending
from emomusic.training.label_lists import TABLES, Label, Source, listed_pictures, pictures_in_table

log = logging.getLogger(__name__)

_NAMING = tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))
_EMOTIONS = {word: Emotion(name) for name, words in _NAMING["words"].items() for word in words.split()}

LABELS, NAMES = tuple(_NAMING["numbers"]), tuple(_NAMING["file_names"])
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
        labels: the data set whose numbers name the folders or stand in the lists, of `LABELS`.
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
    if rows := listed_pictures(folder, _pictures_in(folder), files):
        return _by_labels(rows, labels, folder)
    parts = [child.name for child in children if any(_shown_in(each.name, "fer2013") for each in _folders_in(child))]
    if parts:
        raise DatasetError(
            f"expected folders of emotions in {folder}. Received: emotions in {', '.join(parts)}. Choose one of them"
        )
    known, received = ", ".join(EMOTIONS), ", ".join(child.name for child in children)[:200]
    raise DatasetError(
        f"expected pictures in {folder}/<emotion>/, with folders named {known}. Received: none"
        + (f" in folders named {received}" if received else "")
    )


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _by_labels(rows: Sequence[Label], labels: str | None, source: Path) -> LabelledPictures:
    """The pictures of rows whose labels are words or numbers."""
    shown = [(picture, _shown_in(label.removesuffix(".0"), labels)) for picture, label in rows]
    found = [(picture, *emotions) for picture, emotions in shown if len(emotions) == 1]
    if not found:
        raise DatasetError(
            f"expected labels of emotions in {source}. Received: {', '.join({row[1] for row in rows})[:80]}"
        )
    return LabelledPictures(found, len(shown) - len(found))


def emotions_in(folder: str) -> tuple[Emotion, ...]:
    """The emotions that a folder is named after, each once: two for a mixture; empty for other names."""
    name = folder.lower().strip()
    words = re.split(r"[\W_]+", _NAMING["mixtures"].get(name, name))
    return tuple(dict.fromkeys(_EMOTIONS[word] for word in words if word in _EMOTIONS))


def _shown_in(name: str, labels: str | None) -> tuple[Emotion, ...]:
    """As `emotions_in`, also of a folder named by a number of a data set."""
    if not name.isdecimal():
        return emotions_in(name)
    if labels is None:
        raise DatasetError(
            f"expected --labels {'|'.join(LABELS)}, because data sets number emotions in different orders. Received: "
            f"the number {name} without it"
        )
    order = _NAMING["numbers"][labels]
    return emotions_in(order[int(name)]) if int(name) < len(order) else ()


def _by_file_names(folder: Path, names: str) -> LabelledPictures:
    found, persons, skipped = list[tuple[Source, Emotion]](), set(), 0
    for path in _pictures_in(folder):
        match = re.fullmatch(_NAMING["file_names"][names], path.stem, re.IGNORECASE)
        if match is not None and (emotion := _EMOTIONS.get(match["emotion"].lower())) is not None:
            found.append((path, emotion))
            persons.add(match["person"].upper())
        else:
            skipped += 1
    if not found:
        raise DatasetError(f"expected pictures with the names of {names.upper()} in {folder}. Received: none")
    return LabelledPictures(found, skipped, len(persons))


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and below. Raise a `DatasetError` if a part cannot be read: the figures need all."""
    walk = FolderWalk([folder], lambda name: has_ending(name, PICTURE_ENDINGS))
    paths = [Path(entry.path) for entry in walk]
    for path, reason in walk.problems.items():
        raise DatasetError(f"expected a folder of pictures. Received: {path} ({reason})")
    return paths
