"""The songs of `analyze`: audio files and their mood."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from emomusic.affect import share_text
from emomusic.cli.arguments import list_most, log_file_error
from emomusic.errors import AudioError
from emomusic.media.audio_file import read_song
from emomusic.songs.hearing import load_sound_model
from emomusic.text import escape_control_chars, format_clock


def analyze_song(name: str) -> tuple[dict[str, Any], int]:
    """Hear the mood of an audio file. A problem goes to stderr.

    Returns:
        The record and its exit status: 2 if the file cannot be read.
    """
    model = load_sound_model()
    started = time.perf_counter()
    try:
        song = read_song(Path(name))
    except AudioError as error:
        log_file_error(name, str(error))
        return {"audio": name, "error": str(error)}, 2
    decoded = time.perf_counter()
    heard = model.hear(song.windows)
    return {
        "audio": name,
        "title": song.title,
        "artists": list(song.artists),
        "duration_s": round(song.duration_s, 3),
        "quadrant": heard.quadrant.value,
        "probabilities": heard.probabilities,
        "valence": heard.valence,
        "arousal": heard.arousal,
        "mood": heard.mood.value,
        "tags": [{"name": tag, "probability": share} for tag, share in heard.tags],
        "timeline": [
            {"time_s": time_s, "valence": valence, "arousal": arousal} for time_s, valence, arousal in heard.timeline
        ],
        "elapsed_ms": {
            "decode": round(1000 * (decoded - started), 1),
            "hear": round(1000 * (time.perf_counter() - decoded), 1),
        },
    }, 0


def show_song(record: dict[str, Any]) -> None:
    """Print the mood of a song."""
    title = ", ".join([record["title"], *record["artists"]])
    print(escape_control_chars(f"{record['audio']}: {title}, {format_clock(record['duration_s'])}"))
    print(f"  {record['mood']}: {list_most(record['probabilities'])}")
    print("  sounds like " + ", ".join(f"{tag['name']} {share_text(tag['probability'])}" for tag in record["tags"]))
