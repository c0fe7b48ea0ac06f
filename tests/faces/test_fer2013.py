from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError
from emomusic.faces import fer2013 as ferplus
from emomusic.faces.fer2013 import LabelledFaces, Split, read_fer2013
from emomusic.metrics import FOUR, SEVEN, in_classes

Table = list[list[str]]
USAGES = ["Training"] * 28 + ["PublicTest"] * 6 + ["PrivateTest"] * 6
TWIN, ORIGINAL = 36, 5  # this row of PrivateTest has the picture of this row of Training
_WHOLE = ferplus.VOTES.read_bytes()


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


def test_rows_go_to_their_splits_duplicates_are_marked_and_errors_name_a_line(table: Table, tmp_path: Path) -> None:
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
    for row, column, value, message in (
        (1, 0, "7", r"line 2: expected an emotion from 0 to 6, .* Received: '7'"),
        (40, 2, "Test", r"line 41: expected .* a Usage of Training, PublicTest, PrivateTest. Received: 'Test'"),
        (17, 1, "0 " * 2303, r"line 18: expected .* 2304 pixels .* Received: .*2303"),
        (17, 1, "0 " * 2303 + "256", r"line 18: expected .* pixels from 0 to 255 .*Received: '256'"),
    ):
        wrong = [list(cells) for cells in table]
        wrong[row][column] = value
        with pytest.raises(DatasetError, match=f"fer2013.csv, {message}") as caught:
            read_fer2013(write(tmp_path, wrong))
        assert len(str(caught.value)) < 300


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)


def test_votes_find_their_picture_and_others_have_none(images: np.ndarray, write_votes: Callable[..., None]) -> None:
    counts = np.random.default_rng(1).integers(1, 9, (6, len(EMOTIONS)))
    write_votes(images, counts)
    shares = ferplus.vote_shares(images[::-1])
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares, (counts / counts.sum(axis=1, keepdims=True))[::-1], atol=1e-6)
    counts = np.ones((5, len(EMOTIONS)))
    counts[2] = 0  # all ten saw contempt, or no face
    write_votes(images[:5], counts)
    np.testing.assert_allclose(ferplus.vote_shares(images).sum(axis=1), [1, 1, 0, 1, 1, 0], atol=1e-6)
    labels = np.full(6, 4, np.uint8)
    faces = LabelledFaces(images, labels, np.zeros(6, np.bool_))
    np.testing.assert_array_equal(ferplus.seen_emotions(faces, Split.TRAIN), [0, 0, 4, 0, 0, 4])


def test_single_votes_and_unknown_faces_give_no_majority() -> None:
    counts = ({"happy": 4, "neutral": 3, "sad": 1, "fear": 1, "angry": 1}, {"unknown": 7, "neutral": 3})
    votes = np.array([[row.get(name, 0) for name in ferplus.COLUMNS] for row in counts], np.uint8)
    assert ferplus.majority(votes).tolist() == [ferplus.COLUMNS.index("happy"), ferplus.NO_MAJORITY]


@pytest.mark.parametrize("classes", [SEVEN, FOUR], ids=["seven", "four"])
def test_contempt_counts_as_wrong_and_pictures_without_a_majority_do_not_count(
    classes: tuple[str, ...], images: np.ndarray, write_votes: Callable[..., None]
) -> None:
    counts = np.zeros((6, 8), np.uint8)
    for row, name in enumerate(("happy", "happy", "sad", "neutral", "contempt")):
        counts[row, ferplus.COLUMNS.index(name)] = 8
    counts[5, :2] = 5  # no majority
    write_votes(images, counts)
    answers = in_classes(np.array([3, 3, 4, 4, 6, 0]), classes)  # one of the four emotions is wrong
    found = ferplus.evaluate_on_votes(images, Split.TEST, answers, classes)
    assert (found["n"], found["contempt"], found["accuracy"]) == (5, 1, 3 / 5)
    assert found["per_class"]["contempt"]["recall"] == 0
    inner = found["seven" if classes == SEVEN else "four"]
    assert (inner["n"], inner["accuracy"], found["four_class_accuracy"]) == (4, 3 / 4, 3 / found["n"])
    assert ferplus.evaluate_on_votes(images[::-1] ^ 255, Split.TEST, answers, classes) is None


def test_a_damaged_or_absent_file_is_told(images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (None, _WHOLE[:5000] + bytes(100) + _WHOLE[5100:]):
        if content is not None:
            (tmp_path / "votes.npz").write_bytes(content)
        monkeypatch.setattr(ferplus, "VOTES", tmp_path / "votes.npz")
        with pytest.raises(DatasetError, match=r"expected the votes of FER\+ in .*votes\.npz"):
            ferplus.vote_shares(images)
