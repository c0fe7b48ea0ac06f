"""What a network makes of one face: feature maps, scores, and what covering each part of the face changes.

Occlusion [1] covers one place after the other and sees how the answer changes. It is an experiment; `grad_cam` has a
formula for the same question. Where they agree, the map can be believed.

[1] M. D. Zeiler & R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.calibration import adjust_logits
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier, calibrate
from emomusic.face.images import RgbImage, to_network_input
from emomusic.face.runtime import Network

FloatMap = npt.NDArray[np.float32]

_NUM_LEVELS = 4
_NUM_COLOURS = 3  # as few channels are a picture still
_MAPS_PER_LEVEL = 6

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
        probabilities: shape (classes,): `calibrated`, adjusted for photographs: the classifier's answer.
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
    """A trained network that also gives what its layers make of a face. Threads may share one instance.

    Works on any exported network that ends in a softmax: what it needs is found by shape and place, never by name.
    """

    def __init__(self, spec: model_files.ModelSpec, network: Path | None = None) -> None:
        """Load a network with its feature maps and scores as outputs.

        Args:
            spec: of a trained model.
            network: its ONNX file; None for the one in the model's folder.

        Raises:
            ModelError: the file is absent or damaged, or the network has no feature maps or does not end in a softmax.
        """
        import onnx

        self._spec = spec
        path = network or model_files.model_folder(spec.name) / model_files.ONNX
        model = onnx.shape_inference.infer_shapes(onnx.load(path))
        graph = model.graph
        last = next(node for node in graph.node if graph.output[0].name in node.output)
        if last.op_type != "Softmax":
            raise ModelError(f"expected a network that ends in a softmax. Received: {last.op_type} there")
        self._levels = _levels(_steps(graph))
        names = [last.input[0], *(name for level in self._levels for name in level)]
        known = {value.name: value for value in graph.value_info}
        del graph.output[:]
        graph.output.extend(known[name] for name in names)
        self._network = Network(model.SerializeToString())

    def look(self, crop: RgbImage) -> Insight:
        """Run the network on one face and keep everything on the way.

        Args:
            crop: a square cut-out of any size, uint8, RGB, as `images.crop_face` makes them; or what
                `images.to_network_input` makes of one, shape (side, side), which gives the very same.
        """
        spec = self._spec
        face = to_network_input([crop], spec.side)[0]
        views = np.stack([face, face[:, ::-1]] if spec.mirrored else [face]).astype(np.float32)
        scores, *maps = self._network(views)
        logits = scores.astype(np.float64)
        averaged = _softmax(logits).mean(axis=0)
        answer = calibrate(averaged[None], spec)
        waiting = iter(maps)
        return Insight(
            face=face[..., 0],
            levels=tuple(_feature_maps(np.concatenate([next(waiting)[0] for _ in level])) for level in self._levels),
            logits=logits,
            averaged=averaged,
            smoothing=spec.smoothing,
            temperature=spec.temperature,
            calibrated=answer[0],
            adjusted=bool(spec.adjustment),
            probabilities=adjust_logits(answer, spec.adjustment)[0],
        )


def occlude(crop: RgbImage, classifier: EmotionClassifier) -> Occlusion:
    """Cover one part of a face after the other with grey, and ask the classifier each time; takes a second or so.

    Args:
        crop: as for `Explainer.look`.
        classifier: is asked.
    """
    side = classifier.spec.side
    face = to_network_input([crop], side)[0]
    patch = max(side // _PATCH_SHARE, 1)
    starts = tuple(sorted({round(start) for start in np.linspace(0, side - patch, _NUM_STARTS)}))
    places = _patch_places(starts, patch)
    covered = np.repeat(face[None], len(places), axis=0)
    for picture, place in zip(covered, places, strict=True):
        picture[place] = round(float(face.mean()))
    first, *rest = classifier.of_photographs(np.concatenate([face[None], covered]))
    winner = int(first.argmax())
    drops = np.array([first[winner] - row[winner] for row in rest], np.float32)
    total, times = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    for drop, place in zip(drops, places, strict=True):
        total[place] += drop
        times[place] += 1
    drops = drops.reshape(len(starts), len(starts))
    return Occlusion(drops, starts, patch, float(first[winner]), (total / times).astype(np.float32))


def _patch_places(starts: Sequence[int], patch: int) -> list[tuple[slice, slice]]:
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

    means = np.array([grad_cam[place].mean() for place in _patch_places(occlusion.starts, occlusion.patch)])
    drops = occlusion.drops.ravel()
    if np.ptp(means) == 0 or np.ptp(drops) == 0:
        return None
    return float(spearmanr(means, drops).statistic)


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation of a network.

    Attributes:
        given: names of what it takes.
        made: name of what it gives.
        size: rows and columns, where that is a stack of maps; None for anything else.
        channels: how many maps.
    """

    given: tuple[str, ...]
    made: str
    size: tuple[int, int] | None
    channels: int = 0


_NO_NEW_MAPS = ("MaxPool", "AveragePool", "Transpose", "Reshape", "Cast")


def _steps(graph: Any) -> list[_Step]:
    """The operations of an ONNX graph in the order of their work."""
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    steps = []
    for node in graph.node:
        shape = shapes.get(node.output[0], [])
        is_map = len(shape) == 4 and min(shape[2:]) > 1 and node.op_type not in _NO_NEW_MAPS
        size, channels = ((shape[2], shape[3]), shape[1]) if is_map else (None, 0)
        steps.append(_Step(tuple(node.input), node.output[0], size, channels))
    return steps


def _levels(steps: Sequence[_Step]) -> list[list[str]]:
    """Names of the last maps of each size, from fine to coarse; of many sizes a few.

    Raises:
        ModelError: there are no maps.
    """
    channels = {step.made: step.channels for step in steps}
    of_size = sorted(_last_of_each_size(steps).items(), reverse=True)
    levels = [maps for _, maps in of_size if any(channels[name] > _NUM_COLOURS for name in maps)]
    if not levels:
        raise ModelError("expected a network with feature maps. Received: one without a layer that keeps places apart")
    if len(levels) <= _NUM_LEVELS:
        return levels
    return [levels[round(place)] for place in np.linspace(0, len(levels) - 1, _NUM_LEVELS)]


def _last_of_each_size(steps: Sequence[_Step]) -> dict[tuple[int, int], list[str]]:
    """The maps of which no other of their size is made: one stack, or where a network branches, one of each branch."""
    sizes_ahead: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)  # of what is made of a tensor
    last: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for step in reversed(steps):
        ahead = set(sizes_ahead[step.made])
        if step.size is not None:
            if step.size not in ahead:
                last[step.size].insert(0, step.made)
            ahead.add(step.size)
        for name in step.given:
            sizes_ahead[name] |= ahead
    return dict(last)


def _feature_maps(level: FloatMap) -> FeatureMaps:
    """Choose from shape (channels, side, side)."""
    chosen = np.argsort(-level.std(axis=(1, 2)), kind="stable")[:_MAPS_PER_LEVEL]
    return FeatureMaps(level[chosen], len(level))


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
