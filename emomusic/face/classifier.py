"""Emotion probabilities for face crops, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.assets import SPEC
from emomusic.calibration import adjust_logits, apply_temperature, invert_label_smoothing
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.images import RgbImage, to_network_input
from emomusic.face.runtime import Network
from emomusic.metrics import SEVEN, FloatArray

_BATCH = 256  # bounds memory; a photograph's faces fit in one

Forward = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""A network: pixels, shape (n, side, side, 1), to probabilities, shape (n, classes)."""


class Classifier(Protocol):
    """What turns crops into probabilities; the tests have a fake one."""

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities of each crop, in order."""
        ...


class EmotionClassifier:
    """A trained network. Threads may share one instance.

    Attributes:
        spec: the description in the model's folder.
    """

    def __init__(self, forward: Forward, spec: model_files.ModelSpec) -> None:
        self.spec = spec
        self._forward = forward

    @classmethod
    def load(cls, name: str = model_files.DEFAULT_MODEL) -> EmotionClassifier:
        """Load a trained model from `models/face/<name>/`.

        Raises:
            ModelError: there is none of that name, or its files are absent, damaged or do not belong together.
        """
        folder = model_files.model_folder(name)
        spec = model_files.read_spec(folder, verify=[model_files.ONNX])
        network = Network(folder / model_files.ONNX)
        told = (spec.side, spec.side, 1), len(spec.classes)
        found = network.input_shape[1:], network.output_shape[-1]
        if told != found:
            raise ModelError(
                f"expected a network in {folder} as {SPEC} tells it: input and classes {told}. "
                f"Received: {found}. Restore the files"
            )
        return cls(network.map_batch, spec)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities of each face, in one call for all of them.

        Args:
            crops: square cut-outs of any size, uint8, RGB, as `images.crop_face` makes them.

        Raises:
            ModelError: the model does not tell the seven emotions apart.
        """
        self.require_emotions()
        if not crops:
            return []
        rows = self.of_photographs(to_network_input(crops, self.spec.side))
        return [EmotionProbabilities(row) for row in rows]

    def require_emotions(self) -> None:
        """Make sure that the model tells the seven emotions apart.

        Raises:
            ModelError: it has other classes; `probabilities` still gives those.
        """
        if self.spec.classes != SEVEN:
            raise ModelError(
                f"expected a model of the seven emotions. Received: {self.spec.name}, "
                f"which tells {', '.join(self.spec.classes)} apart. Choose another model"
            )

    def of_photographs(self, inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities as of `probabilities`, adjusted for faces that were cut from photographs."""
        return np.asarray(adjust_logits(self.probabilities(inputs), self.spec.adjustment), np.float32)

    def probabilities(self, inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities for many prepared inputs.

        Args:
            inputs: shape (n, side, side, 1), uint8, grey, as `images.to_network_input` makes them.

        Returns:
            Shape (n, classes), float32, rows summing to 1, calibrated, as for pictures of FER2013; n may be 0.
        """
        if not len(inputs):
            return np.empty((0, len(self.spec.classes)), np.float32)
        batches = [self._averaged(inputs[i : i + _BATCH].astype(np.float32)) for i in range(0, len(inputs), _BATCH)]
        return np.asarray(calibrate(np.concatenate(batches), self.spec), np.float32)

    def _averaged(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The mean over the face and, where the model wants it, its mirror image."""
        if not self.spec.mirrored:
            return self._forward(pixels)
        answers = self._forward(np.concatenate([pixels, pixels[:, :, ::-1]]))
        return np.asarray((answers[: len(pixels)] + answers[len(pixels) :]) / 2, np.float32)


def calibrate(answers: FloatArray, spec: model_files.ModelSpec) -> FloatArray:
    """What a network's answers come to once they are as sure as they are often right on FER2013.

    Args:
        answers: shape (n, classes): means over the views of the network's softmax.
        spec: of the model.

    Returns:
        The same shape, float64, rows summing to 1.
    """
    return apply_temperature(invert_label_smoothing(answers, spec.smoothing), spec.temperature)
