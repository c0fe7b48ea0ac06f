"""Frames and labels around faces on images and video frames, legible on any background and at any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from emomusic.affect import EmotionProbabilities, share_text
from emomusic.colours import EMOTION_COLOURS, ink_on, rgb_of
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import Faces
from emomusic.media.images import Box, RgbImage, encode_png, read_image
from emomusic.stream.game import Attempt

# The empty part of a bar is dark and its rim light, so one of them is visible on any background
_BAR_RIM, _BAR_GROUND = (255, 255, 255), (24, 24, 28)


@dataclass(frozen=True, slots=True)
class Mark:
    """The frame, label and bar of one face."""

    box: Box  # in pixels of the image
    text: str  # a short label; may be empty
    colour: str  # the frame, the label and the bar have it, as "#rrggbb"
    share: float | None = None  # filled part of a bar below the face, 0 to 1; None for no bar
    is_hollow: bool = False  # whether the label has a rim of the colour only, as for an unclear face


@dataclass(frozen=True, slots=True)
class MarkStyle:
    """Sizes of frames and labels."""

    lines: int  # thickness of a frame, as a divisor of the image's longer side
    # Letter size as a divisor of the face's width, and its least and largest divisor of the longer side
    letters: tuple[int, int, int]
    # Whether labels avoid faces and each other. Otherwise a label keeps its position above the face, or inside it at
    # the top edge, so that it does not jump between frames
    avoids_faces: bool
    smallest: float = 2.0  # letter size at least, in pixels


PHOTO, VIDEO = MarkStyle(400, (6, 75, 38), True, 11.0), MarkStyle(240, (5, 42, 28), False)


class YuvImage:
    """The planes of a video frame in the format yuv420p, of which rectangles are set as in an RGB image.

    A film that is marked in this format is not converted to RGB and back, which takes 6 ms for a frame of 1280x720.

    Attributes:
        shape: height, width, 3.
    """

    def __init__(self, planes: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Take brightness, shape (height, width), and two planes of colour, of half the size."""
        self._planes = planes
        self.shape = (*planes[0].shape, 3)

    def __setitem__(self, place: tuple[slice, slice], colours: Any) -> None:
        """Fill a rectangle with one colour in RGB or with pixels in YUV."""
        half = tuple(slice(side.start // 2, -(-side.stop // 2)) for side in place)
        brightness, *halves = self._planes
        if isinstance(colours, tuple):
            for plane, part, value in zip(self._planes, (place, half, half), _yuv_of(colours), strict=True):
                plane[part] = value
            return
        brightness[place] = colours[..., 0]
        # Each pixel of colour covers two rows and columns, and gets the colour of the first one in the rectangle
        rows, columns = (np.maximum(np.arange(side.start // 2 * 2, side.stop, 2) - side.start, 0) for side in place)
        for plane, channel in zip(halves, (1, 2), strict=True):
            target = plane[half]
            target[:] = colours[rows[: target.shape[0], None], columns[: target.shape[1]], channel]


def _to_yuv(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(pixels @ _TO_YUV + (16.5, 128.5, 128.5), np.uint8)  # the half rounds


@lru_cache(maxsize=64)
def _yuv_of(colour: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(_to_yuv(np.array(colour, np.uint8)).tolist())


# BT.601 in the range of films; its columns are Y, U and V
_TO_YUV = np.array([[0.2568, -0.1482, 0.4392], [0.5041, -0.2910, -0.3678], [0.0979, 0.4392, -0.0714]])


def draw_marks(image: RgbImage | YuvImage, marks: Sequence[Mark], style: MarkStyle) -> None:
    """Draw frames, labels and bars in place, in about a millisecond. Labels stay inside the image.

    Args:
        image: shape (height, width, 3), uint8, RGB, contiguous, or a video frame; changed.
        marks: later ones lie above earlier ones.
        style: their sizes.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    line = max(2, round(longer / style.lines))
    for mark in marks:
        # A rim in a contrasting shade keeps the line visible on a background of the same colour
        for thick, shade in ((line + 2 * (line // 2), ink_on(mark.colour)), (line, mark.colour)):
            _outline(image, mark.box, thick, rgb_of(shade))
    faces, places = [mark.box for mark in marks], list[Box]()
    for mark in marks:  # after all frames, so that no line crosses a label
        _draw_bar(image, mark, line)
        if mark.text:
            of_face, least, most = style.letters
            letters = max(min(max(mark.box.width / of_face, longer / least), longer / most), style.smallest)
            size = 2 * round(letters / 2)  # even sizes limit the number of labels to render as a face moves
            tag = _tag(mark.text, mark.colour, size, isinstance(image, YuvImage), mark.is_hollow)[:height, :width]
            possible = _places_of(tag, mark.box, (width, height), line)
            place = _least_hiding(possible, mark.box, faces, places) if style.avoids_faces else next(possible)
            places.append(place)
            image[place.y : place.bottom, place.x : place.right] = tag


# NumPy slices instead of OpenCV: OpenCV releases the GIL in each call, and getting it back can take milliseconds


def _fill(
    image: RgbImage | YuvImage, left: int, top: int, right: int, bottom: int, colour: tuple[int, int, int]
) -> None:
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def _outline(image: RgbImage | YuvImage, box: Box, thick: int, colour: tuple[int, int, int]) -> None:
    """Draw a box; the lines are centred on its border."""
    near, far = thick // 2, thick - thick // 2
    left, top, right, bottom = box.x - near, box.y - near, box.right + near, box.bottom + near
    _fill(image, left, top, right, box.y + far, colour)
    _fill(image, left, box.bottom - far, right, bottom, colour)
    _fill(image, left, top, box.x + far, bottom, colour)
    _fill(image, box.right - far, top, right, bottom, colour)


def _draw_bar(image: RgbImage | YuvImage, mark: Mark, line: int) -> None:
    """Draw a bar of the face's width below the face, or at the lower edge of the frame."""
    if mark.share is None:
        return
    box, thick = mark.box, 4 * line
    left, right = box.x - line // 2, box.right + line // 2
    top = min(box.bottom + line, image.shape[0] - thick)
    filled = max(round(mark.share * (right - left - 4)), 1)
    _fill(image, left, top, right, top + thick, _BAR_RIM)
    _fill(image, left + 1, top + 1, right - 1, top + thick - 1, _BAR_GROUND)
    _fill(image, left + 2, top + 2, left + 2 + filled, top + thick - 2, rgb_of(mark.colour))


@lru_cache(maxsize=256)
def _tag(text: str, colour: str, size: int, in_yuv: bool, is_hollow: bool) -> RgbImage:
    """A label with its background. Rendering takes half a millisecond, so results are cached."""
    font = ImageFont.load_default(size)
    plate = Image.new("RGB", (round(font.getlength(text) + 0.7 * size), round(1.4 * size)), colour)
    drawing, middle = ImageDraw.Draw(plate), (plate.width / 2, plate.height / 2)
    ink, rim = ink_on(colour), size // 10 + 1
    if is_hollow:
        drawing.rectangle((rim, rim, plate.width - rim - 1, plate.height - rim - 1), fill=ink)
    drawing.text(middle, text, fill=colour if is_hollow else ink, font=font, anchor="mm")
    tag = _to_yuv(np.array(plate)) if in_yuv else np.array(plate)
    tag.setflags(write=False)  # callers share the cached array
    return tag


def _places_of(tag: RgbImage, box: Box, picture_size: tuple[int, int], line: int) -> Iterator[Box]:
    """Possible label positions inside the image, best first: above, below and inside the face."""
    height, width = tag.shape[:2]
    lefts = (box.x - line, box.right + line - width, box.x + (box.width - width) // 2)
    tops = (box.y - height - line, box.bottom + line, box.y + line, box.bottom - height - line)
    return (
        Box(min(max(x, 0), picture_size[0] - width), min(max(y, 0), picture_size[1] - height), width, height)
        for y in tops
        for x in lefts
    )


def _least_hiding(places: Iterable[Box], own: Box, faces: Sequence[Box], tags: Sequence[Box]) -> Box:
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


# Images with marked faces, in the colours of the charts

_GAME, _LABEL, _EDGE = 200, 36, 6  # pixels of a face of a game, of the label above it, and around it


def annotated_picture(image: RgbImage, reading: PictureReading) -> RgbImage:
    """A copy of a picture, or of a smaller copy, with a frame and a label such as "2 happy 93 %" around every face."""
    picture, scale = image.copy(), max(image.shape[:2]) / max(reading.width, reading.height)
    marks = []
    for face in reading.faces:
        text = f"{face.number} {face.word} {share_text(face.probabilities[face.emotion])}"
        box, colour = face.face.box.scaled(scale), EMOTION_COLOURS[face.emotion]
        marks.append(Mark(box, text, colour, is_hollow=not face.is_sure))
    draw_marks(picture, marks, PHOTO)
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
    text, colour = f"{number} {emotion}{'' if is_sure else '?'}", EMOTION_COLOURS[emotion]
    return Mark(box, text, colour, probabilities[emotion], is_hollow=not is_sure)


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


def qr_code(text: str) -> RgbImage:
    """A text for the cameras of phones, with its white margin."""
    code = cv2.QRCodeEncoder.create().encode(text)
    return np.asarray(
        cv2.cvtColor(cv2.resize(code, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2RGB)
    )
