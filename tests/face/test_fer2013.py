import csv
import logging
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.assets import find_dataset
from emomusic.errors import DatasetError
from emomusic.face import fer2013
from emomusic.face.fer2013 import Fer2013, LabelledFaces, Split, read_fer2013, read_split

Table = list[list[str]]
USAGES = ["Training"] * 28 + ["PublicTest"] * 6 + ["PrivateTest"] * 6
TWIN, ORIGINAL = 36, 5  # this row of PrivateTest has the picture of this row of Training


def pixels_of(seed: int) -> str:
    return " ".join(map(str, np.random.default_rng(seed).integers(0, 256, 48 * 48)))


@pytest.fixture
def table() -> Table:
    """Forty rows of all usages and labels. One picture is in PrivateTest and in Training, with two labels."""
    rows = [[str(i % 7), pixels_of(i), usage] for i, usage in enumerate(USAGES)]
    rows[TWIN][1] = rows[ORIGINAL][1]
    return [["emotion", "pixels", "Usage"], *rows]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Table], Path]:
    def write(table: Table) -> Path:
        path = tmp_path / "fer2013.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        return path

    return write


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def assert_same(one: Fer2013, other: Fer2013) -> None:
    assert list(one.splits) == list(other.splits)
    for split, faces in one.splits.items():
        for part in ("images", "labels", "in_training"):
            left, right = getattr(faces, part), getattr(other.splits[split], part)
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


def test_every_row_goes_to_the_split_of_its_usage(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    dataset = read_fer2013(write(table), cache=cache)
    assert {split: len(faces) for split, faces in dataset.splits.items()} == {"train": 28, "validation": 6, "test": 6}
    for split, start in ((Split.TRAIN, 0), (Split.VALIDATION, 28), (Split.TEST, 34)):
        faces = dataset.split(split)
        assert faces.images.shape == (len(faces), 48, 48)
        assert (faces.images.dtype, faces.labels.dtype, faces.in_training.dtype) == (np.uint8, np.uint8, np.bool_)
        assert faces.labels.tolist() == [(start + i) % 7 for i in range(len(faces))]
        assert " ".join(map(str, faces.images[1].ravel())) == table[1 + start + 1][1]


@pytest.mark.parametrize("split", list(Split))
def test_read_split_equals_the_split_of_the_dataset(
    table: Table, write: Callable[[Table], Path], cache: Path, split: Split
) -> None:
    path = write(table)
    alone, faces = read_split(path, split), read_fer2013(path, cache=cache).split(split)
    np.testing.assert_array_equal(alone.images, faces.images)
    np.testing.assert_array_equal(alone.labels, faces.labels)


def test_read_split_ignores_the_pixels_of_other_splits(table: Table, write: Callable[[Table], Path]) -> None:
    table[1][1] = "no pixels"
    path = write(table)
    assert len(read_split(path, Split.TEST).labels) == 6
    with pytest.raises(DatasetError, match="line 2"):
        read_split(path, Split.TRAIN)
    with pytest.raises(DatasetError, match=r"expected pictures of the test split .*Received: none"):
        read_split(write(table[:10]), Split.TEST)


def test_a_duplicate_of_a_training_picture_is_marked(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    dataset = read_fer2013(write(table), cache=cache)
    assert np.flatnonzero(dataset.split(Split.TEST).in_training).tolist() == [TWIN - 34]
    assert not dataset.split(Split.VALIDATION).in_training.any()
    assert dataset.split(Split.TRAIN).in_training.all()


def test_column_order_spaces_blank_lines_and_byte_order_mark_are_accepted(
    table: Table, write: Callable[[Table], Path], cache: Path
) -> None:
    expected = read_fer2013(write(table), cache=cache)
    swapped = [[usage, label, pixels] for label, pixels, usage in table]
    swapped[0] = ["Usage", "emotion", " pixels"]  # Kaggle's second edition has the space
    path = write(swapped)
    path.write_text("\ufeff" + path.read_text(encoding="utf-8").replace("\n", "\n\n"), encoding="utf-8")
    assert_same(read_fer2013(path, cache=cache), expected)


def change(table: Table, row: int, column: int, value: str) -> Table:
    """The table with one cell changed; row 1 is the first below the header."""
    table[row][column] = value
    return table


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (1, 0, "7", r"line 2: expected an emotion from 0 to 6. Received: '7'"),
        (3, 0, "-1", r"line 4: expected an emotion from 0 to 6. Received: '-1'"),
        (3, 0, "happy", r"line 4: expected an emotion from 0 to 6. Received: 'happy'"),
        (3, 0, "", r"line 4: expected an emotion from 0 to 6. Received: ''"),
        (40, 2, "Test", r"line 41: expected a Usage of Training, PublicTest, PrivateTest. Received: 'Test'"),
        (17, 1, "0 " * 2303, r"line 18: expected 2304 pixels. Received: 2303"),
        (17, 1, "0 " * 2305, r"line 18: expected 2304 pixels. Received: 2305"),
        (17, 1, "", r"line 18: expected 2304 pixels. Received: 0"),
        (17, 1, "0 " * 2303 + "256", r"line 18: expected pixels from 0 to 255, .*Received: '256'"),
        (17, 1, "0 " * 2303 + "-1", r"line 18: expected pixels from 0 to 255, .*Received: '-1'"),
        (17, 1, "0 " * 2303 + "9" * 30, r"line 18: expected pixels from 0 to 255, .*Received: '9+'"),
        (17, 1, "abc " + "0 " * 2303, r"line 18: expected pixels from 0 to 255, .*Received: 'abc'"),
        (17, 1, "1.5 " * 2304, r"line 18: expected pixels from 0 to 255, .*Received: '1.5'"),
        (17, 1, "1_0 " * 2304, r"line 18: expected pixels from 0 to 255, .*Received: '1_0'"),
        (17, 1, "0," * 2304, r"line 18: expected pixels from 0 to 255, .*Received: '0,0,"),
    ],
)
def test_the_error_names_the_line_of_an_invalid_cell(
    table: Table, write: Callable[[Table], Path], cache: Path, row: int, column: int, value: str, message: str
) -> None:
    path = write(change(table, row, column, value))
    with pytest.raises(DatasetError, match=f"fer2013.csv, {message}") as caught:
        read_fer2013(path, cache=cache)
    assert len(str(caught.value)) < 300
    assert not list(cache.glob("*"))


