"""The import rule of the design, read from the source; and what must stay light, measured in a fresh interpreter."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.waiting import run_python

# Which layer may import which. A name stands for the module and everything below it; a layer may import itself.
GROUND = {"emomusic.errors", "emomusic.affect", "emomusic.colours", "emomusic.text"}
_BASE = "assets calibration compat metrics records runtime workers"
BASE = GROUND | {f"emomusic.{name}" for name in _BASE.split()}
DOMAINS = {f"emomusic.{name}" for name in ("media", "faces", "stream", "songs")}
RESULTS = BASE | DOMAINS | {"emomusic.results", "emomusic.export"}
LIBRARY = RESULTS | {"emomusic.charts", "emomusic.marks", "emomusic.answer", "emomusic.api", "emomusic"}
PAGES = ("photo", "live", "film", "music", "models", "how_it_works")
MAY_IMPORT = {
    **{name: set() for name in GROUND},
    "emomusic.colours": {"emomusic.affect"},
    "emomusic": GROUND | {"emomusic.api"},  # emomusic/__init__.py
    **{f"emomusic.{name}": GROUND for name in ["assets", "compat", "metrics", "runtime", "workers"]},
    "emomusic.records": GROUND | {"emomusic.assets", "emomusic.metrics"},
    "emomusic.calibration": GROUND | {"emomusic.metrics"},
    "emomusic.media": BASE,
    "emomusic.faces": BASE | {"emomusic.media"},
    "emomusic.songs": BASE | {"emomusic.media"},
    "emomusic.stream": BASE | {"emomusic.media", "emomusic.faces"},
    "emomusic.training": BASE | {"emomusic.media", "emomusic.faces"},
    **{f"emomusic.{name}": BASE | DOMAINS for name in ("results", "export", "marks")},
    "emomusic.batch": BASE | DOMAINS | {"emomusic.results", "emomusic.export"},
    "emomusic.charts": RESULTS | {"emomusic.marks"},
    "emomusic.answer": RESULTS | {"emomusic.marks"},
    "emomusic.api": RESULTS | {"emomusic.marks"},
    "emomusic.server": LIBRARY,
    "emomusic.app": LIBRARY | {"emomusic.server"},
    **{f"emomusic.app.{page}": LIBRARY | {"emomusic.server", "emomusic.app"} for page in PAGES},
    "emomusic.cli": LIBRARY | {"emomusic.training", "emomusic.batch"},
    "emomusic.__main__": {"emomusic.cli"},
    "app": {"emomusic.app", "emomusic.server"},
    "pages": {"emomusic.app"},
}
STREAMLIT_LAYERS = {"emomusic.app", "emomusic.server", *(f"emomusic.app.{page}" for page in PAGES)}
STREAMLIT_LAYERS |= {"app", "pages", "emomusic.compat"}
TENSORFLOW_LAYERS = {"emomusic.training"}
TRAINING_LIBRARIES = {"tensorflow", "keras", "mtcnn", "tf2onnx"}
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
CATCH_ALLS = {"utils", "util", "helpers", "common", "misc"}
MOST_LINES, MOST_FUNCTION_LINES = 450, 60  # ruff limits the complexity of functions


def source_files(root: Path) -> list[Path]:
    """Everything that ships as code: the package, the app and its pages."""
    return sorted([*(root / "emomusic").rglob("*.py"), *root.glob("app.py"), *(root / "pages").rglob("*.py")])


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """All statements of a file, at any depth; without their expressions, of which there are ten times as many."""
    found: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    for node in found:
        found += [each for each in ast.iter_child_nodes(node) if isinstance(each, _STATEMENTS)]
    return found


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def layer_of(module: str) -> str | None:
    """The row of `MAY_IMPORT` that a module belongs to; None for a module without a row and for other packages."""
    names = (module.rsplit(".", up)[0] for up in range(module.count(".") + 1))
    alone = {"emomusic"}  # its row covers no modules below it
    return next((name for name in names if name in MAY_IMPORT and (name not in alone or module == name)), None)


def imports_of(path: Path, root: Path, modules: set[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of every module imported in a file, at any depth."""
    module = module_name(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -(node.level - 1) or None] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            # `from emomusic import affect` imports the module; `from emomusic.affect import Mood` what it holds.
            names = (f"{source}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name if name in modules else source) for name in names)


def broken_rules(root: Path) -> list[str]:
    """Every place where the code under `root` leaves the rules of the design, as a sentence."""
    files = source_files(root)
    modules = {module_name(path, root) for path in files}
    broken = []
    for path in files:
        where, layer = path.relative_to(root), layer_of(module_name(path, root))
        if path.stem in CATCH_ALLS:
            broken.append(f"{where} is a catch-all: a helper lives with its subject")
        if layer is None:
            broken.append(f"{where} belongs to no layer of the design")
            continue
        for line, name in imports_of(path, root, modules):
            if name.split(".")[0] == "streamlit" and layer not in STREAMLIT_LAYERS:
                broken.append(f"{where}:{line} imports Streamlit")
            if name.split(".")[0] in TRAINING_LIBRARIES and layer not in TENSORFLOW_LAYERS:
                broken.append(f"{where}:{line} imports {name}, which only training may")
            if name.split(".")[0] not in ("emomusic", "app", "pages"):
                continue
            packages = {name.rsplit(".", up)[0] for up in range(name.count("."))}  # without "emomusic" for others
            if (target := layer_of(name)) in ("app", "pages"):
                broken.append(f"{where}:{line} imports {name}: scripts are never imported")
            elif target != layer and not {name, *packages} & MAY_IMPORT[layer]:
                broken.append(f"{where}:{line} imports {name}, which {layer} may not")
    return broken


def import_cycles(root: Path) -> list[list[str]]:
    """A cycle of modules that import each other, at any depth of the code. Imports for type checkers do not count."""
    files = source_files(root)
    modules = {module_name(path, root): path for path in files}
    graph = {}
    for module, path in modules.items():
        hidden = {
            line
            for node in nodes_of(path)
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        found = {name for line, name in imports_of(path, root, set(modules)) if line not in hidden}
        graph[module] = found & set(modules) - {module}
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def test_files_and_functions_are_short(root: Path):
    paths = [*source_files(root), *(root / "scripts").glob("*.py"), *(root / "tests").rglob("*.py")]
    found = set()
    for path in paths:
        if path.read_text(encoding="utf-8").count("\n") > MOST_LINES:
            found.add(str(path.relative_to(root)))
        functions = (node for node in nodes_of(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        found |= {each.name for each in functions if (each.end_lineno or 0) - each.lineno >= MOST_FUNCTION_LINES}
    assert found == set()


def test_imports_go_one_way_and_no_modules_import_each_other(root: Path):
    assert source_files(root)
    assert broken_rules(root) == []
    assert import_cycles(root) == []


def loaded_after(*steps: str) -> list[set[str]]:
    """Top-level names in `sys.modules` after each of these steps in one fresh interpreter."""
    note = "\nimport json, sys\nprint(json.dumps([name.split('.')[0] for name in sys.modules]))\n"
    code = note.join([*steps, ""])
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


HEAVY = {
    *("tensorflow", "keras", "mtcnn", "cv2", "streamlit", "streamlit_webrtc", "aiortc", "av", "spotipy", "requests"),
    *("pandas", "sklearn", "scipy"),
}
LIST = """
from emomusic.assets import ModelKind
from emomusic.cli import main
from emomusic.results.overview import read_records
main.build_parser()
assert all(read_records(kind)[0] for kind in ModelKind)
"""
ANALYZE = """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as answer:
    assert main.main(["analyze", "data/samples/four-people.jpg", "--json"]) == 0
assert '"title"' in answer.getvalue()
"""
SONGS = """
import contextlib, io, tempfile
from pathlib import Path
import numpy as np
from emomusic.cli import main
from emomusic.songs.recommend import load_recommender
from emomusic.songs.stored_moods import predict_moods
table = str(Path(tempfile.mkdtemp(), "songs.csv"))
load_recommender().catalogue.table.head(5).to_csv(table, index=False)
songs = load_recommender().catalogue
assert predict_moods(songs, np.arange(len(songs)) < 5).shape == (5, 4)
commands = (["recommend", "--emotion", "happy"], ["table", table], ["analyze", "data/songs/a-new-journey.mp3"])
for command in commands:
    with contextlib.redirect_stdout(io.StringIO()):
        assert main.main([*command, "--json"]) == 0
"""


def test_songs_and_the_app_load_no_library_of_training(root: Path):
    pages = "\n".join(f"import {module_name(path, root)}" for path in sorted((root / "emomusic/app").rglob("*.py")))
    steps = ("import emomusic; dir(emomusic); emomusic.recommend_songs", SONGS, pages, "import emomusic.server.asgi")
    for loaded in loaded_after(*steps):
        assert loaded & (TRAINING_LIBRARIES | {"sklearn", "skops", "joblib", "threadpoolctl"}) == set()


def test_each_step_page_and_server_loads_only_what_it_needs(root: Path):
    def importing(*packages: str) -> str:
        paths = [path for package in packages for path in sorted((root / "emomusic" / package).rglob("*.py"))]
        assert len(paths) > len(packages)
        return "\n".join(f"import {module_name(path, root)}" for path in paths if path.stem != "ray")

    packages = importing("media", "faces", "stream", "songs", "results", "charts", "marks")
    steps = ("import emomusic; dir(emomusic); emomusic.Emotion", LIST, importing("batch"), ANALYZE, packages)
    library, models_and_help, batch, answer, all_packages = loaded_after(*steps)
    assert (library | models_and_help) & HEAVY == set()
    assert "pyarrow" in batch
    assert batch & {"ray", "av", "pandas", "sklearn"} == set()
    assert "cv2" in answer
    assert answer & (TRAINING_LIBRARIES | {"sklearn", "streamlit", "onnx", "rapidfuzz"}) == set()
    assert "plotly" in all_packages
    assert all_packages & {"tensorflow", "keras", "mtcnn", "streamlit"} == set()
    title = 'from emomusic.app import frame as f; f.require_server(); f.open_page("photo"); f.shown_errors()'
    page, server = loaded_after(title, "import emomusic.server.asgi")
    assert page & HEAVY == {"streamlit"}
    assert server & {"pandas", "pyarrow", "sklearn"} == set()
