import numpy as np
import pytest

from emomusic.marks.drawing import PHOTO, VIDEO, Mark, draw_marks
from emomusic.media.images import Box, RgbImage


def marked(image: RgbImage, marks: list[Mark]) -> RgbImage:
    """A copy with these marks."""
    copy = image.copy()
    draw_marks(copy, marks, PHOTO)
    return copy


@pytest.mark.parametrize("side", [64, 2000])
@pytest.mark.parametrize("background", [0, 255])
def test_frame_and_label_are_visible_on_any_background(side: int, background: int) -> None:
    image = np.full((side, side, 3), background, np.uint8)
    box = Box(side // 4, side // 2, side // 2, side // 4)
    drawn = marked(image, [Mark(box, "happy 98 %", "#E69F00")])
    assert drawn.shape == image.shape
    assert (image == background).all()
    differs = np.abs(drawn.astype(int) - background).max(axis=2) > 100
    # Every side of the frame is at least 2 pixels and 0.2 % of the image wide
    thick = max(2, side // 500)
    across, down = differs[box.y + box.height // 2], differs[:, box.x + box.width // 2]
    assert np.count_nonzero(across[: side // 2]) >= thick
    assert np.count_nonzero(across[side // 2 :]) >= thick
    assert np.count_nonzero(down[box.y + box.height // 2 :]) >= thick
    # The label lies above, with black letters
    tag = drawn[: side // 2].max(axis=2)
    assert np.count_nonzero(tag < 60) > 5


def test_a_label_avoids_other_faces_if_there_is_room() -> None:
    image = np.full((400, 600, 3), 200, np.uint8)
    upper, lower = Box(200, 100, 100, 100), Box(200, 205, 100, 100)
    drawn = marked(image, [Mark(upper, "happy 98 %", "#E69F00"), Mark(lower, "sad 61 %", "#0072B2")])
    for box in (upper, lower):
        inner = drawn[box.y + 10 : box.bottom - 10, box.x + 10 : box.right - 10]
        assert (inner == 200).all()


def test_the_label_of_a_face_at_the_top_stays_inside_the_image() -> None:
    image = np.full((200, 300, 3), 200, np.uint8)
    drawn = marked(image, [Mark(Box(0, 0, 100, 100), "happy", "#E69F00")])
    orange = (drawn == (0xE6, 0x9F, 0)).all(axis=2)
    assert orange[100:, :].sum() > 200  # the label is below the face


LIVE_BOX = Box(120, 100, 80, 100)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_filled_part_of_the_bar_equals_the_share(share: float) -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    draw_marks(image, [Mark(LIVE_BOX, "", "#2F8DEE", share)], VIDEO)
    filled = (image[206] == (0x2F, 0x8D, 0xEE)).all(axis=1).sum()
    assert filled == pytest.approx(share * LIVE_BOX.width, abs=4)
