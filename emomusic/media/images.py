"""Images: decoding of untrusted files, boxes, face crops and the input of the networks.

Every image of this package has shape (height, width, 3), uint8, RGB, upright. This module converts it once.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import math
import os
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, UnidentifiedImageError, _imaging

from emomusic.errors import ImageError
from emomusic.media.formats import Kind, foreign_file, is_tga, kind_of, mov_atoms
from emomusic.media.guarded import GuardedFile, open_file
from emomusic.media.picture_files import MOST_SCANS, has_many_scans, is_raw_photo, is_small_jpeg, largest_jpeg
from emomusic.media.pixels import RgbImage as RgbImage
from emomusic.media.pixels import choose_page, to_rgb, unread_colours, with_alpha
from emomusic.runtime import num_cores
from emomusic.text import size_over

MAX_BYTES = 20 * 2**20
MAX_RAW_BYTES = 100 * 2**20
"""Of a raw photo, of which only a JPEG is decoded."""

MAX_PIXELS = 50_000_000
_MAX_HALVED = dict.fromkeys(("HEIF", "AVIF", "WEBP"), 75_000_000) | dict.fromkeys(("JPEG", "MPO"), 200_000_000)
_MAX_HALVED["PNG"] = 100_000_000
"""Pixels of pictures that are read at half their size, by how much memory their decoders take."""

MAX_RATIO = 100
"""Of the longer side to the shorter one. Decoders need a row of memory for each row, however short."""

WORK_S = 10.0
"""Processor time for decoding. Usually, 50 megapixels take 2 s."""

WORKING_SIDE = 1280

# An allow-list, because other decoders are unsafe: EPS starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO")

_DAMAGED = "is damaged or incomplete; copy it again, or choose another file."
_MAX_METADATA_BYTES = 2**26  # unpacked, of a PNG
_ORIENTATION = 274  # tag of EXIF
_TILE_SIDES, _MAX_TILE_PIXELS = (322, 323), 2**26  # tags of TIFF, whose decoder holds a tile and the picture
_SMALLEST_PREVIEW = 400  # pixels of the longer side; smaller ones in raw photos are thumbnails

# Bounds memory: decoding 50 megapixels takes half a gigabyte.
_decoding = threading.BoundedSemaphore(num_cores())

# Frames of cameras do not wait for photos, which take hundreds of times as long
_decoding_small = threading.BoundedSemaphore(num_cores())


def read_image(source: bytes | str | os.PathLike[str]) -> RgbImage:
    """The pixels of a picture, shape (height, width, 3), uint8, RGB. Arguments and errors as of `read_picture_file`."""
    return read_picture_file(source).pixels


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """A decoded picture.

    Attributes:
        pixels: shape (height, width, 3), uint8, RGB, upright.
        note: what of the file was read, if that is not all of it; None otherwise.
        is_upright: whether a camera or the file tells the orientation, so that no face lies on its side.
        decode_ms: time to read and decode the file.
    """

    pixels: RgbImage
    note: str | None = None
    is_upright: bool = False
    decode_ms: float = 0.0


def read_picture_file(source: bytes | str | os.PathLike[str], name: str = "") -> DecodedPicture:
    """Decode a picture, upright and with transparent areas in white.

    Of an animation and of a HEIC with several pictures, the first one that is not blank is decoded; of a TIFF, the
    largest page; of a raw photo, the largest JPEG in it. Over 50 megapixels, a picture is decoded at half its size.

    Args:
        source: bytes or path of a JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC, AVIF, JPEG 2000, PNM, ICO or TGA file, or of a
            raw photo.
        name: the name of a file given as bytes, for messages.

    Raises:
        ImageError: the file is absent, empty, damaged, not a picture, over 20 MB (a raw photo: 100 MB), over 50
            megapixels (a JPEG: 200, a PNG: 100, a HEIC, AVIF or WebP: 75), too narrow, or takes too long to decode.
    """
    started = time.perf_counter()
    _prepare_pillow()
    if isinstance(source, bytes):
        name, data, size = repr(name) if name else "This file", source, len(source)
    else:
        path = Path(source)
        name = repr(path.name or str(path))  # "." and "/" have no name
        with open_file(source, ImageError, "a picture", path.name or str(path)) as file:
            try:
                data, size = file.read(MAX_BYTES + 1), os.fstat(file.fileno()).st_size
                if MAX_BYTES < size <= MAX_RAW_BYTES and is_raw_photo(data):
                    data += file.read()
            except OSError as error:
                raise ImageError(f"{name} cannot be read: {error.strerror}; copy it to another disk.") from None
    if not data:
        raise ImageError(f"{name} is empty; choose another file.")
    is_raw = is_raw_photo(data)
    most = MAX_RAW_BYTES if is_raw else MAX_BYTES
    size = max(size, len(data))
    if size > most:
        limit = f"{most / 2**20:.0f} MB"
        raise ImageError(f"{name} is too large: {size_over(size)}, at most {limit}; choose a smaller file.")
    with _decoding_small if is_small_jpeg(data) else _decoding:
        decoded = _decode_raw(data, name) if is_raw else _decode(data, name)
    return replace(decoded, decode_ms=1000 * (time.perf_counter() - started))


def _decode_raw(data: bytes, name: str) -> DecodedPicture:
    found = largest_jpeg(data)
    if found is not None:
        picture = _decode(found[0], name, orientation=found[1])
        if max(picture.pixels.shape) >= _SMALLEST_PREVIEW:
            return picture
    raise ImageError(f"{name} is a raw photo without a large JPEG in it; export it as JPEG.")


def _decode(data: bytes, name: str, *, orientation: int = 1) -> DecodedPicture:
    """Decode a picture, with an orientation of EXIF if it has none itself."""
    formats: tuple[str, ...] = (*_FORMATS, "TGA") if is_tga(data) else _FORMATS
    if data[4:8] == b"ftyp":
        if max((at + length for _, at, length in mov_atoms(io.BytesIO(data))), default=0) > len(data):
            raise ImageError(f"{name} {_DAMAGED}")  # libheif leaves absent tiles green, without an error
        import pillow_heif  # takes 5 MB

        pillow_heif.register_heif_opener()
        formats = ("HEIF", *_FORMATS)
    file = GuardedFile(io.BytesIO(with_alpha(data)))
    file.deadline_s = time.thread_time() + WORK_S
    try:
        with Image.open(cast("BinaryIO", file), formats=formats) as picture:
            limit = _most_pixels(picture, data)
            _check_size(*picture.size, getattr(picture, "tag_v2", {}), name, limit)
            if data.startswith(b"\xff\xd8") and has_many_scans(data):
                raise ImageError(f"{name} has over {MOST_SCANS} scans, which take too long; save it as a JPEG again.")
            note = choose_page(picture)
            _check_size(*picture.size, getattr(picture, "tag_v2", {}), name, limit)
            if (unread := unread_colours(picture, data)) is not None:
                raise ImageError(f"{name} has {unread}, which are not read; save it as JPEG or PNG with 8 bits.")
            return _loaded(picture, orientation, note)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        most = f"at most {MAX_PIXELS / 1e6:.0f} megapixels"
        raise ImageError(f"{name} is too large: {most}; choose a smaller picture.") from None
    except UnidentifiedImageError as error:
        raise ImageError(foreign_file(name, kind_of(data), Kind.PICTURE)) from error
    except Exception as error:  # decoders raise anything on hostile bytes: SyntaxError, struct.error, MemoryError, …
        if file.is_late:
            raise ImageError(f"{name} takes too long to decode; save it as JPEG.") from error
        raise ImageError(f"{name} {_DAMAGED}") from error


def _most_pixels(picture: Image.Image, data: bytes) -> int:
    """The most pixels that are read of a picture of this format, perhaps at half its size."""
    if picture.format == "PNG" and data[24] > 8:  # bits of a sample, which take twice the memory
        return MAX_PIXELS
    return _MAX_HALVED.get("PNG" if picture.info.get("progressive") else picture.format or "", MAX_PIXELS)


def _loaded(picture: Image.Image, orientation: int, note: str | None) -> DecodedPicture:
    """The pixels of an opened picture, at half its size if it is large."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.draft(None, (width // 2, height // 2))  # JPEG only
        if picture.size == (width, height):
            as_mode = {"P": "RGBA", "1": "L"}.get(picture.mode)  # Pillow reduces neither palettes nor bits
            picture = (picture.convert(as_mode) if as_mode else picture).reduce(2)
        halved = f"It has {width}x{height} pixels, so it was read at half its size."
        note = halved if note is None else f"{note} {halved}"
    picture.load()
    pixels = to_rgb(picture, orientation)
    return DecodedPicture(pixels, note, orientation != 1 or picture.getexif().get(_ORIENTATION) in range(1, 9))


