"""Hostile films end in a short `FilmError` or in results, in bounded time and memory, and leave nothing behind."""

from __future__ import annotations

import errno
import io
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from emomusic.errors import FilmError
from emomusic.face.film import FilmNetworks, FilmReading, read_film
from emomusic.face.film_file import FilmFile
from emomusic.face.film_formats import is_film
from emomusic.plots.film import annotate_film
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier
from tests.films import CODECS, write_frames

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = FilmNetworks(FakeDetector(), FakeClassifier(), FakeIdentifier())
PATIENCE_S = 120
MAX_GROWTH_MB = 400
WIDTH, HEIGHT = 320, 180  # the codes of the sizes have two bytes
IMAGES = [np.full((HEIGHT, WIDTH, 3), (5 * number, 100, 255 - 5 * number), np.uint8) for number in range(30)]
VARIANTS: dict[str, dict[str, Any]] = {
    **{ending: {"ending": ending, "audio": audio} for ending, (_, audio) in CODECS.items()},
    "vp9": {"ending": "webm", "codec": "libvpx-vp9", "audio": "vorbis"},
    "mjpeg": {"ending": "avi", "codec": "mjpeg", "audio": "pcm_s16le"},
    "mpeg4": {"ending": "mkv", "codec": "mpeg4", "audio": "ac3"},
    "fragments": {"ending": "mp4", "audio": "aac", "options": {"movflags": "frag_keyframe+empty_moov"}},
    "live": {"ending": "webm", "options": {"live": "1"}},
}
"""Options of `write_frames`."""

DAMAGED = ["mp4", "mkv", "avi", "gif", "fragments"]


@cache
def intact(variant: str) -> bytes:
    buffer = io.BytesIO()
    write_frames(buffer, IMAGES, **VARIANTS[variant])
    return buffer.getvalue()


# What a hostile film may do


def end_of(source: Path | bytes, rate: float = 4.0) -> tuple[str | None, str | None, int]:
    """The error of a film, its problem, and its number of readings. Fails if it hangs."""
    received: list[Any] = []

    def look() -> None:
        try:
            received.append(_read(source, rate))
        except BaseException as error:
            received.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert received, "hangs"
    if isinstance(received[0], BaseException):
        raise received[0]
    return received[0]


def _read(source: Path | bytes, rate: float) -> tuple[str | None, str | None, int]:
    try:
        with FilmFile(io.BytesIO(source) if isinstance(source, bytes) else source, max_s=3600) as film:
            assert film.width * film.height > 0
            reading = FilmReading(film, rate)
            times = []
            for moment in read_film(film, NETWORKS, rate=rate):
                assert 0 <= moment.share <= 1
                assert max(moment.image.shape[:2]) <= 1280
                times.append(moment.time_s)
                reading.add(moment)
            assert times[0] == 0
            assert times == sorted(times)
            reading.scenes()
            return None, film.problem, len(times)
    except FilmError as error:
        return str(error), None, 0


def assert_short(message: str, name: str | None = None) -> None:
    """A message is one short sentence without a path."""
    text = message.replace(repr(name), "The film") if name is not None else message
    assert re.fullmatch(r"[A-Z][^.!?\n]*[.!?]", re.sub(r"\d\.\d", "0", text)), message
    assert len(text) < 160
    assert not re.search(r"[/\\]|Traceback|Error|Errno|\b0x", text)


def assert_refused(source: Path | bytes, match: str = "") -> None:
    error, _, _ = end_of(source)
    assert error is not None
    assert_short(error, source.name if isinstance(source, Path) else None)
    assert re.search(match, error), error


def assert_read(source: Path | bytes, *, problem: bool | None = None) -> None:
    error, message, num_readings = end_of(source)
    assert error is None
    assert num_readings > 0
    if message is not None:
        assert_short(message)
    assert problem is None or problem is (message is not None)


def assert_ends(source: Path | bytes) -> None:
    """Either is fine."""
    error, problem, _ = end_of(source)
    for message in (error, problem):
        if message is not None:
            assert_short(message, source.name if isinstance(source, Path) else None)


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(autouse=True)
def _nothing_is_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """No output, no file, no thread, no open file and no memory remains."""
    folder = tmp_path_factory.mktemp("hostile")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(folder)
    open_files, memory = _open_files(), memory_mb()
    yield
    assert list(folder.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "decoder"]
    assert _open_files() <= open_files
    assert memory_mb() - memory < MAX_GROWTH_MB
    assert capfd.readouterr() == ("", "")


def _open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    links = (entry.readlink().as_posix() for entry in folder.iterdir() if entry.is_symlink())
    return {link for link in links if link.startswith("/") and not link.endswith("(deleted)")}  # pytest's are deleted


