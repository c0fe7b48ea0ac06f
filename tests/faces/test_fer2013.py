from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emomusic.errors import DatasetError
from emomusic.faces.fer2013 import Split, read_fer2013

Table = list[list[str]]
USAGES = ["Training"] * 28 + ["PublicTest"] * 6 + ["PrivateTest"] * 6
TWIN, ORIGINAL = 36, 5  # this row of PrivateTest has the picture of this row of Training


@pytest.fixture
def table() -> Table:
    """Forty rows of all usages and labels. One picture is in PrivateTest and in Training, with two labels."""
    images = np.random.default_rng(0).integers(0, 256, (len(USAGES), 48 * 48))
    rows = [[str(i % 7), " ".join(map(str, images[i])), usage] for i, usage in enumerate(USAGES)]
    rows[TWIN][1] = rows[ORIGINAL][1]
    return [["emotion", "pixels", "Usage"], *rows]


def write(folder: Path, table: Table) -> Path:
    path = folder / "fer2013.csv"
    pd.DataFrame(table).to_csv(path, header=False, index=False)
    return path


def test_rows_go_to_their_splits_and_duplicates_are_marked(table: Table, tmp_path: Path) -> None:
    dataset = read_fer2013(write(tmp_path, table))
    assert {split: len(faces) for split, faces in dataset.items()} == {"train": 28, "validation": 6, "test": 6}
    for split, start in ((Split.TRAIN, 0), (Split.VALIDATION, 28), (Split.TEST, 34)):
        faces = dataset[split]
        assert faces.images.shape == (len(faces), 48, 48)
        assert (faces.images.dtype, faces.labels.dtype, faces.in_training.dtype) == (np.uint8, np.uint8, np.bool_)
        assert faces.labels.tolist() == [(start + i) % 7 for i in range(len(faces))]
        assert " ".join(map(str, faces.images[1].ravel())) == table[1 + start + 1][1]
    assert np.flatnonzero(dataset[Split.TEST].in_training).tolist() == [TWIN - 34]
    assert not dataset[Split.VALIDATION].in_training.any()
    assert dataset[Split.TRAIN].in_training.all()


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (1, 0, "7", r"line 2: expected an emotion from 0 to 6, .* Received: '7'"),
        (40, 2, "Test", r"line 41: expected .* a Usage of Training, PublicTest, PrivateTest. Received: 'Test'"),
        (17, 1, "0 " * 2303, r"line 18: expected .* 2304 pixels .* Received: .*2303"),
        (17, 1, "0 " * 2303 + "256", r"line 18: expected .* pixels from 0 to 255 .*Received: '256'"),
    ],
)
def test_the_error_names_the_line_of_an_invalid_cell(
    table: Table, tmp_path: Path, row: int, column: int, value: str, message: str
) -> None:
    table[row][column] = value
    with pytest.raises(DatasetError, match=f"fer2013.csv, {message}") as caught:
        read_fer2013(write(tmp_path, table))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"expected to read .*fer2013\.csv\. Received: No such file"),
        (b"emotion,pixels,Usage\n", r"expected pictures of the train split .* in .*fer2013.csv. Received: none"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "fer2013.csv, after line 0: expected CSV text. Received: .*can't decode"),
    ],
    ids=["absent", "header only", "picture"],
)
def test_another_file_is_refused_with_a_printable_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "fer2013.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_fer2013(path)
    assert str(caught.value).isprintable()
