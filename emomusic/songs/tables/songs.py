"""The songs of a table: their names, ids, facts, features and moods; cells without meaning are emptied."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.media.formats import LONGEST_S
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID, YEARS
from emomusic.songs.names import Finder, bare_title
from emomusic.songs.song import FEATURE_NAMES, FEATURES, UNKNOWN_ARTIST
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import Floats
from emomusic.songs.tables.columns import key_of, mood_of, word_set
from emomusic.songs.tables.lines import path_of, split_pairs
from emomusic.songs.tables.table import FALSE, TRUE, Table
from emomusic.text import join_names, pluralize

UNTITLED = "Untitled"
"""Title of a song without title and artists. Its id still plays."""

_MOST_NAMED = 3  # columns in a message
_MOST_FOREIGN = 0.2  # share of the cells beyond the range; with more, the scale of the column is another one
_MOST_PERCENT, _LEAST_PERCENT = 100, 10  # the largest value of a column from 0 to 100 lies between them
_SHARES = [name for name, feature in FEATURES.items() if feature.high == 1]
_OF_SPOTIFY = 5  # of these features that tell that an id without a link is Spotify's
_PLACE = ["valence", "energy"]


def songs_of(table: Table, finder: Finder) -> pd.DataFrame:
    """The facts and features of the songs, without rows that have no title or artist.

    Columns: `at`, the number of the row; those of a catalogue; `is_silent`; `has_all`, whether it has all features; and
    `has_place`, whether it has valence and energy.

    Raises:
        DatasetError: columns have another scale than a known one.
    """
    titles, artists = _titles_and_artists(table, finder)
    ids = _ids(table, finder)
    is_unnamed = titles.isin(["", "NA"]) & artists.isin(["", "NA"]) & (ids != "")
    titles, artists = titles.mask(is_unnamed, UNTITLED), artists.mask(is_unnamed, UNKNOWN_ARTIST)
    frame = pd.DataFrame({"at": table.numbers, "id": ids, "title": titles, "artists": artists})
    for name, read in _FACTS.items():
        if name in table.cells or (name == "year" and "released" in table.cells):
            frame[name] = read(table)
    has_title = (titles != "") | ((ids != "") & ("title" not in table.cells))
    table.leave_out(table.numbers[~has_title], "no title")
    frame = frame if has_title.all() else frame[has_title]
    frame = frame.join(_features(table, frame.index))
    has_artist = (frame["artists"] != "") | (frame["id"] != "") | (frame["has_place"] & ("artists" not in table.cells))
    has_artist |= table.text("path")[frame.index] != ""
    table.leave_out(frame["at"][~has_artist], "no artist")
    return frame if has_artist.all() else frame[has_artist]


def _ids(table: Table, finder: Finder) -> pd.Series:
    """Spotify's ids: of links, of columns that say so, and others if the catalogue has most of them."""
    cells = table.text("id")
    if "id" not in table.cells:
        return cells
    is_bare = cells.str.fullmatch(TRACK_ID.pattern)
    ids = cells if is_bare.all() else of_cells.track_ids(cells)
    is_spotifys = "spotify" in key_of(str(cells.name)).split()
    is_spotifys |= sum(name in table.cells for name in _SHARES) >= _OF_SPOTIFY
    if not is_spotifys and is_bare.any() and cells[is_bare].isin(finder.known_ids).mean() < 0.5:
        ids = ids.mask(is_bare, "")
    num_others = int(((ids == "") & cells.str.fullmatch(r"[\w-]+")).sum())
    if num_others and "path" not in table.cells:
        table.notes.append(f"{pluralize(num_others, 'id')} of another service: not used.")
    return ids


# Titles and artists


