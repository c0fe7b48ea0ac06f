"""Frames and labels around faces on images and video frames, legible on any background and at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emomusic.face.images import Box, RgbImage
from emomusic.plots.colours import ink_on, rgb_of


@dataclass(frozen=True, slots=True)
class Mark:
    """The frame and label of one face.

    Attributes:
        box: in pixels of the image.
        text: a short label; may be empty.
        colour: of the frame and the tag, as "#rrggbb".
    """

    box: Box
    text: str
    colour: str


def annotate(image: RgbImage, marks: Sequence[Mark], *, smallest_letters: float = 11.0) -> RgbImage:
    """Draw frames with labels on a copy of an image.

    Lines and letters grow with the image. Labels stay inside the image and avoid faces and other labels if possible.

    Args:
        image: shape (height, width, 3), uint8, RGB.
        marks: one for each face.
        smallest_letters: minimum letter size, in pixels.

    Returns:
        A copy of the same size, uint8, RGB.
    """
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    for mark in marks:
        _draw_frame(draw, mark.box, mark.colour, line)
    faces = [mark.box for mark in marks]
    tags: list[Box] = []
    for mark in marks:
        if not mark.text:
            continue
        fitted = _fit_text(mark, picture.size, smallest_letters)
        tag = _least_hiding(_places_of(fitted, mark.box, picture.size, line), mark.box, faces, tags)
        tags.append(tag)
        draw.rectangle((tag.x, tag.y, tag.right - 1, tag.bottom - 1), fill=mark.colour)
        middle = (tag.x + tag.width / 2, tag.y + tag.height / 2)
        draw.text(middle, fitted.text, fill=ink_on(mark.colour), font=fitted.font, anchor="mm")
    return np.array(picture, dtype=np.uint8)


# The empty part of a bar is dark and its rim light, so one of them is visible on any background
_BAR_RIM, _BAR_GROUND = (255, 255, 255), (24, 24, 28)


@dataclass(frozen=True, slots=True)
class LiveMark:
    """The frame, label and bar of one face in a video frame.

    Attributes:
        box: in pixels of the video frame.
        text: a short label; may be empty.
        colour: of the frame, the label and the bar, as "#rrggbb".
        share: filled part of the bar below the face, 0 to 1.
        points: landmarks to draw as dots, each (x, y); points outside the video frame are skipped.
    """

    box: Box
    text: str
    colour: str
    share: float
    points: tuple[tuple[float, float], ...] = ()


def draw_live(image: RgbImage, marks: Sequence[LiveMark], *, boxes: bool = True) -> None:
    """Draw frames, labels and bars in place, in about a millisecond.

    A label keeps its position above the face, or inside it at the top edge, so that it does not jump between frames.

    Args:
        image: shape (height, width, 3), uint8, RGB, contiguous; changed.
        marks: later ones lie above earlier ones.
        boxes: whether to draw frames, labels and bars; False draws only the points.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    line = max(2, round(longer / 240))
    for mark in marks:
        box, colour, rim = mark.box, rgb_of(mark.colour), rgb_of(ink_on(mark.colour))
        if boxes:
            # A rim in a contrasting shade keeps the line visible on a background of the same colour
            for thick, shade in ((line + 2, rim), (line, colour)):
                _outline(image, box, thick, shade)
        radius = min(max(box.width // 40, 2), line + 1)
        for x, y in mark.points:
            if 0 <= x < width and 0 <= y < height:
                cv2.circle(image, (round(x), round(y)), radius + 1, rim, -1, cv2.LINE_AA)
                cv2.circle(image, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
    for mark in marks if boxes else ():  # after all frames, so that no line crosses a label
        _draw_bar(image, mark, line)
        if mark.text:
            # Even sizes limit the number of labels to render as a face moves
            size = max(2 * round(min(max(mark.box.width / 5, longer / 42), longer / 28) / 2), 2)
            _paste(image, _tag(mark.text, mark.colour, size), mark.box.x - line, mark.box.y - line)


# NumPy slices instead of OpenCV: OpenCV releases the GIL in each call, and getting it back can take milliseconds


def _fill(image: RgbImage, left: int, top: int, right: int, bottom: int, colour: tuple[int, int, int]) -> None:
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def _outline(image: RgbImage, box: Box, thick: int, colour: tuple[int, int, int]) -> None:
    """Draw a box; the lines are centred on its border."""
    near, far = thick // 2, thick - thick // 2
    left, top, right, bottom = box.x - near, box.y - near, box.right + near, box.bottom + near
    _fill(image, left, top, right, box.y + far, colour)
    _fill(image, left, box.bottom - far, right, bottom, colour)
    _fill(image, left, top, box.x + far, bottom, colour)
    _fill(image, box.right - far, top, right, bottom, colour)


def _draw_bar(image: RgbImage, mark: LiveMark, line: int) -> None:
    """Draw a bar of the face's width below the face, or at the lower edge of the frame."""
    box, thick = mark.box, 4 * line
    left, right = box.x - line // 2, box.right + line // 2
    top = min(box.bottom + line, image.shape[0] - thick)
    filled = max(round(mark.share * (right - left - 4)), 1)
    _fill(image, left, top, right, top + thick, _BAR_RIM)
    _fill(image, left + 1, top + 1, right - 1, top + thick - 1, _BAR_GROUND)
    _fill(image, left + 2, top + 2, left + 2 + filled, top + thick - 2, rgb_of(mark.colour))


def _paste(image: RgbImage, tag: RgbImage, left: int, bottom: int) -> None:
    """Draw a label above a position, moved and cropped to stay inside the image."""
    height, width = tag.shape[0], min(tag.shape[1], image.shape[1])
    left = min(max(left, 0), image.shape[1] - width)
    top = max(bottom - height, 0)
    image[top : top + height, left : left + width] = tag[: image.shape[0] - top, :width]


@lru_cache(maxsize=256)
def _tag(text: str, colour: str, size: int) -> RgbImage:
    """A label with its background. Rendering takes half a millisecond, so results are cached."""
    font = ImageFont.load_default(size)
    plate = Image.new("RGB", (round(font.getlength(text) + 0.7 * size), round(1.4 * size)), colour)
    middle = (plate.width / 2, plate.height / 2)
    ImageDraw.Draw(plate).text(middle, text, fill=ink_on(colour), font=font, anchor="mm")
    tag = np.array(plate, dtype=np.uint8)
    tag.setflags(write=False)  # callers share the cached array
    return tag


def _draw_frame(draw: ImageDraw.ImageDraw, box: Box, colour: str, line: int) -> None:
    edge = max(1, line // 2)
    outside = (box.x - edge, box.y - edge, box.right - 1 + edge, box.bottom - 1 + edge)
    # A rim in a contrasting shade keeps the line visible on a background of the same colour
    draw.rectangle(outside, outline=ink_on(colour), width=line + 2 * edge)
    draw.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), outline=colour, width=line)


_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True, eq=False)
class _FittedText:
    """A text with its font and the size of its label in pixels."""

    text: str
    font: _Font
    width: int
    height: int


def _fit_text(mark: Mark, picture_size: tuple[int, int], smallest: float) -> _FittedText:
    """Choose a font size for the image and the face, and shorten a text that is wider than the image."""
    longer = max(picture_size)
    size = max(min(max(mark.box.width / 6, longer / 75), max(13.0, longer / 38)), smallest)
    font, padding = ImageFont.load_default(size), size / 3

    def width_of(text: str) -> int:
        return round(font.getlength(text) + 2 * padding)

    text = mark.text
    while width_of(text) > picture_size[0] and len(text) > 1:
        text = text.rstrip("…")[:-1] + "…"
    return _FittedText(text, font, min(width_of(text), picture_size[0]), min(round(1.5 * size), picture_size[1]))


def _places_of(fitted: _FittedText, box: Box, picture_size: tuple[int, int], line: int) -> list[Box]:
    """Possible label positions inside the image, best first: above, below and inside the face."""
    width, height = fitted.width, fitted.height
    lefts = (box.x, box.right - width, box.x + (box.width - width) // 2)
    tops = (box.y - height - line, box.bottom + line, box.y + line, box.bottom - height - line)
    return [
        Box(min(max(x, 0), picture_size[0] - width), min(max(y, 0), picture_size[1] - height), width, height)
        for y in tops
        for x in lefts
    ]


def _least_hiding(places: Sequence[Box], own: Box, faces: Sequence[Box], tags: Sequence[Box]) -> Box:
    """The label position that hides the least of faces and other labels."""
    # Hiding another label is worse than hiding another face; hiding the label's own face is least bad
    return min(
        places,
        key=lambda place: (
            3 * sum(place.shared_pixels(tag) for tag in tags)
            + 2 * sum(place.shared_pixels(face) for face in faces if face != own)
            + place.shared_pixels(own)
        ),
    )
