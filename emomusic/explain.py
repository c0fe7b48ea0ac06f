"""Grad-CAM: which places of a face speak for the winning class. The only part of the app that needs TensorFlow.

Grad-CAM [1] asks the gradients which places of the feature maps speak for a class, here in the form HiResCAM [2], which
keeps each gradient at its place. TensorFlow computes them in a process of its own (`grad_cam`), so the app stays small
and its video goes on while TensorFlow loads.

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

# The maps that are asked for what speaks for a class have at least this share of the input's side, where a network has
# such: coarser ones agree less with occlusion (docs/decisions.md)
_LEAST_SHARE = 1 / 6

_PATIENCE_S = 180.0


def grad_cam(model: str, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
    """Ask another process, which loads TensorFlow, for the map of one face; takes about five seconds.

    Args:
        model: name of a trained model.
        face: shape (side, side), grey, as the network takes it.
        winner: position of the class.

    Returns:
        Shape (side, side), 0 to 1; all 0 where nothing speaks for the class.

    Raises:
        ModelError: TensorFlow is not installed, the model is absent or damaged, or it took too long.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ModelError("Grad-CAM needs TensorFlow, which is not installed. Run: pip install 'emomusic[train]'")
    if not (model_files.model_folder(model) / model_files.WEIGHTS).exists():
        raise ModelError(f"Grad-CAM needs {model_files.WEIGHTS}, which is absent here. Run EmoMusic from its checkout")
    command = [sys.executable, "-m", "emomusic.explain", model, str(winner)]
    try:
        done = subprocess.run(command, input=_packed(face), capture_output=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"expected an answer from TensorFlow. Received: {error}. Try again") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ModelError(f"expected an answer from TensorFlow. Received: {lines[-1] if lines else 'nothing'}")
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False), np.float32)


def _packed(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def main(model: str, winner: str) -> None:
    """Answer `grad_cam`: read a face from stdin and write its map to stdout."""
    face = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    folder = model_files.model_folder(model)
    spec = model_files.read_spec(folder, verify=[model_files.WEIGHTS])
    load_tensorflow()
    import keras

    network = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    sys.stdout.buffer.write(_packed(GradCam(network, mirrored=spec.mirrored).of(face, int(winner))))


class GradCam:
    """A Keras network, opened up. Works on any that ends in a softmax: what it needs is found by shape and place."""

    def __init__(self, model: keras.Model, *, mirrored: bool) -> None:
        """Find the feature maps and the scores of a network.

        Args:
            model: input shape (n, side, side, 1), pixels 0 to 255.
            mirrored: whether its answer is the mean over the face and its mirror image.

        Raises:
            ModelError: it has none.
        """
        self._tensorflow = load_tensorflow()
        import keras

        inputs, steps = _unrolled(model)
        self._mirrored = mirrored
        self._network = keras.Model(inputs, [_logits(steps), _features(steps, inputs.shape[1])])

    def of(self, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
        """The map of a face, shape (side, side), for the class at position `winner`."""
        tf = self._tensorflow
        views = np.stack([face, face[:, ::-1]] if self._mirrored else [face]).astype(np.float32)[..., None]
        pixels = tf.constant(views)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits, features = self._network(pixels, training=False)
            score = tf.reduce_sum(logits[:, winner])
        gradients = tape.gradient(score, features)
        return _weighted(_together(features), _together(gradients), len(face))


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One layer at work: the tensors it was given, and what it made of them."""

    layer: Any
    given: tuple[Any, ...]
    made: Any


def _unrolled(model: keras.Model) -> tuple[Any, list[_Layer]]:
    """Every layer of a network in the order of their work, those of networks inside the network too.

    The layers and their weights stay the same; only the wiring is written down anew.
    """
    import keras

    steps: list[_Layer] = []

    def call(layer: Any, *given: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Sequential):
            made = given[0]
            for inner in layer.layers:
                made = call(inner, made)
            return made
        if isinstance(layer, keras.Model):
            keras.models.clone_model(
                layer, input_tensors=given[0], clone_function=lambda inner: inner, call_function=call
            )
            # Not the clone's own output: that begins anew at its input, and would lead no further back
            return steps[-1].made
        made = layer(*given, **options)
        steps.append(_Layer(layer, tuple(keras.tree.flatten((given, options))), made))
        return made

    inputs = keras.Input(model.input_shape[1:])
    call(model, inputs)
    return inputs, steps


def _logits(steps: Sequence[_Layer]) -> Any:
    """What goes into the final softmax."""
    import keras

    last = steps[-1].layer
    is_activation = isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    if not (is_activation or isinstance(last, keras.layers.Softmax)):
        raise ModelError(f"expected a network whose last layer is a softmax alone. Received: {last.name!r} there")
    return steps[-1].given[0]


def _features(steps: Sequence[_Layer], side: int) -> list[Any]:
    """The last maps that are fine enough to show places, one tensor of each branch; the last of all where none are."""
    maps = [step for step in steps if _is_map(step)]
    if not maps:
        raise ModelError("expected a network with feature maps. Received: one without a layer that keeps places apart")
    fine = [step for step in maps if min(step.made.shape[1:3]) >= _LEAST_SHARE * side]
    return _last_of_size(steps, tuple((fine or maps)[-1].made.shape[1:3]))


def _last_of_size(steps: Sequence[_Layer], size: tuple[int, ...]) -> list[Any]:
    """The maps of that size of which no other of it is made: one tensor, or where a network branches, one of each."""
    has_more: set[int] = set()  # tensors of which maps of that size are made
    last: list[Any] = []
    for step in reversed(steps):
        is_one = _is_map(step) and tuple(step.made.shape[1:3]) == size
        if is_one and id(step.made) not in has_more:
            last.insert(0, step.made)
        if is_one or id(step.made) in has_more:
            has_more |= {id(tensor) for tensor in step.given}
    return last


def _is_map(step: _Layer) -> bool:
    from keras import layers

    pooling = (layers.MaxPooling2D, layers.AveragePooling2D)
    shape: tuple[int, ...] = tuple(getattr(step.made, "shape", ()))
    return len(shape) == 4 and min(shape[1:3]) > 1 and not isinstance(step.layer, pooling)


def _weighted(features: FloatMap, gradients: FloatMap, side: int) -> FloatMap:
    """Weigh each map by its gradient, place by place, add up, and keep what speaks for the class.

    Args:
        features: shape (views, rows, columns, channels); the second view is the mirror image.
        gradients: the same shape, of the class's logit.
        side: of the answer.
    """
    maps = np.maximum((gradients * features).sum(axis=-1), 0)
    large = [cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR) for heat in maps]
    if len(large) == 2:
        large[1] = large[1][:, ::-1]
    mean: FloatMap = np.mean(large, axis=0, dtype=np.float32)
    return mean / max(float(mean.max()), 1e-12)


def _together(maps: Sequence[Any]) -> FloatMap:
    """Maps of several branches as those of one, in float32."""
    return np.concatenate([np.asarray(tensor, dtype=np.float32) for tensor in maps], axis=-1)


if __name__ == "__main__":
    main(*sys.argv[1:])
