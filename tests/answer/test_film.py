"""What the Film page says about a film, without a page."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.answer.others import FilmAnswer
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from tests.songs.tables import song_table
from tests.test_export import HAPPY_THEN_SAD, film_reading

RECOMMENDER = Recommender(Catalogue(song_table(9)), np.full((9, 4), 0.25, np.float32))


def answer_to(*emotions: Emotion | None, **options: Any) -> FilmAnswer:
    reading = film_reading(*emotions)
    scenes = reading.scenes()
    requests = [Request(scene.point, scene.emotion) for scene in scenes]
    return FilmAnswer("a.mp4", reading, scenes, requests, one_song_each(requests, RECOMMENDER), **options)


def test_the_sentence_and_the_span_are_those_of_the_chosen_scene() -> None:
    answer = answer_to(*HAPPY_THEN_SAD)
    assert answer.sentence.startswith("Mostly happy")
    assert answer.span == "Scene 1 of 2, 0:00 to 0:04"
    assert replace(answer, chosen=1).sentence.startswith("Mostly sad")
    assert replace(answer, chosen=1, is_growing=True).span.startswith("Scene 2, 0:04 to ")


def test_the_trail_is_short_and_leaves_out_times_without_a_face() -> None:
    trail = answer_to(*[Emotion.HAPPY] * 100, None, *[Emotion.SAD] * 30).trail
    assert 40 <= len(trail) <= 60
    assert trail[0].distance(Emotion.HAPPY.point) < trail[0].distance(Emotion.SAD.point)
    assert trail[-1].valence < 0
    assert answer_to(None, None).trail == []


def test_the_files_have_all_readings_scenes_and_songs() -> None:
    answer = answer_to(*HAPPY_THEN_SAD, problem="The film breaks off.")
    record = json.loads(answer.record(lambda request: RECOMMENDER.songs(request, 2)))
    assert (record["video"], len(record["readings"]), record["error"]) == ("a.mp4", 14, "The film breaks off.")
    assert [len(scene["songs"]) for scene in record["scenes"]] == [2, 2]
    assert [entry["song"]["id"] for entry in record["playlist"]] == [pick.song.id for pick in answer.picks if pick]
    assert len(answer.csv().splitlines()) == 15
    assert answer.playlist(answer.picks).count("#EXTINF") == 2
    mean = answer.reading.faces().mean()
    assert mean is not None
    assert mean[Emotion.HAPPY] == pytest.approx((8 * 0.7 + 6 * 0.05) / 14)
