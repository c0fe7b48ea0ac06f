#!/usr/bin/env bash
# miniaudio writes a WAV of floats whose header says that they are 32-bit integers: a whisper becomes a roar.
#
# Versions: miniaudio 1.71 (the Python package), soundfile 0.14.0 (which reads and writes too).
# Expected: `wav_write_file` "writes the pcm sound to a WAV file", and miniaudio reads the same sound from it. `FLOAT32` is
#   one of the formats that `decode_file` returns. https://github.com/irmen/pyminiaudio#api
# Seen: samples of 0.001 (-60 dB) are 0.457 (-7 dB) in soundfile and in miniaudio itself, and 0.25 is 0.488: the bits of
#   each float are read as an integer. `wav_read_file_f32` gives sounds that are written wrongly too. 8-, 16- and 32-bit
#   integers are right.
# Why it matters: a song that is decoded for analysis, in floats, and saved again is loud noise, without an error.
# Workaround: decode as `SIGNED32` or `SIGNED16` before writing, or write with soundfile.
# Prints the level that is written and those that are read. Fails if the floats are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check miniaudio==1.71 soundfile==0.14.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import importlib.metadata
import sys

import miniaudio
import numpy as np
import soundfile

found = {}
for level in (0.001, 0.25):
    source, copy = f"{sys.argv[1]}/source.wav", f"{sys.argv[1]}/copy.wav"
    soundfile.write(source, np.full(8000, level), 8000, subtype="FLOAT")
    for kind in ("SIGNED16", "SIGNED32", "FLOAT32"):
        options = {"nchannels": 1, "sample_rate": 8000}
        sound = miniaudio.decode_file(source, output_format=miniaudio.SampleFormat[kind], **options)
        miniaudio.wav_write_file(copy, sound)
        again = miniaudio.decode_file(copy, output_format=miniaudio.SampleFormat.FLOAT32, **options).samples
        found[level, kind] = max(soundfile.read(copy)[0]), max(again)
        print(
            f"{level} as {kind}: the file is {soundfile.info(copy).subtype},",
            "soundfile reads {:.4f}, miniaudio {:.4f}".format(*found[level, kind]),
        )
print("miniaudio", importlib.metadata.version("miniaudio"), "soundfile", soundfile.__version__)
floats = {level: both for (level, kind), both in found.items() if kind == "FLOAT32"}
integers = {(level, read) for (level, kind), both in found.items() if kind != "FLOAT32" for read in both}
sys.exit(
    not (min(floats[0.001]) > 0.4 and min(floats[0.25]) > 0.48 and all(abs(a - b) < 1e-4 for a, b in integers))
)
PYTHON
