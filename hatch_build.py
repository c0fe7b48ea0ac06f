"""Build hook that adds the app, data and models to the wheel, in `emomusic/bundle/`.

An editable install adds nothing: the package then reads `data/` and `models/` of the checkout (`emomusic.assets`).
"""

from __future__ import annotations

import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = "emomusic/bundle"
CHECKSUMS = "SHA256SUMS"

EXCLUDED = (
    "*/model.keras",  # only training reads it
    "*/model.skops",  # as this
    "models/start/*",  # as this
    "models/face/cnn_paper/*",  # the two networks of a study would add a third to the wheel
    "models/face/cnn_improved/*",
)
"""Patterns of files in SHA256SUMS that the wheel excludes."""

TEXTS = ("LICENSE", "*.csv", "*.json", "*.md")
"""Patterns of the files without a checksum in the same folders."""

ONLY_TEXTS = ("models/place/people",)
"""Folders without files that have checksums."""


def bundled_files(root: Path) -> tuple[list[str], list[str]]:
    """Choose the files for the wheel's bundle.

    Returns:
        Their paths relative to `root`, and their lines of SHA256SUMS.

    Raises:
        FileNotFoundError: a file is missing.
    """
    lines = [
        line
        for line in (root / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        if not any(fnmatch(line.split()[1], pattern) for pattern in EXCLUDED)
    ]
    paths = [line.split()[1] for line in lines]
    folders = {*ONLY_TEXTS, *(path.rpartition("/")[0] for path in paths)}
    patterns = [f"{folder}/{text}" for folder in folders for text in TEXTS]
    for pattern in (*patterns, "pages/*.py"):
        paths += [path.relative_to(root).as_posix() for path in root.glob(pattern)]
    paths += ["app.py", ".streamlit/config.toml", "data/icon.png", "data/logo.png"]
    if absent := [path for path in paths if not (root / path).is_file()]:
        raise FileNotFoundError(f"expected {', '.join(absent)} in {root}. Received: no such file. Restore it from Git")
    return sorted(paths), lines


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the bundled files and their checksums to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Register the files for a standard wheel; `version` is "standard" or "editable"."""
        if version != "standard":
            return
        root = Path(self.root)
        paths, lines = bundled_files(root)
        self._folder = tempfile.TemporaryDirectory()
        sums = Path(self._folder.name) / CHECKSUMS
        sums.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        build_data["force_include"] |= {str(root / path): f"{BUNDLE}/{path}" for path in paths}
        build_data["force_include"][str(sums)] = f"{BUNDLE}/{CHECKSUMS}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Delete the temporary checksum file."""
        if version == "standard":
            self._folder.cleanup()
