"""The songs of a table: their names, ids, facts, features and moods; cells without meaning are emptied."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

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
from emomusic.songs.tables.fields import FALSE, OTHER_TITLES, TRUE, first_of, key_of, mood_in, mood_of, word_set
from emomusic.songs.tables.lines import path_of, split_pairs
from emomusic.songs.tables.table import Table
from emomusic.text import join_names, pluralize

UNTITLED = "Untitled"
"""Title of a song without title and artists. Its id still plays."""

_MOST_FOREIGN = 0.2  # share of the cells beyond the range; with more, the scale of the column is another one
_MOST_PERCENT, _LEAST_PERCENT = 100, 10  # the largest value of a column from 0 to 100 lies between them
_SHARES = [name for name, feature in FEATURES.items() if feature.high == 1]
_OF_SPOTIFY = 5  # number of these features that tell that an id without a link is Spotify's
_PLACE = ["valence", "energy"]
_LOCAL = re.compile(r"spotify:local:(?P<artist>[^:]*):[^:]*:(?P<title>[^:]*):")
"""The address of a file that a playlist of Spotify has."""


def read_songs(table: Table, finder: Finder) -> None:
    """Turn the cells into names, ids, facts and features of songs; leave out rows without title or artist.

    New columns are `is_silent`; `has_all`, whether a song has all features; and `has_place`, for valence and energy.
    """
    titles, artists = _titles_and_artists(table, finder)
    table.rows = table.rows.assign(id=_ids(table, finder), title=titles, artists=artists)
    has_id = table.rows["id"] != ""
    is_unnamed = has_id & titles.isin(["", "NA"]) & artists.isin(["", "NA"])
    if is_unnamed.any():
        _name_by_ids(table, is_unnamed, finder)
    for name, read in _FACTS.items():
        if name in table.names:
            table.rows[name] = read(table)
    table.keep((titles != "") | is_unnamed | (has_id & ("title" not in table.names)), "no title")
    _read_features(table)
    has_artist = (table.rows["artists"] != "") | (table.rows["id"] != "") | (table.text("path") != "")
    table.keep(has_artist | (table.rows["has_place"] & ("artists" not in table.names)), "no artist")


def _ids(table: Table, finder: Finder) -> pd.Series:
    """Spotify's ids: of links, of columns that say so, and others if the catalogue has most of them."""
    cells = table.text("id")
    if "id" not in table.names:
        return cells
    is_bare = cells.str.fullmatch(TRACK_ID.pattern)
    ids = cells if is_bare.all() else of_cells.track_ids(cells)
    is_spotifys = "spotify" in key_of(table.names["id"]).split()
    is_spotifys |= sum(name in table.names for name in _SHARES) >= _OF_SPOTIFY
    if not is_spotifys and is_bare.any() and cells[is_bare].isin(finder.known_ids).mean() < 0.5:
        ids = ids.mask(is_bare, "")
    num_others = int(((ids == "") & cells.str.fullmatch(r"[\w-]+")).sum())
    if num_others and "path" not in table.names:
        table.notes.append(f"{pluralize(num_others, 'id')} of another service: not used.")
    return ids


def _name_by_ids(table: Table, unnamed: pd.Series, finder: Finder) -> None:
    """Give songs with an id alone the names of the catalogue; the others are named in a note."""
    places = finder.known_ids.get_indexer(pd.Index(table.rows["id"][unnamed]))
    for column, unknown in (("title", UNTITLED), ("artists", UNKNOWN_ARTIST)):
        names = of_cells.series([]) if finder.known is None else finder.known.table[column]
        table.rows.loc[unnamed, column] = names.reindex(places).fillna(unknown).array
    if (places < 0).any():
        rows = table.rows["at"][unnamed][places < 0].tolist()
        table.notes.append(f"Songs whose title is not known, only their id: rows {first_of(rows)}.")


# Titles and artists


