"""Build `models/sound/musicnn/network.onnx` from a wheel of musicnn 0.1.0: python -m scripts.build_sound_network WHEEL.

One graph takes 3 s of sound and returns 50 tags and the features behind them. The spectrogram is that of musicnn
(librosa's defaults), and the weights are those of its networks MSD_musicnn and MTT_musicnn (Pons and Serra, 2019, ISC
licence), and of its smaller ones, MSD_vgg and MTT_vgg. Most convolutions compute in integers of eight bits. Only this
script needs TensorFlow, to read the weights.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from emomusic.assets import data_dir, models_dir, write_checksums
from emomusic.media.audio_file import read_song
from emomusic.media.sound import SAMPLE_RATE, gain_of, loudness_of
from emomusic.runtime import Float32Array
from emomusic.songs.hearing import HOP, NETWORK, NUM_SAMPLES, TAGS, patches_of
from emomusic.training.export_onnx import halve_weights, in_eight_bits
from scripts.onnx_graph import Graph

TOWERS = ("MSD_musicnn", "MTT_musicnn", "MSD_vgg", "MTT_vgg")
VGG_POOLS = {  # sizes and strides over time and bands
    "MSD_vgg": (([4, 1], [4, 1]), ([1, 4], [1, 4]), ([2, 2], [2, 2]), ([2, 2], [2, 2]), ([4, 4], [4, 4])),
    "MTT_vgg": (([4, 1], [2, 2]), ([2, 2], [2, 2]), ([2, 2], [2, 2]), ([2, 2], [2, 2]), ([4, 4], [4, 4])),
}
BAND_STRIDE = 2  # of the highest convolutions, which look for a timbre at every second height only: half the time
WINDOW = 512
NUM_BANDS = 96
_SLOW = re.compile(r"spectrum|.*_musicnn/conv2d_[2-7](/pool)?|.*_vgg/1(/pool)?")  # in integers, or losing precision
LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"

Weights = dict[str, npt.NDArray[np.float32]]


def read_weights(wheel: Path, network: str) -> Weights:
    """The weights of one of musicnn's networks, by TensorFlow's names."""
    import tensorflow as tf

    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        for part in (".index", ".data-00000-of-00001"):
            (Path(folder) / f"w{part}").write_bytes(archive.read(f"musicnn/{network}/{part}"))
        reader = tf.train.load_checkpoint(f"{folder}/w")
        names = [name for name in reader.get_variable_to_shape_map() if "Adam" not in name]
        return {name: reader.get_tensor(name) for name in names}


def _batch_norm(number: int) -> str:
    return f"batch_normalization_{number}" if number else "batch_normalization"


def mel_bands() -> npt.NDArray[np.float32]:
    """Slaney's mel bands of equal area, shape (frequencies, bands)."""
    knee, step = 15.0, np.log(6.4) / 27  # linear below 1 kHz, logarithmic above
    top = knee + np.log(SAMPLE_RATE / 2000) / step
    mels = np.linspace(0, top, NUM_BANDS + 2)
    edges = np.where(mels < knee, mels * 200 / 3, 1000 * np.exp(step * (mels - knee)))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return bands.astype(np.float32)


