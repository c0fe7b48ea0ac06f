"""What the Film page says about a film, without a page."""

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import AffectPoint, Emotion
from emomusic.answer.others import MOST_SONGS, FilmAnswer, SessionAnswer, SongAnswer
from emomusic.charts.live import mood_areas
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Policy, Request
from emomusic.songs.song import Hearing
from emomusic.stream.timeline import Timeline
from tests.fakes import FakeClassifier
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


# What the Live page says about a session that is over, without a page


HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def session_answer(*spans: tuple[int, Emotion | None], num_faces: int = 1) -> SessionAnswer:
    """A session with spans of seconds, with an emotion or without a face."""
    timeline, second = Timeline(), 0
    for seconds, emotion in spans:
        for _ in range(seconds):
            shares = None if emotion is None else FakeClassifier(emotion, 0.9).probabilities
            timeline.add(second, shares, 0 if shares is None else num_faces)
            second += 1
    return SessionAnswer(timeline.table())


def test_a_session_has_a_sentence_figures_and_a_moment_for_each_scene() -> None:
    answer = session_answer((40, HAPPY), (20, SAD), (20, None), num_faces=3)
    assert answer.sentence == "Session: mostly happy, at times sad"
    assert answer.figures == {
        "Duration": "1:20",
        "With a face": "75 %",
        "Most faces at once": "3",
        "Changes of mood": "1 a minute",
    }
    assert [(moment.start_s, moment.seconds) for moment in answer.moments] == [(0, 40), (40, 20)]


def test_the_figures_and_the_chart_agree_on_what_was_not_read() -> None:
    table = session_answer((30, HAPPY), (10, None), (60, HAPPY)).table
    answer = SessionAnswer(table.drop(range(50, 70)))  # a busy machine
    assert {**answer.figures, "With a face": "70 %", "Not read": "20 %"} == answer.figures
    height = sum(np.array(area.y) for area in mood_areas(answer.table).data)
    assert (height > 0).mean() == pytest.approx(0.7)
    (grey,) = mood_areas(answer.table).layout.shapes
    assert (grey.x0, grey.x1) == (49, 70)


def test_a_session_without_a_face_has_no_moods() -> None:
    assert session_answer((5, None)).moods is None
    assert session_answer().moods is None


def test_the_songs_are_for_the_longest_scenes_in_order_of_time() -> None:
    answer = session_answer((30, HAPPY), (40, SAD))
    requests = answer.requests(Request(policy=Policy.SOOTHE))
    assert [request.emotion for request in requests] == [HAPPY, SAD]
    assert {request.policy for request in requests} == {Policy.SOOTHE}
    assert answer.request.point.valence == pytest.approx((30 * 0.7 - 40 * 0.5) / 70, abs=0.1)
    assert [moment.emotion for moment in answer.moments] == [HAPPY, SAD]
    many = session_answer(*[(20 + step, (HAPPY, SAD)[step % 2]) for step in range(MOST_SONGS + 2)])
    assert len(many.requests(Request())) == len(many.moments) == MOST_SONGS


def test_a_long_session_tells_what_its_figures_cover() -> None:
    answer = session_answer((700, HAPPY))
    assert answer.figures["Duration"] == "11:40"
    assert answer.figures["From here on"] == "1:40"


def test_the_file_has_a_row_for_each_second() -> None:
    rows = list(csv.DictReader(io.StringIO(session_answer((2, HAPPY), (1, None)).csv())))
    assert [row["num_faces"] for row in rows] == ["1", "1", "0"]
    assert rows[0]["happy"] == "0.9000"
    assert rows[2]["happy"] == ""


# What the Music page says about one song, without a page


def song_answer(valence: float, arousal: float, **quadrants: float) -> SongAnswer:
    shares = {"Q1": 0.0, "Q2": 0.0, "Q3": 0.0, "Q4": 0.0} | quadrants
    return SongAnswer(Hearing(shares, valence, arousal, (("piano", 0.61), ("slow", 0.4))), ((0.0, 0.1, 0.2),) * 4)


@pytest.mark.parametrize(
    ("answer", "sentence", "face"),
    [
        (song_answer(0.8, 0.5, Q1=0.9, Q4=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (song_answer(0.5, 0.7, Q1=0.9, Q2=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (
            song_answer(-0.6, -0.3, Q3=0.6, Q4=0.4),
            "Mostly sad, perhaps calm: unpleasant and drowsy (60 %)",
            "looks sad",
        ),
        (song_answer(0.0, 0.0, Q4=0.9, Q2=0.1), "Clearly calm: pleasant and drowsy (90 %)", "is at rest"),
    ],
)
def test_a_song_has_a_sentence_and_a_face(answer: SongAnswer, sentence: str, face: str) -> None:
    assert answer.sentence == sentence
    assert face in answer.face


def test_a_song_has_its_place_tags_and_parts() -> None:
    answer = song_answer(0.8, 0.5, Q1=1.0)
    assert (answer.hearing.point, answer.hearing.moods["happy"]) == (AffectPoint(0.8, 0.5), 1.0)
    assert answer.tags == "piano 61 %, slow 40 %"
    assert "4 parts of 3 s" in answer.note
