"""A dataset without people, and a network trained on it: made once, read by the tests of training and of models."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emomusic import assets
from emomusic.face.fer2013 import Fer2013, LabelledFaces, Split
from emomusic.face.trained import read_spec


def pytest_configure(config: pytest.Config) -> None:
    """Let Keras read TensorFlow's variables: TensorFlow 2.21's `__array__` lacks an argument that NumPy 2 asks for."""
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras"
    )


@dataclass(frozen=True)
class Run:
    """A finished training run: where it wrote, what it returned and what it told."""

    folder: Path
    metrics: dict[str, Any]
    reports: list[Any]


def blobs(count: int, seed: int) -> LabelledFaces:
    """Noise with a bright spot whose place is the label; every label occurs, in no special order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 7).astype(np.uint8)
    images = rng.integers(0, 120, (count, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 3)
        image[row * 14 + 4 : row * 14 + 14, column * 16 : column * 16 + 12] += 120
    return LabelledFaces(images, labels, np.zeros(count, np.bool_))


@pytest.fixture(scope="session")
def dataset() -> Fer2013:
    """All three splits; the first four test pictures also stand in training."""
    train, validation, test = blobs(98, 0), blobs(42, 1), blobs(42, 2)
    test.images[:4], test.labels[:4], test.in_training[:4] = train.images[:4], train.labels[:4], True
    train.in_training[:] = True
    return Fer2013({Split.TRAIN: train, Split.VALIDATION: validation, Split.TEST: test})


@pytest.fixture(scope="session")
def tiny_run(dataset: Fer2013, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The network "tiny", trained with the preset "smoke"."""
    from emomusic.face import training  # loads TensorFlow

    folder = tmp_path_factory.mktemp("root") / "models" / "face" / "tiny"
    reports: list[Any] = []
    metrics = training.train("tiny", dataset, folder, preset="smoke", tell=reports.append)
    read_spec(folder, verify=True)
    return Run(folder, metrics, reports)


@pytest.fixture
def only_tiny(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A checkout in which "tiny" is the only trained model."""
    monkeypatch.setattr(assets, "ROOT", tiny_run.folder.parents[2])
    yield tiny_run
    read_spec(tiny_run.folder, verify=True)  # shared by all: no test may have harmed it
