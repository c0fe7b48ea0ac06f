import json
from pathlib import Path

import pytest

from emomusic.batch.parts import Dataset
from emomusic.batch.reader import UnitReader
from emomusic.media.images import encode_jpeg, read_image, shrink
from tests.batch.pictures import BROKEN, NUM_PICTURES, batch
from tests.films import SAMPLES


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 pictures, of which some are in a subfolder, and three broken files."""
    folder, samples = tmp_path_factory.mktemp("sources") / "pictures", sorted(SAMPLES.glob("*.jpg"))
    (folder / "more").mkdir(parents=True)
    for position in range(NUM_PICTURES):
        image = read_image(samples[position % len(samples)])
        parent = folder / "more" if position % 4 == 3 else folder
        (parent / f"{position:06d}.jpg").write_bytes(encode_jpeg(shrink(image, 220 - position)[0]))
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    return folder


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
    return UnitReader(Dataset(str(out)), "emonet_photo", None)
