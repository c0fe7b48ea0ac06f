"""Tags and windows of real audio files of every format; loudness, silence and the mix of channels."""

import io
import itertools
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media import audio_file
from emomusic.media.audio_file import AudioFile, read_song, whole
from emomusic.media.formats import AUDIO_ENDINGS, HEAD_BYTES, Kind, kind_of, mime_type_of
from emomusic.media.images import encode_png
from emomusic.media.playback import WavOfSong, edges_of
from emomusic.media.sound import LEVEL_DB, SAMPLE_RATE, gain_of, loudness_of, mono_sound, without_silent_ends
from tests.hostile.generator import wav
from tests.songs.songs import CODECS, RATE, song_bytes, song_of, tone

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


TIMES = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
LEFT, RIGHT, LOW = (tone(3, hertz=hertz, rate=SAMPLE_RATE)[0] for hertz in (440, 660, 40))


def sine(level_db: float, *, hertz: float = 997) -> np.ndarray:
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * TIMES)).astype(np.float32)


def test_loudness_is_that_of_bs_1770_and_every_sound_comes_to_one_level():
    assert loudness_of([sine(0)]) == pytest.approx(-3.01, abs=0.05)  # the standard's own example
    assert loudness_of([sine(-40)]) == pytest.approx(-43.01, abs=0.05)
    assert loudness_of([sine(0, hertz=20)]) < -10  # nearly inaudible
    assert loudness_of([sine(0, hertz=4000)]) == pytest.approx(0.3, abs=1)
    # The gates leave out what is far below the rest
    assert loudness_of([sine(-50), sine(-23), sine(-50)]) == pytest.approx(-26.0, abs=0.1)
    assert loudness_of([sine(-20), np.zeros_like(TIMES, np.float32)]) == pytest.approx(-23.01, abs=0.05)
    for silent in ([], [np.zeros(9, np.float32)], [sine(-75)]):
        assert loudness_of(silent) == -np.inf
        assert gain_of(loudness_of(silent)) == 1
    for samples in map(sine, (-40, -20, 0, 18)):
        assert loudness_of([samples * gain_of(loudness_of([samples]))]) == pytest.approx(LEVEL_DB, abs=0.01)


def test_silent_ends_are_found_and_cut_and_a_silent_file_has_none():
    for ending in ("wav", "flac", "mp3", "ogg", "m4a"):
        edges = edges_of(song_of(np.concatenate([silence(3), tone(4), silence(2)], axis=1), ending))
        assert (edges.lead_s, edges.tail_s) == (pytest.approx(3, abs=0.1), pytest.approx(2, abs=0.1))
        assert edges.join_s < 0.6
    tags = [{"album": "Waves", "album_artist": "Various", "artist": name, "track": name} for name in "12"]
    first, second = (edges_of(song_of(tone(1), "flac", tags=each)) for each in tags)
    assert first.leads_to(second)
    sound = np.concatenate([np.zeros(16_000), sine(-20)[:16_000], np.zeros(17_000)]).astype(np.float32)
    at, cut = without_silent_ends(sound)
    assert (at, len(cut)) == (8_000, 32_000)
    assert len(without_silent_ends(sine(-20))[1]) == len(TIMES)
    edges = edges_of(song_of(silence(5)))
    assert (edges.lead_s, edges.tail_s) == (0, 0)


def test_samples_that_change_their_kind_are_refused_and_a_file_without_sound_is_no_wav(tmp_path: Path):
    def frames(number: int) -> list[av.AudioFrame]:
        made = [av.AudioFrame.from_ndarray(np.ones((1, 800), np.float32), "flt", "mono") for _ in range(number)]
        for place, frame in enumerate(made):
            frame.sample_rate = (8_000, 16_000)[place % 2]
        return made

    assert sum(map(len, mono_sound(frames(3)))) == pytest.approx(4000, abs=200)
    with pytest.raises(ValueError, match="of one kind"):
        list(mono_sound(frames(300)))
    (broken := tmp_path / "broken.mp3").write_bytes(song_bytes("mp3")[:200] + bytes(5000))
    with pytest.raises(AudioError):
        WavOfSong(broken)


