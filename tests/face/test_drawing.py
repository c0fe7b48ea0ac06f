"""emomusic/face/drawing.py: marks that can be read, on any background and at any size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emomusic.face.drawing import Mark, annotate
from emomusic.face.images import Box, read_image

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "eileen-collins-1999.jpg"


@pytest.mark.parametrize("side", [64, 300, 2000])
@pytest.mark.parametrize("colour", ["#FFFFFF", "#000000", "#E69F00"])
@pytest.mark.parametrize("background", [0, 128, 255])
def test_a_frame_and_its_tag_show_on_any_background(side: int, colour: str, background: int) -> None:
    image = np.full((side, side, 3), background, np.uint8)
    box = Box(side // 4, side // 2, side // 2, side // 4)
    drawn = annotate(image, [Mark(box, "happy 98 %", colour)])
    assert drawn.shape == image.shape
    assert (image == background).all()
    differs = np.abs(drawn.astype(int) - background).max(axis=2) > 100
    # Each side of the frame is crossed by a line of at least two pixels, and at least 2 thousandths of the picture.
    thick = max(2, side // 500)
    across, down = differs[box.y + box.height // 2], differs[:, box.x + box.width // 2]
    assert np.count_nonzero(across[: side // 2]) >= thick
    assert np.count_nonzero(across[side // 2 :]) >= thick
    assert np.count_nonzero(down[box.y + box.height // 2 :]) >= thick
    # The tag lies above, with letters in black or white, whichever stands out on it.
    letters = 255 if colour == "#000000" else 0
    tag = np.abs(drawn[: side // 2].astype(int) - letters).max(axis=2)
    assert np.count_nonzero(tag < 60) > 5


@settings(deadline=None)
@given(
    st.lists(st.builds(Box, st.integers(0, 80), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)), max_size=5)
)
def test_boxes_anywhere_can_be_drawn(drawn_boxes: list[Box]) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    marks = [Mark(box, "surprised, a little afraid 41 %", "#56B4E9") for box in drawn_boxes]
    assert annotate(image, marks).shape == (60, 80, 3)


def test_a_tag_covers_no_other_face_where_there_is_room() -> None:
    image = np.full((400, 600, 3), 200, np.uint8)
    upper, lower = Box(200, 100, 100, 100), Box(200, 205, 100, 100)
    drawn = annotate(image, [Mark(upper, "happy 98 %", "#E69F00"), Mark(lower, "sad 61 %", "#0072B2")])
    for box in (upper, lower):
        inner = drawn[box.y + 10 : box.bottom - 10, box.x + 10 : box.right - 10]
        assert (inner == 200).all()


def test_a_face_at_the_top_has_its_tag_inside_the_picture() -> None:
    image = np.full((200, 300, 3), 200, np.uint8)
    drawn = annotate(image, [Mark(Box(0, 0, 100, 100), "happy", "#E69F00")])
    orange = (drawn == (0xE6, 0x9F, 0)).all(axis=2)
    assert orange[100:, :].sum() > 200  # the tag went below


def test_no_mark_draws_nothing() -> None:
    image = read_image(SAMPLE)
    drawn = annotate(image, [])
    np.testing.assert_array_equal(drawn, image)
    assert drawn is not image
