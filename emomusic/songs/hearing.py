"""The mood of a song, from its sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.affect import QUADRANT_CORNERS, Quadrant
from emomusic.assets import DAMAGED_ARRAYS, ModelKind, folder_of, load_once
from emomusic.errors import ModelError
from emomusic.media.audio_file import PATCH_S, Window
from emomusic.runtime import FloatArray
from emomusic.songs.song import Hearing
from emomusic.songs.sound_network import TAGS, patches_of, run_network

MODEL = "musicnn"
HEAD = "head.npz"

QUADRANTS = (Quadrant.Q1, Quadrant.Q2, Quadrant.Q3, Quadrant.Q4)

_CORNERS = np.array([QUADRANT_CORNERS[quadrant] for quadrant in QUADRANTS], np.float64)
_NUM_TAGS = 5
_SLOPE = 1.5  # of the kernel, by ten folds, see docs/experiments.md


@dataclass(frozen=True, slots=True, eq=False)
class SoundHead:
    """Probabilities of the quadrants from the summary of a song: the softmax of a linear map and of a kernel.

    Attributes:
        mean: shape (f,), for standardization.
        scale: shape (f,), for standardization.
        weights: shape (f, 4).
        bias: shape (4,).
        clips: shape (n, f), float16, rows of length 1: directions of the training clips' standardized summaries.
        kernel_weights: shape (n, 4): of the similarity to each clip.
    """

    mean: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray
    clips: npt.NDArray[np.float16]
    kernel_weights: FloatArray

    def probabilities(self, summaries: FloatArray) -> npt.NDArray[np.float64]:
        """Shape (n, 4), for summaries of shape (n, f)."""
        standardized = (summaries - self.mean) / self.scale
        similarities = kernel(directions(standardized), self.clips)
        logits = standardized.astype(np.float64) @ self.weights + self.bias + similarities @ self.kernel_weights
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def save(self, path: Path) -> None:
        """Write the arrays."""
        np.savez_compressed(path, **asdict(self))

    @classmethod
    def load(cls, path: Path) -> SoundHead:
        """Read a saved head.

        Raises:
            ModelError: the file is absent or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in cls.__slots__})
        except DAMAGED_ARRAYS as error:
            raise ModelError(f"expected a model of sound in {path}. Received: {error!r}. Restore the file") from error


def directions(standardized: FloatArray) -> npt.NDArray[np.float16]:
    """Rows of length 1."""
    return np.asarray(standardized / np.linalg.norm(standardized, axis=1, keepdims=True), np.float16)


def kernel(rows: npt.NDArray[np.float16], others: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """Similarities, shape (n, m), of directions of shapes (n, f) and (m, f): a Gaussian kernel on the sphere."""
    return np.exp(_SLOPE * (rows.astype(np.float64) @ others.astype(np.float64).T - 1))


def summary_of(features: FloatArray) -> FloatArray:
    """Mean and standard deviation over the patches, shape (2 f,), of features of shape (patches, f).

    The deviation is that of a sample, so that three patches of a song resemble the ten of a clip.
    """
    return np.concatenate([features.mean(axis=0), features.std(axis=0, ddof=min(len(features) - 1, 1))])


class SoundModel:
    """The network and its head."""

    def __init__(self, head: SoundHead) -> None:
        """Use this head."""
        self._head = head

    def hear(
        self, windows: Sequence[Window], turn: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Hearing:
        """The mood of a song.

        Args:
            windows: the whole song, or several parts of it.
            turn: held by each call of the network, up to 2.5 s of one core.
        """
        parts = [patches_of(window.samples) for window in windows]
        tags, features = run_network(np.concatenate(parts), turn)
        summary = summary_of(features)
        probabilities = self._head.probabilities(summary[None])[0]
        moments = np.tile(summary, (len(features), 1))
        moments[:, : features.shape[1]] = features
        points = self._head.probabilities(moments) @ _CORNERS
        times = [
            window.start_s + row * PATCH_S
            for window, part in zip(windows, parts, strict=True)
            for row in range(len(part))
        ]
        shares = (1 / (1 + np.exp(-tags))).mean(axis=0)
        strongest = np.argsort(-shares, kind="stable")[:_NUM_TAGS]
        valence, arousal = (probabilities @ _CORNERS).tolist()
        return Hearing(
            probabilities=dict(zip(map(str, QUADRANTS), probabilities.tolist(), strict=True)),
            valence=valence,
            arousal=arousal,
            tags=tuple((TAGS[position], float(shares[position])) for position in strongest),
            timeline=tuple((time_s, *point) for time_s, point in zip(times, points.tolist(), strict=True)),
        )


@load_once
def load_sound_model() -> SoundModel:
    """The bundled model.

    Raises:
        ModelError: a file is absent or damaged.
    """
    return SoundModel(SoundHead.load(folder_of(ModelKind.SOUND, MODEL) / HEAD))
