"""The facts, features and moods of the songs in a table; cells without meaning are emptied."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.media.formats import LONGEST_S
from emomusic.songs.catalogue import ARTIST_SEPARATOR, YEARS
from emomusic.songs.song import FEATURE_NAMES, FEATURES, UNKNOWN_ARTIST
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import Floats
from emomusic.songs.tables.columns import DASH, Flags, Table
from emomusic.songs.tables.playlists import path_of
from emomusic.songs.tables.sources import header_key, sources
from emomusic.text import join_names, pluralize

UNTITLED = "Untitled"
"""Title of a song without title and artists. Its id still plays."""

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

MAX_CELL_LETTERS = 5_000
"""Limit of the cells that are used."""

_MOST_NAMED = 3  # columns in a message
_MOST_FOREIGN = 0.2  # share of the cells beyond the range; with more, the scale of the column is another one

_TRUE, _FALSE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x"), ("false", "0", "0.0", "no", "n", "clean")


def leave_out_others(table: Table) -> None:
    """Leave out rows with enormous cells, episodes, short plays, and rows that are not of songs."""
    longest = np.max([cells.str.len() for cells in table.cells.values()], axis=0)
    table.keep(longest <= MAX_CELL_LETTERS, f"a cell of more than {MAX_CELL_LETTERS:,} letters")
    is_episode = table.text("id").str.contains("spotify:episode:|/episode/")
    table.keep(~is_episode.to_numpy(bool), "an episode of a podcast")
    if "played_ms" in table.cells:
        table.keep(~(of_cells.numbers(table.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
    if "other" in table.cells:
        is_other = ((table.text("other") != "") & (table.text("title") == "")).to_numpy(bool)
        table.keep(~is_other, "an episode or an audiobook")
    if "only" in table.cells and (is_music := table.text("only") == "YouTube Music").any():
        table.keep(is_music.to_numpy(bool), "not of YouTube Music")


def songs_of(table: Table) -> pd.DataFrame:
    """The facts and features of the songs, without rows that have no title or artist.

    Columns: `at`, the number of the row; those of a catalogue; `is_silent`; and `has_all`, whether it has all features.

    Raises:
        DatasetError: columns have another scale than a known one.
    """
    titles, artists = table.text("title"), of_cells.lists(table.text("artists"))
    if table.source is sources()["playlist"]:
        table.cells["path"] = table.text("path").map(path_of)
        stems = table.text("path").str.replace(r"^.*[/\\]|\.\w{2,4}$", "", regex=True).str.replace("_", " ")
        titles = titles.where(titles != "", stems)
    if "titleUrl" in table.read.header:  # "Watched ARTIST - Title" in the language of the account
        titles = _without_common_words(titles)
    pairs = table.text("artist_title").where(titles == "", "") if "artist_title" in table.cells else titles
    pairs = pairs.where(artists == "", "")
    if (pairs != "").any():
        numbered = r"^\d{1,3}[.\s-]+(?=.* [-\u2013\u2014] )"  # of a file: "01 Artist - Title"
        parts = pairs.str.replace(numbered, "", regex=True).str.extract(DASH)
        is_pair = parts[0].notna()
        titles, artists = titles.mask(is_pair, parts[1]), artists.mask(is_pair, parts[0])
    artists = artists.str.replace(" - Topic", "", regex=False)
    artists = artists.where(artists.str.replace("[;,]", " ", regex=True).str.strip() != "", "")
    ids = of_cells.track_ids(table.text("id"))
    is_unnamed = titles.isin(["", "NA"]) & artists.isin(["", "NA"]) & (ids != "")
    titles, artists = titles.mask(is_unnamed, UNTITLED), artists.mask(is_unnamed, UNKNOWN_ARTIST)
    frame = pd.DataFrame({"at": table.numbers, "id": ids, "title": titles, "artists": artists})
    has_title = (titles != "") | ((ids != "") & ("title" not in table.cells))
    has_artist = (artists != "") | (ids != "") | (table.text("path") != "")
    table.leave_out(table.numbers[~has_title], "no title")
    table.leave_out(table.numbers[has_title & ~has_artist], "no artist")
    for name, read in _FACTS.items():
        if name in table.cells or (name == "year" and "released" in table.cells):
            frame[name] = read(table)
    foreign = table.text("id")[(ids == "") & table.text("id").str.fullmatch(r"[\w-]+")]
    if len(foreign) and "path" not in table.cells:
        table.notes.append(f"{pluralize(len(foreign), 'id')} of another service: not used.")
    frame = frame[has_title & has_artist]
    return frame.join(_features(table, frame.index))


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
    unit = re.search(r"\b(ms|milliseconds|s|sec|seconds)$", header_key(str(cells.name)))
    told = table.source.lengths or ("" if unit is None else "ms" if unit[1].startswith("m") else "s")
    seconds = of_cells.lengths_s(cells, told)
    return _within(table, "duration", seconds, 0, LONGEST_S)


def _within(table: Table, role: str, numbers: Floats, low: float, high: float) -> Floats:
    """Numbers, empty outside their range."""
    is_wrong = ~((numbers >= low) & (numbers <= high))
    _report_emptied(table, role, is_wrong, f"{low:g} to {high:g}")
    return np.where(is_wrong, np.nan, numbers)


def _report_emptied(table: Table, role: str, is_wrong: Flags, expected: str) -> None:
    cells = table.text(role)
    rows = np.flatnonzero(is_wrong & ~cells.str.lower().isin(of_cells.ABSENT))
    if rows.size:
        table.notes.append(
            f"{role} of {pluralize(rows.size, 'row')} emptied: expected {expected}. "
            f"Received: {cells[rows[0]][:40]!r} in row {table.numbers[rows[0]]}."
        )


def _genres(table: Table) -> pd.Series:
    cells = of_cells.lists(table.text("genres"))
    return cells.str.replace(r"\s*[,;]\s*", ARTIST_SEPARATOR, regex=True).str.strip(ARTIST_SEPARATOR).replace("", None)


def _moods(table: Table) -> pd.Series:
    cells = table.text("mood")
    words, known = cells.str.lower(), [mood.value for mood in Mood]
    if len(others := cells[(cells != "") & ~words.isin(known)].unique()):
        named = join_names([repr(word[:30]) for word in others[:5]])
        table.notes.append(f"Moods that are not used: {named}. EmoMusic has {join_names(known)}.")
    return words.where(words.isin(known), None)


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
    present = [name for name in FEATURE_NAMES if name in table.cells]
    values = pd.DataFrame(dict.fromkeys(FEATURE_NAMES, np.nan), index=rows)
    problems: list[str] = []
    is_complete = len(present) == len(FEATURE_NAMES)
    for name in present:
        values[name], problem = _feature(table, name, rows)
        if problem and (is_complete or name == "valence" or table.source.scale == "foreign"):
            problems.append(problem)
    if problems:
        others = problems[_MOST_NAMED:]
        problems[_MOST_NAMED:] = [f"and {pluralize(len(others), 'other column')}"] if others else []
        raise DatasetError(
            f"{table.name}, read as {table.source.title}: the scale is not known. {'; '.join(problems)}. "
            "Convert these columns, or remove them to find the songs by title and artist."
        )
    if "point_valence" in table.cells:
        for name, role in (("valence", "point_valence"), ("energy", "point_arousal")):
            values[name] = ((of_cells.numbers(table.text(role)) + 1) / 2)[rows]
        points = values[["valence", "energy"]]
        values[["valence", "energy"]] = points.where((points >= 0) & (points <= 1))
    is_silent = (values[["tempo_bpm", "danceability", "valence"]] == 0).all(axis="columns") & is_complete
    values[is_silent] = np.nan
    if present and not is_complete:
        missing = [FEATURES[name].source_name for name in FEATURE_NAMES if name not in present]
        table.notes.append(
            f"Missing audio features: {', '.join(missing)}. Songs are found by id, or by title and artist."
        )
    return values.assign(is_silent=is_silent, has_all=values.notna().all(axis="columns"))


def _feature(table: Table, name: str, rows: pd.Index) -> tuple[Floats, str]:
    """The values of a feature, NaN if invalid, and what is wrong with the whole column."""
    feature, cells = FEATURES[name], table.text(name)
    numbers = of_cells.numbers(cells)
    if feature.high == 1:
        says_percent = re.search("%|percent", str(cells.name), re.IGNORECASE) is not None
        is_percent = cells.str.contains("%", regex=False) | says_percent | (table.source.scale == "percent")
        numbers = np.where(is_percent, numbers / 100, numbers)
    known = numbers[rows][np.isfinite(numbers[rows])]
    if not len(known):
        return numbers[rows], ""
    low, high = known.min(), known.max()
    wrong_scale = ((known < feature.low) | (known > feature.high)).mean() > _MOST_FOREIGN
    wrong_scale |= name == "tempo_bpm" and 0 < high <= 10
    wrong_scale |= name == "loudness_db" and bool(np.median(known) > 0)
    wrong_scale |= table.source.scale == "foreign"
    usual = {"tempo_bpm": ", usually 60 to 200", "loudness_db": ", usually -20 to 0"}.get(name, "")
    unit = f" {feature.unit}" if feature.unit else ""
    are_percent = feature.high == 1 and low >= 0 and 10 < high <= 100
    advice = ". Write % into the header if these are percentages" if are_percent else ""
    expected = f"{feature.source_name}: expected {feature.low:g} to {feature.high:g}{unit}{usual}"
    if not wrong_scale:
        is_left_out = ~np.isin(np.arange(len(numbers)), rows)  # whose values are not reported
        numbers = np.where(is_left_out, feature.low, numbers)
        return _within(table, name, numbers, feature.low, feature.high)[rows], ""
    numbers = np.where((numbers < feature.low) | (numbers > feature.high), np.nan, numbers)
    return numbers[rows], f"{expected}, found {low:g} to {high:g}{advice}"
