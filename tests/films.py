"""Real films, made of the bundled pictures, and pictures in files, for tests."""

import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
from PIL import Image

from emomusic.faces.reading import load_networks
from emomusic.media.images import RgbImage, read_image, shrink

SAMPLES = Path(__file__).parents[1] / "data" / "samples"

OBAMA, OBAMA_SPEAKING = "barack-obama-2012.jpg", "barack-obama-2009-speaking.jpg"
BIDEN, COLLINS, HOPPER = "joe-biden-2010.jpg", "eileen-collins-1999.jpg", "grace-hopper-1984.jpg"
FOUR_PEOPLE, MORISOT = "four-people.jpg", "morisot-self-portrait-1885.jpg"
NOBODY = ""
"""A shot without faces."""

Shot = tuple[str, float]
"""Name of a sample, and seconds."""

CODECS = {
    "mp4": ("libx264", "aac"),
    "mov": ("libx264", "aac"),
    "m4v": ("libx264", "aac"),
    "mkv": ("libx264", "libopus"),
    "webm": ("libvpx", "libopus"),
    "avi": ("mpeg4", "libmp3lame"),
}
"""Codecs of the picture and of the sound for each name ending."""

DEFAULT_RATE = 10.0

_FORMATS = {"mkv": "matroska", "m4v": "mp4"}
_OPTIONS = {"libx264": {"preset": "ultrafast"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}
_BACKGROUND = 40
_TONE_HZ = 440
_ZOOM_PER_S = 0.05


@lru_cache(maxsize=32)
def framed(name: str, width: int, height: int) -> RgbImage:
    """A sample in the middle of a frame of this size; a grey frame for `NOBODY`."""
    return in_frame(None if name == NOBODY else read_image(SAMPLES / name), width, height)


def in_frame(image: RgbImage | None, width: int, height: int) -> RgbImage:
    """A picture, or none, in the middle of a grey frame of this size."""
    canvas = np.full((height, width, 3), _BACKGROUND, np.uint8)
    if image is not None:
        scale = min(width / image.shape[1], height / image.shape[0])
        sides = round(image.shape[1] * scale), round(image.shape[0] * scale)
        x, y = (width - sides[0]) // 2, (height - sides[1]) // 2
        canvas[y : y + sides[1], x : x + sides[0]] = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
    return canvas


def beside(*names: str, width: int = 480) -> RgbImage:
    """Samples side by side, the first one upright, and each next one turned by 90 degrees more."""
    frames = [np.rot90(framed(name, width, width), number) for number, name in enumerate(names)]
    return np.ascontiguousarray(np.concatenate(frames, axis=1))


def tilted(image: RgbImage, degrees: float) -> RgbImage:
    """A copy that is turned clockwise on a larger canvas."""
    height, width = image.shape[:2]
    side = round(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def pictures(shots: Sequence[Shot], width: int, height: int, rate: float) -> Iterator[RgbImage]:
    """The frames of shots with a slow zoom, and a hard cut between two shots."""
    for name, seconds in shots:
        image = framed(name, width, height)
        for step in range(round(seconds * rate)):
            zoom = 1 + _ZOOM_PER_S * step / rate
            matrix = np.array([[zoom, 0, width / 2 * (1 - zoom)], [0, zoom, height / 2 * (1 - zoom)]])
            yield cv2.warpAffine(image, matrix, (width, height))


def colour_quarters(width: int = 64, height: int = 48) -> RgbImage:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = (255, 0, 0), (0, 255, 0)
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = (0, 0, 255), (255, 255, 255)
    return image


def assert_quarters(image: RgbImage, width: int = 64, height: int = 48) -> None:
    """The image is upright and has the colours of `colour_quarters`."""
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    quarters = [image[y, x].astype(int) for y in (height // 4, -height // 4) for x in (width // 4, -width // 4)]
    colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
    np.testing.assert_allclose(quarters, colours, atol=40)  # codecs and lossy formats are not exact


def encoded(picture: Image.Image, fmt: str, **options: Any) -> bytes:
    """A picture in a file of a format that Pillow names; options are those of the format."""
    if fmt == "HEIF":
        pillow_heif.register_heif_opener()
    picture.save(buffer := io.BytesIO(), fmt, **options)
    return buffer.getvalue()


def frames_bytes(
    frames: Iterable[RgbImage],
    *,
    ending: str = "mp4",
    codec: str | None = None,
    pixels: str = "yuv420p",
    rate: float = DEFAULT_RATE,
    times_s: Sequence[float] | None = None,
    audio: str | None = None,
    pixel_ratio: Fraction | None = None,
    start_s: float = 0.0,
    options: dict[str, str] | None = None,
    encoding: dict[str, str] | None = None,
    tone_s: float | None = None,
) -> bytes:
    """The bytes of a film.

    Args:
        frames: of equal size.
        ending: name ending of the format, or FFmpeg's name for it.
        codec: of the pictures; by default that of `CODECS`.
        pixels: their format.
        rate: frames per second.
        times_s: of the frames; by default at equal distances.
        audio: codec of a tone; None for no sound.
        pixel_ratio: width of a pixel relative to its height.
        start_s: time of the first frame in the clock of the file.
        options: of the format.
        encoding: options of the codec; by default the fastest, with no frames that others do not need.
        tone_s: length of the tone; by default that of the film.
    """
    frames = iter(frames)
    first = next(frames)
    codec = codec or CODECS[ending][0]
    clock = Fraction(1, 1000) if times_s is not None else 1 / Fraction(rate).limit_denominator(1001)
    with av.open(out := io.BytesIO(), "w", format=_FORMATS.get(ending, ending), options=options or {}) as container:
        chosen = _OPTIONS.get(codec, {}) if encoding is None else encoding
        video = container.add_stream(codec, Fraction(rate).limit_denominator(1001), options=chosen)
        video.width, video.height = first.shape[1], first.shape[0]
        video.pix_fmt = pixels
        video.codec_context.time_base, video.gop_size, video.codec_context.thread_count = clock, 12, 1
        if pixel_ratio is not None:
            video.codec_context.sample_aspect_ratio = pixel_ratio
        sound = None if audio is None else container.add_stream(audio, 48_000, layout="stereo")
        offset, last_s = round(start_s / clock), 0.0
        for number, image in enumerate(itertools.chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            last_s = number / rate if times_s is None else times_s[number]
            frame.pts, frame.time_base = offset + round(last_s / clock), clock
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            _write_tone(container, sound, last_s + 1 / rate if tone_s is None else tone_s, start_s)
    return out.getvalue()


def film_bytes(shots: Sequence[Shot], *, size: tuple[int, int] = (320, 180), **options: Any) -> bytes:
    """The bytes of a film of shots. The options are those of `frames_bytes`."""
    return frames_bytes(pictures(shots, *size, options.get("rate", DEFAULT_RATE)), **options)


def write_film(path: Path, shots: Sequence[Shot], **options: Any) -> None:
    """Write a film, as from `film_bytes`."""
    path.write_bytes(film_bytes(shots, **options))


def film_of_videos(*widths: int, height: int = 48) -> bytes:
    """A film with several grey videos of these widths, as of a camera with two lenses."""
    with av.open(buffer := io.BytesIO(), "w", format="mp4") as container:
        videos = [container.add_stream("libx264", 10) for _ in widths]
        for video, width in zip(videos, widths, strict=True):
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for video, width in zip(videos, widths, strict=True):
            for _ in range(2):
                frame = np.full((height, width, 3), _BACKGROUND, np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            container.mux(video.encode())
    return buffer.getvalue()


def sound_of(data: bytes) -> np.ndarray:
    """The samples of a film's sound from its first frame, as heard by a player: shape (n,), of 48 kHz."""
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48_000)
        frames = [frame for decoded in container.decode(audio=0) for frame in resampler.resample(decoded)]
    starts = [round(float(frame.pts * frame.time_base) * 48_000) for frame in frames]
    samples = np.zeros(starts[-1] + frames[-1].samples, np.float32)
    for start, frame in zip(starts, frames, strict=True):
        values = frame.to_ndarray()[0, max(-start, 0) :]
        samples[max(start, 0) : max(start, 0) + len(values)] = values
    return samples


def _write_tone(container: Any, sound: Any, seconds: float, start_s: float) -> None:
    """Write a tone, which starts with the picture."""
    tone = 0.2 * np.sin(2 * np.pi * _TONE_HZ * np.arange(round(seconds * 48_000)) / 48_000)
    frame = av.AudioFrame.from_ndarray(np.stack([tone] * 2).astype(np.float32), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, round(start_s * 48_000), Fraction(1, 48_000)
    container.mux([*sound.encode(frame), *sound.encode(None)])


def pulled_face(picture: RgbImage, mouth: float, brows: float) -> RgbImage:
    """The picture with the corners of the mouth and the inner ends of the brows moved down, in eye distances."""
    small = shrink(picture, 480)[0]
    (face,) = load_networks()[0].detect(small)
    left, right, _, *corners = np.array(face.landmarks)
    apart = float(np.linalg.norm(right - left))
    inner = [eye + apart * np.array([side, -0.35]) for eye, side in ((left, 0.22), (right, -0.22))]
    y, x = np.mgrid[: small.shape[0], : small.shape[1]].astype(np.float32)
    down = np.zeros_like(y)
    for points, by, width in ((corners, mouth, 0.18), (inner, brows, 0.16)):
        for point in points:
            distance = ((x - point[0]) ** 2 + (y - point[1]) ** 2) / (width * apart) ** 2
            down += by * apart * np.exp(-distance / 2)
    return cv2.remap(small, x, y - down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
