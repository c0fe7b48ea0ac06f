"""Faces marked on a picture: frames and tags, readable on any background and at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from emomusic.face.images import Box, RgbImage


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


def annotate(image: RgbImage, marks: Sequence[Mark]) -> RgbImage:
    """Draw frames with tags, readable on any background and at any size of picture.

    Lines and letters grow with the picture. A tag stays inside the picture and, where there is room, off the faces
    and off the other tags.

    Returns:
        A copy of the same size, uint8, RGB.
    """
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    for mark in marks:
        _draw_frame(draw, mark.box, ImageColor.getrgb(mark.colour)[:3], line)
    faces = [mark.box for mark in marks]
    tags: list[Box] = []
    for mark in marks:
        if not mark.text:
            continue
        text, font, width, height = _fit_text(mark, picture.size)
        tag = _place_tag(mark.box, width, height, picture.size, line, faces, tags)
        tags.append(tag)
        colour = ImageColor.getrgb(mark.colour)[:3]
        draw.rectangle((tag.x, tag.y, tag.right - 1, tag.bottom - 1), fill=colour)
        middle = (tag.x + tag.width / 2, tag.y + tag.height / 2)
        draw.text(middle, text, fill=_contrast(colour), font=font, anchor="mm")
    return np.array(picture, dtype=np.uint8)


def _contrast(colour: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever stands out more (WCAG's relative luminance)."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def _draw_frame(draw: ImageDraw.ImageDraw, box: Box, colour: Sequence[int], line: int) -> None:
    edge = max(1, line // 2)
    outside = (box.x - edge, box.y - edge, box.right - 1 + edge, box.bottom - 1 + edge)
    # A rim in the opposite shade keeps the line visible on a background of its own colour.
    draw.rectangle(outside, outline=_contrast(colour), width=line + 2 * edge)
    draw.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), outline=tuple(colour), width=line)


_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _fit_text(mark: Mark, picture_size: tuple[int, int]) -> tuple[str, _Font, int, int]:
    """Choose letters that suit the picture and the face; shorten a text that is wider than the picture.

    Returns:
        The text, its font, and the tag's width and height in pixels.
    """
    longer = max(picture_size)
    size = min(max(mark.box.width / 6, 11.0, longer / 75), max(13.0, longer / 38))
    font, padding = ImageFont.load_default(size), size / 3

    def width_of(text: str) -> int:
        return round(font.getlength(text) + 2 * padding)

    text = mark.text
    while width_of(text) > picture_size[0] and len(text) > 1:
        text = text.rstrip("…")[:-1] + "…"
    return text, font, min(width_of(text), picture_size[0]), min(round(1.5 * size), picture_size[1])


def _place_tag(
    box: Box,
    width: int,
    height: int,
    picture_size: tuple[int, int],
    line: int,
    faces: Sequence[Box],
    tags: Sequence[Box],
) -> Box:
    lefts = (box.x, box.right - width, box.x + (box.width - width) // 2)
    tops = (box.y - height - line, box.bottom + line, box.y + line, box.bottom - height - line)
    places = [
        Box(min(max(x, 0), picture_size[0] - width), min(max(y, 0), picture_size[1] - height), width, height)
        for y in tops
        for x in lefts
    ]
    # Another's tag hidden is worse than another's face, and that is worse than a strip of one's own.
    return min(
        places,
        key=lambda place: (
            3 * sum(place.shared_pixels(tag) for tag in tags)
            + 2 * sum(place.shared_pixels(face) for face in faces if face != box)
            + place.shared_pixels(box)
        ),
    )
