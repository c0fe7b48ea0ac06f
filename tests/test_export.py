import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood
from emomusic.answer.answer import Answer
from emomusic.answer.others import FilmAnswer
from emomusic.batch import reader
from emomusic.export import picture_record, song_record
from emomusic.faces.detection import Face
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import NO_FACES, Faces
from emomusic.faces.who import EVERYONE
from emomusic.media.images import Box, DecodedPicture, RgbImage
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.stream.film import FilmMoment, FilmReading
from emomusic.stream.timeline import Timeline
from tests.fakes import FakeClassifier, FakeDetector, make_face, read_pixels
from tests.songs.tables import places_by_moods, recommender_over, song_table, track_id

MATCH = Request(AffectPoint(0, 0))
HAPPY_THEN_SAD = [*[Emotion.HAPPY] * 8, *[Emotion.SAD] * 6]
RANDOM = np.random.default_rng
REQUEST = Request(AffectPoint(0.1, 0.2))
IMAGE = np.full((200, 300, 3), 90, np.uint8)


def test_a_song_record_has_the_fields_of_the_contract_and_a_group_the_mood_of_its_faces() -> None:
    table = song_table(1).assign(artists="Dan + Shay;Justin Bieber", genres="country;pop")
    moods = np.array([[0.1, 0.2, 0.6, 0.1]], np.float32)
    recommender = Recommender(Catalogue(table), moods, places_by_moods(moods))
    (song,) = recommender.songs(Request(Emotion.SAD.point, Emotion.SAD, mood=Mood.CALM))
    record = song_record(song)
    fields = ("id", "title", "artists", "url", "mood", "likeliest_mood", "genres", "score", "reason", "place")
    assert tuple(record) == fields
    assert record["place"] == {"valence": song.point.valence, "arousal": song.point.arousal}
    assert (record["mood"], record["likeliest_mood"]) == ("calm", "energetic")
    assert (record["artists"], record["genres"]) == (["Dan + Shay", "Justin Bieber"], ["country", "pop"])
    assert record["url"] == f"https://open.spotify.com/track/{track_id(0)}"
    assert 0 <= record["score"] <= 1
    assert record["reason"].startswith("Nearest to calm: probably energetic (60 %)")
    assert json.loads(json.dumps(record)) == record  # plain values only
    image, networks = np.zeros((100, 200, 3), np.uint8), (FakeDetector([make_face()]), FakeClassifier())
    request = Request(Emotion.SAD.point, Emotion.SAD, mood=Mood.CALM)
    record = picture_record("a.jpg", read_pixels(image, networks), [], request)
    assert record["group"]["mood"] == "happy"


def film_reading(*emotions: Emotion | None, duration_s: float | None = None, rate: float = 2.0) -> FilmReading:
    """A reading of a film with one face, None for a reading without it. The frames have half the size of the film."""
    film: Any = SimpleNamespace(width=400, height=200, duration_s=duration_s, start_s=0.0)
    reading = FilmReading(film, rate)
    for number, emotion in enumerate(emotions):
        faces = NO_FACES
        if emotion is not None:
            faces = Faces.of([make_face(x=5)], [FakeClassifier(emotion, 0.7).probabilities])
        reading.add(FilmMoment(number / rate, 0.5, np.zeros((100, 200, 3), np.uint8), faces))
    return reading


def record_of(reading: FilmReading, request: Request, num_songs: int = 20, **options: Any) -> dict[str, Any]:
    recommender = recommender_over(song_table(num_songs))
    scenes = reading.scenes()
    requests = [replace(request, point=scene.point, emotion=scene.emotion) for scene in scenes]
    songs = [recommender.songs(one, 3) for one in requests]
    picks = one_song_each(requests, recommender)
    return FilmAnswer("a.mp4", reading, scenes, requests, picks, **options).document(songs, picks)


def test_the_last_scene_ends_with_the_film_whose_playlist_repeats_no_song() -> None:
    for announced_s, duration_s, end_s in ((None, 7.0, 7.0), (6.9, 6.9, 6.9), (3.0, 3.0, 6.5)):
        record = record_of(film_reading(*HAPPY_THEN_SAD, duration_s=announced_s), MATCH)
        assert record["duration_s"] == duration_s
        assert record["scenes"][-1]["end_s"] == end_s
        assert all(scene["start_s"] < scene["end_s"] for scene in record["scenes"])
    reading = film_reading(*[Emotion.HAPPY] * 6, *[Emotion.SAD] * 6, *[Emotion.HAPPY] * 6)
    record = record_of(reading, MATCH)
    assert [(entry["start_s"], entry["end_s"]) for entry in record["playlist"]] == [(0, 3), (3, 6), (6, 9)]
    assert len({entry["song"]["id"] for entry in record["playlist"]}) == 3
    scarce = record_of(reading, MATCH, num_songs=2)["playlist"]
    assert [entry["start_s"] for entry in scarce] == [0, 3]


