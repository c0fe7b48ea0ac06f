"""What happens between a face and its probabilities, laid open: what the network makes of it, and where it looks.

Grad-CAM [1] asks the gradients which places of the feature maps speak for the winning class, here in the form HiResCAM
[3], which keeps each gradient at its place; occlusion [2] covers one place after the other and sees how the answer
changes. The first is a formula, the second an experiment: where they agree, the map can be believed.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] M. D. Zeiler & R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
[3] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.evaluation import adjust
from emomusic.face._tensorflow import load_tensorflow
from emomusic.face.classifier import EmotionClassifier, calibrated
from emomusic.face.images import RgbImage, to_network_input

if TYPE_CHECKING:
    import keras

FloatMap = npt.NDArray[np.float32]

_NUM_LEVELS = 4
_NUM_COLOURS = 3  # as few channels are a picture still
_MAPS_PER_LEVEL = 6

# The maps that are asked for what speaks for a class have at least this share of the input's side, where a network has
# such: coarser ones agree less with occlusion (docs/decisions.md)
_LEAST_SHARE = 1 / 6

# A patch must hide a whole mouth or both eyes, or a sure answer hardly changes: a third of the side does. More places
# make a finer map and cost one look each.
_PATCH_SHARE = 3
_NUM_STARTS = 9


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """Some of what the last layers of one size make of a face: one layer, or one of each branch.

    Attributes:
        maps: shape (n, side, side), float32: those that vary most over this face, the most varied first.
        num_channels: how many they make in all.
    """

    maps: FloatMap
    num_channels: int


@dataclass(frozen=True, slots=True, eq=False)
class Insight:
    """How a network came to its answer for one face.

    Attributes:
        face: shape (side, side), uint8, grey: the face as the network sees it.
        levels: feature maps from fine to coarse.
        logits: shape (views, classes): for the face and, where the model looks at that too, for its mirror image.
        averaged: shape (classes,): the mean over the views of the softmax of each.
        smoothing: share of `averaged` that goes to all classes alike, as smooth labels taught it; taken back.
        temperature: the logits of that are divided by this.
        calibrated: shape (classes,): the softmax of that.
        adjusted: whether the model is adjusted for photographs.
        probabilities: shape (classes,): `calibrated`, adjusted for photographs: the classifier's answer in float32.
        grad_cam: shape (side, side), 0 to 1: what speaks for the winning class; all 0 where nothing does.
    """

    face: npt.NDArray[np.uint8]
    levels: tuple[FeatureMaps, ...]
    logits: npt.NDArray[np.float64]
    averaged: npt.NDArray[np.float64]
    smoothing: float
    temperature: float
    calibrated: npt.NDArray[np.float64]
    adjusted: bool
    probabilities: npt.NDArray[np.float64]
    grad_cam: FloatMap

    @property
    def winner(self) -> int:
        """The class the network chose."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What covering each part of a face does to the probability of the class that won.

    Attributes:
        drops: shape (n, n): by how much it falls with the patch there, rows from the top; below 0 where it rises.
        starts: the n left edges of the patch, which are its top edges too, in pixels of the network's input.
        patch: side of the grey square, in the same pixels.
        probability: with nothing covered.
        heat: shape (side, side): for each pixel, the mean of the drops of all patches that cover it.
    """

    drops: FloatMap
    starts: tuple[int, ...]
    patch: int
    probability: float
    heat: FloatMap


class Explainer:
    """A trained network, opened up. It only reads the network it was made for, so threads may share it.

    Works on any network that ends in a softmax: what it needs is found by shape and place, never by name.
    """

    def __init__(self, classifier: EmotionClassifier) -> None:
        """Find the feature maps and the logits of the classifier's network.

        Raises:
            ModelError: the network has none.
        """
        # In float32, whatever the app reads faces in: what covering a part changes can be as small as bfloat16's error
        self.classifier = classifier.exact()
        self._tensorflow = load_tensorflow()
        import keras

        inputs, steps = _unrolled(classifier.model)
        outputs = [_logits(steps), _features(steps, classifier.spec.side), _levels(steps)]
        self._network = keras.Model(inputs, outputs)

    def look(self, crop: RgbImage) -> Insight:
        """Run the network on one face and keep everything on the way.

        Args:
            crop: a square cut-out of any size, uint8, RGB, as `images.crop_face` makes them; or what
                `images.to_network_input` makes of one, shape (side, side), which gives the very same.
        """
        spec = self.classifier.spec
        face = to_network_input([crop], spec.side)[0]
        views = np.stack([face, face[:, ::-1]] if spec.mirrored else [face]).astype(np.float32)
        tf = self._tensorflow
        pixels = tf.constant(views)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits, features, levels = self._network(pixels, training=False)
            logits = tf.cast(logits, tf.float32)
            averaged = _softmax(logits.numpy().astype(np.float64)).mean(axis=0)
            settled = calibrated(averaged[None], spec)
            probabilities = adjust(settled, spec.adjustment)[0]
            score = tf.reduce_sum(logits[:, int(probabilities.argmax())])
        gradients = tape.gradient(score, features)
        return Insight(
            face=face[..., 0],
            levels=tuple(_feature_maps(_together(level)[0]) for level in levels),
            logits=logits.numpy().astype(np.float64),
            averaged=averaged,
            smoothing=spec.smoothing,
            temperature=spec.temperature,
            calibrated=settled[0],
            adjusted=bool(spec.adjustment),
            probabilities=probabilities,
            grad_cam=_grad_cam(_together(features), _together(gradients), spec.side),
        )

    def occlude(self, crop: RgbImage) -> Occlusion:
        """Cover one part of a face after the other with grey, and ask the classifier each time; takes a second or so.

        Args:
            crop: as for `look`.
        """
        side = self.classifier.spec.side
        face = to_network_input([crop], side)[0]
        patch = max(side // _PATCH_SHARE, 1)
        starts = tuple(sorted({round(start) for start in np.linspace(0, side - patch, _NUM_STARTS)}))
        places = _places(starts, patch)
        covered = np.repeat(face[None], len(places), axis=0)
        for picture, place in zip(covered, places, strict=True):
            picture[place] = round(float(face.mean()))
        first, *rest = self.classifier.of_photographs(np.concatenate([face[None], covered]))
        winner = int(first.argmax())
        drops = np.array([first[winner] - row[winner] for row in rest], np.float32)
        total, times = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
        for drop, place in zip(drops, places, strict=True):
            total[place] += drop
            times[place] += 1
        drops = drops.reshape(len(starts), len(starts))
        return Occlusion(drops, starts, patch, float(first[winner]), (total / times).astype(np.float32))


def _places(starts: Sequence[int], patch: int) -> list[tuple[slice, slice]]:
    """Rows and columns that a patch covers, row by row."""
    ranges = [slice(start, start + patch) for start in starts]
    return [(rows, columns) for rows in ranges for columns in ranges]


def agreement(grad_cam: FloatMap, occlusion: Occlusion) -> float | None:
    """How well the two maps agree: Spearman's rank correlation over the places of the patch.

    Args:
        grad_cam: shape (side, side).
        occlusion: of the same face.

    Returns:
        From -1 (opposite) over 0 (nothing in common) to 1 (the same order); None where one of them is the same
        everywhere and orders nothing.
    """
    from scipy.stats import spearmanr

    means = np.array([grad_cam[place].mean() for place in _places(occlusion.starts, occlusion.patch)])
    drops = occlusion.drops.ravel()
    if np.ptp(means) == 0 or np.ptp(drops) == 0:
        return None
    return float(spearmanr(means, drops).statistic)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One layer at work: the tensors it was given, and what it made of them."""

    layer: Any
    given: tuple[Any, ...]
    made: Any


