"""The table of `docs/formats.md`: valid files of each kind, made here and read right."""

import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from emomusic.media.film_file import FilmFile
from emomusic.media.formats import Kind, kind_of
from emomusic.media.images import read_image
from tests.films import assert_quarters, colour_quarters, encoded, frames_bytes

WIDTH, HEIGHT = 160, 96
QUARTERS = colour_quarters(WIDTH, HEIGHT)
NUM_FRAMES, RATE = 10, 10


def pillow(fmt: str, mode: str = "RGB", **options: Any) -> Callable[[], bytes]:
    return lambda: encoded(Image.fromarray(QUARTERS).convert(mode), fmt, **options)


def opencv(ending: str, values: Callable[[], np.ndarray]) -> Callable[[], bytes]:
    return lambda: cv2.imencode(ending, values())[1].tobytes()


def animation(fmt: str, mode: str = "RGB") -> Callable[[], bytes]:
    def write() -> bytes:
        first, *others = [Image.fromarray(QUARTERS).convert(mode) for _ in range(NUM_FRAMES)]
        for number, frame in enumerate(others):
            frame.putpixel((number, 0), (9,) * len(mode))  # equal frames would become one
        return encoded(first, fmt, save_all=True, append_images=others, duration=1000 // RATE)

    return write


def deep() -> np.ndarray:
    """Blue, green and red in 16 bits."""
    return QUARTERS[..., ::-1].astype(np.uint16) * 257


PICTURES: dict[str, Callable[[], bytes]] = {
    "JPEG": pillow("JPEG", quality=90),
    "JPEG, progressive": pillow("JPEG", progressive=True),
    "JPEG, CMYK": pillow("JPEG", "CMYK"),
    "MPO": pillow("MPO", save_all=True, append_images=[Image.fromarray(QUARTERS).rotate(180)]),
    "PNG": pillow("PNG"),
    "PNG, alpha": pillow("PNG", "RGBA"),
    "WebP": pillow("WEBP", quality=90),
    "WebP, alpha": pillow("WEBP", "RGBA"),
    "BMP": pillow("BMP"),
    "GIF": pillow("GIF", "P"),
    "GIF, animated": animation("GIF"),
    "WebP, animated": animation("WEBP"),
    "WebP, animated, alpha": animation("WEBP", "RGBA"),
    "PNG, animated": animation("PNG"),
    "AVIF, animated": animation("AVIF"),
    "TIFF": pillow("TIFF"),
    "TIFF, Deflate": pillow("TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": pillow("TIFF", compression="jpeg", quality=95),
    "TIFF, CMYK": pillow("TIFF", "CMYK"),
    "TIFF, YCbCr": pillow("TIFF", "YCbCr", compression="raw"),
    "TIFF, 16 bits": opencv(".tiff", deep),
    "HEIC": pillow("HEIF", quality=90),
    "HEIC, alpha": pillow("HEIF", "RGBA"),
    "AVIF": pillow("AVIF"),
    "AVIF, all colours": pillow("AVIF", subsampling="4:4:4"),
    "JPEG 2000": pillow("JPEG2000"),
    "PPM": pillow("PPM"),
    "ICO": pillow("ICO", sizes=[(WIDTH, HEIGHT)]),
    "TGA": pillow("TGA"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_is_read_right(kind: str) -> None:
    data = PICTURES[kind]()
    assert kind_of(data) is Kind.PICTURE
    assert_quarters(read_image(data), WIDTH, HEIGHT)


def video(
    container: str, codec: str, pixels: str = "yuv420p", *, ratio: Fraction = Fraction(1), **encoding: str
) -> Callable[[], bytes]:
    """A film of a second, with the ratio of its pixels and the options of its codec."""
    image = cv2.resize(QUARTERS, (round(WIDTH / ratio), HEIGHT))
    options = {"ending": container, "codec": codec, "pixels": pixels, "pixel_ratio": ratio, "encoding": encoding}
    return partial(frames_bytes, [image] * NUM_FRAMES, **options)


def mts() -> bytes:
    """A film of a camcorder, with a time before each packet."""
    packets = video("mpegts", "libx264", **X264)()
    return b"".join(bytes(4) + packets[at : at + 188] for at in range(0, len(packets), 188))


X264 = {"preset": "ultrafast"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}

FILMS: dict[str, Callable[[], bytes]] = {
    "MP4, H.264": video("mp4", "libx264", **X264),
    "MP4, H.264, B-frames": video("mp4", "libx264", preset="medium"),
    "MP4, H.264, 4:4:4": video("mp4", "libx264", "yuv444p", **X264),
    "MP4, H.264, 10 bits": video("mp4", "libx264", "yuv420p10le", **X264),
    "MP4, H.264, interlaced": video("mp4", "libx264", flags="+ildct+ilme", **X264),
    "MP4, H.264, wide pixels": video("mp4", "libx264", ratio=Fraction(4, 3), **X264),
    "MP4, HEVC, 10 bits": video("mp4", "libx265", "yuv420p10le", **X265),
    "MP4, AV1": video("mp4", "libsvtav1", preset="12"),
    "MP4, MPEG-4": video("mp4", "mpeg4"),
    "MP4, fragments": partial(video("mp4", "libx264", **X264), options={"movflags": "frag_keyframe+empty_moov"}),
    "MOV, H.264": video("mov", "libx264", **X264),
    "MOV, ProRes": video("mov", "prores_ks", "yuv422p10le"),
    "MOV, Animation": video("mov", "qtrle", "rgb24"),
    "3GP, H.264": video("3gp", "libx264", **X264),
    "WebM, VP8": video("webm", "libvpx", deadline="realtime"),
    "WebM, VP9": video("webm", "libvpx-vp9", deadline="realtime"),
    "MKV, H.264": video("matroska", "libx264", **X264),
    "MKV, FFV1": video("matroska", "ffv1"),
    "MKV, MJPEG": video("matroska", "mjpeg", "yuvj420p"),
    "AVI, MPEG-4": video("avi", "mpeg4"),
    "AVI, Ut Video": video("avi", "utvideo", "yuv420p"),
    "AVI, uncompressed": video("avi", "rawvideo", "bgr24"),
    "TS, H.264": video("mpegts", "libx264", **X264),
    "MTS, H.264": mts,
    "TS, MPEG-2": video("mpegts", "mpeg2video"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_every_film_is_read_right(kind: str) -> None:
    data = FILMS[kind]()
    assert kind_of(data) is Kind.FILM
    with FilmFile(io.BytesIO(data)) as film:
        frames = list(film.frames())
        assert (film.width, film.height, len(frames), film.problem) == (WIDTH, HEIGHT, NUM_FRAMES, None)
        assert film.duration_s == pytest.approx(NUM_FRAMES / RATE, abs=0.06)
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(NUM_FRAMES) / RATE, abs=0.002)
        shares = [frame.share for frame in frames]
        assert 0 <= shares[0] <= shares[-1] <= 1
        assert shares == sorted(shares)
        for frame in (frames[0], frames[-1]):
            assert_quarters(film.picture(frame), WIDTH, HEIGHT)
    with FilmFile(io.BytesIO(data)) as film:
        assert next(film.steps(4.0)).frame.time_s == 0.0
