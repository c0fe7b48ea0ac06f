"""The mood of a song, from its sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.affect import QUADRANT_CORNERS, QUADRANT_MOODS, Mood, Quadrant
from emomusic.assets import DAMAGED_ARRAYS, ModelKind, folder_of, load_once, require_intact
from emomusic.errors import ModelError
from emomusic.music.sound.audio_file import PATCH_S, Window
from emomusic.music.sound.network import TAGS, patches_of, run_network

MODEL = "musicnn"
HEAD = "head.npz"

QUADRANTS = (Quadrant.Q1, Quadrant.Q2, Quadrant.Q3, Quadrant.Q4)

_CORNERS = np.array([QUADRANT_CORNERS[quadrant] for quadrant in QUADRANTS], np.float64)
_NUM_TAGS = 5
_PATCHES_OF_PART = 1

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a song sounds like.

    Attributes:
        probabilities: of the quadrants "Q1" to "Q4"; their sum is 1.
        valence: -1 to 1, the mean over the corners of the quadrants, as is `arousal`.
        mood: the most probable one.
        moods: probability of each mood.
        tags: the strongest five, with their probabilities.
        timeline: time in seconds, valence and arousal of each patch of 3 s that was heard.
    """

    probabilities: dict[str, float]
    valence: float
    arousal: float
    mood: Mood
    moods: dict[Mood, float]
    tags: tuple[tuple[str, float], ...]
    timeline: tuple[tuple[float, float, float], ...]

    @property
    def quadrant(self) -> Quadrant:
        """The most probable quadrant."""
        return Quadrant(max(self.probabilities, key=self.probabilities.__getitem__))


@dataclass(frozen=True, slots=True, eq=False)
class SoundHead:
    """Probabilities of the quadrants from the summary of a song: standardization, then a linear map.

    Attributes:
        mean: shape (f,).
        scale: shape (f,).
        weights: shape (f, 4).
        bias: shape (4,).
    """

    mean: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray

    def probabilities(self, summaries: FloatArray) -> npt.NDArray[np.float64]:
        """Shape (n, 4), for summaries of shape (n, f)."""
        logits = ((summaries - self.mean) / self.scale).astype(np.float64) @ self.weights + self.bias
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


def summary_of(features: FloatArray) -> FloatArray:
    """Mean and standard deviation over the patches, shape (2 f,), of features of shape (patches, f)."""
    return np.concatenate([features.mean(axis=0), features.std(axis=0)])


class SoundModel:
    """The network and its head."""

    def __init__(self, head: SoundHead) -> None:
        """Use this head."""
        self._head = head

    def hear(self, windows: Sequence[Window]) -> Hearing:
        """The mood of a song.

        Args:
            windows: the whole song, or several parts of it. Of each of several parts, the middle is heard.
        """
        parts = [patches_of(window.samples) for window in windows]
        at = [range(len(part)) if len(parts) == 1 else _middle(len(part)) for part in parts]
        tags, features = run_network(np.concatenate([part[rows] for part, rows in zip(parts, at, strict=True)]))
        summary = summary_of(features)
        probabilities = self._head.probabilities(summary[None])[0]
        moments = np.tile(summary, (len(features), 1))
        moments[:, : features.shape[1]] = features
        points = self._head.probabilities(moments) @ _CORNERS
        times = [window.start_s + row * PATCH_S for window, rows in zip(windows, at, strict=True) for row in rows]
        shares = (1 / (1 + np.exp(-tags))).mean(axis=0)
        strongest = np.argsort(-shares, kind="stable")[:_NUM_TAGS]
        of_quadrants = dict(zip(QUADRANTS, probabilities.tolist(), strict=True))
        moods = {QUADRANT_MOODS[quadrant]: share for quadrant, share in of_quadrants.items()}
        valence, arousal = (probabilities @ _CORNERS).tolist()
        return Hearing(
            probabilities={str(quadrant): share for quadrant, share in of_quadrants.items()},
            valence=valence,
            arousal=arousal,
            mood=max(moods, key=moods.__getitem__),
            moods=moods,
            tags=tuple((TAGS[position], float(shares[position])) for position in strongest),
            timeline=tuple((time_s, *point) for time_s, point in zip(times, points.tolist(), strict=True)),
        )


def _middle(length: int) -> range:
    start = max((length - _PATCHES_OF_PART) // 2, 0)
    return range(start, min(start + _PATCHES_OF_PART, length))


@load_once
def load_sound_model() -> SoundModel:
    """The bundled model.

    Raises:
        ModelError: a file is damaged.
        AssetError: a file is absent or differs from its checksum.
    """
    path = folder_of(ModelKind.SOUND, MODEL) / HEAD
    require_intact(path)
    return SoundModel(SoundHead.load(path))
