"""Export the network of `models/start/faceres/` to `models/identity/model.onnx`: python -m scripts.export_identity.

It tells faces apart (`emomusic.faces.identity`). The weights are whole numbers from -31 to 31 with one scale for each
filter, which the wheel's compression stores in 2.2 MB. The computation has full precision.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from emomusic.assets import models_dir, write_checksums
from emomusic.faces.identity import MODEL, SIDE
from emomusic.faces.model_files import START_WEIGHTS
from scripts.build_start_weights import NUM_BLOCKS
from scripts.onnx_graph import Graph

_GREY_MEAN = 129.0  # which `build_start_weights` assumes
_LARGEST = 31
_HALVING = frozenset({2, 4, 6, 12})  # blocks with stride 2


class _Graph(Graph):
    """Builder of a chain of convolutions."""

    def convolution(
        self, x: str, name: str, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], *, stride: int
    ) -> str:
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


def main() -> None:
    """Write the network."""
    graph = _Graph("identity")
    graph.weight("zero", np.float32(0))
    graph.weight("six", np.float32(6))
    graph.weight("mean", np.float32(_GREY_MEAN))
    with np.load(models_dir() / START_WEIGHTS["faceres"].path, allow_pickle=False) as arrays:
        layers = {name: arrays[name].astype(np.float32) for name in arrays}
    x = graph.add("Sub", "pixels", "mean", output="centred")
    x = graph.convolution(x, "conv1", layers["conv1/kernel"].transpose(3, 2, 0, 1), layers["conv1/bias"], stride=2)
    for block in range(1, NUM_BLOCKS + 1):
        deep, point = f"conv_dw_{block}", f"conv_pw_{block}"
        kernel = layers[f"{deep}/kernel"].transpose(2, 3, 0, 1)  # (channels, 1, height, width)
        x = graph.convolution(x, deep, kernel, layers[f"{deep}/bias"], stride=2 if block in _HALVING else 1)
        x = graph.convolution(
            x, point, layers[f"{point}/kernel"].transpose(3, 2, 0, 1), layers[f"{point}/bias"], stride=1
        )
    graph.add("ReduceMean", x, output="descriptor", axes=[2, 3], keepdims=0)
    width = layers[f"conv_pw_{NUM_BLOCKS}/bias"].size
    path = models_dir() / MODEL
    graph.save(path, {"pixels": ["n", 1, SIDE, SIDE]}, {"descriptor": ["n", width]})
    write_checksums(path.parent)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
