#!/usr/bin/env bash
# The first video of an animated AVIF has one frame in PyAV: it is the still picture for viewers without animation.
#
# FFmpeg lists the still picture before the sequence, and both have the disposition "default". So `streams.video[0]` and
# `decode(video=0)`, as most code has it, read one of four frames without an error. `streams.best("video")` reads all.
# Prints the frames of each stream and of the best one. Fails if the first stream has all frames.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import av
from PIL import Image

frames = [Image.new("RGB", (64, 64), (shade, 90, 120)) for shade in (0, 80, 160, 240)]
frames[0].save(file := io.BytesIO(), "AVIF", save_all=True, append_images=frames[1:], duration=100)


def count(index):
    with av.open(io.BytesIO(file.getvalue()), format="mov") as container:
        return sum(1 for _ in container.decode(container.streams[index]))


with av.open(io.BytesIO(file.getvalue()), format="mov") as container:
    defaults = [bool(stream.disposition & av.stream.Disposition.default) for stream in container.streams.video]
    best = container.streams.best("video").index
counts = [count(index) for index in range(len(defaults))]
print(f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}: frames of each stream {counts}, default {defaults}, best {best}")
sys.exit(counts[0] == len(frames))
PYTHON
