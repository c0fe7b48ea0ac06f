import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood
from emomusic.charts import steps
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.charts.diagnostics import (
    confusion_map,
    epoch_curves,
    fold_spread,
    reliability_diagram,
    threshold_curves,
)
from emomusic.charts.live import CLICKED, ROWS, film_strip, mood_areas
from emomusic.charts.music import change_bars, correlations, mood_regions, standings, waveform
from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS
from emomusic.faces.inspection import Occlusion
from emomusic.faces.who import Who
from emomusic.metrics import reliability
from emomusic.results.predictions import Predictions, thresholds_of
from emomusic.songs.hearing import SoundSpan
from emomusic.songs.playground import LabelledSongs, Settings, Training
from emomusic.songs.song import FEATURE_NAMES, FEATURES, Pick, Player, Song
from emomusic.stream.film import FilmFace
from emomusic.stream.timeline import Scene, Timeline

CLASSES = ("calm", "happy", "sad")
MATRIX = np.array([[8, 2, 0], [1, 4, 5], [0, 0, 0]])
FOUR = np.repeat(np.arange(4), 50)
SHARES = np.random.default_rng(0).dirichlet([1, 1, 1], 200).astype(np.float32)
TRUTH = np.arange(200) % 3
ANSWERS = Predictions(CLASSES, TRUTH, SHARES.argmax(axis=1), SHARES, TRUTH, np.arange(200))


def test_the_matrix_writes_shares_of_the_row_in_cells_that_can_be_selected() -> None:
    figure = confusion_map(MATRIX, CLASSES, chosen=("happy", "sad"), text_color=None)
    notes, (shades, points), right = figure.layout.annotations, figure.data, np.eye(3, dtype=bool)
    assert [note.text for note in notes][:6] == ["80", "20", "0", "10", "40", "50"]
    assert [(note.y, note.x) for note in notes[:2]] == [("calm", "calm"), ("calm", "happy")]
    z = np.array(shades.z)
    assert (z[right] >= 0).all()
    assert (z[~right] < 0).all()
    assert z[1, 2] == pytest.approx(-1)  # half of a class is the darkest
    assert [(y, x) for y, x in zip(points.y, points.x, strict=True)] == [(a, b) for a in CLASSES for b in CLASSES]
    assert tuple(points.customdata[5]) == ("5 of 10", "50.0")
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)


def test_the_matrix_writes_counts_and_the_total_of_each_row() -> None:
    figure = confusion_map(MATRIX, CLASSES, chosen=None, text_color=None, has_counts=True)
    assert [note.text for note in figure.layout.annotations] == [*map(str, MATRIX.ravel()), "10", "10", "0", "all"]


def test_axes_of_accuracies_begin_at_zero() -> None:
    found = thresholds_of(ANSWERS, "sad")
    charts = [*threshold_curves(found, chosen=None, share=0.5), fold_spread("a", np.array([[0.7, 0.8]]))]
    charts.append(epoch_curves({"training": np.array([90.0]), "held out": np.array([80.0])}, 0, label="right", top=100))
    for figure in charts:
        assert figure.layout.yaxis.range is None or figure.layout.yaxis.range[0] == 0
        assert figure.layout.xaxis.range is None or figure.layout.xaxis.range[0] == 0


def test_bars_of_changes_name_their_unit_and_a_loss_comes_first() -> None:
    figure = change_bars(np.linspace(-14, 4, len(FEATURES)), "happy")
    (bars,) = figure.data
    assert list(bars.x) == sorted(bars.x)
    assert bars.text[0] == "\u221214"
    assert "change of happy" in figure.layout.xaxis.title.text


def test_the_plane_of_a_training_marks_wrong_answers_and_right_songs_lie_in_their_own_area() -> None:
    random = np.random.default_rng(0)
    run = Training(LabelledSongs(random.random((300, 9)), np.arange(300) % 4, are_predicted=False), Settings(rate=0.01))
    run.step(5)
    regions, (places, labels, answers) = run.regions(), run.shown_songs()
    figure = mood_regions(regions, places, labels, answers)
    assert figure.layout.height == 260
    (wrong,) = figure.select_traces({"name": "wrong"})
    assert len(wrong.x) == int((labels != answers).sum()) > 0
    colours = {trace.marker.color for trace in figure.select_traces({"type": "scatter"}) if trace.name != "wrong"}
    assert len(colours) == 4
    assert not colours & {*EMOTION_COLOURS.values(), *MOOD_COLOURS.values()} - {"#80808A"}
    cells = np.rint(places * (len(regions) - 1)).astype(int)
    assert (regions[cells[:, 1], cells[:, 0]] == answers).mean() > 0.85  # the grid has 41 steps


