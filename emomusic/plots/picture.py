"""The picture itself with its faces marked, in the colours of the charts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from PIL import Image, ImageOps

from emomusic.face.detection import Landmarks
from emomusic.face.drawing import LiveMark, Mark, annotate, draw_live
from emomusic.face.images import RgbImage, crop_face, shrink
from emomusic.face.live import LiveView
from emomusic.face.reading import FaceReading, PictureReading
from emomusic.plots.colours import EMOTION_COLOURS

_LEAST_LETTERS = 11.0  # pixels of the page

ROOM_AROUND = 0.15
"""Around a face that people look at, as a share of its box; the network sees none (`images.DEFAULT_MARGIN`)."""


def face_label(number: int, reading: FaceReading) -> str:
    """What stands on a face's tag: "2 happy 93 %"."""
    return f"{number} {reading.emotion} {100 * reading.probabilities[reading.emotion]:.0f} %"


def annotated_picture(image: RgbImage, reading: PictureReading) -> RgbImage:
    """A copy with every face framed, numbered from the left and named in the colour of its emotion."""
    return annotate(image, _marks(reading, 1.0))


def annotated_preview(
    image: RgbImage, reading: PictureReading, max_side: int, height: int, *, first: int = 1
) -> RgbImage:
    """The same, shrunk for the screen first: letters stay large enough to be read there, and little is drawn.

    Args:
        image: that was read, or a smaller copy of it.
        reading: its faces.
        max_side: of the result, in pixels.
        height: in which it is shown at most; less than `max_side`, as screens have more pixels than a page counts.
        first: the number of its first face.
    """
    small, _ = shrink(image, max_side)
    shown = max(small.shape[0] / height, 1.0)  # pixels of the result for one of the page
    marks = _marks(reading, max(small.shape[:2]) / max(reading.width, reading.height), first)
    return annotate(small, marks, smallest_letters=_LEAST_LETTERS * shown)


def framed_face(image: RgbImage, reading: FaceReading, side: int) -> RgbImage:
    """A face cut out, in a frame of the colour of its emotion.

    Args:
        image: that was read.
        reading: one of its faces.
        side: of the result, in pixels.
    """
    frame = max(side // 32, 1)
    inside = side - 2 * frame
    crop = crop_face(image, reading.face.box, margin=ROOM_AROUND)
    face = Image.fromarray(crop).resize((inside, inside), Image.Resampling.BOX if crop.shape[0] > inside else None)
    framed: RgbImage = np.asarray(ImageOps.expand(face, frame, EMOTION_COLOURS[reading.emotion]))
    return framed


def _marks(reading: PictureReading, scale: float, first: int = 1) -> list[Mark]:
    return [
        Mark(face.face.box.scaled(scale), face_label(number, face), EMOTION_COLOURS[face.emotion])
        for number, face in enumerate(reading.faces, first)
    ]


@dataclass(frozen=True, slots=True)
class LiveLook:
    """What is drawn on the frames of a stream.

    Attributes:
        mirror: as in a mirror, which is what people expect of themselves; words are never mirrored.
        boxes: frames, names and a bar for each face.
        landmarks: eyes, nose and corners of the mouth.
    """

    mirror: bool = True
    boxes: bool = True
    landmarks: bool = False


def live_picture(image: RgbImage, view: LiveView, look: LiveLook = LiveLook()) -> RgbImage:
    """A copy of a stream's frame with its faces marked.

    Args:
        image: the frame that `LiveReader.offer` was given.
        view: what it answered.
        look: what to draw.
    """
    picture = cv2.flip(image, 1) if look.mirror else image.copy()
    marks = []
    for face in view.faces:
        box, emotion = face.reading.face.box, face.reading.emotion
        points = tuple(getattr(face.reading.face.landmarks, field.name) for field in fields(Landmarks))
        if look.mirror:
            box = replace(box, x=view.width - box.right)
            points = tuple((view.width - 1 - x, y) for x, y in points)
        share = face.reading.probabilities[emotion]
        words = f"{face.number} {emotion}"
        marks.append(LiveMark(box, words, EMOTION_COLOURS[emotion], share, points if look.landmarks else ()))
    draw_live(picture, marks, boxes=look.boxes)
    return picture
