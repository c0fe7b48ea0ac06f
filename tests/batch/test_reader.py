"""Units, and their rows in comparison with those of `analyze`."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emomusic.batch.reader import UnitReader, make_units
from emomusic.batch.sources import find_items
from tests.batch.pictures import BROKEN, answer_of, rows_of
from tests.films import BIDEN, COLLINS, FOUR_PEOPLE, SAMPLES, film_bytes, write_film

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


def test_the_content_and_not_the_name_tells_films_from_pictures(reader: UnitReader, out: Path, tmp_path: Path):
    write_film(tmp_path / "film.jpg", [(COLLINS, 0.5)], ending="mp4")
    write_film(tmp_path / "moving.gif", [(COLLINS, 0.5)], ending="gif")
    with Image.open(tmp_path / "moving.gif") as picture:
        picture.save(tmp_path / "moving.webp", save_all=True)
    (tmp_path / "picture.mp4").write_bytes((SAMPLES / COLLINS).read_bytes())
    (tmp_path / "text.mov").write_bytes(b"no film")
    whole = film_bytes([(COLLINS, 3)], ending="mkv")
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    read(reader, tmp_path)
    rows = {Path(row["picture"]).name: row for row in rows_of(out, "pictures")}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "cut.mkv": "film",
        "film.jpg": "film",
        "moving.gif": "film",
        "moving.webp": "film",
        "picture.mp4": "picture",
        "text.mov": "film",
    }
    assert [name for name, row in rows.items() if row["error"] is not None] == ["cut.mkv", "text.mov"]
    assert rows["cut.mkv"]["num_faces"] == 1
