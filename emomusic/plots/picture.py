"""Images with marked faces, in the colours of the charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageOps

from emomusic.affect import share_text
from emomusic.face.images import RgbImage, crop_face
from emomusic.face.live.reader import LiveFace, LiveView
from emomusic.face.reading import FaceReading, PictureReading
from emomusic.plots.colours import EMOTION_COLOURS
from emomusic.plots.drawing import LiveMark, Mark, annotate, draw_live

_MIN_LETTERS = 11.0  # pixels of the page
_MAX_SIDE = 1400  # Streamlit shrinks images wider than 1460 pixels on every run

ROOM_AROUND = 0.15
"""Margin around displayed faces, as a share of the box; `images.DEFAULT_MARGIN` applies to the network's input."""


def face_label(number: int, reading: FaceReading) -> str:
    """The text of a face's label: "2 happy 93 %"."""
    return f"{number} {reading.emotion} {share_text(reading.probabilities[reading.emotion])}"


def annotated_picture(image: RgbImage, reading: PictureReading) -> RgbImage:
    """A copy with a frame and a numbered label around every face, in the colour of its emotion."""
    return annotate(image, _marks(reading, 1.0))


def annotated_preview(
    image: RgbImage, reading: PictureReading, width: int, height: int, *, first: int = 1, only: int | None = None
) -> RgbImage:
    """A marked copy for display, with labels that are legible and do not hide a small image.

    Args:
        image: the image that was read, or a smaller copy.
        reading: its faces.
        width: of the displayed image, in pixels of the page.
        height: of the displayed image, in pixels of the page.
        first: number of the first face.
        only: number of the only face with a label; None for labels on all faces.

    Returns:
        Between one and two image pixels per page pixel, for high-resolution screens.
    """
    shown = min(width / image.shape[1], height / image.shape[0])
    scale = min(max(1.0, shown), 2 * shown, _MAX_SIDE / max(image.shape[:2]))
    size = tuple(max(round(side * scale), 1) for side in image.shape[1::-1])
    resized: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    marks = _marks(reading, max(size) / max(reading.width, reading.height), first)
    if only is not None:
        marks = [mark if number == only else replace(mark, text="") for number, mark in enumerate(marks, first)]
    return annotate(resized, marks, smallest_letters=_MIN_LETTERS * scale / shown)


def framed_face(image: RgbImage, reading: FaceReading, side: int) -> RgbImage:
    """A cropped face with a frame in the colour of its emotion.

    Args:
        image: the image that was read.
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
    """What is drawn on the video frames.

    Attributes:
        mirror: whether to flip the image horizontally; text is not mirrored.
        boxes: whether to draw a frame, a label and a bar for each face.
        landmarks: whether to draw eyes, nose and corners of the mouth.
    """

    mirror: bool = True
    boxes: bool = True
    landmarks: bool = False


def live_picture(image: RgbImage, view: LiveView, look: OverlayStyle = OverlayStyle()) -> RgbImage:
    """A copy of a video frame with its faces marked.

    Args:
        image: the frame passed to `LiveReader.submit_frame`.
        view: the result of `submit_frame`.
        look: the parts to draw.
    """
    return _drawn(image, view.faces, look)


def marked_frame(image: RgbImage, faces: Sequence[LiveFace], scale: float = 1.0) -> RgbImage:
    """A copy of a film's frame with its faces marked.

    Args:
        image: the frame, or a smaller copy.
        faces: in pixels of the frame.
        scale: size of `image` relative to the frame.
    """
    scaled = [
        replace(face, reading=replace(face.reading, face=replace(face.reading.face, box=box)))
        for face in faces
        for box in [face.reading.face.box.scaled(scale)]
    ]
    return _drawn(image, scaled, OverlayStyle(mirror=False))


def _drawn(image: RgbImage, faces: Sequence[LiveFace], look: OverlayStyle) -> RgbImage:
    picture = cv2.flip(image, 1) if look.mirror else image.copy()
    marks = []
    for face in faces:
        box, emotion = face.reading.face.box, face.reading.emotion
        points = face.reading.face.landmarks.points
        if look.mirror:
            width = image.shape[1]
            box = replace(box, x=width - box.right)
            points = tuple((width - 1 - x, y) for x, y in points)
        share = face.reading.probabilities[emotion]
        text = f"{face.number} {emotion}"
        marks.append(LiveMark(box, text, EMOTION_COLOURS[emotion], share, points if look.landmarks else ()))
    draw_live(picture, marks, boxes=look.boxes)
    return picture
