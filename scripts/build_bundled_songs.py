"""Write `data/songs/`: excerpts of free songs from Debian packages, with the mood that the model hears.

Of the songs of these and more packages, we took for each mood those of many authors with the clearest mood, and some
nearer to the middle of the plane, so that different faces get different songs.

    python -m scripts.build_bundled_songs PACKAGES   # a folder of .deb files
    python -m scripts.build_bundled_songs            # hear the excerpts again, after the model of sound changed

The copyright file of each package has its authors and licences.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import av
import msgspec
import numpy as np
import numpy.typing as npt

from emomusic.affect import list_shares
from emomusic.assets import write_checksums, write_json
from emomusic.media.audio_file import read_song
from emomusic.songs.analysis import song_of
from emomusic.songs.hearing import load_sound_model
from emomusic.songs.local_songs import SONGS, bundled_songs, songs_dir
from emomusic.songs.song import Player
from scripts.build_band import write_sound

LENGTH_S = 24.5
FADE_S = 0.75
RATE = 44_100
BIT_RATE = 80_000
RMS_DB = -16.0
PEAK_DB = -2.0  # MP3 overshoots the peaks a little

_TEXTS = {
    "CC BY-SA 3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC BY 3.0": "https://creativecommons.org/licenses/by/3.0/",
    "MIT": "data/songs/LICENSE",
}

_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
# How well each note, counted from the tonic, fits a key: C. L. Krumhansl & E. J. Kessler, Psychological Review 89, 1982
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_CLEAR = 0.1  # difference of the correlations with the best major and the best minor key
_WINDOW = 16_384  # samples, 0.37 s: tells semitones apart from 80 Hz


def unpack(packages: Path, origin: Mapping[str, str], out: Path) -> Path:
    """Unpack the package of an origin, once; its folder of songs, which is an archive if it ends in .pk3."""
    root = out / origin["package"]
    if not root.exists():
        (package,) = packages.glob(f"{origin['package']}_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
        for archive in root.rglob("*.pk3"):
            with zipfile.ZipFile(archive) as songs:
                songs.extractall(archive.with_suffix(""))
    return root / origin["folder"]


def read_sound(path: Path, start_s: float) -> npt.NDArray[np.float32]:
    """Stereo sound, shape (2, n), at `RATE`."""
    resampler = av.AudioResampler("fltp", "stereo", RATE)
    parts: list[npt.NDArray[np.float32]] = []
    start, end, num_read = round(start_s * RATE), round((start_s + LENGTH_S) * RATE), 0
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            parts += [ready.to_ndarray() for ready in resampler.resample(frame)]
            num_read += frame.samples * RATE // frame.sample_rate
            if num_read > end + RATE:  # the resampler keeps some samples
                break
    sound = np.concatenate(parts, axis=1)[:, start:end]
    if sound.shape[1] != end - start:
        raise ValueError(f"expected {LENGTH_S} s from {start_s} s in {path}. Received: {sound.shape[1] / RATE} s")
    return sound


def levelled(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sound with fades, at `RMS_DB`, or quieter if its peak would pass `PEAK_DB`."""
    fade = np.linspace(0, 1, round(FADE_S * RATE), dtype=np.float32)
    sound = sound.copy()
    sound[:, : len(fade)] *= fade
    sound[:, -len(fade) :] *= fade[::-1]
    gain = min(10 ** (RMS_DB / 20) / np.sqrt(np.mean(sound**2)), 10 ** (PEAK_DB / 20) / np.abs(sound).max())
    return np.asarray(sound * np.float32(gain))


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


def build(packages: Path) -> list[tuple[Path, str, str]]:
    """Write all excerpts; path, licence and source of each."""
    for path in songs_dir().glob("*.mp3"):
        path.unlink()
    table = tomllib.loads(Path(__file__).with_name("songs.toml").read_text(encoding="utf-8"))
    written = []
    with tempfile.TemporaryDirectory() as out:
        for excerpt in table["excerpts"]:
            origin = table["origins"][excerpt["origin"]]
            folder = unpack(packages, origin, Path(out))
            sounds = [read_sound(folder / name, excerpt["start_s"]) for name in excerpt["files"]]  # several are mixed
            name = "-".join("".join(each if each.isalnum() else " " for each in excerpt["title"].lower()).split())
            path = songs_dir() / f"{name}.mp3"
            write_sound(
                path,
                levelled(np.sum(sounds, axis=0)),
                "libmp3lame",  # all browsers play it
                rate=RATE,
                bit_rate=BIT_RATE,
                title=excerpt["title"],
                artist=excerpt["artist"],
                copyright=f"{origin['licence']}, {_TEXTS[origin['licence']]}",
                comment=f"Excerpt of {LENGTH_S} s, re-encoded, from {origin['source']}",
            )
            written.append((path, origin["licence"], origin["source"]))
    return written


def hear(excerpts: list[tuple[Path, str, str]]) -> None:
    """Hear all excerpts, print loudness and moods, and write `songs.json` and the checksums."""
    heard = []
    for number, (path, licence, source) in enumerate(excerpts, 1):
        song = read_song(path)
        hearing = load_sound_model().analyse(song.windows)
        sound = read_sound(path, 0)
        rights = {"key": key_of(sound), "licence": licence, "source": source}
        heard.append(song_of(song, hearing, Player.BUNDLED, number, path.name, **rights))
        rms_db, peak_db = 10 * np.log10(np.mean(sound**2)), 20 * np.log10(np.abs(sound).max())
        levels, moods = f"{rms_db:.1f} dB, peak {peak_db:.1f} dB", list_shares(hearing.moods, most=2)
        print(f"{song.title}: {levels}, {moods}, {rights['key'] or 'no clear key'}")
    write_json(songs_dir() / SONGS, msgspec.to_builtins(heard))
    write_checksums(songs_dir())


def main() -> None:
    """Build or hear the songs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, nargs="?", help="folder of Debian packages")
    packages = parser.parse_args().packages
    songs_dir().mkdir(parents=True, exist_ok=True)
    known = ((Path(song.path or ""), song.licence or "", song.source or "") for song in bundled_songs())
    hear(build(packages) if packages else list(known))


if __name__ == "__main__":
    main()