def stored(tmp_path: Path, data: bytes, name: str = "film.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


# Intact films, for comparison


# Files that are no films


@cache
def mp4_with_sound_only(ending: str = "mp4") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=ending) as container:
        sound = container.add_stream("aac" if ending == "mp4" else "libopus", 48_000, layout="mono")
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 1024 * number, Fraction(1, 48_000)
            if ending != "mp4":
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), "flt", "mono")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * number, Fraction(1, 48_000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return buffer.getvalue()


def encoded(fmt: str, *more: Image.Image) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, fmt, save_all=bool(more), append_images=more)
    return buffer.getvalue()


OTHERS = {
    "empty": (b"", "is empty"),
    "text": (b"just text, renamed to .mp4\n" * 20, "is not a film"),
    "avif sequence": (b"\x00\x00\x00\x18ftypavis" + bytes(100), "is not a film"),
    "mpeg transport stream": ((b"\x47\x40\x00\x10" + bytes(184)) * 10, "is not a film"),
    "mp4 with sound only": (mp4_with_sound_only(), "has no video"),
    "ftyp and zeros": (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(500), "damaged"),
    "ebml only": (b"\x1a\x45\xdf\xa3", "damaged"),
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


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["list.mp4"])
def test_a_list_of_other_files_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    target = stored(tmp_path, red_film(), "target.mp4")
    for address in (target.as_posix(), target.name, target.as_uri(), "http://127.0.0.1:9/a.mp4", "concat:target.mp4"):
        assert_refused(stored(tmp_path, PLAYLISTS[kind].format(target=address).encode(), name), "is not a film")


# Paths


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    folder, pipe, link = tmp_path / "folder.mp4", tmp_path / "pipe.mp4", tmp_path / "link.mp4"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "missing.mp4")
    reasons = {folder: "is a folder", pipe: "device", Path("/dev/zero"): "device", link: "was not found"}
    for path, reason in reasons.items():
        assert_refused(path, reason)
        assert is_film(path) is False
    for name in ("nul\x00l.mp4", "x" * 5000):
        error, _, _ = end_of(Path(name))
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


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize("variant", ["mkv", "gif"])
def test_a_broken_disk_is_an_error(share: float, variant: str) -> None:
    data = intact(variant) + bytes(2**20)  # more than is read at once
    try:
        with FilmFile(BrokenDisk(data, int(share * len(data)))) as film:
            assert len(list(film.frames())) > 0
            assert film.problem is not None
    except FilmError as error:
        assert_short(str(error))


# Damaged films


@pytest.mark.parametrize("variant", DAMAGED)
def test_a_film_truncated_at_any_byte_ends(variant: str, tmp_path: Path) -> None:
    data = intact(variant)
    lengths = [*range(1, 80, 6), *np.linspace(80, len(data) - 1, 40).astype(int).tolist()]
    for length in lengths:
        assert_ends(data[:length])
    assert_ends(stored(tmp_path, data[: len(data) // 2]))


@pytest.mark.parametrize("variant", DAMAGED)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=30),
    in_head=st.booleans(),
)
def test_a_film_with_changed_bytes_ends(variant: str, changes: list[tuple[float, int]], in_head: bool) -> None:
    data = bytearray(intact(variant))
    for share, value in changes:
        data[int(share * (min(len(data), 600) if in_head else len(data)))] = value
    assert_ends(bytes(data))


SIGNATURES = [
    b"\x00\x00\x01\x00moov\x00\x00\x00\x6cmvhd",
    b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm\x42\x87\x81\x02\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
    b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih\x38\x00\x00\x00",
    b"GIF89a\x10\x00\x10\x00\x80\x00\x00",
]


@pytest.mark.parametrize("signature", SIGNATURES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rest=st.binary(max_size=2000))
def test_random_bytes_after_a_valid_signature_end(signature: bytes, rest: bytes) -> None:
    assert_ends(signature + rest)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=600))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert_refused(data)


# MP4


