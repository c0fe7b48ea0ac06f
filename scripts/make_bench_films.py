"""Make films for `bench film`: python -m scripts.make_bench_films FOLDER.

Each film has a minute in 1280x720 with four faces, which move and tilt as heads and hand-held cameras do, with the
noise of a camera, and with a cut every 4 to 11 seconds. In two shots, the faces change without a cut. All films have
the same pictures in the encodings of phones and cameras, with two B-frames between others: a key frame each second, as
phones write them, or each ten seconds at most, as the encoders x264 and x265 do.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.media.images import RgbImage, read_image

SIZE, RATE, SECONDS = (1280, 720), 30, 60
_GREY = (96, 96, 96)
_TILT_DEGREES, _TURNS = 12.0, 3  # to each side, and how often in the film
_NOISE, _NUM_NOISES = 3.0, 8  # standard deviation
_FADE_S = 1.0

FILMS = {
    "phone-h264.mp4": ("libx264", {"preset": "veryfast", "crf": "23", "bf": "2", "g": "30", "keyint_min": "30"}),
    "phone-hevc.mp4": (
        "libx265",
        {"preset": "ultrafast", "crf": "26", "x265-params": "keyint=30:bframes=2:log-level=none"},
    ),
    "long-h264.mp4": ("libx264", {"preset": "veryfast", "crf": "23"}),
    "long-hevc.mp4": ("libx265", {"preset": "ultrafast", "crf": "26", "x265-params": "log-level=none"}),
}
"""Encoder and its options for each film."""

_SHOTS = [
    # The picture, the picture that it becomes in the middle or None, and seconds
    ("group", None, 11), ("smiles", None, 7), ("group", None, 4), ("calm", "smiles", 10), ("group", None, 8),
    ("calm", None, 6), ("smiles", "calm", 9), ("group", None, 5),
]  # fmt: skip


def row_of(*names: str) -> RgbImage:
    """Samples in a row, each 300x400 pixels."""
    found = []
    for name in names:
        picture = read_image(data_dir() / "samples" / f"{name}.jpg")
        small = cv2.resize(picture, (300, round(picture.shape[0] * 300 / picture.shape[1])))[:400]
        found.append(cv2.copyMakeBorder(small, 0, 400 - len(small), 0, 0, cv2.BORDER_CONSTANT, value=_GREY))
    return np.asarray(np.hstack(found), np.uint8)


def placed(picture: RgbImage, share: float) -> RgbImage:
    """A frame with a whole picture, tilted and moved as at this share of the film."""
    height, width = picture.shape[:2]
    turn = 2 * math.pi * share
    tilt = math.radians(_TILT_DEGREES) * math.sin(_TURNS * turn)
    cos, sin = math.cos(tilt), math.sin(tilt)
    sides = width * abs(cos) + height * abs(sin), width * abs(sin) + height * abs(cos)  # of the tilted picture
    scale = min(SIZE[0] / sides[0], SIZE[1] / sides[1]) * (0.95 + 0.04 * math.cos(5 * turn))
    x, y = (
        whole / 2 + (whole - scale * side) / 2 * 0.8 * math.sin(speed * turn)
        for whole, side, speed in zip(SIZE, sides, (5, 4), strict=True)
    )
    matrix = scale * np.array([[cos, -sin], [sin, cos]])
    matrix = np.column_stack([matrix, np.array([x, y]) - matrix @ (width / 2, height / 2)])
    frame = cv2.warpAffine(picture, matrix, SIZE, flags=cv2.INTER_LINEAR, borderValue=_GREY)
    return np.asarray(frame, np.uint8)


def frames() -> Iterator[av.VideoFrame]:
    """The frames of a film."""
    happy = row_of("barack-obama-2012", "joe-biden-2010", "eileen-collins-1999", "grace-hopper-1984")
    calm = row_of("barack-obama-2009-speaking", "joe-biden-2010", "eileen-collins-1999", "morisot-self-portrait-1885")
    pictures = {"group": read_image(data_dir() / "samples" / "four-people.jpg"), "smiles": happy, "calm": calm}
    rng = np.random.default_rng(0)
    noises = [np.repeat(rng.normal(0, _NOISE, (*SIZE[::-1], 1)).round(), 3, axis=2) for _ in range(_NUM_NOISES)]
    number = itertools.count()
    for name, later, seconds in _SHOTS:
        for step in range(seconds * RATE):
            at, picture = next(number), pictures[name]
            if later is not None:
                share = min(max((step / RATE - seconds / 2) / _FADE_S + 0.5, 0.0), 1.0)
                picture = cv2.addWeighted(picture, 1 - share, pictures[later], share, 0)
            noisy = placed(picture, at / (SECONDS * RATE)) + noises[at % _NUM_NOISES]
            yield av.VideoFrame.from_ndarray(np.clip(noisy, 0, 255).astype(np.uint8), format="rgb24")


def main() -> None:
    """Write the films."""
    parser = argparse.ArgumentParser(description="Make the films of the benchmarks.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        outputs = []
        for name, (codec, options) in FILMS.items():
            container = stack.enter_context(av.open(folder / name, "w"))
            video = container.add_stream(codec, RATE, options=options)
            (video.width, video.height), video.pix_fmt = SIZE, "yuv420p"
            outputs.append((container, video))
        for frame in frames():
            for container, video in outputs:
                container.mux(video.encode(frame.reformat(format="yuv420p")))
        for container, video in outputs:
            container.mux(video.encode())


if __name__ == "__main__":
    main()
