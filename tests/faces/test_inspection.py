import cv2
import numpy as np
import pytest

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier, to_grey
from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.inspection import agreement, feature_maps, grad_cam, occlude
from emomusic.faces.model_files import ModelSpec
from emomusic.media.images import RgbImage, crop_face, read_image, to_network_input
from tests.films import SAMPLES

# The only region that affects a classifier: rows and columns of its input, as shares of the side.
REGIONS = {"top left": (0.1, 0.35, 0.1, 0.35), "right": (0.4, 0.6, 0.65, 0.95), "bottom": (0.7, 0.95, 0.35, 0.6)}
WINNER = 2
SPEC = ModelSpec("known", "known", "none", 48, False, 1.0, 0, "")


def noise(side: int = 120) -> RgbImage:
    """Uniform noise in grains that survive resizing."""
    grains = np.random.default_rng(5).integers(30, 230, (side // 3, side // 3, 3), np.uint8)
    return np.asarray(cv2.resize(grains, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_occlusion_is_highest_in_the_region_of_the_network(region: tuple[float, ...]) -> None:
    top, bottom, left, right = (round(share * SPEC.side) for share in region)

    def forward(pixels: np.ndarray) -> np.ndarray:
        """Let the contrast within the region raise the logit of one class."""
        powers = np.ones((len(pixels), 7), np.float32)
        powers[:, WINNER] = np.exp(pixels[:, top:bottom, left:right].std(axis=(1, 2, 3)) / 20)
        return powers / powers.sum(axis=1, keepdims=True)

    face = to_grey(noise())
    occlusion = occlude(face, EmotionClassifier(forward, SPEC))
    assert occlusion.drops.max() > 0.1
    places = np.unravel_index(occlusion.drops.argmax(), occlusion.drops.shape)
    for place, (low, high) in zip(places, (region[:2], region[2:]), strict=True):
        assert low * len(face) - occlusion.patch < occlusion.starts[place] < high * len(face)


def test_the_bundled_model_is_explained_with_its_own_probabilities(detector: MtcnnDetector) -> None:
    classifier = EmotionClassifier.load()
    image = read_image(SAMPLES / "eileen-collins-1999.jpg")
    (face,) = detector.detect(image)
    crop = crop_face(image, face.box)
    assert [(level.maps.shape, level.num_channels) for level in feature_maps(crop, classifier)] == [
        ((6, 48, 48), 32),
        ((6, 24, 24), 64),
        ((6, 6, 6), 256),
        ((6, 3, 3), 256),
    ]
    grey = to_network_input([crop], classifier.spec.side)[0, ..., 0]
    winner = classifier.classify([crop])[0].emotion.label
    heat = grad_cam(classifier.spec, grey, winner)
    assert heat.shape == grey.shape
    assert (heat.min(), heat.max()) == (0, pytest.approx(1))
    mirrored = grad_cam(classifier.spec, grey[:, ::-1], winner)
    np.testing.assert_allclose(mirrored, heat[:, ::-1], atol=1e-4)
    assert (agreement(heat, occlude(grey, classifier)) or 0) > 0.3


def test_a_model_without_a_graph_for_grad_cam_is_an_error() -> None:
    spec = model_files.read_spec(model_files.model_folder("vgg9"))
    with pytest.raises(ModelError, match=r"expected a model with grad_cam\.onnx\. Received: vgg9"):
        grad_cam(spec, np.zeros((48, 48), np.uint8), 0)


@pytest.mark.parametrize("name", model_files.face_models())
def test_every_bundled_model_can_be_explained(name: str) -> None:
    levels = feature_maps(noise(), EmotionClassifier.load(name))
    sides = [level.maps.shape[1] for level in levels]
    assert len(sides) >= 2
    assert sides == sorted(set(sides), reverse=True)
    assert sides[-1] > 1
    assert all(0 < len(level.maps) <= level.num_channels for level in levels)
