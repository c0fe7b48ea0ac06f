"""emomusic/face/explain.py: what it shows is what happens, on networks whose answer is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emomusic.errors import ModelError
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.detection import MtcnnDetector
from emomusic.face.explain import Explainer, Occlusion, _grad_cam, agreement
from emomusic.face.images import RgbImage, crop_face, read_image, to_network_input
from emomusic.face.networks import NETWORKS as ARCHITECTURES
from emomusic.face.trained import ModelSpec

SAMPLES = Path(__file__).parents[2] / "data" / "samples"

# The only place each network looks at: rows and columns of its input, as shares of the side.
REGIONS = {
    "top left": (0.1, 0.35, 0.1, 0.35),
    "right": (0.4, 0.6, 0.65, 0.95),
    "bottom": (0.7, 0.95, 0.35, 0.6),
}
WINNER = 2


# Networks that read one region and nothing else


def gate(x: Any, region: tuple[float, ...]) -> Any:
    """Make everything outside the region nought."""
    side = x.shape[1]
    top, bottom, left, right = (round(share * side) for share in region)
    mask = np.zeros((1, side, side, 1), np.float32)
    mask[:, top:bottom, left:right] = 1
    return x * mask


def network(inputs: Any, features: Any, classes: int = 7) -> Any:
    """A network in which the mean of its features speaks for one class, fairly surely, and for none of the others."""
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
    """A convolution that finds where neighbouring pixels differ; grey has none of it."""
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


def plain(region: tuple[float, ...], classes: int = 7, side: int = 48) -> Any:
    import keras
    from keras import layers

    inputs = keras.Input((side, side, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, layers.AveragePooling2D(2)(blur(x, 6)), classes)


def resized_colour(region: tuple[float, ...]) -> Any:
    """Takes 64 pixels, works on 96 and three channels, as a backbone of photographs would."""
    import keras
    from keras import layers

    inputs = keras.Input((64, 64, 1))
    x = layers.Resizing(96, 96)(inputs)
    x = gate(texture(layers.Concatenate()([x, x, x]), 8), region)
    return network(inputs, layers.MaxPooling2D(2)(blur(x, 8)))


def nested_depthwise(region: tuple[float, ...]) -> Any:
    """A backbone of depthwise convolutions with a gate of channels, as one layer of the network."""
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
    """Its middle is a row of layers."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    row = [layers.MaxPooling2D(2), layers.Conv2D(6, 3, padding="same", activation="relu", kernel_initializer="ones")]
    return network(inputs, keras.Sequential(row)(gate(texture(inputs, 4), region)))


def four_classes(region: tuple[float, ...]) -> Any:
    return plain(region, classes=4)


def ninety_six(region: tuple[float, ...]) -> Any:
    return plain(region, side=96)


def two_branches(region: tuple[float, ...]) -> Any:
    """What stands beside the branch that looks, and is found last, sees nothing."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    branches = [layers.AveragePooling2D(4)(blur(seen, 6)) for seen in (x, 0 * x)]
    return network(inputs, layers.Concatenate()(branches))


def down_and_up(region: tuple[float, ...]) -> Any:
    """Maps get smaller and larger again: those of before are not the last of their size."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, blur(layers.UpSampling2D(2)(blur(layers.AveragePooling2D(2)(x), 6)), 5))


def added(region: tuple[float, ...]) -> Any:
    """Two ways to one sum, added as two arguments of an operation."""
    import keras

    inputs = keras.Input((48, 48, 1))
    x = keras.layers.MaxPooling2D(2)(gate(texture(inputs, 4), region))
    return network(inputs, keras.ops.add(blur(x, 6), blur(x, 6)))


NETWORKS = (
    plain,
    two_branches,
    down_and_up,
    added,
    resized_colour,
    nested_depthwise,
    sequential,
    four_classes,
    ninety_six,
)


def classifier_of(
    model: Any, *, mirrored: bool = False, smoothing: float = 0.0, temperature: float = 1.0
) -> EmotionClassifier:
    spec = ModelSpec("known", "known", "none", model.input_shape[1], mirrored, temperature, 0, "", smoothing=smoothing)
    return EmotionClassifier(model, spec)


