"""Votes of ten people on each training picture, from FER+ [1].

FER2013 has one label for each picture, and many are wrong. Networks learn from the votes in early epochs. Only the
Training split has votes here, so all metrics use FER2013's own labels.

[1] E. Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label
distribution", ICMI 2016; github.com/microsoft/FERPlus, MIT.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.assets import DAMAGED_ARRAYS, data_dir
from emomusic.errors import DatasetError

VOTES = data_dir() / "ferplus" / "votes.npz"
"""Written by `python -m scripts.build_votes`."""


def checksums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """CRC-32 of the pixels of each picture, shape (n,)."""
    return np.array([zlib.crc32(image.tobytes()) for image in images], np.uint32)


def vote_shares(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The share of votes for each emotion.

    Args:
        images: pictures of FER2013, shape (n, 48, 48), uint8.

    Returns:
        Shape (n, 7), float32, in the order of `EMOTIONS`. Rows sum to 1, or to 0 for unknown pictures and pictures
        without a vote for one of the seven.

    Raises:
        DatasetError: the file is absent or damaged.
    """
    try:
        with VOTES.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            known, votes = arrays["pictures"], arrays["votes"].astype(np.float32)
        if votes.shape != (len(known), len(EMOTIONS)):
            raise ValueError(f"{len(known)} pictures with votes of shape {votes.shape}")
    except DAMAGED_ARRAYS as error:
        raise DatasetError(f"expected the votes of FER+ in {VOTES}. Received: {error}. Restore the file") from error
    order = np.argsort(known, kind="stable")
    wanted = checksums(images)
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    found: npt.NDArray[np.float32] = np.where((known[place] == wanted)[:, None], votes[place], np.float32(0))
    shares: npt.NDArray[np.float32] = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    return shares
