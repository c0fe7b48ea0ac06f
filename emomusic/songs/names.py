"""Songs of a catalogue or a library by title and artist, in the spellings of other programs, files and videos."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import fuzz, process

from emomusic.songs.catalogue import LONGEST_NAME, Catalogue, named, normalize_text, split_artists, title_key
from emomusic.songs.song import Song

TITLE_SCORE, ARTIST_SCORE = 92, 88
"""Least QRatio of the titles of one artist, and of the artists of one title; see docs/tables.md."""

_SIMILAR = 60  # least QRatio of a title that may be meant
_LETTER_SCORE = 88  # least QRatio of titles that differ in one letter
_MOST_NAMES = 6  # of a song, that are looked up
_LEAST_LETTERS = 5  # letters of a title with a typing error; "Stay" and "Stray" are two songs
_NUMBER = re.compile(r"\d+|\b[ivx]+\b")
_BETWEEN = re.compile(r"\s*(?:[;,/&+|\u3001]|\b(?:x|with|and|feat|ft|featuring|vs)\b\.?)\s*", re.IGNORECASE)
_NO_NAME = re.compile(
    r"(?<=.)(?: - topic|vevo|(?<= )official(?: channel)?|[(\[](?:\d+|[a-z]{2,3}|band|singer|artist)[)\]])$"
)
_AFTER_NAMES = ("vevo", " official", " channel", " topic", ")", "]")  # each of `_NO_NAME` ends so, which is fast
_WORDS = re.compile(r"\w+")
_SUBTITLE = re.compile(r"(.*\w.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*")
AUDIO_ENDING = (
    r"\.(?:mp[34c]|mpga|m4[abr]|flac|og[ga]|opus|spx|wave?|aif[cf]?|wma|aac|alac|ape|wv|mka|web[am]|ds[df]|dff)"
)
"""The pattern of an ending of audio files, of any player."""

_ENDING = re.compile(rf"{AUDIO_ENDING}$", re.IGNORECASE)
_TRACK_NUMBER = re.compile(r"^(?:\d{1,2}-)?[(\[]?\d{1,3}(?:[)\].:_\s-]+)(?=\S)")
_VIDEO_WORD = re.compile(r"\]|official|lyric|video|h[dq]|4k|-[\w-]{11}$", re.IGNORECASE)  # in each `_VIDEO`
_VIDEO = re.compile(
    r"\s*(?:\[(?:[\w-]{11}|[^\[\]\d]+)\]|(?-i:-(?![A-Z][a-z]+\d+$)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{11})"
    r"|\W\s*(?:official|lyrics?)\b[^()\[\]]*|\b(?:with )?lyrics|\b(?:hd|hq|4k)"
    r"|official audio|(?:official )?(?:music |lyrics? |audio )?video(?: hd| hq)?)\s*$",
    re.IGNORECASE,
)


def bare_title(title: str) -> str:
    """The title in the name of a file or a video: "05 Yellow.mp3" and "Yellow Official Video HD" are "Yellow"."""
    title = title[:LONGEST_NAME]
    name = _ENDING.sub("", title) if "." in title else title
    if " " not in name:
        name = name.replace("_", " ")
    if not name[:1].isalpha():
        name = _TRACK_NUMBER.sub("", name)
    while _VIDEO_WORD.search(name) and (shorter := _VIDEO.sub("", name)) != name and shorter.strip():
        name = shorter
    return name.strip() or title


def _key_of_title(title: str) -> str:
    return title_key(title).replace(" ", "")


def _halves(title: str) -> list[str]:
    """Keys of the parts of a title that may stand for it: each of two scripts, and what is before the last brackets.

    "Gangnam Style (\uac15\ub0a8)" is "gangnamstyle", too. A number tells another song.
    """
    words = title_key(title).split()
    latin, other = ("".join(word for word in words if word.isascii() is is_latin) for is_latin in (True, False))
    halves = [latin, other] if other and len(latin) > 2 and not _NUMBER.search(" ".join(words)) else []
    found = _SUBTITLE.fullmatch(normalize_text(title[:LONGEST_NAME]))
    return halves if found is None or _NUMBER.search(found[2]) else [*halves, _key_of_title(found[1])]


def _letters(title: str) -> str:
    """The letters of a title with its version, which programs may write without marks."""
    return re.sub(r"\W+", "", normalize_text(title))


def _is_meant(key: str, other: str, score: float) -> bool:
    """Whether a title is another one with an error: not with another number, and in few letters only inside."""
    is_inside = key[:2] == other[:2] and key[-2:] == other[-2:] and len(key) != len(other)
    return (score >= TITLE_SCORE or is_inside) and _NUMBER.findall(key) == _NUMBER.findall(other)


def artist_key(name: str) -> str:
    """The letters of an artist without "The" and accents: "Beatles, The" is "beatles", "R.E.M." and "REM" are "rem"."""
    plain = normalize_text(name.replace("$", "s")).strip()
    if plain.endswith(_AFTER_NAMES):
        plain = _NO_NAME.sub("", plain).strip()
    if "!" in plain:
        plain = re.sub(r"(?<=\w)!(?=\w)", "i", plain)
    words = _WORDS.findall(plain.replace("&", " and ").replace("+", " and ").replace("'", ""))
    if words[:1] == ["the"] and len(words) > 1:
        words = words[1:]
    elif plain.endswith(", the"):
        words = words[:-1]
    return "".join(words) or plain


def artist_keys(cell: str) -> list[str]:
    """The keys of the artists in a cell: as it is, and as names that commas, "feat." and the like separate."""
    cell = cell[:LONGEST_NAME]
    if not _BETWEEN.search(cell):  # twice as fast
        return [artist_key(name)] if (name := cell.strip()) else []
    names = [cell]
    for whole in split_artists(cell)[:_MOST_NAMES]:
        parts = whole.split(",")[:_MOST_NAMES]
        ends = (",".join(parts[place:]) for place in range(1, len(parts)))  # a guest before "Tyler, The Creator"
        names += [
            whole,
            *_BETWEEN.split(whole)[:_MOST_NAMES],
            *ends,
            *([" ".join(reversed(parts))] if len(parts) == 2 else []),
        ]
    return list(dict.fromkeys(map(artist_key, filter(None, dict.fromkeys(map(str.strip, names))))))


class Names:
    """Titles and artists of songs."""

    def __init__(self, titles: Sequence[str], artists: Sequence[str], rows: npt.NDArray[np.int64]) -> None:
        """Make the keys of all songs.

        Args:
            titles: the titles of the songs; of two that fit, the first one is found.
            artists: the artists of each song, with `ARTIST_SEPARATOR`.
            rows: their numbers in their source.
        """
        self._rows = rows
        self._full = titles
        self._titles = [_key_of_title(title) for title in titles]
        keys = {cell: {artist_key(name) for name in split_artists(cell)} for cell in set(artists)}
        self._artists = [keys[cell] for cell in artists]
        self._by_title: dict[str, list[int]] = {}
        self._by_artist: dict[str, dict[int, str]] = {}  # titles by place
        self._whole: dict[str, dict[str, int]] = {}  # places by the letters of titles with their version, by artist
        for place, (title, names) in enumerate(zip(self._titles, self._artists, strict=True)):
            self._by_title.setdefault(title, []).append(place)
            for name in names:
                self._by_artist.setdefault(name, {})[place] = title

    def knows_artist(self, name: str) -> bool:
        """Whether a song is by this artist."""
        return artist_key(name) in self._by_artist

    def has(self, title: str, cell: str) -> bool:
        """Whether a song has this title and one of these artists, without typing errors."""
        return self._same(title, _key_of_title(title), artist_keys(cell)) is not None

    def rows(self, titles: Sequence[str], artists: Sequence[str], *, exact: bool = False) -> npt.NDArray[np.intp]:
        """Row of the first song with each title and any of its artists; -1 without one. `exact` allows no errors."""
        if not self._titles:
            return np.full(len(titles), -1)
        pairs = list(zip(titles, artists, strict=True))
        keys = {cell: artist_keys(cell) for cell in {cell for _, cell in pairs}}
        find = self._same if exact else self._find
        found = {(title, cell): find(title, _key_of_title(title), keys[cell]) for title, cell in dict.fromkeys(pairs)}
        return np.array([-1 if (place := found[pair]) is None else self._rows[place] for pair in pairs], np.intp)

    def _same(self, title: str, key: str, names: Sequence[str]) -> int | None:
        """Place of the song with this title and one of the artists; of several versions, the one that is meant."""
        same = self._by_title.get(key, ())
        fitting = [place for place in same if not self._artists[place].isdisjoint(names)]
        if len(fitting) > 1:
            wanted = normalize_text(title)
            return next((place for place in fitting if normalize_text(self._full[place]) == wanted), fitting[0])
        return fitting[0] if fitting else None

    def _find(self, title: str, key: str, names: Sequence[str]) -> int | None:
        if (place := self._same(title, key, names)) is not None:
            return place
        if (bare := bare_title(title)) != title:
            key = _key_of_title(bare)
            if (place := self._same(bare, key, names)) is not None:
                return place
        for place in self._by_title.get(key, ())[:100]:
            others = [(a, b) for a in names for b in self._artists[place] if min(len(a), len(b)) >= _LEAST_LETTERS]
            if any(fuzz.QRatio(a, b) >= ARTIST_SCORE for a, b in others):
                return place
        for name in names:
            if own := self._by_artist.get(name):
                if name not in self._whole:
                    self._whole[name] = {
                        text: place
                        for place, title in reversed(own.items())
                        for text in (_letters(self._full[place]), name + title)  # "Artist - Title" as the title
                    }
                    halves = {half: place for place in reversed(own) for half in _halves(self._full[place])}
                    self._whole[name] = halves | self._whole[name]
                for text in (_letters(title), key, *_halves(title)):
                    if text in self._whole[name]:
                        return self._whole[name][text]
                found = process.extractOne(key, own, scorer=fuzz.QRatio, score_cutoff=_LETTER_SCORE)
                if found and len(key) >= _LEAST_LETTERS and _is_meant(key, *found[:2]):
                    return int(found[2])
        return None

    def nearest(self, title: str, artists: Iterable[str]) -> int | None:
        """Row of the song with the most similar title, if one is similar: by one of the artists, or by anybody."""
        key = _key_of_title(bare_title(title))
        own = [self._by_artist[artist_key(name)] for name in artists if self.knows_artist(name)]
        for titles in (*own, dict(enumerate(self._titles))):
            if found := process.extractOne(key, titles, scorer=fuzz.QRatio, score_cutoff=_SIMILAR):
                return int(self._rows[found[2]])
        return None


_of_catalogues: WeakKeyDictionary[Catalogue, Names] = WeakKeyDictionary()
"""Kept as long as their catalogue, as it may be a visitor's own."""


