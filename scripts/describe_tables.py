"""Write `docs/tables.md`: the words of the reader of lists, and the errors of the search for titles and artists.

`python -m scripts.describe_tables` searches 500 pairs of names of the bundled catalogue (`measure`), in a minute.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
from rapidfuzz import fuzz

from emomusic.assets import ROOT
from emomusic.songs.catalogue import Catalogue, split_artists, title_key
from emomusic.songs.names import Names, names_of
from emomusic.songs.recommend import load_recommender
from emomusic.songs.tables.fields import words

PAGE = ROOT / "docs" / "tables.md"
NUM_PAIRS = 250  # pairs of the same song, and of different songs
SEED = 57

SPELLINGS: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "another version": lambda title, artists: (f"{title} - Live at Wembley", artists),
    "a guest in brackets": lambda title, artists: (f"{title} (feat. Somebody)", artists),
    "without punctuation": lambda title, artists: (re.sub(r"[^\w\s]", "", title) or title, artists),
    '"The" behind the name': lambda title, artists: (title, re.sub(r"^The (.+)$", r"\1, The", artists)),
    '"and" for "&"': lambda title, artists: (title.replace("&", "and"), artists.replace("&", "and")),
    "a guest first": lambda title, artists: (title, f"Somebody, {artists}"),
    "capitals": lambda title, artists: (title.upper(), artists.upper()),
    "a letter is missing": lambda title, artists: (title[: len(title) // 2] + title[len(title) // 2 + 1 :], artists),
}


def measure(catalogue: Catalogue) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Errors of the search on 500 pairs.

    Half of them are songs in another spelling. The other half are the most similar titles of one artist that are
    different songs: one is all that is known, and the other one is searched.

    Returns:
        Pairs and misses by spelling, and number of different songs and of those that were found in spite of it.
    """
    rng, size, names = random.Random(SEED), len(catalogue), names_of(catalogue)
    found: dict[str, tuple[int, int]] = {}
    chosen = [row for row in rng.sample(range(size), 3 * NUM_PAIRS) if len(catalogue.song(row).title) > 5]
    for number, row in enumerate(chosen[:NUM_PAIRS]):
        song, kind = catalogue.song(row), list(SPELLINGS)[number % len(SPELLINGS)]
        title, artists = SPELLINGS[kind](song.title, song.artists[0])
        result = int(names.rows([title], [artists])[0])
        is_same = result >= 0 and title_key(catalogue.song(result).title) == title_key(song.title)
        pairs, misses = found.get(kind, (0, 0))
        found[kind] = pairs + 1, misses + (not is_same)
    by_artist: dict[str, list[str]] = {}
    for title, artists in zip(catalogue.table["title"], catalogue.table["artists"], strict=True):
        by_artist.setdefault(split_artists(artists)[0], []).append(title)
    wrong = different = 0
    for artist in rng.sample([name for name, titles in by_artist.items() if len(titles) > 5], NUM_PAIRS // 2):
        keys = {title_key(title): title for title in by_artist[artist]}
        nearest = max(((fuzz.QRatio(a, b), a, b) for a in keys for b in keys if a < b), default=None)
        for here, there in (nearest[1:], nearest[:0:-1]) if nearest is not None else ():
            result = int(Names([keys[there]], [artist], np.arange(1)).rows([keys[here]], [artist])[0])
            different, wrong = different + 1, wrong + (result >= 0)
    return found, different, wrong


def described() -> str:
    """The part of the page that the declarations give."""
    fields = "\n".join(f"| {field} | {names.replace('|', ', ')} |" for field, names in words()["fields"].items())
    moods = "\n".join(f"| {mood} | {', '.join(text.split())} |" for mood, text in words()["moods"].items())
    return f"""# Tables, exports, playlists and lists of songs

`emomusic table FILE` shows what is read from a file; the page reads the same under "Your music". The content tells the
format: CSV, Excel, ODS, Parquet, JSON, YAML, XML, HTML, M3U, PLS, CUE, and lines of text in any form. A song is a
record with a title and an artist, a Spotify link or a path, at any depth.

Names of columns decide first. Where they are absent, or only other columns have known songs, the catalogue and the
library vote: a line is cut at its marks ("-", "|", ":", "by", brackets, tabs), and the two parts that are known most
often are title and artist. Where neither decides, the page asks, and the command has `--title` and `--artist`. Features
are from 0 to 1, or from 0 to 100 where a whole column shows it; those of other scales are left out. Valence and energy
alone give a mood.

The words below are those of `emomusic/songs/tables/words.toml`; case, accents, punctuation and units do not matter.

| field | names of columns and keys, the likeliest first |
| --- | --- |
{fields}

| mood | words |
| --- | --- |
{moods}

"""


def main() -> None:
    """Write the page."""
    found, different, wrong = measure(load_recommender().catalogue)
    lines = "\n".join(f"| {kind} | {pairs} | {misses} |" for kind, (pairs, misses) in found.items())
    missed = sum(misses for _, misses in found.values())
    PAGE.write_text(
        described()
        + f"""## Titles and artists

Titles are compared without their version, and artists apart. Two kinds of pairs from the catalogue
(`python -m scripts.describe_tables`, seed {SEED}): {NUM_PAIRS} songs in another spelling, and {different} of different
songs. The latter are the two most similar titles of one artist: one is searched, and only the other one is known.

| the same song, with | pairs | not found |
| --- | --- | --- |
{lines}

Not found: {missed} of {NUM_PAIRS}. Different songs taken for the same: {wrong} of {different}.
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
