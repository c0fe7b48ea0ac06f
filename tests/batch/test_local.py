"""The local engine: crashes, errors and Ctrl+C, with real processes."""

import multiprocessing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emomusic.batch.local import run_local
from emomusic.batch.parts import Dataset
from emomusic.batch.reader import Unit, UnitReader
from emomusic.batch.sources import find_items
from emomusic.batch.storage import BatchError
from tests.batch.pictures import BROKEN, CrashingReader, DyingReader, KilledReader, make_folder, parts_of, rows_of


def run(units: list[Unit], out: Path, kind: type[UnitReader] = UnitReader) -> list[int]:
    numbers: list[int] = []
    load = partial(kind, "emonet_photo", str(out), 4.0)
    run_local(units, load, Dataset(str(out)), workers=2, on_read=numbers.append)
    return numbers


def units_of(*sources: Path, size: int = 4) -> list[Unit]:
    items = find_items([str(source) for source in sources])
    return [Unit(start + 1, tuple(items[start : start + size])) for start in range(0, len(items), size)]


@pytest.fixture(autouse=True)
def _no_process_stays() -> Any:
    yield
    assert multiprocessing.active_children() == []


def test_a_picture_that_kills_its_worker_becomes_a_row(tmp_path: Path, out: Path):
    folder = make_folder(tmp_path / "pictures", 6)
    (folder / "crash.jpg").write_bytes((folder / "000000.jpg").read_bytes())
    numbers = run(units_of(folder, size=6), out, CrashingReader)
    rows = {Path(row["picture"]).name: row for row in rows_of(out, "pictures")}
    assert len(rows) == sum(numbers) == 6 + len(BROKEN) + 1
    assert {name for name, row in rows.items() if row["error"] is not None} == {*BROKEN, "crash.jpg"}
    assert len(parts_of(out)["pictures"]) == sum(number > 0 for number in numbers)
    assert parts_of(out)["faces"] == parts_of(out)["pictures"]


def test_a_killed_worker_loses_nothing(pictures: Path, out: Path):
    run(units_of(pictures, size=3), out, KilledReader)
    assert Path(f"{out}.killed").exists()
    rows = rows_of(out, "pictures")
    assert len(rows) == 15
    assert sum(row["error"] is not None for row in rows) == len(BROKEN)
    assert Dataset(str(out)).scan()[0] == {row["picture"] for row in rows}


def test_a_worker_that_cannot_load_is_an_error(pictures: Path, out: Path):
    with pytest.raises(BatchError):
        run(units_of(pictures), out, DyingReader)
