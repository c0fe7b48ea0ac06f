"""Catalogue of songs with audio features: filters and search."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import Mood
from emomusic.songs.genres import SongKind, genres_in, has_words
from emomusic.songs.song import FEATURE_NAMES, UNKNOWN_ARTIST, Player, Song, Trait

TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")
"""A Spotify id: 22 base-62 characters."""

TRACK_LINK = re.compile(rf"(?:^|track[:/])(?P<found>{TRACK_ID.pattern})(?:$|[/?&#])")
"""A Spotify id, alone or in a link."""

ARTIST_SEPARATOR = ";"
"""Separates the artists, or the genres, in a cell; names contain commas ("Tyler, The Creator")."""

TRACK_COLUMNS: tuple[str, ...] = ("id", "title", "artists", *FEATURE_NAMES)
"""Required columns."""

OPTIONAL_COLUMNS: tuple[str, ...] = (
    "explicit", "album", "genres", "kind", "popularity", "duration_s", "year", "mood", "path", "player",
)  # fmt: skip
"""Optional columns; `Song` has None, or no genres, for an absent one. Without players, Spotify plays all songs."""

LONGEST_NAME = 500
"""Letters of a title, or of the names of artists, that are compared: some take the square of their number."""

YEARS = (1860.0, 2100.0)
"""Valid years of release; the oldest recording of a voice is from 1860."""

_REPLACEMENTS = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'")
    | {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
)
# Latin, Greek, Cyrillic; marks of kana and Indic scripts change the letter
_WITHOUT_ACCENTS = dict.fromkeys(range(0x0300, 0x0370))
_TEXT_COLUMNS = ("id", "title", "artists", "album", "genres", "kind", "mood")
_NUMBERS = (*FEATURE_NAMES, "popularity", "duration_s", "year")


def split_artists(cell: str) -> tuple[str, ...]:
    """Artists, or genres, in a cell of a table."""
    names = [part.strip() for part in cell.split(ARTIST_SEPARATOR)]
    return tuple(name for name in names if name)


def normalize_text(text: str) -> str:
    """Text for comparison: lower case, without accents, with straight apostrophes."""
    if text.isascii():  # ten times as fast
        return text.replace("`", "'").casefold()
    letters = unicodedata.normalize("NFKD", text.translate(_REPLACEMENTS))
    return letters.translate(_WITHOUT_ACCENTS).casefold()


_PUNCTUATION = str.maketrans(dict.fromkeys('()[]{}.,;:!?/\\&+*-\u2013\u2014"', " "))

_OF_CELL: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("id", "title", "album", "path"), str),
    **dict.fromkeys((*FEATURE_NAMES, "duration_s"), float),
    **dict.fromkeys(("artists", "genres"), split_artists),
    **dict.fromkeys(("popularity", "year"), int),
    "explicit": bool,
    "mood": Mood,
    "player": Player,
}
"""The function that converts a cell into each field of a song."""

_NOTE = re.compile(
    r"(.*\S)\s*(?:[(\[\u3010]([^()\[\]\u3010\u3011]*)[)\]\u3011][^\w()\[\]]*"
    r"|\s[-\u2013\u2014]+\s([^()\[\]]*|.*[(\[].*))"
)
"""A title and its last note: "Creep - Acoustic", "Stay (feat. Mikky Ekko)"."""

_VERSION_WORDS = (
    r"re-?master(?:ed|is[ée]e?|izad[oa])?|re-?mix(?:ed)?|mix|edit|version|versi[oó]n|vers[aã]o|demo|instrumental|acoustic"
    r"|ac[uú]stic[oa]|acoustique|mono|stereo|edition|sessions?|unplugged|cover|re-?work|bootleg|soundtrack|karaoke|dub"
    r"|deluxe|extended|nightcore|reverb|slowed|sped up|bonus(?: track)?|orchestral|a ?cappella|vip|outtake|singles?"
)
_VERSION = re.compile(
    rf"(?:.*\b)?(?:{_VERSION_WORDS})(?:[ /.-]*(?:\d{{2,4}}|live|{_VERSION_WORDS}))*[\"']?"
    r"|(?:feat|ft|featuring|prod)\b.*|(?:en|ao) vivo\b.*|en directo\b.*|dal vivo\b.*|original|explicit|clean"
    r"|live(?:$|\W*(?:\d|at\b|in\b|from\b|on\b|version|acoustic|/).*)|(?:acoustic|unplugged|mtv) live|take \d+.*"
    r"|(?:\d{4} )?(?:digital(?:ly)? )?re-?master.*|re-?recorded.*|recorded (?:at|live|in)\b.*|alternate\b.*"
    r"|from (?:the )?[\"'\u201c].*"
    r"|(?:(?:the )?official\b|(?:music |lyrics? )?videos?\b|m/?v$|lyrics?\b|(?:8d )?audio\b|visuali[sz]er\b).*"
    r"|(?:letras?|paroles|testo|subtitulad[oa]|legendad[oa]|sub(?:titles?|s)?\.? [a-z]+|traduc\w+|traduzione)\b.*"
    r"|(?:hq|hd|uhd|[248]k|\d{3,4}p|mp3\b.*|\d+ ?k(?:bps|bit)?)(?: (?:hq|hd|uhd|[248]k|video|audio))*"
)
_GUESTS = re.compile(r"with\b.*|(?:con|mit|avec)\b.*|from\b.*|\d{4}")  # a version in brackets; "With or Without You"
_FILE_NAME = re.compile(r"(?:\d{1,3}(?:\.|-| -) ?|0\d )?(.*?[^\W\d].*?) [-\u2013\u2014] (.*\S)")
_PART = re.compile(r"\d+|(?:[ivx\d]+ )?(?:(?:track|untitled|intro|outro|skit)\b|allegr|andant|adagi|presto|menuet).*")
_BARE_GUESTS = re.compile(r"\s(?:feat|ft|featuring)\b\.?\s.*$")


def title_key(title: str) -> str:
    """A title without its version, accents and punctuation. Movements of a work keep their names.

    "Hey, Soul Sister - Live" is "hey soul sister"; "Star Wars - Main Title" is "star wars main title".
    """
    name = normalize_text(title[:LONGEST_NAME]).strip()
    if name.isascii() and name.replace(" ", "").isalnum() and " f" not in name:  # no mark and no guest
        return " ".join(name.split())
    while (found := _NOTE.fullmatch(name)) and found[1]:
        inside, after = found[2], found[3]
        note = (after if inside is None else inside).strip()
        if not (_VERSION.fullmatch(note) or (inside is not None and _GUESTS.fullmatch(note))):
            break
        name = found[1].strip()
    name = _BARE_GUESTS.sub("", name)
    plain = re.sub(r"[^\w]+", " ", name.replace("'", "").replace("&", " and ")).strip()
    return plain or name


def song_key(title: str, artists: str) -> tuple[str, str]:
    """Key shared by all versions of a song. Remasters and remixes have different ids."""
    return title_key(title), _BARE_GUESTS.sub("", normalize_text(split_artists(artists)[0]))


def named(song: Song) -> tuple[str, str]:
    """The title and the cell of artists of a song. A file without tags may be named "01 Coldplay - Yellow"."""
    if song.is_audio and song.artists in ((), (UNKNOWN_ARTIST,)):
        found = _FILE_NAME.fullmatch(song.title)
        return (found[2], found[1]) if found else (song.title, "")
    return song.title, ARTIST_SEPARATOR.join(song.artists)


def key_of(song: Song) -> tuple[str, str]:
    """The key that all versions of a title by an artist share. A file of an unknown artist has its own key."""
    title, artists = named(song)
    name, artist = song_key(title, artists) if artists else (song.player, song.id)
    if song.is_audio and _PART.fullmatch(name):  # several albums have one
        name += f" {song.album} {song.duration_s or 0:.0f}"
    return name, artist


ARTIST_WINDOW = 10
"""An artist occurs once in this number of consecutive songs."""


class PlayHistory:
    """Played songs and recent artists: no repeated song in any version, and a pause between songs of an artist."""

    def __init__(self, catalogue: Catalogue, *, window: int = ARTIST_WINDOW) -> None:
        """Start without songs. The catalogue has the rows, and `window` is as `ARTIST_WINDOW`."""
        self._catalogue = catalogue
        self.songs: set[tuple[str, str]] = set()
        self._recent: deque[tuple[str, ...]] = deque(maxlen=window - 1)
        self._recent_artists: frozenset[str] = frozenset()

    def add(self, row: int) -> None:
        """Record a played row."""
        self.songs.add(self._catalogue.key_of(row))
        self._recent.append(self._artist_keys(row))
        self._recent_artists = frozenset().union(*self._recent)

    def knows(self, row: int) -> bool:
        """Whether any version of this song was played."""
        return self._catalogue.key_of(row) in self.songs

    def allows(self, row: int) -> bool:
        """Whether neither the song was played nor its artists are recent."""
        return self._recent_artists.isdisjoint(self._artist_keys(row)) and not self.knows(row)

    def _artist_keys(self, row: int) -> tuple[str, ...]:
        return tuple(normalize_text(name) for name in split_artists(self._catalogue.cells["artists"][row]))


class Catalogue:
    """Table of songs, read-only and thread-safe.

    Attributes:
        name: name of the table in messages.
        table: `TRACK_COLUMNS` and available `OPTIONAL_COLUMNS`, rows numbered from 0. Do not modify.
        is_local: whether the songs are audio files, or of a visitor's table; they need no Spotify ids and features.
        songs: those of the rows, if they are audio files.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        name: str = "catalogue",
        is_local: bool = False,
        songs: Sequence[Song] | None = None,
    ) -> None:
        """Keep a copy of a table with typed columns. `songs.tables` has checked the values of a visitor's table.

        Args:
            table: one row for each song.
            name: the name of the table in messages.
            is_local: see the attribute.
            songs: those of the rows, if they exist already; otherwise the table has all that is known of them.
        """
        self.name = name
        self.is_local = is_local
        self.songs = songs
        columns = [*TRACK_COLUMNS, *(column for column in OPTIONAL_COLUMNS if column in table.columns)]
        self.table = table[columns].reset_index(drop=True)
        # Arrow strings: a fifth of the memory of Python objects
        types = dict.fromkeys(_TEXT_COLUMNS, "str") | dict.fromkeys(_NUMBERS, "float64") | {"explicit": "bool"}
        self.table = self.table.astype({name: kind for name, kind in types.items() if name in columns})

    def __len__(self) -> int:
        return len(self.table)

    def of_rows(self, chosen: npt.NDArray[np.bool_]) -> Catalogue:
        """The songs of some rows, in their order; itself for all rows."""
        if chosen.all():
            return self
        songs = None if self.songs is None else [*compress(self.songs, chosen)]
        return Catalogue(self.table[chosen], name=self.name, is_local=self.is_local, songs=songs)

    def key_of(self, row: int) -> tuple[str, str]:
        """What makes the songs of two rows one, as the function of this name."""
        if self.songs is not None:
            return key_of(self.songs[row])
        return song_key(self.cells["title"][row], self.cells["artists"][row])

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """Shape (n, 9), in the order of `song.FEATURES`."""
        return self.table[list(FEATURE_NAMES)].to_numpy(np.float64)

    @property
    def has_features(self) -> bool:
        """Whether all features are known."""
        return not np.isnan(self.features).any()

    @property
    def inputs(self) -> npt.NDArray[np.float64]:
        """Shape (n, 10): the features, and lengths in seconds, NaN if unknown."""
        durations_s = self.table.get("duration_s", pd.Series(np.nan, self.table.index))
        return np.column_stack([self.features, durations_s.to_numpy(np.float64)])

    @property
    def measured(self) -> npt.NDArray[np.float32]:
        """Shape (n, 2): Spotify's valence and energy, from -1 to 1. They are no place on the affect plane."""
        return (2.0 * self.table[["valence", "energy"]].to_numpy(np.float64) - 1.0).astype(np.float32)

    @cached_property
    def genre_cells(self) -> tuple[npt.NDArray[np.intp], list[frozenset[str]]]:
        """Number of the genre cell of each row, and the genres of each different cell.

        Songs share a few thousand combinations of genres, so a filter compares combinations instead of songs.
        """
        cells = self.table["genres"] if "genres" in self.table else pd.Series([None] * len(self), dtype=object)
        numbers, combinations = pd.factorize(cells.fillna(""))
        return numbers, [genres_in(combination) for combination in combinations]

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """Shape (n,): the mood of each labelled song as a position in `Mood`; -1 without a label."""
        if "mood" not in self.table:
            return np.full((len(self),), -1, np.int64)
        positions = {mood.value: position for position, mood in enumerate(Mood)}
        return np.asarray(self.table["mood"].map(positions).fillna(-1), np.int64)

    @cached_property
    def _kinds(self) -> pd.Categorical:
        """The `SongKind` of each row as a number, which a filter compares faster than texts."""
        return pd.Categorical(self.table["kind"] if "kind" in self.table else [None] * len(self))

    @cached_property
    def has_rude_title(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs with a rude word in the title."""
        return has_words(self.table["title"], "rude").to_numpy(bool)

    @cached_property
    def is_explicit(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs that are marked explicit, in files also by the album, and songs with a rude title."""
        found = self.has_rude_title | has_words(self.table["title"], "explicit").to_numpy(bool)
        if self.songs is not None:
            found |= has_words(pd.Series([song.album for song in self.songs], dtype="str"), "explicit").to_numpy(bool)
            found |= np.array([song.explicit is True for song in self.songs], np.bool_)
        return np.asarray(found | self.table["explicit"].to_numpy(bool) if "explicit" in self.table else found)

    def song(self, row: int) -> Song:
        """Song in a row, counted from 0."""
        if self.songs is not None:
            return self.songs[row]
        cells = {column: values[row] for column, values in self.cells.items()}
        known: dict[str, Any] = {name: _OF_CELL[name](cell) for name, cell in cells.items() if not pd.isna(cell)}
        return Song(**({"player": Player.SPOTIFY} | known))

    @cached_property
    def cells(self) -> dict[str, Any]:
        """Array of each column of songs; reading a row of a data frame takes ten times as long."""
        return {name: self.table[name].array for name in _OF_CELL if name in self.table}

    def find(self, song_id: str) -> Song | None:
        """Song with this id, or None."""
        row = self.row_of(song_id)
        return None if row is None else self.song(row)

    def row_of(self, song_id: str) -> int | None:
        """Row of the song with this id, or None."""
        rows = np.flatnonzero(self.cells["id"] == song_id)  # 0.4 ms; a dictionary would take 11 MB
        return int(rows[0]) if len(rows) else None

    @cached_property
    def _search_texts(self) -> pd.Series:
        """Normalized titles and artists, cached because normalizing is slower than searching."""
        return (self.table["title"] + " " + self.table["artists"]).map(normalize_text)

    def matching(self, text: str) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs with every word of a text in title or artists. All songs if the text is empty."""
        matches = np.ones(len(self), bool)
        for word in normalize_text(text).split():
            matches &= self._search_texts.str.contains(word, regex=False).to_numpy(bool)
        return matches

    def counts(self, text: str = "") -> Counter[str]:
        """The number of times each word is in the titles and artists of the songs that match a text."""
        names = " ".join(self._search_texts[self.matching(text)] if text else self._search_texts)
        return Counter(names.translate(_PUNCTUATION).split())

    @cached_property
    def words(self) -> Counter[str]:
        """The `counts` of all songs, cached for the search."""
        return self.counts()

    def passing(
        self,
        *,
        genres: Collection[str] = (),
        traits: Collection[Trait] = (),
        hide_explicit: bool = False,
        without_kinds: Collection[SongKind] = (),
    ) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs that pass all filters.

        A song of unknown genre fails a filter for genres.

        Args:
            genres: a song must have one of them; empty allows all.
            traits: a song must be heard to have all of them; empty allows all.
            hide_explicit: remove the songs of `is_explicit`.
            without_kinds: remove songs of these kinds.
        """
        passes = np.ones(len(self), np.bool_)
        if genres:
            numbers, combinations = self.genre_cells
            wanted = frozenset(genres)
            has_any = np.array([not wanted.isdisjoint(combination) for combination in combinations], np.bool_)
            passes &= has_any[numbers]
        if traits:
            hearings = [None if song.hearing is None else song.hearing.traits for song in self.songs or ()]
            wanted_traits = set(traits)
            passes &= np.array([wanted_traits <= set(own or ()) for own in hearings] or [False] * len(self), np.bool_)
        if hide_explicit:
            passes &= ~self.is_explicit
        excluded = set(map(str, without_kinds))
        for number, kind in enumerate(self._kinds.categories):
            if kind in excluded:
                passes &= self._kinds.codes != number
        return passes

    def best_known_first(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows by descending popularity; unchanged without this column."""
        if "popularity" not in self.table:
            return rows
        popularity = self.table["popularity"].fillna(0).to_numpy(np.float64)[rows]
        return rows[np.argsort(-popularity, kind="stable")]
