"""Images with marked faces, in the colours of the charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from emomusic.affect import Emotion, EmotionProbabilities, share_text
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import Faces
from emomusic.marks.drawing import PHOTO, VIDEO, Mark, draw_marks
from emomusic.media.images import Box, RgbImage, encode_png, read_image
from emomusic.stream.game import Attempt

_GAME, _LABEL, _EDGE = 200, 36, 6  # pixels of a face of a game, of the label above it, and around it


def annotated_picture(image: RgbImage, reading: PictureReading, *, smallest: float = PHOTO.smallest) -> RgbImage:
    """A copy of a picture, or of a smaller copy, with a frame and a label such as "2 happy 93 %" around every face.

    `smallest` is the least size of letters, in pixels.
    """
    picture, scale = image.copy(), max(image.shape[:2]) / max(reading.width, reading.height)
    marks = []
    for face in reading.faces:
        text = f"{mark_text(face.number, face.emotion, face.is_sure)} {share_text(face.probabilities[face.emotion])}"
        box, colour = face.face.box.scaled(scale), EMOTION_COLOURS[face.emotion]
        marks.append(Mark(box, text, colour, is_hollow=not face.is_sure))
    draw_marks(picture, marks, replace(PHOTO, smallest=smallest))
    return picture


def annotated_preview(image: RgbImage, reading: PictureReading, width: int, height: int) -> RgbImage:
    """A marked copy that fits `width` and `height`, with labels that are legible and do not hide a small image."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
    resized: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return annotated_picture(resized, reading)


def marked_frame(image: RgbImage, faces: Faces, scale: float = 1.0) -> RgbImage:
    """A copy of a frame of a film or camera, or of a smaller copy of this scale, with its faces marked."""
    picture = image.copy()
    marks = [video_mark(face.number, face.face.box.scaled(scale), face.probabilities, face.is_sure) for face in faces]
    draw_marks(picture, marks, VIDEO)
    return picture


def video_mark(number: int, box: Box, probabilities: EmotionProbabilities, is_sure: bool) -> Mark:
    """A mark with a bar for the share of the emotion."""
    emotion = probabilities.emotion
    text, colour = mark_text(number, emotion, is_sure), EMOTION_COLOURS[emotion]
    return Mark(box, text, colour, probabilities[emotion], is_hollow=not is_sure)


def mark_text(number: int, emotion: Emotion, is_sure: bool) -> str:
    """The label of a face: "2 happy", or "2 happy?" if it is unclear."""
    return f"{number} {emotion}{'' if is_sure else '?'}"


def face_strip(rounds: Sequence[Sequence[Attempt]]) -> bytes:
    """The best faces of a game as PNG: a column for each round, and a row for each player."""
    strip = np.full((len(rounds[0]) * _GAME, len(rounds) * _GAME, 3), 255, np.uint8)
    marks = []
    for column, attempts in enumerate(rounds):
        for row, attempt in enumerate(attempts):
            if attempt.picture:
                x, y = column * _GAME, row * _GAME
                strip[y : y + _GAME, x : x + _GAME] = cv2.resize(read_image(attempt.picture), (_GAME, _GAME))
                text = f"{attempt.emotion} {share_text(attempt.share)}"
                box = Box(x + _EDGE, y + _LABEL, _GAME - 2 * _EDGE, _GAME - _LABEL - _EDGE)
                marks.append(Mark(box, text, EMOTION_COLOURS[attempt.emotion]))
    draw_marks(strip, marks, VIDEO)
    return encode_png(strip)