def _titles_and_artists(table: Table, finder: Finder) -> tuple[pd.Series, pd.Series]:
    """Titles and artists: of their columns, else of both in one cell, of the names of files, and of their folders."""
    titles, artists, paths = table.text("title"), of_cells.lists(table.text("artists")), table.text("path")
    if "titleUrl" in table.header:  # "Watched ARTIST - Title" in the language of the account
        titles = _without_common_words(titles)
    artists = artists.where(artists.str.strip(" ;,") != "", "")
    if (is_local := table.text("id").str.contains("spotify:local:", regex=False)).any():
        local = table.text("id")[is_local].str.extract(_LOCAL).fillna("")
        titles, artists = (
            cells.where((cells != "") | ~is_local, local[part].map(unquote_plus)).astype("str")
            for cells, part in ((titles, "title"), (artists, "artist"))
        )
    if "path" in table.names:
        table.rows["path"] = paths = paths.map(path_of)
    is_open = (artists == "") | artists.str.lower().isin(word_set("various"))
    for source in ("artist_title", "title", "path"):
        texts = titles if source == "title" else table.text(source)
        wanted = is_open & (texts != "") & ((titles == "") | (source == "title"))
        if wanted.any():
            texts = texts[wanted].map(_stem) if source == "path" else texts[wanted]
            pairs = split_pairs(texts.tolist(), finder, are_lines=source == "artist_title")
            if pairs.is_doubtful:
                table.notes.append(OTHER_TITLES)
            found = pd.DataFrame(pairs.names, texts.index, ["title", "artists"], dtype="str")
            titles = found["title"].reindex(titles.index).fillna(titles)
            found = found[found["artists"] != ""]
            artists = found["artists"].reindex(artists.index).fillna(artists)
            is_open &= ~is_open.index.isin(found.index)
    artists = artists.where(artists != "", table.text("channel"))
    if (wanted := (artists == "") & (paths != "") & (titles != "")).any():
        singers = _of_folders(titles[wanted], paths[wanted], finder)
        artists = singers.reindex(artists.index).fillna(artists)
    return titles, artists


def _stem(path: str) -> str:
    """The name of a file without its folder, its ending and its number: "Music/05 Yellow.mp3" is "Yellow"."""
    return bare_title(re.split(r"[/\\]", path.partition("?")[0])[-1])


def _of_folders(titles: pd.Series, paths: pd.Series, finder: Finder) -> pd.Series:
    """The artists that folders tell: "Artist/Album", "Artist" or "Artist/Album/CD 1", whichever has known songs."""
    folders = [["", "", "", *re.split(r"[/\\]", path)[:-1]] for path in paths]
    choices = [[""] * len(folders), *([names[-at] for names in folders] for at in (2, 1, 3))]
    return of_cells.series(max(choices, key=lambda names: sum(map(finder.has, titles, names))), titles.index)


def _without_common_words(titles: pd.Series) -> pd.Series:
    """Titles without the words that all of them begin and end with."""
    split = [title.split(" ") for title in titles]
    for end, rest in ((0, slice(1, None)), (-1, slice(-1))):
        while len({words[end] for words in split}) == 1 and min(map(len, split)) > 1:
            if len(split) == 1 and split[0][0] != "Watched":
                break
            split = [words[rest] for words in split]
    return of_cells.series(list(map(" ".join, split)), titles.index)


# Facts


def _within(table: Table, name: str, numbers: Floats, low: float, high: float) -> Floats:
    """Numbers, empty outside their range."""
    is_wrong = ~((numbers >= low) & (numbers <= high))
    _report_emptied(table, name, is_wrong, f"{low:g} to {high:g}")
    return np.where(is_wrong, np.nan, numbers) if is_wrong.any() else numbers


def _report_emptied(table: Table, name: str, is_wrong: npt.NDArray[np.bool_], expected: str) -> None:
    wrong = table.text(name)[is_wrong]
    wrong = wrong[~wrong.str.lower().isin(of_cells.ABSENT)]
    if len(wrong):
        table.notes.append(
            f"{name} of {pluralize(len(wrong), 'row')} emptied: expected {expected}. "
            f"Received: {wrong.iloc[0][:40]!r} in row {table.rows['at'][wrong.index[0]]}."
        )


def _explicit(table: Table) -> pd.Series:
    words = table.text("explicit").str.lower()
    _report_emptied(table, "explicit", ~words.isin([*TRUE, *FALSE]).to_numpy(bool), "true or false")
    return words.isin(TRUE)


def _genres(table: Table) -> pd.Series:
    cells = of_cells.lists(table.text("genres"))
    return cells.str.replace(r"\s*[,;]\s*", ARTIST_SEPARATOR, regex=True).str.strip(ARTIST_SEPARATOR)


