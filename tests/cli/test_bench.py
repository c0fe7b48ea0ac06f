"""`bench`: what is measured, in which units; how fast it is here is for the command to say."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from emomusic import assets
from emomusic.cli import bench, bench_film, bench_live, main
from emomusic.cli.timing import Timing
from emomusic.face import model_files
from emomusic.face.detection import MtcnnDetector
from emomusic.face.film import FilmNetworks
from emomusic.face.film_file import FilmFile
from emomusic.music import recommend
from emomusic.music.request import Policy
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier, make_face
from tests.music.tables import recommender_over, song_table

RATE = 10
FACES = [make_face(20, 20, 40, 50), make_face(90, 20, 40, 50)]


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, classifier = FakeDetector(FACES), FakeClassifier()
    networks = FilmNetworks(detector, classifier, FakeIdentifier())
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: networks)
    monkeypatch.setattr(bench_live, "load_networks", lambda: (detector, classifier))
    monkeypatch.setattr("emomusic.face.reading.load_networks", lambda: (detector, classifier))
    monkeypatch.setattr(bench_live, "_WARM_UP_S", 0.2)


@pytest.fixture
def _small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = recommender_over(song_table(30))
    monkeypatch.setattr(recommend, "load_recommender", lambda: recommender)
    monkeypatch.setattr(bench, "LARGE", 90)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A grey film of three seconds."""
    path = tmp_path / "clip.mp4"
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for shade in range(3 * RATE):
            still = np.full((120, 160, 3), 60 + shade, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(still, format="rgb24")))
        container.mux(video.encode())
    return path


def by_step(timings: list[Timing]) -> dict[str, Timing]:
    return {timing.step.split(",")[0]: timing for timing in timings}


@pytest.mark.usefixtures("_fakes")
def test_every_figure_of_a_film_has_its_unit(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_film, "_MARKED_S", 1.0)
    monkeypatch.setattr(bench_film, "_WINDOW_S", 0.5)
    timings = by_step(bench_film.run_film_bench(clip))
    memory = {"peak memory above the loaded networks": "MB"} if Path("/proc/self/statm").exists() else {}
    assert {step: timing.unit for step, timing in timings.items()} == memory | {
        "film speed": "x",
        "readings": "/s",
        "processor time for each reading": "ms",
        "mean number of faces in a reading": "faces",
        "film speed of marking": "x",
    }
    assert all("2 faces in 160x120" in timing.step for timing in timings.values())
    assert timings["mean number of faces in a reading"].median == 2
    assert timings["readings"].runs == 12  # four a second
    assert timings["readings"].median == pytest.approx(4 * timings["film speed"].median)
    assert (timings["film speed of marking"].runs, timings["film speed of marking"].step[-12:]) == (4, "0:01 minutes")
    for step in ("film speed", "readings"):
        assert timings[step].p95 > 0


def test_rates_of_windows_count_the_readings_of_each() -> None:
    ends_s = [*np.linspace(0.1, 4, 40), *np.linspace(4.2, 12, 40)]  # ten readings a second, then five
    timing = bench_film._rate_of("readings", 80 / 12, ends_s, 1, "/s")
    assert (timing.median, timing.runs) == (80 / 12, 80)
    assert timing.p95 == pytest.approx(5 + 0.05 * 5)
    assert bench_film._rate_of("readings", 7.0, ends_s[:5], 1, "/s").p95 == 7.0  # shorter than a window


