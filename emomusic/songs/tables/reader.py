"""Read a list of songs by its shape: its songs are those with features or moods, of the library or of a catalogue.

A row is left out, never the table, unless the scale of a column is not known.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import MOOD_POINTS, Mood
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue, normalize_text, split_artists, title_key
from emomusic.songs.mood import MOODS
from emomusic.songs.names import Finder, names_of
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURE_NAMES, UNKNOWN_ARTIST, Player, Song
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.columns import advice_of
from emomusic.songs.tables.files import read_cells
from emomusic.songs.tables.songs import UNTITLED, Table, songs_of, table_of
from emomusic.text import pluralize

_MOST_NAMED = 20  # rows in a sentence

MOST_COMPARED = 200
"""Largest number of songs that `nearest` compares; each takes 10 ms."""

NotFound = tuple[int, str, tuple[str, ...]]
"""Number, title and artists of a row whose song is not known."""


@dataclass(frozen=True, eq=False)
class TableReading:
    """What was read from a table.

    Attributes:
        name: of the file.
        source: form of the file, for people.
        encoding: of a text, else None.
        separator: of a CSV, else None.
        num_rows: rows that are not empty.
        catalogue: the songs; None without one.
        rows: for each row of the table that is a song, its row in `catalogue`. Two rows may be the same song.
        found_by: for each of these rows "features", "id", "title", or None if its mood is from the table.
        known_rows: for each song of `catalogue` its row in the known catalogue, or -1.
        left_out: number and reason of rows that are no songs.
        not_found: number, title and artists of songs without features that the catalogue does not have.
        notes: sentences for people.
    """

    name: str
    source: str
    encoding: str | None
    separator: str | None
    num_rows: int
    catalogue: Catalogue | None
    found_by: list[str | None]
    rows: npt.NDArray[np.intp]
    known_rows: npt.NDArray[np.intp]
    left_out: list[tuple[int, str]]
    not_found: list[NotFound]
    notes: list[str]
    known: Recommender | None

    @property
    def songs(self) -> Catalogue:
        """The songs.

        Raises:
            DatasetError: there is none; the message has the reasons.
        """
        if self.catalogue is None:
            raise DatasetError(" ".join([f"{self.name}: expected songs. Received: none.", *self.notes]))
        return self.catalogue

    @cached_property
    def moods(self) -> list[Mood]:
        """The mood of each song of `songs`: that of the table, else the most probable one."""
        likeliest = self.recommender.probabilities.argmax(axis=1).tolist()
        labels = self.songs.table["mood"].tolist() if "mood" in self.songs.table else [None] * len(likeliest)
        return [
            Mood(label) if isinstance(label, str) else MOODS[row] for label, row in zip(labels, likeliest, strict=True)
        ]

    @cached_property
    def nearest(self) -> list[Song | None]:
        """For the first `MOST_COMPARED` songs of `not_found`, the song of the known catalogue that may be meant."""
        if self.known is None:  # then `not_found` is empty
            return []
        catalogue, names = self.known.catalogue, names_of(self.known.catalogue)
        rows = [names.nearest(title, artists) for _, title, artists in self.not_found[:MOST_COMPARED]]
        return [None if row is None else catalogue.song(row) for row in rows]

    @cached_property
    def recommender(self) -> Recommender:
        """The recommender for the songs. Errors are those of `songs` and `predict_moods`."""
        songs, is_known = self.songs, self.known_rows >= 0
        probabilities = np.zeros((len(songs), len(MOODS)), np.float32)
        if self.known is not None:
            probabilities[is_known] = self.known.probabilities[self.known_rows[is_known]]
        others = ~is_known
        for row, song in enumerate(songs.songs or ()):
            if song.hearing is not None:
                probabilities[row] = [song.hearing.moods[mood] for mood in MOODS]
                others[row] = False
        probabilities[others] = predict_moods(songs, others)
        return Recommender(songs, probabilities)


def read_table(
    data: bytes,
    *,
    name: str = "table",
    known: Recommender | None = None,
    files: Iterable[Song] = (),
    folder: Path | None = None,
) -> TableReading:
    """Read a table, an export, a playlist or a list of songs.

    Args:
        data: content of the file, in any format of `files.TABLE_ENDINGS`.
        name: of the file.
        known: songs with features. Rows without features become its songs, by id, else by title and artist.
        files: songs of the user's library, which rows name by path, or by title and artist. They go before `known`.
        folder: of the file, where the paths of a playlist begin.

    Raises:
        DatasetError: the file cannot be read, has no column of titles or ids, or a column has an unknown scale.
    """
    files = list(files)
    finder = Finder(None if known is None else known.catalogue, files)
    table = table_of(read_cells(data, name, finder), name, finder)
    del data
    frame = songs_of(table)
    if table.is_history:
        frame = _by_plays(frame, table)
    return _resolved(table, frame, known, _files_by_path(table, frame, files, folder), files)


def _keys(frame: pd.DataFrame) -> pd.Series:
    """What tells songs apart: the file, else the id, else title and artists."""
    keys = frame["id"].where(frame["id"] != "", frame["title"].str.lower() + "\n" + frame["artists"].str.lower())
    if "file" in frame and (is_file := frame["file"].notna()).any():
        keys = keys.mask(is_file, frame["file"].map(lambda song: song.id if isinstance(song, Song) else ""))
    return keys


def _by_plays(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Each song once, the most played one first."""
    keys = _keys(frame)
    counts = keys.map(keys.value_counts())
    songs = frame[~keys.duplicated()]
    table.notes.append(
        f"{pluralize(len(frame), 'play')} of {pluralize(len(songs), 'song')}, the most played one first."
    )
    return songs.loc[counts[songs.index].sort_values(ascending=False, kind="stable").index]


