"""Damaged, mislabelled, very short and hostile audio files: one sentence each. More in `generator`."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media.audio_file import SAMPLE_RATE, read_cover, read_song, whole
from emomusic.media.images import encode_png
from tests.films import write_frames
from tests.hostile.generator import flac, is_one_sentence, song, wav
from tests.songs.songs import song_bytes


def error_of(source: Path | bytes) -> str | None:
    """The sentence about a file that cannot be read, or None. What can be read holds to the limits."""
    results = []
    for read in (read_song, read_cover, lambda file: list(whole(file, 1.0))):
        try:
            results.append(read(io.BytesIO(source) if isinstance(source, bytes) else source))
        except AudioError as error:
            results.append(str(error))
    assert all(is_one_sentence(result) for result in results if isinstance(result, str)), results
    if isinstance(results[0], str):
        return results[0]
    for window in results[0].windows:
        assert window.samples.dtype == np.float32
        assert len(window.samples) <= 60 * SAMPLE_RATE
        assert np.abs(window.samples).max() <= 1
    return None


# Other files


def test_text_under_the_name_of_a_song_is_refused(tmp_path: Path):
    path = tmp_path / "song.mp3"
    for text in ("a song\n" * 999, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "ffconcat version 1.0\nfile x.wav"):
        path.write_text(text)
        assert "not an audio file" in (error_of(path) or "")
    path.write_text("")
    assert "is empty" in (error_of(path) or "")


def test_pictures_and_films_are_refused(tmp_path: Path):
    write_frames(film := io.BytesIO(), [np.full((32, 32, 3), shade, np.uint8) for shade in (0, 99)])
    for name, content in (
        ("x.m4a", film.getvalue()),
        ("x.mp3", film.getvalue()),
        ("x.wav", encode_png(np.zeros((8, 8, 3), np.uint8))),
    ):
        (path := tmp_path / name).write_bytes(content)
        assert re.search("no sound|not an audio file", error_of(path) or "")


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mp3")
    (tmp_path / "loop.mp3").symlink_to(tmp_path / "loop.mp3")
    assert "folder or a device" in (error_of(tmp_path) or "")
    assert "folder or a device" in (error_of(tmp_path / "pipe.mp3") or "")
    assert "folder or a device" in (error_of(Path("/dev/zero")) or "")
    assert "cannot be read" in (error_of(tmp_path / "loop.mp3") or "")
    assert "not found" in (error_of(tmp_path / "absent.mp3") or "")
    with pytest.raises(AudioError, match="cannot be read"):
        read_song("a\0b.mp3")


def test_a_disk_error_is_explained():
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 5000:
                raise OSError(5, "Input/output error")
            return super().read(min(size or 0, 5000))

    for read in (read_song, lambda file: list(whole(file, 1.0))):
        with pytest.raises(AudioError, match="Input/output error; copy it to another disk"):
            read(Broken(song("wav")))


# Hostile heads


NOISE = np.random.default_rng(0).integers(-9000, 9000, 48_000).astype("<i2").tobytes()


def test_a_plain_file_is_read():
    assert error_of(wav(NOISE)) is None
    assert error_of(wav(np.frombuffer(NOISE, "<i2").astype("<f4").tobytes(), tag=3, bits=32)) is None  # beyond 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav(NOISE, rate=2**31 - 1), "damaged"),
        (wav(NOISE, rate=1), "damaged"),
        (wav(NOISE * 4, channels=500), "damaged"),
        (wav(NOISE, channels=0), "damaged"),
        (wav(NOISE, tag=0x55), ""),  # said to be MP3
        (wav(NOISE, tag=0x161), "rare audio format"),  # said to be WMA
        (wav(b""), "damaged"),
        (flac(100_000, size=16, rates=(8000, 44_100, 16_000)), "damaged"),  # its rate jumps
        (wav(NOISE[:16_000]), "shorter than a second"),
        (wav(bytes(96_000)), "silent"),
        (wav(np.full(32_000, np.nan, "<f4").tobytes(), tag=3, bits=32), "silent"),
        (wav(np.full(32_000, np.inf, "<f4").tobytes(), tag=3, bits=32), "silent"),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(9999), "damaged"),
        (song("m4a").replace(b"mp4a", b"enca"), "encrypted"),
        (song("m4a").replace(b"mp4a", b"drms"), "encrypted"),
        (song("mp3")[:2000] + b"\0" * 2000, ""),
    ],
)
def test_a_hostile_head_is_refused(content: bytes, message: str):
    error = error_of(content)
    assert message in (error or "")


def test_a_huge_picture_is_left_out():
    tag = b"APIC" + (2**24).to_bytes(4, "big") + b"\0\0\0image/png\0\3\0\x89PNG\r\n\x1a\n" + bytes(2**24 - 22)
    size = bytes(len(tag) >> shift & 127 for shift in (21, 14, 7, 0))
    content = b"ID3\3\0\0" + size + tag + song_bytes("mp3")
    assert read_cover(io.BytesIO(content)) is None


def test_reading_stops_at_the_limit():
    class Endless(io.BytesIO):
        num_read = 0

        def read(self, size: int | None = -1) -> bytes:
            self.num_read += size or 0
            return (b"ID3\4\0\0\x7f\x7f\x7f\x7f" * (size or 0))[:size]

    with pytest.raises(AudioError, match="damaged"):
        read_song(file := Endless())
    assert 2**20 < file.num_read < 2**27