def _check_size(width: int, height: int, tags: Mapping[int, Any], name: str, max_pixels: int) -> None:
    """Raise an `ImageError` if a picture takes too much memory to decode; `tags` are those of a TIFF."""
    sides = [tags.get(tag) for tag in _TILE_SIDES]
    tile_pixels = math.prod(side for side in sides if isinstance(side, int))
    if width < 1 or height < 1:
        raise ImageError(f"{name} is damaged: {width}x{height} pixels; choose another file.")
    if width * height > max_pixels:
        raise ImageError(
            f"{name} is too large: {width * height / 1e6:.0f} ({width}x{height}), at most {max_pixels / 1e6:.0f} "
            "megapixels; choose a smaller picture."
        )
    if tile_pixels > _MAX_TILE_PIXELS:
        raise ImageError(f"{name} is damaged: it has tiles of {tile_pixels} pixels; choose another file.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise ImageError(
            f"{name} is too narrow: {width}x{height} pixels, at most {MAX_RATIO} times as long as wide; choose a "
            "picture that shows a face."
        )


@cache
def _prepare_pillow() -> None:
    """Ignore Pillow's warnings about metadata and sizes, which `_check_size` checks.

    The filter is set once, because warning filters belong to the process and changing them is not thread-safe.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif")
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else it prints what it raises
    Image.MAX_IMAGE_PIXELS = max(_MAX_HALVED.values()) // 2  # twice as many are an error
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MAX_METADATA_BYTES
    with contextlib.suppress(AttributeError, OSError):  # libtiff prints errors, which Pillow raises
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of an image.

    Attributes:
        x: first column.
        y: first row.
        width: number of columns, at least 1.
        height: number of rows, at least 1.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a box must be at least 1x1 pixel. Received: {self.width}x{self.height}")

    @property
    def right(self) -> int:
        """The first column after the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row after the box."""
        return self.y + self.height

    def scaled(self, factor: float) -> Box:
        """The box in an image resized by this factor."""
        left, top, right, bottom = (round(value * factor) for value in (self.x, self.y, self.right, self.bottom))
        return Box(left, top, max(right - left, 1), max(bottom - top, 1))

    def clipped(self, width: int, height: int) -> Box:
        """The part inside an image of this size.

        Raises:
            ValueError: the box lies outside the image.
        """
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.right, width), min(self.bottom, height)
        if right <= left or bottom <= top:
            raise ValueError(f"the box must touch the image of {width}x{height} pixels. Received: {self}")
        return Box(left, top, right - left, bottom - top)

    def shared_pixels(self, other: Box) -> int:
        """Number of pixels in both boxes."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(width, 0) * max(height, 0)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared_pixels(other)
        return shared / (self.width * self.height + other.width * other.height - shared)


