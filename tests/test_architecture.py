"""The import rule of the design, read from the source; and what must stay light, measured in a fresh interpreter."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Who may import whom. A name stands for itself and all below it; a layer may always import itself.
GROUND = {"emomusic.errors", "emomusic.affect", "emomusic.words"}
BASE = GROUND | {
    "emomusic.compat",
    "emomusic.assets",
    "emomusic.downloads",
    "emomusic.evaluation",
    "emomusic.connections",
    "emomusic.reported",
    "emomusic.spreadsheet",
}
WINGS = {"emomusic.face", "emomusic.music"}
TOGETHER = {
    "emomusic.report",
    "emomusic.overview",
    "emomusic.diagnosis",
    "emomusic.findings",
    "emomusic.doctor",
    "emomusic.bench",
}  # where the wings meet, for screen and command
LIBRARY = BASE | WINGS | TOGETHER | {"emomusic.plots", "emomusic.api", "emomusic"}
MAY_IMPORT = {
    "emomusic.errors": set(),
    "emomusic.affect": set(),
    "emomusic.words": set(),
    # emomusic/__init__.py alone; it imports the API for type checkers, and by name where it is used
    "emomusic": GROUND | {"emomusic.api"},
    "emomusic.assets": GROUND,
    "emomusic.compat": GROUND,
    "emomusic.downloads": GROUND | {"emomusic.assets"},
    "emomusic.evaluation": GROUND,
    "emomusic.connections": GROUND,
    "emomusic.reported": set(),
    "emomusic.spreadsheet": set(),
    "emomusic.face": BASE,
    "emomusic.music": BASE,
    "emomusic.plots": BASE | WINGS,
    "emomusic.api": BASE | WINGS | {"emomusic.plots"},
    **dict.fromkeys(TOGETHER, BASE | WINGS | {"emomusic"}),
    "emomusic.diagnosis": BASE | WINGS | {"emomusic.overview"},
    "emomusic.findings": BASE | WINGS | {"emomusic.overview", "emomusic.diagnosis"},
    "emomusic.bench_live": LIBRARY,  # times what is drawn, too
    "emomusic.ui": LIBRARY,
    "emomusic.commands": LIBRARY | {"emomusic.bench_live"},
    "emomusic.cli": LIBRARY | {"emomusic.commands"},
    "emomusic.__main__": {"emomusic.cli"},
    "app": LIBRARY | {"emomusic.ui"},
    "pages": LIBRARY | {"emomusic.ui"},
}
STREAMLIT_LAYERS = {"emomusic.ui", "emomusic.compat", "app", "pages"}

# Training, exporting, and Grad-CAM, which runs in a process of its own
MAY_LOAD_TENSORFLOW = {
    f"emomusic.face.{name}"
    for name in (
        *("_tensorflow", "checkpoint", "export", "fused", "grad_cam", "networks", "sharpness", "start_weights"),
        *("classifier", "trained", "training"),  # classifier and trained: for a Keras model that they are given
    )
}
TRAINING_LIBRARIES = {"tensorflow", "keras", "mtcnn", "tf2onnx"}
CATCH_ALLS = {"utils", "util", "helpers", "common", "misc"}


def source_files(root: Path) -> list[Path]:
    """Everything that ships as code: the package, the app and its pages."""
    return sorted([*(root / "emomusic").rglob("*.py"), *root.glob("app.py"), *(root / "pages").rglob("*.py")])


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def layer_of(module: str) -> str | None:
    """The row of `MAY_IMPORT` that a module belongs to; None for one that no row names, and for other people's code."""
    names = (module.rsplit(".", up)[0] for up in range(module.count(".") + 1))
    return next((name for name in names if name in MAY_IMPORT and (name != "emomusic" or module == "emomusic")), None)


