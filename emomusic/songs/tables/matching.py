"""Songs of a catalogue by title and artist, in the spellings of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from emomusic.songs.catalogue import Catalogue, normalize_text, split_artists, title_key

TITLE_SCORE, ARTIST_SCORE = 92, 88
"""Least QRatio of the titles of one artist, and of the artists of one title; see docs/tables.md."""

_SIMILAR = 60  # least QRatio of a title that may be meant
_LEAST_LETTERS = 5  # of a title with a typing error; "Stay" and "Stray" are two songs
_NUMBER = re.compile(r"\d+|\b[ivx]+\b")
_BETWEEN = re.compile(r"\s*(?:[;,/&+|\u3001]|\b(?:x|with|and|feat|ft|featuring|vs)\b\.?)\s*", re.IGNORECASE)
_TOPIC = re.compile(r" - topic$| vevo$")


@cache
def artist_key(name: str) -> str:
    """An artist without "The", accents and punctuation: "Beatles, The" is "beatles"."""
    plain = _TOPIC.sub("", normalize_text(name).strip())
    words = re.sub(r"[^\w]+", " ", re.sub(r"[&+]", " and ", plain.replace("'", ""))).split()
    if words[:1] == ["the"] and len(words) > 1:
        words = words[1:]
    elif plain.endswith(", the"):
        words = words[:-1]
    return " ".join(words) or plain


def artist_keys(cell: str) -> list[str]:
    """The keys of the artists in a cell: as it is, and as names that commas, "feat." and the like separate."""
    names = [name for whole in split_artists(cell) for name in (whole, *_BETWEEN.split(whole))]
    return list(dict.fromkeys(artist_key(name) for name in (cell, *names) if name.strip()))


class Names:
    """The titles and artists of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Make the keys of all songs, the best known one first."""
        order = catalogue.best_known_first(np.arange(len(catalogue)))
        titles, artists = (catalogue.table[name].to_numpy(object)[order] for name in ("title", "artists"))
        self._rows = order
        self._full = titles
        self._titles = [title_key(title) for title in titles]
        self._artists = [{artist_key(name) for name in split_artists(cell)} for cell in artists]
        self._by_title: dict[str, list[int]] = {}
        self._by_artist: dict[str, dict[int, str]] = {}  # titles by place, the best known one first
        for place, (title, names) in enumerate(zip(self._titles, self._artists, strict=True)):
            self._by_title.setdefault(title, []).append(place)
            for name in names:
                self._by_artist.setdefault(name, {})[place] = title

    def knows_artist(self, name: str) -> bool:
        """Whether a song is by this artist."""
        return artist_key(name) in self._by_artist

    def rows(self, titles: Iterable[str], artists: Iterable[str]) -> npt.NDArray[np.intp]:
        """Row of the best known song with each title and any of its artists; -1 without one."""
        pairs = list(zip(titles, artists, strict=True))
        found = {pair: self._find(*pair) for pair in dict.fromkeys(pairs)}
        return np.array([-1 if (place := found[pair]) is None else self._rows[place] for pair in pairs], np.intp)

    def _find(self, title: str, cell: str) -> int | None:
        key, names = title_key(title), artist_keys(cell)
        same = self._by_title.get(key, [])
        if fitting := [place for place in same if not self._artists[place].isdisjoint(names)]:
            wanted = normalize_text(title)
            return next((place for place in fitting if normalize_text(self._full[place]) == wanted), fitting[0])
        for place in same[:100]:
            others = [(a, b) for a in names for b in self._artists[place] if min(len(a), len(b)) >= _LEAST_LETTERS]
            if any(fuzz.QRatio(a, b) >= ARTIST_SCORE for a, b in others):
                return place
        for name in names:
            if own := self._by_artist.get(name):
                rest = key.removeprefix(f"{name} ")  # "Artist - Title" as the title
                if rest != key and (first := next((place for place in own if own[place] == rest), None)) is not None:
                    return first
                found = process.extractOne(key, own, scorer=fuzz.QRatio, score_cutoff=TITLE_SCORE)
                if len(key) >= _LEAST_LETTERS and found and _NUMBER.findall(found[0]) == _NUMBER.findall(key):
                    return int(found[2])
        return None

    def nearest(self, title: str, artists: Iterable[str]) -> int | None:
        """Row of the song with the most similar title, if one is similar: by one of the artists, or by anybody."""
        for name in filter(self.knows_artist, artists):
            own = self._by_artist[artist_key(name)]
            if found := process.extractOne(title_key(title), own, scorer=fuzz.QRatio, score_cutoff=_SIMILAR):
                return int(self._rows[found[2]])
        found = process.extractOne(title_key(title), self._titles, scorer=fuzz.QRatio, score_cutoff=_SIMILAR)
        return None if found is None else int(self._rows[found[2]])


@lru_cache(maxsize=1)
def names_of(catalogue: Catalogue) -> Names:
    """The titles and artists of a catalogue, which are kept for the last one. Threads may share them."""
    return Names(catalogue)