def _titles_and_artists(table: Table, finder: Finder) -> tuple[pd.Series, pd.Series]:
    """Titles and artists: of their columns, else of both in one cell, of the names of files, and of their folders."""
    titles, artists, paths = table.text("title"), of_cells.lists(table.text("artists")), table.text("path")
    if "titleUrl" in table.header:  # "Watched ARTIST - Title" in the language of the account
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
        texts = texts[wanted].map(_stem) if source == "path" else texts[wanted]
        pairs = split_pairs(texts.tolist(), finder, are_lines=source == "artist_title")
        parts = pd.DataFrame(pairs, texts.index, ["title", "artist"], dtype="str").reindex(titles.index, fill_value="")
        titles = titles.where(~wanted, parts["title"])
        has_artist = parts["artist"] != ""
        artists = artists.where(~has_artist, parts["artist"])
        is_various &= ~has_artist
    if "channel" in table.cells:
        artists = artists.where(artists != "", table.text("channel"))
    if "path" in table.cells and (from_folders := (artists == "") & (paths != "") & (titles != "")).any():
        artists = artists.mask(from_folders, _of_folders(titles[from_folders], paths, finder).reindex(titles.index))
    return titles, artists


def _stem(path: str) -> str:
    """The name of a file without its folder, its ending and its number: "Music/05 Yellow.mp3" is "Yellow"."""
    return bare_title(re.split(r"[/\\]", path.partition("?")[0])[-1])


def _of_folders(titles: pd.Series, paths: pd.Series, finder: Finder) -> pd.Series:
    """The artists that folders tell: of the folder around that of the file, or of the latter, whichever is known."""
    folders = paths[titles.index].map(lambda path: ["", "", *re.split(r"[/\\]", path)[:-1]])
    choices = [folders.map(lambda names, at=at: names[-at]) for at in (2, 1)]
    counts = [sum(map(finder.has, titles, names)) for names in choices]
    return choices[int(counts[1] > counts[0])] if any(counts) else choices[0].map(lambda _: "")


def _without_common_words(titles: pd.Series) -> pd.Series:
    """Titles without the words that all of them begin and end with."""
    split = [title.split(" ") for title in titles]
    for end, rest in ((0, slice(1, None)), (-1, slice(-1))):
        while len({words[end] for words in split}) == 1 and min(map(len, split)) > 1:
            if len(split) == 1 and split[0][0] != "Watched":
                break
            split = [words[rest] for words in split]
    return of_cells.series(list(map(" ".join, split)))


# Facts


def _within(table: Table, name: str, numbers: Floats, low: float, high: float, rows: pd.Index | None = None) -> Floats:
    """Numbers, empty outside their range; those of `rows`, by default of all."""
    is_wrong = ~((numbers >= low) & (numbers <= high))
    _report_emptied(table, name, is_wrong, f"{low:g} to {high:g}", rows)
    return np.where(is_wrong, np.nan, numbers) if is_wrong.any() else numbers


def _report_emptied(
    table: Table, name: str, is_wrong: npt.NDArray[np.bool_], expected: str, rows: pd.Index | None = None
) -> None:
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


def _explicit(table: Table) -> pd.Series:
    words = table.text("explicit").str.lower()
    _report_emptied(table, "explicit", ~words.isin([*TRUE, *FALSE]).to_numpy(bool), "true or false")
    return words.isin(TRUE)


def _years(table: Table) -> Floats:
    years = of_cells.numbers(table.text("year"))
    if "released" in table.cells and not np.isfinite(years).all():
        years = np.where(np.isfinite(years), years, of_cells.years(table.text("released")))
    return _within(table, "year", years, *YEARS)


def _durations(table: Table) -> Floats:
    cells = table.text("duration")
    unit = re.search(r"\b(?:(ms|millis|milliseconds)|s|sec|seconds)$", key_of(str(cells.name)))
    told = "" if unit is None else "ms" if unit[1] else "s"
    return _within(table, "duration", of_cells.lengths_s(cells, told), 0, LONGEST_S)


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


