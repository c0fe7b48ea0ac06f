"""Tags and windows of real audio files of every format."""

import io
import itertools
import time
from pathlib import Path

import av
import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media import audio_file
from emomusic.media.audio_file import AudioFile, read_song, whole
from emomusic.media.formats import AUDIO_ENDINGS, HEAD_BYTES, Kind, kind_of, mime_type_of
from emomusic.media.images import encode_png
from emomusic.media.sound import SAMPLE_RATE
from tests.hostile.generator import wav
from tests.songs.songs import CODECS, song_bytes, song_of, tone

PAUSE = np.zeros((2, 45 * SAMPLE_RATE))
MUSIC = tone(20, rate=SAMPLE_RATE)
LONG_APE = b"APETAGEX\xd0\x07\0\0\x40\x0d\x03\0" + bytes(16) + b"\x11" * 200_000


def loudness(samples: np.ndarray) -> float:
    return float(samples.std()) * 2**0.5


def frequency(samples: np.ndarray) -> float:
    """The loudest frequency in hertz."""
    return float(np.abs(np.fft.rfft(samples)).argmax()) * SAMPLE_RATE / len(samples)


@pytest.mark.parametrize("ending", CODECS)
def test_a_short_song_is_known_and_one_window_with_its_tags(ending: str, tmp_path: Path):
    content = song_bytes(ending)
    (tmp_path / "song").write_bytes(content)
    assert ending in AUDIO_ENDINGS
    assert kind_of(content) == kind_of(tmp_path / "song") == kind_of(io.BytesIO(content)) == Kind.SONG
    types = {"mp3": "mpeg", "m4a": "mp4", "opus": "ogg"}
    assert mime_type_of(content[:HEAD_BYTES]) == f"audio/{types.get(ending, ending)}"
    song = read_song(io.BytesIO(content), "x")
    assert (song.title, song.artists, song.album) == ("A Tone", ("Oscillator", "Friend"), "Waves")
    assert (song.genres, song.year, song.note is None) == (("rock",), 1999, False)
    assert song.duration_s == pytest.approx(2, abs=0.1)
    (window,) = song.windows
    assert window.start_s == 0
    assert window.samples.dtype == np.float32
    assert len(window.samples) / SAMPLE_RATE == pytest.approx(song.duration_s, abs=0.01)
    assert frequency(window.samples) == pytest.approx(440, abs=2)
    assert loudness(window.samples) == pytest.approx(0.375, abs=0.02)  # the mean of 0.5 and 0.25


@pytest.mark.parametrize("ending", ["mp3", "m4a", "wav"])
def test_a_long_song_has_three_windows_at_the_right_places(ending: str):
    parts = [tone(21, hertz=hertz, volume=0.4, rate=SAMPLE_RATE) for hertz in (300, 600, 900)]
    song = read_song(song_of(np.concatenate(parts, axis=1), ending, rate=SAMPLE_RATE))
    assert song.duration_s == pytest.approx(63, abs=0.2)
    assert [window.start_s for window in song.windows] == pytest.approx([9, 30, 51], abs=0.1)
    assert [len(window.samples) for window in song.windows] == [48_128] * 3
    for hertz, window in zip((300, 600, 900), song.windows, strict=True):
        for samples in (window.samples[:8000], window.samples[-8000:]):
            assert frequency(samples) == pytest.approx(hertz, abs=2)


def test_silence_is_refused_and_what_is_not_heard_of_a_right_file_is_no_damage():
    noise = 3e-4 * np.random.default_rng(0).uniform(-1, 1, (2, 3 * SAMPLE_RATE))
    for sound in (np.zeros((2, 3 * SAMPLE_RATE)), np.zeros((2, 90 * SAMPLE_RATE)), noise):
        file = song_of(sound.astype(np.float32), "flac", rate=SAMPLE_RATE)
        for read in (read_song, lambda source: list(whole(source, 2.0))):
            with pytest.raises(AudioError, match="is silent"):
                read(file)
    for channels, rate in ((24, 8000), (1, 2000)):
        content = wav(bytes(4 * channels * rate), channels=channels, rate=rate)
        with pytest.raises(AudioError, match=rf"{channels} channels? at {rate:,} Hz"):
            read_song(io.BytesIO(content), "song.wav")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([MUSIC, PAUSE, PAUSE, PAUSE, MUSIC], id="a hidden track"),
        pytest.param([PAUSE, PAUSE, MUSIC], id="after the longest sound that is decoded from the start"),
        pytest.param([MUSIC, PAUSE], id="at the start"),
        pytest.param([PAUSE[:, : 20 * SAMPLE_RATE], MUSIC, PAUSE[:, : 9 * SAMPLE_RATE]], id="a short song"),
    ],
)
def test_windows_lie_where_the_song_sounds(parts: list[np.ndarray], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audio_file, "MAX_S", 70.0)
    sound = np.concatenate(parts, axis=1)
    song = read_song(buffer := song_of(sound.astype(np.float32), "flac", rate=SAMPLE_RATE))
    assert song.duration_s == pytest.approx(sound.shape[1] / SAMPLE_RATE, abs=0.1)
    assert sum(len(window.samples) for window in song.windows) >= 6 * SAMPLE_RATE
    assert [window.start_s for window in song.windows] == sorted({window.start_s for window in song.windows})
    for window in song.windows:
        assert (np.abs(window.samples) > 1e-3).mean() > (0.2 if song.duration_s < 60 else 0.85)
    if parts[1] is not PAUSE or parts[0] is MUSIC:
        assert all(np.abs(window.samples).max() > 0.1 for window in whole(buffer, 10.0))


