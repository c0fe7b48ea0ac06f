"""The command `evaluate face` with votes and posed faces, on a tiny network."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.affect import Emotion
from emomusic.cli.main import main
from emomusic.errors import ModelError
from emomusic.faces import ferplus
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.faces.model_files import read_spec, write_spec
from emomusic.metrics import evaluate
from emomusic.training.evaluate import record_collection
from tests.tiny_model import Run, Splits, write_fer2013


@pytest.fixture
def model(tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the tiny model in a checkout of its own."""
    folder = tmp_path / "models" / "face" / "tiny"
    shutil.copytree(tiny_run.folder, folder)
    (tmp_path / "SHA256SUMS").touch()
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return folder


@pytest.fixture
def faces(dataset: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelledFaces:
    """Eight faces, on which people saw each emotion once, and contempt: in a CSV as validation and test."""
    faces = dataset[Split.TEST].first(8)
    write_fer2013(tmp_path / "fer2013.csv", dict.fromkeys(("PublicTest", "PrivateTest"), faces))
    votes = np.zeros((8, len(ferplus.COLUMNS)), np.uint8)
    votes[np.arange(8), np.arange(8)] = 9
    parts = {"pictures": ferplus.checksums(faces.images), "votes": votes}
    np.savez(tmp_path / "votes.npz", **{f"{split}_{name}": part for split in Split for name, part in parts.items()})
    monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")
    return faces


@pytest.mark.usefixtures("model")
def test_evaluation_counts_the_votes(faces: LabelledFaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--fer2013", str(tmp_path / "fer2013.csv"), "--split", "test"]
    assert main(["evaluate", "face", "--model", "tiny", *source, "--ferplus", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    answers = EmotionClassifier.load("tiny").probabilities(faces.images[..., None]).argmax(axis=1)
    assert (record["n"], record["contempt"]) == (8, 1)
    assert record["accuracy"] == (answers == np.arange(8)).mean()
    assert record["seven"]["accuracy"] == (answers == np.arange(8))[:7].mean()
    with np.load(ferplus.VOTES) as arrays:
        others = {name: array ^ 1 if name.endswith("pictures") else array for name, array in arrays.items()}
    np.savez(ferplus.VOTES, **others)
    assert main(["evaluate", "face", "--model", "tiny", *source, "--ferplus"]) == 2
    assert "Received: other pictures" in capsys.readouterr().err


@pytest.mark.usefixtures("faces")
def test_posed_figures_are_kept_by_collection(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="adjustment for posed faces"):
        EmotionClassifier.load("tiny").posed()
    write_spec(replace(read_spec(model), posed_adjustment=tuple(map(tuple, np.eye(7, 8).tolist()))), model)
    source = ["--fer2013", str(tmp_path / "fer2013.csv"), "--split", "validation"]
    for votes in ([], ["--ferplus"]):
        assert main(["evaluate", "face", "--model", "tiny", *source, *votes, "--posed", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["n"] == 8
    assert main(["evaluate", "face", "--model", "tiny", *source, "--ferplus", "--posed", "--record"]) == 2
    pictures = [(tmp_path / f"someone/fear/{person}_1.jpg", Emotion.FEAR) for person in (1, 2)]
    record_collection("tiny", tmp_path / "someone", pictures, evaluate(np.array([2, 2]), np.array([2, 0])))
    kept = assets.read_metrics(model)["collections"]["someone"]
    assert (kept["persons"], kept["accuracy"], kept["is_trained"]) == (2, 0.5, False)
    assert "| someone |" in (model / "CARD.md").read_text(encoding="utf-8")
