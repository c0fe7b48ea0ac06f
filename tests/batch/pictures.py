"""Small pictures made from the samples, and runs of the command with readers that crash, for the tests of the batch."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emomusic.batch import reader as units
from emomusic.batch.reader import Unit, UnitReader
from emomusic.cli import main as cli

NUM_PICTURES = 12
BROKEN = {"text.jpg": b"This is no picture.", "empty.jpg": b"", "cut.jpg": b"\xff\xd8\xff\xe0 cut off"}


def answer_of(*arguments: str | Path) -> tuple[Any, int]:
    """The answer of a command and its exit status. Without an answer, it is empty."""
    with contextlib.redirect_stdout(io.StringIO()) as answer:
        status = cli.main([*map(str, arguments), "--json"])
    return json.loads(answer.getvalue() or "{}"), status


batch = partial(answer_of, "batch")


def rows_of(out: Path, dataset: str) -> list[dict[str, Any]]:
    """The rows of a dataset, sorted."""
    rows = pq.read_table(out / dataset).to_pylist()
    return sorted(rows, key=lambda row: (row["picture"], row.get("time_s") or 0, row.get("face") or 0))


def parts_of(out: Path) -> dict[str, list[str]]:
    """The names of the parts of both datasets."""
    return {name: sorted(path.name for path in (out / name).glob("*.parquet")) for name in ("faces", "pictures")}


def assert_same_results(out: Path, results: Path) -> None:
    """Both folders have the same rows and the same summary of them."""
    for dataset in ("faces", "pictures"):
        assert rows_of(out, dataset) == rows_of(results, dataset)
    assert parts_of(out)["faces"] == parts_of(out)["pictures"]
    found, expected = (json.loads((each / "summary.json").read_text(encoding="utf-8")) for each in (out, results))
    for name in ("pictures", "faces", "failed", "reasons", "emotions"):
        assert found[name] == expected[name]


class CrashingReader(UnitReader):
    """A reader that a picture with "crash" in its name stops, as a fault of a decoder would."""

    def read(self, unit: Unit) -> int:
        if any("crash" in item.name for item in unit.items):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().read(unit)


class KilledReader(UnitReader):
    """A reader whose process is killed once, as by a machine without memory."""

    def read(self, unit: Unit) -> int:
        mark = Path(f"{self._dataset.name}.killed")
        if unit.number > 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(unit)


class PausingReader(UnitReader):
    """A reader that reads the first unit and waits in the others."""

    def read(self, unit: Unit) -> int:
        if unit.number > 1:
            threading.Event().wait()
        return super().read(unit)


class DyingReader(UnitReader):
    """A reader whose process dies while it loads the networks."""

    def __init__(self, *_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class BuggyReader(UnitReader):
    """A reader with a bug."""

    def read(self, unit: Unit) -> int:
        raise KeyError("no such name")


def main(reader: str, *arguments: str) -> int:
    """Run the command with small units and another reader. Ray leaves open files and processes to its end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the shell of the tests may ignore it
    units.MIN_PICTURES, units.UnitReader = 8, globals()[reader]  # type: ignore[misc]
    return cli.main(arguments)


def run(*arguments: str | Path, engine: str = "local", reader: str = "UnitReader") -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    script = "import sys; from tests.batch.pictures import main; sys.exit(main(*sys.argv[1:]))"
    command = [sys.executable, "-c", script, reader, "batch", *map(str, arguments), "--engine", engine, "--json"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def descendants(pid: int) -> list[int]:
    """The processes below a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found