def _unrolled(model: keras.Model) -> tuple[Any, list[_Step]]:
    """Every layer of a network in the order of their work, those of networks inside the network too.

    The layers and their weights stay the same; only the wiring is written down anew.
    """
    import keras

    steps: list[_Step] = []

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
        steps.append(_Step(layer, tuple(keras.tree.flatten((given, options))), made))
        return made

    inputs = keras.Input(model.input_shape[1:])
    call(model, inputs)
    return inputs, steps


def _logits(steps: Sequence[_Step]) -> Any:
    """What goes into the final softmax."""
    import keras

    last = steps[-1].layer
    is_activation = isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    if not (is_activation or isinstance(last, keras.layers.Softmax)):
        raise ModelError(f"expected a network whose last layer is a softmax alone. Received: {last.name!r} there")
    return steps[-1].given[0]


def _features(steps: Sequence[_Step], side: int) -> list[Any]:
    """The last maps that are fine enough to show places, one tensor of each branch; the last of all where none are."""
    maps = [step for step in steps if _is_map(step)]
    if not maps:
        raise ModelError("expected a network with feature maps. Received: one without a layer that keeps places apart")
    fine = [step for step in maps if min(step.made.shape[1:3]) >= _LEAST_SHARE * side]
    return _last_of_each_size(steps)[(fine or maps)[-1].made.shape[1:3]]


def _levels(steps: Sequence[_Step]) -> list[list[Any]]:
    """The last maps of each size, from fine to coarse; of many sizes a few."""
    of_size = sorted(_last_of_each_size(steps).items(), reverse=True)
    levels = [maps for _, maps in of_size if any(made.shape[-1] > _NUM_COLOURS for made in maps)]
    if len(levels) <= _NUM_LEVELS:
        return levels
    return [levels[round(place)] for place in np.linspace(0, len(levels) - 1, _NUM_LEVELS)]


def _last_of_each_size(steps: Sequence[_Step]) -> dict[tuple[int, int], list[Any]]:
    """The maps of which no other of their size is made: one tensor, or where a network branches, one of each branch."""
    sizes_ahead: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)  # of what is made of a tensor
    last: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
    for step in reversed(steps):
        ahead = set(sizes_ahead[id(step.made)])
        if _is_map(step):
            size = step.made.shape[1:3]
            if size not in ahead:
                last[size].insert(0, step.made)
            ahead.add(size)
        for tensor in step.given:
            sizes_ahead[id(tensor)] |= ahead
    return dict(last)


def _is_map(step: _Step) -> bool:
    from keras import layers

    pooling = (layers.MaxPooling2D, layers.AveragePooling2D)
    shape: tuple[int, ...] = tuple(getattr(step.made, "shape", ()))
    return len(shape) == 4 and min(shape[1:3]) > 1 and not isinstance(step.layer, pooling)


def _feature_maps(level: FloatMap) -> FeatureMaps:
    """Choose from shape (side, side, channels)."""
    chosen = np.argsort(-level.std(axis=(0, 1)), kind="stable")[:_MAPS_PER_LEVEL]
    return FeatureMaps(np.moveaxis(level[..., chosen], -1, 0), level.shape[-1])


def _grad_cam(features: FloatMap, gradients: FloatMap, side: int) -> FloatMap:
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


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
