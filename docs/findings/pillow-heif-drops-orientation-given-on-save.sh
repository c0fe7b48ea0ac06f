#!/usr/bin/env bash
# A photo that is saved as HEIC with `exif=` lies on its side if the EXIF data is an object, and is upright if it is bytes.
#
# Versions: pillow-heif 1.8.1, Pillow 13.0.0.
# Expected: Pillow's `save` takes `exif` as bytes or as an `Image.Exif`, with the same result.
#   https://pillow.readthedocs.io/en/stable/handbook/image-file-formats.html (JPEG and AVIF, "exif")
# Seen: 80 by 40 pixels with orientation 6 stay 80 by 40 in HEIC with the object: no rotation (`irot`) is written. `getexif`
#   says 1 when the file is read, so that `exif_transpose` does nothing. As bytes they become 40 by 80. JPEG and AVIF are
#   upright both ways. Saving HEIC also takes the orientation out of the caller's object.
# Related: the orientation goes to libheif since https://github.com/bigcat88/pillow_heif/pull/168
# Why it matters: `picture.save(path, exif=picture.getexif())`, the usual way to keep EXIF data, makes photos in which no
#   face is found.
# Workaround: `exif=exif.tobytes()`, or `ImageOps.exif_transpose` before saving.
# Prints the size after saving and reading. Fails if HEIC is upright both ways.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow-heif==1.8.1 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import PIL
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
exif = Image.Exif()
exif[0x0112] = 6


def read_again(picture, kind, **options):
    picture.save(file := io.BytesIO(), kind, **options)
    return ImageOps.exif_transpose(Image.open(file)).size


as_bytes = exif.tobytes()
found = {}
for kind in ("JPEG", "AVIF", "HEIF"):
    picture = Image.new("RGB", (80, 40), "red")
    found[kind] = [read_again(picture, kind, exif=value) for value in (exif, as_bytes)]
    print(f"{kind}: size with an object {found[kind][0]}, with bytes {found[kind][1]}")
print("The orientation of the object is now", exif.get(0x0112))
print("pillow-heif", pillow_heif.__version__, "Pillow", PIL.__version__)
turned, stored = (40, 80), (80, 40)
sys.exit(found != {"JPEG": [turned, turned], "AVIF": [turned, turned], "HEIF": [stored, turned]})
PYTHON
