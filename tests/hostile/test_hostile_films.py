"""Hostile films end in a short `FilmError` or in results, in bounded time and memory, and leave nothing behind."""

from __future__ import annotations

import errno
import io
import itertools
import os
import re
import struct
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emomusic.errors import FilmError
from emomusic.media.film_file import FilmFile
from emomusic.media.formats import Kind, kind_of
from emomusic.stream.film import FilmNetworks, FilmReading, read_film
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier
from tests.films import CODECS, write_frames
from tests.hostile.generator import FILM_BOMBS, jpeg, jpeg_claiming, jpeg_film

NETWORKS = FilmNetworks(FakeDetector(), FakeClassifier(), FakeIdentifier())
WIDTH, HEIGHT = 320, 180  # the codes of the sizes have two bytes
IMAGES = [np.full((HEIGHT, WIDTH, 3), (5 * number, 100, 255 - 5 * number), np.uint8) for number in range(15)]


@cache
def intact(ending: str) -> bytes:
    buffer = io.BytesIO()
    write_frames(buffer, IMAGES, ending=ending, audio=CODECS[ending][1])
    return buffer.getvalue()


# What a hostile film may do


def end_of(source: Path | bytes) -> tuple[str | None, str | None]:
    """The error of a film, or its problem."""
    try:
        with FilmFile(io.BytesIO(source) if isinstance(source, bytes) else source, max_s=3600) as film:
            reading = FilmReading(film)
            times = []
            for moment in read_film(film, NETWORKS):
                assert 0 <= moment.share <= 1
                assert max(moment.image.shape[:2]) <= 1280
                times.append(moment.time_s)
                reading.add(moment)
            assert times[0] == 0
            assert times == sorted(times)
            reading.scenes()
            return None, film.problem
    except FilmError as error:
        return str(error), None


def assert_short(message: str, name: str | None = None) -> None:
    """A message is one short sentence without a path."""
    text = message.replace(repr(name), "The film") if name is not None else message
    assert re.fullmatch(r"[A-Z][^.!?\n]*[.!?]", re.sub(r"\d\.\d", "0", text)), message
    assert len(text) < 160
    assert not re.search(r"[/\\]|Traceback|Error|Errno|\b0x", text)


def assert_refused(source: Path | bytes, match: str = "") -> None:
    error, _ = end_of(source)
    assert error is not None
    assert_short(error, source.name if isinstance(source, Path) else None)
    assert re.search(match, error), error


def assert_ends(source: Path | bytes) -> None:
    """Either is fine."""
    error, problem = end_of(source)
    for message in (error, problem):
        if message is not None:
            assert_short(message, source.name if isinstance(source, Path) else None)


@pytest.fixture(autouse=True)
def _nothing_is_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """No output, no file and no open file remains."""
    folder = tmp_path_factory.mktemp("hostile")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(folder)
    open_files = _open_files()
    yield
    assert list(folder.iterdir()) == []
    assert _open_files() <= open_files
    assert capfd.readouterr() == ("", "")


def _open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    links = (entry.readlink().as_posix() for entry in folder.iterdir() if entry.is_symlink())
    return {link for link in links if link.startswith("/") and not link.endswith("(deleted)")}  # pytest's are deleted


