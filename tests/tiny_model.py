"""A dataset without people, and a network trained on it: made once, read by the tests of training and of models."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emomusic import assets
from emomusic.faces import fer2013 as ferplus
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.faces.model_files import GRAD_CAM, ONNX, WEIGHTS, model_folder, read_spec

Splits = dict[Split, LabelledFaces]
COPIED = "cnn_capstone"
"""The model of `copied_model`, a small one of the seven emotions."""


@dataclass(frozen=True)
class Run:
    """A finished training run: where it wrote, what it returned and what it told."""

    folder: Path
    metrics: dict[str, Any]
    reports: list[int]

    def export(self, _: Any, path: Path, **__: Any) -> None:
        """Stand in for `export_onnx`, which takes seconds, where a test is about other files."""
        for name in (ONNX, GRAD_CAM):
            shutil.copy(self.folder / name, path.with_name(name))


def stripes(count: int, seed: int) -> LabelledFaces:
    """Noisy stripes, the narrower the higher the label; every label occurs as often, in no special order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 7).astype(np.uint8)
    waves = np.sin(2 * np.pi * np.arange(48) / 48 * 1.5 ** labels[:, None])  # unharmed by turns, shifts and flips
    images = 95 * (1 + waves[:, :, None]) + rng.integers(0, 60, (count, 48, 48))
    return LabelledFaces(images.astype(np.uint8), labels, np.zeros(count, np.bool_))


def write_fer2013(path: Path, faces: dict[str, LabelledFaces]) -> Path:
    """Write faces by usage in the form of Kaggle's table."""
    rows = [
        (label, " ".join(map(str, image.ravel())), usage)
        for usage, own in faces.items()
        for image, label in zip(own.images, own.labels, strict=True)
    ]
    pd.DataFrame(rows, columns=["emotion", "pixels", "Usage"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def dataset() -> Splits:
    """All three splits; the first four test pictures also stand in training."""
    train, validation, test = stripes(252, 0), stripes(42, 1), stripes(42, 2)
    test.images[:4], test.labels[:4], test.in_training[:4] = train.images[:4], train.labels[:4], True
    train.in_training[:] = True
    return {Split.TRAIN: train, Split.VALIDATION: validation, Split.TEST: test}


@pytest.fixture(scope="session")
def tiny_run(dataset: Splits, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The network "tiny", trained with the preset "smoke"."""
    from emomusic.training import train

    folder = tmp_path_factory.mktemp("root") / "models" / "face" / "tiny"
    reports: list[int] = []
    metrics = train.train("tiny", dataset, folder, preset="smoke", on_progress=reports.append)
    return Run(folder, metrics, reports)


@pytest.fixture
def copied_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of a bundled model that a test may change, the only trained one of its checkout."""
    folder, without = tmp_path / "models" / "face" / COPIED, shutil.ignore_patterns(WEIGHTS)
    shutil.copytree(model_folder(COPIED), folder, ignore=without)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (tmp_path / "SHA256SUMS").touch()
    return folder


@pytest.fixture
def write_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes the votes on pictures of each split, shape (n, 7 or more), in place of those that ship."""

    def write(images: np.ndarray, votes: np.ndarray) -> None:
        counts = np.zeros((len(votes), len(ferplus.COLUMNS)), np.uint8)
        counts[:, : votes.shape[1]] = votes
        parts = {"pictures": ferplus.checksums(images), "votes": counts}
        np.savez(tmp_path / "votes.npz", **{f"{split}_{name}": part for split in Split for name, part in parts.items()})
        monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")

    return write


@pytest.fixture
def only_tiny(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A checkout in which "tiny" is the only trained model."""
    monkeypatch.setattr(assets, "ROOT", tiny_run.folder.parents[2])
    yield tiny_run
    spec = read_spec(tiny_run.folder)  # shared by all: no test may have harmed it
    assert spec.sha256 == assets.sha256_of(tiny_run.folder / WEIGHTS)
    assert spec.onnx_sha256 == assets.sha256_of(tiny_run.folder / ONNX)