def patched(data: bytes, atom: bytes, offset: int, layout: str, *values: int) -> bytes:
    """A film with other values in the first atom of a kind."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(atom, data.index(b"moov")) + 4 + offset, *values)
    return bytes(changed)


LARGEST = 2**32 - 1

ATOMS = {
    "width of the sample": (b"avc1\x00\x00\x00\x00\x00\x00", 24, ">HH", 65_535, 65_535),
    "duration of the media": (b"mdhd", 12, ">II", 1, LARGEST - 1),
    "no unit of time": (b"mdhd", 12, ">II", 0, 0),
    "matrix of zeros": (b"tkhd", 40, ">9i", *[0] * 9),
    "number of samples": (b"stsz", 8, ">I", LARGEST),
    "size of a sample": (b"stsz", 12, ">I", LARGEST),
    "edit list": (b"elst", 4, ">III", LARGEST, LARGEST, LARGEST),
    "another codec": (b"avc1\x00\x00\x00\x00\x00\x00", -4, "4s", b"hvc1"),
}


@pytest.mark.parametrize("kind", ATOMS)
def test_an_mp4_with_absurd_values_ends(kind: str) -> None:
    atom, offset, layout, *values = ATOMS[kind]
    assert_ends(patched(intact("mp4"), atom, offset, layout, *values))  # type: ignore[arg-type]


def test_an_absurd_duration_is_unknown() -> None:
    with FilmFile(io.BytesIO(patched(intact("mp4"), b"mdhd", 12, ">II", 1, LARGEST - 1))) as film:
        assert film.duration_s is None or film.duration_s < 24 * 3600


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


@pytest.mark.parametrize("kind", ["path", "fifo"])
def test_a_film_opens_no_other_file(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = stored(tmp_path, red_film(), "target.mp4")
    monkeypatch.setattr("emomusic.face.film_file._refuse", lambda *args: pytest.fail(f"opens {args}"))
    if kind == "fifo":
        target.unlink()
        os.mkfifo(target)
    location = target.as_posix().encode() + b"\x00"
    path = stored(tmp_path, with_location(intact("mov"), location), "film.mov")
    assert_ends(path)
    if kind != "fifo":
        with FilmFile(path) as film:  # FFmpeg takes the samples from this file
            assert film.picture(next(film.frames()))[0, 0, 0] < 100
    alias = intact("mov").replace(b"url \x00\x00\x00\x01", b"alis\x00\x00\x00\x00")
    assert_ends(stored(tmp_path, alias, "alias.mov"))


def encrypted(scheme: str) -> bytes:
    buffer = io.BytesIO()
    keys = {"encryption_scheme": scheme, "encryption_key": "00" * 15 + "01", "encryption_kid": "00" * 15 + "02"}
    write_frames(buffer, IMAGES, ending="mp4", options=keys)
    return buffer.getvalue()


def test_an_encrypted_film_is_refused(tmp_path: Path) -> None:
    assert_refused(stored(tmp_path, encrypted("cenc-aes-ctr")), "encrypted")


def test_a_film_with_a_cover_only_has_no_video() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        sound = container.add_stream("aac", 48_000, layout="mono")
        cover = container.add_stream("mjpeg", 1)
        cover.width, cover.height, cover.pix_fmt = 40, 30, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(sound.encode(frame))
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((30, 40, 3), np.uint8), "rgb24")))
        container.mux(cover.encode())
        container.mux(sound.encode())
    assert_refused(buffer.getvalue(), "has no video")


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_film_without_frames_is_damaged(ending: str) -> None:
    buffer = io.BytesIO()
    codec = CODECS[ending][0]
    with av.open(buffer, "w", format={"mkv": "matroska"}.get(ending, ending)) as container:
        video = container.add_stream(codec, 10)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    assert_refused(buffer.getvalue(), "damaged|no video")


def test_nested_atoms_end() -> None:
    nested = b""
    for _ in range(2000):
        nested = struct.pack(">I", len(nested) + 8) + b"moov" + nested
    assert_refused(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + nested, "damaged|no video")
    assert_refused(b"\x00\x00\x00\x08free" * 50_000, "damaged|no video")


# Matroska


def ebml(code: str, body: bytes, size: bytes | None = None) -> bytes:
    return bytes.fromhex(code) + (size or struct.pack(">Q", 1 << 56 | len(body))) + body


HEAD = ebml("1a45dfa3", ebml("4282", b"matroska"))
ENDLESS, UNKNOWN = b"\x01" + b"\xff" * 6 + b"\xfe", b"\x01" + b"\xff" * 7


def deep(code: str, levels: int, size: bytes | None = None) -> bytes:
    body = b""
    for _ in range(levels):
        body = ebml(code, body, size)
    return body


EBML = {
    "endless head": ebml("1a45dfa3", b"", ENDLESS) + bytes(100),
    "endless tracks": HEAD + ebml("18538067", ebml("1654ae6b", bytes(50), ENDLESS), UNKNOWN),
    "deep unknown segments": HEAD + deep("18538067", 2000, UNKNOWN),
    "many heads": HEAD * 2000,
    "looping index": HEAD
    + ebml("18538067", ebml("114d9b74", ebml("4dbb", ebml("53ab", bytes.fromhex("114d9b74")) + ebml("53ac", b"\x00")))),
}


@pytest.mark.parametrize("kind", EBML)
def test_garbage_sizes_of_matroska_end(kind: str) -> None:
    assert_refused(EBML[kind], "damaged|no video|incomplete")


def packets_of(codec: str, payloads: Sequence[bytes]) -> bytes:
    """A film with these packets, announced with 40x30 pixels."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = container.add_stream(codec, 10)
        stream.width, stream.height, stream.pix_fmt = 40, 30, "yuvj420p" if codec == "mjpeg" else "rgb24"
        for number, payload in enumerate(payloads):
            packet = av.Packet(payload)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 10), stream, True
            container.mux(packet)
    return buffer.getvalue()


