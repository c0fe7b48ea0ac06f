"""scripts/bench.py and load_test.py: what is measured, in which units; how fast it is here is for them to say."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest

from emomusic import assets
from emomusic.cli import main
from scripts import bench
from scripts.load_test import measure
from tests.films import NOBODY, write_film
from tests.songs.tables import recommender_over, song_table


def test_the_steps_of_a_photo_and_of_music_have_named_units(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = recommender_over(song_table(30))
    monkeypatch.setattr(bench, "load_recommender", lambda: recommender)
    monkeypatch.setattr(bench, "LARGE", 90)
    package = SimpleNamespace(MTCNN=lambda: SimpleNamespace(detect_faces=lambda _: []))
    monkeypatch.setitem(sys.modules, "mtcnn", package)  # which loads TensorFlow
    timings = [*bench.bench_photo(runs=2), *bench.bench_music(runs=2)]
    steps = " ".join(timing.step for timing in timings)
    words = ("load", "decode", "find 4 faces", "against mtcnn", "read 8 faces", "journey", "90 songs, all", "a copy")
    assert [word for word in words if word not in steps] == []
    assert all(timing.median > 0 for timing in timings if timing.unit != "MB")
    assert {timing.unit for timing in timings} <= {"ms", "s", "x", "MB"}


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


@pytest.mark.slow
def test_two_visitors_receive_photos_and_songs_without_errors() -> None:
    report = measure(Namespace(visitors=2, seconds=8, waves=2, rest=0.1, think=0.3, arrive_within=1))
    assert report["errors"] == {}
    assert report["refusals"]["count"] == 0
    assert report["answers"]["count"] > 0
    assert report["answers"]["max_s"] >= report["answers"]["p95_s"] >= report["answers"]["p50_s"] > 0
    assert [each > 100 for each in report["MB after each wave"]] == [True] * 2