_FACTS: dict[str, Callable[[Table], Any]] = {
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
    present = [name for name in FEATURE_NAMES if name in table.cells]
    is_complete = len(present) == len(FEATURE_NAMES)
    if table.is_our_export:
        present = _PLACE
    read = {name: of_cells.numbers(table.text(name))[rows] for name in present}
    _to_shares(table, read, rows)
    problems = {name: text for name, numbers in read.items() if (text := _problem(name, numbers))}
    if fatal := [text for name, text in problems.items() if is_complete or name in _PLACE]:
        if others := fatal[_MOST_NAMED:]:
            fatal[_MOST_NAMED:] = [f"and {pluralize(len(others), 'other column')}"]
        raise DatasetError(
            f"{table.name}: the scale is not known. {'; '.join(fatal)}. "
            "Convert these columns, or remove them to find the songs by title and artist."
        )
    columns = dict.fromkeys(FEATURE_NAMES, np.full(len(rows), np.nan))
    for name, numbers in read.items():
        if name not in problems:
            columns[name] = _within(table, name, numbers, FEATURES[name].low, FEATURES[name].high, rows)
    read.clear()  # it needs memory, as do the cells of features
    table.cells = {name: cells for name, cells in table.cells.items() if name not in FEATURES}
    values = pd.DataFrame(columns, index=rows)
    is_silent = (values[["tempo_bpm", "danceability", "valence"]] == 0).all(axis="columns") & is_complete
    if is_silent.any():
        values[is_silent] = np.nan
    has_place = values[_PLACE].notna().all(axis="columns")
    if present and not is_complete and not table.is_our_export:
        missing = ", ".join(FEATURES[name].source_name for name in FEATURE_NAMES if name not in present)
        by = (
            "id, by title and artist, or placed by valence and energy"
            if has_place.any()
            else "id, or by title and artist"
        )
        table.notes.append(f"Missing audio features: {missing}. Songs are found by {by}.")
    return values.assign(is_silent=is_silent, has_place=has_place, has_all=values.notna().all(axis="columns"))


def _to_shares(table: Table, read: dict[str, Floats], rows: pd.Index) -> None:
    """Convert columns from 0 to 100 to shares, and valence and energy from -1 to 1: where a whole column tells it."""
    shares = {name: numbers for name, numbers in read.items() if name in _SHARES and np.isfinite(numbers).any()}
    ranges = {name: (np.nanmin(numbers), np.nanmax(numbers)) for name, numbers in shares.items()}
    # One column that exceeds all smaller scales tells that of the table
    is_percent = any(low >= 0 and _LEAST_PERCENT < high <= _MOST_PERCENT for low, high in ranges.values())
    told = []
    for name, numbers in shares.items():
        cells, (low, high) = table.text(name), ranges[name]
        says_percent = re.search("%|percent", str(cells.name), re.IGNORECASE) is not None
        has_unit = cells.str.contains("%", regex=False).to_numpy(bool)[rows]
        if says_percent or has_unit.any():
            read[name] = np.where(says_percent | has_unit, numbers / 100, numbers)
        elif is_percent and low >= 0 and high <= _MOST_PERCENT and (high > 1 or not (numbers % 1 > 0).any()):
            read[name] = numbers / 100
            told.append(FEATURES[name].source_name)
    pair = [ranges[name] for name in _PLACE if name in ranges]
    is_signed = len(pair) == 2 and min(pair)[0] < 0 and all(low >= -1 and high <= 1 for low, high in pair)
    if told:
        table.notes.append(f"Read as 0 to 100, by their values: {', '.join(told)}.")
    elif table.is_our_export or is_signed:
        read |= {name: (read[name] + 1) / 2 for name in _PLACE}
        if not table.is_our_export:
            table.notes.append("Read as -1 to 1, by their values: valence, energy.")


def _problem(name: str, numbers: Floats) -> str:
    """What is wrong with the scale of a whole column; empty if nothing is."""
    feature, known = FEATURES[name], numbers[np.isfinite(numbers)]
    if not len(known):
        return ""
    low, high = known.min(), known.max()
    is_other = ((known < feature.low) | (known > feature.high)).mean() > _MOST_FOREIGN
    is_other |= (name == "tempo_bpm" and 0 < high <= 10) or (name == "loudness_db" and np.median(known) > 0)
    usual = {"tempo_bpm": ", usually 60 to 200", "loudness_db": ", usually -20 to 0"}.get(name, "")
    expected = f"{feature.low:g} to {feature.high:g} {feature.unit}".rstrip() + usual
    return f"{feature.source_name}: expected {expected}, found {low:g} to {high:g}" if is_other else ""
