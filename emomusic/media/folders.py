"""One walk through folders, for pictures, films and songs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence

from emomusic.text import pluralize

# Copies, previews and waste of file servers, systems and archives, in lower case
_LEFT_OUT = (
    *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "lost+found"),
    *("system volume information", "__macosx", "thumbs.db", "desktop.ini"),
)


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or belongs to a system and not to its user."""
    return name.startswith(".") or name.lower() in _LEFT_OUT


class FolderWalk:
    """The files in folders and their subfolders, each folder once, also if links lead to it.

    Attributes:
        num_others: files of other formats so far.
        problems: the reason for each folder that cannot be read.
    """

    def __init__(
        self, roots: Sequence[str | os.PathLike[str]], is_wanted: Callable[[str], bool], but: Collection[str] = ()
    ) -> None:
        """Walk through these folders.

        Args:
            roots: of the walk. Links are followed after all of them.
            is_wanted: tells whether the file at a path has a wanted format.
            but: paths of folders that are left out.
        """
        self._roots, self._is_wanted, self._but = [os.fspath(root) for root in roots], is_wanted, but
        self.num_others = 0
        self.problems: dict[str, str] = {}

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        """The wanted files: those of a folder by name, then those of its subfolders."""
        waiting, links, seen = self._roots[::-1], list[str](), set[str]()
        while waiting or links:
            folder = waiting.pop() if waiting else links.pop(0)
            if (place := os.path.realpath(folder)) in seen:
                continue
            seen.add(place)
            folders: list[str] = []
            for entry in self._entries(folder):
                if entry.is_dir():
                    (links if entry.is_symlink() else folders).append(entry.path)
                elif self._is_wanted(entry.path):
                    yield entry
                else:
                    self.num_others += 1
            waiting += folders[::-1]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """The files and folders in a folder, by name. Pipes, devices and broken links are none."""
        try:
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not is_left_out(entry.name) and entry.path not in self._but]
            return sorted(filter(_is_found, shown), key=lambda entry: entry.name)
        except OSError as error:
            self.problems[folder] = error.strerror or "input error"
            return []

    @property
    def others_left_out(self) -> str | None:
        """A sentence about the files of other formats; None if there are none."""
        verb = "was" if self.num_others == 1 else "were"
        return f"{pluralize(self.num_others, 'file')} of other formats {verb} left out." if self.num_others else None


def _is_found(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() or entry.is_file()
    except OSError:  # a link to itself
        return False
