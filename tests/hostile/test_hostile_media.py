"""Hostile pictures, songs and films that need more than a file of `generator`."""

import errno
import io
import itertools
import json
import os
import re
import struct
from collections.abc import Callable, Collection
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from emomusic.errors import AudioError, EmomusicError, FilmError, ImageError
from emomusic.media import images
from emomusic.media.audio_file import read_song, whole
from emomusic.media.film_file import FilmFile
from emomusic.media.images import read_image
from tests.films import encoded
from tests.hostile.generator import (
    KINDS,
    film,
    hostile_files,
    is_one_sentence,
    jpeg,
    jpeg_claiming,
    jpeg_film,
    jpeg_with_scans,
    red_film,
    song,
)
from tests.waiting import PATIENCE_S, run_python


@pytest.mark.parametrize("read", [read_image, read_song, FilmFile])
def test_what_is_no_file_is_refused_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    (folder := tmp_path / "folder.mp4").mkdir()
    os.mkfifo(pipe := tmp_path / "pipe.mp3")
    (loop := tmp_path / "loop.mp3").symlink_to(loop)
    no_files = {folder: "is a folder", **dict.fromkeys((pipe, Path("/dev/zero")), "pipe or a device")}
    addresses = ("http://127.0.0.1:9/a.mp4", "file:///etc/none", "concat:a.mp4|b.mp4", "pipe:0", "async:a.mp4")
    absent = dict.fromkeys(map(Path, (tmp_path / "absent", *addresses)), "was not found|is an address")
    unreadable = dict.fromkeys((loop, Path("nul\0l.mp4"), Path("x" * 5000)), "cannot be read")
    for path, reason in (no_files | absent | unreadable).items():
        with pytest.raises(EmomusicError, match=reason) as error:
            read(path)
        assert is_one_sentence(re.sub("^'.*?'", "''", str(error.value)))


class BrokenDisk(io.BytesIO):
    """A file that cannot be read beyond some bytes."""

    def __init__(self, data: bytes, num_bytes: int) -> None:
        super().__init__(data)
        self._num_bytes = num_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._num_bytes:
            raise OSError(errno.EIO, "The disk was removed")
        return super().read(min(size or 0, self._num_bytes))


def test_a_broken_disk_is_an_error_or_a_problem() -> None:
    for read in (read_song, lambda file: list(whole(file, 1.0))):
        with pytest.raises(AudioError, match="The disk was removed; copy it to another disk"):
            read(BrokenDisk(song("wav"), 5000))
    data = film("mkv") + bytes(2**20)  # more than is read at once
    with pytest.raises(FilmError) as error:
        FilmFile(BrokenDisk(data, 0))
    assert is_one_sentence(str(error.value))
    with FilmFile(BrokenDisk(data, len(data) // 2)) as broken:
        assert len(list(broken.frames())) > 0
        assert broken.problem is not None


def test_decoding_ends_after_a_time_and_a_hundred_scans_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_image(jpeg_with_scans(100, 200)).shape == (200, 200, 3)
    noise = encoded(Image.effect_noise((1500, 1500), 99), "PNG")
    monkeypatch.setattr(images, "WORK_S", 0.001)
    with pytest.raises(ImageError, match="takes too long"):
        read_image(noise)


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
    (target := tmp_path / "target.mp4").write_bytes(red_film())
    monkeypatch.setattr("emomusic.media.container._refuse", lambda *args: pytest.fail(f"opens {args}"))
    (path := tmp_path / "film.mov").write_bytes(with_location(film("mov"), target.as_posix().encode() + b"\x00"))
    with FilmFile(path) as opened:  # FFmpeg takes the samples from this file
        assert opened.picture(next(opened.frames()))[0, 0, 0] < 100


def test_a_film_whose_clock_stands_still_ends_after_a_second_of_frames() -> None:
    small, large = (encoded(Image.new("L", size), "JPEG") for size in ((8, 8), (4096, 2304)))
    for payload, num_frames, num_decoded in ((small, 3000, 1000), (large, 400, 128)):
        data = jpeg_film([payload] * num_frames, Fraction(1, 1_000_000))
        with FilmFile(io.BytesIO(data)) as still:
            assert sum(1 for _ in still.frames()) == pytest.approx(num_decoded, abs=2)
            assert is_one_sentence(still.problem or "")


def test_a_film_can_be_stopped_while_its_frames_are_skipped_as_are_those_that_grow() -> None:
    answers = itertools.chain([False, False], itertools.repeat(True))
    with FilmFile(io.BytesIO(film("mkv")), should_stop=lambda: next(answers)) as stopped:
        assert len(list(stopped.frames(0.1))) == 1
        assert stopped.problem is None  # the film is complete, the reading is not
    small = jpeg()
    data = jpeg_film([small, jpeg_claiming(65_500, 65_500), small, jpeg_claiming(5000, 5000), small])
    with FilmFile(io.BytesIO(data)) as growing:
        assert [round(frame.time_s, 1) for frame in growing.frames()] == [0, 0.2, 0.4]
        assert growing.problem is not None


MAX_GROWTH_MB, MAX_CPU_S = 1000, 20
DEAR = ("large.mp4", "text.png", "rows.csv")
"""Files that take seconds."""


def problems_of(number: int, folder: Path, seed: int = 0, but: Collection[str] = ()) -> list[str]:
    """Files without the expected sentence or result, those that take too long, and what all of them leave behind."""
    inside, outside = folder / "files", folder / "temporary"
    outside.mkdir()
    expected = {}
    for kind in KINDS:
        (inside / kind).mkdir(parents=True)
        for name, content, message in hostile_files(kind, number, seed, but):
            (inside / kind / name).write_bytes(content)
            expected[kind, name] = message
    done = run_python("-m", "tests.hostile.readers", inside, env={"TMPDIR": str(outside)}, timeout=60 * PATIENCE_S)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [done.stderr] if done.stderr else []
    if len(results) != len(expected):
        problems.append(f"{len(results)} results, status {done.returncode}")
    for kind, name, message, cpu_s, growth_mb in results:
        if (message and not is_good(message, kind)) or not re.search(expected[kind, name], message or ""):
            problems.append(f"{name}: {message}")
        if cpu_s > MAX_CPU_S or growth_mb > MAX_GROWTH_MB:
            problems.append(f"{name}: {cpu_s:.0f} s, {growth_mb:.0f} MB")
    return problems + [f"{path.name} stays" for path in outside.iterdir()]


def is_good(message: str, kind: str) -> bool:
    """Whether a message is one sentence, or for data what was expected and received, and what to do."""
    if kind in ("tables", "archives"):
        most = 1500 if kind == "tables" else 400  # a table names its rows that were left out, by reason
        return "\n" not in message and len(message) < most
    return is_one_sentence(message)


def test_a_sample_of_hostile_files_ends_in_sentences_and_leaves_nothing(tmp_path: Path):
    assert problems_of(20, tmp_path, but=DEAR) == []


@pytest.mark.slow
@pytest.mark.timeout(60 * PATIENCE_S)  # 1,300 files
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_hostile_files_end_in_sentences_and_leave_nothing(seed: int, tmp_path: Path):
    assert problems_of(200, tmp_path, seed) == []
