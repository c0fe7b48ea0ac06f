"""emomusic/cli/bench_film.py: what is measured, on a tiny clip and with a fake of the package fer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from emomusic.assets import data_dir
from emomusic.cli import bench_film, main
from emomusic.face.detection import MtcnnDetector
from emomusic.face.film import FilmNetworks
from emomusic.face.film_file import FilmFile
from emomusic.face.images import read_image
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier, make_face

RATE = 10


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = FakeDetector([make_face(20, 20, 40, 50), make_face(90, 20, 40, 50)])
    networks = FilmNetworks(detector, FakeClassifier(), FakeIdentifier())
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: networks)


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


def write_fer(folder: Path, *, faces: str = "[{}, {}, {}]") -> None:
    """A package fer whose detector answers `faces` for each frame."""
    (folder / "fer").mkdir(parents=True)
    (folder / "fer" / "__init__.py").touch()
    (folder / "fer" / "fer.py").write_text(
        f"class FER:\n"
        f"    def __init__(self, mtcnn): assert mtcnn is False\n"
        f"    def detect_emotions(self, frame): return {faces}\n"
    )
    (folder / "fer" / "classes.py").write_text(
        "import json, time\n"
        "class Video:\n"
        "    def __init__(self, file, outdir): self.file = file\n"
        "    def analyze(self, detector, frequency, max_results, **options):\n"
        "        print('noise on stdout')\n"
        "        json.dump([self.file, frequency, max_results, options], open('asked.json', 'w'))\n"
        "        time.sleep(0.05)\n"
        "        frames = range(0, 30, frequency)[:max_results]\n"
        "        faces = [found for frame in frames if (found := detector.detect_emotions(frame))]\n"
        "        return faces[0]\n"
    )
    (folder / "fer-25.10.dist-info").mkdir()
    (folder / "fer-25.10.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fer\nVersion: 25.10\n")


def timings_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {timing["step"].split(",")[0]: timing for timing in report["timings"]}


@pytest.mark.usefixtures("_fakes")
def test_every_figure_of_a_film_has_its_unit(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", "film", str(clip), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    timings = timings_of(report)
    units = {step: timing["unit"] for step, timing in timings.items()}
    memory = {"peak memory above the loaded networks": "MB"} if Path("/proc/self/statm").exists() else {}
    assert units == memory | {
        "film speed": "x",
        "readings": "/s",
        "processor time for each reading": "ms",
        "faces in a reading": "faces",
        "mean number of faces in a reading": "faces",
        "film speed of marking": "x",
    }
    assert all("2 faces in 160x120" in timing["step"] for timing in report["timings"])
    assert timings["faces in a reading"]["median"] == timings["mean number of faces in a reading"]["median"] == 2
    assert timings["readings"]["runs"] == 12  # four a second
    assert timings["readings"]["median"] == pytest.approx(4 * timings["film speed"]["median"])
    assert all(timings[step]["median"] > 0 for step in units if step not in memory)


@pytest.mark.usefixtures("_fakes")
def test_without_json_a_person_reads_the_figures(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", "film", str(clip)]) == 0
    assert "2 faces in 160x120" in capsys.readouterr().out


@pytest.mark.usefixtures("_fakes")
def test_only_the_first_part_of_a_film_is_marked(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_film, "_MARKED_S", 1.0)
    timings = timings_of(bench_film.run_film_bench(clip))
    assert timings["film speed of marking"]["runs"] == 4
    assert timings["film speed of marking"]["step"].endswith("0:01 minutes")


@pytest.mark.usefixtures("_fakes")
def test_the_slowest_part_is_no_faster_than_the_film(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_film, "_WINDOW_S", 0.5)
    timings = timings_of(bench_film.run_film_bench(clip))
    for step in ("film speed", "readings"):
        assert 0 < timings[step]["p95"] <= 1.01 * timings[step]["median"]


def test_rates_of_windows_count_the_readings_of_each() -> None:
    ends_s = [*np.linspace(0.1, 4, 40), *np.linspace(4.2, 12, 40)]  # ten readings a second, then five
    timing = bench_film._rate_of("readings", 80 / 12, ends_s, 1, "/s")
    assert (timing.median, timing.runs) == (80 / 12, 80)
    assert timing.p95 == pytest.approx(5 + 0.05 * 5)
    assert bench_film._rate_of("readings", 7.0, ends_s[:5], 1, "/s").p95 == 7.0  # shorter than a window


@pytest.mark.usefixtures("_fakes")
@pytest.mark.parametrize(("seconds", "num_readings"), [(None, 10), ("1", 4)])
def test_fer_reads_the_same_film_at_no_more_readings(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds: str | None,
    num_readings: int,
) -> None:
    write_fer(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.chdir(tmp_path)
    part = [] if seconds is None else ["--fer-seconds", seconds]
    assert main.main(["bench", "film", "--json", "--fer", sys.executable, *part, clip.name]) == 0
    timings = timings_of(json.loads(capsys.readouterr().out))
    speed = next(timing for step, timing in timings.items() if step == "film speed as against fer 25.10")
    assert (speed["unit"], speed["runs"]) == ("x", num_readings)
    assert not (tmp_path / "asked.json").exists()  # fer writes into a temporary folder


@pytest.mark.usefixtures("_fakes")
def test_the_ratio_is_that_of_the_speeds(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fer(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    report = bench_film.run_film_bench(clip, fer_python=sys.executable, fer_s=1.0)
    steps = {timing["step"]: timing for timing in report["timings"]}
    ours = steps["film speed, 2 faces in 160x120, 0:03 minutes"]["median"]
    theirs = steps["film speed, fer 25.10, first 0:01 minutes"]["median"]
    assert steps["film speed as against fer 25.10"]["median"] == pytest.approx(ours / theirs)
    assert theirs == pytest.approx(steps["readings, fer 25.10"]["median"] * 3 / RATE)  # every third frame
    assert steps["mean number of faces in a reading, fer 25.10"]["median"] == 3


@pytest.mark.usefixtures("_fakes")
def test_fer_may_find_no_face_at_all(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fer(tmp_path / "packages", faces="[]")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    report = bench_film.run_film_bench(clip, fer_python=sys.executable)
    steps = {timing["step"]: timing for timing in report["timings"]}
    assert steps["mean number of faces in a reading, fer 25.10"]["median"] == 0
    assert steps["readings, fer 25.10"]["runs"] == 10


@pytest.mark.parametrize("kind", ["absent", "not executable", "without fer", "no program"])
def test_an_interpreter_without_fer_is_told_before_the_work(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: pytest.fail("loaded"))
    python = tmp_path / "python"
    if kind != "absent":
        python.write_text("#!/bin/sh\necho no module >&2\nexit 1\n" if kind == "without fer" else "")
        python.chmod(0o644 if kind == "not executable" else 0o755)
    assert main.main(["bench", "film", str(clip), "--fer", str(python)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(python) in err


@pytest.mark.parametrize("content", [None, b"", b"no film"])
def test_a_file_that_is_no_film_is_told_before_the_networks_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    monkeypatch.setattr(bench_film, "load_film_networks", lambda: pytest.fail("loaded"))
    if content is not None:
        (tmp_path / "a.mp4").write_bytes(content)
    assert main.main(["bench", "film", str(tmp_path / "a.mp4")]) == 2
    assert "a.mp4" in capsys.readouterr().err


def test_the_clip_repeats_its_loop_and_shows_four_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: MtcnnDetector
) -> None:
    monkeypatch.setattr(bench_film, "_LOOP_S", 1)
    monkeypatch.setattr(bench_film, "_LOOPS", 3)
    bench_film.make_clip(tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    with FilmFile(tmp_path / "clip.mp4") as film:
        assert (film.width, film.height, film.frames_per_second) == (1280, 720, 25)
        frames = [(frame.time_s, film.picture(frame)) for frame in film.frames()]
    assert film.problem is None
    assert [time_s for time_s, _ in frames] == pytest.approx([number / 25 for number in range(75)])
    assert np.abs(frames[0][1].astype(int) - frames[25][1]).mean() < 3  # the loop again
    assert np.abs(frames[0][1].astype(int) - frames[10][1]).mean() > 5  # it moves
    assert [len(detector.detect(frames[number][1])) for number in (0, 15)] == [4, 4]


def test_the_picture_is_always_inside_the_frame() -> None:
    height, width = read_image(data_dir() / "samples" / "four-people.jpg").shape[:2]
    for share in np.linspace(0, 1, 601):
        place = bench_film._place(share, width, height)
        corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)]) @ place.T
        assert corners.min() >= 0
        assert (corners.max(axis=0) <= (1280, 720)).all()
    assert bench_film._place(0, width, height) == pytest.approx(bench_film._place(1, width, height))
