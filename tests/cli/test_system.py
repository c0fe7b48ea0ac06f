"""`emomusic app`: how it starts the server, and what it refuses."""

import os
import sys
from pathlib import Path

import pytest

from emomusic.cli import main, system
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


def test_without_the_extra_it_says_what_to_install(
    started: list[list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(system, "_version_of", lambda _: None)
    for command, is_wheel, advice in (
        ("app", True, "'emomusic[app]'"),
        ("app", False, "-r requirements-serve.txt"),
        ("batch x.jpg --out OUT --engine ray", False, "-r requirements-cluster.txt"),
    ):
        monkeypatch.setattr(system, "IS_WHEEL", is_wheel)
        assert main.main(command.split()) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert f"Run: pip install {advice}" in err
        assert (started, list(tmp_path.iterdir())) == ([], [])
