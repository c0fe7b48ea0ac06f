"""emomusic/face/inspection.py and emomusic/explain.py, on networks with known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from emomusic.affect import EMOTIONS
from emomusic.errors import ModelError
from emomusic.explain import grad_cam
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.images import RgbImage, crop_face, read_image, to_network_input
from emomusic.face.inspection import Explainer, Insight, Occlusion, _levels, agreement, occlude
from emomusic.face.model_files import ModelSpec
from emomusic.metrics import FOUR
from emomusic.training.evaluate import keras_classifier
from emomusic.training.export_onnx import export_onnx
from emomusic.training.networks import NETWORKS as ARCHITECTURES

SAMPLES = Path(__file__).parents[2] / "data" / "samples"

# The only region that affects each network: rows and columns of its input, as shares of the side.
REGIONS = {
    "top left": (0.1, 0.35, 0.1, 0.35),
    "right": (0.4, 0.6, 0.65, 0.95),
    "bottom": (0.7, 0.95, 0.35, 0.6),
}
WINNER = 2


# Networks that depend on one region


def gate(x: Any, region: tuple[float, ...]) -> Any:
    """Set everything outside the region to 0."""
    side = x.shape[1]
    top, bottom, left, right = (round(share * side) for share in region)
    mask = np.zeros((1, side, side, 1), np.float32)
    mask[:, top:bottom, left:right] = 1
    return x * mask


def network(inputs: Any, features: Any, classes: int = 7) -> Any:
    """A network in which the mean of the features raises the logit of one class."""
    import keras
    from keras import layers

    x = layers.GlobalAveragePooling2D()(features)
    pixels = to_network_input([noise()], inputs.shape[1]).astype(np.float32)
    strength = np.asarray(keras.Model(inputs, x)(pixels)).sum()
    kernel = np.zeros((x.shape[-1], classes), np.float32)
    kernel[:, WINNER] = 3 / max(strength, 1e-6)
    dense = layers.Dense(classes)
    logits = dense(x)
    dense.set_weights([kernel, np.zeros(classes, np.float32)])
    return keras.Model(inputs, layers.Activation("softmax", dtype="float32")(logits))


def texture(x: Any, filters: int) -> Any:
    """A convolution that responds to differences of neighbouring pixels, and not to plain grey."""
    from keras import layers

    kernel = np.full((3, 3, x.shape[-1], filters), -1, np.float32)
    kernel[1, 1] = 8
    conv = layers.Conv2D(filters, 3, padding="same", activation="relu", use_bias=False)
    y = conv(layers.Rescaling(1 / 255)(x))
    conv.set_weights([kernel])
    return y


def blur(x: Any, filters: int) -> Any:
    from keras import layers

    conv = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="ones")
    return layers.Rescaling(1 / 9 / x.shape[-1])(conv(x))


def chain(region: tuple[float, ...], classes: int = 7, side: int = 48) -> Any:
    import keras
    from keras import layers

    inputs = keras.Input((side, side, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, layers.AveragePooling2D(2)(blur(x, 6)), classes)


def resized_colour(region: tuple[float, ...]) -> Any:
    """Resizes 64 pixels to 96 in three channels, as for a backbone trained on photographs."""
    import keras
    from keras import layers

    inputs = keras.Input((64, 64, 1))
    x = layers.Resizing(96, 96)(inputs)
    x = gate(texture(layers.Concatenate()([x, x, x]), 8), region)
    return network(inputs, layers.MaxPooling2D(2)(blur(x, 8)))


def nested_depthwise(region: tuple[float, ...]) -> Any:
    """A nested network of depthwise convolutions with a channel gate."""
    import keras
    from keras import layers

    maps = keras.Input((24, 24, 4))
    x = layers.DepthwiseConv2D(3, padding="same", depthwise_initializer="ones", activation="relu")(maps)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    excited = layers.Conv2D(4, 1, activation="sigmoid", kernel_initializer="zeros")(squeezed)
    backbone = keras.Model(maps, layers.Multiply()([x, excited]), name="backbone")
    inputs = keras.Input((48, 48, 1))
    return network(inputs, backbone(layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))))


def sequential(region: tuple[float, ...]) -> Any:
    """A network with a nested sequence of layers."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    sequence = [
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 3, padding="same", activation="relu", kernel_initializer="ones"),
    ]
    return network(inputs, keras.Sequential(sequence)(gate(texture(inputs, 4), region)))


def four_classes(region: tuple[float, ...]) -> Any:
    return chain(region, classes=4)


def ninety_six(region: tuple[float, ...]) -> Any:
    return chain(region, side=96)


def two_branches(region: tuple[float, ...]) -> Any:
    """The second of two branches has no input."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    branches = [layers.AveragePooling2D(4)(blur(features, 6)) for features in (x, 0 * x)]
    return network(inputs, layers.Concatenate()(branches))


def down_and_up(region: tuple[float, ...]) -> Any:
    """Maps shrink and grow, so the first maps of a size are not the last."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, blur(layers.UpSampling2D(2)(blur(layers.AveragePooling2D(2)(x), 6)), 5))


