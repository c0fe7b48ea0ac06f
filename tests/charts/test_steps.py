import numpy as np

from emomusic.charts import steps
from emomusic.faces.inspection import Occlusion


def test_the_heat_of_occlusion_is_in_points_where_the_square_was() -> None:
    drops = np.zeros((3, 3), np.float32)
    drops[1, 2], drops[1, 0] = 0.25, 0.002
    occlusion = Occlusion(drops, (0, 16, 32), 16, 0.75, np.zeros((48, 48), np.float32))
    _, points = steps.heats(np.full((48, 48), 120, np.uint8), np.zeros((48, 48), np.float32), occlusion).data
    assert (points.x[2], points.y[1], points.z[1][2]) == (40, 24, 25)
    # Each second position has its number, the lowest one too
    assert [list(row) for row in points.text] == [[""] * 3, ["0", "", "-25"], [""] * 3]


def test_the_crop_is_shown_in_colour_in_grey_and_as_pixels() -> None:
    crop = np.zeros((60, 60, 3), np.uint8)
    crop[..., 0] = 200
    drawn = steps.crop_steps(crop, np.full((48, 48), 77, np.uint8))
    middle = len(drawn) // 4
    assert tuple(drawn[middle, middle]) == (200, 0, 0)
    assert len(set(drawn[-middle, middle].tolist())) == 1
    assert tuple(drawn[middle, -middle]) == (77, 77, 77)


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