def require_rgb(image: RgbImage) -> None:
    """Raise a `ValueError` if an image is empty or not uint8 of shape (height, width, 3)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"an image must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}")


def shrink(image: RgbImage, max_side: int = WORKING_SIDE, *, fast: bool = False) -> tuple[RgbImage, float]:
    """Reduce an image to a longer side of at most `max_side` pixels.

    `fast`: average two by two pixels first where less than half remains; in half of the time, with other rounding.

    Returns:
        The reduced image, or the image itself if it is small enough, and the scale.
    """
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1.0:
        return image, 1.0
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if fast and scale <= 0.5 and min(width, height) > 1:
        half = (width // 2, height // 2)
        image = np.asarray(cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA))
    small: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small, scale


def crop_face(image: RgbImage, box: Box, *, margin: float = 0.0, tilt: float = 0.0) -> RgbImage:
    """Cut a square around one face, as a copy. Areas outside the image repeat its border.

    No margin is best for the networks: the faces of FER2013 fit their frame as tightly as the detector's boxes.

    Args:
        image: shape (height, width, 3), uint8, RGB.
        box: position of the face in `image`, in pixels.
        margin: context added on each side, as a share of the box's longer side; negative cuts closer.
        tilt: degrees by which the face is turned counter-clockwise around its center.

    Raises:
        ValueError: `box` lies outside the image, or `margin` leaves no pixel.
    """
    height, width = image.shape[:2]
    box.clipped(width, height)  # raises ValueError
    side = round(max(box.width, box.height) * (1.0 + 2.0 * margin))
    if side < 1:
        raise ValueError(f"margin must leave at least one pixel of {box}. Received: {margin}")
    if tilt:
        wide = crop_face(image, box, margin=margin + 0.25 * (1 + 2 * margin))  # more than the diagonal
        turn = cv2.getRotationMatrix2D((len(wide) / 2, len(wide) / 2), tilt, 1.0)
        turn[:, 2] -= (len(wide) - side) / 2
        return np.asarray(cv2.warpAffine(wide, turn, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    top, left = (2 * box.y + box.height - side) // 2, (2 * box.x + box.width - side) // 2
    if min(top, left) >= 0 and top + side <= height and left + side <= width:
        return image[top : top + side, left : left + side].copy()  # five times as fast
    rows, columns = top + np.arange(side), left + np.arange(side)
    crop: RgbImage = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    return crop


def to_network_input(crops: Sequence[RgbImage], side: int) -> npt.NDArray[np.uint8]:
    """Convert crops to the grey, square input of the networks, in training and in the app.

    Args:
        crops: shape (h, w, 3) RGB or (h, w) grey, uint8. Resizing stretches a crop that is not square.
        side: the side in pixels.

    Returns:
        Shape (n, side, side, 1), uint8, 0 to 255; n may be 0. A grey crop of that size stays unchanged.

    Raises:
        ValueError: a crop is empty or has another shape or type.
    """
    batch = np.empty((len(crops), side, side, 1), np.uint8)
    for row, crop in zip(batch, crops, strict=True):
        if crop.dtype != np.uint8 or crop.size == 0 or not (crop.ndim == 2 or (crop.ndim == 3 and crop.shape[2] == 3)):
            raise ValueError(f"a crop must be uint8, (h, w, 3) or (h, w). Received: {crop.dtype}, {crop.shape}")
        grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        if grey.shape != (side, side):
            shrinks = min(grey.shape) >= side
            grey = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        row[..., 0] = grey
    return batch


def encode_png(image: RgbImage) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def encode_jpeg(image: RgbImage) -> bytes:
    """The image as a JPEG file of a fifth of the PNG's size, without chroma subsampling, so that text stays sharp."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()
