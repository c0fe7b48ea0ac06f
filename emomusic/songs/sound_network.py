"""The network that turns sound into tags and features: those of musicnn (Pons and Serra, 2019), in one graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from emomusic.assets import load_once, models_dir
from emomusic.runtime import FloatArray, Network

NETWORK = Path("sound/musicnn/network.onnx")

HOP = 256
NUM_SAMPLES = 186 * HOP + 512
"""Samples of one patch, at 16 kHz: 187 frames of the spectrogram."""

NUM_FEATURES = 2 * (50 + 200) + 2 * (50 + 384)
"""Tags and inner features of four networks."""

_BATCH = 8  # patches in one call; each needs about 20 MB


TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock"),
    *("jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "mellow"),
    *("electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient"),
    *("acoustic", "experimental", "female vocalist", "guitar", "hip-hop", "70s", "party", "country", "easy listening"),
    *("sexy", "catchy", "funk", "electro", "heavy metal", "progressive rock", "60s", "rnb", "indie pop", "sad"),
    *("house", "happy"),
)
"""The tags of MSD_musicnn, in the order of its outputs."""


def patches_of(samples: FloatArray) -> FloatArray:
    """Cut sound into patches, shape (n, `NUM_SAMPLES`), n at least 1. Silence fills a sound shorter than one patch."""
    if len(samples) < NUM_SAMPLES:
        samples = np.pad(samples, (0, NUM_SAMPLES - len(samples)))
    return np.lib.stride_tricks.sliding_window_view(samples, NUM_SAMPLES)[::NUM_SAMPLES]


@load_once
def load_network() -> Network:
    """The network, one for each process.

    Raises:
        ModelError: the file is absent or damaged.
    """
    return Network(models_dir() / NETWORK)


def spectrogram_of(samples: FloatArray) -> FloatArray:
    """The loudness that the network sees, shape (frames, 96): 62.5 frames a second, bands from 0 to 8,000 Hz.

    Raises:
        ModelError: the file is absent or damaged.
    """
    import onnx

    model = onnx.load(models_dir() / NETWORK)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("mels", onnx.TensorProto.FLOAT, None))
    (mels,) = Network(model.SerializeToString())(np.ascontiguousarray(patches_of(samples)))
    return np.asarray(mels[:, 0].reshape(-1, mels.shape[-1]))


def run_network(
    patches: FloatArray, turn: Callable[[], AbstractContextManager[None]] = nullcontext
) -> tuple[FloatArray, FloatArray]:
    """Tags before the sigmoid, shape (n, 50), and features, shape (n, f), of patches of sound.

    Each call of the network holds a `turn`.
    """
    results = []
    for start in range(0, len(patches), _BATCH):
        with turn():
            results.append(load_network()(np.ascontiguousarray(patches[start : start + _BATCH])))
    tags, features = (np.concatenate(parts) for parts in zip(*results, strict=True))
    return tags, features
