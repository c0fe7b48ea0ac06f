"""Teach `emonet_photo` what faces were meant to show, and how people differ, for face profiles.

    python -m scripts.build_people fer2013.csv
    python -m scripts.build_people fer2013.csv --simulate

The network's features before the last layer get a second linear output, by logistic regression on the labels of
FER2013's Training split: the words by which its faces were searched. `people.npz` has the means and the common
covariance of the descriptions of PublicTest by its labels, and the covariance within a person and emotion: that of
PublicTest's faces when turned, moved and lit otherwise, as large as in pairs of one person (docs/experiments.md).

`--simulate` changes neither. It reads simulated persons with and without a profile, and records their figures. A
person is a neutral face of PrivateTest, to which the differences between faces of each label and the most similar
neutral faces are added.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from emomusic.affect import EMOTIONS, Emotion
from emomusic.assets import sha256_of, write_checksums
from emomusic.calibration import adjust_logits, softmax
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.fer2013 import LabelledFaces, Split, read_fer2013
from emomusic.faces.identity import FaceIdentifier
from emomusic.faces.profile import People, describe_faces, estimate_profile
from emomusic.media.images import Box
from emomusic.runtime import Network
from emomusic.training.evaluate import record_profiles
from emomusic.training.ferplus import seen_emotions

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
_PERSONS, _FACES = 40, 20  # in each setting; of each emotion of a person
_STRENGTHS = np.array([0.9, 0.9, 0.9, 1.3, 1.3, 1.3, 0.0])  # without a profile, about as right as on posed portraits
_VARIATION = 0.65  # of the strength of a person's expressions
_SETTINGS = tuple(itertools.product((0.85, 1.0, 1.15), (1.0, 1.5, 2.0)))  # factors of strength and disturbance
_CALM, _OTHERS = 8, 3  # readings in ten seconds of Live


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


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A simulated person.

    Attributes:
        neutral: the neutral face, shape (21,).
        expressions: what each emotion adds to it, shape (7, 21).
        noise: how pictures of one face differ, shape (n, 21).
        rng: chooses strength and noise of each picture.
    """

    neutral: npt.NDArray[np.float64]
    expressions: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]
    rng: np.random.Generator

    def show(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """A picture of each of these emotions, shape (n, 21)."""
        strengths = self.rng.uniform(1 - _VARIATION, 1 + _VARIATION, (len(labels), 1))
        scales = np.where(labels == Emotion.NEUTRAL.label, _SHARES["calm"] ** 0.5, 1.0)[:, None]
        noise = self.noise[self.rng.integers(len(self.noise), size=len(labels))]
        return np.asarray(self.neutral + strengths * self.expressions[labels] + scales * noise)


def simulate(name: str, faces: LabelledFaces) -> dict[str, dict[str, float]]:
    """Mean recall, and the lowest of any emotion and setting, of simulated persons by what the app knows of them."""
    classifier, people = EmotionClassifier.load(name), People.load(name)
    described = describe_faces(list(faces.images), classifier)
    noise = describe_faces(list(disturbed(faces.images)), classifier) - described
    identifier, box = FaceIdentifier(), [Box(0, 0, *faces.images.shape[:0:-1])]
    pictures = np.repeat(faces.images[..., None], 3, axis=3)
    descriptors = np.concatenate([identifier.describe(picture, box) for picture in pictures])
    is_neutral = faces.labels == Emotion.NEUTRAL.label
    is_seen_neutral = seen_emotions(faces, Split.TEST) == Emotion.NEUTRAL.label
    calm, clearly_calm = np.flatnonzero(is_neutral), np.flatnonzero(is_neutral & is_seen_neutral)
    ways = described - described[calm[(descriptors @ descriptors[calm].T).argmax(axis=1)]]
    recalls: dict[str, list[npt.NDArray[np.float64]]] = {}
    for strength, disturbance in _SETTINGS:
        right: dict[str, list[npt.NDArray[np.bool_]]] = {}
        for number in range(_PERSONS):
            rng = np.random.default_rng(number)
            chosen = [rng.choice(np.flatnonzero(faces.labels == label)) for label in range(len(EMOTIONS))]
            expressions = strength * _STRENGTHS[:, None] * ways[chosen]
            person = Person(described[rng.choice(clearly_calm)], expressions, disturbance * noise, rng)
            for known, is_right in _read(person, people, classifier).items():
                right.setdefault(known, []).append(is_right)
        for known, rows in right.items():
            recalls.setdefault(known, []).append(np.mean(rows, axis=(0, 2)))
    return {
        known: {"macro_recall": round(float(np.mean(rows)), 4), "lowest_recall": round(float(np.min(rows)), 4)}
        for known, rows in recalls.items()
    }


def _read(person: Person, people: People, classifier: EmotionClassifier) -> dict[str, npt.NDArray[np.bool_]]:
    """Which pictures of a person are read right, shape (7, n), by what the app knows of the person."""
    neutral, labels = Emotion.NEUTRAL.label, np.arange(len(EMOTIONS))
    y_true = np.repeat(labels, _FACES)
    shots, shown = person.show(labels), person.show(y_true)
    watched = person.show(np.append([neutral] * _CALM, person.rng.integers(len(EMOTIONS), size=_OTHERS)))
    estimate = estimate_profile(watched, np.eye(1, 1024, dtype=np.float32), classifier)
    profiles: dict[str, Mapping[Emotion, npt.NDArray[np.float64]]] = {
        "nothing": {},
        "a calm face, estimated on Live": {} if estimate is None else estimate.faces,
        "one neutral shot": {Emotion.NEUTRAL: shots[neutral]},
        "one shot of each emotion": dict(zip(EMOTIONS, shots, strict=True)),
    }
    found = {}
    for known, own in profiles.items():
        if own:
            answers = people.conditioned(own, dict.fromkeys(own, 1)).probabilities(shown)
        else:
            answers = adjust_logits(softmax(shown[:, : len(EMOTIONS)]), classifier.spec.posed_adjustment)
        found[known] = (answers.argmax(axis=1) == y_true).reshape(len(EMOTIONS), _FACES)
    return found


def main() -> None:
    """Write `model.onnx`, the checksum in `spec.json`, and `people.npz`; or record the figures of simulated persons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path, help="Kaggle's fer2013.csv")
    parser.add_argument("--simulate", action="store_true", help="record how well simulated persons are read")
    options = parser.parse_args()
    if options.simulate:
        faces = read_fer2013(options.fer2013, needs=[Split.TEST]).split(Split.TEST)
        figures = simulate(model_files.DEFAULT_MODEL, faces)
        record_profiles(model_files.DEFAULT_MODEL, figures)
        print(figures)
        return
    dataset = read_fer2013(options.fer2013, needs=[Split.TRAIN, Split.VALIDATION])
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
