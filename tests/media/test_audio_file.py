"""Tags and windows of real audio files of every format."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media import audio_file
from emomusic.media.audio_file import PATCH_S, SAMPLE_RATE, read_cover, read_song, whole, windows_of
from emomusic.media.images import encode_png
from tests.songs.songs import CODECS, RATE, song_bytes, tone, write_song


def loudness(samples: np.ndarray) -> float:
    return float(samples.std()) * 2**0.5


def frequency(samples: np.ndarray) -> float:
    """The loudest frequency in hertz."""
    return float(np.abs(np.fft.rfft(samples)).argmax()) * SAMPLE_RATE / len(samples)


@pytest.mark.parametrize("ending", CODECS)
def test_a_short_song_is_one_window_with_its_tags(ending: str):
    song = read_song(io.BytesIO(song_bytes(ending)), "x")
    assert (song.title, song.artists, song.album) == ("A Tone", ("Oscillator", "Friend"), "Waves")
    assert (song.genres, song.year) == (("rock",), 1999)
    assert song.duration_s == pytest.approx(2, abs=0.1)
    (window,) = song.windows
    assert window.start_s == 0
    assert window.samples.dtype == np.float32
    assert len(window.samples) / SAMPLE_RATE == pytest.approx(song.duration_s, abs=0.01)
    assert frequency(window.samples) == pytest.approx(440, abs=2)
    assert loudness(window.samples) == pytest.approx(0.375, abs=0.02)  # the mean of 0.5 and 0.25


@pytest.mark.parametrize("ending", [ending for ending in CODECS if ending != "ogg"])  # its encoder writes wrong times
def test_a_long_song_has_three_windows_at_the_right_places(ending: str, tmp_path: Path):
    path = tmp_path / f"song.{ending}"
    parts = [tone(30, hertz=hertz, volume=0.4, rate=SAMPLE_RATE) for hertz in (300, 600, 900)]
    write_song(path, ending, np.concatenate(parts, axis=1), rate=SAMPLE_RATE)
    song = read_song(path)
    assert song.duration_s == pytest.approx(90, abs=0.2)
    assert [window.start_s for window in song.windows] == pytest.approx([13.5, 43.5, 73.5], abs=0.1)
    assert [len(window.samples) for window in song.windows] == [48_128] * 3
    for hertz, window in zip((300, 600, 900), song.windows, strict=True):
        for samples in (window.samples[:8000], window.samples[-8000:]):
            assert frequency(samples) == pytest.approx(hertz, abs=2)


class Pipe(io.RawIOBase):
    """A stream without `seek`, which gives a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        part = self._file.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize("ending", ["mp3", "flac", "opus", "wav"])
def test_a_stream_without_seek_is_read_from_the_start(ending: str):
    content = song_bytes(ending, 70, rate=SAMPLE_RATE)
    song, expected = read_song(Pipe(content)), read_song(io.BytesIO(content))
    assert song.title == "A Tone"
    assert song.duration_s == pytest.approx(expected.duration_s, abs=0.1)
    assert [window.start_s for window in song.windows] == pytest.approx([w.start_s for w in expected.windows], abs=0.1)


def test_a_file_that_ends_early_has_windows_over_what_is_left(tmp_path: Path):
    content = song_bytes("flac", 150, rate=SAMPLE_RATE)
    song = read_song(io.BytesIO(content[: len(content) // 2]))
    assert song.duration_s == pytest.approx(75, abs=3)
    assert len(song.windows) == 3


def test_an_endless_stream_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audio_file, "MAX_S", 65.0)

    class Endless(Pipe):
        def readinto(self, buffer) -> int:
            return super().readinto(buffer) or len(buffer)

    content = song_bytes("wav", 1)
    content = content[:4] + b"\xff\xff\xff\xff" + content[8:]
    at = content.index(b"data") + 4
    song = read_song(Endless(content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]))
    assert [window.start_s for window in song.windows] == pytest.approx([9.33, 31.0, 52.66], abs=0.01)


def test_a_song_without_tags_has_the_name_of_its_file(tmp_path: Path):
    write_song(path := tmp_path / os.fsdecode(b"my_\xff song.wav"), "wav", tone(1), tags={})
    song = read_song(path)
    assert song.title == "my \N{REPLACEMENT CHARACTER} song"
    assert (song.artists, song.album, song.genres, song.year) == ((), None, (), None)


@pytest.mark.parametrize("ending", ["mp3", "flac"])
def test_the_cover_is_read_on_demand(ending: str):
    cover = encode_png(np.full((8, 8, 3), 200, np.uint8))
    content = song_bytes(ending, cover=cover)
    assert read_cover(io.BytesIO(content)) == cover
    assert len(read_song(io.BytesIO(content)).windows) == 1
    assert read_cover(io.BytesIO(song_bytes(ending))) is None


def test_the_whole_song_has_windows_at_equal_distances():
    windows = list(whole(io.BytesIO(song_bytes("wav", 20)), 2.5))
    assert [window.start_s for window in windows] == [0, 2.5, 5, 7.5, 10, 12.5, 15]
    assert {len(window.samples) for window in windows} == {round(PATCH_S * SAMPLE_RATE)}
    assert all(frequency(window.samples) == pytest.approx(440, abs=2) for window in windows)
    assert len(list(whole(io.BytesIO(song_bytes("wav", 2)), 2.5))) == 1


@pytest.mark.parametrize("step_s", [0.5, 3.008, 10.0])
def test_windows_hold_the_right_samples(step_s: float):
    sound = np.arange(50 * SAMPLE_RATE, dtype=np.float32)
    blocks = np.split(sound, np.sort(np.random.default_rng(0).integers(0, len(sound), 60)))
    windows = list(windows_of(blocks, step_s))
    assert [window.start_s for window in windows] == pytest.approx(list(np.arange(0, 50 - PATCH_S, step_s)))
    assert all(window.samples[0] == window.start_s * SAMPLE_RATE for window in windows)


def test_a_long_song_is_read_in_part():
    class Counted(io.BytesIO):
        num_read = 0

        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            self.num_read += len(content)
            return content

    file = Counted(song_bytes("wav", 240))
    read_song(file)
    assert file.num_read < len(file.getvalue()) / 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (song_bytes("wav", 0.5), "shorter than a second"),
        (song_bytes("wav")[:80], "damaged"),
    ],
)
def test_a_very_short_song_is_refused(content: bytes, message: str):
    for read in (read_song, lambda source: list(whole(source, 1))):
        with pytest.raises(AudioError, match=message):
            read(io.BytesIO(content))


def test_silence_is_refused():
    buffer = io.BytesIO()
    write_song(buffer, "flac", np.zeros((2, 3 * RATE), np.float32))
    with pytest.raises(AudioError, match="is silent"):
        read_song(buffer, "x")
