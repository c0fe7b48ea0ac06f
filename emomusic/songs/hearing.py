"""The mood of a song, from its sound.

A network turns sound into tags and features: those of musicnn (Pons and Serra, 2019), in one graph. A head turns
features into moods.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from emomusic.affect import QUADRANT_CORNERS, AffectPoint, Mood, Quadrant, quadrant_of
from emomusic.assets import DAMAGED_ARRAYS, ModelKind, folder_of, load_once, models_dir
from emomusic.calibration import softmax
from emomusic.errors import AudioError, ModelError
from emomusic.media.audio_file import AudioFile
from emomusic.media.sound import PATCH_S, SAMPLE_RATE, Window, gain_of, loudness_of, sounding_windows, windows_of
from emomusic.runtime import Float32Array, Network
from emomusic.songs.song import Hearing, Trait

MODEL = "musicnn"
HEAD = "head.npz"
NETWORK = Path("sound/musicnn/network.onnx")

HOP = 256
NUM_SAMPLES = 186 * HOP + 512
"""Samples of one patch, at 16 kHz: 187 frames of the spectrogram."""

_BATCH = 2  # patches in one call; each needs about 10 MB, and the system takes large blocks back after each use

_OF_MUSICNN = tomllib.loads(Path(__file__).with_name("musicnn.toml").read_text(encoding="utf-8"))
TAGS, TRAIT_TAGS = _OF_MUSICNN["tags"], _OF_MUSICNN["trait_tags"]
"""The tags of both networks, in the order of their outputs."""

_GROUPS = {"": [], **_OF_MUSICNN["groups"]}
_TRAITS_AT = 250  # the first column of `TRAIT_TAGS`, before the sigmoid, in the features

QUADRANTS = (Quadrant.Q1, Quadrant.Q2, Quadrant.Q3, Quadrant.Q4)

_CORNERS = np.array([QUADRANT_CORNERS[quadrant] for quadrant in QUADRANTS], np.float64)
_NUM_TAGS = 5
_NUM_FEATURES = 128  # numbers in `Hearing.features`
_SLOPE = 1.5  # slope of the kernel, by ten folds, see docs/experiments.md

_MOST_WINDOWS = 60  # windows of a film; each takes up to 0.3 s of one core
_NUM_TOGETHER = 8  # windows in one answer of the model, as long as the clips that it was trained on
_DECODING = 0.3  # share of the hearing that takes the decoding


def patches_of(samples: Float32Array) -> Float32Array:
    """Cut sound into patches, shape (n, `NUM_SAMPLES`), n at least 1.

    The last patch ends with the sound if more than half of a patch is left. A shorter sound is repeated.
    """
    if len(samples) < NUM_SAMPLES:
        samples = np.resize(samples, NUM_SAMPLES) if len(samples) else np.zeros(NUM_SAMPLES, np.float32)
    every = np.lib.stride_tricks.sliding_window_view(samples, NUM_SAMPLES)
    places = list(range(0, len(every), NUM_SAMPLES))
    if len(samples) % NUM_SAMPLES > NUM_SAMPLES / 2:
        places.append(len(every) - 1)
    return np.asarray(every[places])


def hear_windows(
    windows: Sequence[Window],
    loudness_db: float | None = None,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> tuple[list[float], Float32Array, Float32Array]:
    """The output of the network for windows at one level.

    Args:
        windows: at least one.
        loudness_db: that of all the sound that they are parts of; None for that of the windows.
        turn: held by each call of the network.

    Returns:
        The time of each patch in seconds, its tags before the sigmoid, shape (n, 50), and its features, shape (n, f).
    """
    parts = [patches_of(window.samples) for window in windows]
    gain = gain_of(loudness_of(window.samples for window in windows) if loudness_db is None else loudness_db)
    times = [
        window.start_s + min(row * PATCH_S, max(len(window.samples) / SAMPLE_RATE - PATCH_S, 0.0))
        for window, part in zip(windows, parts, strict=True)
        for row in range(len(part))
    ]
    patches, results = np.concatenate(parts) * np.float32(gain), []
    for start in range(0, len(patches), _BATCH):
        with turn():
            results.append(load_network()(np.ascontiguousarray(patches[start : start + _BATCH])))
    tags, features = map(np.concatenate, zip(*results, strict=True))
    return times, tags, features


@load_once
def load_network() -> Network:
    """The network, one for each process.

    Raises:
        ModelError: the file is absent or damaged.
    """
    return Network(models_dir() / NETWORK)


def spectrogram_of(samples: Float32Array) -> Float32Array:
    """The network's input for a sound, shape (frames, 96): 62.5 frames a second, bands from 0 to 8,000 Hz.

    Raises:
        ModelError: the file is absent or damaged.
    """
    import onnx

    model = onnx.load(models_dir() / NETWORK)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("mels", onnx.TensorProto.FLOAT, None))
    patches = patches_of(samples) * np.float32(gain_of(loudness_of([samples])))
    (mels,) = Network(model.SerializeToString())(patches)
    return np.asarray(mels[:, 0].reshape(-1, mels.shape[-1]))


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

    mean: Float32Array
    scale: Float32Array
    weights: Float32Array
    bias: Float32Array
    clips: npt.NDArray[np.float16]
    kernel_weights: Float32Array

    def probabilities(self, summaries: Float32Array) -> npt.NDArray[np.float64]:
        """Shape (n, 4), for summaries of shape (n, f)."""
        standardized = (summaries - self.mean) / self.scale
        similarities = kernel(directions(standardized), self.clips)
        logits = standardized.astype(np.float64) @ self.weights + self.bias + similarities @ self.kernel_weights
        return np.asarray(softmax(logits), np.float64)

    def analyse(
        self,
        windows: Sequence[Window],
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        loudness_db: float | None = None,
    ) -> Hearing:
        """The mood of a song.

        Args:
            windows: the whole song, or several parts of it, however loud it is.
            turn: held by each call of the network, up to 0.1 s of one core.
            loudness_db: as for `hear_windows`.
        """
        times, tags, features = hear_windows(windows, loudness_db, turn)
        summary = summary_of(features)
        probabilities = self.probabilities(summary[None])[0]
        moments = np.tile(summary, (len(features), 1))
        moments[:, : features.shape[1]] = features
        points = self.probabilities(moments) @ _CORNERS
        shares = (1 / (1 + np.exp(-tags))).mean(axis=0)
        direction = directions(((summary - self.mean) / self.scale)[None])[0]
        strongest = np.argsort(-shares, kind="stable")[:_NUM_TAGS]
        valence, arousal = (probabilities @ _CORNERS).tolist()
        return Hearing(
            probabilities=dict(zip(map(str, QUADRANTS), probabilities.tolist(), strict=True)),
            valence=valence,
            arousal=arousal,
            tags=tuple((TAGS[position], float(shares[position])) for position in strongest),
            timeline=tuple((time_s, *point) for time_s, point in zip(times, points.tolist(), strict=True)),
            features=(direction @ _main_axes(self)).astype(np.float16).tobytes(),
            traits=traits_of(features),
        )

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


def directions(standardized: Float32Array) -> npt.NDArray[np.float16]:
    """Rows of length 1."""
    return np.asarray(standardized / np.linalg.norm(standardized, axis=1, keepdims=True), np.float16)


def kernel(rows: npt.NDArray[np.float16], others: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """Similarities, shape (n, m), of directions of shapes (n, f) and (m, f): a Gaussian kernel on the sphere."""
    return np.exp(_SLOPE * (rows.astype(np.float64) @ others.astype(np.float64).T - 1))


@cache
def _main_axes(head: SoundHead) -> Float32Array:
    """The main directions of the training clips, shape (f, `_NUM_FEATURES`), along which songs are compared."""
    clips = head.clips.astype(np.float32)
    spread, vectors = np.linalg.eigh(clips @ clips.T)
    axes = clips.T @ (vectors / np.sqrt(np.maximum(spread, 1e-6)))[:, -_NUM_FEATURES:]
    return np.asarray(axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]), np.float32)


def traits_of(features: Float32Array) -> tuple[Trait, ...]:
    """The traits of a song by its features, shape (patches, f), in the order of `Trait`."""
    tags = features[:, _TRAITS_AT : _TRAITS_AT + len(TRAIT_TAGS)]
    shares = dict(zip(TRAIT_TAGS, (1 / (1 + np.exp(-tags))).mean(axis=0).tolist(), strict=True))

    most = {group: max((shares[name] for name in names), default=0.0) for group, names in _GROUPS.items()}
    traits = _OF_MUSICNN["traits"].items()
    found = {Trait(trait) for trait, (own, least, other) in traits if most[own] >= max(least, 2 * most[other])}
    if most["voice"] < most["no_voice"]:
        found.add(Trait.INSTRUMENTAL)
    if Trait.VOICE not in found:
        found -= {Trait.FEMALE_VOICE, Trait.MALE_VOICE}
    return tuple(trait for trait in Trait if trait in found)


def summary_of(features: Float32Array) -> Float32Array:
    """Mean and standard deviation over the patches, shape (2 f,), of features of shape (patches, f).

    The deviation is that of a sample, so that three patches of a song resemble the ten of a clip.
    """
    return np.concatenate([features.mean(axis=0), features.std(axis=0, ddof=min(len(features) - 1, 1))])


@load_once
def load_sound_model() -> SoundHead:
    """The bundled model.

    Raises:
        ModelError: a file is absent or damaged.
    """
    return SoundHead.load(folder_of(ModelKind.SOUND, MODEL) / HEAD)


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """A span of a film whose sound has one mood. Times are seconds from the first frame."""

    start_s: float
    end_s: float
    mood: Mood


def hear_film(
    file: BinaryIO,
    *,
    start_s: float,
    end_s: float,
    on_progress: Callable[[float], bool] = lambda _: True,
) -> list[SoundSpan]:
    """The moods of a film's sound, in the order of time, with gaps where it is silent.

    Args:
        file: the film, which stays open.
        start_s: time of the first frame in the clock of the file.
        end_s: seconds from the first frame to the end of the result.
        on_progress: takes the finished share, 0 to 1, and returns False to stop.

    Raises:
        AudioError: the film has no sound, or a damaged or rare one, or `on_progress` stopped it.
    """
    windows, decoded_s = list[Window](), 0.0

    def check() -> None:
        if not on_progress(_DECODING * min(decoded_s / end_s, 1.0)):
            raise AudioError("the hearing was stopped")

    step_s = max(end_s / _MOST_WINDOWS, PATCH_S)
    with AudioFile(file, of_film=True, checkpoint=check) as sound:
        offset_s = sound.start_s - start_s
        for window in windows_of(sound.sound(length_s=max(end_s - offset_s, 0.0)), step_s):
            if window.start_s + offset_s + step_s > 0:  # the sound may begin before the picture
                decoded_s = max(window.start_s + offset_s, 0.0)
                windows.append(replace(window, start_s=window.start_s + offset_s))
    audible = sounding_windows(windows)
    loudness_db = loudness_of(window.samples for window in audible)
    spans: list[SoundSpan] = []
    for part in np.array_split(np.arange(len(audible)), -(-len(audible) // _NUM_TOGETHER) or 1):
        if not part.size or not on_progress(_DECODING + (1 - _DECODING) * float(part[0] / len(audible))):
            break
        together = [audible[position] for position in part.tolist()]
        timeline = load_sound_model().analyse(together, loudness_db=loudness_db).timeline
        for window, (_, valence, arousal) in zip(together, timeline, strict=True):
            mood = quadrant_of(AffectPoint(valence, arousal), neutral_radius=0).mood
            # After the last window, the sound is shorter than another one
            length_s = step_s + (PATCH_S if window is windows[-1] else 0.0)
            span = SoundSpan(max(window.start_s, 0.0), min(window.start_s + length_s, end_s), mood)
            if spans and spans[-1].mood == mood and span.start_s <= spans[-1].end_s + 1e-6:
                spans[-1] = replace(spans[-1], end_s=span.end_s)
            else:
                spans.append(span)
    return spans