def stored(tmp_path: Path, data: bytes, name: str = "film.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


# Files that are no films


@cache
def mp4_with_sound_only() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        sound = container.add_stream("aac", 48_000, layout="mono")
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 1024 * number, Fraction(1, 48_000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return buffer.getvalue()


OTHERS = {
    "empty": (b"", "is empty"),
    "text": (b"just text, renamed to .mp4\n" * 20, "not a film; choose MP4"),
    "mpeg transport stream": ((b"\x47\x40\x00\x10" + bytes(184)) * 10, "a format that is not read"),
    "mp4 with sound only": (mp4_with_sound_only(), "has no video"),
    "ftyp and zeros": (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(500), "damaged"),
    "gif signature only": (b"GIF89a", "damaged"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_refused(kind: str, tmp_path: Path) -> None:
    data, message = OTHERS[kind]
    path = stored(tmp_path, data)
    assert_refused(path, message)
    assert_refused(data, message)
    assert list(tmp_path.iterdir()) == [path]


def red_film() -> bytes:
    buffer = io.BytesIO()
    write_frames(buffer, [np.full((60, 80, 3), (255, 0, 0), np.uint8)] * 20, ending="mp4")
    return buffer.getvalue()


def test_a_list_of_other_files_is_refused(tmp_path: Path) -> None:
    target = stored(tmp_path, red_film(), "target.mp4")
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ):
        for address in (target.as_posix(), target.as_uri(), "http://127.0.0.1:9/a.mp4"):
            assert_refused(stored(tmp_path, text.format(address).encode(), "list.mp4"), "not a film")


# Paths


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    folder, pipe, link = tmp_path / "folder.mp4", tmp_path / "pipe.mp4", tmp_path / "link.mp4"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "missing.mp4")
    reasons = {folder: "is a folder", pipe: "device", Path("/dev/zero"): "device", link: "was not found"}
    for path, reason in reasons.items():
        assert_refused(path, reason)
        assert kind_of(path) is not Kind.FILM
    for name in ("nul\x00l.mp4", "x" * 5000):
        error, _ = end_of(Path(name))
        assert error is not None
        assert_short(error, name)
    for address in ("http://127.0.0.1:9/film.mp4", "file:///etc/passwd", "concat:a.mp4|b.mp4", "pipe:0", "async:a.mp4"):
        with pytest.raises(FilmError, match="was not found") as refused:
            FilmFile(address)
        assert_short(str(refused.value), Path(address).name)


class BrokenDisk(io.BytesIO):
    """A file that cannot be read beyond some bytes."""

    def __init__(self, data: bytes, num_bytes: int) -> None:
        super().__init__(data)
        self._num_bytes = num_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._num_bytes:
            raise OSError(errno.EIO, "The disk was removed")
        return super().read(size)


def test_a_broken_disk_is_an_error() -> None:
    data = intact("mkv") + bytes(2**20)  # more than is read at once
    with pytest.raises(FilmError) as error:
        FilmFile(BrokenDisk(data, 0))
    assert_short(str(error.value))
    with FilmFile(BrokenDisk(data, len(data) // 2)) as film:
        assert len(list(film.frames())) > 0
        assert film.problem is not None


# MP4


def test_a_film_without_its_index_is_damaged() -> None:
    data = intact("mp4")
    assert_refused(data[: data.index(b"moov") - 4], "incomplete")
    assert_refused(data.replace(b"moov", b"zzzz"), "incomplete")


def with_location(data: bytes, location: bytes) -> bytes:
    """A film whose samples are in another file: the reference gets a location, and its atoms get the size."""
    at = data.index(b"url \x00\x00\x00\x01")
    changed = bytearray(data)
    changed[at + 4 : at + 8] = bytes(4)
    changed[at + 8 : at + 8] = location
    for atom in (b"url ", b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        start = changed.rindex(atom, 0, at + 4) - 4
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", changed, start)[0] + len(location))
    return bytes(changed)


def test_a_film_opens_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = stored(tmp_path, red_film(), "target.mp4")
    monkeypatch.setattr("emomusic.media.container._refuse", lambda *args: pytest.fail(f"opens {args}"))
    path = stored(tmp_path, with_location(intact("mov"), target.as_posix().encode() + b"\x00"), "film.mov")
    assert_ends(path)
    with FilmFile(path) as film:  # FFmpeg takes the samples from this file
        assert film.picture(next(film.frames()))[0, 0, 0] < 100
    alias = intact("mov").replace(b"url \x00\x00\x00\x01", b"alis\x00\x00\x00\x00")
    assert_ends(stored(tmp_path, alias, "alias.mov"))


def test_an_encrypted_film_is_refused() -> None:
    buffer = io.BytesIO()
    keys = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "00" * 15 + "01", "encryption_kid": "00" * 15 + "02"}
    write_frames(buffer, IMAGES, ending="mp4", options=keys)
    assert_refused(buffer.getvalue(), "encrypted")


def test_a_film_whose_clock_stands_still_ends_after_a_second_of_frames() -> None:
    small, large = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "JPEG")
    Image.new("L", (4096, 2304)).save(large, "JPEG")
    for payload, num_frames, num_decoded in ((small.getvalue(), 3000, 1000), (large.getvalue(), 400, 128)):
        data = jpeg_film([payload] * num_frames, Fraction(1, 1_000_000))
        with FilmFile(io.BytesIO(data)) as film:
            assert sum(1 for _ in film.frames()) == pytest.approx(num_decoded, abs=2)
            assert film.problem is not None
            assert_short(film.problem)


def test_a_film_can_be_stopped_while_its_frames_are_skipped() -> None:
    answers = itertools.chain([False, False], itertools.repeat(True))
    with FilmFile(io.BytesIO(intact("mkv")), should_stop=lambda: next(answers)) as film:
        assert len(list(film.frames(0.1))) == 1
        assert film.problem is None  # the film is complete, the reading is not


# Sizes


@pytest.mark.parametrize("name", FILM_BOMBS)
def test_oversized_films_are_refused(name: str, tmp_path: Path) -> None:
    assert_refused(stored(tmp_path, FILM_BOMBS[name]()), "damaged" if name == "claims.mov" else "too large")


def test_a_frame_that_grows_within_the_film_is_skipped() -> None:
    small = jpeg()
    data = jpeg_film([small, jpeg_claiming(65_500, 65_500), small, jpeg_claiming(5000, 5000), small])
    with FilmFile(io.BytesIO(data)) as film:
        assert [round(frame.time_s, 1) for frame in film.frames()] == [0, 0.2, 0.4]
        assert film.problem is not None
