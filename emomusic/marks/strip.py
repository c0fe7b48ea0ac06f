"""The faces of a mirror game as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from emomusic.affect import share_text
from emomusic.charts.colours import EMOTION_COLOURS
from emomusic.marks.drawing import VIDEO, Mark, draw_marks
from emomusic.media.images import Box, encode_png, read_image
from emomusic.stream.game import Attempt

_SIDE = 200
_LABEL, _EDGE = 36, 6  # pixels for the label above a face, and around it
_WHITE = 255


def face_strip(rounds: Sequence[Sequence[Attempt]]) -> bytes:
    """The best faces of a game as PNG: a column for each round, and a row for each player."""
    strip = np.full((len(rounds[0]) * _SIDE, len(rounds) * _SIDE, 3), _WHITE, np.uint8)
    marks = []
    for column, attempts in enumerate(rounds):
        for row, attempt in enumerate(attempts):
            if attempt.picture:
                x, y = column * _SIDE, row * _SIDE
                strip[y : y + _SIDE, x : x + _SIDE] = cv2.resize(read_image(attempt.picture), (_SIDE, _SIDE))
                text = f"{attempt.emotion} {share_text(attempt.share)}"
                box = Box(x + _EDGE, y + _LABEL, _SIDE - 2 * _EDGE, _SIDE - _LABEL - _EDGE)
                marks.append(Mark(box, text, EMOTION_COLOURS[attempt.emotion]))
    draw_marks(strip, marks, VIDEO)
    return encode_png(strip)
