#!/usr/bin/env bash
# OpenCV reads the first frames of an animated GIF or WebP if asked for later ones.
#
# Versions: opencv-python-headless 5.0.0.93, Pillow 13.0.0 (which writes the files).
# Expected: `imreadmulti(filename, start, count)` reads `count` pictures from the index `start` on.
#   https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html
# Seen: of six frames, "two from 4 on" are the frames 0 and 1 of WebP and 2 and 3 of GIF, with True for success. "Two from 1
#   on" are 0 and 1 of both, and those of GIF have four channels and three, although `IMREAD_COLOR` asks for three. PNG
#   cannot be read from another start than 0. TIFF and AVIF are right, and `imreadanimation` is for all of them.
# Why it matters: a program that reads a long animation in pieces sees its beginning again and again, and tells of faces and
#   moods at times when they do not occur.
# Workaround: `imreadanimation(filename, start, count)`, or read all frames and take the slice.
# Prints the numbers and channels of the frames that each call reads. Fails if one of GIF and WebP has the right ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 pillow==13.0.0
"$folder/venv/bin/python" - "$folder" 2> /dev/null <<'PYTHON'
import sys

import cv2
from PIL import Image

OPTIONS = {"GIF": {}, "WEBP": {"lossless": True}, "PNG": {}, "AVIF": {}, "TIFF": {}}
frames = [Image.new("RGB", (64, 48), (40 * number, 100, 200 - 40 * number)) for number in range(6)]


def numbers(pictures):
    """Which frame each picture shows, from its red."""
    return [round(int(picture[24, 32, 2]) / 40) for picture in pictures]


found = {}
for kind, options in OPTIONS.items():
    path = f"{sys.argv[1]}/animation.{kind.lower()}"
    timing = {} if kind == "TIFF" else {"duration": 100}
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **timing, **options)
    for start in (1, 4):
        is_read, pictures = cv2.imreadmulti(path, start, 2, flags=cv2.IMREAD_COLOR)
        _, animation = cv2.imreadanimation(path, start, 2)
        found[kind, start] = numbers(pictures), numbers(animation.frames)
        channels = [picture.shape[2] for picture in pictures]
        print(
            f"{kind}, 2 from {start}: imreadmulti {found[kind, start][0]} ({is_read}, channels {channels}),",
            f"imreadanimation {found[kind, start][1]}",
        )
print("OpenCV", cv2.__version__)
is_right = {key: [multi == [key[1], key[1] + 1], other == [key[1], key[1] + 1]] for key, (multi, other) in found.items()}
sys.exit(any(both != [key[0] in ("AVIF", "TIFF"), True] for key, both in is_right.items()))
PYTHON
