"""The sources of a batch: folders, patterns, lists, archives and remote locations."""

import contextlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyarrow import fs

from emomusic.batch import sources
from emomusic.batch.sources import Item, Opener, find_items
from emomusic.batch.storage import BatchError
from emomusic.errors import ImageError

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "grace-hopper-1984.jpg"


def contents_of(items: Sequence[Item]) -> list[bytes]:
    with contextlib.closing(Opener()) as opener:
        found = []
        for item in items:
            with opener.open(item) as file:
                found.append(file.read())
        return found


def names_of(*given: str | Path, stdin: bytes = b"") -> list[str]:
    return [item.name for item in find_items([str(source) for source in given], io.BytesIO(stdin))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.jpg, b.PNG, sub/c.mp4, and files that are no pictures."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "b.PNG", "notes.txt", "._a.jpg", "sub/c.mp4", "sub/pack.zip"):
        (folder / name).write_bytes(b"")
    return folder


def test_a_folder_gives_the_pictures_and_films_in_it_and_below(folder: Path):
    assert names_of(folder) == [f"{folder}/{name}" for name in ("a.jpg", "b.PNG", "sub/c.mp4")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("folder/*.jpg", ["folder/a.jpg"]),
        ("folder/**/*.mp4", ["folder/sub/c.mp4"]),
        ("folder/?.*", ["folder/a.jpg", "folder/b.PNG"]),
        ("fold*", ["folder/a.jpg", "folder/b.PNG", "folder/sub/c.mp4"]),
    ],
)
def test_a_pattern_gives_the_pictures_that_match(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]
):
    monkeypatch.chdir(folder.parent)
    assert names_of(pattern) == expected
    assert names_of(folder.parent / pattern) == [f"{folder.parent}/{name}" for name in expected]


@pytest.mark.parametrize("text", [b"a.jpg\r\n\r\nsub/b.jpg", b"a.jpg\0sub/b.jpg\0"])
def test_names_come_from_standard_input(text: bytes):
    assert names_of("-", stdin=text) == ["a.jpg", "sub/b.jpg"]


@pytest.mark.parametrize("given", [(), ("folder/sub/empty",)])
def test_nothing_to_read_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...]):
    (folder / "sub" / "empty").mkdir()
    monkeypatch.chdir(folder.parent)
    with pytest.raises(BatchError):
        names_of(*given)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names outside UTF-8")
def test_names_outside_utf_8_become_text_and_stay_distinct(tmp_path: Path):
    for name in (b"\xe9.jpg", b"\xe8.jpg", b"\\udce9.jpg", "é.jpg".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(SAMPLE.read_bytes())
    items = find_items([str(tmp_path)])
    assert len({item.name.encode("utf-8") for item in items}) == 4
    assert contents_of(items) == [SAMPLE.read_bytes()] * 4


def test_an_unreadable_folder_is_an_item_with_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch):
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (item,) = (item for item in find_items([str(folder)]) if item.problem)
    assert item.name == f"{folder}/sub"


# Archives


def zip_of(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for position, name in enumerate(names):
            archive.writestr(name, SAMPLE.read_bytes() + bytes([position]))
    return path


def tar_of(path: Path, *names: str) -> Path:
    with tarfile.open(path, f"w:{path.suffix[1:]}") as archive:
        for position, name in enumerate(names):
            data = SAMPLE.read_bytes() + bytes([position])
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


MEMBERS = ("a.jpg", "sub/b.png", "notes.txt", "inner.zip", "__MACOSX/._a.jpg", "c.MP4")


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz"])
def test_an_archive_gives_its_pictures_and_films(tmp_path: Path, ending: str):
    make = zip_of if ending == "zip" else tar_of
    path = make(tmp_path / f"pack.{ending}", *MEMBERS)
    items = find_items([str(path)])
    assert [item.name for item in items] == [f"{path}/{name}" for name in ("a.jpg", "sub/b.png", "c.MP4")]
    assert [item.is_film for item in items] == [False, False, True]
    found = contents_of([*items, items[0]])  # also backwards
    assert found == [SAMPLE.read_bytes() + bytes([position]) for position in (0, 1, 5, 0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"pack.{ending}"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_stay_distinct(tmp_path: Path):
    path = zip_of(tmp_path / "pack.zip", *["a.jpg"] * 3)
    items = find_items([str(path)])
    assert len({item.name for item in items}) == 3
    assert [content[-1] for content in contents_of(items)] == [0, 1, 2]
    assert find_items([str(path)]) == items


def test_links_and_folders_in_a_tar_are_no_items(tmp_path: Path):
    path = tmp_path / "pack.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("link.jpg", tarfile.SYMTYPE), ("hard.jpg", tarfile.LNKTYPE), ("d.jpg", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("../../a\udce9.jpg")
        archive.addfile(info)
    assert names_of(path) == [f"{path}/../../a\\udce9.jpg"]


@pytest.mark.parametrize("name", ["absent.jpg", "pipe.jpg", "a\0b.jpg"])
def test_what_is_no_file_cannot_be_opened(folder: Path, name: str):
    os.mkfifo(folder.parent / "pipe.jpg")
    with pytest.raises(ImageError):
        Opener().open(Item(name, str(folder.parent / name)))


# Remote locations


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> fs.FileSystem:
    """A remote file system at s3://."""
    system = fs._MockFileSystem()
    system.create_dir("bucket/folder/sub")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("z.jpg", SAMPLE.read_bytes())
    contents = {"a.jpg": SAMPLE.read_bytes(), "sub/b.png": b"", "notes.txt": b"", "sub/pack.zip": zipped.getvalue()}
    for name, data in contents.items():
        with system.open_output_stream(f"bucket/folder/{name}") as file:
            file.write(data)

    def located(uri: str) -> tuple[fs.FileSystem, str]:
        return system, "bucket/" + uri.split("bucket/")[1].split("?")[0]

    monkeypatch.setattr(sources, "file_system", located)
    return system


def test_a_remote_folder_gives_its_pictures_under_names_without_credentials(bucket: fs.FileSystem):
    items = find_items(["s3://key:secret@bucket/folder?endpoint_override=127.0.0.1:1"])
    assert [item.name for item in items] == ["s3://bucket/folder/a.jpg", "s3://bucket/folder/sub/b.png"]
    assert contents_of(items) == [SAMPLE.read_bytes(), b""]
    assert "secret" not in repr(items)


@pytest.mark.parametrize(
    ("path", "name"),
    [("folder/a.jpg", "folder/a.jpg"), ("folder/sub/pack.zip", "folder/sub/pack.zip/z.jpg")],
)
def test_a_remote_file_or_archive_is_read(bucket: fs.FileSystem, path: str, name: str):
    (item,) = find_items([f"s3://key:secret@bucket/{path}"])
    assert item.name == f"s3://bucket/{name}"
    assert contents_of([item]) == [SAMPLE.read_bytes()]


@pytest.mark.parametrize("uri", ["s3://key:secret@bucket/folder/absent.jpg", "nonsense://key:secret@bucket/x"])
def test_a_location_that_does_not_exist_is_an_item_that_cannot_be_opened(uri: str, request: pytest.FixtureRequest):
    if uri.startswith("s3"):
        request.getfixturevalue("bucket")
    (item,) = find_items([uri])
    with pytest.raises(ImageError) as error:
        Opener().open(item)
    assert "secret" not in item.name + str(error.value)