def test_the_clip_repeats_its_loop_and_shows_four_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: MtcnnDetector
) -> None:
    monkeypatch.setattr(bench_film, "_LOOP_S", 1)
    monkeypatch.setattr(bench_film, "_LOOPS", 2)
    bench_film.make_clip(tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    with FilmFile(tmp_path / "clip.mp4") as film:
        assert (film.width, film.height, film.frames_per_second) == (1280, 720, 25)
        frames = [(frame.time_s, film.picture(frame)) for frame in film.frames()]
    assert [time_s for time_s, _ in frames] == pytest.approx([number / 25 for number in range(50)])
    assert np.abs(frames[0][1].astype(int) - frames[25][1]).mean() < 3  # the loop again
    assert np.abs(frames[0][1].astype(int) - frames[10][1]).mean() > 5  # it moves
    assert len(detector.detect(frames[15][1])) == 4


@pytest.mark.usefixtures("_fakes")
def test_a_film_shorter_than_asked_is_played_again_to_the_live_reader(clip: Path) -> None:
    timings = by_step(bench_live.run_live_bench(clip, num_frames=40))
    assert {"readings", "frame callback with drawing", "from a frame to its reading"} <= set(timings)
    assert all("2 faces in 160x120" in timing.step for timing in timings.values())
    assert {timing.unit for timing in timings.values()} <= {"/s", "ms", "MB"}
    assert timings["frame callback with drawing"].runs == 40
    assert timings["readings"].median > 0


def test_the_made_frames_hold_the_faces_and_move() -> None:
    one, seven = bench_live._stills(FakeDetector([make_face(100, 100, 100, 100)]))
    assert one.shape == seven.shape == (540, 720, 3)
    frames = bench_live._moving(seven)
    first = next(frames)
    assert first.shape == (480, 640, 3)
    assert np.abs(next(frames).astype(int) - first).mean() > 0


def test_a_machine_too_slow_for_one_reading_is_not_called_quick(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, detector = threading.Event(), FakeDetector()
    monkeypatch.setattr(detector, "detect", lambda image: done.wait(60) and [])
    monkeypatch.setattr(bench_live, "load_networks", lambda: (detector, FakeClassifier()))
    monkeypatch.setattr(bench_live, "_WARM_UP_S", 0.2)
    try:
        timings = bench_live.run_live_bench(clip, num_frames=12)
    finally:
        done.set()
    assert "from a frame to its reading" not in by_step(timings)


@pytest.mark.parametrize("part", ["live", "film"])
def test_what_is_no_film_is_one_line_before_the_networks_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], part: str
) -> None:
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: pytest.fail("loaded"))
    monkeypatch.setattr(bench_live, "load_networks", lambda: pytest.fail("loaded"))
    (tmp_path / "text.mp4").write_bytes(b"no film")
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("absent.mp4", "text.mp4", "pipe.mp4"):
        assert main.main(["bench", part, "--json", str(tmp_path / name)]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert name in err


@pytest.mark.usefixtures("_small_catalogue")
def test_the_steps_of_a_photo_have_named_units(run: Any) -> None:
    status, report, _ = run("bench", "--runs", "2")
    assert status == 0
    steps = " ".join(timing["step"] for timing in report["timings"])
    assert all(word in steps for word in ("load", "decode", "find 4 faces", "read 8 faces", "journey"))
    assert all(timing["median"] > 0 for timing in report["timings"])
    assert {timing["unit"] for timing in report["timings"]} == {"ms", "s"}


@pytest.mark.usefixtures("_small_catalogue")
def test_songs_are_chosen_from_the_bundled_and_a_large_table(run: Any) -> None:
    status, report, _ = run("bench", "music", "--runs", "1")
    assert status == 0
    steps = [(timing["step"], timing["unit"]) for timing in report["timings"]]
    assert steps[0] == ("load the songs", "s")
    assert [step for step in steps if step[0].startswith("choose")] == [
        (f"choose 10 of {size} songs, {policy}", "ms") for size in (30, 90) for policy in Policy
    ]


def test_every_face_model_is_timed_and_the_time_kept_where_asked(
    run: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vgg9", "mobilenet_quadrants"):
        shutil.copytree(root / "models" / "face" / name, tmp_path / "models" / "face" / name)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    before = assets.read_metrics(model_files.model_folder("vgg9"))
    for option in ([], ["--record"]):
        status, report, _ = run("bench", "models", "--runs", "2", *option)
        assert status == 0
        steps = {timing["step"]: timing for timing in report["timings"]}
        assert list(steps) == ["a face of eight, mobilenet_quadrants", "a face of eight, vgg9"]
        measured = steps["a face of eight, vgg9"]
        assert 0 < measured["median"] <= measured["p95"]
        after = assets.read_metrics(model_files.model_folder("vgg9"))
        assert after == before | ({"ms_per_face": measured["median"]} if option else {})


def test_only_a_bench_that_succeeded_replaces_its_figures(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "Makefile", tmp_path)
    figures, python = tmp_path / "docs" / "benchmarks", tmp_path / ".venv" / "bin" / "python"
    for folder in (figures, python.parent):
        folder.mkdir(parents=True)
    for part in ("photo", "models", "music"):
        (figures / f"{part}.json").write_text("old")
    python.write_text('#!/bin/sh\nprintf new\ncase "$*" in *"bench models"*) exit 1; esac\n')
    python.chmod(0o755)
    for name in ("requirements-serve.txt", "pyproject.toml", ".venv/installed"):  # the newest comes last
        (tmp_path / name).touch()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "bench"], cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert [(figures / f"{part}.json").read_text() for part in ("photo", "models", "music")] == ["new", "old", "old"]
