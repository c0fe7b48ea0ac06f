#!/usr/bin/env bash
# soundfile writes surround sound to Ogg in another order of channels: centre and right change places, and the last one
# loses its treble.
#
# Versions: soundfile 0.14.0 (libsndfile in its wheel), PyAV 18.1.0.
# Expected: the order of channels is that of WAV and FLAC for each format, since nothing in soundfile's documentation says
#   otherwise: https://python-soundfile.readthedocs.io/
# Seen: the array of six channels goes to libvorbis and libopus as it is, which take the order of the Vorbis
#   specification (left, centre, right, back left, back right, bass). So the centre plays on the right, the right in the
#   centre, the bass at the back, and the back right is filtered as bass. FLAC is right. soundfile reads its own file in the
#   same order and cannot tell.
#   https://xiph.org/vorbis/doc/Vorbis_I_spec.html (4.3.9)
# Related: https://github.com/libsndfile/libsndfile/pull/797 ("no channel order processing in the library")
# Why it matters: the voice of a film or song moves to the right, and a mixdown weighs it wrongly.
# Workaround: reorder with `sound[:, [0, 2, 1, 4, 5, 3]]` before writing six channels to Ogg, and back after reading.
# Each channel has one tone. Prints the tone of each in PyAV. Fails if Ogg has the order of FLAC.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import av
import numpy as np
import soundfile

RATE, TONES = 48000, (300, 600, 900, 1200, 1500, 1800)
sound = np.stack([0.2 * np.sin(2 * np.pi * tone * np.arange(RATE) / RATE) for tone in TONES], axis=1)


def tones(path):
    """The strongest tone of each named channel, 0 for next to none."""
    with av.open(path) as container:
        names = [channel.name for channel in container.streams.audio[0].layout.channels]
        resampler = av.AudioResampler(format="fltp")
        parts = [each.to_ndarray() for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    spectra = np.abs(np.fft.rfft(np.concatenate(parts, axis=1)[:, 4800:28800] * np.hanning(24000)))
    return {name: int(each.argmax()) * 2 if each.max() > 50 else 0 for name, each in zip(names, spectra)}


found = {}
for kind, subtype in (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")):
    path = f"{sys.argv[1]}/{subtype}.{kind.lower()}"
    soundfile.write(path, sound, RATE, format=kind, subtype=subtype)
    found[subtype] = tones(path)
    print(f"{kind} {subtype}: {found[subtype]}")
print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__, "PyAV", av.__version__)
swapped = all((found[each]["FC"], found[each]["FR"]) == (600, 900) for each in ("VORBIS", "OPUS"))
sys.exit(not (swapped and tuple(found["PCM_16"].values()) == TONES))
PYTHON
