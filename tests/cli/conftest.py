import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emomusic.cli import main

Reply = tuple[int, Any, str]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Reply]:
    """Run a command with --json; gives the status, what stdout holds, parsed, and stderr."""

    def run_json(*arguments: str | Path) -> Reply:
        try:
            status = main.main([*map(str, arguments), "--json"])
        except SystemExit as exit_:  # argparse leaves this way
            status = int(exit_.code or 0)
        out, err = capfd.readouterr()  # with everything that native libraries print
        return status, json.loads(out) if out else None, err

    return run_json


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Let no file, also of what a command prints, grow beyond a number of bytes, as if the disk were full."""
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda num_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
