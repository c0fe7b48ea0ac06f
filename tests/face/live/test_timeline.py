"""emomusic/face/live/timeline.py: rows, segments and the summary of a session."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Quadrant
from emomusic.face.live.timeline import COLUMNS, SHARES, TIMELINE_SECONDS, Timeline, segments_of, summarize

HAPPY, SAD, ANGRY, NEUTRAL = (
    EmotionProbabilities.certain(emotion) for emotion in (Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY, Emotion.NEUTRAL)
)


def session(*parts: tuple[EmotionProbabilities | None, int]) -> pd.DataFrame:
    """A timeline's table of parts with their duration in seconds; None is a part without faces."""
    timeline, second = Timeline(), 0
    for group, seconds in parts:
        for _ in range(seconds):
            timeline.add(second + 0.3, group, 0 if group is None else 2)
            second += 1
    return timeline.table()


def spans(table: pd.DataFrame, shortest_s: int = 5) -> list[tuple[int, int, str]]:
    return [(s.start_s, s.seconds, str(s.quadrant)) for s in segments_of(table, shortest_s=shortest_s)]


def test_a_second_is_the_mean_of_its_readings() -> None:
    timeline = Timeline()
    for time_s, group in ((0.0, HAPPY), (0.4, HAPPY), (0.7, HAPPY), (0.9, SAD), (1.0, SAD)):
        timeline.add(time_s, group, 1)
    table = timeline.table()
    assert table["time_s"].tolist() == [0, 1]
    assert table["happy"].tolist() == pytest.approx([0.75, 0.0])
    assert table["valence"][0] == pytest.approx(0.75 * 0.81 - 0.25 * 0.63)
    assert table["quadrant"].tolist() == ["Q1", "Q3"]


def test_a_second_without_faces_has_a_row_with_missing_shares() -> None:
    table = session((HAPPY, 1), (None, 1))
    assert table["num_faces"].tolist() == [2, 0]
    assert table.loc[1, [*SHARES, "valence", "arousal", "quadrant"]].isna().all()


def test_a_second_has_its_largest_number_of_faces() -> None:
    timeline = Timeline()
    timeline.add(0.2, HAPPY, 3)
    timeline.add(0.8, None, 0)
    assert timeline.table()["num_faces"].tolist() == [3]
    assert timeline.table()["happy"].tolist() == [1.0]


def test_seconds_without_a_reading_have_no_row() -> None:
    timeline = Timeline()
    timeline.add(0.5, HAPPY, 1)
    timeline.add(7.5, HAPPY, 1)
    assert timeline.table()["time_s"].tolist() == [0, 7]


def test_a_timeline_keeps_the_last_ten_minutes() -> None:
    timeline = Timeline()
    for time_s in range(1000):
        timeline.add(time_s, HAPPY, 1)
    assert TIMELINE_SECONDS == 600
    assert timeline.table()["time_s"].tolist() == list(range(400, 1000))


def test_seconds_without_a_reading_count_towards_ten_minutes() -> None:
    timeline = Timeline()
    for time_s in range(0, 3000, 7):  # a slow machine
        timeline.add(time_s, HAPPY, 1)
    assert timeline.table()["time_s"].tolist() == [time_s for time_s in range(0, 3000, 7) if time_s > 2996 - 600]
    timeline.add(9000, SAD, 1)  # after a long gap
    assert timeline.table()["time_s"].tolist() == [9000]


def test_an_empty_timeline_has_the_columns_and_their_types() -> None:
    empty, full = Timeline().table(), session((HAPPY, 2), (None, 2))
    assert list(empty.columns) == COLUMNS
    assert empty.dtypes.tolist() == full.dtypes.tolist()
    assert segments_of(empty) == []
    summary = summarize(empty)
    assert (summary.seconds, summary.most_faces, summary.mean, summary.longest) == (0, 0, None, None)


def test_a_change_of_quadrant_starts_a_segment() -> None:
    table = session((HAPPY, 10), (SAD, 20), (NEUTRAL, 6))
    assert spans(table) == [(0, 10, "Q1"), (10, 20, "Q3"), (30, 6, "N")]
    first = segments_of(table)[0]
    assert (first.emotion, first.point.valence) == (Emotion.HAPPY, pytest.approx(0.81))


def test_a_short_segment_joins_its_longer_neighbour() -> None:
    assert spans(session((HAPPY, 10), (ANGRY, 2), (SAD, 20))) == [(0, 10, "Q1"), (10, 22, "Q3")]
    assert spans(session((HAPPY, 10), (ANGRY, 2), (HAPPY, 10))) == [(0, 22, "Q1")]


def test_neighbours_of_equal_quadrant_after_a_join_are_joined() -> None:
    def shares(**parts: float) -> EmotionProbabilities:
        return EmotionProbabilities(np.array([parts.get(emotion, 0.0) for emotion in EMOTIONS], np.float32))

    happy, angry = shares(happy=0.32, neutral=0.68), shares(surprise=0.27, angry=0.21, neutral=0.52)
    table = session((NEUTRAL, 6), (happy, 5), (angry, 6))
    segments = segments_of(table)
    assert all(
        (one.quadrant, one.emotion) != (other.quadrant, other.emotion) for one, other in itertools.pairwise(segments)
    ), spans(table)


def test_a_minimum_of_one_second_keeps_every_change() -> None:
    assert spans(session((HAPPY, 2), (ANGRY, 1), (SAD, 2)), shortest_s=1) == [(0, 2, "Q1"), (2, 1, "Q2"), (3, 2, "Q3")]


def test_only_a_long_gap_interrupts_a_segment() -> None:
    assert spans(session((HAPPY, 10), (None, 4), (HAPPY, 10))) == [(0, 24, "Q1")]
    assert spans(session((HAPPY, 10), (None, 5), (HAPPY, 10))) == [(0, 10, "Q1"), (15, 10, "Q1")]


def test_a_short_segment_without_neighbours_is_kept() -> None:
    assert spans(session((None, 10), (SAD, 2), (None, 10))) == [(10, 2, "Q3")]


def test_the_longest_segment_is_the_first_of_equal_ones() -> None:
    summary = summarize(session((HAPPY, 10), (SAD, 20), (ANGRY, 20), (None, 3)))
    assert (summary.seconds, summary.seconds_with_faces, summary.most_faces) == (53, 50, 2)
    assert summary.longest is not None
    assert (summary.longest.quadrant, summary.longest.start_s, summary.longest.seconds) == (Quadrant.Q3, 10, 20)
    assert summary.mean is not None
    assert summary.mean[Emotion.HAPPY] == pytest.approx(0.2)


@given(st.lists(st.tuples(st.sampled_from([None, *EMOTIONS]), st.integers(1, 12)), max_size=12), st.integers(1, 8))
def test_segments_are_sorted_and_cover_every_second_with_a_face(
    parts: list[tuple[Emotion | None, int]], shortest_s: int
) -> None:
    table = session(*((emotion and EmotionProbabilities.certain(emotion), seconds) for emotion, seconds in parts))
    segments = segments_of(table, shortest_s=shortest_s)
    covered = [second for s in segments for second in range(int(s.start_s), int(s.end_s))]
    assert covered == sorted(set(covered))
    assert set(table.loc[table["num_faces"] > 0, "time_s"]) <= set(covered)
    for one, other in itertools.pairwise(segments):
        gap = other.start_s - one.start_s - one.seconds
        assert gap >= shortest_s or (
            (one.quadrant, one.emotion) != (other.quadrant, other.emotion)
            and min(one.seconds, other.seconds) >= shortest_s
        )
