import numpy as np

from emomusic.affect import EMOTION_POINTS, EMOTIONS, Emotion, affect_of
from emomusic.charts import steps
from tests.fakes import FakeClassifier


def test_line_width_follows_probability() -> None:
    values = FakeClassifier(Emotion.SAD, 0.7).probabilities
    point = affect_of(values)
    lines = {shape.name: shape for shape in steps.face_on_plane(values, "1", weights=True).layout.shapes if shape.name}
    assert set(lines) == {emotion.value for emotion in EMOTIONS}
    assert lines["sad"].line.width == max(line.line.width for line in lines.values()) > 3 * lines["happy"].line.width
    for emotion, place in EMOTION_POINTS.items():
        line = lines[emotion.value]
        assert (line.x0, line.y0, line.x1, line.y1) == (point.valence, point.arousal, place.valence, place.arousal)


def test_a_short_loud_tone_is_light_at_its_time_and_pitch() -> None:
    mels = np.zeros((500, 96), np.float32)
    mels[250:260, 40] = 3.0
    figure = steps.heard_song(mels, 8.0)
    z = np.asarray(figure.data[0].z)
    band, column = np.unravel_index(z.argmax(), z.shape)
    assert (band, z.max(), z.min()) == (40, 255, 0)
    assert abs(column * figure.data[0].dx - 4.0) < 0.1
    low, *_, high = figure.layout.yaxis.tickvals
    assert 0 < low < high < 96
