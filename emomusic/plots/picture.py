"""The picture itself with its faces marked, in the colours of the charts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageOps

from emomusic.affect import share_text
from emomusic.face.images import RgbImage, crop_face
from emomusic.face.live.reader import LiveView
from emomusic.face.reading import FaceReading, PictureReading
from emomusic.plots.colours import EMOTION_COLOURS
from emomusic.plots.drawing import LiveMark, Mark, annotate, draw_live

_LEAST_LETTERS = 11.0  # pixels of the page
_MOST_SIDE = 1400  # Streamlit shrinks what is wider than 1460, at every run

ROOM_AROUND = 0.15
"""Around a face that people look at, as a share of its box; the network sees none (`images.DEFAULT_MARGIN`)."""


def face_label(number: int, reading: FaceReading) -> str:
    """What stands on a face's tag: "2 happy 93 %"."""
    return f"{number} {reading.emotion} {share_text(reading.probabilities[reading.emotion])}"


def annotated_picture(image: RgbImage, reading: PictureReading) -> RgbImage:
    """A copy with every face framed, numbered from the left and named in the colour of its emotion."""
    return annotate(image, _marks(reading, 1.0))


def annotated_preview(
    image: RgbImage, reading: PictureReading, width: int, height: int, *, first: int = 1, only: int | None = None
) -> RgbImage:
    """The same for a place on a page: letters can be read there, and do not hide the face of a tiny picture.

    Args:
        image: that was read, or a smaller copy of it.
        reading: its faces.
        width: of the place, in pixels of the page.
        height: of the place.
        first: the number of its first face.
        only: the number of the one face that is named, the others being framed; None for all.

    Returns:
        As large as it is shown at least, twice that at most, for screens that have more pixels than a page counts.
    """
    shown = min(width / image.shape[1], height / image.shape[0])
    scale = min(max(1.0, shown), 2 * shown, _MOST_SIDE / max(image.shape[:2]))
    size = tuple(max(round(side * scale), 1) for side in image.shape[1::-1])
    resized: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    marks = _marks(reading, max(size) / max(reading.width, reading.height), first)
    if only is not None:
        marks = [mark if number == only else replace(mark, text="") for number, mark in enumerate(marks, first)]
    return annotate(resized, marks, smallest_letters=_LEAST_LETTERS * scale / shown)


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
class OverlayStyle:
    """What is drawn on the frames of a stream.

    Attributes:
        mirror: as in a mirror, which is what people expect of themselves; words are never mirrored.
        boxes: frames, names and a bar for each face.
        landmarks: eyes, nose and corners of the mouth.
    """

    mirror: bool = True
    boxes: bool = True
    landmarks: bool = False


def live_picture(image: RgbImage, view: LiveView, look: OverlayStyle = OverlayStyle()) -> RgbImage:
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
        points = face.reading.face.landmarks.points
        if look.mirror:
            box = replace(box, x=view.width - box.right)
            points = tuple((view.width - 1 - x, y) for x, y in points)
        share = face.reading.probabilities[emotion]
        words = f"{face.number} {emotion}"
        marks.append(LiveMark(box, words, EMOTION_COLOURS[emotion], share, points if look.landmarks else ()))
    draw_live(picture, marks, boxes=look.boxes)
    return picture
