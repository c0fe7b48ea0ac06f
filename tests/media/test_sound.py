"""Loudness, silence and the mix of channels."""

import io

import av
import numpy as np
import pytest

from emomusic.media.audio_file import read_song
from emomusic.media.sound import LEVEL_DB, SAMPLE_RATE, gain_of, loudness_of, mono_sound, without_silent_ends
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


def test_samples_that_change_their_kind_again_and_again_are_refused():
    def frames(number: int) -> list[av.AudioFrame]:
        made = [av.AudioFrame.from_ndarray(np.ones((1, 800), np.float32), "flt", "mono") for _ in range(number)]
        for place, frame in enumerate(made):
            frame.sample_rate = (8_000, 16_000)[place % 2]
        return made

    assert sum(map(len, mono_sound(frames(3)))) == pytest.approx(4000, abs=200)
    with pytest.raises(ValueError, match="of one kind"):
        list(mono_sound(frames(300)))


LEFT, RIGHT, LOW = (tone(3, hertz=hertz, rate=SAMPLE_RATE)[0] for hertz in (440, 660, 40))


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
    channels = np.zeros((len(mono), len(names)), np.float32)
    for name, sound in sounds.items():
        channels[:, names.index(name)] = sound
    with av.open(buffer := io.BytesIO(), "w", format="wav") as output:
        stream = output.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(channels.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (window,) = read_song(buffer).windows
    np.testing.assert_allclose(window.samples, mono, atol=2e-3)
