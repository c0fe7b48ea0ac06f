import io

import numpy as np
import pytest
from PIL import Image

from emomusic.affect import Emotion
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.table import Faces
from emomusic.marks.drawing import PHOTO, VIDEO, Mark, draw_marks, face_strip, marked_frame
from emomusic.media.images import Box, RgbImage, encode_jpeg
from emomusic.stream.game import Attempt
from tests.fakes import FakeClassifier, make_face


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
    differs = np.abs(drawn.astype(np.int16) - background).max(axis=2) > 100
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


LIVE_BOX = Box(120, 100, 80, 100)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_filled_part_of_the_bar_equals_the_share(share: float) -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    draw_marks(image, [Mark(LIVE_BOX, "", "#2F8DEE", share)], VIDEO)
    filled = (image[206] == (0x2F, 0x8D, 0xEE)).all(axis=1).sum()
    assert filled == pytest.approx(share * LIVE_BOX.width, abs=4)


COLOUR = [int(EMOTION_COLOURS[Emotion.SAD][i : i + 2], 16) for i in (1, 3, 5)]


SAD_FACE = Faces.of([make_face(30, 80, 60, 75)], [FakeClassifier(Emotion.SAD).probabilities], number=[4])
"""In the left half of a 320x240 frame."""


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_frame_of_a_film_or_camera_is_marked_at_its_size(scale: float) -> None:
    shades = np.linspace(200, 50, 320).astype(np.uint8)  # darker to the right
    frame = np.repeat(np.tile(shades, (240, 1))[..., None], 3, axis=2)
    small = frame[:: round(1 / scale), :: round(1 / scale)].copy()
    before = small.copy()
    drawn = marked_frame(small, SAD_FACE, scale)
    np.testing.assert_array_equal(small, before)
    assert drawn.shape == small.shape
    columns = np.flatnonzero((drawn[round(90 * scale) : round(150 * scale)] == COLOUR).all(axis=2).any(axis=0))
    assert (columns.min(), columns.max()) == pytest.approx((30 * scale, 90 * scale), abs=3)
    assert drawn[-10, 0, 0] > drawn[-10, -1, 0]  # not mirrored


def test_a_game_has_one_column_for_each_round_and_one_row_for_each_player() -> None:
    picture = encode_jpeg(np.full((160, 160, 3), 30, np.uint8))
    seen, absent = Attempt(Emotion.SAD, FakeClassifier(Emotion.SAD).probabilities, picture), Attempt(Emotion.SAD)
    strip = np.asarray(Image.open(io.BytesIO(face_strip([(seen, seen), (seen, absent), (seen, seen)]))))
    side = strip.shape[0] // 2
    assert strip.shape == (2 * side, 3 * side, 3)
    is_white = (strip.reshape(2, side, 3, side, 3) == 255).all(axis=(1, 3, 4))
    assert is_white.tolist() == [[False, False, False], [False, True, False]]