def noise(side: int = 120) -> RgbImage:
    """A picture that is bright and dark everywhere alike, in grains that survive a change of size."""
    grains = np.random.default_rng(5).integers(30, 230, (side // 3, side // 3, 3), np.uint8)
    return np.asarray(cv2.resize(grains, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


def highest(heat: np.ndarray) -> tuple[float, float]:
    """The middle of the hottest pixel, as shares of the side."""
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return (row + 0.5) / heat.shape[0], (column + 0.5) / heat.shape[1]


def assert_inside(place: tuple[float, float], region: tuple[float, ...]) -> None:
    top, bottom, left, right = region
    blur = 0.03  # a convolution spreads a region by a pixel of its map
    assert top - blur <= place[0] <= bottom + blur
    assert left - blur <= place[1] <= right + blur


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("build", NETWORKS)
def test_both_maps_point_at_the_only_place_the_network_looks_at(
    build: Callable[..., Any], region: tuple[float, ...]
) -> None:
    explainer = Explainer(classifier_of(build(region)))
    insight, occlusion = explainer.look(noise()), explainer.occlude(noise())
    assert insight.winner == WINNER
    assert insight.grad_cam.max() == pytest.approx(1)
    assert_inside(highest(insight.grad_cam), region)
    assert occlusion.drops.max() > 0.1
    assert_inside(highest(occlusion.heat), region)
    figure = agreement(insight.grad_cam, occlusion)
    assert figure is not None
    assert figure > 0.35


def test_with_the_mirror_image_both_sides_count() -> None:
    region = REGIONS["right"]
    explainer = Explainer(classifier_of(plain(region), mirrored=True))
    heat = explainer.look(noise()).grad_cam
    top, bottom, left, right = region
    inside = heat[round(48 * top) : round(48 * bottom), round(48 * left) : round(48 * right)]
    opposite = heat[:, ::-1][round(48 * top) : round(48 * bottom), round(48 * left) : round(48 * right)]
    assert inside.mean() > 0.3
    assert opposite.mean() > 0.3
    assert heat[: round(48 * top) - 6].max() < 0.1


def test_a_network_that_never_looks_has_nothing_to_show() -> None:
    explainer = Explainer(classifier_of(plain((0, 0, 0, 0))))
    insight, occlusion = explainer.look(noise()), explainer.occlude(noise())
    assert insight.grad_cam.max() == 0
    assert np.abs(occlusion.drops).max() < 1e-6
    assert agreement(insight.grad_cam, occlusion) is None


# From logits to probabilities


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize(
    ("mirrored", "smoothing", "temperature"), [(False, 0.0, 1.0), (True, 0.0, 0.8), (True, 0.1, 2.5)]
)
def test_the_way_from_logits_ends_at_the_classifiers_answer(
    build: Callable[..., Any], mirrored: bool, smoothing: float, temperature: float
) -> None:
    right = build(REGIONS["right"])
    classifier = classifier_of(right, mirrored=mirrored, smoothing=smoothing, temperature=temperature)
    insight = Explainer(classifier).look(noise())
    answer = classifier.probabilities(to_network_input([noise()], classifier.spec.side))[0]
    assert insight.logits.shape == (2 if mirrored else 1, len(answer))
    powers = np.exp(insight.logits)
    averaged = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(insight.averaged, averaged, atol=1e-6)
    taken_back = np.maximum((averaged - smoothing / len(averaged)) / (1 - smoothing), 1e-3 if smoothing else 0)
    scaled = taken_back ** (1 / temperature)
    np.testing.assert_allclose(insight.calibrated, scaled / scaled.sum(), atol=1e-6)
    np.testing.assert_array_equal(insight.probabilities, insight.calibrated)  # not adjusted
    np.testing.assert_allclose(insight.probabilities, answer, atol=1e-5)


def test_the_shipped_model_is_explained_as_it_answers(detector: MtcnnDetector) -> None:
    classifier = EmotionClassifier.load()
    explainer = Explainer(classifier)
    image = read_image(SAMPLES / "eileen-collins-1999.jpg")
    (face,) = detector.detect(image)
    crop = crop_face(image, face.box)
    insight = explainer.look(crop)
    np.testing.assert_allclose(insight.probabilities, classifier.classify([crop])[0].values, atol=1e-5)
    before = classifier.probabilities(to_network_input([crop], classifier.spec.side))[0]
    np.testing.assert_allclose(insight.calibrated, before, atol=1e-5)
    np.testing.assert_array_equal(insight.face, to_network_input([crop], classifier.spec.side)[0, ..., 0])
    assert insight.grad_cam.shape == insight.face.shape
    assert insight.grad_cam.max() == pytest.approx(1)
    sides = [level.maps.shape[1] for level in insight.levels]
    assert len(sides) >= 3
    assert sides == sorted(set(sides), reverse=True)
    assert all(0 < len(level.maps) <= level.num_channels for level in insight.levels)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_of_the_house_can_be_explained(name: str) -> None:
    classifier = classifier_of(ARCHITECTURES[name].build("float32"), mirrored=True)
    side = classifier.spec.side
    insight = Explainer(classifier).look(noise())
    answer = classifier.probabilities(to_network_input([noise()], side))[0]
    np.testing.assert_allclose(insight.probabilities, answer, atol=1e-5)
    assert insight.grad_cam.shape == (side, side)
    assert len(insight.levels) >= 2
    assert min(level.maps.shape[1] for level in insight.levels) > 1


# Feature maps


def test_feature_maps_are_what_the_layers_make() -> None:
    import keras

    model = plain(REGIONS["top left"])
    insight = Explainer(classifier_of(model)).look(noise())
    pixels = to_network_input([noise()], 48).astype(np.float32)
    multiplied = next(layer for layer in model.operations if "multiply" in layer.name)
    (_, blurred) = (layer for layer in model.layers if "rescaling" in layer.name)
    fine, coarse = (np.asarray(keras.Model(model.input, layer.output)(pixels))[0] for layer in (multiplied, blurred))
    assert [level.maps.shape for level in insight.levels] == [(4, 48, 48), (6, 24, 24)]
    np.testing.assert_allclose(insight.levels[0].maps[0], fine[..., 0], atol=1e-5)
    np.testing.assert_allclose(insight.levels[1].maps[0], coarse[..., 0], atol=1e-5)


def test_feature_maps_are_those_of_every_branch() -> None:
    insight = Explainer(classifier_of(two_branches(REGIONS["right"]))).look(noise())
    assert [(level.maps.shape[1], level.num_channels) for level in insight.levels] == [(48, 4), (24, 12), (6, 12)]


@pytest.mark.parametrize(("build", "levels"), [(down_and_up, [(48, 4), (24, 5), (12, 6)]), (added, [(48, 4), (24, 6)])])
def test_maps_that_others_of_their_size_are_made_of_are_not_the_last(
    build: Callable[..., Any], levels: list[tuple[int, int]]
) -> None:
    insight = Explainer(classifier_of(build(REGIONS["right"]))).look(noise())
    assert [(level.maps.shape[1], level.num_channels) for level in insight.levels] == levels


def test_the_maps_that_vary_most_come_first() -> None:
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = texture(inputs, 9) * np.arange(9, dtype=np.float32)
    (level,) = Explainer(classifier_of(network(inputs, layers.ReLU()(x)))).look(noise()).levels
    assert level.num_channels == 9
    spreads = level.maps.std(axis=(1, 2))
    np.testing.assert_allclose(spreads / spreads[0], np.arange(8, 2, -1) / 8, atol=1e-4)


def test_explaining_leaves_the_network_as_it_was() -> None:
    classifier = classifier_of(nested_depthwise(REGIONS["bottom"]))
    inputs = to_network_input([noise()], 48)
    before, names = classifier.probabilities(inputs), [layer.name for layer in classifier.model.layers]
    explainer = Explainer(classifier)
    explainer.look(noise())
    explainer.occlude(noise())
    np.testing.assert_array_equal(classifier.probabilities(inputs), before)
    assert [layer.name for layer in classifier.model.layers] == names


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_network_without_logits_is_refused(activation: str | None) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    x = layers.Dense(7, activation=activation)(layers.Flatten()(texture(inputs, 4)))
    with pytest.raises(ModelError, match=r"expected a network whose last layer is a softmax alone\. Received: 'dense"):
        Explainer(classifier_of(keras.Model(inputs, x)))


def test_a_network_without_maps_is_refused() -> None:
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 1))
    model = keras.Model(inputs, layers.Softmax()(layers.Dense(7)(layers.Flatten()(inputs))))
    with pytest.raises(ModelError, match="expected a network with feature maps"):
        Explainer(classifier_of(model))


# How well two maps agree


def drops_of(heat: np.ndarray) -> Occlusion:
    """The occlusion of a network whose answer falls as much as `heat` is hot under the patch."""
    starts, patch = (0, 4, 8), 4
    values = [heat[row : row + patch, column : column + patch].mean() for row in starts for column in starts]
    return Occlusion(np.array(values, np.float32).reshape(3, 3), starts, patch, 0.9, heat)


def test_agreement_is_one_for_the_same_order_and_minus_one_for_the_opposite() -> None:
    heat = np.random.default_rng(2).random((12, 12)).astype(np.float32)
    assert agreement(heat**2, drops_of(heat**2)) == pytest.approx(1)
    assert agreement(heat, drops_of(-heat)) == pytest.approx(-1)


def test_agreement_is_nothing_where_a_map_is_the_same_everywhere() -> None:
    heat = np.random.default_rng(2).random((12, 12)).astype(np.float32)
    assert agreement(np.zeros_like(heat), drops_of(heat)) is None
    assert agreement(heat, drops_of(np.ones_like(heat))) is None


def test_gradients_stay_at_their_places() -> None:
    features, gradients = np.ones((1, 2, 2, 1), np.float32), np.zeros((1, 2, 2, 1), np.float32)
    gradients[0, 0, :, 0] = 1, -1  # their mean is nought
    assert _grad_cam(features, gradients, 2).tolist() == [[1, 0], [0, 0]]