def _resolved(
    table: Table, frame: pd.DataFrame, known: Recommender | None, by_path: pd.Series, files: Sequence[Song]
) -> TableReading:
    """The songs of the rows: with their own features or moods, or of the catalogue or the library."""
    has_mood = frame["mood"].notna() if "mood" in frame else pd.Series(False, frame.index)
    is_own = frame["has_all"] & by_path.isna()
    frame = frame.assign(row=-1, found_by=np.where(is_own, "features", ""), file=by_path)
    frame.loc[frame["file"].notna(), "found_by"] = "id"
    finder = table.finder
    wanted = ~is_own & frame["file"].isna()
    if finder.library is not None and wanted.any():
        rows = finder.library.rows(frame["title"][wanted].tolist(), frame["artists"][wanted].tolist())
        found = pd.Series(
            [files[row] if row >= 0 else None for row in rows], frame.index[wanted], dtype=object
        ).dropna()
        frame.loc[found.index, "file"], frame.loc[found.index, "found_by"] = found, "title"
        wanted &= frame["file"].isna()
    is_file = frame["file"].notna()
    unnamed = is_own & (frame["title"] == UNTITLED) & (frame["artists"] == UNKNOWN_ARTIST)
    if known is not None and wanted.any():
        songs = frame[wanted]
        by_id = finder.known_ids.get_indexer(pd.Index(songs["id"]))
        others = by_id < 0
        if others.any() and finder.catalogue is not None:
            left = songs[others]
            by_id[others] = finder.catalogue.rows(left["title"].tolist(), left["artists"].tolist())
        frame.loc[wanted, "row"] = by_id
        frame.loc[wanted, "found_by"] = np.where(others, "title", "id")
    if unnamed.any():
        frame = _named_by_ids(table, frame, unnamed, known)
    is_found = is_own | is_file | (frame["row"] >= 0)
    by_place = ~is_found & frame["has_place"]
    is_own |= by_place | (~is_found & has_mood)
    frame.loc[~is_found, "found_by"] = np.where(by_place & ~has_mood, "features", "")[~is_found]
    if num_placed := int((by_place & ~has_mood).sum()):
        table.notes.append(f"Moods by valence and energy alone: {pluralize(num_placed, 'song')}.")
    is_song = is_own | is_file | (frame["row"] >= 0)
    not_found = _report_missing(table, frame[~is_song], has_any=bool(is_own.any()), known=known)
    frame = frame[is_song]
    is_repeated = _keys(frame).duplicated()
    table.leave_out(frame["at"][is_repeated], "the same song as above")
    frame = frame[~is_repeated]
    rows = frame["row"].to_numpy(np.intp)
    numbers, _ = pd.factorize(np.where(rows < 0, -2 - np.arange(len(rows)), rows))
    first = np.unique(numbers, return_index=True)[1]
    if repeats := len(rows) - len(first):
        table.notes.append(f"{pluralize(repeats, 'row')} with a song of another row.")
    catalogue = _catalogue(table, frame.iloc[first], known)
    table.left_out.sort()
    notes = [*_sentences(table, not_found), *table.notes]
    found_by = [by or None for by in frame["found_by"].tolist()]
    return TableReading(
        table.name, _form(table), table.read.encoding, table.read.separator, table.num_rows, catalogue,
        found_by, numbers, rows[first], table.left_out, not_found, notes, known,
    )  # fmt: skip


