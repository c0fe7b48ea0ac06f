"""The songs of a table: which rows are songs, their facts, features and moods; cells without meaning are emptied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.media.formats import LONGEST_S
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID, YEARS, listed
from emomusic.songs.names import Finder, bare_title
from emomusic.songs.song import FEATURE_NAMES, FEATURES, UNKNOWN_ARTIST
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import Floats
from emomusic.songs.tables.columns import advice_of, columns_of, key_of, mood_of, word_set
from emomusic.songs.tables.csv_text import Cells
from emomusic.songs.tables.lines import path_of, split_pairs
from emomusic.text import join_names, pluralize

Flags = npt.NDArray[np.bool_]

UNTITLED = "Untitled"
"""Title of a song without title and artists. Its id still plays."""

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

MAX_CELL_LETTERS = 5_000
"""Limit of the cells that are used."""

_MOST_NAMED = 3  # columns in a message
_MOST_FOREIGN = 0.2  # share of the cells beyond the range; with more, the scale of the column is another one
_MOST_PERCENT, _LEAST_PERCENT = 100, 10  # the largest value of a column from 0 to 100 lies between them
_SHARES = [name for name, feature in FEATURES.items() if feature.high == 1]
_OF_SPOTIFY = 5  # of these features that tell that an id without a link is Spotify's

_TRUE, _FALSE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x"), ("false", "0", "0.0", "no", "n", "clean")
_OUR_EXPORT = {"mood", "score", "valence", "arousal", "reason"}


@dataclass(slots=True)
class Table:
    """A table of songs while it is read.

    Attributes:
        read: the file.
        num_rows: rows that are not empty.
        numbers: the number of each row that is not left out.
        cells: the cells of each field, under the name of their column, without spaces around them.
    """

    name: str
    read: Cells
    finder: Finder
    num_rows: int
    numbers: npt.NDArray[np.int64]
    cells: dict[str, pd.Series]
    left_out: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, wanted: Flags, reason: str) -> None:
        """Leave out the other rows."""
        if not wanted.all():
            self.leave_out(self.numbers[~wanted], reason)
            self.numbers = self.numbers[wanted]
            self.cells = {name: cells[wanted].reset_index(drop=True) for name, cells in self.cells.items()}

    def leave_out(self, rows: Iterable[int], reason: str) -> None:
        """Note the reason why rows are no songs."""
        self.left_out += [(int(row), reason) for row in rows]

    def text(self, name: str) -> pd.Series:
        """The cells of a field; empty without its column."""
        return self.cells[name] if name in self.cells else of_cells.series([""] * len(self.numbers))

    @property
    def is_our_export(self) -> bool:
        """Whether EmoMusic wrote the table: valence and arousal are from -1 to 1."""
        return {key_of(name) for name in self.read.header} >= _OUR_EXPORT

    @property
    def is_history(self) -> bool:
        """Whether a row is a play of a song."""
        return not {"played", "played_ms"}.isdisjoint(self.cells)


def table_of(read: Cells, name: str, finder: Finder) -> Table:
    """The columns that hold fields of songs, without rows that are none.

    Raises:
        DatasetError: the table has no rows, or no column of titles, ids or paths.
    """
    is_filled = (read.table != "").any(axis="columns").to_numpy(bool)
    rows = read.table if is_filled.all() else read.table[is_filled]
    if len(rows) == 0:
        raise DatasetError(f"{name}: expected songs. Received: a table without rows. Add a row for each song.")
    header = read.header or [""] * rows.shape[1]
    columns = columns_of(rows, read.header, finder)

    def column(place: int) -> pd.Series:
        cells = rows[place]
        if pc.any(pc.match_substring_regex(pa.array(cells), r"^\s|\s$")).as_py():  # a copy needs much memory
            cells = cells.str.strip()
        return cells.rename(header[place]).reset_index(drop=True)

    def first_filled(places: list[int]) -> pd.Series:
        cells = column(places[0])
        for place in places[1:]:
            if not (is_empty := cells == "").any():
                break
            cells = cells.where(~is_empty, column(place))
        return cells

    cells = {field: first_filled(places[:1] if field in FEATURES else places) for field, places in columns.items()}
    if parts := columns.get("artist_parts"):
        joined = rows[parts].apply(lambda names: ARTIST_SEPARATOR.join(filter(str.strip, names)), axis="columns")
        cells["artists"] = of_cells.series(joined)
    numbers, num_rows = rows.index.to_numpy(np.int64), len(rows) + len(read.left_out)
    read.table = pd.DataFrame()  # it needs much memory
    table = Table(name, read, finder, num_rows, numbers, cells, list(read.left_out), list(read.notes))
    has_ids = "id" in cells and bool((of_cells.track_ids(cells["id"]) != "").any())
    if not (has_ids or {"title", "artist_title", "path"} & cells.keys()):
        received = listed(read.header) if read.header else f"{len(header)} columns without names"
        raise DatasetError(
            f"{name}: expected columns with titles and artists, or Spotify ids. Received: {received}. "
            f"{advice_of(read.header) or 'Name them title and artist.'}"
        )
    if not read.header:
        table.notes.append(f"{name} has no header. Its columns are known by their values.")
    _leave_out_others(table)
    return table


def _leave_out_others(table: Table) -> None:
    """Leave out rows with enormous cells, episodes, dislikes, short plays, and rows that are not of songs."""
    longest = np.max([cells.str.len() for cells in table.cells.values()], axis=0)
    table.keep(longest <= MAX_CELL_LETTERS, f"a cell of more than {MAX_CELL_LETTERS:,} letters")
    if "id" in table.cells:
        is_episode = table.text("id").str.contains("spotify:episode:|/episode/")
        table.keep(~is_episode.to_numpy(bool), "an episode of a podcast")
    if "type" in table.cells:
        table.keep(~table.text("type").str.lower().isin(word_set("types")).to_numpy(bool), "not of type song")
    if "not_song" in table.cells:
        flags = table.text("not_song").str.lower()
        is_other = (flags != "") & ~flags.isin(_FALSE) & (flags.isin(_TRUE) | (table.text("title") == ""))
        table.keep(~is_other.to_numpy(bool), "an episode, an audiobook or a film")
    if "score" in table.cells:
        table.keep(~table.text("score").str.startswith("-1").to_numpy(bool), "a dislike")
    if "played_ms" in table.cells:
        table.keep(~(of_cells.numbers(table.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
    if "service" in table.cells:
        table.keep((table.text("service") == "YouTube Music").to_numpy(bool), "not of YouTube Music")


def songs_of(table: Table) -> pd.DataFrame:
    """The facts and features of the songs, without rows that have no title or artist.

    Columns: `at`, the number of the row; those of a catalogue; `is_silent`; `has_all`, whether it has all features; and
    `has_place`, whether it has valence and energy.

    Raises:
        DatasetError: columns have another scale than a known one.
    """
    titles, artists = _titles_and_artists(table)
    ids = _ids(table)
    is_unnamed = titles.isin(["", "NA"]) & artists.isin(["", "NA"]) & (ids != "")
    titles, artists = titles.mask(is_unnamed, UNTITLED), artists.mask(is_unnamed, UNKNOWN_ARTIST)
    frame = pd.DataFrame({"at": table.numbers, "id": ids, "title": titles, "artists": artists})
    has_title = (titles != "") | ((ids != "") & ("title" not in table.cells))
    table.leave_out(table.numbers[~has_title], "no title")
    for name, read in _FACTS.items():
        if name in table.cells or (name == "year" and "released" in table.cells):
            frame[name] = read(table)
    frame = frame if has_title.all() else frame[has_title]
    frame = frame.join(_features(table, frame.index))
    has_artist = (frame["artists"] != "") | (frame["id"] != "") | (frame["has_place"] & ("artists" not in table.cells))
    has_artist |= table.text("path")[frame.index] != ""
    table.leave_out(frame["at"][~has_artist], "no artist")
    return frame[has_artist]


def _ids(table: Table) -> pd.Series:
    """Spotify's ids: of links, of columns that say so, and others if the catalogue has most of them."""
    cells = table.text("id")
    ids = of_cells.track_ids(cells)
    is_bare = cells.str.fullmatch(TRACK_ID)
    names = key_of(str(cells.name)).split()
    is_spotifys = "spotify" in names or sum(name in table.cells for name in _SHARES) >= _OF_SPOTIFY
    if not is_spotifys and is_bare.any():
        known = table.finder.known_ids
        is_spotifys = bool(cells[is_bare].isin(known).mean() >= 0.5)
        ids = ids if is_spotifys else ids.mask(is_bare, "")
    foreign = cells[(ids == "") & cells.str.fullmatch(r"[\w-]+")]
    if len(foreign) and "path" not in table.cells:
        table.notes.append(f"{pluralize(len(foreign), 'id')} of another service: not used.")
    return ids


