"""emomusic/export.py: the records keep the names that others read."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from emomusic.affect import EMOTION_POINTS, EMOTIONS, Emotion, Mood
from emomusic.export import faces_csv, gallery_csv, gallery_record, picture_record, request_record, song_record
from emomusic.face.gallery import Gallery
from emomusic.face.reading import PictureReading, read_faces
from emomusic.music.catalogue import Catalogue
from emomusic.music.recommend import Recommender
from emomusic.music.request import Policy, Request
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.music.tables import song_table, track_id


def read(*xs: int) -> PictureReading:
    image = np.full((100, 200, 3), 90, np.uint8)
    return read_faces(image, FakeDetector([make_face(x=x) for x in xs]), FakeClassifier())


def test_a_picture_record_has_the_fields_of_the_contract() -> None:
    request = Request(EMOTION_POINTS[Emotion.SAD], Emotion.SAD, mood=Mood.CALM)
    record = picture_record("a.jpg", read(5, 80), [], request, decode_ms=1.5, recommend_ms=2.5)
    assert list(record) == ["image", "width", "height", "faces", "group", "songs", "elapsed_ms"]
    assert set(record["faces"][0]) == {
        *("box", "confidence", "emotion", "probabilities", "valence", "arousal", "quadrant"),
    }
    assert list(record["faces"][0]["probabilities"]) == [emotion.value for emotion in EMOTIONS]
    assert set(record["group"]) == {"emotion", "valence", "arousal", "quadrant", "mood"}
    assert record["group"]["mood"] == "happy"  # of all the faces, whatever was asked for
    assert set(record["elapsed_ms"]) == {"decode", "detect", "classify", "recommend"}
    assert json.loads(json.dumps(record)) == record  # plain values only


def test_no_face_leaves_the_group_empty() -> None:
    record = picture_record("a.jpg", read(), [], None, decode_ms=1.0, recommend_ms=0.0)
    assert record["faces"] == []
    assert record["group"] is None


def test_a_song_record_has_the_fields_of_the_contract() -> None:
    table = song_table(1).assign(artists="Dan + Shay;Justin Bieber", genres="country;pop")
    recommender = Recommender(Catalogue(table), np.array([[0.1, 0.2, 0.6, 0.1]], np.float32))
    (song,) = recommender.songs(Request(EMOTION_POINTS[Emotion.SAD], Emotion.SAD, mood=Mood.CALM))
    record = song_record(song)
    assert list(record) == [
        *("id", "title", "artists", "url", "mood", "likeliest_mood", "genres", "score", "reason"),
    ]
    assert (record["mood"], record["likeliest_mood"]) == ("calm", "energetic")
    assert (record["artists"], record["genres"]) == (["Dan + Shay", "Justin Bieber"], ["country", "pop"])
    assert record["url"] == f"https://open.spotify.com/track/{track_id(0)}"
    assert 0 <= record["score"] <= 1
    assert record["reason"].startswith("Nearest to calm: probably energetic (60 %)")
    assert json.loads(json.dumps(record)) == record  # plain values only


def test_what_was_said_by_hand_stands_beside_what_was_read() -> None:
    request = Request(EMOTION_POINTS[Emotion.SAD], Emotion.SAD, policy=Policy.SOOTHE, genres=frozenset({"rock", "pop"}))
    record = request_record(request, "Face 3", manual_emotion=Emotion.SAD)
    assert record["who"] == "Face 3"
    assert (record["manual_emotion"], record["manual_mood"]) == ("sad", None)
    assert (record["policy"], record["mood"], record["genres"]) == ("soothe", "sad", ["pop", "rock"])
    assert json.loads(json.dumps(record)) == record  # plain values only
    chosen = request_record(replace(request, mood=Mood.CALM, tempo_bpm=(60, 90)), "You", manual_mood=Mood.CALM)
    assert (chosen["manual_mood"], chosen["mood"], chosen["tempo_bpm"]) == ("calm", "calm", [60, 90])


def test_how_long_each_step_took_stands_under_its_own_name() -> None:
    reading = replace(read(5), detect_ms=3.0, classify_ms=4.0)
    record = picture_record("a.jpg", reading, [], None, decode_ms=1.0, recommend_ms=2.0)
    assert record["elapsed_ms"] == {"decode": 1.0, "detect": 3.0, "classify": 4.0, "recommend": 2.0}


def test_the_table_of_faces_has_a_row_a_face() -> None:
    rows = list(csv.DictReader(io.StringIO(faces_csv(read(5, 80)))))
    assert [row["face"] for row in rows] == ["1", "2"]
    assert [row["x"] for row in rows] == ["5", "80"]
    assert sum(float(rows[0][emotion.value]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)


def test_the_table_of_a_wall_names_the_picture_of_each_face() -> None:
    rows = list(csv.DictReader(io.StringIO(gallery_csv(["=a().jpg", "b, c.jpg"], Gallery.of([read(5, 80), read(30)])))))
    assert [(row["face"], row["picture"], row["x"]) for row in rows] == [
        ("1", "'=a().jpg", "5"),
        ("2", "'=a().jpg", "80"),
        ("3", "b, c.jpg", "30"),
    ]
    assert rows[0].keys() == {*("face", "picture", "x", "y", "width", "height", "confidence", "emotion")} | {
        *(emotion.value for emotion in EMOTIONS),
        *("valence", "arousal", "quadrant"),
    }


def test_the_record_of_a_wall_has_its_pictures_and_those_that_could_not_be_read() -> None:
    request = Request(EMOTION_POINTS[Emotion.SAD], Emotion.SAD, mood=Mood.CALM)
    gallery = Gallery.of([read(5), read()])
    record = gallery_record(["a.jpg", "b.jpg"], gallery, [("c.jpg", "is empty")], [], request)
    assert [picture["image"] for picture in record["pictures"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [len(picture["faces"]) for picture in record["pictures"][:2]] == [1, 0]
    assert record["pictures"][2] == {"image": "c.jpg", "error": "is empty"}
    assert record["group"]["mood"] == "happy"  # of all the faces, whatever was asked for
    assert json.loads(json.dumps(record)) == record  # plain values only
    assert gallery_record([], Gallery.of([]), [], [], request)["group"] is None
