"""Write `docs/tables.md`: the declared sources of song tables, and the errors of the search for titles.

`python -m scripts.describe_tables` writes the page; its figures come from 500 pairs of names (`measure`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from rapidfuzz import fuzz

from emomusic.assets import ROOT
from emomusic.songs.catalogue import Catalogue, split_artists, title_key
from emomusic.songs.recommend import load_recommender
from emomusic.songs.tables.matching import Names, names_of
from emomusic.songs.tables.sources import Source, sources

PAGE = ROOT / "docs" / "tables.md"
START = "## Titles and artists"
NUM_PAIRS = 250  # of the same song, and of different songs
SEED = 57


def _typing_error(title: str) -> str:
    middle = len(title) // 2
    return title[:middle] + title[middle + 1 :]


SPELLINGS: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "another version": lambda title, artists: (f"{title} - Live at Wembley", artists),
    "a guest in brackets": lambda title, artists: (f"{title} (feat. Somebody)", artists),
    "without punctuation": lambda title, artists: (re.sub(r"[^\w\s]", "", title) or title, artists),
    '"The" behind the name': lambda title, artists: (title, re.sub(r"^The (.+)$", r"\1, The", artists)),
    '"and" for "&"': lambda title, artists: (title.replace("&", "and"), artists.replace("&", "and")),
    "a guest first": lambda title, artists: (title, f"Somebody, {artists}"),
    "capitals": lambda title, artists: (title.upper(), artists.upper()),
    "a letter is missing": lambda title, artists: (_typing_error(title), artists),
}


def measure(catalogue: Catalogue) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Errors of the search on 500 pairs.

    Half of them are songs in another spelling. The other half are the most similar titles of one artist that are
    different songs: one is the whole catalogue, and the other one is searched.

    Returns:
        Pairs and misses by spelling, and number of different songs and of those that were found in spite of it.
    """
    rng, size = random.Random(SEED), len(catalogue)
    names = names_of(catalogue)
    found: dict[str, tuple[int, int]] = {}
    chosen = [row for row in rng.sample(range(size), 3 * NUM_PAIRS) if len(catalogue.song(row).title) > 5]
    for number, row in enumerate(chosen[:NUM_PAIRS]):
        song = catalogue.song(row)
        kind = list(SPELLINGS)[number % len(SPELLINGS)]
        title, artists = SPELLINGS[kind](song.title, song.artists[0])
        result = int(names.rows([title], [artists])[0])
        same = result >= 0 and title_key(catalogue.song(result).title) == title_key(song.title)
        pairs, misses = found.get(kind, (0, 0))
        found[kind] = pairs + 1, misses + (not same)
    by_artist: dict[str, list[str]] = {}
    for title, artists in zip(catalogue.table["title"], catalogue.table["artists"], strict=True):
        by_artist.setdefault(split_artists(artists)[0], []).append(title)
    wrong = different = 0
    for artist in rng.sample([name for name, titles in by_artist.items() if len(titles) > 5], NUM_PAIRS // 2):
        keys = {title_key(title): title for title in by_artist[artist]}
        pairs_of = [(fuzz.QRatio(a, b), a, b) for a in keys for b in keys if a < b]
        if not pairs_of:
            continue
        _, first, second = max(pairs_of)
        for here, there in ((first, second), (second, first)):
            result = int(Names(_only(catalogue, artist, keys[there])).rows([keys[here]], [artist])[0])
            different, wrong = different + 1, wrong + (result >= 0)
    return found, different, wrong


def _only(catalogue: Catalogue, artist: str, title: str) -> Catalogue:
    """A catalogue with one song of an artist."""
    table = catalogue.table
    return Catalogue(table[(table["title"] == title) & table["artists"].str.startswith(artist)].head(1))


def _row(source: Source) -> str:
    roles = ((role, [names] if isinstance(names, str) else names) for role, names in source.columns.items())
    columns = "; ".join(f"{role}: {', '.join(names)}" for role, names in roles)
    return f"| {source.title} | {source.origin} | {source.seen} | {source.form} | {source.numbers} | {columns} |"


def described() -> str:
    """The part of the page that the declarations give."""
    head = """# Tables, exports and playlists of songs

`emomusic table FILE` shows what is read from a file; the page reads the same under "Your music". The content tells
the format. Any other table needs titles and artists, or Spotify ids, under any usual name. The table below is made from
`emomusic/songs/tables/sources.toml` by `python -m scripts.describe_tables`.

| source | who writes it | seen | form | numbers | our columns: names in the table |
| --- | --- | --- | --- | --- | --- |
"""
    return head + "\n".join(map(_row, sources().values())) + "\n\n"


def main() -> None:
    """Write the page."""
    found, different, wrong = measure(load_recommender().catalogue)
    lines = "\n".join(f"| {kind} | {pairs} | {misses} |" for kind, (pairs, misses) in found.items())
    PAGE.write_text(
        described()
        + f"""{START}

Titles are compared without their version, and artists apart. Two kinds of pairs from the catalogue
(`python -m scripts.describe_tables`, seed {SEED}): {NUM_PAIRS} songs in another spelling, and {different}
of different songs. The latter are the two most similar titles of one artist: one is searched, and the other one is
the whole catalogue.

| the same song, with | pairs | not found |
| --- | --- | --- |
{lines}

Different songs taken for the same: {wrong} of {different}.
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
