"""Decoded sound as the network hears it: mono, 16 kHz, in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from emomusic.runtime import Float32Array

SAMPLE_RATE = 16_000
PATCH_S = 3.008
"""Length of the network's input: 187 frames of its spectrogram."""

LEVEL_DB = -17.0
"""Loudness of songs when they are heard, in LUFS."""

_SILENCE = 1e-3  # peak of inaudible sound, as a share of the highest peak: -60 dB
_LEAST_PEAK = 10 ** (-70 / 20)

RATES = range(4_000, 768_001)
MAX_CHANNELS = 16
"""The sample rates and numbers of channels that are heard."""

_MOST_KINDS = 100  # each needs a resampler
_MAX_SAMPLE = 100.0  # 40 dB beyond full scale; floating point has any value
_PART = SAMPLE_RATE // 10
_AROUND = 5 * _PART
_BLOCK = 4 * _PART  # as in BS.1770
_ABSOLUTE_GATE_DB, _RELATIVE_GATE_DB, _OFFSET_DB = -70.0, -10.0, -0.691
# Of BS.1770, tables 1 and 2, at 48 kHz: a filter for the head and a high-pass, each as numerator and denominator
_FILTERS = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
_SAME = 0.9  # part of the energy of the loudest channel; of such channels, the first one is heard in all blocks
_CANCELLED = 0.3**2  # energy of the sum, compared with that of the loudest channel
_LOW_CHANNEL = "LFE"


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a song.

    Attributes:
        start_s: seconds from the start of the song.
        samples: shape (n,), float32, mono, 16 kHz. Full scale is 1; loud songs go beyond it.
    """

    start_s: float
    samples: Float32Array


def sounding_parts(sounds: Sequence[Float32Array]) -> list[npt.NDArray[np.bool_]]:
    """The audible tenths of a second of each sound, regardless of its overall loudness."""
    parts = [np.abs(sound[: len(sound) // _PART * _PART]).reshape(-1, _PART).max(axis=1) for sound in sounds]
    least = max(_SILENCE * max((float(part.max(initial=0)) for part in parts), default=0.0), _LEAST_PEAK)
    return [np.asarray(part >= least) for part in parts]


def sounding_windows(windows: Sequence[Window], least: float = 0.0) -> list[Window]:
    """The windows that sound, for at least this share of the time that the best one sounds."""
    parts = sounding_parts([window.samples for window in windows])
    shares = [float(part.mean()) if len(part) else 0.0 for part in parts]
    return [window for window, share in zip(windows, shares, strict=True) if share > 0 and share >= least * max(shares)]


def without_silent_ends(samples: Float32Array) -> tuple[int, Float32Array]:
    """The sound from its first to its last part that is audible, with half a second around, and its place."""
    places = np.flatnonzero(sounding_parts([samples])[0]) * _PART
    if not len(places):
        return 0, samples
    start = max(int(places[0]) - _AROUND, 0)
    return start, samples[start : places[-1] + _PART + _AROUND]


def loudness_of(sounds: Iterable[Float32Array]) -> float:
    """Loudness in LUFS of mono sounds together; -inf if all are silent.

    It is the gated loudness of ITU-R BS.1770-5. The filters are applied to the spectrum of each block.
    """
    energies = np.concatenate([np.empty(0), *map(_energies, sounds)])
    energies = energies[_decibels(energies) > _ABSOLUTE_GATE_DB]
    if not len(energies):
        return -np.inf
    gate_db = _decibels(energies.mean()) + _RELATIVE_GATE_DB
    return float(_decibels(energies[_decibels(energies) > gate_db].mean()))


def gain_of(loudness_db: float) -> float:
    """The factor that brings sound of this loudness to `LEVEL_DB`; 1 for silence."""
    return float(10 ** ((LEVEL_DB - loudness_db) / 20)) if np.isfinite(loudness_db) else 1.0


def _decibels(energies: Any) -> Any:
    return _OFFSET_DB + 10 * np.log10(np.maximum(energies, 1e-20))


def _energies(samples: Float32Array) -> npt.NDArray[np.float64]:
    """Weighted energies of blocks of 0.4 s, which overlap by three quarters."""
    if len(samples) < _BLOCK:
        samples = np.resize(samples, _BLOCK) if len(samples) else np.zeros(_BLOCK, np.float32)
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, _BLOCK)[::_PART])
    powers = np.square(spectra.real) + np.square(spectra.imag)
    powers[:, 1:-1] *= 2  # the negative frequencies
    return np.asarray(powers @ _weights() / _BLOCK**2, np.float64)


@cache
def _weights() -> npt.NDArray[np.float64]:
    """The power of the filters at each frequency of a block."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(_BLOCK, 1 / SAMPLE_RATE) / 48_000)
    ratios = [np.polyval(top[::-1], z) / np.polyval(bottom[::-1], z) for top, bottom in _FILTERS]
    return np.asarray(np.square(np.abs(np.prod(ratios, axis=0))))


