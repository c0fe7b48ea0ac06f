"""Teach `emonet_photo` what faces were meant to show, and how people differ, for face profiles.

    python -m scripts.build_people fer2013.csv

The network's features before the last layer get a second linear output, by logistic regression on the labels of
FER2013's Training split: the words by which its faces were searched. `people.npz` has the means and the common
covariance of the descriptions of PublicTest by its labels, and the covariance within a person and emotion: that of
PublicTest's faces when turned, moved and lit otherwise, as large as in pairs of one person (docs/experiments.md).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from emomusic.affect import EMOTIONS
from emomusic.assets import sha256_of, write_checksums
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.fer2013 import Split, read_fer2013
from emomusic.face.profile import describe_faces
from emomusic.runtime import Network

_MEANT = "meant"
_PENALTY, _STEPS = 1e-3, 80
_SHRINK, _SHRINK_WITHIN = 0.2, 0.1  # of the covariances towards a multiple of the identity
_WITHIN = 0.49  # mean variance of a number within a person and emotion: twice that of pairs
_SHARES = {
    "person": 0.7,
    "expression": 0.25,
    "intensity": 0.75,
    "intensity_std": 0.5,
    "calm": 0.5,
    "contrast": 0.25,
    "evidence": 0.55,
}


def without_second_output(proto: onnx.ModelProto) -> str:
    """Remove the output that an earlier run added, and return the name of the features before the last layer."""
    graph = proto.graph
    for values in (graph.node, graph.initializer, graph.output):
        for value in [each for each in values if each.name.startswith(_MEANT)]:
            values.remove(value)
    (last,) = [node for node in graph.node if graph.output[0].name in node.output]
    while last.op_type not in ("Gemm", "MatMul"):
        (last,) = [node for node in graph.node if last.input[0] in node.output]
    return str(last.input[0])


def features_of(proto: onnx.ModelProto, name: str, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The features of faces, averaged over the mirror images, shape (n, features)."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.output[:]
    copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", None]))
    network, found = Network(copy.SerializeToString()), []
    for start in range(0, len(faces), 128):
        pixels = faces[start : start + 128, :, :, None].astype(np.float32)
        found.append((network.map_batch(pixels) + network.map_batch(pixels[:, :, ::-1])) / 2)
    return np.concatenate(found)


def fit_linear(
    features: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weights and constants of a logistic regression on standardised features."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-3
    inputs = np.column_stack([(features - mean) / std, np.ones(len(features), np.float32)]).astype(np.float32)
    wanted = np.eye(len(EMOTIONS), dtype=np.float32)[labels]

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        table = flat.reshape(inputs.shape[1], -1)
        logs = log_softmax(inputs @ table.astype(np.float32), axis=1)
        gradient = (inputs.T @ ((np.exp(logs) - wanted) / len(inputs))).astype(np.float64)
        gradient[:-1] += _PENALTY * table[:-1]
        return float(-(wanted * logs).sum() / len(inputs) + _PENALTY / 2 * (table[:-1] ** 2).sum()), gradient.ravel()

    start = np.zeros(inputs.shape[1] * len(EMOTIONS))
    table = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x.reshape(
        inputs.shape[1], -1
    )
    weights = table[:-1] / std[:, None]
    return weights.astype(np.float32), (table[-1] - mean @ weights).astype(np.float32)


def disturbed(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The faces turned by up to 6 degrees, scaled, moved by up to 2 pixels, and with other light."""
    rng, side = np.random.default_rng(0), images.shape[1]
    found = []
    for image in images:
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), rng.uniform(-6, 6), rng.uniform(0.93, 1.07))
        matrix[:, 2] += rng.uniform(-2, 2, 2)
        moved = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE).astype(float)
        found.append((moved - moved.mean()) * rng.uniform(0.8, 1.2) + moved.mean() + rng.uniform(-20, 20))
    return np.clip(found, 0, 255).astype(np.uint8)


def shrunk(covariance: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """The covariance, mixed with a multiple of the identity of the same trace."""
    size = len(covariance)
    return (1 - share) * covariance + share * np.trace(covariance) / size * np.eye(size)


def write_people(folder: Path, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Write `people.npz` from labelled faces, and return their descriptions."""
    classifier = EmotionClassifier.load(folder.name)
    described = describe_faces(list(images), classifier)
    means = np.stack([described[labels == label].mean(axis=0) for label in range(len(EMOTIONS))])
    changed = describe_faces(list(disturbed(images)), classifier)
    within = np.cov((changed - described).T, bias=True)
    within *= _WITHIN * len(within) / np.trace(within)
    arrays = {
        "means": means,
        "between": shrunk(np.cov((described - means[labels]).T, bias=True), _SHRINK),
        "within": shrunk(within, _SHRINK_WITHIN),
    } | {key: np.array(value) for key, value in _SHARES.items()}
    np.savez_compressed(folder / model_files.PEOPLE, allow_pickle=False, **arrays)
    return described


def main() -> None:
    """Write `model.onnx`, the checksum in `spec.json`, and `people.npz`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path, help="Kaggle's fer2013.csv")
    dataset = read_fer2013(parser.parse_args().fer2013, needs=[Split.TRAIN, Split.VALIDATION])
    train, validation = dataset.split(Split.TRAIN), dataset.split(Split.VALIDATION)
    name = model_files.DEFAULT_MODEL
    folder = model_files.model_folder(name)
    spec = model_files.read_spec(folder, verify=[model_files.ONNX])
    proto = onnx.load(folder / model_files.ONNX)
    features = without_second_output(proto)
    weights, constants = fit_linear(features_of(proto, features, train.images), train.labels)
    graph = proto.graph
    graph.initializer.append(numpy_helper.from_array(weights, f"{_MEANT}_weights"))
    graph.initializer.append(numpy_helper.from_array(constants, f"{_MEANT}_constants"))
    inputs = [features, f"{_MEANT}_weights", f"{_MEANT}_constants"]
    graph.node.append(onnx.helper.make_node("Gemm", inputs, [_MEANT], name=_MEANT))
    graph.output.append(onnx.helper.make_tensor_value_info(_MEANT, onnx.TensorProto.FLOAT, ["n", len(EMOTIONS)]))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, folder / model_files.ONNX)
    model_files.write_spec(replace(spec, onnx_sha256=sha256_of(folder / model_files.ONNX)), folder)
    described = write_people(folder, validation.images, validation.labels)
    write_checksums(folder)
    meant = described[:, len(EMOTIONS) : 2 * len(EMOTIONS)].argmax(axis=1)
    print(f"PublicTest: the second output agrees with {(meant == validation.labels).mean():.1%} of FER2013's labels")


if __name__ == "__main__":
    main()
