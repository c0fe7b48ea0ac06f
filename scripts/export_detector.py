"""Export the three networks of the package `mtcnn` to `models/detector/`: python -m scripts.export_detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mtcnn.stages import StageONet, StagePNet, StageRNet
from onnx import TensorProto, helper

from emomusic.assets import models_dir, write_checksums
from emomusic.runtime import Float32Array
from scripts.onnx_graph import Graph

# Kernel, stride and padding of each pooling layer; None after a convolution without pooling
_RNET_POOLING = ((3, 2, "SAME_UPPER"), (3, 2, "VALID"), None)
_ONET_POOLING = ((3, 2, "SAME_UPPER"), (3, 2, "VALID"), (2, 2, "SAME_UPPER"), None)


_BLOCK = 16  # ONNX Runtime converts layers of other widths to another layout and back


class _Graph(Graph):
    """Builder of the graph of a detector network."""

    def convolution(self, x: str, number: str, kernel: Float32Array, bias: Float32Array, slopes: Float32Array) -> str:
        """Convolution with a Keras kernel, shape (height, width, in, out), on channel-first data, and PReLU.

        Channels of zeros fill the last block.
        """
        before, after = (-count % _BLOCK for count in kernel.shape[2:])
        before = before if kernel.shape[2] > 3 else 0  # the pixels have no such channels
        kernel = np.pad(kernel, ((0, 0), (0, 0), (0, before), (0, after)))
        bias, slopes = np.pad(bias, (0, after)), np.pad(slopes.ravel(), (0, after))
        return self._prelu(self.plain_convolution(x, number, kernel, bias), number, slopes)

    def pooled_convolution(
        self, x: str, number: str, kernel: Float32Array, bias: Float32Array, slopes: Float32Array
    ) -> str:
        """Convolution as `convolution`, PReLU and maximum of 2x2 samples, with PReLU on a quarter of the samples.

        PReLU with a slope below 0 can have its maximum at the least sample. Spare channels hold the negated
        convolution for it, whose maximum is the negated least sample.
        """
        slopes = slopes.ravel()
        count, falling = len(slopes), np.flatnonzero(slopes < 0)
        spare = _BLOCK - count - len(falling)
        kernel = np.pad(np.concatenate([kernel, -kernel[..., falling]], axis=-1), ((0, 0), (0, 0), (0, 0), (0, spare)))
        x = self.plain_convolution(x, number, kernel, np.pad(np.concatenate([bias, -bias[falling]]), (0, spare)))
        x = self.add("MaxPool", x, output=f"pool{number}", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")
        # With `most` and `least` of the samples, the result is most + (1 - slope) max(-most, 0), and for a slope below
        # 0 most + max(slope * least - most, 0).
        minus, factors = np.zeros((_BLOCK, _BLOCK, 1, 1), np.float32), np.zeros((_BLOCK, 1, 1, 1), np.float32)
        minus[np.arange(count), np.arange(count)] = -1
        minus[falling, count + np.arange(len(falling))] = -slopes[falling, None, None]
        factors[:count, 0, 0, 0] = np.where(slopes < 0, 1, 1 - slopes)
        return self._folded(x, number, minus, factors)

    def plain_convolution(self, x: str, number: str, kernel: Float32Array, bias: Float32Array) -> str:
        """Convolution with a Keras kernel, without PReLU."""
        weights = self.weight(f"kernel{number}", kernel.transpose(3, 2, 0, 1))
        return self.add("Conv", x, weights, self.weight(f"bias{number}", bias), output=f"conv{number}")

    def _prelu(self, x: str, number: str, slopes: Float32Array) -> str:
        """PReLU on channel-first data as x + (1 - slope) max(-x, 0).

        With equal results, ONNX Runtime runs P-Net in 60 % of the time of its `PRelu`.
        """
        factors = 1 - slopes.reshape(-1, 1, 1, 1)
        return self._folded(x, number, np.full_like(factors, -1), factors)

    def _folded(self, x: str, number: str, minus: Float32Array, factors: Float32Array) -> str:
        """The sum x + factors max(minus x, 0) of channel-first data, with 1x1 kernels."""
        weights = self.weight(f"minus{number}", minus)
        negative = self.add("Conv", x, weights, output=f"negative{number}", group=len(minus) // minus.shape[1])
        below = self.add("Relu", negative, output=f"below{number}")
        weights = self.weight(f"factors{number}", factors)
        scaled = self.add("Conv", below, weights, output=f"scaled{number}", group=len(factors))
        return self.add("Add", scaled, x, output=f"prelu{number}")

    def dense(self, x: str, output: str, kernel: Float32Array, bias: Float32Array) -> str:
        weights = self.weight(f"{output}_kernel", kernel)
        return self.add("Gemm", x, weights, self.weight(f"{output}_bias", bias), output=output)


def export_pnet(weights: list[Float32Array], path: Path) -> None:
    """P-Net: maps pixels to offsets and, in the fifth channel, the logit of a face."""
    graph = _Graph("pnet")
    kernel1, bias1, slopes1, kernel2, bias2, slopes2, kernel3, bias3, slopes3, *heads = weights
    x = graph.pooled_convolution("pixels", "1", kernel1, bias1, slopes1)
    x = graph.convolution(x, "2", kernel2, bias2, slopes2)
    x = graph.convolution(x, "3", kernel3, bias3, slopes3)
    offset_kernel, offset_bias, face_kernel, face_bias = heads
    # The softmax of two scores is the sigmoid of their difference, so one channel is enough
    kernel = np.concatenate([offset_kernel, face_kernel[..., 1:] - face_kernel[..., :1]], axis=-1)
    bias = np.concatenate([offset_bias, face_bias[1:] - face_bias[:1]])
    graph.add("Identity", graph.plain_convolution(x, "4", kernel, bias), output="offsets_and_logit")
    graph.save(path, {"pixels": [1, 3, "height", "width"]}, {"offsets_and_logit": [1, 5, "rows", "columns"]})


def export_patch_network(weights: list[Float32Array], path: Path, *, side: int, pooling: tuple[Any, ...]) -> None:
    """R-Net or O-Net, with the cropping of patches inside the graph.

    Inputs: `pixels` (1, 3, height, width); `bins` (n, 4) for `RoiAlign`; `inside` (n, 1, side, side), 0 for samples
    outside the image. Outputs: `offsets` (n, 4), O-Net's `landmarks` (n, 10), `probabilities` (n, 2).
    """
    graph = _Graph(path.stem)
    remaining = iter(weights)
    count = graph.add(
        *("Slice", graph.add("Shape", "bins", output="shape"), graph.weight("zero", np.zeros(1, np.int64))),
        graph.weight("one", np.ones(1, np.int64)),
        output="count",
    )
    first_image = helper.make_tensor("", TensorProto.INT64, [1], [0])
    images = graph.add("ConstantOfShape", count, output="images", value=first_image)
    x = graph.add(
        *("RoiAlign", "pixels", "bins", images),
        output="samples",
        coordinate_transformation_mode="half_pixel",
        output_height=side,
        output_width=side,
        sampling_ratio=1,
    )
    x = graph.add("Mul", x, "inside", output="patches")
    channels = 3
    for number, pool in enumerate(pooling, 1):
        kernel, bias, slopes = (next(remaining) for _ in range(3))
        channels = kernel.shape[-1]
        x = graph.convolution(x, str(number), kernel, bias, slopes)
        if pool is not None:
            (size, stride, padding), output = pool, f"pool{number}"
            sides = {"kernel_shape": [size, size], "strides": [stride, stride]}
            x = graph.add("MaxPool", x, output=output, auto_pad=padding, **sides)
    kernel, bias, slopes = (next(remaining) for _ in range(3))
    rows = round((len(kernel) / channels) ** 0.5)
    # mtcnn flattens (column, row, channel), ONNX (channel, row, column)
    kernel = kernel.reshape(rows, rows, channels, -1).transpose(2, 1, 0, 3).reshape(len(kernel), -1)
    x = graph.dense(graph.add("Flatten", x, output="flat"), "dense", kernel, bias)
    x = graph.add("PRelu", x, graph.weight("dense_slopes", slopes), output="features")
    heads = list(remaining)
    outputs: dict[str, list[Any]] = {}
    for name, kernel, bias in zip(("offsets", "landmarks"), heads[:-2:2], heads[1:-2:2], strict=False):
        outputs[graph.dense(x, name, kernel, bias)] = ["n", kernel.shape[1]]
    scores = graph.dense(x, "scores", heads[-2], heads[-1])
    outputs[graph.add("Softmax", scores, output="probabilities", axis=1)] = ["n", 2]
    inputs = {"pixels": [1, 3, "height", "width"], "bins": ["n", 4], "inside": ["n", 1, side, side]}
    graph.save(path, inputs, outputs)


def main() -> None:
    """Write the three networks."""
    folder = models_dir() / "detector"

    def weights(stage: Any) -> list[Float32Array]:
        return [np.asarray(values, np.float32) for values in stage.model.get_weights()]

    export_pnet(weights(StagePNet()), folder / "pnet.onnx")
    export_patch_network(weights(StageRNet()), folder / "rnet.onnx", side=24, pooling=_RNET_POOLING)
    export_patch_network(weights(StageONet()), folder / "onet.onnx", side=48, pooling=_ONET_POOLING)
    write_checksums(folder)


if __name__ == "__main__":
    main()