def test_reliability_points_are_the_bins_and_the_line_skips_small_bins() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.6] * 7, 400).astype(np.float32)
    found = reliability(rng.integers(0, 7, 400), probabilities)
    calibrated, line, points = reliability_diagram(found).data
    filled = found.counts > 0
    assert list(calibrated.x) == list(calibrated.y) == [0, 100]
    assert list(points.x) == pytest.approx(100 * found.confidence[filled], abs=0.01)
    assert list(points.y) == pytest.approx(100 * found.accuracy[filled], abs=0.01)
    assert len(line.x) == (found.counts >= 10).sum() < filled.sum()


def test_the_feature_that_follows_the_mood_comes_first_and_a_constant_one_last() -> None:
    rng = np.random.default_rng(0)
    features = rng.uniform(0, 1, (200, len(FEATURES)))  # of songs whose mood depends on energy only
    features[:, FEATURE_NAMES.index("energy")] = np.repeat([0.1, 0.6, 0.9, 0.3], 50) + rng.normal(0, 0.01, 200)
    first, *others = standings(features, FOUR)
    assert first.feature.name == "energy"
    assert first.share > 0.95
    assert (first.lowest, first.highest) == (Mood.CALM, Mood.ENERGETIC)
    assert all(standing.share < 0.1 for standing in others)
    for num_songs in range(60, 201, 20):
        few, moods = features[-num_songs:], FOUR[-num_songs:]
        few[:, 0] = 0.1  # the mean of many equal values can differ by 1e-17
        last = standings(few, moods)[-1]
        assert (last.feature.name, last.share) == ("danceability", 0.0)
        assert np.isnan(correlations(few)[0]).all()


def test_a_waveform_has_the_greys_and_the_names_of_its_moods() -> None:
    path = [(0.0, 0.7, 0.6), (3.0, 0.7, 0.6), (6.0, -0.7, -0.5)]
    levels = [0.2, 0.4, 1.0, 0.5, 0.1, 0.3]
    (bars,) = waveform(levels, path).data
    assert list(bars.y) == pytest.approx([2 * level for level in levels])
    assert list(bars.base) == pytest.approx([-level for level in levels])
    assert list(bars.x) == pytest.approx([0, 1.5, 3, 4.5, 6, 7.5], abs=0.01)
    assert list(bars.marker.color) == [MOOD_COLOURS[Mood.HAPPY]] * 4 + [MOOD_COLOURS[Mood.SAD]] * 2
    notes = waveform(levels, path).layout.annotations
    assert [(note.text, note.x) for note in notes] == [("happy", 0), ("sad", pytest.approx(6))]
    assert len(waveform([0.5] * 8, path[:1]).data[0].x) == 8


def test_the_heat_of_occlusion_is_in_points_where_the_square_was() -> None:
    drops = np.zeros((3, 3), np.float32)
    drops[1, 2], drops[1, 0] = 0.25, 0.002
    occlusion = Occlusion(drops, (0, 16, 32), 16, 0.75)
    _, points = steps.heats(np.full((48, 48), 120, np.uint8), np.zeros((48, 48), np.float32), occlusion).data
    assert (points.x[2], points.y[1], points.z[1][2]) == (40, 24, 25)
    # Each second position has its number, the lowest one too
    assert [list(row) for row in points.text] == [[""] * 3, ["0", "", "-25"], [""] * 3]


def timeline(*seconds: tuple[int, Emotion | None]) -> pd.DataFrame:
    line = Timeline()
    for time_s, emotion in seconds:
        group = None if emotion is None else EmotionProbabilities.certain(emotion)
        line.add(time_s, group, int(emotion is not None))
    return line.table()


def heights(table: pd.DataFrame, emotion: Emotion) -> list[float]:
    (trace,) = [trace for trace in mood_areas(table).data if trace.name == emotion.value]
    return list(trace.y)


