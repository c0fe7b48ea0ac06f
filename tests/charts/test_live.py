from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.charts.live import CLICKED, SOUND, face_bars, film_areas, mood_areas
from emomusic.colours import HATCHED, MOOD_COLOURS
from emomusic.songs.hearing import SoundSpan
from emomusic.stream.timeline import Scene, Timeline


def timeline(*seconds: tuple[int, Emotion | None]) -> pd.DataFrame:
    line = Timeline()
    for time_s, emotion in seconds:
        group = None if emotion is None else EmotionProbabilities.certain(emotion)
        line.add(time_s, group, int(emotion is not None))
    return line.table()


def heights(table: pd.DataFrame, emotion: Emotion) -> list[float]:
    (trace,) = [trace for trace in mood_areas(table).data if trace.name == emotion.value]
    return list(trace.y)


def test_short_gaps_are_filled_and_long_gaps_are_not() -> None:
    assert heights(timeline((0, Emotion.FEAR), (3, Emotion.FEAR)), Emotion.FEAR) == [100] * 4
    assert heights(timeline((0, Emotion.FEAR), (6, Emotion.FEAR)), Emotion.FEAR) == [100, 0, 0, 0, 0, 0, 100]


FILM = timeline((0, Emotion.HAPPY), (1, Emotion.HAPPY), (2, None), (3, Emotion.SAD), (4, Emotion.SAD))
SCENES = [
    Scene(0, 2.25, EmotionProbabilities.certain(Emotion.HAPPY)),
    Scene(3, 2, EmotionProbabilities.certain(Emotion.SAD)),
]


def bands(figure: go.Figure) -> list[Any]:
    return [shape for shape in figure.layout.shapes if shape.type == "rect"]


def test_a_film_has_the_areas_of_a_session_with_its_scenes_above() -> None:
    figure = film_areas(FILM, SCENES)
    for area, of_session in zip(figure.data[: len(EMOTIONS)], mood_areas(FILM).data, strict=True):
        assert (area.name, list(area.x), list(area.y)) == (of_session.name, list(of_session.x), list(of_session.y))
    assert [(band.x0, band.x1) for band in bands(figure)] == [(0, 2.25), (3, 5)]
    moods = [scene.quadrant.mood for scene in SCENES]
    assert [band.fillcolor for band in bands(figure)] == [MOOD_COLOURS[mood] for mood in moods]
    assert all(band.y0 > 100 for band in bands(figure))
    assert [band.line.width for band in bands(film_areas(FILM, SCENES, chosen=1))] == [1, 3]
    assert [(note.text, note.x) for note in figure.layout.annotations if note.y > 100] == [("1", 1.125), ("2", 4)]
    assert figure.layout.yaxis.range[1] >= max(band.y1 for band in bands(figure))


def test_the_time_axis_of_a_film_ends_with_the_film() -> None:
    sound = [SoundSpan(0, 600, Mood.CALM)]
    for end_s in (5.4, 15.0, 100.0):
        figure = film_areas(FILM, SCENES, end_s=end_s, sound=sound)
        assert tuple(figure.layout.xaxis.range) == (0, end_s)
        assert figure.data[-1].x[0] + figure.data[-1].width[0] / 2 == end_s
    assert figure.data[EMOTIONS.index(Emotion.SAD)].x[-1] == 5


def test_each_second_with_a_face_takes_clicks() -> None:
    (bars,) = [trace for trace in film_areas(FILM, SCENES).data if trace.name == CLICKED]
    assert list(bars.customdata) == [0, 1, 3, 4]
    assert [x - bars.width / 2 for x in bars.x] == [0, 1, 3, 4]
    assert ["happy" in text for text in bars.hovertext] == [True, True, False, False]
    assert bars.hovertext[2].startswith("0:03")
    assert all(trace.hoverinfo == "skip" for trace in film_areas(FILM, SCENES).data[: len(EMOTIONS)])


def test_the_sound_of_a_film_is_a_band_below_the_areas_on_the_same_axis() -> None:
    sound = [SoundSpan(0, 6, Mood.CALM), SoundSpan(6, 60, Mood.ENERGETIC)]
    figure, without = film_areas(FILM, SCENES, sound=sound), film_areas(FILM, SCENES)
    names = [trace.name for trace in without.data]
    assert [trace.name for trace in figure.data] == [*names, "calm sound", "energetic sound", SOUND]
    assert all(trace.showlegend is not False for trace in figure.data[len(names) : -1])
    bars = figure.data[-1]
    first, last = figure.layout.xaxis.range
    assert (first, last) == tuple(without.layout.xaxis.range)
    assert [x - width / 2 for x, width in zip(bars.x, bars.width, strict=True)] == [0, 6]
    assert bars.x[-1] + bars.width[-1] / 2 == last  # not beyond the film
    assert bars.base + bars.y[0] < 0
    assert figure.layout.yaxis.range[0] < bars.base
    assert list(bars.customdata) == [0, 6]
    assert list(bars.marker.color) == [MOOD_COLOURS[span.mood] for span in sound]
    assert list(bars.text) == ["calm", "energetic"]


def test_an_area_has_its_name_where_it_is_wide_and_fear_and_disgust_have_lines() -> None:
    figure = mood_areas(FILM)
    names = {note.text: (note.x, note.y) for note in figure.layout.annotations}
    assert names == {"happy": (pytest.approx(0.5, abs=0.5), 50), "sad": (pytest.approx(3.5, abs=0.5), 50)}
    hatched = {trace.name for trace in figure.data if trace.fillpattern.shape}
    assert hatched == {"fear", "disgust"} == {*HATCHED}
    assert mood_areas(timeline()).layout.annotations == ()


def test_every_face_has_a_stacked_bar_and_segments_with_room_are_named() -> None:
    values = np.array([0.05, 0.0, 0.05, 0.6, 0.3, 0.0, 0.0], np.float32)
    faces = {"Everyone": EmotionProbabilities(values), "Face 3": EmotionProbabilities.certain(Emotion.SAD)}
    traces = {trace.name: trace for trace in face_bars(faces).data}
    assert list(traces["happy"].x) == pytest.approx([60, 0])
    assert list(traces["happy"].y) == ["Everyone", "Face 3"]
    assert list(traces["sad"].text) == ["sad", "sad"]
    assert list(traces["angry"].text) == ["angry", ""]
    assert face_bars(faces).layout.uniformtext.mode == "hide"  # Plotly measures the room
    assert traces["fear"].marker.pattern.shape
