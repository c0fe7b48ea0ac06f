"""Hostile archives: each gives rows or reasons, in bounded memory, and writes nothing."""

import contextlib
import gzip
import io
import random
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from emomusic.batch import archives
from emomusic.batch.sources import Opener, find_items
from emomusic.errors import ImageError
from emomusic.media.images import MAX_BYTES

DATA = random.Random(0).randbytes(5000)


def zip_bytes(names: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return file.getvalue()


def tar_bytes(names: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def outcomes(path: Path) -> dict[str, bytes | None]:
    """The content of each item of an archive; None if it cannot be read."""
    found: dict[str, bytes | None] = {}
    with contextlib.closing(Opener()) as opener:
        for item in find_items([str(path)]):
            try:
                with opener.open(item) as file:
                    found[item.name.removeprefix(f"{path}/")] = file.read()
            except ImageError:
                found[item.name.removeprefix(f"{path}/")] = None
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return found


def with_flags(data: bytes) -> bytes:
    """A ZIP whose first member is marked as encrypted."""
    patched = bytearray(data)
    patched[data.index(b"PK\3\4") + 6] |= 1
    patched[data.index(b"PK\1\2") + 8] |= 1
    return bytes(patched)


def with_size(data: bytes, size: int) -> bytes:
    """A ZIP that declares another size of its first member."""
    patched = bytearray(data)
    for start in (data.index(b"PK\3\4") + 22, data.index(b"PK\1\2") + 24):
        patched[start : start + 4] = size.to_bytes(4, "little")
    return bytes(patched)


TWO = {"a.jpg": DATA, "b.jpg": DATA[::-1]}


@pytest.mark.parametrize(
    "damaged",
    [
        with_flags(zip_bytes(TWO)),
        with_size(zip_bytes(TWO), 100),
        with_size(zip_bytes(TWO), 6000),
        zip_bytes(TWO, zipfile.ZIP_STORED).replace(DATA, DATA[:-1] + b"?"),
        zip_bytes(TWO, zipfile.ZIP_STORED).replace(b"a.jpg", b"x.jpg", 1).replace(b"x.jpg", b"a.jpx", 1),
    ],
    ids=["encrypted", "declared too small", "declared too large", "checksum", "other name"],
)
def test_a_bad_member_does_not_harm_the_others(tmp_path: Path, damaged: bytes):
    (tmp_path / "pack.zip").write_bytes(damaged)
    assert outcomes(tmp_path / "pack.zip") == {"a.jpg": None, "b.jpg": DATA[::-1]}


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_without_bounds_of_memory_is_refused(tmp_path: Path, compression: int):
    (tmp_path / "pack.zip").write_bytes(zip_bytes(TWO, compression))
    assert outcomes(tmp_path / "pack.zip") == {"a.jpg": None, "b.jpg": None}


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
@pytest.mark.parametrize("data", [b"", b"no archive"])
def test_what_is_no_archive_is_one_failure(tmp_path: Path, ending: str, data: bytes):
    path = tmp_path / f"pack.{ending}"
    path.write_bytes(data)
    assert outcomes(path) == {str(path): None}


@pytest.mark.parametrize("kept", [600, 512 + 5120 + 512])
def test_a_tar_that_ends_early_gives_what_it_has_and_one_failure(tmp_path: Path, kept: int):
    path = tmp_path / "pack.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes(TWO)[:kept]))
    found = outcomes(path)
    assert found.pop(str(path)) is None
    intact = {name: data for name, data in found.items() if data is not None}
    assert intact == dict(list(TWO.items())[: kept // (512 + 5120)])


def test_a_sparse_member_is_a_failure(tmp_path: Path):
    path = tmp_path / "pack.tar"
    info = tarfile.TarInfo("a.jpg")
    info.size = 0
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(10**12)}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    assert outcomes(path) == {"a.jpg": None}


def test_a_member_over_the_limit_is_a_failure(tmp_path: Path):
    path = tmp_path / "pack.tar"
    info = tarfile.TarInfo("a.jpg")
    info.size = MAX_BYTES + 1
    path.write_bytes(info.tobuf())
    assert outcomes(path) == {"a.jpg": None, str(path): None}


def test_a_tar_that_unpacks_to_too_much_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "_MAX_UNPACKED_BYTES", 2**20)
    path = tmp_path / "pack.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes({"a.jpg": DATA, "b.txt": bytes(2**24), "c.jpg": DATA})))
    assert outcomes(path) == {"a.jpg": DATA, str(path): None}


def test_a_long_header_is_not_read(tmp_path: Path):
    path = tmp_path / "pack.tar.gz"
    info = tarfile.TarInfo("a.jpg")
    info.type, info.size = tarfile.XHDTYPE, 2**26
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(2**6):
            file.write(bytes(2**20))
    tracemalloc.start()
    try:
        assert outcomes(path) == {str(path): None}
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
