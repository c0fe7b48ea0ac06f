"""Face crops in, probabilities of the emotions out: in batches, compiled, safe under threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.assets import SPEC
from emomusic.errors import ModelError
from emomusic.evaluation import SEVEN, FloatArray, adjust, soften, unsmooth
from emomusic.face import trained
from emomusic.face._tensorflow import has_bfloat16_tiles, load_tensorflow
from emomusic.face.images import RgbImage, to_network_input

if TYPE_CHECKING:
    import keras

_BATCH = 256  # bounds memory; a photograph's faces fit in one


class Classifier(Protocol):
    """What turns crops into probabilities; the tests have a fake one."""

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        """Probabilities of each crop, in order."""
        ...


class EmotionClassifier:
    """A trained network, compiled once; shared between threads and never changed.

    Attributes:
        spec: what the model folder says of it.
        model: the network in float32, for `explain` to look into, whatever faces are read in.
    """

    def __init__(self, model: keras.Model, spec: trained.ModelSpec, *, quick: bool = False) -> None:
        self.spec = spec
        self.model = model
        self._is_quick = quick and has_bfloat16_tiles()
        self._predict = _compiled(_in_bfloat16(model, spec) if self._is_quick else model, spec)

    @classmethod
    def load(cls, name: str = trained.DEFAULT_MODEL, *, quick: bool = False) -> EmotionClassifier:
        """Load a trained model from `models/face/<name>/` and run it once, so that the first face is not slow.

        Args:
            name: of the model.
            quick: compute in bfloat16 where the processor has units for it: less than half the time, and probabilities
                that differ by a hundredth at most, or little more (docs/decisions.md). Figures are judged without it,
                so that they come out the same everywhere.

        Raises:
            ModelError: there is none of that name, or its files are absent, damaged or not of one another.
        """
        folder = trained.model_folder(name)
        spec = trained.read_spec(folder, verify=True)
        load_tensorflow()
        import keras

        try:
            model = keras.saving.load_model(folder / trained.WEIGHTS, compile=False, safe_mode=True)
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"expected a Keras model in {folder}. Received: {error}. Restore the file") from error
        told, found = ((spec.side, spec.side, 1), len(spec.classes)), (model.input_shape[1:], model.output_shape[-1])
        if told != found:
            raise ModelError(
                f"expected a network in {folder} as {SPEC} tells it: input and classes {told}. "
                f"Received: {found}. Restore the files"
            )
        classifier = cls(model, spec, quick=quick)
        classifier.probabilities(np.zeros((1, spec.side, spec.side, 1), np.uint8))
        return classifier

    def exact(self) -> EmotionClassifier:
        """The same, computing in float32: itself, unless it is quick."""
        return EmotionClassifier(self.model, self.spec) if self._is_quick else self

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
        return np.asarray(adjust(self.probabilities(inputs), self.spec.adjustment), np.float32)

    def probabilities(self, inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities for many prepared inputs.

        Args:
            inputs: shape (n, side, side, 1), uint8, grey, as `images.to_network_input` makes them.

        Returns:
            Shape (n, classes), float32, rows summing to 1, calibrated, as for pictures of FER2013; n may be 0.
        """
        if not len(inputs):
            return np.empty((0, len(self.spec.classes)), np.float32)
        batches = [self._predict(inputs[i : i + _BATCH].astype(np.float32)) for i in range(0, len(inputs), _BATCH)]
        return np.asarray(calibrated(np.concatenate(batches), self.spec), np.float32)


def calibrated(answers: FloatArray, spec: trained.ModelSpec) -> FloatArray:
    """What a network's answers come to once they are as sure as they are often right on FER2013.

    Args:
        answers: shape (n, classes): means over the views of the network's softmax.
        spec: of the model.

    Returns:
        The same shape, float64, rows summing to 1.
    """
    return soften(unsmooth(answers, spec.smoothing), spec.temperature)


def _in_bfloat16(model: keras.Model, spec: trained.ModelSpec) -> keras.Model:
    """The same network with the same weights; input scaling and softmax stay in float32.

    Raises:
        ModelError: this version's network of that name has other weights, or there is none.
    """
    from emomusic.face.networks import NETWORKS, copy_weights

    try:
        quick = NETWORKS[spec.network].build("mixed_bfloat16")
        copy_weights(model, quick)
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"expected {spec.name} to hold the weights of the network {spec.network} as this version builds it. "
            f"Received: {error}. Train it anew"
        ) from error
    return quick


def _compiled(
    model: keras.Model, spec: trained.ModelSpec
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """One function of a batch of any length: the network, and where wanted the mean with the mirror image's answer."""
    import keras

    def forward(pixels: Any) -> Any:
        if not spec.mirrored:
            return model(pixels, training=False)
        both = model(keras.ops.concatenate([pixels, keras.ops.flip(pixels, axis=2)], axis=0), training=False)
        straight, mirrored = keras.ops.split(both, 2, axis=0)
        return (straight + mirrored) / 2

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # One signature for every batch length: nothing is traced anew when a picture has more faces
        forward = tf.function(forward, input_signature=[tf.TensorSpec((None, spec.side, spec.side, 1), tf.float32)])
    return lambda pixels: np.asarray(
        keras.ops.convert_to_numpy(forward(keras.ops.convert_to_tensor(pixels))), np.float32
    )
