import json
from collections.abc import Callable
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
