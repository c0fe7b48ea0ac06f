"""The sources of a batch: folders, patterns, lists, archives and remote locations."""

import errno
import gzip
import io
import os
import random
import shutil
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest
from pyarrow import fs

from emomusic.batch import sources
from emomusic.batch.sources import Item, find_items, open_item, opened_archive
from emomusic.errors import BatchError, ImageError
from emomusic.media import archives
from emomusic.media.images import MAX_BYTES
from tests.hostile.generator import tar_bytes, zip_bytes

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "grace-hopper-1984.jpg"
MEMBERS = ("a.jpg", "sub/b.png", "notes.txt", "inner.zip", "__MACOSX/._a.jpg", "c.MP4")
DATA = random.Random(0).randbytes(5000)
TWO = {"a.jpg": DATA, "b.jpg": DATA[::-1]}
FIRST = {"a.jpg": DATA, "b.jpg": None, "": None}
SECOND = {"a.jpg": None, "b.jpg": DATA[::-1]}


def contents_of(items: Sequence[Item]) -> list[bytes]:
    opened_archive.cache_clear()  # of another test
    found = []
    for item in items:
        with open_item(item) as file:
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


def test_a_folder_a_pattern_and_standard_input_name_pictures_and_films(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder.parent)
    assert names_of(folder) == [f"{folder}/{name}" for name in ("a.jpg", "b.PNG", "sub/c.mp4")]
    shutil.copytree(folder, hidden := folder.parent / ".share" / "of")  # hidden above, as asked for
    for source in (hidden, hidden.as_uri()):
        assert names_of(source) == [f"{hidden}/{name}" for name in ("a.jpg", "b.PNG", "sub/c.mp4")]
    shutil.copytree(hidden, folder / "sub" / "@eaDir")  # previews of a file server
    for pattern, expected in (
        ("folder/*.jpg", ["folder/a.jpg"]),
        ("folder/**/*.mp4", ["folder/sub/c.mp4"]),
        ("folder/?.*", ["folder/a.jpg", "folder/b.PNG"]),
        ("fold*", ["folder/a.jpg", "folder/b.PNG", "folder/sub/c.mp4"]),
    ):
        assert names_of(pattern) == expected
        assert names_of(folder.parent / pattern) == [f"{folder.parent}/{name}" for name in expected]
    for text in (b"a.jpg\r\n\r\nsub/b.jpg", b"a.jpg\0sub/b.jpg\0"):
        assert names_of("-", stdin=text) == ["a.jpg", "sub/b.jpg"]
    (folder / "sub" / "empty").mkdir()
    for nothing in ((), ("folder/sub/empty",)):
        with pytest.raises(BatchError):
            names_of(*nothing)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names outside UTF-8")