def _titles_and_artists(table: Table) -> tuple[pd.Series, pd.Series]:
    """Titles and artists: of their columns, else of both in one cell, of the names of files, and of their folders."""
    titles, artists, paths = table.text("title"), of_cells.lists(table.text("artists")), table.text("path")
    if "titleUrl" in table.read.header:  # "Watched ARTIST - Title" in the language of the account
        titles = _without_common_words(titles)
    if not (is_named := artists.str.strip(" ;,\u00a0") != "").all():
        artists = artists.where(is_named, "")
    is_various = artists.str.lower().isin(word_set("various"))
    if "path" in table.cells:
        table.cells["path"] = paths = paths.map(path_of)
    for source in ("artist_title", "title", "path"):
        texts = titles if source == "title" else table.text(source)
        wanted = (texts != "") & ((artists == "") | is_various) & ((titles == "") | (source == "title"))
        if not wanted.any():
            continue
        are_lines = source == "artist_title"
        texts = texts[wanted].map(_stem) if source == "path" else texts[wanted]
        pairs = split_pairs(texts.tolist(), table.finder, are_lines=are_lines)
        parts = pd.DataFrame(pairs, texts.index, ["title", "artist"], dtype="str")
        titles = titles.where(~wanted, parts["title"].reindex(titles.index))
        has_artist = (parts["artist"] != "").reindex(titles.index, fill_value=False)
        artists = artists.where(~has_artist, parts["artist"].reindex(titles.index))
        is_various &= ~has_artist
    if "channel" in table.cells:
        artists = artists.where(artists != "", table.text("channel"))
    if "path" in table.cells and (from_folders := (artists == "") & (paths != "") & (titles != "")).any():
        artists = artists.where(~from_folders, _folders(table, titles[from_folders], paths).reindex(titles.index))
    return titles, artists


