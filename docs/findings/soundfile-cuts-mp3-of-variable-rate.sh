#!/usr/bin/env bash
# soundfile reads 1.4 of 10 seconds of an MP3 with a variable bit rate and no Xing header, and says that this is all.
#
# Versions: soundfile 0.14.0 (libsndfile in its wheel), PyAV 18.1.0 (which writes the files).
# Expected: "By default, the whole file is read". The header is no part of the MPEG standard: live encoders, radio streams
#   and pipes have none. https://python-soundfile.readthedocs.io/en/latest/#soundfile.read
# Seen: a second of noise and 9 of a tone are 1.44 s in `info` and in `read`. The length is guessed from the bit rate of
#   the first frames, and reading ends there. With the header, or at a constant rate, all 10 seconds are read.
# Related: https://github.com/libsndfile/libsndfile/issues/1001 (open, the number of frames does not fit MP3 files)
# Why it matters: a song that begins loudly loses most of itself before its mood is measured or it is converted, without an
#   error. librosa reads with soundfile.
# Workaround: read MP3 with PyAV.
# Prints the seconds that each library reads. Fails if soundfile reads all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" 2> /dev/null <<'PYTHON'
import sys

import av
import numpy as np
import soundfile

RATE, SECONDS = 44100, 10
sound = np.random.default_rng(0).uniform(-0.5, 0.5, RATE * SECONDS)
sound[RATE:] = 0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE * SECONDS - RATE) / RATE)  # a loud start, then a tone


def write(path, header, variable):
    with av.open(path, "w", options={"write_xing": header}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.options = {"flags": "+qscale", "global_quality": "472"} if variable else {"b": "128000"}
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in stream.encode(frame) + stream.encode(None):
            container.mux(packet)


found = {}
for name, header, variable in (("variable", "0", True), ("variable, header", "1", True), ("constant", "0", False)):
    write(path := f"{sys.argv[1]}/song.mp3", header, variable)
    sound_read, _ = soundfile.read(path)
    said = soundfile.info(path).duration
    with av.open(path) as container:
        decoded = sum(frame.samples for frame in container.decode(audio=0))
    found[name] = len(sound_read) / RATE
    print(f"{name}: soundfile reads {found[name]:.2f} s and says {said:.2f} s, PyAV reads {decoded / RATE:.2f} s")
print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__, "PyAV", av.__version__)
sys.exit(not (found.pop("variable") < SECONDS / 2 and all(abs(each - SECONDS) < 0.1 for each in found.values())))
PYTHON
