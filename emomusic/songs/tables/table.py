"""A list of songs while it is read: its cells, then the cells of each field of a song, known by name and by values."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK, normalize_text
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import DASH, MAX_CELL_BYTES, UNITS, check_size, numbers, series, share, track_ids

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

TRUE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x", "ja", "oui", "s\u00ed", "si", "s\u00ec", "sim", "\u2713")
FALSE = ("false", "0", "0.0", "no", "n", "clean", "nein", "non", "n\u00e3o")
DISLIKES = ("-1", "-1.0", "dislike", "disliked", "down", "thumbs down", "thumbs_down", "thumb_down", "\U0001f44e")
_OUR_EXPORT = {"mood", "score", "valence", "arousal", "reason"}

_ADVICE = {
    ("track uri", "track name", "artist name s"): "Select audio features in the settings of Exportify.",
    ("video id", "playlist video creation timestamp"): "Takeout writes no titles. Copy the playlist with TuneMyMusic.",
}
_LONGEST_MOOD = 300  # letters
_MOST_VOTES, _MOST_PAIRS = 60, 132  # rows, and pairs of columns, that vote
_LEAST_AGAINST = 0.2  # share of the rows that are known in other columns than those with the names
_MOST_ALIKE = 30  # columns of one field
_MOST_SHOWN, _LONGEST_SHOWN = 5, 60  # rows, and letters of cells, that help to choose columns
_WITHOUT_ARTISTS = {"artists", "channel", "valence", "path", "id"}  # each makes a song of a title
_GAP = r"[\s\pZ\x0b\x1c-\x1f\x{85}]{9,}"
_WORDS = re.compile(r"[^\W_]+|%")
_UNIT = re.compile(rf" (?:{UNITS})$")
_VALUELESS = re.compile(r"(?: (?:text|value|content|t))+$")  # keys of a value alone: "artist": {"#text": "Coldplay"}
_OF_MOOD = re.compile(r"^(?:(?:is|moods?|emotions?) )+| (?:score|probability|prob|percent|%)$")
_SHARE = re.compile(r"(?<![\w-])([^\W\d_]+)[^\w,;/|]{1,4}?((?:\d+(?:\.\d+)?|\.\d+)(?:[eE]-\d+)?)")  # "happy: 0.8"
_NOT = re.compile(r"\b(?:not?|non|nicht|kein\w*|pas|sin|sans|ohne|senza|sem|nie)\b", re.IGNORECASE)
_OF_OTHERS = frozenset(("album", "albums", "artist", "artists", "playlist", "user"))  # a link is none of a track


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns that a person chose for titles and artists, by name or number; empty for those that are voted.

    The parts of lines are numbered as columns are, from 1.
    """

    title: str = ""
    artist: str = ""


VOTED = Chosen()
"""Names and votes tell the columns."""


