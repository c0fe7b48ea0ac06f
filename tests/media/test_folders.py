"""One rule for folders: what is left out, links, and folders that cannot be read."""

import os
from pathlib import Path

import pytest

from emomusic.media.guarded import FolderWalk


def make(folder: Path, *names: str) -> None:
    for name in names:
        (path := folder / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def walk(*roots: Path) -> FolderWalk:
    return FolderWalk(roots, lambda name: name.endswith(".jpg"))


def names(folder: Path, found: FolderWalk) -> list[str]:
    return [Path(entry.path).relative_to(folder).as_posix() for entry in found]


def test_what_servers_and_systems_make_is_left_out(tmp_path: Path):
    make(tmp_path, "x.jpg", "#1 hits/y.jpg", "@home/z.jpg")
    others = ("@eaDir/x.jpg/THUMB.jpg", "#recycle/x.jpg", "#SNAPSHOT/x.jpg", "$RECYCLE.BIN/x.jpg", ".thumbnails/x.jpg")
    make(tmp_path, *others, "__MACOSX/._x.jpg", "._x.jpg", ".hidden/x.jpg", "lost+found/x.jpg", "Thumbs.db")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = walk(tmp_path)
    assert names(tmp_path, found) == ["x.jpg", "#1 hits/y.jpg", "@home/z.jpg"]
    assert found.others_left_out is None
    make(tmp_path, "x.cr2", "a/y.psd")
    assert len([*(found := walk(tmp_path))]) == 3
    assert (found.num_others, found.others_left_out) == (2, "2 files of other formats were left out.")


def test_links_to_folders_are_followed_once(tmp_path: Path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    make(inside, "b/x.jpg")
    make(outside, "y.jpg")
    (inside / "a").symlink_to(inside / "b")
    (inside / "b" / "up").symlink_to(inside)
    (inside / "c").symlink_to(outside)
    (inside / "d").symlink_to(outside)
    (inside / "e").symlink_to(tmp_path / "absent")
    (inside / "f").symlink_to(inside / "f")
    (inside / "linked.jpg").symlink_to(outside / "y.jpg")
    assert names(inside, walk(inside)) == ["linked.jpg", "b/x.jpg", "c/y.jpg"]
    assert names(tmp_path, walk(inside, outside)) == ["inside/linked.jpg", "inside/b/x.jpg", "outside/y.jpg"]


def test_folders_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(tmp_path, "a/x.jpg", "b/y.jpg")
    scan = os.scandir

    def scandir(path: str):
        if path.endswith("a"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = walk(tmp_path, tmp_path / "absent")
    assert names(tmp_path, found) == ["b/y.jpg"]
    assert found.problems == {
        str(tmp_path / "a"): "Permission denied",
        str(tmp_path / "absent"): "No such file or directory",
    }
