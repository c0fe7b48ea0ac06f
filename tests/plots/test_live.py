"""emomusic/plots/live.py: charts of a live session or a film show their input data."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities
from emomusic.face.live.timeline import Segment, Timeline
from emomusic.plots.affect import circumplex
from emomusic.plots.colours import EMOTION_COLOURS, QUADRANT_COLOURS, TRAIL
from emomusic.plots.live import CLICKED, NamedFace, face_bars, film_areas, mood_areas


def timeline(*seconds: tuple[int, Emotion | None]) -> pd.DataFrame:
    line = Timeline()
    for time_s, emotion in seconds:
        group = None if emotion is None else EmotionProbabilities.certain(emotion)
        line.add(time_s, group, int(emotion is not None))
    return line.table()


def heights(table: pd.DataFrame, emotion: Emotion) -> list[float]:
    (trace,) = [trace for trace in mood_areas(table).data if trace.name == emotion.value]
    return list(trace.y)


def test_there_is_an_area_for_each_emotion_in_their_order_and_colour() -> None:
    traces = mood_areas(timeline((0, Emotion.HAPPY), (1, Emotion.SAD))).data
    assert [trace.name for trace in traces] == [emotion.value for emotion in EMOTIONS]
    assert [trace.line.color for trace in traces] == list(EMOTION_COLOURS.values())
    assert len({trace.stackgroup for trace in traces}) == 1


def test_short_gaps_are_filled_and_long_gaps_are_not() -> None:
    assert heights(timeline((0, Emotion.FEAR), (3, Emotion.FEAR)), Emotion.FEAR) == [100] * 4
    assert heights(timeline((0, Emotion.FEAR), (6, Emotion.FEAR)), Emotion.FEAR) == [100, 100, 100, 0, 0, 0, 100]


@pytest.mark.parametrize("seconds", [1, 31, 600])
def test_the_time_axis_has_a_few_ticks_within_its_range(seconds: int) -> None:
    axis = mood_areas(timeline(*((time_s, Emotion.SAD) for time_s in range(seconds)))).layout.xaxis
    assert 2 <= len(axis.tickvals) <= 9
    assert axis.range[0] <= min(axis.tickvals)
    assert max(axis.tickvals) <= axis.range[1]
    assert axis.ticktext[0] == "0:00"


FILM = timeline((0, Emotion.HAPPY), (1, Emotion.HAPPY), (2, None), (3, Emotion.SAD), (4, Emotion.SAD))
SCENES = [
    Segment(0, 2.25, EmotionProbabilities.certain(Emotion.HAPPY)),
    Segment(3, 2, EmotionProbabilities.certain(Emotion.SAD)),
]


def bands(figure: go.Figure) -> list[Any]:
    return [shape for shape in figure.layout.shapes if shape.type == "rect"]


def test_a_film_has_the_areas_of_a_session_with_its_scenes_above() -> None:
    figure = film_areas(FILM, SCENES)
    for area, of_session in zip(figure.data[: len(EMOTIONS)], mood_areas(FILM).data, strict=True):
        assert (area.name, list(area.x), list(area.y)) == (of_session.name, list(of_session.x), list(of_session.y))
    assert [(band.x0, band.x1) for band in bands(figure)] == [(0, 2.25), (3, 5)]
    assert [band.fillcolor for band in bands(figure)] == [QUADRANT_COLOURS[scene.quadrant] for scene in SCENES]
    assert all(band.y0 > 100 for band in bands(figure))
    assert [(note.text, note.x) for note in figure.layout.annotations] == [("1", 1.125), ("2", 4)]
    assert figure.layout.yaxis.range[1] >= max(band.y1 for band in bands(figure))


def test_the_chosen_scene_is_outlined() -> None:
    assert len({band.line.width for band in bands(film_areas(FILM, SCENES))}) == 1
    first, second = bands(film_areas(FILM, SCENES, chosen=1))
    assert first.line.width < second.line.width


def test_each_second_with_a_face_takes_clicks() -> None:
    (bars,) = [trace for trace in film_areas(FILM, SCENES).data if trace.name == CLICKED]
    assert list(bars.customdata) == [0, 1, 3, 4]
    assert [x - bars.width / 2 for x in bars.x] == [0, 1, 3, 4]
    assert ["happy" in text for text in bars.hovertext] == [True, True, False, False]
    assert bars.hovertext[2].startswith("0:03")
    assert all(trace.hoverinfo == "skip" for trace in film_areas(FILM, SCENES).data[: len(EMOTIONS)])


def test_every_face_has_a_stacked_bar_and_large_segments_are_named() -> None:
    values = np.array([0.05, 0.0, 0.05, 0.6, 0.3, 0.0, 0.0], np.float32)
    faces = [
        NamedFace("Everyone", EmotionProbabilities(values)),
        NamedFace("Face 3", EmotionProbabilities.certain(Emotion.SAD)),
    ]
    traces = {trace.name: trace for trace in face_bars(faces).data}
    assert list(traces["happy"].x) == pytest.approx([60, 0])
    assert list(traces["happy"].y) == ["Everyone", "Face 3"]
    assert list(traces["sad"].text) == ["sad", "sad"]
    assert list(traces["angry"].text) == ["", ""]


def test_older_trail_points_are_fainter_and_lie_below_the_faces() -> None:
    figure = circumplex([], trail=[AffectPoint(0, 0), AffectPoint(0.5, 0.5), AffectPoint(1, 1)])
    (trail,) = [trace for trace in figure.data if trace.name == "trail"]
    assert list(trail.x) == [0, 0.5, 1]
    opacities = [float(colour.rstrip(")").rsplit(",", 1)[1]) for colour in trail.marker.color]
    assert opacities == sorted(opacities)
    assert trail.marker.size[0] < trail.marker.size[-1]
    assert TRAIL not in EMOTION_COLOURS.values()
