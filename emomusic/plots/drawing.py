"""Faces marked on a picture or a video: frames and tags, readable on any background and at any size."""

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
    """What to draw around one face.

    Attributes:
        box: where, in pixels of the picture.
        text: a short label; may be empty.
        colour: of the frame and the tag, as "#rrggbb".
    """

    box: Box
    text: str
    colour: str


def annotate(image: RgbImage, marks: Sequence[Mark], *, smallest_letters: float = 11.0) -> RgbImage:
    """Draw frames with tags, readable on any background and at any size of picture.

    Lines and letters grow with the picture. A tag stays inside the picture and, where there is room, off the faces
    and off the other tags.

    Args:
        image: shape (height, width, 3), uint8, RGB.
        marks: one for each face.
        smallest_letters: their size in pixels at least.

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


# A bar's empty part is dark on any frame, and its rim light: one of the two stands out.
_BAR_RIM, _BAR_GROUND = (255, 255, 255), (24, 24, 28)


@dataclass(frozen=True, slots=True)
class LiveMark:
    """What to draw around one face of a video.

    Attributes:
        box: where, in pixels of the frame.
        text: a short label; may be empty.
        colour: of the frame, the tag and the bar, as "#rrggbb".
        share: how far the bar below the face is filled, 0 to 1.
        points: to be dotted, each (x, y); those outside the frame are left out.
    """

    box: Box
    text: str
    colour: str
    share: float
    points: tuple[tuple[float, float], ...] = ()


def draw_live(image: RgbImage, marks: Sequence[LiveMark], *, boxes: bool = True) -> None:
    """Draw frames, tags and bars into a video frame, in about a millisecond.

    Unlike `annotate` it draws in place, and a tag keeps its place above the face (inside where there is no room): one
    that looked for a free place would jump about as people move.

    Args:
        image: shape (height, width, 3), uint8, RGB, contiguous; changed.
        marks: later ones lie above earlier ones.
        boxes: without, only the points are drawn.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    line = max(2, round(longer / 240))
    for mark in marks:
        box, colour, rim = mark.box, rgb_of(mark.colour), rgb_of(ink_on(mark.colour))
        if boxes:
            # A rim in the opposite shade keeps the line visible on a background of its own colour.
            for thick, shade in ((line + 2, rim), (line, colour)):
                _outline(image, box, thick, shade)
        radius = min(max(box.width // 40, 2), line + 1)
        for x, y in mark.points:
            if 0 <= x < width and 0 <= y < height:
                cv2.circle(image, (round(x), round(y)), radius + 1, rim, -1, cv2.LINE_AA)
                cv2.circle(image, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
    for mark in marks if boxes else ():  # after all frames: a word is never crossed by a line
        _draw_bar(image, mark, line)
        if mark.text:
            # Even sizes only, so that few tags are set anew as a face comes nearer
            size = 2 * round(min(max(mark.box.width / 5, longer / 42), longer / 28) / 2)
            _paste(image, _tag(mark.text, mark.colour, size), mark.box.x - line, mark.box.y - line)


# Rectangles are filled by slices: each call of OpenCV gives up Python's lock, and a busy worker may then keep a frame
# waiting for milliseconds.


def _fill(image: RgbImage, left: int, top: int, right: int, bottom: int, colour: tuple[int, int, int]) -> None:
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def _outline(image: RgbImage, box: Box, thick: int, colour: tuple[int, int, int]) -> None:
    """Lines of a box, with their middle on its border."""
    near, far = thick // 2, thick - thick // 2
    left, top, right, bottom = box.x - near, box.y - near, box.right + near, box.bottom + near
    _fill(image, left, top, right, box.y + far, colour)
    _fill(image, left, box.bottom - far, right, bottom, colour)
    _fill(image, left, top, box.x + far, bottom, colour)
    _fill(image, box.right - far, top, right, bottom, colour)


def _draw_bar(image: RgbImage, mark: LiveMark, line: int) -> None:
    """A bar as wide as the face below it; at the frame's lower edge where there is no room."""
    box, thick = mark.box, 4 * line
    left, right = box.x - line // 2, box.right + line // 2
    top = min(box.bottom + line, image.shape[0] - thick)
    filled = max(round(mark.share * (right - left - 4)), 1)
    _fill(image, left, top, right, top + thick, _BAR_RIM)
    _fill(image, left + 1, top + 1, right - 1, top + thick - 1, _BAR_GROUND)
    _fill(image, left + 2, top + 2, left + 2 + filled, top + thick - 2, rgb_of(mark.colour))


def _paste(image: RgbImage, tag: RgbImage, left: int, bottom: int) -> None:
    """Put a tag above a place, moved and cut so that it stays inside the image."""
    height, width = tag.shape[0], min(tag.shape[1], image.shape[1])
    left = min(max(left, 0), image.shape[1] - width)
    top = max(bottom - height, 0)
    image[top : top + height, left : left + width] = tag[: image.shape[0] - top, :width]


@lru_cache(maxsize=256)
def _tag(text: str, colour: str, size: int) -> RgbImage:
    """A word on a plate of its colour. Setting it takes half a millisecond, so those in use are kept."""
    font = ImageFont.load_default(size)
    plate = Image.new("RGB", (round(font.getlength(text) + 0.7 * size), round(1.4 * size)), colour)
    middle = (plate.width / 2, plate.height / 2)
    ImageDraw.Draw(plate).text(middle, text, fill=ink_on(colour), font=font, anchor="mm")
    tag = np.array(plate, dtype=np.uint8)
    tag.setflags(write=False)  # shared by all who draw
    return tag


def _draw_frame(draw: ImageDraw.ImageDraw, box: Box, colour: str, line: int) -> None:
    edge = max(1, line // 2)
    outside = (box.x - edge, box.y - edge, box.right - 1 + edge, box.bottom - 1 + edge)
    # A rim in the opposite shade keeps the line visible on a background of its own colour.
    draw.rectangle(outside, outline=ink_on(colour), width=line + 2 * edge)
    draw.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), outline=colour, width=line)


_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True, eq=False)
class _FittedText:
    """A text, its letters, and the size of its tag in pixels."""

    text: str
    font: _Font
    width: int
    height: int


def _fit_text(mark: Mark, picture_size: tuple[int, int], smallest: float) -> _FittedText:
    """Choose letters that suit the picture and the face; shorten a text that is wider than the picture."""
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
    """Where a face's tag may be, inside the picture: above the face, below it, and inside it; the best first."""
    width, height = fitted.width, fitted.height
    lefts = (box.x, box.right - width, box.x + (box.width - width) // 2)
    tops = (box.y - height - line, box.bottom + line, box.y + line, box.bottom - height - line)
    return [
        Box(min(max(x, 0), picture_size[0] - width), min(max(y, 0), picture_size[1] - height), width, height)
        for y in tops
        for x in lefts
    ]


def _least_hiding(places: Sequence[Box], own: Box, faces: Sequence[Box], tags: Sequence[Box]) -> Box:
    """The place for a face's tag that hides least of what is drawn already."""
    # Another's tag hidden is worse than another's face, and that is worse than a strip of one's own.
    return min(
        places,
        key=lambda place: (
            3 * sum(place.shared_pixels(tag) for tag in tags)
            + 2 * sum(place.shared_pixels(face) for face in faces if face != own)
            + place.shared_pixels(own)
        ),
    )
