"""What the Live page says about a session that is over, without a page."""

import csv
import io

import pytest

from emomusic.affect import Emotion
from emomusic.answer.others import MOST_SONGS, SessionAnswer
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


def test_a_session_has_a_sentence_figures_and_a_row_for_each_scene() -> None:
    answer = answer_to((40, HAPPY), (20, SAD), (20, None), num_faces=3)
    assert answer.sentence == "Session: mostly happy, at times sad"
    assert answer.figures == {
        "Duration": "1:20",
        "With a face": "75 %",
        "Most faces at once": "3",
        "Changes of mood": "1 a minute",
    }
    assert answer.note == ""
    assert answer.rows()[["Start", "Duration"]].to_numpy().tolist() == [["0:00", "0:40"], ["0:40", "0:20"]]
    assert answer.rows()["Moods"].tolist() == ["happy 100 %", "sad 100 %"]


def test_a_session_without_a_face_has_no_moods() -> None:
    assert answer_to((5, None)).moods is None
    assert answer_to().moods is None


def test_the_songs_are_for_the_longest_scenes_in_order_of_time() -> None:
    answer = answer_to((30, HAPPY), (40, SAD))
    requests = answer.requests(Request(policy=Policy.SOOTHE))
    assert [request.emotion for request in requests] == [HAPPY, SAD]
    assert {request.policy for request in requests} == {Policy.SOOTHE}
    assert answer.request.point.valence == pytest.approx((30 * 0.7 - 40 * 0.5) / 70, abs=0.1)
    assert answer.which_rows == "One song for each row of the table."
    many = answer_to(*[(20 + step, (HAPPY, SAD)[step % 2]) for step in range(MOST_SONGS + 2)])
    assert len(many.requests(Request())) == MOST_SONGS
    assert "longest" in many.which_rows


def test_a_long_session_tells_what_its_figures_cover() -> None:
    answer = answer_to((700, HAPPY))
    assert answer.figures["Duration"] == "11:40"
    assert "the last 10 minutes, from 1:40 on" in answer.note


def test_the_file_has_a_row_for_each_second() -> None:
    rows = list(csv.DictReader(io.StringIO(answer_to((2, HAPPY), (1, None)).csv())))
    assert [row["num_faces"] for row in rows] == ["1", "1", "0"]
    assert rows[0]["happy"] == "0.9000"
    assert rows[2]["happy"] == ""
