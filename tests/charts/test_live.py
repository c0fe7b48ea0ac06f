import numpy as np
import pandas as pd
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.charts.live import CLICKED, ROWS, face_bars, film_strip, mood_areas
from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS
from emomusic.songs.hearing import SoundSpan
from emomusic.stream.film import FilmFace
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


def test_the_time_axis_of_a_film_ends_with_the_film() -> None:
    sound = [SoundSpan(0, 600, Mood.CALM)]
    for end_s in (5.4, 15.0, 100.0):
        figure = film_strip(FILM, SCENES, end_s=end_s, sound=sound)
        assert tuple(figure.layout.xaxis.range) == (0, end_s)
        assert figure.data[-1].base[0] + figure.data[-1].x[0] == end_s
    assert figure.data[EMOTIONS.index(Emotion.SAD)].x[-1] == 5


def test_each_second_with_a_face_takes_clicks() -> None:
    (bars,) = [trace for trace in film_strip(FILM, SCENES).data if trace.name == CLICKED]
    assert list(bars.customdata) == [0, 1, 3, 4]
    assert [x - bars.width / 2 for x in bars.x] == [0, 1, 3, 4]
    assert ["happy" in text for text in bars.hovertext] == [True, True, False, False]
    assert bars.hovertext[2].startswith("0:03")
    assert all(trace.hoverinfo == "skip" for trace in film_strip(FILM, SCENES).data[: len(EMOTIONS)])


def test_each_person_and_the_sound_of_a_film_have_a_row_on_the_same_axis() -> None:
    sound = [SoundSpan(0, 6, Mood.CALM), SoundSpan(6, 60, Mood.ENERGETIC)]
    certain = EmotionProbabilities.certain(Emotion.FEAR)
    spans = ((0.0, 1.25, Emotion.FEAR), (3.0, 5.0, Emotion.SAD)), ((3.0, 5.0, Emotion.SAD),)
    people = [FilmFace(number, 0, 5, 4, certain, None, own) for number, own in zip((1, 4), spans, strict=True)]
    figure = film_strip(FILM, SCENES, sound=sound, people=people)
    assert figure.layout.yaxis2.ticktext == ("1", "4", "sound")
    rows = figure.data[-1]
    assert (rows.name, rows.yaxis, list(rows.y)) == (ROWS, "y2", [0, 0, 1, 2, 2])
    assert list(rows.base) == [0, 3, 3, 0, 6]
    first, last = figure.layout.xaxis.range
    assert (first, last) == tuple(film_strip(FILM, SCENES).layout.xaxis.range)
    assert rows.base[-1] + rows.x[-1] == last  # not beyond the film
    assert list(rows.customdata) == [0, 3, 3, 0, 6]
    assert list(rows.text) == ["fear", "sad", "sad", "calm", "energetic"]
    assert rows.marker.color[2:4] == (EMOTION_COLOURS[Emotion.SAD], MOOD_COLOURS[Mood.CALM])
    assert [bool(shape) for shape in rows.marker.pattern.shape] == [True, False, False, False, False]
    assert "Face 4" in rows.hovertext[2]


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
