"""The pictures and films of a batch: from folders, patterns, lists, archives and remote locations.

Finding them opens no picture. A path that cannot be found or listed becomes an item with a problem, and later a row.
"""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pyarrow import fs

from emomusic.batch.parts import STORAGE_ERRORS, file_system, is_uri, public_name, reason_of
from emomusic.errors import BatchError, ImageError
from emomusic.media import guarded
from emomusic.media.archives import ARCHIVE_ENDINGS, Archive, max_bytes
from emomusic.media.formats import FILM_ENDINGS, has_ending
from emomusic.media.guarded import FolderWalk, is_left_out

log = logging.getLogger(__name__)

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Item:
    """A picture or film of a batch.

    Attributes:
        name: unique in the batch, valid UTF-8.
        path: absolute path, or path in the file system of `uri`.
        uri: the remote source, perhaps with credentials; empty for a local file.
        member: position and size in the archive at `path`; None outside archives.
        is_film: whether the name is that of a film.
        problem: why it cannot be read; None if that is unknown.
    """

    name: str
    path: str
    uri: str = field(default="", repr=False)
    member: tuple[int, int] | None = None
    is_film: bool = False
    problem: str | None = None


def find_items(sources: Sequence[str], stdin: BinaryIO | None = None) -> list[Item]:
    """The pictures and films of all sources, in a stable order, each once.

    Args:
        sources: files, folders, patterns, archives or URIs; "-" means the names in `stdin`.
        stdin: names, one in each line or separated by null bytes.

    Raises:
        BatchError: a source is empty, or the sources have no picture or film.
    """
    items = _distinct(item for source in sources for item in _items_of(source, stdin))
    if not items:
        raise BatchError(
            f"expected folders, archives or files with pictures or films. Received: {', '.join(sources)[:200]}, "
            "which have none. Check the names"
        )
    return items


def _items_of(source: str, stdin: BinaryIO | None) -> Iterator[Item]:
    if not source:
        raise BatchError("expected the names of pictures, folders or archives. Received: ''")
    if source == _STDIN and stdin is not None:
        text = stdin.read()
        for line in filter(None, text.split(b"\0") if b"\0" in text else text.splitlines()):
            name = os.fsdecode(line)
            yield from _remote(name) if is_uri(name) else _local(name, is_pattern=False)
    else:
        yield from _remote(source) if is_uri(source) else _local(source)


def _distinct(items: Iterable[Item]) -> list[Item]:
    """The items without repetitions. Other items of the same name get a number."""
    found: dict[str, Item] = {}
    places: set[tuple[str, str, tuple[int, int] | None]] = set()
    numbers: dict[str, int] = {}
    for item in items:
        place = (item.uri, item.path, item.member)
        if place in places:
            continue
        places.add(place)
        name = item.name
        while name in found:
            numbers[item.name] = numbers.get(item.name, 1) + 1
            name = f"{item.name} ({numbers[item.name]})"
        found[name] = item if name == item.name else replace(item, name=name)
    return list(found.values())


# Names


def _item(name: str, path: str, **values: Any) -> Item:
    """An item. Its name shows bytes outside UTF-8 as escapes."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return Item(text, path, is_film=has_ending(name, FILM_ENDINGS), **values)


# Local files


def _local(source: str, *, is_pattern: bool = True) -> Iterator[Item]:
    """The items of a file, folder, archive or pattern. A file of this name goes before a pattern."""
    path = Path(source)
    if os.path.isdir(source):  # noqa: PTH112  Path.is_dir raises for a name that is too long
        yield from _folder(path)
    elif not os.path.lexists(source) and is_pattern and any(sign in source for sign in "*?["):
        matches = sorted(map(Path, glob.glob(source, recursive=True)))  # noqa: PTH207  it also takes absolute patterns
        if not matches:
            yield _item(source, source, problem="No file has a name of this pattern. Check the pattern.")
        above = os.path.dirname(re.split(r"[*?[]", source, maxsplit=1)[0])  # noqa: PTH120  it leaves "a/" as "a"
        for match in matches:
            if any(map(is_left_out, match.relative_to(above).parts)):
                continue
            if match.is_dir():
                yield from _folder(match)
            elif max_bytes(match.name) is not None or match.name.lower().endswith(ARCHIVE_ENDINGS):
                yield from _file(str(match), str(match.absolute()))
    else:
        yield from _file(str(path), str(path.absolute()))


def _folder(folder: Path) -> Iterator[Item]:
    """The pictures and films in a folder and its subfolders."""
    walk = FolderWalk([folder], lambda path: max_bytes(os.path.basename(path)) is not None)  # noqa: PTH119
    for entry in walk:
        yield _item(entry.path, str(Path(entry.path).absolute()))
    for path, reason in walk.problems.items():
        yield _item(path, path, problem=f"This folder cannot be read: {reason}. Check its permissions.")
    if walk.others_left_out:
        log.warning("%s: %s", folder, walk.others_left_out)


def _file(name: str, path: str, uri: str = "") -> Iterator[Item]:
    """A file; of an archive its pictures and films, and the archive itself if it cannot be read to its end."""
    if not path.lower().endswith(ARCHIVE_ENDINGS):
        yield _item(name, path, uri=uri)
        return
    try:
        with open_file(path, uri) as file:
            for member, place, problem in Archive(file, path).members():
                yield _item(f"{name}/{member}", path, uri=uri, member=place, problem=problem)
    except ImageError as error:
        yield _item(name, path, uri=uri, problem=str(error))


# Remote files


def _remote(uri: str) -> Iterator[Item]:
    """The items of a file, folder or archive at a URI."""
    try:
        system, path = file_system(uri)
        if system.type_name == "local":
            yield from _local(path, is_pattern=False)
            return
        info = system.get_file_info(path)
        if info.type == fs.FileType.Directory:
            below = system.get_file_info(fs.FileSelector(path, recursive=True))
            paths = sorted(info.path for info in below if info.type == fs.FileType.File)
            wanted = [file for file in paths if max_bytes(file.removeprefix(path)) is not None]
            yield from (_item(public_name(uri, file), file, uri=uri) for file in wanted)
            return
    except (BatchError, *STORAGE_ERRORS) as error:
        problem = f"This location cannot be read: {reason_of(error)}."
        yield _item(public_name(uri), uri, uri=uri, problem=problem)
        return
    yield from _file(public_name(uri, path), path, uri)


# Opening


def open_file(path: str, uri: str) -> BinaryIO:
    """A file for reading, with `seek`. Raise an `ImageError` if it is absent, cannot be read, or is not a file."""
    if not uri:
        return guarded.open_file(path, ImageError, "a picture or film", "")
    try:
        remote: BinaryIO = file_system(uri)[0].open_input_file(path)
        return remote
    except FileNotFoundError:
        raise ImageError("This file was not found. Check the name.") from None
    except (BatchError, *STORAGE_ERRORS) as error:
        raise ImageError(f"This file cannot be read: {reason_of(error)}. Check its permissions.") from error


@lru_cache(maxsize=1)
def opened_archive(path: str, uri: str) -> Archive:
    """An archive, which stays open, because a compressed TAR is read from its start. Raises as `open_item`."""
    return Archive(open_file(path, uri), path)


def open_item(item: Item) -> BinaryIO:
    """The content of an item, with `seek`.

    Raises:
        ImageError: it is absent or damaged, or cannot be read.
    """
    if item.problem is not None:
        raise ImageError(item.problem)
    return opened_archive(item.path, item.uri).open(*item.member) if item.member else open_file(item.path, item.uri)
