import io

import numpy as np
import pytest
from PIL import Image

from emomusic.affect import Emotion
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.table import Faces
from emomusic.marks.drawing import face_strip, marked_frame
from emomusic.media.images import encode_jpeg
from emomusic.stream.game import Attempt
from tests.fakes import FakeClassifier, make_face

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
