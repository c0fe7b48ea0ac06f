import json
from pathlib import Path

import pytest

from emomusic.batch.reader import UnitReader
from tests.batch.pictures import batch, make_folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 pictures and three broken files."""
    return make_folder(tmp_path_factory.mktemp("sources") / "pictures")


@pytest.fixture(scope="session")
def results(pictures: Path) -> Path:
    """The results of an uninterrupted run."""
    out = pictures.parent / "results"
    answer, status = batch(pictures, "--out", out)
    assert status == 2
    assert answer == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for results that does not exist yet."""
    return tmp_path / "out"


@pytest.fixture
def reader(out: Path) -> UnitReader:
    return UnitReader("emonet_photo", str(out), 4.0)
