"""The command line's contract: JSON alone on stdout, one line on stderr, exit status 0, 2 or 1."""

import io
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emomusic import assets
from emomusic.assets import DOWNLOADS
from emomusic.cli import main, models, system
from emomusic.media.images import encode_png
from emomusic.songs import training
from emomusic.songs.recommend import load_recommender
from scripts import bench
from tests.cli.conftest import Run
from tests.films import COLLINS, FOUR_PEOPLE, NOBODY, SAMPLES, write_film
from tests.servers import reserved_port
from tests.songs.tables import mood_table
from tests.tiny_model import stripes, write_fer2013
from tests.waiting import run_python


def test_what_is_no_picture_or_has_no_face_stops_none_also_after_an_option(run: Run, tmp_path: Path):
    (tmp_path / "letter.jpg").write_text("Dear reader")
    Image.new("RGB", (320, 240), "steelblue").save(tmp_path / "sky.png")
    status, (empty,), _ = run("analyze", tmp_path / "sky.png")
    assert (status, empty["faces"], empty["group"], empty["songs"]) == (0, [], None, [])
    status, (bad, good), err = run("analyze", tmp_path / "letter.jpg", SAMPLES / COLLINS)
    assert status == 2
    assert set(bad) == {"image", "error"}
    assert "not a picture" in bad["error"]
    assert len(good["faces"]) == 1
    assert "Traceback" not in err
    status, records, _ = run("analyze", "HTTPS://a.b/c.jpg", "data:image/png;base64,AA", "-", tmp_path)
    assert status == 2
    assert ["save" in record["error"] for record in records] == [True, True, True, False]
    assert "emomusic batch" in records[-1]["error"]
    status, records, err = run("analyze", "a/x.jpg", "--songs", "3", "b/x.jpg")
    assert (status, [record["image"] for record in records]) == (2, ["a/x.jpg", "b/x.jpg"])
    assert [name in line for name, line in zip(("a/x.jpg", "b/x.jpg"), err.splitlines(), strict=True)] == [True, True]
    status, answer, err = run("analyze", "a.jpg", "--songs", "3", "b.jpg", "--nosuch")
    assert (status, answer) == (2, None)
    assert err == "emomusic: unrecognized arguments: b.jpg --nosuch (see emomusic --help)\n"


