"""The Python and the commands of README and docs: they are taken from the documents and run, or read by the parser."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from emomusic.cli import main
from tests.films import SAMPLES

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_RUN = ("analyze", "recommend", "models")


def blocks_of(root: Path, language: str) -> list[tuple[str, str]]:
    """The blocks of code in a language, with the name of their document."""
    paths = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    found = [(path.name, block) for path in paths for block in _BLOCK.findall(path.read_text(encoding="utf-8"))]
    return [(name, text) for name, (kind, text) in found if kind == language]


def commands_of(root: Path) -> list[list[str]]:
    """The arguments of each `emomusic` command in the documents."""
    found = []
    for _, text in blocks_of(root, "bash"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["emomusic"]:
                found.append(words[1:])
            elif words[:3] == ["python", "-m", "emomusic"]:
                found.append(words[3:])
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a photo."""
    shutil.copy(SAMPLES / "grace-hopper-1984.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_python_of_readme_and_guide_runs(root: Path):
    blocks = [text for name, text in blocks_of(root, "python") if name in ("README.md", "guide.md")]
    assert len(blocks) >= 2
    for text in blocks:
        names: dict[str, object] = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(text, "<example>", "exec"), names)
        assert len(printed.getvalue().splitlines()) > 3
        assert "reading" in names


@pytest.mark.usefixtures("folder")
def test_commands_of_the_documents_are_read_by_the_parser_and_those_for_photos_run(root: Path):
    commands = commands_of(root)
    assert len(commands) > 6
    for words in commands:
        assert main.build_parser().parse_known_args(words)[1] == [], words
        if words[0] not in _RUN:
            continue
        with contextlib.redirect_stdout(io.StringIO()) as answer:
            assert main.main([*words, *["--json"] * ("--json" not in words)]) == 0, words
        assert isinstance(json.loads(answer.getvalue()), list), words


def test_the_readme_is_short_and_its_links_lead_to_files(root: Path):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert len(links) > 10
    assert [link for link in links if not (root / link).exists()] == []
