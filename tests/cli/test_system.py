"""`emomusic app`: how it starts the server, and what it refuses; what `bench` measures, and in which units."""

import json
import os
import sys
from pathlib import Path

import pytest

from emomusic import assets
from emomusic.cli import main, system
from tests.films import NOBODY, write_film
from tests.servers import reserved_port


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
    assert main.main(["bench", "film", str(tmp_path / "clip.mp4"), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert "processor" in report["machine"]
    assert "film speed" in report["timings"][0]["step"]
    assert {timing["unit"] for timing in report["timings"]} <= {"x", "ms", "faces", "MB"}
    assert all(timing["runs"] == 4 and "160x120" in timing["step"] for timing in report["timings"])  # its key frames