def test_short_gaps_are_filled_the_time_axis_ends_with_the_film_and_seconds_take_clicks() -> None:
    assert heights(timeline((0, Emotion.FEAR), (3, Emotion.FEAR)), Emotion.FEAR) == [100] * 4
    assert heights(timeline((0, Emotion.FEAR), (6, Emotion.FEAR)), Emotion.FEAR) == [100, 0, 0, 0, 0, 0, 100]
    sound = [SoundSpan(0, 600, Mood.CALM)]
    for end_s in (5.4, 15.0, 100.0):
        figure = film_strip(FILM, SCENES, end_s=end_s, sound=sound)
        assert tuple(figure.layout.xaxis.range) == (0, end_s)
        assert figure.data[-1].base[0] + figure.data[-1].x[0] == end_s
    assert figure.data[EMOTIONS.index(Emotion.SAD)].x[-1] == 5
    (bars,) = [trace for trace in film_strip(FILM, SCENES).data if trace.name == CLICKED]
    assert list(bars.customdata) == [0, 1, 3, 4]
    assert [x - bars.width / 2 for x in bars.x] == [0, 1, 3, 4]
    assert ["happy" in text for text in bars.hovertext] == [True, True, False, False]
    assert bars.hovertext[2].startswith("0:03")
    assert all(trace.hoverinfo == "skip" for trace in film_strip(FILM, SCENES).data[: len(EMOTIONS)])


FILM = timeline((0, Emotion.HAPPY), (1, Emotion.HAPPY), (2, None), (3, Emotion.SAD), (4, Emotion.SAD))
SCENES = [
    Scene(0, 2.25, EmotionProbabilities.certain(Emotion.HAPPY)),
    Scene(3, 2, EmotionProbabilities.certain(Emotion.SAD)),
]


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


Floats = npt.NDArray[np.float64]

WIDTH, MAX_SHIFT = 0.17, 1.5 * 0.17  # diameter of a mark among few faces; largest distance from its true position
ON_PLANE = st.floats(-1, 1, allow_subnormal=False)


def plane(places: npt.ArrayLike, emotion: Emotion = Emotion.HAPPY) -> go.Figure:
    points = np.reshape(places, (-1, 2)).tolist()
    return circumplex([FacePoint(Who.face(n), AffectPoint(x, y), emotion) for n, (x, y) in enumerate(points, 1)])


def trace(figure: go.Figure, name: str) -> go.Scatter:
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def shown(figure: go.Figure, name: str = "faces") -> Floats:
    marks = trace(figure, name)
    return np.column_stack([marks.x, marks.y]).astype(np.float64)


def test_a_mark_alone_is_at_its_coordinates_hollow_if_unclear_and_a_way_leads_to_the_target() -> None:
    song = Song("1", "A", ("B",), Player.SPOTIFY)
    songs = [Pick(song, Mood.HAPPY, 1.0, "", Mood.HAPPY, 1, point=AffectPoint(-0.3, -0.75))]
    figure = circumplex([FacePoint(Who.face(1), AffectPoint(0.5, 0.25), Emotion.HAPPY)], songs)
    assert shown(figure).tolist() == [[0.5, 0.25]]
    assert shown(figure, "songs").tolist() == [[-0.3, -0.75]]
    assert "lines" not in trace(figure, "songs").mode
    listener, target = AffectPoint(-0.5, -0.4), AffectPoint(0.6, 0.3)
    figure = circumplex([FacePoint(Who.face(1), listener, Emotion.SAD)], target=target)
    np.testing.assert_allclose(shown(figure, "way"), [(-0.5, -0.4), (0.6, 0.3)], atol=1e-6)
    point, colour = AffectPoint(0.5, 0.25), EMOTION_COLOURS[Emotion.HAPPY]
    faces = [FacePoint(Who.face(1), point, Emotion.HAPPY), FacePoint(Who.face(2), point, Emotion.HAPPY, is_sure=False)]
    marker = trace(circumplex(faces), "faces").marker
    (clear, unclear), (rim, other) = marker.color, marker.line.color
    assert clear == other == colour
    assert colour not in (unclear, rim)


@settings(max_examples=9)
@given(st.lists(st.tuples(ON_PLANE, ON_PLANE), min_size=1, max_size=15))
def test_any_mark_stays_near_its_position_in_its_quadrant_and_on_the_plane(places: list[tuple[float, float]]) -> None:
    at = shown(plane(places))
    assert np.linalg.norm(at - places, axis=1).max() <= MAX_SHIFT + 1e-9
    assert np.abs(at).max() <= 1
    wanted = np.array(places)
    assert (np.sign(at) == np.sign(wanted))[wanted != 0].all()