def added(region: tuple[float, ...]) -> Any:
    """The sum of two branches as an operation with two arguments."""
    import keras

    inputs = keras.Input((48, 48, 1))
    x = keras.layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, keras.ops.add(blur(x, 6), blur(x, 6)))


NETWORKS = (
    chain,
    two_branches,
    down_and_up,
    added,
    resized_colour,
    nested_depthwise,
    sequential,
    four_classes,
    ninety_six,
)


def spec_of(model: Any, *, mirrored: bool = False, smoothing: float = 0.0, temperature: float = 1.0) -> ModelSpec:
    classes = EMOTIONS if model.output_shape[-1] == 7 else FOUR
    side = model.input_shape[1]
    return ModelSpec(
        *("known", "known", "none", side, mirrored, temperature, 0, ""), classes=tuple(classes), smoothing=smoothing
    )


def classifier_of(model: Any, **options: Any) -> EmotionClassifier:
    return keras_classifier(model, spec_of(model, **options))


def insight_of(model: Any, folder: Path, **options: Any) -> Insight:
    """The insight of the exported network for noise."""
    path = folder / "model.onnx"
    export_onnx(model, path)
    return Explainer(spec_of(model, **options), path).look(noise())


def noise(side: int = 120) -> RgbImage:
    """Uniform noise in grains that survive resizing."""
    grains = np.random.default_rng(5).integers(30, 230, (side // 3, side // 3, 3), np.uint8)
    return np.asarray(cv2.resize(grains, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


def highest(heat: np.ndarray) -> tuple[float, float]:
    """The center of the highest pixel, as shares of the side."""
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return (row + 0.5) / heat.shape[0], (column + 0.5) / heat.shape[1]


def assert_inside(point: tuple[float, float], region: tuple[float, ...]) -> None:
    top, bottom, left, right = region
    blur = 0.03  # a convolution spreads a region by a pixel of its map
    assert top - blur <= point[0] <= bottom + blur
    assert left - blur <= point[1] <= right + blur


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("build", NETWORKS)
def test_occlusion_is_highest_in_the_region_of_the_network(
    build: Callable[..., Any], region: tuple[float, ...]
) -> None:
    occlusion = occlude(noise(), classifier_of(build(region)))
    assert occlusion.drops.max() > 0.1
    assert_inside(highest(occlusion.heat), region)


def test_a_network_without_input_has_an_empty_map() -> None:
    occlusion = occlude(noise(), classifier_of(chain((0, 0, 0, 0))))
    assert np.abs(occlusion.drops).max() < 1e-6
    assert agreement(np.zeros((48, 48), np.float32), occlusion) is None


# From logits to probabilities


@pytest.mark.parametrize(
    ("mirrored", "smoothing", "temperature"), [(False, 0.0, 1.0), (True, 0.0, 0.8), (True, 0.1, 2.5)]
)
def test_the_steps_end_at_the_probabilities_of_the_classifier(
    mirrored: bool, smoothing: float, temperature: float, tmp_path: Path
) -> None:
    model = chain(REGIONS["right"])
    options = {"mirrored": mirrored, "smoothing": smoothing, "temperature": temperature}
    insight = insight_of(model, tmp_path, **options)
    answer = classifier_of(model, **options).probabilities(to_network_input([noise()], 48))[0]
    assert insight.winner == WINNER
    assert insight.logits.shape == (2 if mirrored else 1, len(answer))
    powers = np.exp(insight.logits)
    averaged = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(insight.averaged, averaged, atol=1e-6)
    unsmoothed = np.maximum((averaged - smoothing / len(averaged)) / (1 - smoothing), 1e-3 if smoothing else 0)
    scaled = unsmoothed ** (1 / temperature)
    np.testing.assert_allclose(insight.calibrated, scaled / scaled.sum(), atol=1e-6)
    np.testing.assert_array_equal(insight.probabilities, insight.calibrated)  # not adjusted
    np.testing.assert_allclose(insight.probabilities, answer, atol=0.005)


def test_the_bundled_model_is_explained_with_its_own_probabilities(detector: MtcnnDetector) -> None:
    classifier = EmotionClassifier.load()
    image = read_image(SAMPLES / "eileen-collins-1999.jpg")
    (face,) = detector.detect(image)
    crop = crop_face(image, face.box)
    insight = Explainer(classifier.spec).look(crop)
    np.testing.assert_allclose(insight.probabilities, classifier.classify([crop])[0].values, atol=1e-5)
    before = classifier.probabilities(to_network_input([crop], classifier.spec.side))[0]
    np.testing.assert_allclose(insight.calibrated, before, atol=1e-5)
    np.testing.assert_array_equal(insight.face, to_network_input([crop], classifier.spec.side)[0, ..., 0])
    assert [(level.maps.shape, level.num_channels) for level in insight.levels] == [
        ((6, 48, 48), 32),
        ((6, 24, 24), 64),
        ((6, 6, 6), 256),
        ((6, 3, 3), 256),
    ]
    heat = grad_cam(classifier.spec, insight.face, insight.winner)
    assert heat.shape == insight.face.shape
    assert (heat.min(), heat.max()) == (0, pytest.approx(1))
    mirrored = grad_cam(classifier.spec, insight.face[:, ::-1], insight.winner)
    np.testing.assert_allclose(mirrored, heat[:, ::-1], atol=1e-4)
    assert (agreement(heat, occlude(insight.face, classifier)) or 0) > 0.3


def test_a_model_without_a_graph_for_grad_cam_is_an_error() -> None:
    spec = model_files.read_spec(model_files.model_folder("vgg9"))
    with pytest.raises(ModelError, match=r"expected a model with grad_cam\.onnx\. Received: vgg9"):
        grad_cam(spec, np.zeros((48, 48), np.uint8), 0)


@pytest.mark.parametrize("name", model_files.face_models())
def test_every_bundled_model_can_be_explained(name: str) -> None:
    spec = model_files.read_spec(model_files.model_folder(name))
    insight = Explainer(spec).look(noise())
    answer = EmotionClassifier.load(name).probabilities(to_network_input([noise()], spec.side))[0]
    np.testing.assert_allclose(insight.calibrated, answer, atol=1e-4)
    sides = [level.maps.shape[1] for level in insight.levels]
    assert len(sides) >= 2
    assert sides == sorted(set(sides), reverse=True)
    assert sides[-1] > 1
    assert all(0 < len(level.maps) <= level.num_channels for level in insight.levels)


# Feature maps


def test_feature_maps_equal_the_outputs_of_the_layers(tmp_path: Path) -> None:
    import keras

    model = ARCHITECTURES["tiny"].build("float32")
    insight = insight_of(model, tmp_path)
    pixels = to_network_input([noise()], 48).astype(np.float32)
    assert [(level.maps.shape[1], level.num_channels) for level in insight.levels] == [
        (48, 8),
        (24, 16),
        (12, 16),
    ]
    for level, name in zip(insight.levels, ("block1a_relu", "block2a_relu", "block3a_relu"), strict=True):
        made = np.asarray(keras.Model(model.input, model.get_layer(name).output)(pixels))[0]
        spreads = made.std(axis=(0, 1))
        np.testing.assert_allclose(level.maps[0], made[..., spreads.argmax()], atol=0.01)
        assert (np.diff(level.maps.std(axis=(1, 2))) <= 1e-6).all()  # sorted by variance


def graph_of(*rows: tuple[str, int, int]) -> SimpleNamespace:
    """A graph of operations given as (output, side, channels). A side of 0 has no feature maps."""
    helper = onnx.helper
    nodes = [helper.make_node("Relu", ["x"], [name]) for name, _, _ in rows]
    shapes = [(name, [1, n, side, side] if side else [1, n]) for name, side, n in rows]
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes]
    return SimpleNamespace(node=nodes, value_info=infos)


@pytest.mark.parametrize(
    ("rows", "levels"),
    [
        ([("a", 48, 4), ("b", 24, 6), ("c", 24, 6), ("d", 0, 7)], ["a", "c"]),
        ([("a", 24, 4), ("b", 12, 6), ("c", 24, 5)], ["c", "b"]),
        ([("a", 48, 3), ("b", 24, 6)], ["b"]),  # three maps are a colour image
        ([("a", 48, 4), ("b", 32, 4), ("c", 16, 4), ("d", 8, 4), ("e", 4, 4)], ["a", "b", "d", "e"]),
    ],
    ids=["row", "down and up", "colours", "many sizes"],
)
def test_levels_are_the_last_maps_of_each_size(rows: list[tuple[str, int, int]], levels: list[str]) -> None:
    assert _levels(graph_of(*rows)) == levels


def test_a_network_without_logits_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.Dense(7)(layers.Flatten()(texture(inputs, 4)))
    model = keras.Model(inputs, x)
    with pytest.raises(ModelError, match=r"expected a network that ends in a softmax\. Received: "):
        insight_of(model, tmp_path)


def test_a_network_without_maps_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    model = keras.Model(inputs, layers.Softmax()(layers.Dense(7)(layers.Flatten()(inputs))))
    with pytest.raises(ModelError, match="expected a network with feature maps"):
        insight_of(model, tmp_path)


# Agreement


def drops_of(heat: np.ndarray) -> Occlusion:
    """An occlusion with the mean of `heat` under the patch as drop."""
    starts, patch = (0, 4, 8), 4
    values = [heat[row : row + patch, column : column + patch].mean() for row in starts for column in starts]
    return Occlusion(np.array(values, np.float32).reshape(3, 3), starts, patch, 0.9, heat)


def test_agreement_is_one_for_equal_and_minus_one_for_opposite_order() -> None:
    heat = np.random.default_rng(2).random((12, 12)).astype(np.float32)
    assert agreement(heat**2, drops_of(heat**2)) == pytest.approx(1)
    assert agreement(heat, drops_of(-heat)) == pytest.approx(-1)


def test_a_constant_map_has_no_agreement() -> None:
    heat = np.random.default_rng(2).random((12, 12)).astype(np.float32)
    assert agreement(np.zeros_like(heat), drops_of(heat)) is None
    assert agreement(heat, drops_of(np.ones_like(heat))) is None
