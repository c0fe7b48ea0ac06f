"""scripts/bench.py and load_test.py: what is measured, in which units; how fast it is here is for them to say."""

import json
from pathlib import Path

import pytest

from emomusic import assets
from emomusic.cli import main
from tests.films import NOBODY, write_film


def test_the_command_prints_what_the_script_measures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_film(tmp_path / "clip.mp4", [(NOBODY, 3)], size=(160, 120))
    assert main.main(["bench", "film", str(tmp_path / "clip.mp4"), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert "processor" in report["machine"]
    assert "film speed" in report["timings"][0]["step"]
    assert {timing["unit"] for timing in report["timings"]} <= {"x", "ms", "faces", "MB"}
    assert all(timing["runs"] == 4 and "160x120" in timing["step"] for timing in report["timings"])  # its key frames


def test_the_command_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(assets, "IS_WHEEL", True)
    assert main.main(["bench"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "Clone the repository" in err
    assert len(err.splitlines()) == 1
