"""The audio files in the folders of a library: found, moved, or on a disk that is not connected."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emomusic.media.folders import FolderWalk
from emomusic.media.formats import is_song_file
from emomusic.songs.analysis import fingerprint_of

Places = dict[str, tuple[int, int]]
"""Inode of each folder in which there were songs, and whether it was a mounted disk."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file in the library, with its size and time."""

    path: str
    number: int
    stamp: tuple[int, int]
    fingerprint: bytes | None


def signed(number: int) -> int:
    """A number of 64 bits, as SQLite stores it. Inodes and dates after 2262 can be larger."""
    return (number + 2**63) % 2**64 - 2**63


def contains(folder: str, path: str) -> bool:
    """Whether a path is this folder, or below it."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def is_below(folders: Collection[str]) -> Callable[[str], bool]:
    """Tells whether a path is one of these folders, or below one."""
    return lambda path: any(contains(folder, path) for folder in folders)


def walk_folders(
    folders: Mapping[str, int | None], places: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, tuple[int, int]], dict[str, str], int]:
    """Size and time of each audio file, the reason for each folder that cannot be read, and the number of other files.

    Args:
        folders: with their inodes. Those without inode are left out.
        places: below them, from `places_of`. A folder that is empty, and not the one with songs, is that of a disk that
            is not connected, as is one that is no mounted disk any more.
    """
    roots = {path: inode for path, inode in folders.items() if inode is not None}
    found = {path: stamp_of(Path(path).stat()) for path in roots if Path(path).is_file()}
    walk = FolderWalk([path for path in roots if path not in found], is_song_file, folders.keys() - roots.keys())
    for entry in walk:
        with contextlib.suppress(OSError):  # it is gone
            found[entry.path] = stamp_of(entry.stat())
    problems = {path: f"this folder cannot be read ({why}); its songs stay" for path, why in walk.problems.items()}
    for place, (inode, was_mount) in {**places, **{root: (inode, 0) for root, inode in roots.items()}}.items():
        if place not in found and place not in problems and _is_away(place, inode, was_mount=bool(was_mount)):
            problems[place] = "this folder is empty, perhaps a disk is not connected; its songs stay"
    return found, problems, walk.num_others


def _is_away(place: str, inode: int, *, was_mount: bool) -> bool:
    """Whether the disk of a folder is not connected."""
    if was_mount:
        return not os.path.ismount(place)
    with contextlib.suppress(OSError):
        return signed(Path(place).stat().st_ino) != inode and not any(Path(place).iterdir())
    return False


def places_of(found: Iterable[str], roots: Collection[str]) -> Places:
    """The folders with audio files, and those between them and the `roots`, without these."""
    folders: set[str] = set()
    for path in found:
        folder = str(Path(path).parent)
        while folder not in folders and folder not in roots and any(contains(root, folder) for root in roots):
            folders.add(folder)
            folder = str(Path(folder).parent)
    places = Places()
    for folder in folders:
        with contextlib.suppress(OSError):  # it is gone
            places[folder] = signed(Path(folder).stat().st_ino), int(os.path.ismount(folder))
    return places


def stamp_of(stat: os.stat_result) -> tuple[int, int]:
    """Size and time of a file, as the library stores them."""
    return stat.st_size, signed(stat.st_mtime_ns)


def moved_files(new: Mapping[str, tuple[int, int]], lost: Iterable[KnownFile]) -> dict[str, KnownFile]:
    """The known files that moved, by their new paths.

    They have the same content, or, if it was never read, the same size and time. Copies share both.
    """
    sizes = {size for size, _ in new.values()}
    old: dict[object, list[KnownFile]] = {}
    for file in lost:
        if file.stamp[0] in sizes and not os.path.lexists(file.path):
            old.setdefault(file.fingerprint or file.stamp, []).append(file)
    sizes = {file.stamp[0] for files in old.values() for file in files}
    moved: dict[str, KnownFile] = {}
    for path, stamp in sorted(new.items()):
        keys = (stamp, fingerprint_of(path)) if stamp[0] in sizes else ()
        if (files := next((old[key] for key in keys if old.get(key)), None)) is not None:
            moved[path] = files.pop()
    return moved