def _stem(path: str) -> str:
    """The name of a file without its folder, its ending and its number: "Music/05 Yellow.mp3" is "Yellow"."""
    return bare_title(re.split(r"[/\\]", path.partition("?")[0])[-1])


def _folders(table: Table, titles: pd.Series, paths: pd.Series) -> pd.Series:
    """The artists that folders tell: of the folder around that of the file, or of the latter, whichever is known."""
    folders = paths[titles.index].map(lambda path: re.split(r"[/\\]", path)[:-1])
    choices = [folders.map(lambda names, at=at: names[-at] if len(names) >= at else "") for at in (2, 1)]
    counts = [sum(map(table.finder.has, titles, names)) for names in choices]
    return choices[1] if counts[1] > counts[0] else choices[0] if counts[0] else choices[0].map(lambda _: "")


def _without_common_words(titles: pd.Series) -> pd.Series:
    """Titles without the words that all of them begin and end with."""
    first = [title.split(" ") for title in titles]
    for end in (0, -1):
        while (
            first
            and all(len(words) > 1 and words[end] == first[0][end] for words in first)
            and (len(first) > 1 or first[0][0] == "Watched")
        ):
            first = [words[1:] if end == 0 else words[:-1] for words in first]
    return of_cells.series([" ".join(words) for words in first])


def _explicit(table: Table) -> pd.Series:
    words = table.text("explicit").str.lower()
    _report_emptied(table, "explicit", ~words.isin([*_TRUE, *_FALSE]).to_numpy(bool), "true or false")
    return words.isin(_TRUE)


