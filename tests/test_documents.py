"""Documents name what exists; the code imports exactly the declared dependencies, and the lock files pin them."""

import ast
import re
import shlex
import sys
import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from emomusic.cli import system
from emomusic.compat import HOOKED
from emomusic.media.images import MAX_BYTES
from emomusic.server.film_job import MAX_MB
from emomusic.server.sessions import WHEN_GONE
from emomusic.songs.tables import MAX_UPLOAD_BYTES
from scripts import describe_commands
from tests.test_architecture import imports_of

_CODE = ("emomusic", "pages", "scripts", "deploy", "tests")
_TEXTS = {".py", ".js", ".toml", ".yml", ".yaml", ".json", ".md", ".j2", ""}
OURS = {"app", "emomusic", "pages", "scripts", "tests"}
ALIASES = {"tensorflow-cpu": "tensorflow"}
_distributions = cache(metadata.packages_distributions)


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


def test_decisions_name_what_exists_and_records_stay_short(root: Path):
    for name, most in (("docs/decisions.md", 350), ("CHANGELOG.md", 80)):
        assert len((root / name).read_text(encoding="utf-8").splitlines()) <= most
    text = re.sub(r"```.*?```", "", (root / "docs/decisions.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    names = set(re.findall(r"`([^`\n]+)`", text))
    assert len(names) > 40
    assert {name for name in names if name.removesuffix("/") not in code_of(root)} == set()


def test_the_page_of_commands_is_current_and_each_finding_has_its_line_and_version(root: Path):
    shown = (root / "docs/commands.md").read_text(encoding="utf-8")
    assert shown == describe_commands.page(), "run python -m scripts.describe_commands"
    for command in ("analyze", "library tag", "batch", "evaluate face", "train sound", "doctor"):
        assert f"\n## {command}" in shown
    page = (root / "docs/findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[.+\]\((findings/.+\.sh)\) \| ([\d.]+) \| .+ \| .+ \|$", page, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(f"findings/{p.name}" for p in (root / "docs/findings").iterdir())
    assert len(rows) >= 20
    for name, version in rows:
        assert f"=={version}" in (root / "docs" / name).read_text(encoding="utf-8")


def test_the_list_of_slow_paths_has_each_file_with_slow_tests(root: Path):
    (listed,) = re.findall(
        r"^slow=\((.*?)^\)", (root / ".ci/run").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    paths = [
        path for path in (root / "tests").rglob("test_*.py") if "pytest.mark.slow" in path.read_text(encoding="utf-8")
    ]
    names = {path.relative_to(root).as_posix() for path in paths} - {"tests/test_documents.py"}
    assert len(names) > 9
    found = {name for name in names for way in shlex.split(listed) if fnmatch(name, way) or name.startswith(f"{way}/")}
    assert names == found


@cache
def requirements(root: Path) -> dict[str, list[Requirement]]:
    """Declared requirements by extra; "" is the key of the base dependencies."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(text) for text in texts] for extra, texts in declared.items()}


def declared(root: Path, *extras: str) -> set[str]:
    return {canonicalize_name(each.name) for extra in extras for each in requirements(root)[extra]} - {"emomusic"}


def packages_of(module: str) -> set[str]:
    """Distributions of a module; the module name if it is not installed."""
    names = {canonicalize_name(name) for name in _distributions().get(module, [module])}
    return {ALIASES.get(name, name) for name in names}


def undeclared(root: Path, folders: list[str], extras: list[str]) -> list[str]:
    allowed = declared(root, *extras)
    paths = [path for folder in folders for path in (sorted((root / folder).rglob("*.py")) or [root / folder])]
    names = [path.relative_to(root).as_posix() for path in paths]
    return [
        f"{name} imports {module}"
        for name, path in zip(names, paths, strict=True)
        for module in sorted({each.partition(".")[0] for _, each in imports_of(path, root, set())})
        if module not in sys.stdlib_module_names | OURS and not packages_of(module) & allowed
    ]


def test_shipped_code_imports_only_user_dependencies_and_other_code_those_of_developers(root: Path):
    assert undeclared(root, ["emomusic", "pages", "app.py"], ["", "app", "cluster", "train"]) == []
    assert undeclared(root, ["scripts", "tests", "hatch_build.py"], ["", "app", "cluster", "train", "dev"]) == []


def test_libraries_with_private_hooks_have_an_upper_bound_and_doctor_checks_all(root: Path):
    declared_ones = [each for group in requirements(root).values() for each in group]
    for library in HOOKED:
        (requirement,) = {str(each): each for each in declared_ones if each.name == library}.values()
        installed = Version(metadata.version(library))
        assert installed in requirement.specifier
        (bound,) = [Version(part.version) for part in requirement.specifier if part.operator == "<"]
        assert bound in [Version(f"{installed.major}.{installed.minor + 1}"), Version(f"{installed.major + 1}")]
    for extra in ("", "app", "cluster", "train"):
        names = {ALIASES.get(name, name) for name in declared(root, extra)}
        transitive = {"aiortc"}  # from streamlit-webrtc
        assert set(system.PACKAGES[extra]) - transitive == names


def test_streamlit_accepts_the_largest_upload_forgets_as_pages_say_and_starts_without_a_prompt(root: Path):
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] * 2**20 == max(MAX_BYTES, MAX_UPLOAD_BYTES, MAX_MB * 2**20)
    assert config["runner"] == {"fastReruns": False, "postScriptGC": False}
    assert config["server"]["disconnectedSessionTTL"] / 2 == 180
    assert "three minutes" in WHEN_GONE
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False


_FILE = re.compile(r"[\w./-]+\.(?:py|js|css|toml|md|j2|html|json)")
_NAME = re.compile(r"[a-z_]+(?:\.\w+)+")
_OF_OTHERS = {".streamlit/secrets.toml", "server.disconnectedSessionTTL"}  # of the user, and of Streamlit


def texts_of(path: Path) -> list[str]:
    """The comments, docstrings and texts on attributes of a module, without what names a commit."""
    content = path.read_text(encoding="utf-8")
    nodes = [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Constant)]
    texts = [node.value for node in nodes if isinstance(node.value, str) and "\n" in node.value]
    return [*texts, *(line.partition("#")[2] for line in content.splitlines())]


def is_there(name: str, root: Path, paths: set[str]) -> bool:
    """Whether a file, or a module of the project with a name in it, exists."""
    if _FILE.fullmatch(name):
        return any(path.endswith(name) for path in paths)
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = root.joinpath("emomusic", *parts[:length])
        if module.is_dir() and length == len(parts):
            return True
        if (file := module.with_suffix(".py")).exists():
            text = file.read_text(encoding="utf-8")
            return all(re.search(rf"\b{part}\b", text) for part in parts[length : length + 1])
    return False


def test_docstrings_and_comments_name_modules_and_files_that_exist(root: Path):
    ours = {path.stem for path in (root / "emomusic").iterdir()} - {"compat"}
    skipped = {".venv", ".git", "node_modules"}
    paths = {str(path.relative_to(root)) for path in root.rglob("*") if skipped.isdisjoint(path.parts)}
    absent, num_names = set(), 0
    for path in (root / "emomusic").rglob("*.py"):
        for text in texts_of(path):
            for name in re.findall(r"`([^`\n]+)`(?! of commit)", text):
                is_ours = _FILE.fullmatch(name) or (_NAME.fullmatch(name) and name.partition(".")[0] in ours)
                num_names += bool(is_ours)
                if is_ours and name not in _OF_OTHERS and not is_there(name, root, paths):
                    absent.add((path.name, name))
    assert num_names > 60
    assert absent == set()
