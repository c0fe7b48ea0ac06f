"""Genres of the bundled catalogue, in families as people name them; and songs that recommendations exclude by default.

The excluded kinds are speech, sleep sounds, children's songs and holiday songs.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from emomusic.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd


_TABLES = tomllib.loads(Path(__file__).with_name("genres.toml").read_text(encoding="utf-8"))
_SPELLINGS = _TABLES.pop("spellings")
_PATTERNS = {name: re.compile("|".join(words), re.IGNORECASE) for name, words in _TABLES.pop("patterns").items()}

FAMILY_TITLES: dict[str, str] = {key: own["title"] for key, own in _TABLES.items()}
"""The names of the families for people, by their keys in URLs and on the command line. The keys are not genres."""

GENRES_OF_FAMILY: dict[str, tuple[str, ...]] = {key: tuple(own["genres"].split()) for key, own in _TABLES.items()}
"""The genres of each family. Each genre belongs to one."""

GENRES: tuple[str, ...] = tuple(sorted(genre for genres in GENRES_OF_FAMILY.values() for genre in genres))
"""All genres of the bundled catalogue."""

_GENRE_OF = {
    words: genre
    for genre in GENRES
    for spelling in (genre.replace("-", " "), *_SPELLINGS.get(genre, "").replace("\n", " ").split(","))
    for words in (tuple(spelling.split()), ("".join(spelling.split()),))
}
"""The genre by the words of each spelling, also written together."""

GENRE_WORDS = frozenset(word for words in _GENRE_OF for word in words)
"""All words that name genres, alone or together."""

_MOST_WORDS = max(map(len, _GENRE_OF))
_SPEECH, _CHILDREN = "spoken word", "children"


def spans_of_genres(words: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """The genres that words name, from left to right: the first word, the word after the last, and the genre."""
    at = 0
    while at < len(words):
        ends = range(min(at + _MOST_WORDS, len(words)), at, -1)
        end = next((end for end in ends if tuple(words[at:end]) in _GENRE_OF), at)
        if end > at:
            yield at, end, _GENRE_OF[tuple(words[at:end])]
        at = max(end, at + 1)


def meanings_of(genre: str) -> frozenset[str]:
    """The genres of the catalogue that a genre of a file means, and "spoken word" or "children" if it means these.

    "Hip-Hop/Rap" is hip-hop, "R&B/Soul" is r-n-b and soul.
    """
    text = unicodedata.normalize("NFKD", genre.casefold()).replace("&", " and ").replace("+", " and ")
    words = re.findall(r"[^\W_]+", "".join(letter for letter in text if not unicodedata.combining(letter)))
    found = {name for *_, name in spans_of_genres(words)}
    plain = " ".join(words)
    if _PATTERNS["spoken_genre"].search(plain):
        found.add(_SPEECH)
    if _PATTERNS["childrens_genre"].search(plain):
        found.add(_CHILDREN)
    return frozenset(found)


def genres_in(cell: str) -> frozenset[str]:
    """The genres in a cell of a table, and their meanings in the catalogue."""
    names = {part.strip() for part in cell.split(";")} - {""}
    return frozenset(names).union(*(meanings_of(name) for name in names if name not in GENRES))


def genres_of(names: Iterable[str]) -> frozenset[str]:
    """Genres of names of genres or keys of families, in any case.

    Raises:
        DatasetError: a name is unknown; the message suggests similar names.
    """
    genres: set[str] = set()
    for name in names:
        key = "-".join(name.casefold().split())
        if key in GENRES:
            genres.add(key)
        elif key in GENRES_OF_FAMILY:
            genres.update(GENRES_OF_FAMILY[key])
        elif meant := meanings_of(name) & set(GENRES):
            genres |= meant
        else:
            known = [*GENRES, *GENRES_OF_FAMILY]
            similar = difflib.get_close_matches(key, known) or list(GENRES_OF_FAMILY)
            raise DatasetError(f"expected a genre such as {', '.join(similar)}. Received: {name[:60]!r}")
    return frozenset(genres)


def names_of(genres: Collection[str]) -> list[str]:
    """Shortest names of a set of genres: keys of complete families, then single genres. Inverse of `genres_of`."""
    whole = [key for key, own in GENRES_OF_FAMILY.items() if set(own) <= set(genres)]
    return whole + sorted(set(genres).difference(*map(GENRES_OF_FAMILY.__getitem__, whole)))


class SongKind(StrEnum):
    """A kind of songs that recommendations exclude by default."""

    SPEECH = "speech"
    SLEEP = "sleep"
    CHILDREN = "children"
    CHRISTMAS = "christmas"
    HALLOWEEN = "halloween"


KIND_GENRES: Mapping[SongKind, frozenset[str]] = {
    SongKind.SPEECH: frozenset({"comedy", _SPEECH}),
    SongKind.SLEEP: frozenset({"sleep"}),
    SongKind.CHILDREN: frozenset({_CHILDREN, "kids"}),
}
"""Genres whose songs are all of a kind. A request for one of the genres includes the kind."""

SEASONS: Mapping[SongKind, tuple[tuple[int, int], tuple[int, int]]] = {
    SongKind.CHRISTMAS: ((12, 1), (1, 6)),
    SongKind.HALLOWEEN: ((10, 15), (11, 1)),
}
"""First and last day, as month and day, on which songs of a kind are in season."""

_SPOKEN = 0.66  # speechiness; Spotify's documentation: tracks above are probably made entirely of spoken words
_INSTRUMENTAL = 0.5  # separates recordings of white noise from songs of this title

_GUESTS = re.compile(r"[(\[](?:feat|ft|from|with)\b.*", re.IGNORECASE)
_ONLY_PYTHON = re.compile(r"\(\?<?!(?:[^()]|\([^()]*\))*\)|\\b")


def kinds_of(table: pd.DataFrame) -> pd.Series:
    """Kind of each row: the value of a `SongKind`, or None.

    Args:
        table: rows of a catalogue, with the columns `title`, `artists`, `album`, `genres`, `speechiness` and
            `instrumentalness`.
    """
    import pandas as pd

    titles, artists, albums = (table[column].fillna("").astype("str") for column in ("title", "artists", "album"))
    numbers, cells = pd.factorize(table["genres"].fillna("").astype("str"))  # songs share a few cells
    genres = [genres_in(cell) for cell in cells]
    is_noise = _contain(titles, _PATTERNS["noise"]) & (table["instrumentalness"] > _INSTRUMENTAL)
    is_kind = {
        SongKind.SPEECH: table["speechiness"] > _SPOKEN,
        SongKind.SLEEP: is_noise | _contain(artists, _PATTERNS["noise"]),
        SongKind.CHRISTMAS: _contain(titles, _PATTERNS["christmas"])
        | (_contain(albums, _PATTERNS["christmas"]) & (albums != artists)),
        SongKind.HALLOWEEN: _contain(titles, _PATTERNS["halloween"]) | _contain(albums, _PATTERNS["halloween"]),
    }
    kinds = pd.Series([None] * len(table), index=table.index, dtype=object)
    for kind in SongKind:
        wanted = KIND_GENRES.get(kind, frozenset())
        has_wanted = [not wanted.isdisjoint(own) for own in genres]
        has_genre = pd.Series([has_wanted[number] for number in numbers], index=table.index, dtype=bool)
        kinds = kinds.mask(kinds.isna() & (has_genre | is_kind.get(kind, has_genre)), kind.value)
    return kinds


def has_words(titles: pd.Series, kind: str) -> pd.Series:
    """Whether each title has "rude", "violent" or "explicit" words, not only in "(feat. Machine Gun Kelly)"."""
    texts, pattern = titles.fillna("").astype("str"), _PATTERNS[kind]
    found = _contain(texts, pattern)
    found[found] = _contain(texts[found].str.replace(_GUESTS, "", regex=True), pattern)
    return found


def _contain(texts: pd.Series, pattern: re.Pattern[str]) -> pd.Series:
    """Whether each text has the pattern. Arrow, without lookaround and word ends, finds the few that may have it."""
    import pandas as pd

    may_have = texts.str.contains(_ONLY_PYTHON.sub("", pattern.pattern), case=False).to_numpy(bool, copy=True)
    may_have[may_have] = [pattern.search(text) is not None for text in texts[may_have]]
    return pd.Series(may_have, index=texts.index)


def included_kinds(genres: Collection[str], today: date) -> frozenset[SongKind]:
    """Kinds that a request for these genres includes on a date."""
    day = (today.month, today.day)
    wanted = {kind for kind, own in KIND_GENRES.items() if not own.isdisjoint(genres)}
    for kind, (first, last) in SEASONS.items():
        if first <= day <= last if first <= last else day >= first or day <= last:
            wanted.add(kind)
    return frozenset(wanted)