def _years(table: Table) -> Floats:
    years = of_cells.numbers(table.text("year"))
    if "released" in table.cells:
        years = np.where(np.isfinite(years), years, of_cells.years(table.text("released")))
    return _within(table, "year", years, *YEARS)


def _durations(table: Table) -> Floats:
    cells = table.text("duration")
    unit = re.search(r"\b(ms|millis|milliseconds|s|sec|seconds)$", key_of(str(cells.name)))
    told = "" if unit is None else "ms" if unit[1].startswith("m") else "s"
    seconds = of_cells.lengths_s(cells, told)
    return _within(table, "duration", seconds, 0, LONGEST_S)


def _within(table: Table, name: str, numbers: Floats, low: float, high: float, rows: pd.Index | None = None) -> Floats:
    """Numbers, empty outside their range; those of `rows`, by default of all."""
    is_wrong = ~((numbers >= low) & (numbers <= high))
    _report_emptied(table, name, is_wrong, f"{low:g} to {high:g}", rows)
    return np.where(is_wrong, np.nan, numbers)


def _report_emptied(table: Table, name: str, is_wrong: Flags, expected: str, rows: pd.Index | None = None) -> None:
    if not is_wrong.any():
        return
    cells = table.text(name) if rows is None else table.text(name)[rows]
    wrong = cells[is_wrong]
    wrong = wrong[~wrong.str.lower().isin(of_cells.ABSENT)]
    if len(wrong):
        table.notes.append(
            f"{name} of {pluralize(len(wrong), 'row')} emptied: expected {expected}. "
            f"Received: {wrong.iloc[0][:40]!r} in row {table.numbers[wrong.index[0]]}."
        )


def _genres(table: Table) -> pd.Series:
    cells = of_cells.lists(table.text("genres"))
    return cells.str.replace(r"\s*[,;]\s*", ARTIST_SEPARATOR, regex=True).str.strip(ARTIST_SEPARATOR).replace("", None)


def _moods(table: Table) -> pd.Series:
    cells = table.text("mood")
    given = cells[cells != ""].unique()
    numbers = of_cells.numbers(of_cells.series(given))
    if len(given) and np.isfinite(numbers).all():
        if "quadrant" not in key_of(str(cells.name)) or not set(numbers) <= {1, 2, 3, 4}:
            raise DatasetError(
                f"{table.name}: expected moods in words, such as happy or sad, in the column {cells.name}. Received: "
                f"{numbers.min():g} to {numbers.max():g}. Write the words, or remove the column."
            )
        known = {cell: mood_of(f"q{number:.0f}") for cell, number in zip(given, numbers, strict=True)}
    else:
        known = {cell: next(filter(None, map(mood_of, [cell, *re.split(r"[;,/|]\s*", cell)])), None) for cell in given}
    if others := [cell for cell in given if known[cell] is None]:
        named = join_names([repr(word[:30]) for word in others[:5]])
        table.notes.append(f"Moods that are not used: {named}. EmoMusic has {join_names(map(str, Mood))}.")
    return cells.map(known).astype(object).where(lambda moods: moods.notna(), None)


_FACTS: dict[str, Any] = {
    "album": lambda table: table.text("album").replace("", None),
    "genres": _genres,
    "popularity": lambda table: _within(table, "popularity", of_cells.whole_numbers(table.text("popularity")), 0, 100),
    "duration": _durations,
    "year": _years,
    "explicit": _explicit,
    "mood": _moods,
    "path": lambda table: table.text("path").replace("", None),
}


# Features


