#!/usr/bin/env bash
# eyeD3 says that an MP3 which FFmpeg made with its usual settings lasts twice as long as it does.
#
# Versions: eyeD3 0.9.9, PyAV 18.1.0 (which writes the files), mutagen 1.48.1.
# Expected: `info.time_secs` is the playtime in seconds, and `info.bit_rate` the bit rate of the song.
#   https://eyed3.readthedocs.io/en/latest/
# Seen: 20 seconds are 40.28 s with 64 kb/s if no bit rate is given, as in `ffmpeg -i song.wav song.mp3`. FFmpeg then puts a
#   frame of 64 kb/s with the number of frames ("Info") before the sound of 128 kb/s. eyeD3 reads this frame, but does not
#   use its number: it divides the size of the file by the rate of that frame. A given or a variable bit rate is right.
# Related: another tool did the same, https://github.com/exiftool/exiftool/issues/160
# Why it matters: playlists are timed for twice as long, and a check of lengths takes each song for cut off.
# Workaround: mutagen, which reads the number of frames.
# Prints the lengths and bit rates. Fails if eyeD3 is right about the first file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check eyeD3==0.9.9 av==18.1.0 mutagen==1.48.1 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" 2> /dev/null <<'PYTHON'
import sys

import av
import eyed3
import mutagen
import numpy as np

RATE, SECONDS = 44100, 20
sound = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * SECONDS) / RATE)).astype(np.float32)
sound = np.stack([sound, sound])


def write(path, bit_rate, options):
    with av.open(path, "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="stereo", options=options)
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in stream.encode(frame) + stream.encode(None):
            container.mux(packet)


found = {}
for name, bit_rate, options in (
    ("default", None, {}),
    ("128 kb/s asked for", 128_000, {}),
    ("variable", None, {"flags": "+qscale", "global_quality": "472"}),
):
    write(path := f"{sys.argv[1]}/song.mp3", bit_rate, options)
    info, other = eyed3.load(path).info, mutagen.File(path).info
    found[name] = info.time_secs
    print(f"{name}: eyeD3 {info.time_secs} s, {info.bit_rate_str}; mutagen {other.length:.2f} s, {other.bitrate} b/s")
print("eyeD3", eyed3.version, "mutagen", mutagen.version_string, "PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
sys.exit(not (found.pop("default") > 1.9 * SECONDS and all(abs(each - SECONDS) < 0.5 for each in found.values())))
PYTHON
