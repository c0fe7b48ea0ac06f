"""Consistency of lock files, configuration and Makefile."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from emomusic.face.images import MAX_BYTES
from emomusic.music.catalogue_import import MAX_UPLOAD_BYTES
from emomusic.ui.core.frame import DARK_BUTTON
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


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB" (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    dark, bright = sorted([luminance(first), luminance(second)])
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_buttons_have_enough_contrast(config: dict[str, Any], theme: str):
    colours = config["theme"][theme]
    for foreground in ("primaryColor", "linkColor", "textColor"):
        for background in ("backgroundColor", "secondaryBackgroundColor"):
            assert contrast(colours[foreground], colours[background]) >= 4.5, (foreground, background)
    button = DARK_BUTTON if theme == "dark" else colours["primaryColor"]
    assert contrast(button, "#FFFFFF") >= 4.5
    assert contrast(button, colours["backgroundColor"]) >= 3


def test_training_without_the_dataset_names_the_missing_option(root: Path):
    done = subprocess.run(["make", "train", "FER2013="], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "FER2013=path/to/fer2013.csv" in done.stderr
