"""Pictures in, RGB arrays out: reading untrusted files, boxes, face crops, and the networks' input.

Every image of this package is RGB, uint8, shape (height, width, 3), upright. It is made so here, once, at the edge.
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from emomusic.errors import ImageError
from emomusic.text import size_over

RgbImage: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width, 3), uint8, RGB, upright."""

PICTURE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "heic", "heif", "avif", "jfif", "jpe")
"""Of files that `read_image` can read."""

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
WORKING_SIDE = 1280

# Chosen on photographs (docs/decisions.md): FER2013 is cut as tight as the detector's boxes are.
DEFAULT_MARGIN = 0.0

# Named one by one: what is not here (EPS would start Ghostscript) is never tried, whatever the bytes say.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF", "AVIF")
FORMATS_IN_WORDS = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF"
_SIGNATURES = (
    (0, b"\xff\xd8\xff"),
    (0, b"\x89PNG"),
    (8, b"WEBP"),
    (0, b"BM"),
    (0, b"GIF8"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
)
_ISO_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")

_ORIENTATION_TAG = 0x0112
_ROWS = 64  # computed at once in float64, of which a whole picture would take 400 MB, several times over
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# 50 megapixels take half a gigabyte: no more pictures at once than can be decoded in parallel
_decoding = threading.BoundedSemaphore(os.cpu_count() or 1)


def read_image(source: bytes | str | os.PathLike[str]) -> RgbImage:
    """Read a picture from bytes or a file: first frame, upright, on white where it is transparent.

    Args:
        source: the bytes of a picture, or the path of one; JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or AVIF.

    Returns:
        Shape (height, width, 3), uint8, RGB.

    Raises:
        ImageError: no such file, not a picture, empty, damaged, over 20 MB or over 50 megapixels.
    """
    if isinstance(source, bytes):
        name, data = "This file", source
    else:
        path = Path(source)
        name, data = repr(path.name or str(path)), _read_file(path)
    if not data:
        raise ImageError(f"{name} is empty: expected a picture, received 0 bytes; choose another file.")
    if len(data) > MAX_BYTES:
        raise _too_many_bytes(name, len(data))
    with _decoding:
        return _decode(data, name)


def _read_file(path: Path) -> bytes:
    name = path.name or str(path)  # of "." and "/" it is nothing
    try:
        # A pipe or a device may block or never end.
        if not stat.S_ISREG((status := path.stat()).st_mode):
            raise ImageError(
                f"{name!r} is not a file: expected a picture, received a directory or device; choose a file."
            )
        if status.st_size > MAX_BYTES:
            raise _too_many_bytes(repr(name), status.st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"{name!r} was not found: expected the path of a picture; check the name.") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageError(
            f"{name!r} cannot be read: expected a readable file, received '{reason}'; check its name and rights."
        ) from None


def _too_many_bytes(name: str, num_bytes: int) -> ImageError:
    return ImageError(
        f"{name} is too large: expected at most {MAX_BYTES / 2**20:.0f} MB, "
        f"received {size_over(num_bytes)}; save it smaller."
    )


def _decode(data: bytes, name: str) -> RgbImage:
    too_many_pixels = f"{name} is too large: expected at most {MAX_PIXELS / 1e6:.0f} megapixels, received"
    damaged = f"{name} is damaged or incomplete: expected a whole picture, received one that"
    _prepare_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise ImageError(f"{too_many_pixels} {width * height / 1e6:.0f} ({width}x{height}); make it smaller.")
            if width < 1 or height < 1:
                raise ImageError(f"{damaged} measures {width}x{height} pixels; choose another file.")
            picture.load()
            return _to_rgb(picture)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(f"{too_many_pixels} several times that; make it smaller.") from None
    except Exception as error:
        # Decoders meet hostile bytes here and raise anything: OSError, SyntaxError, struct.error, MemoryError, …
        if isinstance(error, UnidentifiedImageError):
            if _has_signature(data):
                raise ImageError(
                    f"{name} is damaged or stored in a rare way: expected a whole picture, "
                    "received one that cannot be decoded; save it anew as JPEG or PNG."
                ) from error
            raise ImageError(
                f"{name} is not a picture that can be read: expected {FORMATS_IN_WORDS}, "
                f"received {len(data)} bytes of something else; choose another file."
            ) from error
        raise ImageError(f"{damaged} breaks off or makes no sense; send it again or choose another file.") from error


@cache
def _prepare_pillow() -> None:
    """Let Pillow read HEIC, and keep its warnings to itself.

    It warns of bomb sizes, which are checked here, and of odd metadata, which does not matter for the pixels. Warning
    filters belong to the whole process, so the filter is set once and stays: setting it for each picture is not safe
    with threads.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif")
    import pillow_heif

    pillow_heif.register_heif_opener()


def _has_signature(data: bytes) -> bool:
    starts = any(data[at : at + len(mark)] == mark for at, mark in _SIGNATURES)
    return starts or (data[4:8] == b"ftyp" and data[8:12] in _ISO_BRANDS)


def _to_rgb(picture: Image.Image) -> RgbImage:
    orientation = _orientation(picture)
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        grey = _to_eight_bits(values)
        grey[values == picture.info.get("transparency")] = 255  # of a PNG of 16 bits; Pillow would lose it
        picture = Image.fromarray(grey)
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    return np.array(picture, dtype=np.uint8)


def _orientation(picture: Image.Image) -> int:
    # Asked after loading: Pillow turns TIFF upright itself while loading, and then forgets the tag.
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # broken metadata is no reason to refuse whole pixels
        return 1
    return value if isinstance(value, int) else 1


def _to_eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Bring one channel of 16-bit, 32-bit or float values to 0 to 255.

    The full range is taken where the values say it (16-bit, 0 to 1, 0 to 255), else what is there is stretched.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # in either byte order
        return (values // 256).astype(np.uint8)
    starts = range(0, len(values), _ROWS)

    def exact(start: int) -> npt.NDArray[np.float64]:
        return np.nan_to_num(values[start : start + _ROWS].astype(np.float64), posinf=0.0, neginf=0.0)

    low = min(float(exact(start).min()) for start in starts)
    high = max(float(exact(start).max()) for start in starts)
    if low >= 0.0 and high <= 1.0 and np.issubdtype(values.dtype, np.floating):
        high, low = 1.0, 0.0
    elif low >= 0.0 and high <= 255.0:
        high, low = 255.0, 0.0
    elif low >= 0.0 and high <= 65535.0:
        high, low = 65535.0, 0.0
    grey = np.empty(values.shape, np.uint8)
    for start in starts:
        grey[start : start + _ROWS] = np.rint((exact(start) - low) * (255.0 / ((high - low) or 1.0)))
    return grey


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
        values = (self.x, self.y, self.width, self.height)
        if not all(isinstance(value, int) for value in values):
            raise ValueError(f"a box takes plain integers. Received: {values!r}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a box must be at least 1x1 pixel. Received: {self.width}x{self.height}")

    @property
    def right(self) -> int:
        """The first column after it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row after it."""
        return self.y + self.height

    def scaled(self, factor: float) -> Box:
        """The same part of the image where that is larger or smaller by a factor."""
        left, top, right, bottom = (round(value * factor) for value in (self.x, self.y, self.right, self.bottom))
        return Box(left, top, max(right - left, 1), max(bottom - top, 1))

    def clipped(self, width: int, height: int) -> Box:
        """The part inside an image of this size.

        Raises:
            ValueError: no part of it is.
        """
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.right, width), min(self.bottom, height)
        if right <= left or bottom <= top:
            raise ValueError(f"the box must touch the image of {width}x{height} pixels. Received: {self}")
        return Box(left, top, right - left, bottom - top)

    def shared_pixels(self, other: Box) -> int:
        """How many pixels lie in both."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(width, 0) * max(height, 0)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared_pixels(other)
        return shared / (self.width * self.height + other.width * other.height - shared)


def shrink(image: RgbImage, max_side: int = WORKING_SIDE) -> tuple[RgbImage, float]:
    """Make an image smaller where its longer side is over `max_side` pixels; never larger.

    Returns:
        The small image (the image itself where it is small enough) and its size as a share of the original's.
    """
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1.0:
        return image, 1.0
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small, scale


def crop_face(image: RgbImage, box: Box, *, margin: float = DEFAULT_MARGIN) -> RgbImage:
    """Cut one face out of an image, squared, with some context around it.

    Args:
        image: shape (height, width, 3), uint8, RGB.
        box: position of the face in `image`, in pixels.
        margin: context added on each side, as a share of the box's longer side; negative cuts closer.

    Returns:
        A square copy, uint8, RGB; where the square leaves the image its border is repeated.

    Raises:
        ValueError: the box lies outside the image, or the margin leaves nothing of it.
    """
    height, width = image.shape[:2]
    box.clipped(width, height)  # raises where it lies outside
    side = round(max(box.width, box.height) * (1.0 + 2.0 * margin))
    if side < 1:
        raise ValueError(f"margin must leave at least one pixel of {box}. Received: {margin}")
    rows = (2 * box.y + box.height - side) // 2 + np.arange(side)
    columns = (2 * box.x + box.width - side) // 2 + np.arange(side)
    crop: RgbImage = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    return crop


def to_network_input(crops: Sequence[RgbImage], side: int) -> npt.NDArray[np.uint8]:
    """Make crops into what the networks take: grey, one size. Training, app and tests all come through here.

    Args:
        crops: face crops, shape (h, w, 3) RGB or (h, w) grey, uint8; one that is not square is stretched.
        side: the network's input side in pixels.

    Returns:
        Shape (n, side, side, 1), uint8, 0 to 255; n may be 0. A grey crop of that side passes unchanged.

    Raises:
        ValueError: a crop is empty or of another shape or type.
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
    """The image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def encode_jpeg(image: RgbImage) -> bytes:
    """The image as the bytes of a JPEG file, a fifth of the PNG's; every pixel keeps its colour, as letters need."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()
