"""Documents that name parts of the repository: the parts exist, and the pages stay short."""

import re
from functools import cache
from pathlib import Path

import pytest

from scripts import describe_commands

_CODE = ("emomusic", "pages", "scripts", "deploy", "tests")
_TEXTS = {".py", ".js", ".toml", ".yml", ".yaml", ".json", ".md", ".j2", ""}


@cache
def code_of(root: Path) -> str:
    """The text of the code and the settings, and the paths of all files in it."""
    files = [path for folder in _CODE for path in (root / folder).rglob("*") if path.is_file()]
    files += [root / name for name in ("app.py", "Makefile", "pyproject.toml", ".streamlit/config.toml")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in _TEXTS]
    paths = [
        str(path.relative_to(root)) for path in [*files, *(root / "docs").rglob("*"), *(root / "models").rglob("*")]
    ]
    return "\n".join([*texts, *paths])


def names_in(text: str) -> set[str]:
    """What stands in back quotes, outside of blocks of code."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


def test_decisions_name_what_exists(root: Path):
    names = names_in((root / "docs/decisions.md").read_text(encoding="utf-8"))
    assert len(names) > 40
    assert {name for name in names if name.removesuffix("/") not in code_of(root)} == set()


@pytest.mark.parametrize(("name", "most"), [("docs/decisions.md", 350), ("CHANGELOG.md", 80)])
def test_records_stay_short(root: Path, name: str, most: int) -> None:
    assert len((root / name).read_text(encoding="utf-8").splitlines()) <= most


def test_each_finding_has_its_line_with_the_version_that_it_installs(root: Path):
    page = (root / "docs/findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[.+\]\((findings/.+\.sh)\) \| ([\d.]+) \| .+ \| .+ \|$", page, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(f"findings/{p.name}" for p in (root / "docs/findings").iterdir())
    assert len(rows) >= 20
    for name, version in rows:
        assert f"=={version}" in (root / "docs" / name).read_text(encoding="utf-8")


def test_the_page_of_commands_is_current(root: Path):
    shown = (root / "docs/commands.md").read_text(encoding="utf-8")
    assert shown == describe_commands.page(), "run python -m scripts.describe_commands"
    for command in ("analyze", "library tag", "batch", "evaluate face", "train sound", "doctor"):
        assert f"\n## {command}" in shown