def windows_of(blocks: Iterable[Float32Array], step_s: float) -> Iterator[Window]:
    """Windows of `PATCH_S` every `step_s` seconds, or one with all of a shorter sound.

    Args:
        blocks: consecutive mono sound at 16 kHz, as from `mono_sound`.
        step_s: positive.
    """
    length, step = round(PATCH_S * SAMPLE_RATE), max(round(step_s * SAMPLE_RATE), 1)
    rest, at, skipped = np.empty(0, np.float32), 0, 0  # `rest` begins at this sample
    for block in blocks:
        rest = np.concatenate([rest, block[skipped:]])
        skipped = max(skipped - len(block), 0)
        while len(rest) >= length:
            yield Window(at / SAMPLE_RATE, rest[:length].copy())
            at += step
            rest, skipped = rest[step:], max(step - len(rest), 0)
    if at == 0:
        yield Window(0.0, rest)


def can_hear(rate: int, channels: int) -> bool:
    """Whether `mono_sound` takes frames of this sample rate and number of channels."""
    return rate in RATES and 1 <= channels <= MAX_CHANNELS


def mono_sound(frames: Iterable[Any]) -> Iterator[Float32Array]:
    """Half the sum of the channels of decoded frames, at 16 kHz, in blocks of about a second.

    Where the channels cancel each other, the loudest one replaces them. The channel of low effects is left out where
    others sound.

    Args:
        frames: consecutive ones of PyAV.

    Raises:
        ValueError: the rate, the channels or the format of the samples changes again and again.
    """
    kinds = groupby(frames, lambda frame: (frame.format.name, frame.sample_rate, frame.layout.name))
    for number, ((_, rate, _), same) in enumerate(kinds):  # in nearly all files one kind
        if number >= _MOST_KINDS:
            raise ValueError("the samples must be of one kind. Received: more than a hundred changes")
        first = next(same)
        names = [channel.name for channel in first.layout.channels]
        if not can_hear(rate, first.layout.nb_channels):
            continue
        # Packed, because PyAV reads beyond the planes of more than eight channels
        resampler = av.AudioResampler("flt", None, SAMPLE_RATE, frame_size=SAMPLE_RATE)
        for frame in chain((first,), same, (None,)):
            for ready in resampler.resample(frame):
                yield _mixed(ready.to_ndarray().reshape(-1, first.layout.nb_channels), names)


def _mixed(sound: Float32Array, names: Sequence[str]) -> Float32Array:
    sound = np.nan_to_num(sound, posinf=0, neginf=0).clip(-_MAX_SAMPLE, _MAX_SAMPLE)
    if sound.shape[1] == 1:
        return sound[:, 0]
    energies = np.square(sound).mean(axis=0)
    is_full = np.array([name != _LOW_CHANNEL for name in names]) & (energies > _LEAST_PEAK**2)
    if is_full.any():
        sound, energies = sound[:, is_full], energies[is_full]
    total = sound.sum(axis=1)
    is_cancelled = np.square(total).mean() < _CANCELLED * energies.max()
    return sound[:, np.argmax(energies > _SAME * energies.max())] if is_cancelled else total / 2


def levels_of(windows: Sequence[Window], num_parts: int) -> list[float]:
    """The loudness of eight equal pieces of each of the parts of a song, from 0 to 1, the loudest."""
    samples = np.abs(np.concatenate([window.samples for window in windows]))
    means = [float(piece.mean()) for piece in np.array_split(samples, max(8 * num_parts, 1))]
    return [round(mean / max(*means, 1e-9), 3) for mean in means]
