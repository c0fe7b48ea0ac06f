"""`bench`: what is measured, in which units; how fast it is here is for the command to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emomusic.cli import bench, bench_film
from emomusic.cli.timing import Timing
from emomusic.songs import recommend
from emomusic.stream.film import FilmNetworks
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier, make_face
from tests.films import NOBODY, write_film
from tests.songs.tables import recommender_over, song_table

FACES = [make_face(20, 20, 40, 50), make_face(90, 20, 40, 50)]


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, classifier = FakeDetector(FACES), FakeClassifier()
    networks = FilmNetworks(detector, classifier, FakeIdentifier())
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: networks)


@pytest.fixture
def _small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = recommender_over(song_table(30))
    monkeypatch.setattr(recommend, "load_recommender", lambda: recommender)
    monkeypatch.setattr(bench, "LARGE", 90)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A grey film of three seconds."""
    path = tmp_path / "clip.mp4"
    write_film(path, [(NOBODY, 3)], size=(160, 120))
    return path


def by_step(timings: list[Timing]) -> dict[str, Timing]:
    return {timing.step.split(",")[0]: timing for timing in timings}


@pytest.mark.usefixtures("_fakes")
def test_every_figure_of_a_film_has_its_unit(clip: Path) -> None:
    timings = by_step(bench_film.run_film_bench(clip))
    memory = {"peak memory above the loaded networks": "MB"} if Path("/proc/self/statm").exists() else {}
    assert {step: timing.unit for step, timing in timings.items()} == memory | {
        "film speed": "x",
        "film speed of marking": "x",
        "film speed of decoding alone": "x",
        "reading": "x",
        "marking": "x",
        "processor time for each reading": "ms",
        "mean number of faces in a reading": "faces",
    }
    assert all("2 faces in 160x120" in timing.step for timing in timings.values())
    assert timings["mean number of faces in a reading"].median == 2
    assert {timing.runs for timing in timings.values()} == {12}  # four a second


@pytest.mark.usefixtures("_small_catalogue")
def test_the_steps_of_a_photo_have_named_units(run: Any) -> None:
    status, report, _ = run("bench", "--runs", "2")
    assert status == 0
    steps = " ".join(timing["step"] for timing in report["timings"])
    assert all(word in steps for word in ("load", "decode", "find 4 faces", "against mtcnn", "read 8 faces", "journey"))
    assert all(timing["median"] > 0 for timing in report["timings"])
    assert {timing["unit"] for timing in report["timings"]} == {"ms", "s", "x"}
