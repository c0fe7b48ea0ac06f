"""emomusic/plots/live.py: charts of a live session show their input data."""

import numpy as np
import pandas as pd
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities
from emomusic.face.live.timeline import COLUMNS, Timeline
from emomusic.plots.affect import circumplex
from emomusic.plots.colours import EMOTION_COLOURS, TRAIL, ink_on
from emomusic.plots.face import probability_bars
from emomusic.plots.live import NamedFace, face_rows, mood_areas


def timeline(*seconds: tuple[int, Emotion | None]) -> pd.DataFrame:
    line = Timeline()
    for time_s, emotion in seconds:
        group = None if emotion is None else EmotionProbabilities.certain(emotion)
        line.add(time_s, group, int(emotion is not None))
    return line.table()


def heights(table: pd.DataFrame, emotion: Emotion) -> list[float]:
    (trace,) = [trace for trace in mood_areas(table).data if trace.name == emotion.value]
    return list(trace.y)


def test_a_table_of_several_hours_is_drawn() -> None:
    hours = pd.concat([timeline((0, Emotion.HAPPY)), timeline((3 * 3600, Emotion.SAD))])
    ticks = mood_areas(hours).layout.xaxis.tickvals
    assert ticks[0] == 0
    assert np.diff(ticks).tolist() == [600] * 18


def test_there_is_an_area_for_each_emotion_in_their_order_and_colour() -> None:
    traces = mood_areas(timeline((0, Emotion.HAPPY), (1, Emotion.SAD))).data
    assert [trace.name for trace in traces] == [emotion.value for emotion in EMOTIONS]
    assert [trace.line.color for trace in traces] == list(EMOTION_COLOURS.values())
    assert len({trace.stackgroup for trace in traces}) == 1


def test_the_areas_are_the_shares() -> None:
    table = timeline((0, Emotion.HAPPY), (1, Emotion.SAD), (2, Emotion.SAD))
    assert heights(table, Emotion.HAPPY) == [100, 0, 0]
    assert heights(table, Emotion.SAD) == [0, 100, 100]


def test_areas_are_zero_without_faces() -> None:
    table = timeline((0, Emotion.HAPPY), (1, None), (2, Emotion.HAPPY))
    assert heights(table, Emotion.HAPPY) == [100, 0, 100]


def test_short_gaps_are_filled_and_long_gaps_are_not() -> None:
    assert heights(timeline((0, Emotion.FEAR), (3, Emotion.FEAR)), Emotion.FEAR) == [100] * 4
    assert heights(timeline((0, Emotion.FEAR), (6, Emotion.FEAR)), Emotion.FEAR) == [100, 100, 100, 0, 0, 0, 100]


@pytest.mark.parametrize("seconds", [1, 29, 31, 200, 600])
def test_the_time_axis_has_a_few_ticks_within_its_range(seconds: int) -> None:
    axis = mood_areas(timeline(*((time_s, Emotion.SAD) for time_s in range(seconds)))).layout.xaxis
    assert 2 <= len(axis.tickvals) <= 9
    assert axis.range[0] <= min(axis.tickvals)
    assert max(axis.tickvals) <= axis.range[1]
    assert axis.ticktext[0] == "0:00"


def test_an_empty_timeline_is_an_empty_chart() -> None:
    assert all(len(trace.x) == 0 for trace in mood_areas(Timeline().table()).data)
    assert list(Timeline().table().columns) == COLUMNS


def test_every_face_has_a_stacked_bar_and_large_segments_are_named() -> None:
    values = np.array([0.05, 0.0, 0.05, 0.6, 0.3, 0.0, 0.0], np.float32)
    faces = [
        NamedFace("Everyone", EmotionProbabilities(values)),
        NamedFace("Face 3", EmotionProbabilities.certain(Emotion.SAD)),
    ]
    traces = {trace.name: trace for trace in face_rows(faces).data}
    assert list(traces["happy"].x) == pytest.approx([60, 0])
    assert list(traces["happy"].y) == ["Everyone", "Face 3"]
    assert list(traces["sad"].text) == ["sad", "sad"]
    assert list(traces["angry"].text) == ["", ""]


def test_names_in_bars_are_black_or_white() -> None:
    assert {ink_on(colour) for colour in EMOTION_COLOURS.values()} == {"#000000", "#FFFFFF"}
    assert (ink_on("#FFFF00"), ink_on("#000080")) == ("#000000", "#FFFFFF")


def test_older_trail_points_are_fainter_and_lie_below_the_faces() -> None:
    figure = circumplex([], trail=[AffectPoint(0, 0), AffectPoint(0.5, 0.5), AffectPoint(1, 1)])
    (trail,) = [trace for trace in figure.data if trace.name == "trail"]
    assert list(trail.x) == [0, 0.5, 1]
    opacities = [float(colour.rstrip(")").rsplit(",", 1)[1]) for colour in trail.marker.color]
    assert opacities == sorted(opacities)
    assert trail.marker.size[0] < trail.marker.size[-1]
    assert TRAIL not in EMOTION_COLOURS.values()


def test_bars_without_a_face_have_no_length_and_no_percentage() -> None:
    (bars,) = probability_bars(None).data
    assert set(bars.x) == {0}
    assert set(bars.text) == {""}