def _form(table: Table) -> str:
    """The form of the file, for people."""
    form = "EmoMusic, Songs (CSV)" if table.is_our_export else table.read.form
    return f"{form}, a history of plays" if table.is_history else form


def _report_missing(table: Table, frame: pd.DataFrame, *, has_any: bool, known: Recommender | None) -> list[NotFound]:
    """Rows that are no songs: without features where others have them, or not in the catalogue."""
    table.leave_out(frame["at"][frame["is_silent"]], "not analysed: silence")
    if has_any or known is None:
        reason = "no features or mood, and not in the catalogue" if has_any else "no features or mood"
        table.leave_out(frame["at"][~frame["is_silent"]], reason)
    if known is None:
        return []
    artists = map(split_artists, frame["artists"].tolist())  # a column's own iterator takes eight times as long
    return list(zip(frame["at"].tolist(), frame["title"].tolist(), artists, strict=True))


def _named_by_ids(table: Table, frame: pd.DataFrame, unnamed: pd.Series, known: Recommender | None) -> pd.DataFrame:
    """Titles and artists of the catalogue for songs with features and an id alone; the others are named in a note."""
    rows = table.finder.known_ids.get_indexer(pd.Index(frame["id"][unnamed]))
    index = frame.index[unnamed][rows >= 0]
    if known is not None and len(index):
        for name in ("title", "artists"):
            frame.loc[index, name] = known.catalogue.table[name].iloc[rows[rows >= 0]].to_numpy(object)
    if others := frame["at"][unnamed][rows < 0].tolist():
        table.notes.append(f"Songs whose title is not known, only their id: rows {_first(list(map(str, others)))}.")
    return frame


def _files_by_path(table: Table, frame: pd.DataFrame, files: Sequence[Song], folder: Path | None) -> pd.Series:
    """The song of the library that each row names by its path, from the folder of the list, or by the end of its path.

    The longest equal end counts, but not the ending of the name.
    """
    found: dict[int, Song] = {}
    paths = frame["path"].dropna() if files and "path" in frame else pd.Series(dtype=object)
    by_end: dict[str, list[Song]] = {}
    for song in files if len(paths) else ():
        for end in _ends_of(song.path or ""):
            by_end.setdefault(end, []).append(song)
    is_named = (table.text("title") + table.text("artist_title") != "")[paths.index]
    num_several = 0
    for row, path, title, has_name in zip(paths.index, paths, frame["title"][paths.index], is_named, strict=True):
        ends = _ends_of(path if folder is None else os.path.normpath(folder / path.replace("\\", "/")))
        songs = next((by_end[end] for end in ends if end in by_end), [])
        if not songs:
            continue
        if end_is_name := not any(end in by_end for end in ends[:-1]):
            is_elsewhere = re.search(r"[/\\]", path) and has_name  # "01.mp3" of another folder
            if is_elsewhere and all(title_key(song.title) != title_key(title) for song in songs):
                continue
        num_several += len(songs) > 1 and end_is_name
        found[row] = songs[0]
    if num_several:
        table.notes.append(f"{pluralize(num_several, 'path')} with several files of this name: the first one is taken.")
    return pd.Series(found, dtype=object).reindex(frame.index)


def _ends_of(path: str) -> list[str]:
    """The last parts of a path without the ending, four at most, and shorter ends of it."""
    parts = re.sub(r"\.\w{2,4}$", "", normalize_text(unquote(path).replace("\\", "/"))).split("/")[-4:]
    return ["/".join(parts[start:]) for start in range(len(parts)) if parts[-1]]


