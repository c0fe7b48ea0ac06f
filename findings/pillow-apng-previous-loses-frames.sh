#!/usr/bin/env bash
# Pillow loses frames of an animated PNG that is saved with `disposal=2` (previous): of red, green, red, two are left.
#
# The writer compares a frame with the one to which the decoder returns, two frames before, and takes an equal one for a
# repetition of the frame before. So green lasts twice as long, and the second red is never shown.
# Prints the number of frames and the colours and times that Pillow reads back. Fails if three frames are left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import PIL
from PIL import Image

red, green = (Image.new("RGB", (16, 16), colour) for colour in ("red", "green"))
red.save(file := io.BytesIO(), "PNG", save_all=True, append_images=[green, red], duration=100, disposal=2)
with Image.open(file) as picture:
    shown = []
    for number in range(picture.n_frames):
        picture.seek(number)
        shown.append((picture.convert("RGB").getpixel((8, 8)), picture.info["duration"]))
print(f"Pillow {PIL.__version__}: 3 frames written, {len(shown)} read: {shown}")
sys.exit(len(shown) == 3)
PYTHON
