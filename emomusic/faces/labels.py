"""How data sets of faces name emotions: words of folders and files, and numbers. `labels.toml` has them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from emomusic.affect import Emotion

NAMING = tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))
EMOTION_WORDS = {word: Emotion(name) for name, words in NAMING["words"].items() for word in words.split()}


def emotions_in(folder: str) -> tuple[Emotion, ...]:
    """The emotions that a folder is named after, each once: two for a mixture; empty for other names."""
    name = folder.lower().strip()
    words = re.split(r"[\W_]+", NAMING["mixtures"].get(name, name))
    if set(NAMING["negations"]).intersection(words):
        return ()
    return tuple(dict.fromkeys(EMOTION_WORDS[word] for word in words if word in EMOTION_WORDS))
