#!/usr/bin/env bash
# audioread reads silence of an 8-bit WAV as the loudest sample, and a 24-bit AIFF as nearly nothing.
#
# Versions: audioread 3.1.0, soundfile 0.14.0 (which writes the files).
# Expected: "Buffers are bytes of 16-bit little-endian signed integers" of the same sound, whatever the file holds.
#   https://github.com/beetbox/audioread#readme
# Seen: every sample of a silent 8-bit WAV is -32768, as bytes from 0 to 255 are taken as signed. The level 0.5 in 24-bit
#   AIFF, 16384 of 32768, is read as 0: the bytes are in the reverse order when they are cut to two. 16 bits are right.
# Known for 8 bits, open since 2016: https://github.com/beetbox/audioread/pull/38
# Why it matters: `audio_open` tries this reader first, so a mood is guessed from garbled samples, without an error.
# Workaround: read WAV and AIFF with soundfile or PyAV.
# Prints a sample of each. Fails if one of the two is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check audioread==3.1.0 soundfile==0.14.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import importlib.metadata
import sys

import audioread
import numpy as np
import soundfile

found = {}
for name, level, subtype in (("a.wav", 0.0, "PCM_U8"), ("b.aiff", 0.5, "PCM_24"), ("c.aiff", 0.5, "PCM_16")):
    path = f"{sys.argv[1]}/{name}"
    soundfile.write(path, np.full(8000, level), 8000, subtype=subtype)
    with audioread.audio_open(path) as file:
        samples = np.frombuffer(b"".join(file), "<i2")
    found[subtype] = int(np.median(samples))
    print(f"{name[2:]} {subtype}, expected {int(level * 32768)}: {found[subtype]} ({type(file).__name__})")
print("audioread", importlib.metadata.version("audioread"))
sys.exit(found != {"PCM_U8": -32768, "PCM_24": 0, "PCM_16": 16384})
PYTHON
