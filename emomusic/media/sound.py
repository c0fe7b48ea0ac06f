"""Decoded sound as the network hears it: mono, 16 kHz, in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import av
import numpy as np

from emomusic.runtime import Float32Array

SAMPLE_RATE = 16_000
PATCH_S = 3.008
"""Length of the network's input: 187 frames of its spectrogram."""

SILENCE = 1e-3
"""Peak of inaudible sound, -60 dB."""

_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 16
_MOST_KINDS = 100  # each needs a resampler
_PART = SAMPLE_RATE // 10
_SAME = 0.9  # of the energy of the loudest channel; of such channels, the first one is heard in all blocks
_CANCELLED = 0.15**2  # energy of the mean, compared with that of the loudest channel


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a song.

    Attributes:
        start_s: seconds from the start of the song.
        samples: shape (n,), float32, mono, 16 kHz, -1 to 1.
    """

    start_s: float
    samples: Float32Array


def sounding_share(samples: Float32Array) -> float:
    """The share of a sound that is not silent, in parts of a tenth of a second."""
    peaks = np.abs(samples[: len(samples) // _PART * _PART]).reshape(-1, _PART).max(axis=1)
    return float((peaks >= SILENCE).mean()) if len(peaks) else 0.0


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
    return rate in _RATES and 1 <= channels <= _MAX_CHANNELS


def mono_sound(frames: Iterable[Any]) -> Iterator[Float32Array]:
    """Mean over the channels of decoded frames, at 16 kHz, in blocks of about a second.

    Where the channels cancel each other, the loudest one replaces their mean.

    Args:
        frames: of PyAV, consecutive.

    Raises:
        ValueError: the rate, the channels or the format of the samples changes again and again.
    """
    kinds = groupby(frames, lambda frame: (frame.format.name, frame.sample_rate, frame.layout.nb_channels))
    for number, ((_, rate, channels), same) in enumerate(kinds):  # in nearly all files one kind
        if number >= _MOST_KINDS:
            raise ValueError("the samples must be of one kind. Received: more than a hundred changes")
        if not can_hear(rate, channels):
            continue
        # Packed, because PyAV reads beyond the planes of more than eight channels
        resampler = av.AudioResampler("flt", None, SAMPLE_RATE, frame_size=SAMPLE_RATE)
        for frame in chain(same, (None,)):
            for ready in resampler.resample(frame):
                sound = np.nan_to_num(ready.to_ndarray().reshape(-1, channels), posinf=0, neginf=0).clip(-1, 1)
                mean, energies = sound.mean(axis=1), np.square(sound).mean(axis=0)
                is_cancelled = np.square(mean).mean() < _CANCELLED * energies.max()
                yield sound[:, np.argmax(energies > _SAME * energies.max())] if is_cancelled else mean
