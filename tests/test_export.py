import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import AffectPoint, Emotion, Mood
from emomusic.answer.others import FilmAnswer
from emomusic.export import picture_record, song_record
from emomusic.faces.table import NO_FACES, Faces
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.stream.film import FilmMoment, FilmReading
from tests.fakes import FakeClassifier, FakeDetector, make_face, read_pixels
from tests.songs.tables import song_table, track_id


def test_the_mood_of_a_group_is_that_of_its_faces_whatever_was_asked_for() -> None:
    image, networks = np.zeros((100, 200, 3), np.uint8), (FakeDetector([make_face()]), FakeClassifier())
    request = Request(Emotion.SAD.point, Emotion.SAD, mood=Mood.CALM)
    record = picture_record("a.jpg", read_pixels(image, networks), [], request)
    assert record["group"]["mood"] == "happy"


def test_a_song_record_has_the_fields_of_the_contract() -> None:
    table = song_table(1).assign(artists="Dan + Shay;Justin Bieber", genres="country;pop")
    recommender = Recommender(Catalogue(table), np.array([[0.1, 0.2, 0.6, 0.1]], np.float32))
    (song,) = recommender.songs(Request(Emotion.SAD.point, Emotion.SAD, mood=Mood.CALM))
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
    picks = one_song_each(requests, recommender)
    return FilmAnswer("a.mp4", reading, scenes, requests, picks, **options).document(songs, picks)


MATCH = Request(AffectPoint(0, 0))
HAPPY_THEN_SAD = [*[Emotion.HAPPY] * 8, *[Emotion.SAD] * 6]


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