def jpeg_claiming(width: int, height: int) -> bytes:
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


# Sizes


def gif_of(width: int, height: int, *, frame: tuple[int, int] | None = None, rest: bytes = b"") -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, *(frame or (width, height)), 0) + b"\x02\x02\x4c\x01\x00"
    return screen + image + (rest or image) + b";"


@cache
def large_film(codec: str, ending: str) -> bytes:
    """A film of 5000x5000 pixels."""
    buffer = io.BytesIO()
    write_frames(buffer, [np.zeros((5000, 5000, 3), np.uint8)] * 2, ending=ending, codec=codec)
    return buffer.getvalue()


def disguised(data: bytes) -> bytes:
    """A large WebM film that announces 320x180 pixels."""
    large, small = struct.pack(">H", 5000), (struct.pack(">H", WIDTH), struct.pack(">H", HEIGHT))
    for code, side in zip((b"\xb0\x82", b"\xba\x82"), small, strict=True):
        assert data.count(code + large) == 1
        data = data.replace(code + large, code + side)
    return data


OVERSIZED: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "gif screen just above": (lambda: gif_of(4097, 2304), "too large"),
    "gif frame": (lambda: gif_of(1, 1, frame=(65_535, 65_535)), None),
    "h264": (lambda: large_film("libx264", "mp4"), "too large"),
    "vp8 in disguise": (lambda: disguised(large_film("libvpx", "webm")), "damaged"),
    "jpeg in disguise": (lambda: packets_of("mjpeg", [jpeg_claiming(65_500, 65_500)] * 9), "damaged"),
}


@pytest.mark.parametrize("kind", OVERSIZED)
def test_an_oversized_film_is_refused(kind: str) -> None:
    make, message = OVERSIZED[kind]
    if message is None:  # the frames have another size than the head
        assert_ends(make())
    else:
        assert_refused(make(), message)


def test_oversized_films_take_little_memory(tmp_path: Path) -> None:
    """A subprocess, because the peak belongs to the process."""
    for number, (make, _) in enumerate(OVERSIZED.values()):
        stored(tmp_path, make(), f"{number}.mp4")
    code = r"""
import re, sys
from pathlib import Path
from emomusic.errors import FilmError
from emomusic.face.film_file import FilmFile

def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

before, num_refused = peak(), 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        with FilmFile(path) as film:
            list(film.frames())
    except FilmError:
        num_refused += 1
print(num_refused, peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    num_refused, growth_mb = done.stdout.split()
    assert int(num_refused) >= sum(message is not None for _, message in OVERSIZED.values())
    assert float(growth_mb) < MAX_GROWTH_MB


def test_a_frame_that_grows_within_the_film_is_skipped() -> None:
    small = encoded("JPEG")
    data = packets_of("mjpeg", [small, jpeg_claiming(65_500, 65_500), small, jpeg_claiming(5000, 5000), small])
    with FilmFile(io.BytesIO(data)) as film:
        assert [round(frame.time_s, 1) for frame in film.frames()] == [0, 0.2, 0.4]
        assert film.problem is not None


# GIF


def test_a_gif_with_a_broken_second_frame_ends() -> None:
    data = encoded("GIF", Image.new("RGB", (40, 30), "blue"), Image.new("RGB", (40, 30), "green"))
    second = data.index(b",", data.index(b",") + 20)
    for length in (1, 5, 10, 12):
        assert_ends(data[: second + length] + b"\xff" * 30 + data[second + length + 30 :])
        assert_read(data[: second + length], problem=True)
        assert_read(data[: second + length] + b";")


# AVI


# Marking


@pytest.mark.parametrize("variant", ["mp4", "avi"])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=100),
    length=st.floats(0.3, 1),
)
def test_marking_a_damaged_film_ends(variant: str, changes: list[tuple[float, int]], length: float) -> None:
    data = bytearray(intact(variant))
    for share, value in changes:
        data[int(share * len(data))] = value
    damaged, out = bytes(data[: int(length * len(data))]), io.BytesIO()
    try:
        with FilmFile(io.BytesIO(damaged)) as film:
            reading = FilmReading(film)
            for moment in read_film(film, NETWORKS):
                reading.add(moment)
        with FilmFile(io.BytesIO(damaged), with_audio=True) as film:
            annotate_film(film, reading, out)
    except FilmError as error:
        message = str(error)
    else:
        message = ""
        assert_read(out.getvalue())
    assert "\n" not in message
    assert len(message) < 160
