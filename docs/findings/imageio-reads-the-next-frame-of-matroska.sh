#!/usr/bin/env bash
# imageio reads the next frame instead of the one asked for in Matroska and WebM films of many usual frame rates.
#
# Versions: imageio 2.38.1 with its plugin pyav, PyAV 18.1.0.
# Expected: with `index=n`, `imread` reads "the index-th frame from the file", the one that `imiter` gives as n-th.
#   https://imageio.readthedocs.io/en/stable/_autosummary/imageio.plugins.pyav.html
# Seen: at 60 frames a second, frame 8 of a Matroska film is frame 9, and the last frame ends in StopIteration. MP4 is right.
#   Matroska has times in whole milliseconds. Frame 8, a key frame, is at 133 of 133.3, which the plugin takes for number
#   7.98 and rounds down, so that it skips one frame too many until the next key frame whose time is not cut. 24, 30 and
#   59.94 frames a second are wrong too, 25 and 50 are right. WebM is wrong at 29.97.
# Why it matters: a face, its box and its time come from different frames, and two equal films give different results.
# Workaround: `constant_framerate=False`, or take the frames from `imiter`.
# Prints how many frames are wrong for each. Fails if those of Matroska are right, or those of MP4 are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imageio==2.38.1 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from fractions import Fraction

import av
import imageio
import imageio.v3 as iio
import numpy as np

FRAMES, BITS = 96, 7


def write(path, rate, codec):
    """Each frame shows its number as black and white bars."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 32 * BITS, 64, "yuv420p", 12
        for number in range(FRAMES):
            bars = np.repeat([255 * (number >> bit & 1) for bit in range(BITS)], 32).astype(np.uint8)
            picture = np.broadcast_to(bars[None, :, None], (64, 32 * BITS, 3)).copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


def number(picture):
    return sum(int(picture[32, 32 * bit + 16, 1] > 127) << bit for bit in range(BITS))


found = {}
for kind, codec, rate in (
    ("mp4", "libx264", 60),
    ("mkv", "libx264", 25),
    ("mkv", "libx264", 24),
    ("mkv", "libx264", 60),
    ("webm", "libvpx-vp9", Fraction(30000, 1001)),
):
    write(path := f"{sys.argv[1]}/film.{kind}", rate, codec)
    in_order = [number(picture) for picture in iio.imiter(path, plugin="pyav")]
    # Without the last frames, which may end in StopIteration
    read = [number(iio.imread(path, index=index, plugin="pyav")) for index in range(FRAMES - 12)]
    wrong = [f"{index} is {got}" for index, got in enumerate(read) if got != index]
    found[kind, rate] = in_order == list(range(FRAMES)), len(wrong)
    print(f"{kind}, {float(rate):.2f} frames a second: {len(wrong)} of {len(read)} wrong", *wrong[:3], sep=", ")
print("imageio", imageio.__version__, "PyAV", av.__version__)
right = {key for key, (_, wrong) in found.items() if not wrong}
sys.exit(not (right == {("mp4", 60), ("mkv", 25)} and all(in_order for in_order, _ in found.values())))
PYTHON
