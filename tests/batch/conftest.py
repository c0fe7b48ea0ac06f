from pathlib import Path

import pytest

from emomusic.batch.reader import UnitReader
from tests.batch.pictures import make_folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 pictures and three broken files."""
    return make_folder(tmp_path_factory.mktemp("sources") / "pictures", 12)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for results that does not exist yet."""
    return tmp_path / "out"


@pytest.fixture
def reader(out: Path) -> UnitReader:
    return UnitReader("emonet_photo", str(out), 4.0)