def test_names_outside_utf_8_become_text_and_stay_distinct(tmp_path: Path):
    for name in (b"\xe9.jpg", b"\xe8.jpg", b"\\udce9.jpg", "é.jpg".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(SAMPLE.read_bytes())
    items = find_items([str(tmp_path)])
    assert len({item.name.encode("utf-8") for item in items}) == 4
    assert contents_of(items) == [SAMPLE.read_bytes()] * 4


def packed(ending: str, names: Sequence[str]) -> bytes:
    """An archive of the sample under several names, each with its position at the end."""
    members = [(name, SAMPLE.read_bytes() + bytes([position])) for position, name in enumerate(names)]
    return zip_bytes(members) if ending == "zip" else tar_bytes(members, ending.removeprefix("tar."))


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz"])
def test_an_archive_gives_its_pictures_and_films(tmp_path: Path, ending: str):
    path = tmp_path / f"pack.{ending}"
    path.write_bytes(packed(ending, MEMBERS))
    items = find_items([str(path)])
    assert [item.name for item in items] == [f"{path}/{name}" for name in ("a.jpg", "sub/b.png", "inner.zip", "c.MP4")]
    assert [item.is_film for item in items] == [False, False, False, True]
    assert "another one" in str(items.pop(2).problem)
    found = contents_of([*items, items[0]])  # also backwards
    assert found == [SAMPLE.read_bytes() + bytes([position]) for position in (0, 1, 5, 0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"pack.{ending}"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_stay_distinct_and_links_and_folders_are_no_items(tmp_path: Path):
    path = tmp_path / "pack.zip"
    path.write_bytes(packed("zip", ["a.jpg"] * 3))
    items = find_items([str(path)])
    assert len({item.name for item in items}) == 3
    assert [content[-1] for content in contents_of(items)] == [0, 1, 2]
    assert find_items([str(path)]) == items
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("link.jpg", tarfile.SYMTYPE), ("hard.jpg", tarfile.LNKTYPE), ("d.jpg", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../../a\udce9.jpg", "@eaDir/a.jpg/THUMB.jpg", ".thumbnails/a.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    assert names_of(path) == [f"{path}/../../a\\udce9.jpg"]


def outcomes(path: Path, data: bytes) -> dict[str, bytes | None]:
    """The content of each item of an archive of these bytes; None if it cannot be read. "" is the archive itself."""
    path.write_bytes(data)
    found: dict[str, bytes | None] = {}
    opened_archive.cache_clear()  # of another test
    for item in find_items([str(path)]):
        name = item.name.removeprefix(str(path)).removeprefix("/")
        try:
            with open_item(item) as file:
                found[name] = file.read()
        except ImageError:
            found[name] = None
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return found


def zip_that_declares(**values: int) -> bytes:
    """A ZIP whose directory has other values of the first member."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name, data in TWO.items():
            archive.writestr(name, data)
        for name, value in values.items():
            setattr(archive.infolist()[0], name, value)
    return file.getvalue()


def tar_that_declares(size: int, **headers: str) -> bytes:
    """A TAR of one member without its content."""
    info = tarfile.TarInfo("a.jpg")
    info.size, info.pax_headers = size, headers
    return info.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize(
    ("ending", "data", "expected"),
    [
        pytest.param("zip", zip_that_declares(flag_bits=1), SECOND, id="encrypted"),
        pytest.param("zip", zip_that_declares(file_size=100), SECOND, id="declared too small"),
        pytest.param("zip", zip_that_declares(CRC=0), SECOND, id="checksum"),
        pytest.param("zip", zip_bytes(TWO.items()).replace(b"a.jpg", b"x.jpg", 1), SECOND, id="other name"),
        # These compressions need memory without bounds
        pytest.param("zip", zip_bytes(TWO.items(), zipfile.ZIP_BZIP2), dict.fromkeys(TWO), id="bzip2"),
        *(
            pytest.param(ending, data, {"": None}, id=f"no {ending} but {data.decode() or 'nothing'}")
            for ending in ("zip", "tar.gz")
            for data in (b"", b"no archive")
        ),
        pytest.param("zip", zip_bytes(TWO.items())[:7000], {"": None}, id="cut in the second of a zip"),
        pytest.param("tar.gz", gzip.compress(tar_bytes(TWO.items())[:600]), {"a.jpg": None, "": None}, id="cut"),
        pytest.param("tar.gz", gzip.compress(tar_bytes(TWO.items())[:6144]), FIRST, id="cut in the second"),
        pytest.param(
            "tar",
            tar_that_declares(0, **{"GNU.sparse.map": "0,0", "GNU.sparse.size": str(10**12)}) + bytes(1024),
            {"a.jpg": None},
            id="sparse",
        ),
        pytest.param("tar", tar_that_declares(MAX_BYTES + 1), {"a.jpg": None, "": None}, id="over the limit"),
    ],
)
def test_one_bad_member_harms_no_other(tmp_path: Path, ending: str, data: bytes, expected: dict[str, bytes | None]):
    assert outcomes(tmp_path / f"pack.{ending}", data) == expected


@pytest.mark.parametrize("ending", ["zip", "tar.xz"])
def test_an_archive_of_many_files_is_a_failure(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "_MAX_FILES", 2)
    monkeypatch.setattr(archives, "_MAX_DIRECTORY_BYTES", 180)
    path = tmp_path / f"pack.{ending}"
    assert len(outcomes(path, packed(ending, ["a.jpg", "b.jpg"]))) == 2
    assert outcomes(path, packed(ending, ["a.txt", "b.jpg", "c.jpg"]))[""] is None


def test_a_full_temporary_folder_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (path := tmp_path / "pack.zip").write_bytes(packed("zip", ["c.mp4"]))
    monkeypatch.setattr(archives.shutil, "copyfileobj", Mock(side_effect=OSError(errno.ENOSPC, "No space left")))
    (item,) = find_items([str(path)])
    with pytest.raises(ImageError, match="temporary files is full"):
        open_item(item)


def test_a_long_header_is_not_read_nor_a_tar_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    info = tarfile.TarInfo("a.jpg")
    info.type, info.size = tarfile.XHDTYPE, 2**26
    data = gzip.compress(info.tobuf() + bytes(2**26), compresslevel=1)
    tracemalloc.start()
    try:
        assert outcomes(tmp_path / "pack.tar.gz", data) == {"": None}
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(archives, "_MAX_UNPACKED_BYTES", 2**20)
    data = gzip.compress(tar_bytes([("a.jpg", DATA), ("b.txt", bytes(2**24)), ("c.jpg", DATA)]))
    assert outcomes(tmp_path / "pack.tar.gz", data) == {"a.jpg": DATA, "": None}


def test_what_is_no_file_cannot_be_opened(folder: Path):
    os.mkfifo(folder.parent / "pipe.jpg")
    for name in ("absent.jpg", "pipe.jpg", "a\0b.jpg"):
        with pytest.raises(ImageError):
            open_item(Item(name, str(folder.parent / name)))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> fs.FileSystem:
    """A remote file system at s3://."""
    system = fs._MockFileSystem()
    system.create_dir("bucket/folder/sub")
    contents = {"a.jpg": SAMPLE.read_bytes(), "sub/b.png": b"", "notes.txt": b""}
    contents["sub/pack.zip"] = zip_bytes([("z.jpg", SAMPLE.read_bytes())])
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
    (packed,) = find_items(["s3://key:secret@bucket/folder/sub/pack.zip"])
    assert packed.name == "s3://bucket/folder/sub/pack.zip/z.jpg"
    assert contents_of([packed]) == [SAMPLE.read_bytes()]


@pytest.mark.parametrize("uri", ["s3://key:secret@bucket/folder/absent.jpg", "nonsense://key:secret@bucket/x"])
def test_a_location_that_does_not_exist_is_an_item_that_cannot_be_opened(uri: str, request: pytest.FixtureRequest):
    if uri.startswith("s3"):
        request.getfixturevalue("bucket")
    (item,) = find_items([uri])
    with pytest.raises(ImageError) as error:
        open_item(item)
    assert "secret" not in item.name + str(error.value)


def test_names_of_an_archive_in_utf_8_are_read_without_the_flag_too(tmp_path: Path):
    class Old(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  as zipfile names it
            return self.filename.encode("utf-8" if "é" in self.filename else "cp437"), 0

    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr(Old("Café été.jpg"), b"1")
        archive.writestr(Old("Müller.jpg"), b"22")
        archive.writestr("фото.jpg", b"333")
    names = [item.name.rpartition(".zip/")[2] for item in find_items([str(tmp_path / "faces.zip")])]
    assert names == ["Café été.jpg", "Müller.jpg", "фото.jpg"]
