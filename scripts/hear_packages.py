"""Hear the music of unpacked Debian packages, to choose excerpts for `build_bundled_songs`.

    python -m scripts.hear_packages FOLDER RESULT.json   # adds what is not in the result yet

Each line of the result has a file, the start of an excerpt, its loudness, its tempo and the moods that the model hears.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from emomusic.media.sound import SAMPLE_RATE, Window
from emomusic.songs.hearing import load_sound_model
from scripts.build_bundled_songs import LENGTH_S

ENDINGS = {".ogg", ".mp3", ".opus"}
SHARES = (0.12, 0.4, 0.68)  # of a song: where its excerpts start
LEAST_S = 60


def read_mono(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The sound of a file at the rate of the model."""
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(str(path)) as file:
        parts = [ready.to_ndarray() for frame in file.decode(audio=0) for ready in resampler.resample(frame)]
    return np.concatenate(parts, axis=1)[0]


def tempo_of(sound: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """Beats per minute, from 60 to 180: the strongest period of the changes of energy."""
    hop = SAMPLE_RATE // 100
    energy = np.log1p(1e3 * np.square(sound[: len(sound) // hop * hop]).reshape(-1, hop).mean(axis=1))
    onsets = np.maximum(np.diff(energy), 0)
    onsets -= onsets.mean()
    products = np.correlate(onsets, onsets, "full")[len(onsets) - 1 :]
    lags = np.arange(33, 101)
    return float(6000 / lags[products[lags].argmax()])


def excerpts(path: Path) -> Iterator[dict[str, Any]]:
    """What is heard in some excerpts of a song; nothing for short ones."""
    sound = read_mono(path)
    seconds = len(sound) / SAMPLE_RATE
    if seconds < LEAST_S:
        return
    for share in SHARES:
        start_s = int(min(share * seconds, seconds - LENGTH_S - 1))
        part = sound[start_s * SAMPLE_RATE :][: round(LENGTH_S * SAMPLE_RATE)]
        level = float(10 * np.log10(np.mean(np.square(part)) + 1e-12))
        if level < -40:
            continue
        heard = load_sound_model().hear([Window(0.0, part)])
        moods = {str(mood): round(share, 4) for mood, share in heard.moods.items()}
        tags = [name for name, _ in heard.tags]
        yield {"start_s": start_s, "level_db": round(level, 1), "tempo": round(tempo_of(part)), "tags": tags, **moods}


def main() -> None:
    """Hear all files of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    options = parser.parse_args()
    known = json.loads(options.result.read_text()) if options.result.exists() else {}
    for path in sorted(options.folder.rglob("*")):
        name = str(path.relative_to(options.folder))
        if path.suffix in ENDINGS and name not in known and path.stat().st_size > 300_000:
            try:
                known[name] = list(excerpts(path))
            except (av.error.FFmpegError, ValueError) as error:
                print(f"{name}: {error}")
                known[name] = []
            options.result.write_text(json.dumps(known, indent=1))


if __name__ == "__main__":
    main()
