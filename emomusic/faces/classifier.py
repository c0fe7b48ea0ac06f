"""Emotion probabilities for face crops, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.assets import SPEC, load_once
from emomusic.calibration import adjust_logits, apply_temperature, invert_label_smoothing, log_probabilities, softmax
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.layer import Layer
from emomusic.faces.turned import TURNS
from emomusic.media.images import RgbImage, to_network_input
from emomusic.metrics import SEVEN, FloatArray
from emomusic.runtime import Network

_BATCH = 32  # bounds memory: each of 64 views takes about half a megabyte
_GREY_SIDE = 144  # three times that of most networks

Forward = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""A network. Takes pixels, shape (n, side, side, 1), and returns probabilities and any features of its last layer,
shape (n, classes + features)."""


class Classifier(Protocol):
    """Classifies face crops. `EmotionClassifier` and the fake of the tests implement it."""

    @property
    def threshold(self) -> float:
        """The least probability of an emotion for a clear face."""
        ...

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities for each crop, in order."""
        ...


class EmotionClassifier:
    """A trained network, or two whose logarithms are averaged. Threads may share one instance.

    Crops are square, uint8, RGB or grey, of any size, as from `images.crop_face`.

    Attributes:
        spec: the description in the model's folder.
        turn_layer: estimates the turn of faces; None if the model has no such layer.
        posing_layer: detects posed faces; without it, the adjustment for photographs is for all faces.
        partner: reads the crops as well; None without a second network.
    """

    def __init__(
        self,
        forward: Forward,
        spec: model_files.ModelSpec,
        turn_layer: Layer | None = None,
        posing_layer: Layer | None = None,
        partner: EmotionClassifier | None = None,
    ) -> None:
        """Take the network, the description of its model, its layers and its partner."""
        self.spec, self.turn_layer, self.posing_layer, self._forward = spec, turn_layer, posing_layer, forward
        self.partner = partner

    @classmethod
    def load(cls, name: str = model_files.DEFAULT_MODEL) -> EmotionClassifier:
        """Load a trained model from `models/face/<name>/`, with its partner.

        Raises:
            ModelError: there is no such model, or its files are absent, damaged or do not match.
        """
        folder = model_files.model_folder(name)
        spec = model_files.read_spec(folder)
        network = Network(folder / model_files.ONNX)
        expected = [spec.side, spec.side, 1], len(spec.classes)
        received = network.input_shapes[0][1:], network.output_shape[-1]
        if expected != received:
            raise ModelError(
                f"expected a network in {folder} with the input shape and classes of {SPEC}: {expected}. "
                f"Received: {received}. Restore the files"
            )
        turns, posing = Layer.load(folder / model_files.TURNS, len(TURNS)), Layer.load(folder / model_files.POSING, 1)
        return cls(forward_of(network), spec, turns, posing, cls.load(spec.partner) if spec.partner else None)

    def posed(self) -> EmotionClassifier:
        """The same network, sure that people posed, so that their faces may show any of the emotions.

        Photographs show some emotions rarely, so there this costs accuracy. Otherwise, `posing_layer` tells both apart.

        Raises:
            ModelError: the model has no adjustment for posed faces.
        """
        if not self.spec.posed_adjustment:
            raise ModelError(
                f"expected a model with an adjustment for posed faces, such as {model_files.DEFAULT_MODEL}. "
                f"Received: {self.spec.name}. Choose another model"
            )
        spec = replace(self.spec, adjustment=self.spec.posed_adjustment, threshold=self.spec.posed_threshold)
        return EmotionClassifier(self._forward, spec, self.turn_layer, partner=self.partner)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities for each face. Raises as `require_emotions`."""
        self.require_emotions()
        if not crops:
            return []
        return [EmotionProbabilities(row) for row in self.adjusted_probabilities(crops)]

    @property
    def threshold(self) -> float:
        """As in `ModelSpec`."""
        return self.spec.threshold

    def require_emotions(self) -> None:
        """Raise a `ModelError` if the model has other classes, for which `probabilities` still works."""
        if self.spec.classes != SEVEN:
            raise ModelError(
                f"expected a model of the seven emotions. Received: {self.spec.name} "
                f"with the classes {', '.join(self.spec.classes)}. Choose another model"
            )

    def adjusted_probabilities(self, crops: Sequence[RgbImage]) -> npt.NDArray[np.float32]:
        """The probabilities of `read`, adjusted by `adjust`; shape (n, classes), float32."""
        return np.asarray(self.adjust(*self.read(crops)), np.float32)

    def adjust(
        self, probabilities: FloatArray, features: FloatArray, adjustment: Sequence[Sequence[float]] | None = None
    ) -> FloatArray:
        """Probabilities for faces on photographs or, as far as `posing_layer` takes them to be, for posed faces.

        The logarithms of both are averaged, weighted by the probability that people posed.

        Args:
            probabilities: shape (n, classes), as from `read`.
            features: shape (n, features), as from `read`.
            adjustment: for photographs, by default that of the model.
        """
        on_photos = adjust_logits(probabilities, self.spec.adjustment if adjustment is None else adjustment)
        if self.posing_layer is None:
            return on_photos
        posed = adjust_logits(probabilities, self.spec.posed_adjustment)
        share = posed_share(self.posing_layer, features)[:, None]
        return softmax((1 - share) * log_probabilities(on_photos) + share * log_probabilities(posed))

    def read(self, crops: Sequence[RgbImage]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Calibrated probabilities of the model and its partner, shape (n, classes), and features of the model alone.

        The logarithms of both are averaged, the partner's weighted by `ModelSpec.partner_share`. The partner reads one
        view, in half of the time. Rows of probabilities sum to 1; n is at least 1.
        """
        greys = [to_grey(crop) for crop in crops]
        probabilities, features = self._read_alone(greys, mirrored=self.spec.mirrored)
        if self.partner is not None:
            second, _ = self.partner._read_alone(greys, mirrored=False)
            share = self.spec.partner_share
            logs = (1 - share) * log_probabilities(probabilities) + share * log_probabilities(second)
            probabilities = softmax(logs).astype(np.float32)
        return probabilities, features

    def describe(self, crops: Sequence[RgbImage]) -> npt.NDArray[np.float64]:
        """What `faces.people` compares: logarithms of the model's own probabilities, then its features.

        Shape (n, classes + features), float64. A network without such an output has no features.
        """
        probabilities, features = self._read_alone([to_grey(crop) for crop in crops], mirrored=self.spec.mirrored)
        return np.concatenate([log_probabilities(probabilities), features], axis=1)

    def _read_alone(
        self, greys: Sequence[npt.NDArray[np.uint8]], *, mirrored: bool
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Calibrated probabilities and features of the model's own network."""
        outputs, classes = self._outputs(greys, mirrored=mirrored), len(self.spec.classes)
        return np.asarray(calibrate(outputs[:, :classes], self.spec), np.float32), outputs[:, classes:]

    def features(self, crops: Sequence[RgbImage]) -> npt.NDArray[np.float32]:
        """Features of one view of each crop, which a mirror image does not have; shape (n, features)."""
        return self._outputs([to_grey(crop) for crop in crops], mirrored=False)[:, len(self.spec.classes) :]

    def turn_scores(self, crops: Sequence[RgbImage]) -> FloatArray:
        """Logits of `turned.TURNS` from the model's layer, which must exist; shape (n, 4)."""
        assert self.turn_layer is not None
        return self.turn_layer.scores(self.features(crops))

    def _outputs(self, crops: Sequence[RgbImage], *, mirrored: bool) -> npt.NDArray[np.float32]:
        """The outputs of the model's own network, perhaps averaged over each face and its mirror image."""
        inputs, batches = to_network_input(crops, self.spec.side), []
        for start in range(0, len(inputs), _BATCH):
            pixels = inputs[start : start + _BATCH].astype(np.float32)
            views = [pixels, pixels[:, :, ::-1]] if mirrored else [pixels]
            outputs = self._forward(np.concatenate(views))
            batches.append(np.mean(np.split(outputs, len(views)), axis=0))
        return np.concatenate(batches)


load_classifier = load_once(EmotionClassifier.load)
"""A trained model, loaded once."""


def to_grey(crop: RgbImage) -> npt.NDArray[np.uint8]:
    """A square crop in grey, at most 144 pixels per side: all that the networks see. Such a crop stays unchanged."""
    return to_network_input([crop], min(len(crop), _GREY_SIDE))[0, ..., 0]


def forward_of(network: Network) -> Forward:
    """A network whose features follow its probabilities."""
    return lambda pixels: np.concatenate(network.map_outputs(pixels), axis=1)


def posed_share(layer: Layer, features: FloatArray) -> FloatArray:
    """The probability that people posed, shape (n,), for features of shape (n, features)."""
    return np.asarray(1 / (1 + np.exp(-layer.scores(features)[:, 0])))


def calibrate(outputs: FloatArray, spec: model_files.ModelSpec) -> FloatArray:
    """Calibrated probabilities, float64, for the softmax of a network, averaged over the views."""
    calibrated = apply_temperature(invert_label_smoothing(outputs, spec.smoothing), spec.temperature)
    return softmax(log_probabilities(calibrated) + spec.constants) if spec.constants else calibrated