def _moods(table: Table) -> pd.Series:
    cells = table.text("mood")
    given = cells[cells != ""].unique()
    numbers = of_cells.numbers(of_cells.series(given))
    if len(given) and np.isfinite(numbers).all():
        if "quadrant" not in key_of(table.names["mood"]) or not set(numbers) <= {1, 2, 3, 4}:
            raise DatasetError(
                f"{table.name}: expected moods in words, such as happy or sad, in the column {table.names['mood']}. "
                f"Received: {numbers.min():g} to {numbers.max():g}. Write the words, or remove the column."
            )
        known = {cell: mood_of(f"q{number:.0f}") for cell, number in zip(given, numbers, strict=True)}
    else:
        known = {cell: mood_in(cell) for cell in given}
    if others := [cell for cell in given if known[cell] is None]:
        named = join_names([repr(word[:30]) for word in others[:5]])
        table.notes.append(f"Moods that are not used: {named}. EmoMusic has {join_names(map(str, Mood))}.")
    return cells.map(known).astype(object).where(lambda moods: moods.notna(), None)


_FACTS: dict[str, Callable[[Table], Any]] = {
    "genres": _genres,
    "popularity": lambda table: _within(table, "popularity", of_cells.whole_numbers(table.text("popularity")), 0, 100),
    "duration": lambda table: _within(table, "duration", of_cells.lengths_s(table.text("duration")), 0, LONGEST_S),
    "year": lambda table: _within(table, "year", of_cells.years(table.text("year")), *YEARS),
    "explicit": _explicit,
    "mood": _moods,
}


# Features


def _read_features(table: Table) -> None:
    present = _PLACE if table.is_our_export else [name for name in FEATURE_NAMES if name in table.names]
    is_complete = len(present) == len(FEATURE_NAMES)
    read = {name: of_cells.numbers(table.text(name)) for name in present}
    _to_shares(table, read)
    problems = {name: text for name, numbers in read.items() if (text := _problem(name, numbers))}
    has_both = {*_PLACE} <= {*present}  # programs of DJs have an energy alone, from 1 to 10
    needed = present if is_complete else _PLACE if has_both else []
    if foreign := [text for name, text in problems.items() if name in needed]:
        table.notes.append(f"Features left out, as their scale is not known: {first_of(foreign, '; ', 3)}.")
    for name, feature in FEATURES.items():
        is_known = name in read and name not in problems
        table.rows[name] = _within(table, name, read.pop(name), feature.low, feature.high) if is_known else np.nan
    values = table.rows[list(FEATURE_NAMES)]
    is_silent = (values[["tempo_bpm", "danceability", "valence"]] == 0).all(axis="columns") & is_complete
    if is_silent.any():
        table.rows.loc[is_silent, list(FEATURE_NAMES)] = np.nan
    has_all, has_place = (
        values[names].notna().all(axis="columns") & ~is_silent for names in (list(FEATURE_NAMES), _PLACE)
    )
    table.rows = table.rows.assign(is_silent=is_silent, has_place=has_place, has_all=has_all)
    if present and not is_complete and not table.is_our_export:
        missing = ", ".join(FEATURES[name].source_name for name in FEATURE_NAMES if name not in present)
        table.notes.append(f"Missing audio features: {missing}. Songs are found by id, or by title and artist.")


def _to_shares(table: Table, read: dict[str, Floats]) -> None:
    """Convert columns from 0 to 100 to shares, and valence and energy from -1 to 1: where a whole column shows it."""
    shares = {name: numbers for name, numbers in read.items() if name in _SHARES and np.isfinite(numbers).any()}
    ranges = {name: (np.nanmin(numbers), np.nanmax(numbers)) for name, numbers in shares.items()}
    # One column that exceeds all smaller scales tells that of the table
    is_percent = any(low >= 0 and _LEAST_PERCENT < high <= _MOST_PERCENT for low, high in ranges.values())
    told = []
    for name, numbers in shares.items():
        low, high = ranges[name]
        says_percent = re.search("%|percent", table.names[name], re.IGNORECASE) is not None
        has_unit = table.text(name).str.contains("%", regex=False).to_numpy(bool)
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
