#!/usr/bin/env bash
# mutagen says that a compressed WAV of three seconds lasts some milliseconds.
#
# Versions: mutagen 1.48.1, PyAV 18.1.0 (which writes the files).
# Expected: `info.length` is the "audio length, in seconds".
#   https://mutagen.readthedocs.io/en/latest/api/wave.html
# Seen: 0.00 seconds for IMA ADPCM (which recorders and games use) and for MP3 in WAV: the size of the data is divided by
#   the size of a block, as if each block was one sample. The chunk `fact` has the right number, and PyAV says 3.00.
# Known: https://github.com/quodlibet/mutagen/issues/578, which was closed as fixed, for files of 0.3 s.
# Why it matters: a song seems too short to have a mood, and a list of songs shows 0:00.
# Workaround: take the length from PyAV if the format (`wFormatTag`) is not 1, 3 or 0xFFFE.
# Prints the lengths of both libraries. Fails if mutagen says more than a second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mutagen==1.48.1 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import av
import mutagen
import numpy as np

RATE, SECONDS = 44100, 3
tone = (10000 * np.sin(2 * np.pi * 440 * np.arange(RATE * SECONDS) / RATE)).astype(np.int16)
found = {}
for codec in ("pcm_s16le", "adpcm_ima_wav", "libmp3lame"):
    path = f"{sys.argv[1]}/{codec}.wav"
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        kind = "s16" if codec == "pcm_s16le" else "s16p"
        frame = av.AudioFrame.from_ndarray(tone[None], format=kind, layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in stream.encode(frame) + stream.encode(None):
            container.mux(packet)
    with av.open(path) as container:
        played = container.duration / av.time_base
    found[codec] = mutagen.File(path).info.length
    print(f"{codec}: mutagen {mutagen.version_string} {found[codec]:.4f} s, PyAV {played:.2f} s")
sys.exit(not (found.pop("pcm_s16le") == SECONDS and max(found.values()) < 1))
PYTHON
