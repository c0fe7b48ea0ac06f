"""What the wheel holds beside the package: everything that the app and the command need, in `emomusic/bundle/`.

An editable install holds none of it: the package then finds `data/` and `models/` beside itself (`emomusic.assets`).
"""

from __future__ import annotations

import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = "emomusic/bundle"
CHECKSUMS = "SHA256SUMS"

LEFT_OUT = (
    "*/model.keras",  # only training and Grad-CAM read it
    "models/start/*",  # only training reads these two
    "data/ferplus/*",
    "models/face/cnn_paper/*",  # its network takes 10 MB: with it the wheel has 44 MB, and 40 MB is the limit
    "models/face/emonet_first/*",  # steps on the way to emonet
    "models/face/emonet_second/*",
    "models/face/emonet_third/*",
)
"""Patterns of files in the list of checksums that the wheel does not hold."""

BESIDE = {
    "data/catalogue": ("LICENSE", "SOURCE.md"),
    "data/samples": ("SOURCES.md",),
    "models/detector": ("LICENSE",),
    "models/face/*": ("spec.json", "metrics.json", "history.csv", "CARD.md"),
    "models/music/*": ("spec.json", "metrics.json", "CARD.md"),
}
"""Names of the files without a checksum that belong to each folder."""


def bundled_files(root: Path) -> tuple[list[str], list[str]]:
    """Choose the files that the wheel holds beside the package.

    Returns:
        Their paths from the root of the checkout, and their lines of the list of checksums.

    Raises:
        FileNotFoundError: one is absent.
    """
    lines = [
        line
        for line in (root / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        if not any(fnmatch(line.split()[1], pattern) for pattern in LEFT_OUT)
    ]
    paths = [line.split()[1] for line in lines]
    for folder in {path.rpartition("/")[0] for path in paths}:
        paths += [f"{folder}/{name}" for pattern, names in BESIDE.items() if fnmatch(folder, pattern) for name in names]
    paths += ["app.py", ".streamlit/config.toml", "data/icon.png"]
    paths += [path.relative_to(root).as_posix() for path in root.glob("pages/*.py")]
    if absent := [path for path in paths if not (root / path).is_file()]:
        raise FileNotFoundError(f"expected {', '.join(absent)} in {root}. Received: no such file. Restore the files")
    return sorted(paths), lines


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the files to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; `version` is "standard" or "editable"."""
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
        """Delete the list of checksums, which the wheel has now."""
        if version == "standard":
            self._folder.cleanup()