def test_more_than_eight_channels_are_heard():
    with av.open(buffer := io.BytesIO(), "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="10C")
        stream.codec_context.options = {"mapping_family": "255"}
        frame = av.AudioFrame(format="flt", layout="10C", samples=960)
        frame.sample_rate = 48_000
        frame.planes[0].update(np.repeat(tone(0.02, rate=48_000)[0], 10).tobytes())
        for number in range(100):
            frame.pts = number * 960
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (window,) = read_song(buffer).windows  # one plane for each channel ended the process
    assert loudness(window.samples) == pytest.approx(10 * 0.5 / 2, rel=0.2)


def test_a_film_with_sound_only_is_a_song_of_its_default_track():
    for kind in (("webm", "libopus"), ("matroska", "libmp3lame"), ("mp4", "aac"), ("mov", "alac")):
        content = song_bytes(kind, 3, rate=48_000)
        assert kind_of(content) == Kind.SONG
        assert read_song(io.BytesIO(content)).duration_s == pytest.approx(3, abs=0.1)
    with av.open(buffer := io.BytesIO(), "w", format="matroska") as output:
        streams = [output.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="stereo") for _ in range(2)]
        for stream, disposition in zip(streams, (0, av.stream.Disposition.default), strict=True):
            stream.disposition = disposition
        for hertz, stream in zip((300, 900), streams, strict=True):
            sound = (tone(3, hertz=hertz, rate=SAMPLE_RATE) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T.reshape(1, -1)), "s16", "stereo")
            frame.sample_rate = SAMPLE_RATE
            output.mux([*stream.encode(frame), *stream.encode(None)])
    (window,) = read_song(buffer).windows
    assert frequency(window.samples) == pytest.approx(900, abs=2)


def test_chains_of_songs_and_songs_behind_junk_or_a_long_tag_are_heard():
    song = read_song(io.BytesIO(song_bytes("opus", 6, rate=48_000) + song_bytes("opus", 8, rate=48_000)))
    assert (song.duration_s, song.note) == (pytest.approx(14, abs=0.2), None)
    content = song_bytes("mp3", 70, rate=SAMPLE_RATE)
    for front, cut in ((b"\x11" * 40_000, 0), (b"\x11", 700), (LONG_APE, 700)):
        song = read_song(io.BytesIO(front + content[cut:]))
        assert song.duration_s == pytest.approx(70, abs=0.3)
        assert frequency(song.windows[0].samples) == pytest.approx(440, abs=2)
    tag = b"ID3\4\0\0\0\x08\0\0" + bytes(2**17)
    assert read_song(io.BytesIO(tag + song_bytes("flac"))).title == "A Tone"
    with pytest.raises(AudioError, match="format that is not read"):
        read_song(io.BytesIO(tag + b"\xff\xf1\x50\x80" * 9999))


def test_the_cover_is_read_on_demand_and_decoding_ends_after_a_time(monkeypatch: pytest.MonkeyPatch):
    for ending in ("mp3", "flac"):
        cover = encode_png(np.full((8, 8, 3), 200, np.uint8))
        content = song_bytes(ending, cover=cover)
        for source, found in ((content, cover), (song_bytes(ending), None)):
            with AudioFile(source) as file:
                assert file.cover() == found
        assert len(read_song(io.BytesIO(content)).windows) == 1
    clock = itertools.count()
    monkeypatch.setattr(time, "thread_time", lambda: 0.1 * next(clock))
    for read in (read_song, lambda source: list(whole(source, 1.0))):
        with pytest.raises(AudioError, match="takes too long"):
            read(io.BytesIO(song_bytes("wav", 90, rate=SAMPLE_RATE)))
