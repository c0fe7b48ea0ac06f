import itertools
from collections.abc import Collection

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.stream.timeline import (
    TIMELINE_SECONDS,
    SceneFinder,
    Timeline,
    every_second,
    mood_times,
    scenes_of,
    timeline_table,
)

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


def spans(table: pd.DataFrame) -> list[tuple[int, int, str]]:
    return [(s.start_s, s.seconds, str(s.quadrant)) for s in scenes_of(table, shortest_s=5)]


def test_a_timeline_keeps_ten_minutes_scenes_without_a_long_gap_and_alternating_moods() -> None:
    timeline = Timeline()
    for time_s in range(1000):
        timeline.add(time_s, HAPPY, 1)
    assert TIMELINE_SECONDS == 600
    assert timeline.table()["time_s"].tolist() == list(range(400, 1000))
    assert spans(session((HAPPY, 10), (None, 4), (HAPPY, 10))) == [(0, 24, "Q1")]
    assert spans(session((HAPPY, 10), (None, 5), (HAPPY, 10))) == [(0, 10, "Q1"), (15, 10, "Q1")]
    found = mood_times(session(*[(HAPPY, 3), (SAD, 3)] * 31))
    assert found.shares == {Emotion.HAPPY: 0.5, Emotion.SAD: 0.5}
    assert found.changes_per_minute == pytest.approx(20, abs=0.5)
    assert found.sentence == "As often happy as sad"
    assert mood_times(session((None, 9))) is None


@given(st.lists(st.tuples(st.sampled_from([None, *EMOTIONS]), st.integers(1, 12)), max_size=12), st.integers(1, 8))
def test_scenes_are_sorted_and_cover_every_face(parts: list[tuple[Emotion | None, int]], shortest_s: int) -> None:
    table = session(*((emotion and EmotionProbabilities.certain(emotion), seconds) for emotion, seconds in parts))
    scenes = scenes_of(table, shortest_s=shortest_s)
    covered = [second for s in scenes for second in range(int(s.start_s), int(s.end_s))]
    assert covered == sorted(set(covered))
    assert set(table.loc[table["num_faces"] > 0, "time_s"]) <= set(covered)
    for one, other in itertools.pairwise(scenes):
        gap = other.start_s - one.start_s - one.seconds
        assert gap >= shortest_s or (
            (one.quadrant, one.emotion) != (other.quadrant, other.emotion)
            and min(one.seconds, other.seconds) >= shortest_s
        )


def test_scenes_that_are_found_in_parts_are_those_of_the_whole_for_the_same_work() -> None:
    table = film_table(*[(SAD, 90), (HAPPY, 90)] * 5)
    whole, parts = (SceneFinder(shortest_s=0.5) for _ in range(2))
    whole.add(table)
    for first in range(0, len(table), 40):  # as the page looks while a film is read
        parts.add(table[first : first + 40])
        parts.scenes()
    found, expected = ([(scene.start_s, scene.emotion) for scene in each.scenes()] for each in (parts, whole))
    assert found == expected
    assert parts.num_compared == whole.num_compared < 120 * len(table)


def film_table(*parts: tuple[EmotionProbabilities | None, int], row_s: float = 0.25) -> pd.DataFrame:
    """A table of parts with their number of rows; None is a part without faces."""
    groups = [group for group, num_rows in parts for _ in range(num_rows)]
    totals = np.array(
        [np.zeros(len(EMOTIONS)) if group is None else 2 * np.array(list(group.as_dict().values())) for group in groups]
    )
    num_faces = np.array([0 if group is None else 2 for group in groups])
    return timeline_table(np.arange(len(groups)) * row_s, num_faces, totals).assign(seconds=row_s)


def mix(**shares: float) -> EmotionProbabilities:
    """Named shares; what they leave goes to neutral."""
    values = np.array([shares.get(emotion, 0.0) for emotion in EMOTIONS])
    values[Emotion.NEUTRAL.label] += 1 - values.sum()
    return EmotionProbabilities(values.astype(np.float32))


def starts(table: pd.DataFrame, cuts_s: Collection[float] = ()) -> list[float]:
    finder = SceneFinder(shortest_s=2.0)
    finder.add(table, cuts_s)
    return [scene.start_s for scene in finder.scenes()]


def test_scenes_do_not_depend_on_the_rate_and_a_cut_makes_only_a_change_count() -> None:
    for row_s in (0.1, 0.4, 3.0):
        num_rows = round(30 / row_s)
        table = film_table((HAPPY, num_rows), (mix(sad=0.7), num_rows), (ANGRY, num_rows), row_s=row_s)
        scenes = scenes_of(table, shortest_s=6.0)
        assert [scene.start_s for scene in scenes] == pytest.approx([0, 30, 60])
        assert [scene.seconds for scene in scenes] == pytest.approx([30, 30, 30])
    table = film_table((NEUTRAL, 10), (mix(sad=0.52), 10))
    assert starts(table) == [0]
    assert starts(table, [2.5]) == [0, 2.5]
    assert starts(film_table((HAPPY, 10), (mix(happy=0.95), 10)), [2.5]) == [0]


def test_readings_weigh_by_their_seconds_and_every_second_is_the_mean_of_its_faces() -> None:
    (scene,) = scenes_of(film_table((HAPPY, 1), (SAD, 1)).assign(time_s=[0.0, 3.0], seconds=[3.0, 1.0]))
    assert scene.probabilities[Emotion.HAPPY] == pytest.approx(0.75)
    table = every_second(film_table((HAPPY, 1), (SAD, 1)).assign(time_s=[0.0, 0.75], seconds=[0.75, 0.25]))
    assert table["happy"].tolist() == pytest.approx([0.75])
    table = every_second(film_table((HAPPY, 3), (SAD, 1), (None, 4), (SAD, 2), (None, 2)))
    assert table["time_s"].tolist() == [0, 1, 2]
    assert table["num_faces"].tolist() == [2, 0, 2]
    assert table["happy"].tolist() == pytest.approx([0.75, np.nan, 0], nan_ok=True)
    assert table["sad"].tolist() == pytest.approx([0.25, np.nan, 1], nan_ok=True)
    assert table.dtypes.to_dict() == session((HAPPY, 2), (None, 1)).dtypes.to_dict()
