from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, read_metrics
from emomusic.faces.model_files import face_models, model_folder, read_spec
from emomusic.training.card import write_card
from tests.tiny_model import COPIED


def test_the_limits_come_from_the_metrics(tmp_path: Path) -> None:
    folder = model_folder(COPIED)
    metrics = read_metrics(folder)

    def card() -> str:
        write_card(read_spec(folder), metrics, tmp_path / CARD)
        return (tmp_path / CARD).read_text(encoding="utf-8")

    for i, emotion in enumerate(EMOTIONS):
        metrics["test"]["per_class"][emotion.value]["recall"] = 0.9 - i / 10  # lowest for neutral, then for surprise
    metrics["test"]["confusion"] = [[100 if i == j else i + j for j in range(7)] for i in range(7)]
    metrics["test"]["confusion"][2][5] = 50
    assert "lowest for neutral and surprise" in card()
    assert "surprise for fear" in card()
    metrics["test"]["per_class"]["neutral"] |= {"recall": 0.0, "support": 0}  # no neutral faces in the test set
    assert "lowest for surprise and sad" in card()
    metrics["test"]["confusion"] = np.diag([1] * 7).tolist()
    metrics["test"]["not_in_training"] = {"n": 0, "accuracy": None}
    assert "no mistake" in card()
    assert "also in Training | | not known |" in card()


@pytest.mark.parametrize("name", face_models())
def test_the_card_of_every_shipped_model_is_current(name: str, tmp_path: Path) -> None:
    folder = model_folder(name)
    write_card(read_spec(folder), read_metrics(folder), tmp_path / CARD)
    assert (folder / CARD).read_text(encoding="utf-8") == (tmp_path / CARD).read_text(encoding="utf-8")
