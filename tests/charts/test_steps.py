import numpy as np
from PIL import ImageColor

from emomusic.charts import steps
from emomusic.colours import BOX_KEPT
from emomusic.faces.mtcnn import Boxes

GREY = np.full((200, 300, 3), 90, np.uint8)


def candidates(*corners: tuple[float, float, float, float]) -> Boxes:
    return Boxes(np.array(corners, np.float64).reshape(-1, 4), np.full(len(corners), 0.9))


def test_boxes_are_drawn_at_their_coordinates_only() -> None:
    drawn = steps.boxes_on_picture(GREY, candidates((20, 20, 80, 80)), candidates((200, 160, 500, 320)), scale=0.5)
    changed = (drawn != GREY).any(axis=2)
    assert changed[10:41, 10].all()
    assert changed[80:160, 100].all()
    assert (drawn[120, 100] == ImageColor.getrgb(BOX_KEPT)).all()
    assert not changed[90:150, 120:230].any()
    assert not changed[180:].any()
    assert (GREY == 90).all()


def test_the_highest_heat_is_lightest() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[2, 5], heat[6, 1] = 3.0, -4.0
    luminance = np.array([0.2126, 0.7152, 0.0722])
    drawn = steps.heat_on_face(np.full((8, 8), 120, np.uint8), heat, 80)[..., :3] @ luminance
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert (row // 10, column // 10) == (2, 5)
    assert drawn[65, 15] == drawn[5, 75]  # negative values count as zero


def test_the_crop_is_shown_in_colour_in_grey_and_as_pixels() -> None:
    crop = np.zeros((60, 60, 3), np.uint8)
    crop[..., 0] = 200
    drawn = steps.crop_steps(crop, np.full((48, 48), 77, np.uint8))
    middle = len(drawn) // 4
    assert tuple(drawn[middle, middle]) == (200, 0, 0)
    assert len(set(drawn[-middle, middle].tolist())) == 1
    assert tuple(drawn[middle, -middle]) == (77, 77, 77)