def test_a_name_breaks_no_line_terminal_or_answer(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(tmp_path / "two\nlines\x1b[31m\u202fé.jpg")
    status, (record,), err = run("analyze", name)
    assert (status, record["image"]) == (2, name)
    assert len(err.splitlines()) == 1
    assert r"two\nlines\x1b[31m" in err
    assert not any(letter in err for letter in "\x1b\r")
    foreign = tmp_path / os.fsdecode(b"caf\xe9.jpg")  # no text in any encoding
    for path in (name, foreign):
        Path(path).write_bytes(encode_png(np.zeros((64, 64, 3), np.uint8)))
    strict = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict")  # as under most languages
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", strict)
        assert main.main(["analyze", name, str(foreign)]) == 0
    first, _, second, *_ = strict.buffer.getvalue().decode().splitlines()
    assert first == rf"{tmp_path}/two\nlines\x1b[31m" + "\u202fé.jpg: 0 faces"
    assert second == rf"{tmp_path}/caf\udce9.jpg: 0 faces"
    assert run("analyze", "a.jpg", "--model", "\x1b[31m")[2].count("\x1b") == 0


def test_marked_pictures_have_short_names_and_may_fail(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = Path.write_bytes, list[Path]()

    def full(self: Path, data: bytes) -> int:
        written.append(self)
        if len(written) == 1:
            write(self, data[:100])
            raise OSError(28, "No space left on device")
        return write(self, data)

    longest = tmp_path / ("é" * 125 + ".jpg")  # 254 bytes
    shutil.copy(SAMPLES / FOUR_PEOPLE, longest)
    monkeypatch.setattr(Path, "write_bytes", full)
    out = tmp_path / "out"
    status, records, err = run("analyze", SAMPLES / COLLINS, longest, "--annotate", out)
    assert status == 2
    assert [len(record["faces"]) for record in records] == [1, 4]
    assert not any("error" in record for record in records)
    (written,) = out.iterdir()
    assert written.name.startswith("002-é")
    with Image.open(written) as picture:
        assert picture.size == (records[1]["width"], records[1]["height"])
    assert "001-eileen-collins-1999.png. Received: No space left on device" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), ""),
        (("recommend", "--valence", "0.5"), ""),
        (("analyze", "absent.jpg", "--model", "nosuch"), ""),
        (("analyze", "absent.jpg", "--annotate", "/dev/null/folder"), ""),
        (("evaluate", "face", "--fer2013", "absent.csv", "--split", "test", "--aligned"), ""),
        (("evaluate", "face", "--images", "absent", "--posed", "--record"), ""),
        (("train", "face", "--network", "nosuch", "--fer2013", "absent.csv"), ""),
        (("analyze", "a.mp4", "--rate", "0"), "argument --rate: expected a number from 0.1 to 30. Received: 0"),
        (("recommend", "--seed", "many"), "argument --seed: expected a whole number from 0 to 4,294,967,295"),
        (("recommend", "--valence", "-0,6"), "argument --valence: expected a number from -1 to 1. Received: -0,6 (see"),
        (("recommend", "--emotion", "sad", "--genres", "jazz", "Hip Hopp"), "hip-hop"),
        *(
            (("recommend", "--emotion", "sad", *options), "")
            for options in (
                ("--out", "x"),
                *(("--like", f"~{title}") for title in ("How I Miss You~", "long " * 60)),
                ("--same-mood",),
                ("--format", "nsp"),
                ("--format", "m3u8", "--out", "."),
                ("--source", "bundled", "--library", "a.sqlite"),
                ("--policy", "soothe", "--to", "happy"),
                *(("--policy", "journey", "--to", place) for place in ("nowhere", "0.4,1.2")),
            )
        ),
        (("bench", "--record"), "--record with models. Received: photo"),
        *((("library", action, "absent"), "") for action in ("add", "remove", "update")),
        (("library", "list", "--library", ""), ""),
        (("batch", "x.jpg", "--out", "OUT", "--model", "unknown"), ""),
        (("batch", "x.jpg", "--out", "OUT", "--ray-address", "auto"), ""),
        (("batch", "x.jpg", "--out", "nonsense://OUT"), ""),
    ],
    ids=lambda value: (" ".join(value)[:80] or "nothing") if isinstance(value, tuple) else "",
)
def test_what_the_user_must_mend_is_one_line_and_status_2_and_nothing_is_written(
    run: Run, arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOMUSIC_LIBRARY", str(tmp_path / "library.sqlite"))
    status, answer, err = run(*arguments)
    assert (status, answer) == (2, None)
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    assert " value: " not in err  # with the name of one of our functions before it
    assert message in err
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_fault_of_ours_is_no_users_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise FileNotFoundError(2, "No such file or directory", "of-ours")

    monkeypatch.setitem(models.COMMANDS, "models", (fail, print))
    with pytest.raises(FileNotFoundError):
        run("models")


def test_an_answer_that_cannot_be_written_is_one_line_and_status_2() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    with Path("/dev/full").open("w") as full:
        done = run_python("-m", "emomusic", "data", "list", "--json", stdout=full)
    assert (done.returncode, done.stderr) == (2, "emomusic: No space left on device\n")


def test_options_decide_the_songs(run: Run) -> None:
    point = ("recommend", "--valence", "-5e-01", "--arousal", "6E-1", "--songs", "40")  # as Python writes numbers
    table = load_recommender().catalogue.table
    explicit = set(table["id"][table["explicit"]])
    answers = [run(*point, *options) for options in ((), (), ("--seed", "1"), ("--hide-explicit",))]
    _, songs, _ = run(*point, "--genres", "Opera, k-pop,", "soundtracks")  # genres, and a family
    assert all({"opera", "k-pop", "pop-film", "show-tunes", "disney"} & set(song["genres"]) for song in songs)
    assert [status for status, *_ in answers] == [0] * 4
    first, again, other, clean = ({song["id"] for song in songs} for _, songs, _ in answers)
    assert first == again != other
    assert len(clean) == 40
    assert explicit & (first | other)
    assert not explicit & clean


def test_data_check_finds_a_damaged_file(run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, records, _ = run("data", "check")
    assert (status, [record for record in records if record["problem"]]) == (0, [])
    shutil.copy(root / "SHA256SUMS", tmp_path)
    (tmp_path / "data" / "samples").mkdir(parents=True)
    (tmp_path / "data" / "samples" / "four-people.jpg").touch()
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    status, records, _ = run("data", "check")
    problems = {record["name"]: record["problem"] for record in records}
    assert status == 2
    assert "is damaged" in problems["samples"]
    assert "is absent" in problems["catalogue"]


def test_data_list_names_licences_and_says_how_what_is_absent_comes_back(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _, records, _ = run("data", "list")
    assert {"catalogue", "samples"} <= {record["name"] for record in records}
    assert all(record["licence"] and record["source"] and record["bytes"] > 0 for record in records)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path))
    assert main.main(["data", "list"]) == 0
    lines = {line.partition(":")[0]: line for line in capfd.readouterr().out.splitlines()}
    assert "(not here: restore the files)" in lines["catalogue"]
    assert {name for name, line in lines.items() if f"data get {name}" in line} == set(DOWNLOADS)


def test_doctor_tells_what_is_healthy_or_absent(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, report, _ = run("doctor")
    assert (status, report["healthy"]) == (0, True), report
    assert {"python", "packages", "bundled files", "face models", "music", "camera"} == {
        check["name"] for check in report["checks"]
    }
    packages = {"": ("numpy",), "app": ("streamlit", "no-such-package"), "train": ("no-such-framework", "keras")}
    monkeypatch.setattr(system, "PACKAGES", packages)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setattr("emomusic.faces.reading.load_networks", lambda **_: getattr(system, "no\nlayers"))
    status, report, err = run("doctor")
    bad = {check["name"]: check["detail"] for check in report["checks"] if not check["ok"]}
    assert (status, report["healthy"]) == (2, False)
    assert set(bad) == {"packages", "bundled files", "face models", "music"}
    assert "absent: no-such-package. Run: pip install -r requirements-serve.txt" in bad["packages"]
    assert "without the extra 'train'" in bad["packages"]  # serving does not need it
    assert "no-such-framework" not in bad["packages"]
    assert "Restore the file" in bad["bundled files"]
    assert bad["face models"].startswith("AttributeError: module 'emomusic.cli.system' has no attribute 'no")
    assert all(name in err.splitlines()[-1] for name in bad)


def test_evaluate_counts_a_picture_without_face_as_wrong(run: Run, tmp_path: Path):
    (tmp_path / "happy").mkdir()
    shutil.copy(SAMPLES / COLLINS, tmp_path / "happy")
    Image.new("RGB", (200, 200), "white").save(tmp_path / "happy" / "blank.png")
    for options, num_missed in (((), 1), (("--aligned",), 0)):
        status, figures, _ = run("evaluate", "face", "--images", tmp_path, *options)
        assert (status, figures["n"], figures["missed"]) == (0, 2, num_missed)
        assert np.shape(figures["confusion"]) == (7, 7)
        assert np.sum(figures["confusion"]) == 2 - num_missed
        assert figures["accuracy"] == figures["confusion"][3][3] / 2


def test_training_takes_the_options(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usages = ("Training", "PublicTest", "PrivateTest")
    fer2013 = write_fer2013(tmp_path / "fer2013.csv", dict.fromkeys(usages, stripes(7, seed=0)))
    calls: list[tuple[Path, str, bool]] = []

    def train(network: str, dataset: Any, out: Path, *, preset: str, resume: bool, **_: Any) -> dict[str, Any]:
        calls.append((out, preset, resume))
        return {}

    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (tmp_path / "SHA256SUMS").touch()
    monkeypatch.setitem(sys.modules, "emomusic.training.train", SimpleNamespace(train=train))  # loads TensorFlow
    command = ("train", "face", "--network", "tiny", "--fer2013", fer2013)
    folder, other = tmp_path / "models" / "face" / "tiny", tmp_path / "elsewhere"
    run(*command, "--preset", "smoke", "--resume")
    run(*command, "--out", other)
    assert calls == [(folder, "smoke", True), (other, "default", False)]


def test_a_mood_model_is_trained_and_judged_alike(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "NUM_REPEATS", 1)
    monkeypatch.setattr(training, "NUM_FOLDS", 2)
    mood_table(10).to_csv(tmp_path / "moods.csv", index=False)
    out = tmp_path / "models" / "mine"
    source = ("music", "--model", "logistic", "--data", tmp_path / "moods.csv")
    _, trained, _ = run("train", *source, "--out", out)
    assert trained == json.loads((out / "metrics.json").read_text())
    _, judged, _ = run("evaluate", *source)
    figures = ("accuracy", "confusion")
    assert judged["n"] == 40
    assert {name: judged[name] for name in figures} == {name: trained[name] for name in figures}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have taken the place of this process."""
    commands: list[list[str]] = []

    def note(path: str, command: list[str]) -> None:
        assert path == sys.executable
        commands.append(command)
        raise SystemExit

    monkeypatch.setattr(os, "execv", note)
    monkeypatch.setenv("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "auto")
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    return commands


def start(*arguments: str) -> None:
    with pytest.raises(SystemExit):
        main.main(["app", *arguments])


def test_the_app_starts_from_any_folder_at_the_port_and_address_asked_for_or_for_this_machine_alone(
    started: list[list[str]], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with reserved_port() as port:
        start()
        start("--port", str(port), "--address", "127.0.0.1")
        monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
        start("--port", str(port))
    assert [command[:6] for command in started] == 3 * [
        [sys.executable, "-P", "-m", "streamlit", "run", str(root / "app.py")]
    ]
    assert os.environ["STREAMLIT_SERVER_FILE_WATCHER_TYPE"] == "auto"
    assert [command[6:] for command in started] == [
        ["--server.address=localhost"],
        ["--server.address=127.0.0.1", f"--server.port={port}"],
        ["--server.address=0.0.0.0", f"--server.port={port}"],
    ]


def test_without_an_extra_or_a_checkout_it_says_what_to_install(
    started: list[list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(system, "_version_of", lambda _: None)
    for command, is_wheel, advice in (
        ("app", True, "Run: pip install 'emomusic[app]'"),
        ("app", False, "Run: pip install -r requirements-serve.txt"),
        ("batch x.jpg --out OUT --engine ray", False, "Run: pip install -r requirements-cluster.txt"),
        ("evaluate music --data moods.csv", False, "Run: pip install -r requirements.txt"),
        ("bench", True, "Clone the repository"),
    ):
        for module in (system, assets):
            monkeypatch.setattr(module, "IS_WHEEL", is_wheel)
        assert main.main(command.split()) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n"), advice in err) == ("", 1, True)
        assert (started, list(tmp_path.iterdir())) == ([], [])


def test_the_command_prints_what_the_script_measures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_film(tmp_path / "clip.mp4", [(NOBODY, 3)], size=(160, 120))
    with pytest.raises(SystemExit):
        bench.main(["music", "clip.mp4"])
    assert "expected a film only with live or film" in capfd.readouterr().err
    assert main.main(["bench", "film", str(tmp_path / "clip.mp4"), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert "processor" in report["machine"]
    assert "film speed" in report["timings"][0]["step"]
    assert {timing["unit"] for timing in report["timings"]} <= {"x", "ms", "faces", "MB"}
    assert all(timing["runs"] == 4 and "160x120" in timing["step"] for timing in report["timings"])  # its key frames