class UnknownColumnsError(DatasetError):
    """A list in which neither names nor songs that are known tell title and artist.

    Attributes:
        columns: their names, or their numbers from 1.
        rows: the first rows.
    """

    def __init__(self, message: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Keep what a person needs to choose the columns."""
        super().__init__(message)
        self.columns, self.rows = columns, rows


@dataclass
class Facts:
    """What is told of a list of songs.

    Attributes:
        name: the name of the file.
        source: form of the file, for people.
        encoding: the encoding of a text, else None.
        separator: the separator of a CSV, else None.
        num_rows: rows that are not empty.
        left_out: numbers of rows that are no songs, with the reason.
        notes: sentences for people.
    """

    name: str
    source: str = "table"
    encoding: str | None = None
    separator: str | None = None
    num_rows: int = 0
    left_out: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


@dataclass
class Table(Facts):
    """A list of songs while it is read.

    Attributes:
        rows: cells of text in columns that are numbered from 0; the index has the numbers of the rows, from 1.
            `find_fields` leaves one column for each field of a song, and `at` for the numbers.
        header: name of each column; empty if there is no header.
        names: the name of the column of each field.
        sheet: the name of the sheet of a workbook.
    """

    rows: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    header: list[str] = dataclasses.field(default_factory=list)
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    sheet: str = ""

    def packed(self) -> bytes:
        """The table for `unpacked`, without letters of cells that are too long for any use, and without long gaps."""
        cells = {}
        for place in self.rows:  # long gaps would take regular expressions the square of their length
            texts = pc.replace_substring_regex(pa.array(self.rows[place]), _GAP, " ")
            cells[str(place)] = series(pc.utf8_slice_codeunits(texts, 0, MAX_CELL_BYTES + 1), self.rows.index)
        rows, sink = pa.Table.from_pandas(pd.DataFrame(cells)), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        facts = {name: value for name, value in vars(self).items() if name != "rows"}
        return b"\n".join((json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace"), sink.getvalue()))

    @classmethod
    def unpacked(cls, name: str, data: bytes) -> Table:
        """The table with this name that was packed."""
        facts, _, cells = data.partition(b"\n")
        table = cls(**{**json.loads(facts), "name": name})
        table.rows = pa.ipc.open_stream(cells).read_pandas().rename(columns=int)
        table.left_out = [(row, reason) for row, reason in table.left_out]
        return table

    @classmethod
    def of_columns(cls, name: str, columns: Mapping[str, object], form: str) -> Table:
        """A table of columns by their names."""
        rows = pd.DataFrame({place: series(column) for place, column in enumerate(columns.values())})
        rows.index = pd.RangeIndex(1, len(rows) + 1)
        return cls(name, form, rows=rows, header=list(columns))

    @classmethod
    def of_records(cls, name: str, records: Sequence[Mapping[str, str]], form: str) -> Table:
        """A table of records, which may differ in their names."""
        header = list(dict.fromkeys(key for record in records for key in record))
        check_size(name, len(records), len(header))
        return cls.of_columns(name, {key: [record.get(key, "") for record in records] for key in header}, form)

    def keep(self, wanted: npt.ArrayLike, reason: str = "") -> None:
        """Leave out the other rows, and note the reason unless they are named elsewhere."""
        is_wanted = np.asarray(wanted, bool)
        if not is_wanted.all():
            self.left_out += [(row, reason) for row in self.rows["at"][~is_wanted].tolist() if reason]
            self.rows = self.rows[is_wanted]

    def text(self, name: str) -> pd.Series:
        """The cells of a field; empty without its column."""
        return self.rows[name] if name in self.rows else series([""] * len(self.rows), self.rows.index)

    @property
    def is_our_export(self) -> bool:
        """Whether EmoMusic wrote the table: valence and arousal are from -1 to 1."""
        return {key_of(name) for name in self.header} >= _OUR_EXPORT

    def find_fields(self, finder: Finder, chosen: Chosen) -> None:
        """Keep the columns that hold fields of songs, and leave out rows that are none.

        Raises:
            DatasetError: the table has no rows, no column of titles, ids or paths, or none that was chosen.
        """
        is_filled = (self.rows != "").any(axis="columns").to_numpy(bool)
        rows = self.rows if is_filled.all() else self.rows[is_filled]
        self.rows = pd.DataFrame()  # it needs much memory
        if len(rows) == 0:
            raise DatasetError(f"{self.name}: expected songs. Received: a table without rows. Add a row for each song.")
        self.num_rows = len(rows) + len(self.left_out)
        if num_empty := len(is_filled) - len(rows):
            self.notes.append(f"Empty rows: {num_empty:,}, which are skipped.")
        numbers_of_rows, rows = rows.index, rows.reset_index(drop=True)
        if not self.header and not {chosen.title, chosen.artist}.isdisjoint(first := rows.iloc[0].tolist()):
            self.header, rows = first, rows[1:].reset_index(drop=True)
            numbers_of_rows = numbers_of_rows[1:]
        header = self.header or [str(number) for number in range(1, rows.shape[1] + 1)]
        own = {"title": chosen.title, "artists": chosen.artist}
        taken = {field: self._place(header, wanted) for field, wanted in own.items() if wanted}
        columns = {field: [place] for field, place in taken.items()}
        for field, places in columns_of(rows, self.header, finder).items():
            if left := [place for place in places if place not in taken.values()]:
                columns.setdefault(field, left)
        named = {field: [header[place] for place in places] for field, places in columns.items()}
        cells = {field: _merged(field, rows[places], named[field]) for field, places in columns.items()}
        self.names = {field: names[0] for field, names in named.items()}
        if _are_moods("mood", named.get("mood", [])):
            self.notes.append(f"Moods by the largest value of the columns {', '.join(named['mood'])}.")
        others = set() if "mood" in columns else {"valence", "energy", "mood"} - columns.keys()
        if unread := [
            name for place, name in enumerate(self.header) if field_named(name) in others and any(rows[place])
        ]:
            self.notes.append(f"Not used, as their cells are of another kind: {', '.join(unread)}.")
        sample = rows.head(_MOST_SHOWN).map(lambda cell: cell[:_LONGEST_SHOWN]).to_numpy().tolist()
        self.rows = pd.DataFrame({"at": numbers_of_rows.to_numpy(np.int64), **cells}, rows.index)
        has_ids = (track_ids(self.text("id")) != "").any()
        used = {place for places in columns.values() for place in places}
        free = [place for place in rows if place not in used and share(_head(rows[place]), _is_name) > 0.5]
        is_titled = "title" in columns and not (free and _WITHOUT_ARTISTS.isdisjoint(columns))
        if not (has_ids or is_titled or {"artist_title", "path"} & columns.keys() or self._has_pairs()):
            received = first_of([" ".join(name.split())[:_LONGEST_SHOWN] for name in self.header or sample[0]])
            expected = f"{self.name}: expected columns with titles and artists, or Spotify ids. Received: {received}."
            if advice := advice_of(self.header):
                raise DatasetError(f"{expected} {advice}")
            raise UnknownColumnsError(f"{expected} Choose the columns of title and artist.", header, sample)
        del rows, cells
        if not self.header:
            self.notes.append(f"{self.name} has no header. Its columns are known by their values.")
        self._leave_out_others()

    def _has_pairs(self) -> bool:
        """Whether some titles may hold the artist, too."""
        return bool(self.text("title").str.contains(r"[-\u2010-\u2015:|]").any())

    def _place(self, header: Sequence[str], wanted: str) -> int:
        """The place of the column that a person chose."""
        names = [key_of(name) or name for name in header]
        if (name := key_of(wanted) or wanted) in names:
            return names.index(name)
        if wanted.isdecimal() and 0 < int(wanted) <= len(header):
            return int(wanted) - 1
        raise DatasetError(f"{self.name}: expected one of the columns {first_of(header)}. Received: {wanted}.")

    def _leave_out_others(self) -> None:
        """Leave out rows with enormous cells, episodes, dislikes, short plays, and rows that are not of songs."""
        sizes = [pc.binary_length(pa.array(self.rows[name])) for name in self.names]
        is_short = np.all([pc.less_equal(size, MAX_CELL_BYTES) for size in sizes], axis=0)
        self.keep(is_short, f"a cell of more than {MAX_CELL_BYTES:,} bytes")
        if "id" in self.names:
            self.keep(~self.text("id").str.contains("spotify:episode:|/episode/"), "an episode of a podcast")
        if "type" in self.names:
            kinds = list(zip(self.text("type"), self.text("album") != "", strict=True))
            others = {kind for kind in set(kinds) if is_other(kind[0], has_album=kind[1])}
            self.keep([kind not in others for kind in kinds], "not of type song")
        if "not_song" in self.names:
            flags = self.text("not_song").str.lower()
            is_set = (flags != "") & ~flags.isin(FALSE) & (flags.isin(TRUE) | (self.text("title") == ""))
            self.keep(~is_set, "an episode, an audiobook, a film or a dislike")
        if "score" in self.names:
            self.keep(~self.text("score").str.lower().isin((*DISLIKES, "false")), "a dislike")
        if "played_ms" in self.names:
            self.keep(~(numbers(self.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
        if "service" in self.names:
            self.keep(self.text("service") == "YouTube Music", "not of YouTube Music")


def _is_name(cell: str) -> bool:
    return cell != "" and not of_cells.NO_TEXT.fullmatch(cell)


def _are_moods(field: str, names: Sequence[str]) -> bool:
    """Whether each of several columns of moods tells the strength of one mood."""
    return field == "mood" and len(names) > 1 and all(map(mood_of_column, names))


def _merged(field: str, columns: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The cells of a field without spaces around them: of the first column that has one, or of all artists.

    Of columns for one mood each, the mood of the largest value; empty without one. A word such as "yes" is 1.
    """
    if _are_moods(field, names):
        values = np.stack([np.nan_to_num(_strengths(columns[place])) for place in columns])
        moods = np.array([mood_of_column(name) for name in names])
        return series(np.where(values.max(axis=0) > 0, moods[values.argmax(axis=0)], ""), columns.index)
    cells, *others = (series(pc.utf8_trim_whitespace(pa.array(columns[place])), columns.index) for place in columns)
    is_part = [field == "type" or (field == "artists" and key_of(name)[-1:].isdigit()) for name in names]
    for other, is_next in zip(others, is_part[1:], strict=True) if field not in FEATURES else ():
        if is_part[0] and is_next:
            cells = (cells + ARTIST_SEPARATOR + other).str.strip(ARTIST_SEPARATOR)
        elif (is_empty := cells == "").any():
            cells = cells.where(~is_empty, other)
    has_entities = field in ("title", "artists", "artist_title") and cells.str.contains("&amp;|&#").any()
    return of_cells.each_different(cells, html.unescape) if has_entities else cells


def _strengths(cells: pd.Series) -> npt.NDArray[np.float64]:
    """Numbers and words such as "yes" as numbers; NaN for others."""
    texts = cells.str.strip().str.lower()
    return np.where(texts.isin(TRUE), 1, np.where(texts.isin(FALSE), 0, numbers(texts)))


def first_of(names: Sequence[object], separator: str = ", ", most: int = 20) -> str:
    """The first names for a sentence, and the number of the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return separator.join(map(str, names[:most])) + more


# Names and words


@cache
def words() -> Mapping[str, Any]:
    """What `words.toml` declares."""
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def word_set(kind: str) -> frozenset[str]:
    """Words of `[names]`."""
    text = words()["names"][kind]
    return frozenset(map(str.strip, text.split("|")) if "|" in text else text.split())


@cache
def _ranks() -> Mapping[str, tuple[str, int]]:
    """Field and rank of each known name."""
    fields = words()["fields"].items()
    found = [(key_of(name), (field, rank)) for field, names in fields for rank, name in enumerate(names.split("|"))]
    return dict(reversed(found))


@lru_cache(4096)
def key_of(name: str) -> str:
    """The words of a name: "Artist Name(s)" and "artist_name_s" are "artist name s", "trackName" is "track name"."""
    plain = normalize_text(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200].replace("dB", "db")))
    return _VALUELESS.sub("", " ".join(_WORDS.findall(plain)))


def field_of(name: str, *, strict: bool = False) -> tuple[str, int] | None:
    """Field and rank of a name, by its longest known end: "master_metadata_track_name" is a title. None without one.

    Args:
        name: the name of a column, or of a key with those above it.
        strict: whether only words that change nothing may come before: "Love Song" is no name, but the title of a song.
    """
    key = key_of(name)
    for name in (key, _UNIT.sub("", key), re.sub(r" ?\d+$", "", key)):
        parts = name.split()
        for start in range(len(parts)):
            found, before = _ranks().get(" ".join(parts[start:])), set(parts[:start])
            if found and found[0] == "title" and _ranks().get(" ".join(parts[:start]), " ")[0] == "artists":
                found = "artists", found[1]  # "performer": {"name": "Coldplay"}
            if found and (name == key or found[0] in ("artists", *FEATURES, "duration")):
                is_free = before <= word_set("same") if strict else before.isdisjoint(word_set("other"))
                return (found[0], 100 * found[1] + start) if is_free or not before else None
    return None


@lru_cache(4096)
def field_named(name: str) -> str:
    """The field of a name; empty without one."""
    return (field_of(name) or ("", 0))[0]


def is_other(kind: str, *, has_album: bool = False) -> bool:
    """Whether a type or a format is none of a song: "podcast", or "LP, Reissue" without the name of another album."""
    is_song = not {"song", "track", "single"}.isdisjoint(key_of(kind).split())
    is_album = not has_album and not is_song and has_word(kind, "albums")
    return is_album or not word_set("types").isdisjoint(kind.casefold().split(ARTIST_SEPARATOR))


def has_word(name: str, kind: str) -> bool:
    """Whether a name or a key has a word of `[names]`: "bannedTracks" has one of "disliked"."""
    return not word_set(kind).isdisjoint(key_of(name).split())


def is_header(cells: Sequence[str], *others: str) -> bool:
    """Whether a row has names of columns: of a title, an id, a path or other fields, and of something else."""
    fields = {found[0] for cell in cells if (found := field_of(cell, strict=True))}
    if advice_of(cells) or ("artist_title" in fields and len(cells) > 1):
        return True
    return len(fields) > 1 and not fields.isdisjoint({"title", "id", "path", *others})


def advice_of(header: Sequence[str]) -> str:
    """What helps if songs of a table with these names have no features; empty if nothing is known."""
    keys = {key_of(name) for name in header}
    return next((advice for names, advice in _ADVICE.items() if keys >= set(names)), "")


@cache
def mood_words() -> Mapping[str, str]:
    """The mood by each normalized word for it, in several languages."""
    return {normalize_text(word): mood for mood, text in words()["moods"].items() for word in text.split()}


def mood_of(word: str) -> str | None:
    """The mood that a word means; None if it means none."""
    return mood_words().get("-".join(normalize_text(word).split()))


def mood_in(cell: str) -> str | None:
    """The mood that a cell names with the largest number, else first: "sad 0.8, calm 0.2"; None without one."""
    cell = cell[:_LONGEST_MOOD]
    found = [] if _NOT.search(cell) else _SHARE.findall(cell)
    if shares := {mood: float(number) for word, number in found if (mood := mood_of(word))}:
        return max(shares, key=shares.__getitem__) if any(shares.values()) else None
    names = [cell, *re.split(r"[;,/|]\s*", cell), *([] if _NOT.search(cell) else re.findall(r"[^\W\d_]+", cell))]
    return next(filter(None, map(mood_of, names)), None)


@lru_cache(4096)
def mood_of_column(name: str) -> str | None:
    """The mood whose strength, or whether a song has it, a column or key tells: "is_happy"; None for others."""
    key = _OF_MOOD.sub("", _UNIT.sub("", key_of(name)))
    return mood_of(key) if field_named(key) in ("", "valence") else None


# Fields


def columns_of(rows: pd.DataFrame, header: Sequence[str], finder: Finder) -> dict[str, list[int]]:
    """The columns of each field, the likeliest first: with its names and values that fit, else by values alone."""
    heads = {place: _head(rows[place]) for place in range(rows.shape[1])}
    keys = [key_of(name) for name in header] or [""] * len(heads)
    ranked = sorted((found[1], place, found[0]) for place, name in enumerate(header) if (found := field_of(name)))
    columns: dict[str, list[int]] = {}
    moods = {place: mood for place, name in enumerate(header) if (mood := mood_of_column(name))}
    by_mood = [place for place in moods if len(heads[place]) and np.isfinite(_strengths(heads[place])).all()]
    if len({moods[place] for place in by_mood}) < 2:
        by_mood = []
    ranked = [name for name in ranked if name[1] not in by_mood]
    for _, place, field in ranked:
        if keys[place].startswith("date") and share(heads[place], of_cells.MOMENT.search) > 0.5:
            field = "played"
        if _fits(field, heads[place], keys[place]):
            places = columns.setdefault("mood" if field == "mood_or_not" else field, [])
            places += [place] if len(places) < _MOST_ALIKE else []
    in_words = [place for place in columns.get("mood", []) if share(heads[place], mood_in) > 0]
    if in_words or by_mood:
        columns["mood"] = in_words or by_mood  # words, not what counts them
    columns.get("title", []).sort(key=lambda place: share(heads[place], str.isdecimal) == 1)  # "Song" may count them
    taken = {place for field, places in columns.items() if field != "id" for place in places}
    others = [place for place in heads if place not in taken]
    linked = [
        place
        for place in [*others, *columns.get("path", [])]
        if heads[place].str.startswith(("spotify:track:", "spotify:local:", "https://open.spotify.com/")).any()
        or (_OF_OTHERS.isdisjoint(keys[place].split()) and share(heads[place], TRACK_LINK.search) > 0.5)
    ]
    if linked:
        named = [place for place in columns.get("id", []) if place in linked]
        columns["id"] = list(dict.fromkeys([*named, *linked]))
    for place in others:
        if share(heads[place], of_cells.is_path) > 0.5:
            columns.setdefault("path", []).append(place)
        elif not header and share(heads[place], of_cells.DATE.fullmatch) > 0.9:
            columns.setdefault("played", []).append(place)
    titles, artists = (columns.get(field, []) for field in ("title", "artists"))
    if len(titles) > 1 and artists:  # "Title" may be that of a video
        titles.sort(key=lambda place: -sum(map(finder.has, heads[place], rows[artists[0]][heads[place].index])))
    if len({keys[place] for place in titles}) < len(titles):  # "Title" twice: of an album
        columns |= _by_values(rows, heads, titles, artists, finder)
    elif not (titles and artists) and "artist_title" not in columns and not (header and "path" in columns):
        texts = [place for place in others if place not in columns.get("id", [])]
        texts = [place for place in texts if share(heads[place], of_cells.NO_TEXT.fullmatch) < 0.5]
        columns |= _by_values(rows, heads, titles or texts, artists or texts, finder)
    return _by_votes(rows, columns, heads, finder)


def _by_votes(
    rows: pd.DataFrame, columns: dict[str, list[int]], heads: Mapping[int, pd.Series], finder: Finder
) -> dict[str, list[int]]:
    """The columns of the fields; those of title and artist are others than named, if only these have known songs."""
    titles, artists = columns.get("title", []), columns.get("artists", [])
    if not (titles and artists) or "path" in columns or _voted(rows, heads, titles, artists, finder)[2]:
        return columns
    texts = [place for place in heads if place not in columns.get("id", []) and share(heads[place], _is_name) > 0.5]
    title, artist, number = _voted(rows, heads, texts, texts, finder)
    if number <= _LEAST_AGAINST * min(len(rows), _MOST_VOTES):
        return columns
    others = {field: [place for place in places if place not in (title, artist)] for field, places in columns.items()}
    return {field: places for field, places in others.items() if places} | {"title": [title], "artists": [artist]}


def _by_values(
    rows: pd.DataFrame, heads: Mapping[int, pd.Series], titles: list[int], artists: list[int], finder: Finder
) -> dict[str, list[int]]:
    """The columns of titles and artists with most songs that are known; one column alone has both in each cell."""
    if titles == artists and len(titles) == 1:
        return {"artist_title": titles} if share(heads[titles[0]], DASH.search) > 0.5 else {}
    title, artist, number = _voted(rows, heads, titles, artists, finder)
    return {"title": [title], "artists": [artist]} if number else {}


def _voted(
    rows: pd.DataFrame, heads: Mapping[int, pd.Series], titles: list[int], artists: list[int], finder: Finder
) -> tuple[int, int, int]:
    """The columns of title and artist in which most songs are known, and their number in the first rows."""
    pairs = [(title, artist) for title in titles for artist in artists if title != artist][:_MOST_PAIRS]
    counts = {
        (title, artist): sum(map(finder.has, head, rows[artist][head.index]))
        for title, artist in pairs
        if len(head := heads[title].head(_MOST_VOTES))
    }
    return max(((*pair, number) for pair, number in counts.items()), key=itemgetter(2), default=(0, 0, 0))


def num_known(rows: pd.DataFrame, finder: Finder) -> int:
    """The number of known songs in the first rows, in the columns that have most of them."""
    heads = {place: _head(rows[place]) for place in range(rows.shape[1])}
    texts = [place for place, head in heads.items() if share(head, _is_name) > 0.5]
    return _voted(rows, heads, texts, texts, finder)[2]


def _head(cells: pd.Series) -> pd.Series:
    """The first filled cells of a column."""
    head = cells.head(200)
    head = head[head != ""]
    return head if len(head) else cells[cells != ""].head(200)


def _fits(field: str, head: pd.Series, key: str) -> bool:
    """Whether the first cells of a column are of the field that its name says."""
    if not len(head):
        return False
    if field in ("title", "artists", "channel", "album", "artist_title"):
        is_text = share(head, lambda cell: not of_cells.NO_TEXT.fullmatch(cell)) > 0
        may_be_number = field == "title" and key.split()[-1] not in ("track", "nummer")
        return (is_text or may_be_number) and share(head, TRACK_LINK.search) < 0.5
    if field in FEATURES:
        return bool(np.isfinite(numbers(head)).any())
    if field == "duration":
        seconds = of_cells.lengths_s(head)
        return bool(np.isfinite(seconds).mean() > 0.5) and share(head, of_cells.DATE.fullmatch) == 0
    if field == "path":
        return share(head, of_cells.is_path) >= 0.5
    if field == "mood_or_not":
        return share(head, mood_of) > 0.5
    if field == "score":
        scores = set(head.str.lower())
        is_flag = key.endswith("is positive") and scores <= {*TRUE, *FALSE}
        return is_flag or scores <= {"-1", "0", "1", "-1.0", "0.0", "1.0"} or not scores.isdisjoint(DISLIKES[2:])
    return field != "service" or bool((head == "YouTube Music").any())
