"""emomusic/report.py: the records keep the names that others read."""

import csv
import io
import json

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Mood
from emomusic.face.reading import PictureReading, read_faces
from emomusic.report import faces_csv, picture_record
from tests.fakes import FakeClassifier, FakeDetector, make_face


def read(*xs: int) -> PictureReading:
    image = np.full((100, 200, 3), 90, np.uint8)
    return read_faces(image, FakeDetector([make_face(x=x) for x in xs]), FakeClassifier())


def test_a_picture_record_has_the_fields_of_the_contract() -> None:
    record = picture_record("a.jpg", read(5, 80), [], Mood.HAPPY, decode_ms=1.5, recommend_ms=2.5)
    assert set(record) == {"image", "width", "height", "faces", "group", "songs", "elapsed_ms"}
    assert set(record["faces"][0]) == {
        *("box", "confidence", "emotion", "probabilities", "valence", "arousal", "quadrant"),
    }
    assert list(record["faces"][0]["probabilities"]) == [emotion.value for emotion in EMOTIONS]
    assert set(record["group"]) == {"emotion", "valence", "arousal", "quadrant", "mood"}
    assert record["group"]["mood"] == "happy"
    assert set(record["elapsed_ms"]) == {"decode", "detect", "classify", "recommend"}
    assert json.loads(json.dumps(record)) == record  # plain values only


def test_no_face_leaves_the_group_empty() -> None:
    record = picture_record("a.jpg", read(), [], None, decode_ms=1.0, recommend_ms=0.0)
    assert record["faces"] == []
    assert record["group"] is None


def test_the_table_of_faces_has_a_row_a_face() -> None:
    rows = list(csv.DictReader(io.StringIO(faces_csv(read(5, 80)))))
    assert [row["face"] for row in rows] == ["1", "2"]
    assert [row["x"] for row in rows] == ["5", "80"]
    assert sum(float(rows[0][emotion.value]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)