def test_the_error_names_the_line_of_a_short_row(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    table[9] = table[9][:2]
    with pytest.raises(DatasetError, match="line 10: too few columns"):
        read_fer2013(write(table), cache=cache)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["emotion", "pixel", "Usage"], "Received: 'emotion, pixel, Usage', without pixels"),
        (["emotion", "pixels"], "Received: 'emotion, pixels', without Usage"),
        (["0", "1 2 3", "Training"], "Received: '0, 1 2 3, Training', without emotion, pixels, Usage"),
    ],
)
def test_the_error_names_a_missing_column(
    table: Table, write: Callable[[Table], Path], cache: Path, header: list[str], message: str
) -> None:
    table[0] = header
    with pytest.raises(DatasetError, match=f"expected the columns emotion, pixels, Usage in fer2013.csv. {message}"):
        read_fer2013(write(table), cache=cache)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Received: an empty file"),
        (b"emotion,pixels,Usage\n", r"expected at least one picture in .*fer2013.csv. Received: none"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "fer2013.csv, after line 0: expected CSV text. Received: .*can't decode"),
        (b"PK\x03\x04\x00\x1b[2J,\x07", "expected the columns .*without emotion"),
        (
            b'emotion,pixels,Usage\n0,"' + b"1 " * 200_000,
            "after line 2: expected CSV text. Received: field larger than",
        ),
    ],
    ids=["empty", "header only", "picture", "control characters", "quote left open"],
)
def test_another_file_type_is_refused_with_a_printable_error(
    tmp_path: Path, cache: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_fer2013(path, cache=cache)
    assert str(caught.value).isprintable()


def test_reading_changes_no_setting_of_csv(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    before = csv.field_size_limit()
    read_fer2013(write(table), cache=cache)
    assert csv.field_size_limit() == before


def test_the_error_names_an_absent_source(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected fer2013.csv, or a folder .*absent.csv, which does not exist"):
        read_fer2013(tmp_path / "absent.csv", cache=cache)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused(tmp_path: Path, cache: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DatasetError, match=r"pipe.csv, which is not a file$"):
        read_fer2013(tmp_path / "pipe.csv", cache=cache)


def test_the_cached_dataset_equals_the_csv_file(
    table: Table, write: Callable[[Table], Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(table)
    first = read_fer2013(path, cache=cache)
    assert [p.suffix for p in cache.iterdir()] == [".npz"]
    monkeypatch.setattr(fer2013, "_csv_rows", lambda source: pytest.fail("the CSV file was parsed again"))
    assert_same(read_fer2013(path, cache=cache), first)


def test_a_changed_csv_file_replaces_the_cache(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    read_fer2013(write(table), cache=cache)
    changed = read_fer2013(write(table[:30]), cache=cache)
    assert {split: len(faces) for split, faces in changed.splits.items()} == {"train": 28, "validation": 1}
    assert len(list(cache.iterdir())) == 1


def _png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


TOO_MANY_PIXELS = _png_header(60_000, 60_000)


def flip_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"not an archive", lambda c: c[: len(c) // 2], flip_a_byte],
    ids=["empty", "text", "truncated", "flipped byte"],
)
def test_a_damaged_cache_is_replaced(
    table: Table,
    write: Callable[[Table], Path],
    cache: Path,
    damage: Callable[[bytes], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write(table)
    first = read_fer2013(path, cache=cache)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert_same(read_fer2013(path, cache=cache), first)
    assert "damaged" in caplog.text
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None


def test_a_cache_that_cannot_be_written_is_skipped(
    table: Table, write: Callable[[Table], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    dataset = read_fer2013(write(table), cache=tmp_path / "file" / "cache")
    assert len(dataset.split(Split.TRAIN)) == 28
    assert "not cached" in caplog.text


def test_without_a_home_folder_there_is_no_cache(
    table: Table, write: Callable[[Table], Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fer2013, "cache_dir", lambda: None)
    assert len(read_fer2013(write(table)).split(Split.TRAIN)) == 28
    assert "not cached" in caplog.text


def test_an_incomplete_dataset_logs_a_warning(
    table: Table, write: Callable[[Table], Path], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = read_fer2013(write(table), cache=cache)
    assert not dataset.is_complete
    assert "incomplete" in caplog.text


def test_the_error_names_the_usage_of_an_absent_split(
    table: Table, write: Callable[[Table], Path], cache: Path
) -> None:
    dataset = read_fer2013(write(table[:20]), cache=cache)
    with pytest.raises(DatasetError, match=r"of the test split \(PrivateTest\). Received: only train"):
        dataset.split(Split.TEST)


def test_first_returns_labelled_faces(table: Table, write: Callable[[Table], Path], cache: Path) -> None:
    faces = read_fer2013(write(table), cache=cache).split(Split.TRAIN)
    first = faces.first(3)
    assert isinstance(first, LabelledFaces)
    assert len(first) == len(first.images) == len(first.in_training) == 3
    np.testing.assert_array_equal(first.labels, faces.labels[:3])
    assert len(faces.first(10**6)) == len(faces)


# Folders


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8)


def put(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    root = tmp_path / "fer2013"
    for emotion in EMOTIONS:
        put(root / "train" / emotion / "a.png", picture(emotion.label))
        put(root / "test" / emotion / "a.png", picture(100 + emotion.label))
    return root


def test_the_folder_name_gives_the_label(folders: Path) -> None:
    dataset = read_fer2013(folders)
    assert list(dataset.splits) == [Split.TRAIN, Split.TEST]
    for split, start in ((Split.TRAIN, 0), (Split.TEST, 100)):
        faces = dataset.split(split)
        assert sorted(faces.labels.tolist()) == list(range(7))
        for label, image in zip(faces.labels, faces.images, strict=True):
            np.testing.assert_array_equal(image, picture(start + int(label)))


def test_an_absent_class_changes_no_other_label(folders: Path) -> None:
    (folders / "train" / "disgust" / "a.png").unlink()
    (folders / "train" / "disgust").rmdir()
    faces = read_fer2013(folders).split(Split.TRAIN)
    assert set(faces.labels.tolist()) == {e.label for e in EMOTIONS} - {Emotion.DISGUST.label}
    np.testing.assert_array_equal(faces.images[faces.labels.tolist().index(6)], picture(6))


def test_kaggles_prefixes_give_the_split(folders: Path) -> None:
    for name, seed in (("PublicTest_1.png", 201), ("PrivateTest_2.jpg", 202), ("PrivateTest_3.png", 3)):
        put(folders / "test" / "happy" / name, picture(seed))
    put(folders / "train" / "sad" / "Training_4.png", picture(204))
    dataset = read_fer2013(folders)
    assert {s.value: len(faces) for s, faces in dataset.splits.items()} == {"train": 8, "validation": 1, "test": 9}
    np.testing.assert_array_equal(dataset.split(Split.VALIDATION).images[0], picture(201))
    assert dataset.split(Split.TEST).in_training.sum() == 1  # picture 3 is the happy one of train


def test_capital_letters_colours_and_other_files_are_accepted(folders: Path) -> None:
    (folders / "train" / "happy").rename(folders / "train" / "Happy")
    put(folders / "train" / "Happy" / "B.PNG", np.dstack([picture(50)] * 3))
    (folders / "train" / "Happy" / "notes.txt").write_text("not a picture")
    (folders / "train" / ".DS_Store").write_text("not a folder")
    faces = read_fer2013(folders).split(Split.TRAIN)
    assert faces.labels.tolist().count(Emotion.HAPPY.label) == 2
    assert any(np.array_equal(image, picture(50)) for image in faces.images)


@pytest.mark.parametrize("name", ["validation", "val"])
def test_a_validation_folder_is_read(folders: Path, name: str) -> None:
    put(folders / name / "fear" / "x.png", picture(1))
    assert read_fer2013(folders).split(Split.VALIDATION).labels.tolist() == [Emotion.FEAR.label]


def test_a_folder_without_train_and_test_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected the folders train/ and test/ in .*Received: neither"):
        read_fer2013(tmp_path)


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"expected at least one picture in .*Received: none"):
        read_fer2013(tmp_path)


def test_a_folder_with_another_name_is_refused(folders: Path) -> None:
    put(folders / "test" / "contempt" / "x.png", picture(1))
    with pytest.raises(DatasetError, match=r"expected folders named angry, .*Received: test/contempt"):
        read_fer2013(folders)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an unreadable file"),
        (b"text", "an unreadable file"),
        (TOO_MANY_PIXELS, "an unreadable file"),
        (cv2.imencode(".png", np.zeros((48, 64), np.uint8))[1].tobytes(), "64x48"),
        (None, "an unreadable file"),
    ],
    ids=["empty", "text", "too many pixels", "another size", "a folder"],
)
def test_the_error_names_a_picture_of_another_size(folders: Path, content: bytes | None, message: str) -> None:
    path = folders / "test" / "sad" / "x.png"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"expected pictures of 48x48 pixels. Received: {message} in .*x\.png"):
        read_fer2013(folders)


# The real dataset


@pytest.fixture(scope="module")
def real() -> Fer2013:
    source = find_dataset("fer2013.csv")
    if source is None:
        pytest.skip("fer2013.csv is neither in $EMOMUSIC_DATA nor in data/")
    return read_fer2013(source)


def test_the_real_dataset_has_its_published_counts(real: Fer2013) -> None:
    assert real.is_complete
    counts = sum(np.bincount(faces.labels, minlength=7) for faces in real.splits.values())
    assert counts.tolist() == [4953, 547, 5121, 8989, 6077, 4002, 6198]


def test_the_real_dataset_has_its_known_duplicates(real: Fer2013) -> None:
    assert real.split(Split.VALIDATION).in_training.sum() == 280
    assert real.split(Split.TEST).in_training.sum() == 288
