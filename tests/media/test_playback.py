"""Where songs sound, which follow each other in an album, and the WAV of a song from any place on."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from emomusic.errors import AudioError
from emomusic.media.playback import WavOfSong, edges_of
from tests.songs.songs import RATE, song_bytes, tone, write_song


def write(ending: str | tuple[str, str], sound: np.ndarray, **tags: str) -> io.BytesIO:
    content = io.BytesIO()
    write_song(content, ending, sound, tags=tags)
    return content


def silence(seconds: float) -> np.ndarray:
    return np.zeros((2, round(seconds * RATE)), np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_the_silence_at_the_ends_of_a_song_is_found(ending: str) -> None:
    edges = edges_of(write(ending, np.concatenate([silence(3), tone(4), silence(2)], axis=1)))
    assert (edges.lead_s, edges.tail_s) == (pytest.approx(3, abs=0.1), pytest.approx(2, abs=0.1))
    assert edges.join_s < 0.6


def test_a_song_is_over_where_its_loudness_falls() -> None:
    fall = 10 ** (-np.linspace(0, 60, 4 * RATE) / 20).astype(np.float32)  # 15 dB in a second
    edges = edges_of(write("flac", np.concatenate([tone(6), tone(4) * fall], axis=1)))
    assert edges.join_s == pytest.approx(3.1, abs=0.3)


def test_a_silent_file_has_no_ends() -> None:
    assert (edges_of(write("flac", silence(5))).lead_s, edges_of(write("flac", silence(5))).tail_s) == (0, 0)


def test_the_next_track_of_an_album_follows_without_a_cut() -> None:
    def track(number: str, album: str = "Waves", disc: str = "1") -> io.BytesIO:
        return write("flac", tone(1), album=album, artist="A", track=number, disc=disc)

    first = edges_of(track("1/9"))
    assert first.leads_to(edges_of(track("2/9")))
    assert first.leads_to(edges_of(track("1", disc="2")))
    for other in (track("3"), track("2", album="Others"), write("flac", tone(1))):
        assert not first.leads_to(edges_of(other))


@pytest.mark.parametrize("kind", [("ipod", "alac"), "aiff", ("wav", "pcm_f64le")])
def test_a_song_is_wav_from_any_place_on(kind: str | tuple[str, str]) -> None:
    sound = tone(3) * np.linspace(0, 1, 3 * RATE, dtype=np.float32)
    file = io.BufferedReader(WavOfSong(write(kind, sound)))
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


def test_a_file_without_sound_is_no_wav(tmp_path: Path) -> None:
    (broken := tmp_path / "broken.mp3").write_bytes(song_bytes("mp3")[:200] + bytes(5000))
    with pytest.raises(AudioError):
        WavOfSong(broken)