def imports_of(path: Path, root: Path, modules: set[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of every module imported in a file, at any depth."""
    module = module_name(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
            if name.split(".")[0] in TRAINING_LIBRARIES and module_name(path, root) not in MAY_LOAD_TENSORFLOW:
                broken.append(f"{where}:{line} imports {name}, which serving does without")
            if name.split(".")[0] not in ("emomusic", "app", "pages"):
                continue
            if (target := layer_of(name)) in ("app", "pages"):
                broken.append(f"{where}:{line} imports {name}: scripts are never imported")
            elif target != layer and target not in MAY_IMPORT[layer]:
                broken.append(f"{where}:{line} imports {name}, which {layer} may not")
    return broken


def test_imports_go_one_way(root: Path):
    assert source_files(root)
    assert broken_rules(root) == []


@pytest.mark.parametrize(
    ("file", "source", "sentence"),
    [
        (
            "emomusic/affect.py",
            "from emomusic.assets import data_dir",
            "imports emomusic.assets, which emomusic.affect",
        ),
        ("emomusic/evaluation.py", "import emomusic.assets", "imports emomusic.assets, which emomusic.evaluation"),
        ("emomusic/face/reading.py", "from emomusic.music.mood import M", "imports emomusic.music.mood, which"),
        ("emomusic/face/reading.py", "from ..music import mood", "imports emomusic.music.mood, which emomusic.face"),
        ("emomusic/music/mood.py", "from emomusic import face", "imports emomusic.face, which emomusic.music may not"),
        (
            "emomusic/music/mood.py",
            "def f():\n    import emomusic.plots.music",
            "mood.py:2 imports emomusic.plots.music",
        ),
        ("emomusic/plots/face.py", "from emomusic.ui import state", "imports emomusic.ui.state, which emomusic.plots"),
        ("emomusic/plots/face.py", "import streamlit as st", "imports Streamlit"),
        ("emomusic/cli.py", "from streamlit.web import cli", "imports Streamlit"),
        ("emomusic/cli.py", "from emomusic import ui", "imports emomusic.ui, which emomusic.cli may not"),
        ("emomusic/ui/state.py", "from emomusic.cli import main", "imports emomusic.cli, which emomusic.ui may not"),
        ("emomusic/ui/state.py", "import pages.photo", "imports pages.photo: scripts are never imported"),
        ("pages/photo.py", "from emomusic.cli import main", "imports emomusic.cli, which pages may not"),
        ("emomusic/__init__.py", "from emomusic.face import images", "imports emomusic.face, which emomusic may not"),
        ("emomusic/face/reading.py", "import keras", "imports keras, which serving does without"),
        ("pages/photo.py", "def f():\n    import tensorflow as tf", "photo.py:2 imports tensorflow, which serving"),
        ("emomusic/utils.py", "", "is a catch-all"),
        ("emomusic/player.py", "", "belongs to no layer"),
    ],
)
def test_a_broken_rule_is_found(tmp_path: Path, file: str, source: str, sentence: str):
    for name in ("face/__init__", "music/mood", "plots/music", "ui/__init__", "ui/state", "cli", "assets", "__init__"):
        path = tmp_path / "emomusic" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert broken_rules(tmp_path) == []
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    assert any(sentence in rule for rule in broken_rules(tmp_path))


def test_what_the_design_allows_is_not_found(tmp_path: Path):
    allowed = {
        "emomusic/__init__.py": "from emomusic.affect import Mood",
        "emomusic/affect.py": "import numpy as np",
        "emomusic/face/reading.py": "from emomusic import affect, evaluation\nfrom . import images",
        "emomusic/face/images.py": "import cv2",
        "emomusic/evaluation.py": "from emomusic.errors import EmomusicError",
        "emomusic/plots/face.py": "from emomusic.face.reading import Reading\nfrom emomusic.music import mood",
        "emomusic/ui/__init__.py": "import streamlit as st\nfrom emomusic.plots import face",
        "emomusic/cli.py": "from emomusic import __version__",
        "emomusic/__main__.py": "from emomusic.cli import main",
        "pages/photo.py": "from emomusic import ui\nfrom emomusic.face.reading import read_faces",
        "app.py": "import streamlit as st\nfrom emomusic import ui",
    }
    for name, source in allowed.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    assert broken_rules(tmp_path) == []


def run_python(code: str, root: Path) -> object:
    """What a fresh interpreter prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def loaded_after(code: str, root: Path) -> set[str]:
    """Top-level names in `sys.modules` after `code` ran in a fresh interpreter."""
    names = run_python(
        f"{code}\nimport json, sys\nprint(json.dumps([name.split('.')[0] for name in sys.modules]))", root
    )
    assert isinstance(names, list)
    return set(names)


HEAVY = {
    "tensorflow",
    "keras",
    "mtcnn",
    "cv2",
    "streamlit",
    "streamlit_webrtc",
    "aiortc",
    "av",
    "spotipy",
    "pandas",
    "sklearn",
    "scipy",
}


def test_importing_the_library_loads_nothing_heavy(root: Path):
    assert loaded_after("import emomusic", root) & HEAVY == set()


def test_typed_names_are_found_without_loading_what_they_use(root: Path):
    assert loaded_after("import emomusic; dir(emomusic); emomusic.Emotion", root) & HEAVY == set()


def test_importing_the_library_costs_little_beside_numpy(root: Path):
    code = "import time, numpy; start = time.process_time(); import emomusic; print(time.process_time() - start)"
    seconds = min(float(str(run_python(code, root))) for _ in range(3))
    assert seconds < 0.1  # CPU time, so that a busy machine does not count; numpy itself takes the other 0.1 s


@pytest.mark.parametrize("package", ["music", "plots"])
def test_no_module_of_the_music_wing_or_the_plots_loads_tensorflow(root: Path, package: str):
    modules = [module_name(path, root) for path in sorted((root / "emomusic" / package).rglob("*.py"))]
    assert modules
    loaded = loaded_after("\n".join(f"import {module}" for module in modules), root)
    assert "emomusic" in loaded
    assert loaded & {"tensorflow", "keras", "mtcnn", "streamlit"} == set()


def test_a_page_shows_its_title_before_anything_heavy_is_loaded(root: Path):
    loaded = loaded_after("from emomusic import ui\nui.enter_app()\nui.require_app()\nui.shown_errors()", root)
    assert loaded & HEAVY == {"streamlit"}


def test_listing_the_models_and_the_commands_help_load_nothing_heavy(root: Path):
    code = (
        "from emomusic import cli, overview as o\ncli._parser()\nassert all(o.read_records(wing)[0] for wing in o.Wing)"
    )
    assert loaded_after(code, root) & HEAVY == set()


ANALYZE = """
import contextlib, io
from emomusic import cli
with contextlib.redirect_stdout(io.StringIO()) as answer:
    assert cli.main(["analyze", "data/samples/four-people.jpg", "--json"]) == 0
assert '"title"' in answer.getvalue()
"""
APP = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=120)
app.query_params["sample"] = "four-people"
app.run()
assert not app.exception and app.session_state["reading"].reading.faces
for page in ("pages/gallery.py", "pages/live.py", "pages/music.py", "pages/models.py", "pages/how_it_works.py"):
    app.switch_page(page).run()
    assert not app.exception and not app.error
for step in ("proposals", "maps", "probabilities", "songs"):
    app.query_params["step"] = step
    app.run()
    assert not app.exception and not app.error
"""


def test_recommending_needs_no_scikit_learn(root: Path):
    assert "cv2" in (loaded := loaded_after(ANALYZE, root))
    assert loaded & (TRAINING_LIBRARIES | {"sklearn", "streamlit", "onnx"}) == set()


def test_the_app_loads_no_tensorflow(root: Path):
    assert "streamlit" in (loaded := loaded_after(APP, root))
    assert loaded & TRAINING_LIBRARIES == set()


def test_everything_that_pages_use_is_there(root: Path):
    from emomusic import ui

    assert all(callable(getattr(ui, name)) for name in ui.__all__)
    with pytest.raises(AttributeError, match="no_such_part"):
        ui.no_such_part  # noqa: B018


def test_a_heavy_import_is_seen(root: Path):
    assert "cv2" in loaded_after("import emomusic.face.images", root)
