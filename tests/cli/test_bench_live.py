"""emomusic/cli/bench_live.py: what is measured and how it is told; how fast it is here is for the command to say."""

import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from emomusic.cli import bench_live, main
from emomusic.cli.timing import spread
from tests.fakes import FakeClassifier, FakeDetector, make_face


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = FakeDetector([make_face(40, 40, 60, 70), make_face(140, 40, 60, 70)]), FakeClassifier()
    monkeypatch.setattr(bench_live, "load_networks", lambda: networks)
    monkeypatch.setattr(bench_live, "_WARM_UP_S", 0.2)


def write_film(path: Path, num_frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 60.0, (320, 240))
    for shade in range(num_frames):
        writer.write(np.full((240, 320, 3), 10 * shade, np.uint8))
    writer.release()
    return path


def test_a_film_shorter_than_asked_is_begun_anew(tmp_path: Path) -> None:
    report = bench_live.run_live_bench(write_film(tmp_path / "film.avi", 5), num_frames=30)
    timings = {timing["step"].split(",")[0]: timing for timing in report["timings"]}
    assert {"readings", "frame callback with drawing", "from a frame to its reading"} <= set(timings)
    assert all("2 faces in 320x240" in timing["step"] for timing in report["timings"])
    assert {timing["unit"] for timing in report["timings"]} <= {"/s", "ms", "MB"}
    assert timings["frame callback with drawing"]["runs"] == 30
    assert timings["readings"]["median"] > 0


@pytest.mark.parametrize("content", [None, b"", b"no film"])
def test_what_is_no_film_is_told_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "film.avi"
    if content is not None:
        path.write_bytes(content)
    assert main.main(["bench", "live", str(path)]) == 2
    assert "expected a film" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [("--frames", "10", "none.avi"), ("--json", "none.avi")])
def test_a_film_may_stand_after_an_option(capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert main.main(["bench", "live", *arguments]) == 2
    assert "expected a film" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_film_and_not_waited_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "film.avi")
    assert main.main(["bench", "live", str(tmp_path / "film.avi")]) == 2
    assert "expected a film, which is a file. Received: /" in capfd.readouterr().err


def test_a_film_without_the_part_live_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", "music", "film.avi"]) == 2
    assert "only with the part live" in capsys.readouterr().err


def test_the_films_made_hold_the_faces_they_are_made_of(tmp_path: Path) -> None:
    one, seven = bench_live._stills(FakeDetector([make_face(100, 100, 100, 100)]))
    assert one.shape == seven.shape == (540, 720, 3)
    frames = bench_live._frames(bench_live._filmed(seven, tmp_path / "seven.avi"))
    first = next(frames)
    assert first.shape == (480, 640, 3)
    assert np.abs(next(frames).astype(int) - first).mean() > 0  # it moves


@pytest.mark.parametrize("values", [[3.0], [1.0, 2.0], [1.0, 1.0, 1.0, 1.0, 10.0], list(range(1, 101))])
def test_no_figure_lies_outside_what_was_measured(values: list[float]) -> None:
    median, worst = spread(values)
    assert min(values) <= median <= worst <= max(values)


def test_a_machine_too_slow_for_one_reading_is_not_called_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    detector = FakeDetector()
    monkeypatch.setattr(detector, "detect", lambda image: done.wait(60) and [])
    monkeypatch.setattr(bench_live, "load_networks", lambda: (detector, FakeClassifier()))
    try:
        report = bench_live.run_live_bench(write_film(tmp_path / "film.avi", 5), num_frames=12)
    finally:
        done.set()
    steps = [timing["step"] for timing in report["timings"]]
    assert not any(step.startswith("from a frame to its reading") for step in steps)
