#!/usr/bin/env bash
# Pillow crashes the process when it saves an animated AVIF whose EXIF data has an orientation, as photos of phones have.
#
# Two frames with orientation 6 end in a segmentation fault, so no exception can be caught. One frame with it is saved, and
# so are two frames with orientation 1 or with other EXIF data.
# Prints the exit status of each. Fails if the crash is gone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
cat > "$folder/save.py" <<'PYTHON'
import io
import sys

from PIL import Image

orientation, num_frames = map(int, sys.argv[1:])
exif = Image.Exif()
exif[0x0112] = orientation
frames = [Image.new("RGB", (64, 64), (shade, 90, 120)) for shade in (0, 200)[:num_frames]]
frames[0].save(io.BytesIO(), "AVIF", save_all=True, append_images=frames[1:], exif=exif)
PYTHON
"$folder/venv/bin/python" -c 'import PIL; from PIL import features; print("Pillow", PIL.__version__, "libavif", features.version("avif"))'
for case in "1 2" "6 1" "6 2"; do
  status=0
  bash -c "'$folder/venv/bin/python' '$folder/save.py' $case; exit \$?" 2> /dev/null || status=$?
  echo "orientation ${case% *}, ${case#* } frame(s): exit status $status"
done
[ "$status" = 139 ]
