"""Decoded sound as the network hears it: mono, 16 kHz, in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from emomusic.runtime import FloatArray

SAMPLE_RATE = 16_000
PATCH_S = 3.008
"""Length of the network's input: 187 frames of its spectrogram."""

SILENCE = 1e-3
"""Peak of inaudible sound, -60 dB."""

_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 16
_MOST_KINDS = 100  # each needs a resampler
_NUM_FRAMES = 32  # resampled at once, up to a second
_PART = SAMPLE_RATE // 10
_CANCELLED = 0.15**2  # energy of the mean, compared with that of the loudest channel


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a song.

    Attributes:
        start_s: seconds from the start of the song.
        samples: shape (n,), float32, mono, 16 kHz, -1 to 1.
    """

    start_s: float
    samples: FloatArray


def sounding_share(samples: FloatArray) -> float:
    """The share of a sound that is not silent, in parts of a tenth of a second."""
    peaks = np.abs(samples[: len(samples) // _PART * _PART]).reshape(-1, _PART).max(axis=1)
    return float((peaks >= SILENCE).mean()) if len(peaks) else 0.0


def windows_of(blocks: Iterable[FloatArray], step_s: float) -> Iterator[Window]:
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


def mono_sound(frames: Iterable[Any]) -> Iterator[FloatArray]:
    """Mean over the channels of decoded frames, at 16 kHz, in blocks of about a second.

    Where the channels cancel each other, the loudest one replaces their mean.

    Args:
        frames: of PyAV, consecutive.

    Raises:
        ValueError: the rate, the channels or the format of the samples changes again and again.
    """
    kinds = groupby(frames, lambda frame: (frame.format.name, frame.sample_rate, frame.layout.nb_channels))
    for number, ((name, rate, channels), same) in enumerate(kinds):  # in nearly all files one kind
        if number >= _MOST_KINDS:
            raise ValueError("the samples must be of one kind. Received: more than a hundred changes")
        if not can_hear(rate, channels):
            continue
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
        while several := _about_a_second(same, rate):
            if not name.endswith("p"):  # channels take turns
                several = [values.reshape(-1, channels).T for values in several]
            mono = av.AudioFrame.from_ndarray(_mean(np.concatenate(several, axis=1)), "fltp", "mono")
            mono.sample_rate = rate
            yield from _resampled(resampler, mono)
        yield from _resampled(resampler, None)


def _about_a_second(frames: Iterator[Any], rate: int) -> list[npt.NDArray[Any]]:
    several, num_samples = [], 0
    for frame in islice(frames, _NUM_FRAMES):
        several.append(frame.to_ndarray())
        if (num_samples := num_samples + frame.samples) >= rate:
            break
    return several


def _mean(values: npt.NDArray[Any]) -> FloatArray:
    """Mean over the channels, shape (1, n), of samples of any type."""
    sound: FloatArray = values.astype(np.float32)
    if values.dtype.kind == "u":
        sound = sound / np.float32(128) - np.float32(1)
    elif values.dtype.kind == "i":
        sound = sound / np.float32(-float(np.iinfo(values.dtype).min))
    else:
        sound = np.clip(np.nan_to_num(sound, posinf=0, neginf=0), -1, 1)
    mean = sound.mean(axis=0, keepdims=True)
    energies = np.square(sound).mean(axis=1)
    if len(sound) > 1 and np.square(mean).mean() < _CANCELLED * energies.max():
        loudest = int(energies.argmax())
        mean = sound[loudest : loudest + 1]
    return np.ascontiguousarray(mean, np.float32)


def _resampled(resampler: Any, frame: Any) -> Iterator[FloatArray]:
    """Sound that is ready after a frame; None stands for the end."""
    for ready in resampler.resample(frame):
        if ready is not None:
            yield np.clip(ready.to_ndarray()[0], -1, 1)
