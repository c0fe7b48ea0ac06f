import csv
import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import EMOTION_POINTS, EMOTIONS, AffectPoint, Emotion, Mood
from emomusic.export import film_faces_csv, film_record, gallery_record, picture_record, song_record
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import NO_FACES, SHARES, Faces
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.stream.film import FILM_COLUMNS, FilmMoment, FilmReading
from tests.fakes import FakeClassifier, FakeDetector, make_face, read_pixels
from tests.songs.tables import song_table, track_id


def read(*xs: int) -> PictureReading:
    image = np.full((100, 200, 3), 90, np.uint8)
    return read_pixels(image, (FakeDetector([make_face(x=x) for x in xs]), FakeClassifier()))


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


def test_the_record_of_a_wall_has_its_pictures_and_those_that_could_not_be_read() -> None:
    request = Request(EMOTION_POINTS[Emotion.SAD], Emotion.SAD, mood=Mood.CALM)
    record = gallery_record(["a.jpg", "b.jpg"], [read(5), read()], [("c.jpg", "is empty")], [], request)
    assert [picture["image"] for picture in record["pictures"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [len(picture["faces"]) for picture in record["pictures"][:2]] == [1, 0]
    assert record["pictures"][2] == {"image": "c.jpg", "error": "is empty"}
    assert record["group"]["mood"] == "happy"  # of all the faces, whatever was asked for
    assert json.loads(json.dumps(record)) == record  # plain values only
    assert gallery_record([], [], [], [], request)["group"] is None


def film_reading(*emotions: Emotion | None, duration_s: float | None = None, rate: float = 2.0) -> FilmReading:
    """A reading of a film with one face, None for a reading without it. The frames have half the size of the film."""
    film: Any = SimpleNamespace(width=400, height=200, duration_s=duration_s)
    reading = FilmReading(film, rate)
    for number, emotion in enumerate(emotions):
        faces = NO_FACES
        if emotion is not None:
            faces = Faces.of([make_face(x=5)], [FakeClassifier(emotion, 0.7).probabilities])
        reading.add(FilmMoment(number / rate, 0.5, np.zeros((100, 200, 3), np.uint8), faces))
    return reading


def record_of(reading: FilmReading, request: Request, num_songs: int = 20, **options: Any) -> dict[str, Any]:
    recommender = Recommender(Catalogue(song_table(num_songs)), np.full((num_songs, 4), 0.25, np.float32))
    scenes = reading.scenes()
    requests = [replace(request, point=scene.point, emotion=scene.emotion) for scene in scenes]
    songs = [recommender.songs(one, 3) for one in requests]
    return film_record("a.mp4", reading, scenes, songs, one_song_each(requests, recommender), request, **options)


MATCH = Request(AffectPoint(0, 0))
HAPPY_THEN_SAD = [*[Emotion.HAPPY] * 8, *[Emotion.SAD] * 6]


def test_a_film_record_has_the_fields_of_the_contract() -> None:
    reading = film_reading(*HAPPY_THEN_SAD, None, duration_s=7.5)
    record = record_of(reading, MATCH, read_ms=3.0, recommend_ms=4.0)
    assert list(record)[:6] == ["video", "width", "height", "duration_s", "faces", "scenes"]
    assert list(record)[6:] == ["rate", "readings", "timeline", "playlist", "elapsed_ms"]
    assert (record["video"], record["width"], record["height"], record["duration_s"]) == ("a.mp4", 400, 200, 7.5)
    (face,) = record["faces"]
    assert list(face) == [
        *("face", "start_s", "end_s", "seconds", "emotion", "probabilities", "valence", "arousal", "quadrant"),
        "highlight",
    ]
    assert (face["face"], face["start_s"], face["end_s"], face["seconds"], face["emotion"]) == (1, 0, 6.5, 7, "happy")
    assert face["highlight"] == {"emotion": "sad", "time_s": 4.0}
    assert list(face["probabilities"]) == SHARES
    fields = ["start_s", "end_s", "emotion", "valence", "arousal", "quadrant", "mood", "songs"]
    assert [list(scene) for scene in record["scenes"]] == [fields, fields]
    assert [(scene["start_s"], scene["end_s"], scene["emotion"], scene["mood"]) for scene in record["scenes"]] == [
        (0, 4, "happy", "happy"),
        (4, 7, "sad", "sad"),
    ]
    assert [len(scene["songs"]) for scene in record["scenes"]] == [3, 3]
    assert record["elapsed_ms"] == {"read": 3.0, "recommend": 4.0}
    assert json.loads(json.dumps(record, allow_nan=False)) == record  # plain values only


def test_the_tables_of_a_film_record_have_every_reading() -> None:
    record = record_of(film_reading(Emotion.HAPPY, None, Emotion.HAPPY), MATCH)
    assert [list(row) for row in record["readings"]] == [
        ["time_s", "face", "box", "confidence", "emotion", "probabilities", "valence", "arousal", "quadrant"]
    ] * 2
    first, second = record["readings"]
    assert (first["time_s"], second["time_s"], first["face"]) == (0.0, 1.0, 1)
    assert first["box"] == [10, 20, 80, 100]  # in pixels of the film
    assert first["probabilities"]["happy"] == pytest.approx(0.7)
    empty = {"time_s": 0.5, "num_faces": 0, "seconds": 0.5}
    empty |= {"probabilities": None, "valence": None, "arousal": None, "quadrant": None}
    assert record["timeline"][1] == empty
    assert record["timeline"][0].keys() == empty.keys()
    assert record["timeline"][0]["probabilities"]["happy"] == pytest.approx(0.7)
    assert [row["num_faces"] for row in record["timeline"]] == [1, 0, 1]
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize(("announced_s", "duration_s", "end_s"), [(None, 7.0, 7.0), (6.9, 6.9, 6.9), (3.0, 3.0, 6.5)])
def test_the_last_scene_ends_with_the_film(announced_s: float | None, duration_s: float, end_s: float) -> None:
    record = record_of(film_reading(*HAPPY_THEN_SAD, duration_s=announced_s), MATCH)
    assert record["duration_s"] == duration_s
    assert record["scenes"][-1]["end_s"] == end_s
    assert all(scene["start_s"] < scene["end_s"] for scene in record["scenes"])


def test_the_playlist_of_a_film_repeats_no_song_and_leaves_out_scenes_without_one() -> None:
    reading = film_reading(*[Emotion.HAPPY] * 6, *[Emotion.SAD] * 6, *[Emotion.HAPPY] * 6)
    record = record_of(reading, MATCH)
    assert [(entry["start_s"], entry["end_s"]) for entry in record["playlist"]] == [(0, 3), (3, 6), (6, 9)]
    assert len({entry["song"]["id"] for entry in record["playlist"]}) == 3
    scarce = record_of(reading, MATCH, num_songs=2)["playlist"]
    assert [entry["start_s"] for entry in scarce] == [0, 3]


def test_the_faces_of_a_film_are_a_table_with_four_decimals() -> None:
    text = film_faces_csv(film_reading(Emotion.HAPPY, None, Emotion.SAD))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == FILM_COLUMNS
    assert [(row["time_s"], row["face"], row["x"], row["emotion"]) for row in rows] == [
        ("0.0", "1", "10", "happy"),
        ("1.0", "1", "10", "sad"),
    ]
    assert [rows[0][share] for share in ("happy", "sad", "neutral")] == ["0.7", "0.05", "0.05"]
    assert all(len(rows[0][column].partition(".")[2]) <= 4 for column in ("confidence", "valence", "arousal"))
    assert film_faces_csv(film_reading(None)).splitlines() == [",".join(FILM_COLUMNS)]
