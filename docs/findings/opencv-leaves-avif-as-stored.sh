#!/usr/bin/env bash
# OpenCV reads a photo in AVIF as it is stored, although it turns the same photo upright in JPEG, PNG, WebP and TIFF.
#
# Versions: opencv-python-headless 5.0.0.93, Pillow 13.0.0.
# Expected: the documentation of `imread` says that the picture is turned by its orientation unless a flag forbids it.
#   Pillow stores the orientation in AVIF as the format asks (boxes `irot` and `imir`), and browsers and Pillow apply them.
#   https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html
# Seen: 80 by 40 pixels with orientation 6 are 40 by 80 in Pillow for every format, and 80 by 40 in OpenCV for AVIF.
# Why it matters: faces lie on their side, so a detector finds none, and there is no error.
# Workaround: read AVIF with Pillow and call `ImageOps.exif_transpose`.
# Prints the size of each in both libraries. Fails if OpenCV turns AVIF, or no longer turns one of the others.
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
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x0112] = 6  # the camera was held upright
sizes = {}
for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
    Image.new("RGB", (80, 40), "red").save(file := io.BytesIO(), kind, exif=exif)
    pillow = ImageOps.exif_transpose(Image.open(file)).size
    height, width = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR).shape[:2]
    sizes[kind] = pillow, (width, height)
    print(f"{kind}: Pillow {pillow}, OpenCV {cv2.__version__} {(width, height)}")
turned = (40, 80)
sys.exit(sizes.pop("AVIF") != (turned, (80, 40)) or any(both != (turned, turned) for both in sizes.values()))
PYTHON
