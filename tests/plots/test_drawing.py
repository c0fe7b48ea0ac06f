"""emomusic/plots/drawing.py: frames and labels are visible on any background and at any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emomusic.face.images import Box, RgbImage
from emomusic.plots.drawing import PHOTO, VIDEO, Mark, draw_marks


def marked(image: RgbImage, marks: list[Mark]) -> RgbImage:
    """A copy with these marks."""
    copy = image.copy()
    draw_marks(copy, marks, PHOTO)
    return copy


@pytest.mark.parametrize("side", [64, 2000])
@pytest.mark.parametrize("colour", ["#FFFFFF", "#E69F00"])
@pytest.mark.parametrize("background", [0, 255])
def test_frame_and_label_are_visible_on_any_background(side: int, colour: str, background: int) -> None:
    image = np.full((side, side, 3), background, np.uint8)
    box = Box(side // 4, side // 2, side // 2, side // 4)
    drawn = marked(image, [Mark(box, "happy 98 %", colour)])
    assert drawn.shape == image.shape
    assert (image == background).all()
    differs = np.abs(drawn.astype(int) - background).max(axis=2) > 100
    # Every side of the frame is at least 2 pixels and 0.2 % of the image wide
    thick = max(2, side // 500)
    across, down = differs[box.y + box.height // 2], differs[:, box.x + box.width // 2]
    assert np.count_nonzero(across[: side // 2]) >= thick
    assert np.count_nonzero(across[side // 2 :]) >= thick
    assert np.count_nonzero(down[box.y + box.height // 2 :]) >= thick
    # The label lies above, with black or white letters
    letters = 255 if colour == "#000000" else 0
    tag = np.abs(drawn[: side // 2].astype(int) - letters).max(axis=2)
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


@pytest.mark.parametrize("colour", ["#B43713", "#BB8409"])
@pytest.mark.parametrize("background", [0, 255])
def test_live_frame_label_and_bar_are_visible_on_any_background(colour: str, background: int) -> None:
    image = np.full((240, 320, 3), background, np.uint8)
    draw_marks(image, [Mark(LIVE_BOX, "3 surprise", colour, 0.5)], VIDEO)
    differs = np.abs(image.astype(int) - background).max(axis=2) > 80
    assert differs[150, 116:124].sum() >= 2  # the left line
    assert differs[150, 196:204].sum() >= 2
    assert not differs[110:190, 130:190].any()  # the face itself is unchanged
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    filled = (image[202:212] == rgb).all(axis=2).sum(axis=1).max()
    assert 30 <= filled <= 45  # half of the bar
    plate = (image[:98] == rgb).all(axis=2)
    assert plate.sum() > 200  # the label above the face
    letters = np.abs(image[:98].astype(int) - rgb).max(axis=2)[plate.any(axis=1)][:, plate.any(axis=0)]
    assert (letters > 80).sum() > 30


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_filled_part_of_the_bar_equals_the_share(share: float) -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    draw_marks(image, [Mark(LIVE_BOX, "", "#2F8DEE", share)], VIDEO)
    filled = (image[206] == (0x2F, 0x8D, 0xEE)).all(axis=1).sum()
    assert filled == pytest.approx(share * LIVE_BOX.width, abs=4)


def test_live_marks_without_boxes_are_only_points() -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    draw_marks(image, [Mark(LIVE_BOX, "1 sad", "#2F8DEE", 0.5, ((160.0, 150.0), (-5.0, 400.0)))], VIDEO, boxes=False)
    changed = np.argwhere((image != 128).any(axis=2))
    assert len(changed) > 4
    assert np.abs(changed - (150, 160)).max() <= 5


@settings(deadline=None)
@given(
    st.lists(
        st.builds(Box, st.integers(0, 79), st.integers(0, 59), st.integers(1, 80), st.integers(1, 60)), max_size=5
    ),
    st.floats(0, 1),
)
def test_live_boxes_anywhere_can_be_drawn(boxes: list[Box], share: float) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    marks = [
        Mark(box.clipped(80, 60), "12 surprise", "#CB0AA3", share, ((float(box.x), float(box.y)),)) for box in boxes
    ]
    draw_marks(image, marks, VIDEO)
    assert image.any() == bool(boxes)