def _catalogue(table: Table, frame: pd.DataFrame, known: Recommender | None) -> Catalogue | None:
    """The catalogue of the songs; rows of the known catalogue have its facts."""
    if frame.empty:
        return None
    rows = frame["row"].to_numpy(np.intp)
    is_known = rows >= 0
    own = frame.rename(columns={"duration": "duration_s"}).reset_index(drop=True)
    has_no_id = own["id"] == ""
    own["player"] = np.where(has_no_id, Player.NONE, Player.SPOTIFY)
    own["id"] = own["id"].mask(has_no_id, "table-" + own["at"].astype("str"))
    own["title"] = own["title"].mask(own["title"] == "", UNTITLED)
    own["artists"] = _separated(own["artists"].mask(own["artists"].str.strip() == "", UNKNOWN_ARTIST), table.finder)
    if "mood" in own:
        without = own["mood"].notna() & (own["energy"].isna() | own["valence"].isna())
        points = [MOOD_POINTS[Mood(mood)] for mood in own["mood"][without]]
        own.loc[without, "valence"] = [(point.valence + 1) / 2 for point in points]
        own.loc[without, "energy"] = [(point.arousal + 1) / 2 for point in points]
    if is_known.any() and known is not None:
        theirs = known.catalogue.table.iloc[rows[is_known]].set_axis(np.flatnonzero(is_known), axis="index")
        moods = own["mood"][is_known] if "mood" in own and not table.is_our_export else None
        theirs = theirs.assign(player=Player.SPOTIFY.value, mood=moods)
        own = theirs if is_known.all() else pd.concat([own[~is_known], theirs]).sort_index()
    if "explicit" in own:
        own["explicit"] = own["explicit"].fillna(False).astype(bool)
    own_files = {place: file for place, file in enumerate(frame["file"]) if isinstance(file, Song)}
    if own_files:
        for name in ("title", "valence", "energy"):
            own.loc[list(own_files), name] = [getattr(file, name) for file in own_files.values()]
        own.loc[list(own_files), "player"] = [file.player.value for file in own_files.values()]
        own.loc[list(own_files), "id"] = [f"file-{place}" for place in own_files]
    is_whole = (own["player"] == Player.SPOTIFY).all() and own[list(FEATURE_NAMES)].notna().all(axis=None)
    catalogue = Catalogue(own, name=table.name, is_local=bool(own_files) or not is_whole)
    if own_files:
        catalogue.songs = [own_files.get(place) or catalogue.song(place) for place in range(len(catalogue))]
    return catalogue


def _separated(artists: pd.Series, finder: Finder) -> pd.Series:
    """Artists with `ARTIST_SEPARATOR`, where commas and "&" separate them. Names of the catalogue stay whole."""
    if artists.str.contains(ARTIST_SEPARATOR, regex=False).any():
        return artists.str.replace("\\,", ",", regex=False)
    if not artists.str.contains("[,&]").any():
        return artists

    def split(cell: str) -> str:
        if finder.catalogue is None or (finder.knows_artist(cell) and "," in cell):
            return cell
        parts = re.split(r"(?<!\\),\s*(?!the\b)", cell, flags=re.IGNORECASE)
        if len(parts) == 1 and not finder.knows_artist(cell):
            both = re.split(r"\s+&\s+", cell)
            parts = both if all(map(finder.knows_artist, both)) else parts
        return ARTIST_SEPARATOR.join(part.replace("\\,", ",").strip() for part in parts if part.strip())

    return of_cells.each_different(artists, split)


def _sentences(table: Table, not_found: list[NotFound]) -> list[str]:
    """What was left out and not found, for people."""
    sentences = []
    if table.left_out:
        reasons: dict[str, list[int]] = {}
        for row, reason in table.left_out:
            reasons.setdefault(reason, []).append(row)
        groups = (f"{_first(list(map(str, rows)))}: {reason}" for reason, rows in reasons.items())
        number = len({row for row, _ in table.left_out})
        sentences.append(f"{number:,} of {pluralize(table.num_rows, 'row')} left out: {'; '.join(groups)}.")
    if not_found:
        names = [", ".join([title, *artists])[:80] for _, title, artists in not_found]
        share = f"{len(names):,} of {pluralize(table.num_rows, 'row')}"
        sentences.append(f"Not in the catalogue, and without all features: {share}: {_first(names, '; ')}.")
        sentences += filter(None, [advice_of(table.read.header)])
    return sentences


def _first(names: list[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return separator.join(names[:_MOST_NAMED]) + more
