#!/usr/bin/env bash
# OpenCV squashes a turned TIFF if asked for a smaller copy, and turns it even if told not to.
#
# Versions: opencv-python-headless 5.0.0.93, Pillow 13.0.0.
# Expected: `IMREAD_REDUCED_COLOR_2` halves both sides, `IMREAD_IGNORE_ORIENTATION` and `IMREAD_UNCHANGED` leave the
#   picture as it is stored. https://docs.opencv.org/4.x/d8/d6a/group__imgcodecs__flags.html
# Seen: 80 by 40 pixels with orientation 6 become 40 by 20 instead of 20 by 40: the turned picture (40 by 80) is pressed
#   into half of the stored size. With either of the other flags it is 40 by 80. The same photo as JPEG is right each time.
# Why it matters: faces become four times as wide for their height, so detectors miss them. Code that reads with
#   `IMREAD_UNCHANGED` and turns the picture itself turns it twice.
# Related: the decoder's turning was added in https://github.com/opencv/opencv/pull/14609
# Workaround: read TIFF at its full size and do not turn it, or read it with Pillow.
# Prints the sizes for TIFF and JPEG. Fails if TIFF behaves like JPEG in any of the three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import cv2
import numpy as np
from PIL import Image

FLAGS = {
    "halved": cv2.IMREAD_REDUCED_COLOR_2,
    "orientation ignored": cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
    "unchanged": cv2.IMREAD_UNCHANGED,
}
exif = Image.Exif()
exif[0x0112] = 6
sizes = {}
for kind in ("JPEG", "TIFF"):
    Image.new("RGB", (80, 40), "red").save(file := io.BytesIO(), kind, exif=exif)
    data = np.frombuffer(file.getvalue(), np.uint8)
    sizes[kind] = [cv2.imdecode(data, flag).shape[1::-1] for flag in FLAGS.values()]
    print(f"OpenCV {cv2.__version__}, {kind}:", dict(zip(FLAGS, sizes[kind])))
right, wrong = [(20, 40), (80, 40), (80, 40)], [(40, 20), (40, 80), (40, 80)]
sys.exit(sizes != {"JPEG": right, "TIFF": wrong})
PYTHON
