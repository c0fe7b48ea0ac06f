import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from emomusic import assets
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.model_files import ModelSpec

SPEC = ModelSpec("small", "tiny", "smoke", side=48, mirrored=True, temperature=1.25, parameters=3807, sha256="0" * 64)


def make_model(root: Path, name: str) -> None:
    """A model's folder with a spec."""
    folder = root / "models" / "face" / name
    folder.mkdir(parents=True)
    model_files.write_spec(replace(SPEC, name=name), folder)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return tmp_path


def test_models_are_listed_with_the_default_first_and_the_others_by_name(checkout: Path) -> None:
    for name in ("zeta", model_files.DEFAULT_MODEL, "alpha"):
        make_model(checkout, name)
    (checkout / "models" / "face" / "half-trained" / "checkpoint").mkdir(parents=True)
    assert model_files.face_models() == [model_files.DEFAULT_MODEL, "alpha", "zeta"]


@pytest.mark.parametrize("name", ["", "../face/x"])
def test_a_path_is_not_a_model_name(checkout: Path, name: str) -> None:
    make_model(checkout, "x")
    with pytest.raises(ModelError, match="expected one of the trained models x"):
        model_files.model_folder(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "temperature"),
        ({"classes": ["happy"]}, "classes"),
        ({"adjustment": [0.1]}, "adjustment"),
        ({"side": "48"}, "side"),
        ({"colour": 1}, "colour"),
        ("{", "truncated"),
    ],
    ids=str,
)
def test_a_spec_with_a_wrong_value_is_refused(tmp_path: Path, change: dict[str, Any] | str, message: str) -> None:
    text = change if isinstance(change, str) else json.dumps({**asdict(SPEC), **change})
    (tmp_path / assets.SPEC).write_text(text)
    with pytest.raises(ModelError, match=rf"expected a trained model in .*Received: .*{message}"):
        model_files.read_spec(tmp_path)
