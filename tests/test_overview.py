"""What `models` tells on a terminal."""

from pathlib import Path

import pytest

from emomusic import assets, cli
from emomusic.face import trained
from tests.model_files import place_checkout


def test_the_models_are_told_with_their_spread_and_the_reports_beside_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(trained, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (vgg9,) = [line for line in lines if line.startswith("face/vgg9")]
    assert "40.0% in the wild" in vgg9
    assert "over 7 classes" in vgg9
    assert "51 kB, 0.5 ms a face" in vgg9
    (quadrants,) = [number for number, line in enumerate(lines) if line.startswith("face/mobilenet_quadrants")]
    assert "over 4 classes" in lines[quadrants]
    assert "over Q1 Q2 Q3 N" not in lines[quadrants]
    assert lines[quadrants + 1].startswith("  reported: 72 % (four classes, Matching emotions")
    assert any(line.startswith("music/ensemble: accuracy 83.9% ± 3.7 over 4 classes") for line in lines)