def names_of(catalogue: Catalogue) -> Names:
    """The titles and artists of a catalogue, the best known song first. Threads may share them."""
    if catalogue not in _of_catalogues:
        order = catalogue.best_known_first(np.arange(len(catalogue)))
        titles, artists = (catalogue.table[name].to_numpy(object)[order].tolist() for name in ("title", "artists"))
        _of_catalogues[catalogue] = Names(titles, artists, order)
    return _of_catalogues[catalogue]


class Finder:
    """All that a list of songs can name: songs of a catalogue, and those of the user's library.

    Attributes:
        known: the catalogue; None without one.
        files: the files of the library.
    """

    def __init__(self, known: Catalogue | None, files: Sequence[Song], folder: Path | None = None) -> None:
        """Keep the songs; their names are made when they are needed. Paths of the list begin in `folder`."""
        self.known, self.files, self._folder = known, files, folder

    @cached_property
    def library(self) -> Names:
        """Names of the files."""
        pairs = [named(file) for file in self.files]
        return Names([title for title, _ in pairs], [artists for _, artists in pairs], np.arange(len(pairs)))

    @cached_property
    def catalogue(self) -> Names:
        """Names of the songs of the catalogue."""
        return Names([], [], np.arange(0)) if self.known is None else names_of(self.known)

    @cached_property
    def known_ids(self) -> pd.Index:
        """Ids of the songs of the catalogue."""
        return pd.Index([] if self.known is None else self.known.table["id"])

    @cached_property
    def _by_end(self) -> Mapping[str, list[int]]:
        """Numbers of the files by the ends of their paths."""
        found: dict[str, list[int]] = {}
        for number, file in enumerate(self.files):
            for end in _ends_of(file.path or ""):
                found.setdefault(end, []).append(number)
        return found

    def at_path(self, path: str, title: str) -> list[int]:
        """Numbers of the files that a path names: the longest equal end counts, but not the ending of the name.

        Args:
            path: the path from the folder of the list, or another one.
            title: the title, empty if it is not known. With it, "01.mp3" of another folder is another song.
        """
        ends = _ends_of(path if self._folder is None else os.path.normpath(self._folder / path.replace("\\", "/")))
        end = next((end for end in ends if end in self._by_end), None)
        files = [] if end is None else self._by_end[end]
        if ends and end == ends[-1] and re.search(r"[/\\]", path) and title:
            files = [number for number in files if title_key(self.files[number].title) == title_key(title)]
        return files

    def has(self, title: str, cell: str) -> bool:
        """Whether a song has this title and one of these artists, without typing errors."""
        return self.library.has(title, cell) or self.catalogue.has(title, cell)

    def knows_artist(self, name: str) -> bool:
        """Whether a song is by this artist."""
        return self.library.knows_artist(name) or self.catalogue.knows_artist(name)


def _ends_of(path: str) -> list[str]:
    """The last parts of a path without the ending, four at most, and shorter ends of it."""
    parts = re.sub(r"\.\w{2,4}$", "", normalize_text(unquote(path).replace("\\", "/"))).split("/")[-4:]
    return ["/".join(parts[start:]) for start in range(len(parts)) if parts[-1]]
