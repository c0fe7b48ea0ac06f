"""Hear the excerpts of `data/songs/` again, after the model of sound changed: python -m scripts.build_bundled_songs.

The same script of commit af04d2cf cut them from Debian packages. Of their songs we took for each mood those of many
authors with the clearest mood, and some nearer to the middle of the plane, so that different faces get different songs.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import list_shares
from emomusic.assets import write_checksums, write_json
from emomusic.media.audio_file import AudioFile, read_song
from emomusic.songs.analysis import song_of
from emomusic.songs.hearing import load_sound_model
from emomusic.songs.local_songs import SONGS, bundled_songs, songs_dir
from emomusic.songs.song import Player

LENGTH_S = 24.5
RATE = 44_100

_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
# How well each note, counted from the tonic, fits a key: C. L. Krumhansl & E. J. Kessler, Psychological Review 89, 1982
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_CLEAR = 0.1  # difference of the correlations with the best major and the best minor key
_WINDOW = 16_384  # samples, 0.37 s: tells semitones apart from 80 Hz


def read_sound(path: Path) -> npt.NDArray[np.float32]:
    """Stereo sound, shape (2, n), at `RATE`."""
    with AudioFile(path) as file:
        samples = np.frombuffer(b"".join(file.pcm(0.0, RATE)), "<i2").reshape(-1, 2).T
    if samples.shape[1] < (length := round(LENGTH_S * RATE)):
        raise ValueError(f"expected {LENGTH_S} s in {path}. Received: {samples.shape[1] / RATE} s")
    return samples[:, :length].astype(np.float32) / 2**15


def key_of(sound: npt.NDArray[np.float32]) -> str | None:
    """The key of stereo sound, "D minor"; None if major and minor fit alike."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.mean(axis=0), _WINDOW)[:: _WINDOW // 4]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW)))
    is_peak = (spectra[:, 1:-1] > spectra[:, :-2]) & (spectra[:, 1:-1] >= spectra[:, 2:])
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / RATE)[1:-1]
    is_note = (frequencies > 65) & (frequencies < 2100)
    loudness = np.log1p(1000 * (spectra[:, 1:-1] * is_peak)[:, is_note] / spectra.max()).sum(axis=0)
    semitones = 12 * np.log2(frequencies[is_note] / 440) + _NOTES.index("A")
    tuning = np.angle(np.sum(loudness * np.exp(2j * np.pi * semitones))) / (2 * np.pi)
    chroma = np.bincount(np.round(semitones - tuning).astype(int) % 12, loudness, 12)
    fits = {
        mode: [float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]) for tonic in range(12)]
        for mode, profile in _PROFILES.items()
    }
    worst, best = sorted(fits, key=lambda mode: max(fits[mode]))
    is_clear = max(fits[best]) - max(fits[worst]) >= _CLEAR
    return f"{_NOTES[int(np.argmax(fits[best]))]} {best}" if is_clear else None


def main() -> None:
    """Hear all excerpts, print moods and keys, and write `songs.json` and the checksums."""
    heard = []
    for number, known in enumerate(bundled_songs(), 1):
        path = Path(known.path or "")
        song, sound = read_song(path), read_sound(path)
        hearing = load_sound_model().analyse(song.windows)
        rights = {"key": key_of(sound), "licence": known.licence, "source": known.source}
        heard.append(song_of(song, hearing, Player.BUNDLED, number, path.name, **rights))
        print(f"{song.title}: {list_shares(hearing.moods, most=2)}, {rights['key'] or 'no clear key'}")
    write_json(songs_dir() / SONGS, msgspec.to_builtins(heard))
    write_checksums(songs_dir())


if __name__ == "__main__":
    main()
