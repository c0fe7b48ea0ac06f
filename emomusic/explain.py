"""Grad-CAM: maps of the parts of a face that raise the winning class. Only this part of the app needs TensorFlow.

Grad-CAM [1] weighs feature maps by their gradients, here per position as in HiResCAM [2]. TensorFlow runs in another
process (`grad_cam`), so the app stays small and the video continues while TensorFlow loads.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.inspection import FloatMap
from emomusic.training.tensorflow_loader import load_tensorflow

if TYPE_CHECKING:
    import keras

# Smallest side of the feature maps as a share of the input. Coarser maps agree less with occlusion (docs/decisions.md).
_MIN_SHARE = 1 / 6

_TIMEOUT_S = 180.0


def grad_cam(model: str, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
    """The Grad-CAM map of one face, computed in another process in about five seconds.

    Args:
        model: name of a trained model.
        face: shape (side, side), grey, as the input of the network.
        winner: index of the class.

    Returns:
        Shape (side, side), 0 to 1; all 0 if no part raises the class.

    Raises:
        ModelError: TensorFlow is not installed, the model is absent or damaged, or the process exceeds its timeout.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ModelError("Grad-CAM needs TensorFlow, which is not installed. Run: pip install 'emomusic[train]'")
    if not (model_files.model_folder(model) / model_files.WEIGHTS).exists():
        raise ModelError(f"Grad-CAM needs {model_files.WEIGHTS}, which is absent. Run EmoMusic from its checkout")
    command = [sys.executable, "-m", "emomusic.explain", model, str(winner)]
    try:
        done = subprocess.run(command, input=_packed(face), capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"expected a map from TensorFlow. Received: {error}. Try again") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ModelError(f"expected a map from TensorFlow. Received: {lines[-1] if lines else 'nothing'}")
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False), np.float32)


def _packed(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def main(model: str, winner: str) -> None:
    """The process of `grad_cam`: read a face from stdin and write its map to stdout."""
    face = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    folder = model_files.model_folder(model)
    spec = model_files.read_spec(folder, verify=[model_files.WEIGHTS])
    load_tensorflow()
    import keras

    network = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    sys.stdout.buffer.write(_packed(GradCam(network, mirrored=spec.mirrored).of(face, int(winner))))


class GradCam:
    """Grad-CAM for a Keras network that ends in a softmax. It finds layers by shape and position, not by name."""

    def __init__(self, model: keras.Model, *, mirrored: bool) -> None:
        """Find the feature maps and logits of a network.

        Args:
            model: input shape (n, side, side, 1), pixels 0 to 255.
            mirrored: whether the model averages over the face and its mirror image.

        Raises:
            ModelError: the network has no feature maps or does not end in a softmax.
        """
        self._tensorflow = load_tensorflow()
        import keras

        inputs, steps = _unrolled(model)
        self._mirrored = mirrored
        self._network = keras.Model(inputs, [_logits(steps), _features(steps, inputs.shape[1])])

    def of(self, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
        """The map of a face, shape (side, side), for the class at index `winner`."""
        tf = self._tensorflow
        views = np.stack([face, face[:, ::-1]] if self._mirrored else [face]).astype(np.float32)[..., None]
        pixels = tf.constant(views)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits, features = self._network(pixels, training=False)
            score = tf.reduce_sum(logits[:, winner])
        gradients = tape.gradient(score, features)
        return _weighted(_concatenated(features), _concatenated(gradients), len(face))


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A call of a layer with its input and output tensors."""

    layer: Any
    inputs: tuple[Any, ...]
    output: Any


def _unrolled(model: keras.Model) -> tuple[Any, list[_Layer]]:
    """All layer calls of a network in order of execution, with those of nested networks.

    The layers keep their weights. The calls run again on new tensors.
    """
    import keras

    steps: list[_Layer] = []

    def call(layer: Any, *args: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Sequential):
            output = args[0]
            for inner in layer.layers:
                output = call(inner, output)
            return output
        if isinstance(layer, keras.Model):
            keras.models.clone_model(
                layer, input_tensors=args[0], clone_function=lambda inner: inner, call_function=call
            )
            return steps[-1].output  # the clone's own output does not depend on the outer input
        output = layer(*args, **options)
        steps.append(_Layer(layer, tuple(keras.tree.flatten((args, options))), output))
        return output

    inputs = keras.Input(model.input_shape[1:])
    call(model, inputs)
    return inputs, steps


def _logits(steps: Sequence[_Layer]) -> Any:
    """The input of the final softmax."""
    import keras

    last = steps[-1].layer
    is_activation = isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    if not (is_activation or isinstance(last, keras.layers.Softmax)):
        raise ModelError(f"expected a softmax layer at the end of the network. Received: {last.name!r}")
    return steps[-1].inputs[0]


def _features(steps: Sequence[_Layer], side: int) -> list[Any]:
    """The last maps that are fine enough, one tensor of each branch; the last maps of all if none are."""
    maps = [step for step in steps if _is_map(step)]
    if not maps:
        raise ModelError("expected a network with feature maps. Received: one without spatial layers")
    fine = [step for step in maps if min(step.output.shape[1:3]) >= _MIN_SHARE * side]
    return _last_of_size(steps, tuple((fine or maps)[-1].output.shape[1:3]))


def _last_of_size(steps: Sequence[_Layer], size: tuple[int, ...]) -> list[Any]:
    """The maps that lead to no other map of this size: one tensor, or one of each branch."""
    has_later: set[int] = set()  # tensors that lead to a map of this size
    last: list[Any] = []
    for step in reversed(steps):
        has_size = _is_map(step) and tuple(step.output.shape[1:3]) == size
        if has_size and id(step.output) not in has_later:
            last.insert(0, step.output)
        if has_size or id(step.output) in has_later:
            has_later |= {id(tensor) for tensor in step.inputs}
    return last


def _is_map(step: _Layer) -> bool:
    from keras import layers

    pooling = (layers.MaxPooling2D, layers.AveragePooling2D)
    shape: tuple[int, ...] = tuple(getattr(step.output, "shape", ()))
    return len(shape) == 4 and min(shape[1:3]) > 1 and not isinstance(step.layer, pooling)


def _weighted(features: FloatMap, gradients: FloatMap, side: int) -> FloatMap:
    """The sum of the maps weighted by their gradients at each position, without negative values.

    Args:
        features: shape (views, rows, columns, channels); the second view is the mirror image.
        gradients: of the class's logit, the same shape.
        side: side of the result.
    """
    maps = np.maximum((gradients * features).sum(axis=-1), 0)
    large = [cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR) for heat in maps]
    if len(large) == 2:
        large[1] = large[1][:, ::-1]
    mean: FloatMap = np.mean(large, axis=0, dtype=np.float32)
    return mean / max(float(mean.max()), 1e-12)


def _concatenated(maps: Sequence[Any]) -> FloatMap:
    """The channels of all branches, float32."""
    return np.concatenate([np.asarray(tensor, dtype=np.float32) for tensor in maps], axis=-1)


if __name__ == "__main__":
    main(*sys.argv[1:])
