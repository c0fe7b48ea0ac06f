"""Consistency of lock files, configuration, Makefile and documents."""

import json
import re
import socket
import statistics
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from emomusic.assets import read_metrics
from emomusic.face.images import MAX_BYTES
from emomusic.face.model_files import DEFAULT_MODEL, face_models, model_folder
from emomusic.music.table_files import MAX_UPLOAD_BYTES
from emomusic.ui.core.capacity import LIVE_PER_CORE, VISITORS_PER_CORE
from emomusic.ui.core.frame import DARK_BUTTON
from emomusic.ui.film.job import MAX_MB
from scripts.plan_capacity import plans

LOCKS = ["requirements.txt", "requirements-serve.txt", "requirements-dev.txt"]
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([0-9][0-9a-z.]*)( ; .+)?")


def normal_name(requirement: str) -> str:
    """The normalized name of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def pins_of(lock: Path) -> dict[str, str]:
    """Versions of a lock file by name, without markers."""
    matches = [PIN.fullmatch(line) for line in lock.read_text(encoding="utf-8").splitlines() if line[:1] not in " #"]
    return {match[1]: match[2] for match in matches if match}


def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names_of(root: Path, *extras: str) -> set[str]:
    """Direct dependencies of the project and of extras."""
    declared = project(root)["dependencies"] + [
        each for extra in extras for each in project(root)["optional-dependencies"][extra]
    ]
    return {normal_name(requirement) for requirement in declared} - {"emomusic"}


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.txt", ("app", "train")),
        ("requirements-serve.txt", ("app",)),
        ("requirements-dev.txt", ("app", "train", "dev")),
    ],
)
def test_a_lock_contains_every_dependency(root: Path, lock: str, extras: tuple[str, ...]):
    names = names_of(root, *extras)
    assert "streamlit" in names
    assert names - pins_of(root / lock).keys() == set()


def test_the_main_lock_contains_the_main_libraries(root: Path):
    main = {"streamlit", "streamlit-webrtc", "tensorflow", "mtcnn", "opencv-python-headless", "pandas", "plotly"}
    assert main | {"spotipy", "scikit-learn"} <= pins_of(root / "requirements.txt").keys()


def test_the_serving_lock_contains_no_training_libraries(root: Path):
    pins = pins_of(root / "requirements-serve.txt").keys()
    assert pins & {"tensorflow", "tensorflow-cpu", "keras", "mtcnn", "h5py", "lz4", "tf2onnx"} == set()


@pytest.mark.parametrize("name", ["requirements-serve.txt", "requirements.txt"])
def test_all_locks_have_the_same_versions(root: Path, name: str):
    assert pins_of(root / name).items() <= pins_of(root / "requirements-dev.txt").items()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_contains_only_pins(root: Path, name: str):
    lines = (root / name).read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if not line.lstrip().startswith("#") and not PIN.fullmatch(line)]
    assert others == []
    assert [line for line in lines if re.search(r"://|/|\\|@|index-url|find-links|localhost", line)] == []


def test_the_server_accepts_the_largest_upload(root: Path):
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] * 2**20 == max(MAX_BYTES, MAX_UPLOAD_BYTES, MAX_MB * 2**20)


def test_streamlit_starts_without_a_prompt_or_telemetry(root: Path):
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB" (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("foreground", ["primaryColor", "linkColor", "textColor"])
@pytest.mark.parametrize("background", ["backgroundColor", "secondaryBackgroundColor"])
def test_the_theme_has_enough_contrast(root: Path, theme: str, foreground: str, background: str):
    colours = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][theme]
    dark, bright = sorted([luminance(colours[foreground]), luminance(colours[background])])
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_primary_buttons_contrast_with_the_page_and_with_white_text(root: Path, theme: str):
    colours = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][theme]
    button = DARK_BUTTON if theme == "dark" else colours["primaryColor"]
    assert 1.05 / (luminance(button) + 0.05) >= 4.5
    dark, bright = sorted([luminance(button), luminance(colours["backgroundColor"])])
    assert (bright + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("target", ["help", "setup", "run", "test", "check", "lock", "train", "bench"])
def test_the_makefile_has_the_target(root: Path, target: str):
    done = subprocess.run(["make", "--dry-run", target], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_training_without_the_dataset_names_the_missing_option(root: Path):
    done = subprocess.run(["make", "train", "FER2013="], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "FER2013=path/to/fer2013.csv" in done.stderr


def test_tests_cannot_reach_the_network():
    with socket.socket() as client, pytest.raises(AssertionError, match="no network"):
        client.connect(("192.0.2.1", 80))


@pytest.mark.parametrize("name", face_models())
def test_results_match_the_metrics_of_the_face_models(root: Path, name: str):
    readme = (root / "docs" / "results.md").read_text(encoding="utf-8")
    metrics = read_metrics(model_folder(name))
    test, wild, votes = metrics["test"], metrics["wild"], metrics["ferplus"]["test"]
    if name == DEFAULT_MODEL:
        row = readme.partition(f"| face model `{name}`")[2].partition("| other face models")[0]
        expected = [f"**{_percent(of['accuracy'])} %** (95 % interval {_interval(of)})" for of in (test, votes)]
        expected += [f"our seven emotions | {_percent(votes['seven']['accuracy'])} %"]
        expected += [f"four classes Q1 Q2 Q3 N | {_percent(test['four_class_accuracy'])} %"]
        expected += [f"**{_percent(wild['accuracy'])} %, mean recall {_percent(wild['macro_recall'])} %**"]
        expected += [f"calibration error on photographs | {wild['calibration_error']:.3f}"]
        expected += [
            f"| {group}: {one['name']} | {one['n']} | {_percent(one['accuracy'])} % |"
            for group, bins in wild["groups"].items()
            for one in bins
        ]
        expected += [f"{emotion} {100 * scores['recall']:.0f}" for emotion, scores in wild["per_class"].items()]
    else:
        row = readme.partition(f"| `{name}`,")[2].partition("\n")[0]
        expected = [f"{_percent(test['accuracy'])} % ({_interval(test)})"]
        expected += [f"| {_percent(of['accuracy'])} %" for of in (votes, wild)]
    assert [text for text in expected if text not in row] == []


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(figures: dict[str, Any]) -> str:
    return " to ".join(_percent(end) for end in figures["accuracy_interval"])


def test_results_match_the_metrics_of_the_mood_models(root: Path):
    readme = (root / "docs" / "results.md").read_text(encoding="utf-8")
    row = r"^\| `([a-z_]+)`[^|]*\| ([0-9.]+) % ± ([0-9.]+) \| ([0-9.]+) % \|$"
    told = re.findall(row, readme.replace("**", ""), re.MULTILINE)
    assert len(told) == 3
    for name, accuracy, spread, macro_f1 in told:
        figures = json.loads((root / "models" / "music" / name / "metrics.json").read_text(encoding="utf-8"))
        found = (figures["accuracy"]["mean"], figures["accuracy"]["std"], figures["macro_f1"])
        assert tuple(f"{100 * figure:.1f}" for figure in found) == (accuracy, spread, macro_f1), name


def test_results_match_the_metrics_of_other_libraries(root: Path):
    table = (root / "docs" / "results.md").read_text(encoding="utf-8").partition("| library |")[2].partition("\n\n")[0]
    told = {row.split("`")[1]: row.split(" | ")[1:] for row in table.splitlines()[2:]}
    figures = json.loads((root / "docs" / "libraries.json").read_text(encoding="utf-8"))

    def words(of: dict | None) -> str:
        return f"{100 * of['accuracy']:.1f} / {100 * of['macro_recall']:.1f}" if of else "-"

    found: dict[str, list[str]] = {}
    for pictures in figures.values():
        for name, of in pictures.items():
            cells = [str(of["missed"]), words(of["as_it_answers"]), words(of["adjusted_in_folds"])]
            found[name] = found.get(name, []) + cells
    assert len(found) == 6
    assert {name: [cell.strip(" |") for cell in cells] for name, cells in told.items()} == found


SPEED = re.compile(r"^\| ([^|]+) \| ([0-9.]+) (ms|s|/s|MB|x|faces) \| ([0-9.]+)[^|]* \| `([a-z-]+)` \|$", re.MULTILINE)


def timings_of(root: Path, name: str) -> dict[str, dict]:
    """Timings of a `make bench` report by step."""
    report = json.loads((root / "docs" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    return {timing["step"]: timing for timing in report["timings"]}


def test_benchmarks_match_the_reports(root: Path):
    readme = (root / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = readme.partition("| step |")[2].partition("\n\n")[0]
    told = SPEED.findall(table)
    assert len(told) == len(table.splitlines()) - 2 >= 10
    for step, median, unit, p95, name in told:
        timing = timings_of(root, name)[step]
        assert (median, unit, p95) == (f"{timing['median']:.3g}", timing["unit"], f"{timing['p95']:.3g}"), step
    each = timings_of(root, "one-core")["read 8 faces in one call"]["median"] / 8
    assert f"{each:.1f} ms a face" in readme
    app = json.loads((root / "docs" / "benchmarks" / "app.json").read_text(encoding="utf-8"))
    first = statistics.median(app["seconds from the server's start to the first result"])
    assert f"{first:.1f} s after the server's start" in readme
    assert f"{app['MB after ten photos']} MB after ten" in readme
    assert f"{app['MB after ten concurrent visitors']} MB after ten visitors" in readme
    assert (
        f"`analyze` takes {app['a cold analyze, seconds']} s and at most {app['a cold analyze, peak MB']} MB" in readme
    )
    alone = f"{app['import tensorflow, seconds']} s and {app['import tensorflow, peak MB']} MB"
    assert f"`import tensorflow` alone takes {alone}" in readme


FILM_STEPS = ("film speed", "mean number of faces in a reading")


def test_the_readme_is_short_and_its_figures_match_the_metrics(root: Path):
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 120
    metrics = read_metrics(model_folder(DEFAULT_MODEL))
    for figures in (metrics["ferplus"]["test"], read_metrics(model_folder("emonet"))["test"]):
        assert f"{_percent(figures['accuracy'])} % ({_interval(figures)})" in readme
    libraries = json.loads((root / "docs" / "libraries.json").read_text(encoding="utf-8"))["as they are"]
    for name in ("emomusic", "fer-haar", "human"):
        assert f"{_percent(libraries[name]['as_it_answers']['accuracy'])} %" in readme, name
    wild = metrics["wild"]
    assert f"{100 * wild['accuracy']:.1f} %, mean recall {100 * wild['macro_recall']:.1f} %" in readme
    mood = json.loads((root / "models" / "music" / "ensemble" / "metrics.json").read_text(encoding="utf-8"))["accuracy"]
    assert f"{100 * mood['mean']:.1f} % ± {100 * mood['std']:.1f}" in readme
    film = timings_of(root, "film").items()
    (ours, found), (theirs, found_by_fer) = (
        [next(timing["median"] for step, timing in film if step.startswith(f"{kind}, {who}")) for kind in FILM_STEPS]
        for who in ("4 faces", "fer")
    )
    assert f"| {ours:.1f} times real time, {found:g} faces found |" in readme
    assert f"| `fer` {theirs:.1f} times real time, {found_by_fer:.1f} faces |" in readme
    app = json.loads((root / "docs" / "benchmarks" / "app.json").read_text(encoding="utf-8"))
    first = statistics.median(app["seconds from the server's start to the first result"])
    assert f"| {first:.1f} s |" in readme
    batch = {step.partition(",")[0]: timing["median"] for step, timing in timings_of(root, "batch").items()}
    assert f"{batch['batch']:.1f} pictures per second | `analyze` {batch['analyze']:.1f} per second" in readme
    assert f"| {app['MB after ten photos']} MB |" in readme


def test_relative_links_of_documents_exist(root: Path):
    documents = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]
    texts = {path: path.read_text(encoding="utf-8") for path in documents}
    links = [(path, link) for path, text in texts.items() for link in re.findall(r"\]\(([^)#]+)\)", text)]
    assert len(links) > 15
    assert [(path.name, link) for path, link in links if "://" not in link and not (path.parent / link).exists()] == []


def report_of(root: Path, name: str) -> dict[str, Any]:
    """A report in docs/benchmarks."""
    report: dict[str, Any] = json.loads((root / "docs" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    return report


def test_the_capacity_matches_the_load_reports(root: Path):
    text = " ".join((root / "docs" / "deployment.md").read_text(encoding="utf-8").split())
    steady, full, over, one, scaling, failover = (
        report_of(root, f"load-{name}")
        for name in ("steady", "limit", "overload", "one-replica", "scaling", "failover")
    )
    waits = {step["came"]: step["answers"]["p95_s"] for step in full["steps"]}
    one_waits = {step["came"]: step["answers"]["p95_s"] for step in one["steps"]}
    ratios = scaling["answers_per_s compared with one replica on one core"]
    expected = [f"| {visitors} | {waits[visitors]:.1f} s |" for visitors in (20, 40, 50)]
    crowded = sorted(step["answers"]["p95_s"] for step in full["steps"] if step["refused"])
    expected += [f"95 % of the answers took {crowded[0]:.1f} to {crowded[-1]:.1f} s"]
    expected += [f"{steady['answers']['count']:,} answers without an error, 95 % of them within"]
    expected += [f"within {steady['answers']['p95_s']:.1f} s (`load-steady.json`)"]
    expected += [f"{VISITORS_PER_CORE} visitors. Of {full['steps'][-1]['came']}, the app refused {full['refused']},"]
    expected += [f"who learned it within {full['refusals']['max_s']:.1f} s"]
    expected += [f"take up to {over['largest 95th percentile of a step, seconds']:.1f} s"]
    expected += [f"newcomer {over['seconds until this answer']:.1f} s after the load"]
    expected += [f"60 visitors waited {one_waits[60]:.1f} s and 70 waited {one_waits[70]:.1f} s"]
    expected += [f"gave {ratios['2 replicas on one core each']:.2f} times the answers of one"]
    expected += [f"on two cores {ratios['one replica on 2 cores']:.2f} times"]
    expected += [f"its {failover['visitors who lost their replica']} visitors were back"]
    expected += [f"back within {failover['reconnections']['max_s']:.1f} s"]
    assert [each for each in expected if each not in text] == []
    assert [each["errors"] for each in (steady, full, over, failover)] == [{}] * 4
    assert over["refused"] > 0
    assert over["replicas still running"] == 2
    assert over["answers a newcomer after the load"]


def test_the_estimates_match_the_plan(root: Path):
    text = (root / "docs" / "deployment.md").read_text(encoding="utf-8")
    live = report_of(root, "live-sessions")
    rows = [
        f"| {row['sessions']} | {row['frames_per_second_of_the_slowest']:.0f} "
        f"| {row['readings_per_second_of_the_slowest']:.0f} | {row['lag_ms']} ms "
        f"| {row['mbit_per_s_up_and_down']:.1f} Mbit/s |"
        for row in live["rows"][:3]
    ]
    assert live["sessions_served_well"] == LIVE_PER_CORE * live["cores"]
    rows += [
        f"| {each.visitors:,} | {each.live:,} | {each.replicas} ({each.cores:,} cores) | {each.memory_gb} GB "
        f"| {each.turn_mbit_per_s:,} Mbit/s |"
        for each in plans()
    ]
    assert [row for row in rows if row not in text] == []


def test_the_check_of_batches_found_equal_rows(root: Path):
    report, text = report_of(root, "batch-check"), (root / "docs" / "batch.md").read_text(encoding="utf-8")
    assert f"Ctrl+C, which took {report['seconds from Ctrl+C to the end']:.1f} s" in text
    batch = {step.partition(", 2")[0]: timing["median"] for step, timing in timings_of(root, "batch").items()}
    assert f"{batch['batch']:.1f} per second, {batch['batch as against analyze']:.2f} times the rate" in text
    early, late = (batch[f"mean memory of batch, all processes, {when}"] for when in ("early", "late"))
    assert f"held {early:,.0f} MB early in the run and {late:,.0f} MB late" in text
    assert report["equal rows"] is True
    assert report["seconds from Ctrl+C to the end"] <= 2
    assert {(run["pictures"], run["failed"]) for run in report["runs"].values()} == {(2000, 20)}