def _features(table: Table, rows: pd.Index) -> pd.DataFrame:
    values = pd.DataFrame(dict.fromkeys(FEATURE_NAMES, np.nan), index=rows)
    present = [name for name in FEATURE_NAMES if name in table.cells]
    is_complete = len(present) == len(FEATURE_NAMES)
    if table.is_our_export:
        present = []
    read = {name: of_cells.numbers(table.text(name))[rows] for name in present}
    _to_shares(table, read, rows)
    problems: list[str] = []
    for name, numbers in read.items():
        problem = _problem(name, numbers)
        values[name] = (
            np.nan if problem else _within(table, name, numbers, FEATURES[name].low, FEATURES[name].high, rows)
        )
        if problem and (is_complete or name in ("valence", "energy")):
            problems.append(problem)
    if problems:
        others = problems[_MOST_NAMED:]
        problems[_MOST_NAMED:] = [f"and {pluralize(len(others), 'other column')}"] if others else []
        raise DatasetError(
            f"{table.name}: the scale is not known. {'; '.join(problems)}. "
            "Convert these columns, or remove them to find the songs by title and artist."
        )
    if table.is_our_export:
        for name in ("valence", "energy"):
            values[name] = ((of_cells.numbers(table.text(name)) + 1) / 2)[rows]
        points = values[["valence", "energy"]]
        values[["valence", "energy"]] = points.where((points >= 0) & (points <= 1))
    is_silent = (values[["tempo_bpm", "danceability", "valence"]] == 0).all(axis="columns") & is_complete
    values[is_silent] = np.nan
    has_place = values[["valence", "energy"]].notna().all(axis="columns")
    if present and not is_complete:
        missing = [FEATURES[name].source_name for name in FEATURE_NAMES if name not in present]
        by = (
            "id, by title and artist, or placed by valence and energy"
            if has_place.any()
            else "id, or by title and artist"
        )
        table.notes.append(f"Missing audio features: {', '.join(missing)}. Songs are found by {by}.")
    return values.assign(is_silent=is_silent, has_place=has_place, has_all=values.notna().all(axis="columns"))


def _to_shares(table: Table, read: dict[str, Floats], rows: pd.Index) -> None:
    """Convert columns from 0 to 100 to shares, and valence and energy from -1 to 1: where a whole column tells it."""
    shares = {name: numbers for name, numbers in read.items() if name in _SHARES and np.isfinite(numbers).any()}
    tops = {name: np.nanmax(numbers) for name, numbers in shares.items()}
    lows = {name: np.nanmin(numbers) for name, numbers in shares.items()}
    # One column that exceeds all smaller scales tells that of the table
    is_percent = {name for name, top in tops.items() if _LEAST_PERCENT < top <= _MOST_PERCENT and lows[name] >= 0}
    told = []
    for name, numbers in shares.items():
        cells = table.text(name)
        says_percent = re.search("%|percent", str(cells.name), re.IGNORECASE) is not None
        has_unit = cells.str.contains("%", regex=False).to_numpy(bool)[rows]
        is_whole = tops[name] > 1 or not (numbers % 1 > 0).any()
        if says_percent or has_unit.any():
            read[name] = np.where(says_percent | has_unit, numbers / 100, numbers)
        elif is_percent and tops[name] <= _MOST_PERCENT and lows[name] >= 0 and is_whole:
            read[name] = numbers / 100
            told.append(FEATURES[name].source_name)
    if told:
        table.notes.append(f"Read as 0 to 100, by their values: {', '.join(told)}.")
    pair = [name for name in ("valence", "energy") if name in shares]
    if (
        len(pair) == 2
        and not told
        and min(lows[name] for name in pair) < 0
        and all(lows[name] >= -1 and tops[name] <= 1 for name in pair)
    ):
        read |= {name: (read[name] + 1) / 2 for name in pair}
        table.notes.append("Read as -1 to 1, by their values: valence, energy.")


def _problem(name: str, numbers: Floats) -> str:
    """What is wrong with the scale of a whole column; empty if nothing is."""
    feature, known = FEATURES[name], numbers[np.isfinite(numbers)]
    if not len(known):
        return ""
    low, high = known.min(), known.max()
    wrong_scale = ((known < feature.low) | (known > feature.high)).mean() > _MOST_FOREIGN
    wrong_scale |= name == "tempo_bpm" and 0 < high <= 10
    wrong_scale |= name == "loudness_db" and bool(np.median(known) > 0)
    if not wrong_scale:
        return ""
    usual = {"tempo_bpm": ", usually 60 to 200", "loudness_db": ", usually -20 to 0"}.get(name, "")
    unit = f" {feature.unit}" if feature.unit else ""
    return (
        f"{feature.source_name}: expected {feature.low:g} to {feature.high:g}{unit}{usual}, found {low:g} to {high:g}"
    )
