"""Units, their rows in comparison with those of `analyze`, and the command."""

import io
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import fs

from emomusic.batch import parts, reader
from emomusic.batch.parts import Dataset, public_name
from emomusic.batch.reader import UnitReader, make_units
from emomusic.batch.sources import find_items
from emomusic.errors import BatchError
from emomusic.faces.table import NO_FACES
from tests.batch.pictures import (
    BROKEN,
    NUM_PICTURES,
    answer_of,
    assert_same_results,
    batch,
    descendants,
    parts_of,
    rows_of,
    run,
)
from tests.films import BIDEN, COLLINS, FOUR_PEOPLE, SAMPLES, film_bytes, write_film
from tests.waiting import wait_until

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def face_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the faces in the form of `analyze`."""
    return {
        "box": [row["x"], row["y"], row["width"], row["height"]],
        "probabilities": {name: row[name] for name in EMOTIONS},
        **{name: row[name] for name in ("confidence", "emotion", "valence", "arousal", "quadrant")},
        "is_sure": row["is_sure"],
        **({"turn": row["turn"]} if row["turn"] else {}),
    }


def read(reader: UnitReader, *sources: Path) -> list[Any]:
    return [reader.read(unit) for unit in make_units(find_items([str(source) for source in sources]))]


def test_the_rows_of_pictures_are_those_of_analyze(reader: UnitReader, pictures: Path, out: Path):
    number, *rest = read(reader, pictures, SAMPLES / FOUR_PEOPLE)
    rows, faces = rows_of(out, "pictures"), rows_of(out, "faces")
    assert rest == []
    assert number == 16
    assert sum(row["error"] is not None for row in rows) == len(BROKEN)
    assert len(faces) >= 8
    for row, record in zip(rows, answer_of("analyze", *(row["picture"] for row in rows))[0], strict=True):
        assert row["picture"] == record["image"]
        assert row["kind"] == "picture"
        mine = [face for face in faces if face["picture"] == row["picture"]]
        if "error" in record:
            assert row["error"] is not None
            assert (mine, row["num_faces"], row["width"]) == ([], None, None)
            continue
        assert (row["width"], row["height"], row["error"]) == (record["width"], record["height"], None)
        assert [face["face"] for face in mine] == list(range(1, row["num_faces"] + 1))
        assert [face["time_s"] for face in mine] == [None] * row["num_faces"]
        assert [face_of(face) for face in mine] == record["faces"]
        group = record["group"] or dict.fromkeys(("emotion", "valence", "arousal", "quadrant"))
        assert {name: row[name] for name in ("emotion", "valence", "arousal", "quadrant")} == {
            name: group[name] for name in ("emotion", "valence", "arousal", "quadrant")
        }


def test_the_rows_of_a_film_are_those_of_analyze(reader: UnitReader, out: Path, tmp_path: Path):
    path = tmp_path / "film.mp4"
    write_film(path, [(COLLINS, 1.2), (BIDEN, 1.2)])
    assert read(reader, path) == [1]
    (row,), faces = rows_of(out, "pictures"), rows_of(out, "faces")
    (record,), _ = answer_of("analyze", path)
    assert [{"time_s": face["time_s"], "face": face["face"], **face_of(face)} for face in faces] == record["readings"]
    assert {name: row[name] for name in ("width", "height", "duration_s")} == {
        name: record[name] for name in ("width", "height", "duration_s")
    }
    assert (row["kind"], row["num_faces"], row["error"]) == ("film", len(record["faces"]), None)
    seconds = {moment["time_s"]: moment["seconds"] for moment in record["timeline"]}
    rows = [[face[name] for name in EMOTIONS] for face in faces]
    mean = np.average(rows, axis=0, weights=[seconds[face["time_s"]] for face in faces])
    assert row["emotion"] == EMOTIONS[mean.argmax()]
    read(UnitReader(Dataset(str(more := tmp_path / "more")), "emonet_photo", 2.0), path)
    (record,), _ = answer_of("analyze", path, "--rate", "2")
    assert [face["time_s"] for face in rows_of(more, "faces")] == [face["time_s"] for face in record["readings"]]


def test_a_cut_film_with_the_name_of_a_picture_is_a_film_with_an_error(reader: UnitReader, out: Path, tmp_path: Path):
    whole = film_bytes([(COLLINS, 3)], ending="mkv")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    read(reader, tmp_path)
    (row,) = rows_of(out, "pictures")
    assert (row["kind"], row["num_faces"], row["error"] is None) == ("film", 1, False)


def picture(name: str, **values: Any) -> dict[str, Any]:
    return {"picture": name, "kind": "picture", **values}


def faces(*names: str, emotion: str = "happy") -> Any:
    return pa.Table.from_pylist([{"picture": name, "emotion": emotion} for name in names], NO_FACES.arrow().schema)


def write(out: Path, number: int, names: Sequence[str]) -> None:
    Dataset(str(out)).write_part(number, [picture(name) for name in names], faces(*names))


def test_a_scan_deletes_what_a_killed_run_left(out: Path):
    for number, names in ((1, "ab"), (2, "cd"), (3, "ef"), (5, "h")):
        write(out, number, names)
    (out / "pictures" / "part-000002.parquet").unlink()  # killed between the two
    (out / "faces" / "part-000003.parquet").unlink()
    (out / "faces" / ".part-000009.parquet.1f").write_bytes(b"half")
    (out / "faces" / "notes.txt").write_bytes(b"mine")
    assert Dataset(str(out)).scan()[0] == {"a", "b", "h"}
    assert parts_of(out) == {key: ["part-000001.parquet", "part-000005.parquet"] for key in ("faces", "pictures")}
    assert sorted(path.name for path in (out / "faces").iterdir())[0] == "notes.txt"


def test_parts_of_other_settings_and_a_damaged_one_are_refused(out: Path):
    Dataset(str(out), "model a").write_part(1, [picture("a")], faces())
    assert Dataset(str(out), "model a").scan()[0] == {"a"}
    with pytest.raises(BatchError):
        Dataset(str(out), "model b").scan()
    (out / "pictures" / "part-000001.parquet").write_bytes(b"PAR1 damaged PAR1")
    with pytest.raises(BatchError, match=r"pictures/part-000001\.parquet"):
        Dataset(str(out)).scan()
    with pytest.raises(BatchError, match=r"pictures/part-000001\.parquet"):
        Dataset(str(out)).summary()


def test_the_summary_counts_all_parts(out: Path):
    dataset = Dataset(str(out))
    film = {"picture": "film", "kind": "film", "error": "The film is incomplete; the results end at 0:02."}
    cut, too = (  # errors that differ in numbers are of one kind
        {"picture": name, "kind": "picture", "error": f"This file is too large: {size} MB, at most 20 MB."}
        for name, size in (("cut", 25.0), ("too", 31.2))
    )
    dataset.write_part(1, [picture("a"), film], faces("a", "a", "film"))
    dataset.write_part(2, [cut, too], faces())
    dataset.write_part(4, [picture("b")], faces("b", emotion="sad"))
    summary = dataset.summary()
    assert {key: summary[key] for key in ("pictures", "films", "faces", "failed")} == {
        "pictures": 4,
        "films": 1,
        "faces": 4,
        "failed": 3,
    }
    assert sorted(summary["reasons"].values()) == [1, 2]
    assert {name: number for name, number in summary["emotions"].items() if number} == {"happy": 3, "sad": 1}
    assert [name for name, _ in summary["examples"]] == ["film", "cut", "too"]


def test_a_part_appears_as_a_whole_and_results_go_to_a_remote_folder(out: Path, monkeypatch: pytest.MonkeyPatch):
    write(out, 1, "a")
    before = rows_of(out, "pictures")

    class Full:
        type_name = "local"

        def __getattr__(self, name: str) -> Any:
            return getattr(fs.LocalFileSystem(), name)

        def move(self, *_: str) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "file_system", lambda location: (Full(), location))
    with pytest.raises(BatchError):
        Dataset(str(out)).write("pictures/part-000001.parquet", b"half")
    assert [path.name for path in (out / "pictures").iterdir()] == ["part-000001.parquet"]  # nothing half written
    assert rows_of(out, "pictures") == before
    system = fs._MockFileSystem()
    monkeypatch.setattr(parts, "file_system", lambda uri: (system, "bucket/out"))
    dataset = Dataset("s3://key:secret@bucket/out")
    assert not dataset.has_results()
    dataset.write_part(1, [picture("a")], faces("a"))
    with dataset.locked():
        assert dataset.scan()[0] == {"a"}
    assert dataset.summary()["faces"] == 1
    assert "secret" not in dataset.name
    assert public_name("s3://key:secret@bucket/a?region=x") == "s3://bucket/a"


def test_films_pictures_archives_and_stdin_share_a_run(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_film(tmp_path / "film.mp4", [(COLLINS, 1.0)])
    shutil.make_archive(str(tmp_path / "pack"), "zip", pictures / "more")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(os.fsencode(pictures / "000000.jpg"))))
    answer, status = batch("-", "--out", tmp_path / "out", tmp_path / "pack.zip", tmp_path / "film.mp4")
    assert (answer["pictures"], answer["films"], answer["failed"], status) == (NUM_PICTURES // 4 + 1, 1, 0, 0)


def test_a_killed_run_goes_on_as_if_whole(pictures: Path, results: Path, out: Path, capsys: pytest.CaptureFixture[str]):
    with run(pictures, "--out", out, reader="PausingReader") as process:
        try:
            wait_until(lambda: parts_of(out)["pictures"] or process.poll() is not None)
            assert batch(pictures, "--out", out, "--resume") == ({}, 2)  # one run at a time
            workers = descendants(process.pid)
            assert workers
        finally:
            process.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))  # they end with their parent
    capsys.readouterr()
    answer, status = batch(pictures, "--out", out, "--resume")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emomusic: ")]
    assert len(lines) == answer["failed"] == len(BROKEN)
    assert (answer["read"], answer["resumed"], status) == (NUM_PICTURES + len(BROKEN) - 8, 8, 2)
    assert_same_results(out, results)
    before = parts_of(out)
    assert batch(pictures, "--out", out)[1] == 2
    assert "--resume" in capsys.readouterr().err
    assert parts_of(out) == before  # not overwritten


def test_a_deleted_folder_of_results_is_no_success(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(reader, "read_units", lambda *_, **__: (_ for _ in ()))  # as if its parts were deleted
    assert batch(pictures, "--out", tmp_path / "out") == ({}, 2)
    assert f"expected {NUM_PICTURES + len(BROKEN)} new rows" in capsys.readouterr().err