@pytest.mark.parametrize(
    ("layout", "sounds", "mono"),
    [
        pytest.param("stereo", {"FL": 8 * LEFT, "FR": 8 * RIGHT}, 4 * (LEFT + RIGHT), id="beyond full scale"),
        pytest.param("stereo", {"FL": LEFT, "FR": -LEFT}, LEFT, id="which cancel each other"),
        pytest.param("stereo", {"FL": LEFT, "FR": -0.8 * LEFT}, LEFT, id="which nearly cancel each other"),
        pytest.param("5.1", {"LFE": LEFT}, LEFT / 2, id="low effects alone"),
        *(
            pytest.param(layout, {first: LEFT, second: RIGHT}, (LEFT + RIGHT) / 2, id=f"{first} and {second}")
            for layout, first, second in (("quad", "FL", "FR"), ("quad", "BL", "BR"), ("5.0", "FC", "BR"))
        ),
        *(
            pytest.param(layout, {first: LEFT, second: RIGHT, "LFE": 1.8 * LOW}, (LEFT + RIGHT) / 2, id=layout)
            for layout, first, second in (("5.1", "FL", "FR"), ("5.1", "FC", "BR"), ("7.1", "FC", "SR"))
        ),
    ],
)
def test_channels_that_sound_are_mixed(layout: str, sounds: dict[str, np.ndarray], mono: np.ndarray):
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    channels = np.zeros((len(names), len(mono)), np.float32)
    for name, sound in sounds.items():
        channels[names.index(name)] = sound
    (window,) = read_song(song_of(channels, ("wav", "pcm_f32le"), rate=SAMPLE_RATE, layout=layout)).windows
    np.testing.assert_allclose(window.samples, mono, atol=2e-3)


def silence(seconds: float) -> np.ndarray:
    return np.zeros((2, round(seconds * RATE)), np.float32)


def test_a_song_is_soft_up_to_its_loudness_and_the_next_of_its_album_follows_without_a_cut() -> None:
    fall = 10 ** (-np.linspace(0, 60, 4 * RATE) / 20).astype(np.float32)  # 15 dB in a second
    edges = edges_of(song_of(np.concatenate([tone(4) * fall[::-1], tone(6), tone(4) * fall], axis=1)))
    assert (edges.rise_s, edges.join_s) == (pytest.approx(3.2, abs=0.3), pytest.approx(3.1, abs=0.3))

    def track(number: str, album: str = "Waves", disc: str = "1") -> io.BytesIO:
        return song_of(tone(1), "flac", tags={"album": album, "artist": "A", "track": number, "disc": disc})

    first = edges_of(track("1/9"))
    assert first.leads_to(edges_of(track("2/9")))
    assert first.leads_to(edges_of(track("1", disc="2")))
    for other in (track("3"), track("2", album="Others"), song_of(tone(1), "flac", tags={})):
        assert not first.leads_to(edges_of(other))


@pytest.mark.parametrize("kind", [("ipod", "alac"), "aiff", ("wav", "pcm_f64le")])
def test_a_song_is_wav_from_any_place_on(kind: str | tuple[str, str]) -> None:
    sound = tone(3) * np.linspace(0, 1, 3 * RATE, dtype=np.float32)
    file = io.BufferedReader(WavOfSong(song_of(sound, kind)))
    content = file.read()
    with wave.open(io.BytesIO(content)) as song:
        assert (song.getnchannels(), song.getsampwidth(), song.getframerate()) == (2, 2, RATE)
        assert song.getnframes() == pytest.approx(3 * RATE, abs=RATE / 50)
        samples = np.frombuffer(song.readframes(song.getnframes()), "<i2").reshape(-1, 2)
    np.testing.assert_allclose(samples[: 2 * RATE, 0], 32767 * sound[0, : 2 * RATE], rtol=0, atol=40)
    for place in (44 + 4 * RATE, 44 + 4 * RATE + 3, 10, len(content) - 100):
        file.seek(place)
        part = file.read(1000)
        assert len(part) == min(1000, len(content) - place)
    file.seek(44 + 4 * RATE)
    near = np.frombuffer(file.read(4000), "<i2").reshape(-1, 2)
    # The filter of another rate begins anew
    np.testing.assert_allclose(near, samples[RATE : RATE + 1000], rtol=0, atol=400)
