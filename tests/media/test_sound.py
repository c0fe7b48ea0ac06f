"""Loudness, silence and the mix of channels."""

import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media.audio_file import read_song
from emomusic.media.playback import WavOfSong, edges_of
from emomusic.media.sound import LEVEL_DB, SAMPLE_RATE, gain_of, loudness_of, mono_sound, without_silent_ends
from tests.songs.songs import RATE, song_bytes, song_of, tone

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
