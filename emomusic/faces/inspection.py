"""Feature maps, occlusion and Grad-CAM of a network for one face.

Occlusion [1] measures how the probability changes if a patch covers a part of the face. Grad-CAM computes an answer to
the same question from gradients; `training.export_onnx` exports its graph and names the method. If both agree, the map
is credible.

[1] M. D. Zeiler & R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.media.images import RgbImage, to_network_input
from emomusic.runtime import Float32Array, Network

_NUM_LEVELS = 4
_NUM_COLOURS = 3  # maps of up to three channels are images
_MAPS_PER_LEVEL = 6

# The patch must hide the mouth or both eyes, otherwise a confident answer hardly changes. More positions make the map
# finer and cost one prediction each.
_PATCH_SHARE = 3
_NUM_STARTS = 9


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """Feature maps of the last layer of one size.

    Attributes:
        maps: shape (n, side, side), float32: the maps of highest variance, sorted by variance.
        num_channels: number of all maps.
    """

    maps: Float32Array
    num_channels: int


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """Changes of the winning probability if a patch covers a part of the face.

    Attributes:
        drops: shape (n, n): decrease of the probability for each position, rows from the top; negative if it rises.
        starts: the n left edges of the patch, also its top edges, in pixels of the face.
        patch: side of the grey square in pixels.
        probability: without a patch.
    """

    drops: Float32Array
    starts: tuple[int, ...]
    patch: int
    probability: float


def feature_maps(crop: RgbImage, classifier: EmotionClassifier) -> list[FeatureMaps]:
    """Feature maps of a network for one face, from fine to coarse.

    Any exported network will do: its layers are found by their shapes, not by their names.

    Args:
        crop: square crop of any size, uint8, RGB or grey, as from `images.crop_face`.
        classifier: a trained model. The maps are those of its network.

    Raises:
        ModelError: its file is absent or damaged, or the network has no feature maps.
    """
    import onnx

    path, side = model_files.model_folder(classifier.spec.name) / model_files.ONNX, classifier.spec.side
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    known = {value.name: value for value in model.graph.value_info}
    names = _levels(model.graph)
    del model.graph.output[:]
    model.graph.output.extend(known[name] for name in names)
    found = []
    for (level,) in Network(model.SerializeToString())(to_network_input([crop], side).astype(np.float32)):
        chosen = np.argsort(-level.std(axis=(1, 2)), kind="stable")[:_MAPS_PER_LEVEL]
        found.append(FeatureMaps(level[chosen], len(level)))
    return found


def occlude(face: npt.NDArray[np.uint8], classifier: EmotionClassifier) -> Occlusion:
    """Classify a grey face, shape (side, side), with a grey patch at each position, in about a second."""
    side = len(face)
    patch = max(side // _PATCH_SHARE, 1)
    starts = tuple(sorted({round(start) for start in np.linspace(0, side - patch, _NUM_STARTS)}))
    positions = _patch_positions(starts, patch)
    covered = np.repeat(face[None], len(positions), axis=0)
    for picture, position in zip(covered, positions, strict=True):
        picture[position] = round(float(face.mean()))
    answers = classifier.adjusted_probabilities([face, *covered])
    before, *after = answers[:, answers[0].argmax()]
    drops = before - np.array(after)
    return Occlusion(drops.reshape(len(starts), -1), starts, patch, float(before))


def _patch_positions(starts: Sequence[int], patch: int) -> list[tuple[slice, slice]]:
    """Rows and columns of the patch at each position, row by row."""
    ranges = [slice(start, start + patch) for start in starts]
    return [(rows, columns) for rows in ranges for columns in ranges]


def agreement(heat: Float32Array, occlusion: Occlusion) -> float | None:
    """Spearman's rank correlation of two maps of a face over the positions of the patch; None if one is constant."""
    from scipy.stats import spearmanr

    means = np.array([heat[region].mean() for region in _patch_positions(occlusion.starts, occlusion.patch)])
    drops = occlusion.drops.ravel()
    if np.ptp(means) == 0 or np.ptp(drops) == 0:
        return None
    return float(spearmanr(means, drops).statistic)


def grad_cam(spec: model_files.ModelSpec, face: npt.NDArray[np.uint8], winner: int) -> Float32Array:
    """The Grad-CAM map of one face, in about a tenth of a second.

    Args:
        spec: the description of a trained model.
        face: shape (side, side), grey, of any size.
        winner: index of the class.

    Returns:
        The same shape, 0 to 1; all 0 if no part raises the class.

    Raises:
        ModelError: the model has no graph for these maps, or a damaged one.
    """
    path = model_files.model_folder(spec.name) / model_files.GRAD_CAM
    if not path.exists():
        advice = f"Choose {model_files.DEFAULT_MODEL}"
        raise ModelError(f"expected a model with {path.name}. Received: {spec.name}. {advice}")
    (own,) = to_network_input([face], spec.side)
    images = np.stack([own, own[:, ::-1]] if spec.mirrored else [own]).astype(np.float32)
    is_winner = np.zeros((1, len(spec.classes)), np.float32)
    is_winner[0, winner] = 1
    network = Network(path)
    maps = [network(image[None], is_winner)[0][0] for image in images]
    large = [cv2.resize(heat, face.shape[::-1], interpolation=cv2.INTER_LINEAR) for heat in maps]
    if len(large) == 2:
        large[1] = large[1][:, ::-1]
    mean: Float32Array = np.mean(large, axis=0, dtype=np.float32)
    return mean / max(float(mean.max()), 1e-12)


_NO_NEW_MAPS = ("MaxPool", "AveragePool", "Transpose", "Reshape", "Cast", "QuantizeLinear", "DequantizeLinear")


def _levels(graph: Any) -> list[str]:
    """Names of the last maps of each size in an ONNX graph, from fine to coarse, at most `_NUM_LEVELS`."""
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    last: dict[tuple[int, int], str] = {}
    for node in graph.node:
        shape = shapes.get(node.output[0], [])
        if len(shape) == 4 and min(shape[2:]) > 1 and node.op_type not in _NO_NEW_MAPS:
            last[shape[2], shape[3]] = node.output[0]
    levels = [name for _, name in sorted(last.items(), reverse=True) if shapes[name][1] > _NUM_COLOURS]
    if not levels:
        raise ModelError("expected a network with feature maps. Received: one without spatial layers")
    if len(levels) <= _NUM_LEVELS:
        return levels
    return [levels[round(index)] for index in np.linspace(0, len(levels) - 1, _NUM_LEVELS)]
