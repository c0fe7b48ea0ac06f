import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, METRICS, read_metrics
from emomusic.face.model_files import face_models, model_folder, read_spec
from emomusic.training.card import write_card
from emomusic.training.networks import NETWORKS
from tests.tiny_model import Run


@pytest.fixture
def metrics(tiny_run: Run) -> dict[str, Any]:
    """A copy that a test may change."""
    return json.loads((tiny_run.folder / METRICS).read_text(encoding="utf-8"))


def card_of(tiny_run: Run, metrics: dict[str, Any], path: Path) -> str:
    write_card(read_spec(tiny_run.folder), metrics, path)
    return path.read_text(encoding="utf-8")


def test_the_card_of_a_run_is_made_of_its_figures(tiny_run: Run, tmp_path: Path) -> None:
    card = (tiny_run.folder / CARD).read_text(encoding="utf-8")
    assert card == card_of(tiny_run, read_metrics(tiny_run.folder), tmp_path / "card.md")
    assert card.startswith("# tiny\n")
    test = tiny_run.metrics["test"]
    low, high = test["accuracy_interval"]
    for text in (
        NETWORKS["tiny"].title,
        "3,807 weights",
        "--network tiny --preset smoke",
        f"**{test['accuracy']:.1%}** (95 % interval {low:.1%} to {high:.1%}, n = 42)",
        f"{test['not_in_training']['accuracy']:.1%} (n = 38)",
        f"for 2 epochs (0 minutes);\nthe weights are those of epoch {tiny_run.metrics['best_epoch']}",
    ):
        assert text in card


def test_the_card_of_a_short_run_says_that_it_saw_a_part(
    tiny_run: Run, metrics: dict[str, Any], tmp_path: Path
) -> None:
    assert " on the first 256 pictures of the Training split of FER2013 " in card_of(tiny_run, metrics, tmp_path / CARD)
    metrics["config"]["limit"] = None
    assert "Trained from scratch on the Training split of FER2013 " in card_of(tiny_run, metrics, tmp_path / CARD)


def test_every_emotion_has_its_row(tiny_run: Run, metrics: dict[str, Any], tmp_path: Path) -> None:
    card = card_of(tiny_run, metrics, tmp_path / CARD)
    for emotion in EMOTIONS:
        scores = metrics["test"]["per_class"][emotion.value]
        shares = " | ".join(f"{scores[name]:.1%}" for name in ("precision", "recall", "f1"))
        assert f"| {emotion.value} | {shares} | {scores['support']} |" in card.splitlines()


def test_weaknesses_are_read_from_the_figures(tiny_run: Run, metrics: dict[str, Any], tmp_path: Path) -> None:
    for i, emotion in enumerate(EMOTIONS):
        metrics["test"]["per_class"][emotion.value]["recall"] = 0.9 - i / 10  # least for neutral, then for surprise
    metrics["test"]["confusion"] = [[100 if i == j else i + j for j in range(7)] for i in range(7)]
    metrics["test"]["confusion"][2][5] = 50
    card = card_of(tiny_run, metrics, tmp_path / CARD)
    assert "finds neutral and surprise least often" in card
    assert "mistake is to call fear faces surprise" in card
    metrics["test"]["per_class"]["neutral"] |= {"recall": 0.0, "support": 0}  # there was none to find
    assert "finds surprise and sad least often" in card_of(tiny_run, metrics, tmp_path / CARD)
    metrics["test"]["confusion"] = np.diag([1] * 7).tolist()
    assert "made no mistake" in card_of(tiny_run, metrics, tmp_path / CARD)


def test_a_figure_that_is_not_known_is_said_not_to_be(tiny_run: Run, metrics: dict[str, Any], tmp_path: Path) -> None:
    metrics["test"]["not_in_training"] = {"n": 0, "accuracy": None}
    assert "| on pictures that do not also stand in Training | | not known |" in card_of(
        tiny_run, metrics, tmp_path / CARD
    )


def test_the_card_says_what_the_model_is_not_for(tiny_run: Run, metrics: dict[str, Any], tmp_path: Path) -> None:
    card = card_of(tiny_run, metrics, tmp_path / CARD)
    for heading in ("How it was made", "How good it is", "Where it fails", "What it is for, and what not", "Data and"):
        assert f"\n## {heading}" in card
    assert "An expression is not a feeling" in card
    assert "{" not in card


def test_the_card_says_what_was_learnt_from_beside_the_labels(
    tiny_run: Run, metrics: dict[str, Any], tmp_path: Path
) -> None:
    assert "FER+" not in card_of(tiny_run, metrics, tmp_path / CARD)
    metrics["config"] |= {"votes": 0.5, "teachers": ["vgg9", "cnn_paper"], "distillation_weight": 0.3, "start": "vgg9"}
    card = card_of(tiny_run, metrics, tmp_path / CARD)
    assert "It began as the trained model vgg9, and went on" in card
    assert "At first 50% of each training label were the votes of ten people" in card
    assert "30% of the rest were the mean answer of vgg9, cnn_paper to the picture\n(Hinton" in card
    assert "The labels it is judged by are FER2013's." in card
    metrics["config"]["votes"] = 0.0
    assert "30% of each training label were the mean answer of vgg9" in card_of(tiny_run, metrics, tmp_path / CARD)


def test_the_card_says_how_pictures_were_varied_in_the_end(
    tiny_run: Run, metrics: dict[str, Any], tmp_path: Path
) -> None:
    assert "turned nor zoomed" not in card_of(tiny_run, metrics, tmp_path / CARD)
    metrics["config"]["finetune_epochs"] = 4
    assert "In the last 4 epochs its pictures were neither turned nor zoomed" in card_of(
        tiny_run, metrics, tmp_path / CARD
    )


def test_the_card_says_that_its_steps_looked_uphill(tiny_run: Run, metrics: dict[str, Any], tmp_path: Path) -> None:
    assert "uphill" not in card_of(tiny_run, metrics, tmp_path / CARD)
    metrics["config"]["sam_rho"] = 0.1
    assert "Each step learnt from the gradient 0.1 uphill of the weights" in card_of(tiny_run, metrics, tmp_path / CARD)


def test_a_model_of_another_name_than_its_network_says_where_it_went(
    tiny_run: Run, metrics: dict[str, Any], tmp_path: Path
) -> None:
    assert "--out" not in card_of(tiny_run, metrics, tmp_path / CARD)
    write_card(replace(read_spec(tiny_run.folder), name="second"), metrics, tmp_path / CARD)
    assert "--network tiny --preset smoke --fer2013 fer2013.csv --out models/face/second`" in (
        tmp_path / CARD
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", face_models())
def test_the_card_of_every_model_that_ships_says_its_figures(name: str, tmp_path: Path) -> None:
    folder = model_folder(name)
    write_card(read_spec(folder), read_metrics(folder), tmp_path / CARD)
    assert (folder / CARD).read_text(encoding="utf-8") == (tmp_path / CARD).read_text(encoding="utf-8")