class _Graph(Graph):
    """Builder of the spectrogram and of the towers."""

    def spectrogram(self) -> str:
        """Add the mel spectrogram of `sound`, shape (n, 1, frames, bands)."""
        angles = 2 * np.pi * np.outer(np.arange(WINDOW // 2 + 1), np.arange(WINDOW)) / WINDOW
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
        waves = np.concatenate([np.cos(angles) * hann, np.sin(angles) * hann])[:, None].astype(np.float32)
        self.add("Unsqueeze", "sound", self.weight("second_axis", np.array([1])), output="channel")
        self.add("Conv", "channel", self.weight("waves", waves), output="spectrum", strides=[HOP])
        self.add("Mul", "spectrum", "spectrum", output="squares")
        powers = self.weight("powers", np.concatenate([mel_bands()] * 2))
        self.add("Transpose", "squares", output="frames", perm=[0, 2, 1])
        self.add("MatMul", "frames", powers, output="bands")
        self.add("Mul", "bands", self.weight("scale", np.float32(10_000)), output="scaled")
        self.add("Add", "scaled", self.weight("one", np.float32(1)), output="shifted")
        self.add("Log", "shifted", output="logarithm")
        self.add("Mul", "logarithm", self.weight("decade", np.float32(1 / np.log(10))), output="decades")
        return self.add("Unsqueeze", "decades", "second_axis", output="mels")

    def normalized(self, x: str, tower: str, weights: Weights, number: int) -> str:
        """Add the batch normalization with this number."""
        name = _batch_norm(number)
        parts = [
            self.weight(f"{tower}/{name}/{part}", weights[f"{name}/{part}"])
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        ]
        return self.add("BatchNormalization", x, *parts, output=f"{tower}/{name}", epsilon=0.001)

    def convolution(
        self, x: str, tower: str, weights: Weights, number: int, pads: list[int], *, over_bands: bool = True
    ) -> str:
        """Add a convolution, ReLU and batch normalization, and with `over_bands` their maximum over the bands.

        Without `over_bands`, the bands are channels.
        """
        name = f"conv2d_{number}" if number else "conv2d"
        kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]  # (time, bands, 1, filters)
        if not over_bands:
            parts = self.kernel(f"{tower}/{name}", kernel[:, :, 0].transpose(2, 1, 0), bias)
            x = self.add("Conv", x, *parts, output=f"{tower}/{name}", pads=pads)
            return self.normalized(self.add("Relu", x, output=f"{tower}/{name}/relu"), tower, weights, number + 1)
        kernel = kernel.transpose(3, 2, 0, 1)
        strides = [1, BAND_STRIDE] if kernel.shape[3] > 1 else [1, 1]
        num_heights = (NUM_BANDS - kernel.shape[3]) // strides[1] + 1
        pool = [1, num_heights], [1, num_heights]
        x = self.pooled(x, f"{tower}/{name}", tower, weights, number + 1, (kernel, bias), (pads, strides), pool)
        return self.add(
            "Squeeze", x, self.weight(f"{tower}/{name}/axis", np.array([3])), output=f"{tower}/part_{number}"
        )

    def pooled(
        self, x: str, name: str, tower: str, weights: Weights, number: int, parts: Any, places: Any, pool: Any
    ) -> str:
        """Add a convolution, ReLU, batch normalization and maximum, in another order with the same result.

        The maximum comes first, because the rest then has less to do. Where the normalization turns the order round,
        the kernel changes its sign before the maximum, and the result after it.
        """
        norm = _batch_norm(number)
        signs = np.where(weights[f"{norm}/gamma"] < 0, -1, 1).astype(np.float32)
        kernel, bias = parts
        pads, strides = places
        parts = self.kernel(name, kernel * signs[:, None, None, None], bias * signs)
        x = self.add("Conv", x, *parts, output=name, pads=pads, strides=strides)
        x = self.add("MaxPool", x, output=f"{name}/pool", kernel_shape=pool[0], strides=pool[1])
        x = self.add("Mul", x, self.weight(f"{name}/signs", signs[:, None, None]), output=f"{name}/signed")
        return self.normalized(self.add("Relu", x, output=f"{name}/relu"), tower, weights, number)

    def kernel(self, name: str, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> tuple[str, str]:
        """Add the weights of a convolution."""
        return self.weight(f"{name}/kernel", kernel), self.weight(f"{name}/bias", bias)

    def tower(self, mels: str, tower: str, weights: Weights) -> tuple[str, str]:
        """Add one network of musicnn. Returns its tags, before the sigmoid, and its features."""
        x = self.normalized(mels, tower, weights, 0)
        parts = []
        for number in range(5):  # timbre in two heights, then rhythm in three lengths
            length = weights[f"conv2d_{number}/kernel" if number else "conv2d/kernel"].shape[0]
            before = (length - 1) // 2
            parts.append(self.convolution(x, tower, weights, number, [before, 0, length - 1 - before, 0]))
        layers = [self.add("Concat", *parts, output=f"{tower}/front", axis=1)]
        total = self.convolution(layers[0], tower, weights, 5, [3, 3], over_bands=False)
        layers.append(total)
        for number in (6, 7):
            found = self.convolution(total, tower, weights, number, [3, 3], over_bands=False)
            total = self.add("Add", found, total, output=f"{tower}/sum_{number}")
            layers.append(total)
        joined = self.add("Concat", *layers, output=f"{tower}/layers", axis=1)
        pooled = [self.add(kind, joined, output=f"{tower}/{kind}", axes=[2]) for kind in ("ReduceMax", "ReduceMean")]
        x = self.add("Concat", *pooled, output=f"{tower}/pairs", axis=2)
        x = self.add("Flatten", x, output=f"{tower}/pooled")
        x = self.dense(self.normalized(x, tower, weights, 9), tower, weights, "dense")
        positive = self.add("Relu", x, output=f"{tower}/positive")
        tags = self.dense(self.normalized(positive, tower, weights, 10), tower, weights, "dense_1")
        larger = self.add("Add", positive, "one", output=f"{tower}/larger")
        return tags, self.add("Log", larger, output=f"{tower}/features")

    def vgg(self, mels: str, tower: str, weights: Weights) -> tuple[str, str]:
        """Add one of musicnn's smaller networks. Returns its tags, before the sigmoid, and the means of its layers."""
        x = self.normalized(mels, tower, weights, 0)
        means = []
        for number, (pool, strides) in enumerate(VGG_POOLS[tower], 1):
            parts = weights[f"{number}CNN/kernel"].transpose(3, 2, 0, 1), weights[f"{number}CNN/bias"]
            x = self.pooled(
                x, f"{tower}/{number}", tower, weights, number, parts, ([1, 1, 1, 1], [1, 1]), (pool, strides)
            )
            if number > 2:
                means.append(self.add("ReduceMean", x, output=f"{tower}/{number}/mean", axes=[2, 3], keepdims=0))
        x = self.add("Transpose", x, output=f"{tower}/last", perm=[0, 2, 3, 1])
        tags = self.dense(self.add("Flatten", x, output=f"{tower}/flat"), tower, weights, "dense")
        return tags, self.add("Concat", *means, output=f"{tower}/features", axis=1)

    def dense(self, x: str, tower: str, weights: Weights, name: str) -> str:
        """Add a dense layer."""
        parts = [self.weight(f"{tower}/{name}/{part}", weights[f"{name}/{part}"]) for part in ("kernel", "bias")]
        return self.add("Gemm", x, *parts, output=f"{tower}/{name}")


def loud_patches() -> list[Float32Array]:
    """Every fourth patch of the bundled songs, at the level at which the network hears songs, in batches."""
    parts = []
    for path in sorted((data_dir() / "songs").glob("*.mp3")):
        sound = np.concatenate([window.samples for window in read_song(path).windows])
        parts.append(patches_of(sound)[::4] * np.float32(gain_of(loudness_of([sound]))))
    return np.array_split(np.concatenate(parts), len(parts) // 4)


def main(wheel: Path) -> None:
    """Write the network, and musicnn's licence beside it."""
    graph = _Graph("musicnn")
    mels = graph.spectrogram()
    found = [
        (graph.vgg if tower in VGG_POOLS else graph.tower)(mels, tower, read_weights(wheel, tower)) for tower in TOWERS
    ]
    graph.add("Identity", found[0][0], output="tags")
    graph.add("Concat", *(name for pair in found for name in pair), output="features", axis=1)
    path = models_dir() / NETWORK
    num_features = 2 * (50 + 200) + 2 * (50 + 384)  # tags and inner features of four networks
    graph.save(path, {"sound": ["n", NUM_SAMPLES]}, {"tags": ["n", len(TAGS)], "features": ["n", num_features]})
    network = onnx.load(path)
    slow = [node.name for node in network.graph.node if _SLOW.fullmatch(node.name)]
    network = in_eight_bits(network, loud_patches(), kept=slow, pooled=True)
    scales = [each.name for each in network.graph.initializer if each.name.endswith("_scale")]  # too small for half
    halve_weights(network, kept=("waves", "powers", *scales))
    onnx.save(network, path)
    with zipfile.ZipFile(wheel) as archive:
        (path.parent / "LICENSE").write_bytes(archive.read(LICENCE))
    write_checksums(path.parent)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
