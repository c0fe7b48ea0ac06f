"""Consistency of lock files, configuration and Makefile."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from emomusic.face.images import MAX_BYTES
from emomusic.music.catalogue_import import MAX_UPLOAD_BYTES
from emomusic.ui.film.job import MAX_MB

PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([0-9][0-9a-z.]*)( ; .+)?")
ALL_LOCK = "requirements-dev.txt"


def normal_name(requirement: str) -> str:
    """The normalized name of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def pins_of(lock: Path) -> dict[str, str]:
    """Versions of a lock file by name, without markers."""
    matches = [PIN.fullmatch(line) for line in lock.read_text(encoding="utf-8").splitlines() if line[:1] not in " #"]
    return {match[1]: match[2] for match in matches if match}


def names_of(root: Path, *extras: str) -> set[str]:
    """Direct dependencies of the project and of extras."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(each for extra in extras for each in project["optional-dependencies"][extra]),
    ]
    return {normal_name(requirement) for requirement in declared} - {"emomusic"}


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.txt", ("app", "train")),
        ("requirements-serve.txt", ("app",)),
        (ALL_LOCK, ("app", "train", "dev")),
    ],
)
def test_a_lock_pins_every_dependency_in_one_version(root: Path, lock: str, extras: tuple[str, ...]):
    names = names_of(root, *extras)
    assert "streamlit" in names
    assert names - pins_of(root / lock).keys() == set()
    assert pins_of(root / lock).items() <= pins_of(root / ALL_LOCK).items()
    lines = (root / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.lstrip().startswith("#") and not PIN.fullmatch(line)] == []


def test_the_serving_lock_contains_no_training_libraries(root: Path):
    training = {"tensorflow", "tensorflow-cpu", "keras", "mtcnn", "h5py", "lz4", "tf2onnx"}
    assert pins_of(root / "requirements-serve.txt").keys() & training == set()


@pytest.fixture
def config(root: Path) -> dict[str, Any]:
    """Streamlit's settings."""
    return tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_streamlit_accepts_the_largest_upload_and_starts_without_a_prompt(config: dict[str, Any]):
    assert config["server"]["maxUploadSize"] * 2**20 == max(MAX_BYTES, MAX_UPLOAD_BYTES, MAX_MB * 2**20)
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False