def rows(seed: int, num: int) -> list[EmotionProbabilities]:
    """Probabilities in 64ths, so that their sums are exact."""
    parts = RANDOM(seed).multinomial(64, np.full(len(EMOTIONS), 1 / len(EMOTIONS)), num)
    return [EmotionProbabilities((row / 64).astype(np.float32)) for row in parts]


def faces(seed: int, num: int, turn: int = 0) -> list[Face]:
    """Faces of different sizes; some are doubtful and small."""
    random = RANDOM(seed)
    sides, sure = random.choice([8, 40, 60], num), random.choice([0.9, 0.97, 1.0], num).tolist()
    return [
        Face(Box(int(10 + 70 * place), int(random.integers(5, 90)), int(side), int(side + 4)), confidence, turn=turn)
        for place, (side, confidence) in enumerate(zip(sides, sure, strict=True))
    ]


class Rows:
    """Classifies by given rows, one after another."""

    threshold = 0.0

    def __init__(self, given: Iterable[EmotionProbabilities]) -> None:
        self.given = iter(given)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [next(self.given) for _ in crops]


def picture(seed: int, num: int) -> PictureReading:
    found = read_pixels(IMAGE, (FakeDetector(faces(seed, num)), Rows(rows(seed, num))))
    return replace(found, detect_ms=1.0, classify_ms=2.0)


def numbered(*readings: PictureReading) -> list[PictureReading]:
    """Pictures with the faces numbered over all of them."""
    table = Faces.of_pictures([reading.faces for reading in readings])
    return [replace(reading, faces=table[table.source == row]) for row, reading in enumerate(readings)]


def film() -> FilmReading:
    """A film of 13 seconds at two readings a second, in which two persons turn out to be one."""
    opened: Any = SimpleNamespace(width=600, height=400, duration_s=14.0, start_s=0.0)
    reading = FilmReading(opened, 2.0)
    for step in range(26):
        num = (0, 1, 2, 3)[step % 4] if step < 20 else 2
        read = Faces.of(faces(step, num, turn=90), rows(step // 5, num))
        joined = [(3, 2)] if step == 14 else []
        reading.add(FilmMoment(step / 2, 0.5, IMAGE, read, step in (7, 14), joined))
    return reading


def answer_to(readings: Sequence[PictureReading], names: Sequence[str], **options: Any) -> Answer:
    """The answer to numbered pictures, before it has songs."""
    photos: Any = [SimpleNamespace(name=name, reading=each) for name, each in zip(names, readings, strict=True)]
    songs: Any = SimpleNamespace(request=REQUEST)
    return Answer(Faces.joined([each.faces for each in readings]), EVERYONE, photos=photos, songs=songs, **options)


def film_answer() -> FilmAnswer:
    reading = film()
    scenes = reading.scenes()
    return FilmAnswer("a.mp4", reading, scenes, [REQUEST] * len(scenes), [None] * len(scenes))


def pictures_json() -> str:
    readings = numbered(picture(1, 3), picture(2, 0), picture(3, 4))
    one = picture_record("a.jpg", replace(picture(4, 2), decode_ms=3.0), [], REQUEST)
    answer = answer_to(readings, ["a.jpg", "b.jpg", "c.jpg"], unread=[("d.jpg", "is empty")])
    many = json.loads(answer.record([]))
    del many["request"]
    return json.dumps([one, many], indent=1)


def timeline_csv() -> str:
    timeline = Timeline()
    for step in range(30):
        group = None if step % 5 == 4 else rows(step, 1)[0]
        timeline.add(step * 0.7, group, 0 if group is None else 1 + step % 3)
    return str(timeline.table().to_csv(index=False, float_format="%.4f"))


def parquet_rows() -> str:
    networks = FakeDetector(faces(5, 3)), Rows(rows(5, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "load_networks", lambda *_, **__: networks)
        row, table = reader.UnitReader(Mock(), "any", 2.0)._picture_rows("a.jpg", DecodedPicture(IMAGE))
    return json.dumps([row, str(table.schema), table.to_pylist()], indent=1)


GOLDEN: dict[str, Callable[[], str]] = {
    "film.json": lambda: json.dumps(json.loads(film_answer().record(lambda _: []))),
    "film.csv": lambda: film_answer().csv(),
    "pictures.json": pictures_json,
    "pictures.csv": lambda: answer_to(numbered(picture(1, 3), picture(3, 4)), ["a.jpg", "b, c.jpg"]).csv(),
    "timeline.csv": timeline_csv,
    "parquet.json": parquet_rows,
}


def rounded(text: str) -> str:
    """The text with numbers of nine digits, because other processors round otherwise."""
    return re.sub(r"-?\d+\.\d{9,}(e-\d+)?", lambda number: f"{float(number[0]):.9f}", text)


@pytest.mark.parametrize("name", GOLDEN)
def test_files_stay_as_they_are(name: str, root: Path) -> None:
    expected = (root / "tests" / "golden" / name).read_text(encoding="utf-8")
    assert rounded(GOLDEN[name]()).replace("\r\n", "\n") == rounded(expected)
