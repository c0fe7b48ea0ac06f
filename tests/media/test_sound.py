"""Loudness, silence and the mix of channels."""

import io

import av
import numpy as np
import pytest

from emomusic.media.audio_file import read_song
from emomusic.media.sound import LEVEL_DB, SAMPLE_RATE, gain_of, loudness_of, without_silent_ends
from tests.songs.songs import tone

TIMES = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE


def sine(level_db: float, *, hertz: float = 997) -> np.ndarray:
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * TIMES)).astype(np.float32)


def test_loudness_is_that_of_bs_1770():
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


@pytest.mark.parametrize("level_db", [-40, -20, 0, 18])
def test_every_sound_comes_to_one_level(level_db: float):
    samples = sine(level_db)
    assert loudness_of([samples * gain_of(loudness_of([samples]))]) == pytest.approx(LEVEL_DB, abs=0.01)


def test_silent_ends_are_cut():
    sound = np.concatenate([np.zeros(16_000), sine(-20)[:16_000], np.zeros(17_000)]).astype(np.float32)
    at, cut = without_silent_ends(sound)
    assert (at, len(cut)) == (8_000, 32_000)
    assert len(without_silent_ends(sine(-20))[1]) == len(TIMES)


def wav(channels: np.ndarray, layout: str) -> io.BytesIO:
    """A file of floating-point samples, shape (channels, n)."""
    with av.open(buffer := io.BytesIO(), "w", format="wav") as output:
        stream = output.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout=layout)
        packed = np.ascontiguousarray(channels.T.reshape(1, -1).astype(np.float32))
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer


def test_samples_beyond_full_scale_keep_their_peaks():
    loud = 8 * tone(3, rate=SAMPLE_RATE)
    (window,) = read_song(wav(loud, "stereo")).windows
    np.testing.assert_allclose(window.samples, loud.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize("layout", ["quad", "5.0", "5.1", "7.1"])
def test_channels_that_sound_are_heard_whichever_they_are(layout: str):
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    left, right = tone(3, hertz=440, rate=SAMPLE_RATE)[0], tone(3, hertz=660, rate=SAMPLE_RATE)[0]
    for first, second in (("FL", "FR"), (names[2], names[-1]) if names[2] != "LFE" else ("FL", names[-1])):
        if "LFE" in (first, second):
            continue
        channels = np.zeros((len(names), len(left)))
        channels[names.index(first)], channels[names.index(second)] = left, right
        if "LFE" in names:
            channels[names.index("LFE")] = 0.9 * np.sin(2 * np.pi * 40 * np.arange(len(left)) / SAMPLE_RATE)
        (window,) = read_song(wav(channels, layout)).windows
        np.testing.assert_allclose(window.samples, (left + right) / 2, atol=2e-3)


def test_the_channel_of_low_effects_is_heard_where_it_is_alone():
    names = [channel.name for channel in av.AudioLayout("5.1").channels]
    channels = np.zeros((6, 3 * SAMPLE_RATE))
    channels[names.index("LFE")] = tone(3, rate=SAMPLE_RATE)[0]
    (window,) = read_song(wav(channels, "5.1")).windows
    np.testing.assert_allclose(window.samples, channels[names.index("LFE")] / 2, atol=2e-3)
