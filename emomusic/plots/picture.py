"""The picture itself with its faces marked, in the colours of the charts."""

from __future__ import annotations

from emomusic.face.drawing import Mark, annotate
from emomusic.face.images import RgbImage
from emomusic.face.reading import FaceReading, PictureReading
from emomusic.plots.colours import EMOTION_COLOURS


def face_label(number: int, reading: FaceReading) -> str:
    """What stands on a face's tag: "2 happy 93 %"."""
    return f"{number} {reading.emotion} {100 * reading.probabilities[reading.emotion]:.0f} %"


def annotated_picture(image: RgbImage, reading: PictureReading) -> RgbImage:
    """A copy with every face framed, numbered from the left and named in the colour of its emotion."""
    marks = [
        Mark(face.face.box, face_label(number, face), EMOTION_COLOURS[face.emotion])
        for number, face in enumerate(reading.faces, 1)
    ]
    return annotate(image, marks)
