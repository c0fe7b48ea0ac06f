"""Make the films of the benchmarks: python -m scripts.make_bench_films FOLDER.

`four-faces.mp4` has ten minutes in 1280x720 for `bench film`; `one-face.mp4` and `seven-faces.mp4` have ten seconds in
640x480 for `bench live`. The pictures move and tilt, because heads do and cameras in hands, with the noise of a camera.
"""

from __future__ import annotations

import argparse
import itertools
import math
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.media.images import RgbImage, read_image

_GREY = (96, 96, 96)
_TILT_DEGREES = 20.0  # to each side
_NOISE, _NUM_NOISES = 4.0, 8  # standard deviation


def sample(name: str, width: int, height: int) -> RgbImage:
    """The sample in this size, cut at the bottom or extended in grey."""
    picture = read_image(data_dir() / "samples" / f"{name}.jpg")
    scale = width / picture.shape[1]
    small = cv2.resize(picture, (width, round(picture.shape[0] * scale)), interpolation=cv2.INTER_AREA)[:height]
    return cv2.copyMakeBorder(small, 0, height - len(small), 0, 0, cv2.BORDER_CONSTANT, value=_GREY)


def seven_faces() -> RgbImage:
    """A picture of 639x480 pixels with all seven faces of four samples."""
    portraits = [sample(name, 213, 280) for name in ("barack-obama-2012", "eileen-collins-1999", "grace-hopper-1984")]
    return np.vstack([sample("four-people", 639, 200), np.hstack(portraits)])


def place(share: float, picture: RgbImage, size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The matrix that puts a whole picture into a frame, at a share of the film."""
    height, width = picture.shape[:2]
    turn = 2 * math.pi * share
    tilt = math.radians(_TILT_DEGREES) * math.sin(4 * turn)
    cos, sin = math.cos(tilt), math.sin(tilt)
    sides = width * abs(cos) + height * abs(sin), width * abs(sin) + height * abs(cos)  # of the tilted picture
    scale = min(size[0] / sides[0], size[1] / sides[1]) * (0.95 + 0.04 * math.cos(5 * turn))
    x, y = (
        whole / 2 + (whole - scale * side) / 2 * 0.8 * math.sin(speed * turn)
        for whole, side, speed in zip(size, sides, (3, 2), strict=True)
    )
    matrix = scale * np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, np.array([x, y]) - matrix @ (width / 2, height / 2)])


def write(path: Path, picture: RgbImage, *, size: tuple[int, int], rate: int, seconds: int, repeats: int = 1) -> None:
    """Encode a moving picture once, and repeat the encoded frames."""
    rng = np.random.default_rng(0)
    noises = [np.repeat(rng.normal(0, _NOISE, (*size[::-1], 1)).round(), 3, axis=2) for _ in range(_NUM_NOISES)]
    packets = []
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate, options={"preset": "veryfast", "crf": "23"})
        (video.width, video.height), video.pix_fmt = size, "yuv420p"
        for number in range(rate * seconds):
            matrix = place(number / (rate * seconds), picture, size)
            still = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderValue=_GREY)
            noisy = np.clip(still + noises[number % _NUM_NOISES], 0, 255).astype(np.uint8)
            packets += video.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24"))
        packets += video.encode()
        for turn, packet in itertools.product(range(repeats), packets):
            copy = av.Packet(bytes(packet))  # writing changes the times of a packet
            copy.stream, copy.time_base, copy.is_keyframe = video, packet.time_base, packet.is_keyframe
            start = turn * round(seconds / packet.time_base)
            copy.pts, copy.dts = packet.pts + start, packet.dts + start
            container.mux(copy)


def main() -> None:
    """Write the films."""
    parser = argparse.ArgumentParser(description="Make the films of the benchmarks.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    picture = read_image(data_dir() / "samples" / "four-people.jpg")
    write(folder / "four-faces.mp4", picture, size=(1280, 720), rate=25, seconds=60, repeats=10)
    write(folder / "one-face.mp4", sample("barack-obama-2012", 640, 480), size=(640, 480), rate=30, seconds=10)
    write(folder / "seven-faces.mp4", seven_faces(), size=(640, 480), rate=30, seconds=10)


if __name__ == "__main__":
    main()
