#!/usr/bin/env bash
# mido says that a MIDI file that counts in frames (SMPTE) lasts a negative time.
#
# Version: mido 1.3.3.
# Expected: `MidiFile.length` is the "playback time in seconds". The division of a Standard MIDI File may be ticks a beat or,
#   with the top bit set, frames a second and ticks a frame. https://mido.readthedocs.io/en/stable/files/midi.html
# Seen: a note of 2 seconds (25 frames a second, 40 ticks a frame, 2000 ticks) has -6360 ticks a beat and lasts -0.157 s. No
#   error. `play` sends both ends of the note at once.
# Known: https://github.com/mido/mido/issues/457 (open)
# Why it matters: loops and soundtracks of film tools use this division. Sums of lengths go backwards, sleeps are skipped.
# Workaround: if `ticks_per_beat` is negative, a tick lasts 1 / (frames * ticks), from the two bytes of the header.
# Prints both numbers. Fails if the length is right, or is refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mido==1.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import mido

events = b"\x00\x90\x3c\x40" + b"\x8f\x50\x80\x3c\x40" + b"\x00\xff\x2f\x00"  # on, 2000 ticks later off, end
header = b"MThd" + struct.pack(">IHHbB", 6, 0, 1, -25, 40)
file = mido.MidiFile(file=io.BytesIO(header + b"MTrk" + struct.pack(">I", len(events)) + events))
print(f"mido {mido.version_info}: {file.ticks_per_beat} ticks a beat, {file.length:.3f} s instead of 2")
sys.exit(not file.length < 0)
PYTHON
