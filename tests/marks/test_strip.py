import io

import numpy as np
from PIL import Image

from emomusic.affect import Emotion
from emomusic.marks.strip import face_strip
from emomusic.media.images import encode_jpeg
from emomusic.stream.game import Attempt
from tests.fakes import FakeClassifier


def test_a_game_has_one_column_for_each_round_and_one_row_for_each_player() -> None:
    picture = encode_jpeg(np.full((160, 160, 3), 30, np.uint8))
    seen, absent = Attempt(Emotion.SAD, FakeClassifier(Emotion.SAD).probabilities, picture), Attempt(Emotion.SAD)
    strip = np.asarray(Image.open(io.BytesIO(face_strip([(seen, seen), (seen, absent), (seen, seen)]))))
    side = strip.shape[0] // 2
    assert strip.shape == (2 * side, 3 * side, 3)
    is_white = (strip.reshape(2, side, 3, side, 3) == 255).all(axis=(1, 3, 4))
    assert is_white.tolist() == [[False, False, False], [False, True, False]]
