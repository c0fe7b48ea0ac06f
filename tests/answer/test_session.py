"""What the Live page says about a session that is over, without a page."""

import csv
import io

import numpy as np
import pytest

from emomusic.affect import Emotion
from emomusic.answer.others import MOST_SONGS, SessionAnswer
from emomusic.charts.live import mood_areas
from emomusic.songs.request import Policy, Request
from emomusic.stream.timeline import Timeline
from tests.fakes import FakeClassifier

HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def answer_to(*spans: tuple[int, Emotion | None], num_faces: int = 1) -> SessionAnswer:
    """A session with spans of seconds, with an emotion or without a face."""
    timeline, second = Timeline(), 0
    for seconds, emotion in spans:
        for _ in range(seconds):
            shares = None if emotion is None else FakeClassifier(emotion, 0.9).probabilities
            timeline.add(second, shares, 0 if shares is None else num_faces)
            second += 1
    return SessionAnswer(timeline.table())


def test_a_session_has_a_sentence_figures_and_a_moment_for_each_scene() -> None:
    answer = answer_to((40, HAPPY), (20, SAD), (20, None), num_faces=3)
    assert answer.sentence == "Session: mostly happy, at times sad"
    assert answer.figures == {
        "Duration": "1:20",
        "With a face": "75 %",
        "Most faces at once": "3",
        "Changes of mood": "1 a minute",
    }
    assert [(moment.start_s, moment.seconds) for moment in answer.moments] == [(0, 40), (40, 20)]


def test_the_figures_and_the_chart_agree_on_what_was_not_read() -> None:
    table = answer_to((30, HAPPY), (10, None), (60, HAPPY)).table
    answer = SessionAnswer(table.drop(range(50, 70)))  # a busy machine
    assert {**answer.figures, "With a face": "70 %", "Not read": "20 %"} == answer.figures
    height = sum(np.array(area.y) for area in mood_areas(answer.table).data)
    assert (height > 0).mean() == pytest.approx(0.7)
    (grey,) = mood_areas(answer.table).layout.shapes
    assert (grey.x0, grey.x1) == (49, 70)


def test_a_session_without_a_face_has_no_moods() -> None:
    assert answer_to((5, None)).moods is None
    assert answer_to().moods is None


def test_the_songs_are_for_the_longest_scenes_in_order_of_time() -> None:
    answer = answer_to((30, HAPPY), (40, SAD))
    requests = answer.requests(Request(policy=Policy.SOOTHE))
    assert [request.emotion for request in requests] == [HAPPY, SAD]
    assert {request.policy for request in requests} == {Policy.SOOTHE}
    assert answer.request.point.valence == pytest.approx((30 * 0.7 - 40 * 0.5) / 70, abs=0.1)
    assert [moment.emotion for moment in answer.moments] == [HAPPY, SAD]
    many = answer_to(*[(20 + step, (HAPPY, SAD)[step % 2]) for step in range(MOST_SONGS + 2)])
    assert len(many.requests(Request())) == len(many.moments) == MOST_SONGS


def test_a_long_session_tells_what_its_figures_cover() -> None:
    answer = answer_to((700, HAPPY))
    assert answer.figures["Duration"] == "11:40"
    assert answer.figures["From here on"] == "1:40"


def test_the_file_has_a_row_for_each_second() -> None:
    rows = list(csv.DictReader(io.StringIO(answer_to((2, HAPPY), (1, None)).csv())))
    assert [row["num_faces"] for row in rows] == ["1", "1", "0"]
    assert rows[0]["happy"] == "0.9000"
    assert rows[2]["happy"] == ""
