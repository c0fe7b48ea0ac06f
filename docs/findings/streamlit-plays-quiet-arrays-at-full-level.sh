#!/usr/bin/env bash
# `st.audio` plays each array at full level: a whisper is as loud as a scream.
#
# Version: streamlit 1.67.0.
# Expected: the samples are played as they are. The documentation says only that the array is "the waveform":
#   https://docs.streamlit.io/develop/api-reference/media/st.audio
# Seen: samples of at most 0.001 (-60 dB) and of at most 0.9 give the same WAV, with a peak of 32767, and so do integers. The
#   file is scaled by its largest sample. Bytes of a WAV are left alone.
# Why it matters: two moods are compared by ear at a false level, an almost silent recording roars in headphones, and
#   slices of one song do not fit together.
# Workaround: write a WAV (`wave`, 16 bits) and pass its bytes.
# Reads the WAV that Streamlit's media store holds. Prints the peaks. Fails if a quiet array stays quiet.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check streamlit==1.67.0
"$folder/venv/bin/python" - 2> /dev/null <<'PYTHON'
import io
import sys
import wave

import numpy as np
import streamlit
from streamlit.elements import media

kept = []


class Store:
    """Stands for the running server and keeps what `st.audio` gives to it."""

    media_file_mgr = property(lambda self: self)

    def add(self, data, *_args, **_options):
        kept.append(data)
        return "/media/sound.wav"


media.runtime.exists, media.runtime.get_instance = lambda: True, Store
tone = np.sin(np.arange(8000) / 5)
for level in (0.001, 0.9):
    streamlit.audio(level * tone, sample_rate=8000)
peaks = []
for data in kept:
    with wave.open(io.BytesIO(data)) as file:
        peaks.append(int(np.abs(np.frombuffer(file.readframes(-1), np.int16).astype(int)).max()))
print(f"streamlit {streamlit.__version__}: peaks of the arrays with levels 0.001 and 0.9: {peaks}")
sys.exit(peaks[0] != peaks[1] or peaks[0] < 32000)
PYTHON
