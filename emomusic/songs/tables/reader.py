"""Read a list of songs by its shape: its songs are those with features or moods, of the library or of a catalogue.

A row is left out, never the table, unless the scale of a column is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue, split_artists
from emomusic.songs.mood import MOODS
from emomusic.songs.names import Finder, names_of
from emomusic.songs.place import load_place_model
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import UNKNOWN_ARTIST, Player, Song
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.fields import advice_of, first_of
from emomusic.songs.tables.files import read_file
from emomusic.songs.tables.songs import UNTITLED, read_songs
from emomusic.songs.tables.table import VOTED, Chosen, Facts, Table
from emomusic.text import pluralize

MOST_COMPARED = 200
"""Largest number of songs that `nearest` compares; each takes 10 ms."""

NotFound = tuple[int, str, tuple[str, ...]]
"""Number, title and artists of a row whose song is not known."""


@dataclass(eq=False, kw_only=True)
class TableReading(Facts):
    """What was read from a table.

    Attributes:
        catalogue: the songs; None without one.
        rows: for each row of the table that is a song, its row in `catalogue`. Two rows may be the same song.
        found_by: for each of these rows "features", "id", "title", or None if its mood is from the table.
        known_rows: for each song of `catalogue` its row in the known catalogue, or -1.
        not_found: number, title and artists of songs without features that the catalogue does not have.
        known: where rows were looked up.
    """

    catalogue: Catalogue | None
    found_by: list[str | None]
    rows: npt.NDArray[np.intp]
    known_rows: npt.NDArray[np.intp]
    not_found: list[NotFound]
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
        return [MOODS[position] for position in self.recommender.moods]

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
        predicted = np.zeros((len(songs), len(MOODS)), np.float32)
        if self.known is not None:
            predicted[is_known] = self.known.predicted[self.known_rows[is_known]]
        others = ~is_known
        for row, song in enumerate(songs.songs or ()):
            if song.hearing is not None:
                predicted[row] = [song.hearing.moods[mood] for mood in MOODS]
                others[row] = False
        predicted[others] = predict_moods(songs, others)
        places = load_place_model().places(songs, predicted)
        if self.known is not None:  # a song lies where the catalogue shows it, unless the list labels it
            is_same = is_known & (songs.labels < 0)
            places = places.with_rows(is_same, self.known.places[self.known_rows[is_same]])
        return Recommender(songs, predicted, places)


def read_table(
    data: bytes,
    *,
    name: str = "table",
    known: Recommender | None = None,
    files: Iterable[Song] = (),
    chosen: Chosen = VOTED,
) -> TableReading:
    """Read a table, an export, a playlist or a list of songs.

    Args:
        data: content of the file, in any format of `formats.TABLE_ENDINGS`.
        name: the name of the file, or its whole path; then the paths of a playlist begin in its folder.
        known: songs with features. Rows without features become its songs, by id, else by title and artist.
        files: songs of the user's library, which rows name by path, or by title and artist. They go before `known`.
        chosen: the columns of titles and artists, which the names and values of others do not tell.

    Raises:
        UnknownColumnsError: neither names nor known songs tell the columns.
        DatasetError: the file cannot be read, or has no songs.
    """
    path = Path(name)
    finder = Finder(
        None if known is None else known.catalogue, list(files), path.parent if path.is_absolute() else None
    )
    table = read_file(data, path.name, finder, in_parts=chosen != VOTED)
    del data
    table.find_fields(finder, chosen)
    read_songs(table, finder)
    if not {"played", "played_ms"}.isdisjoint(table.names):  # a row is a play
        _order_by_plays(table)
    _find(table, finder)
    not_found = _leave_out_missing(table, finder)
    found = table.rows["row"].to_numpy(np.intp)
    numbers, _ = pd.factorize(np.where(found < 0, -2 - np.arange(len(found)), found))
    first = np.unique(numbers, return_index=True)[1]
    if repeats := len(found) - len(first):
        table.notes.append(f"{pluralize(repeats, 'row')} with a song of another row.")
    table.left_out.sort()
    table.notes[:0] = _sentences(table, not_found)
    if table.is_our_export:
        table.source = "EmoMusic, Songs (CSV)"
    return TableReading(
        **{fact.name: getattr(table, fact.name) for fact in fields(Facts)},
        found_by=[None if origin == "mood" else origin for origin in table.rows["origin"]],
        catalogue=_catalogue(table, table.rows.iloc[first] if repeats else table.rows, finder),
        rows=numbers,
        known_rows=found[first],
        not_found=not_found,
        known=known,
    )


def _keys(rows: pd.DataFrame) -> pd.Series:
    """A number for each song, equal for equal files, else for equal ids, else for equal titles and artists."""
    keys = pa.array(rows["id"])
    if (rows["id"] == "").any():
        title, artists = (pc.utf8_lower(pa.array(rows[name])) for name in ("title", "artists"))
        names = pc.binary_join_element_wise(title, artists, pa.scalar("\n", title.type))
        keys = pc.if_else(pc.equal(keys, ""), names, keys)
    numbers = pd.Series(pa.chunked_array(keys).combine_chunks().dictionary_encode().indices.to_numpy(), rows.index)
    return numbers.where(rows["file"] < 0, -1 - rows["file"]) if "file" in rows else numbers


def _order_by_plays(table: Table) -> None:
    """Keep each song of a history once, the most played one first."""
    table.source += ", a history of plays"
    keys, num_plays = _keys(table.rows), len(table.rows)
    table.keep(~keys.duplicated())
    counts = keys.map(keys.value_counts())[table.rows.index].sort_values(ascending=False, kind="stable")
    table.rows = table.rows.loc[counts.index]
    plays, several = pluralize(num_plays, "play"), pluralize(len(counts), "song")
    table.notes.append(f"{plays} of {several}, the most played one first.")


def _find(table: Table, finder: Finder) -> None:
    """Add the origin of each song, the number of its file, and its row of the catalogue; -1 without one."""
    rows = table.rows
    files, places = _files_of(table, finder), np.full(len(rows), -1)
    origin = np.full(len(rows), "", object)
    origin[rows["has_all"]] = "features"
    origin[files >= 0] = "id"

    def look(found: npt.NDArray[np.intp], by: str, find: Callable[..., npt.NDArray[np.intp]], *columns: str) -> None:
        if (wanted := (origin == "") & (has_place == exact)).any():
            found[wanted] = find(*(rows[name][wanted].tolist() for name in columns))
            origin[wanted & (found >= 0)] = by

    has_place = rows["has_place"].to_numpy(bool)
    for exact in (True, False):  # a song with a place can play as it is, so that a similar title is another song
        look(files, "title", partial(finder.library.rows, exact=exact), "title", "artists")
        look(places, "id", finder.known_ids.get_indexer, "id")
        look(places, "title", partial(finder.catalogue.rows, exact=exact), "title", "artists")
    if "mood" in rows:
        origin[(origin == "") & rows["mood"].notna()] = "mood"
    if num_placed := int((is_placed := (origin == "") & rows["has_place"]).sum()):
        origin[is_placed] = "features"
        table.notes.append(f"Moods by valence and energy alone: {pluralize(num_placed, 'song')}.")
    table.rows = rows.assign(file=files, row=places, origin=pd.Series(origin, rows.index, object))


def _files_of(table: Table, finder: Finder) -> npt.NDArray[np.intp]:
    """The number of the file that the path of each song names; -1 without one."""
    if not finder.files or "path" not in table.names:
        return np.full(len(table.rows), -1)
    has_name = table.text("artist_title") != "" if "title" not in table.names else table.rows["title"] != ""
    paths = zip(table.rows["path"], table.rows["title"].where(has_name, ""), strict=True)
    named = [finder.at_path(path, title) for path, title in paths]
    if number := sum(len(places) > 1 for places in named):
        table.notes.append(f"{pluralize(number, 'path')} with several files of this name: the first one is taken.")
    return np.array([places[0] if places else -1 for places in named], np.intp)


def _leave_out_missing(table: Table, finder: Finder) -> list[NotFound]:
    """Leave out rows that are no songs: without features where others have them, not in the catalogue, or repeated.

    Returns:
        Those that are not in the catalogue.
    """
    is_missing, is_known = table.rows["origin"] == "", finder.known is not None
    has_any = bool(table.rows["origin"].isin(["mood", "features"]).any())
    missing = table.rows[is_missing] if is_known else table.rows.head(0)
    table.keep(~(is_missing & table.rows["is_silent"]), "not analysed: silence")
    reason = "no features or mood, and not in the catalogue" if has_any else "" if is_known else "no features or mood"
    table.keep(table.rows["origin"] != "", reason)
    table.keep(~_keys(table.rows).duplicated(), "the same song as above")
    names = (missing[name].tolist() for name in ("at", "title", "artists"))
    return [(at, title, split_artists(cell)) for at, title, cell in zip(*names, strict=True)]


def _catalogue(table: Table, songs: pd.DataFrame, finder: Finder) -> Catalogue | None:
    """The catalogue of the songs; rows of the known catalogue have its facts."""
    if songs.empty:
        return None
    rows, files = songs["row"].to_numpy(np.intp), songs["file"].to_numpy(np.intp)
    own = (songs if (rows < 0).all() else songs[rows < 0]).set_axis(np.flatnonzero(rows < 0))
    own = own.rename(columns={"duration": "duration_s"}).assign(player=Player.SPOTIFY.value)
    for column in {"album", "genres", "path"} & set(own):
        own[column] = own[column].replace("", None)
    if (has_no_id := own["id"] == "").any():
        own["player"] = own["player"].mask(has_no_id, Player.NONE.value)
        own["id"] = own["id"].mask(has_no_id, "table-" + own["at"].astype("str"))
    for column, unknown in (("title", UNTITLED), ("artists", UNKNOWN_ARTIST)):
        if (is_unknown := own[column] == "").any():
            own[column] = own[column].mask(is_unknown, unknown)
    own["artists"] = _separated(own["artists"], finder)
    if "mood" in own:
        without = own["mood"].notna() & ~own["has_place"]
        points = [Mood(mood).point for mood in own["mood"][without]]
        own.loc[without, "valence"] = [(point.valence + 1) / 2 for point in points]
        own.loc[without, "energy"] = [(point.arousal + 1) / 2 for point in points]
    if finder.known is not None and (is_known := rows >= 0).any():
        theirs = finder.known.table.iloc[rows[is_known]].set_axis(np.flatnonzero(is_known), axis="index")
        moods = songs["mood"].to_numpy(object)[is_known] if "mood" in songs and not table.is_our_export else None
        theirs = theirs.assign(player=Player.SPOTIFY.value, mood=moods)
        own = theirs if is_known.all() else pd.concat([own, theirs]).sort_index()
    if "explicit" in own:
        own["explicit"] = own["explicit"].fillna(False).astype(bool)
    own_files = {place: finder.files[files[place]] for place in np.flatnonzero(files >= 0).tolist()}
    if own_files:
        cells = [
            (f"file-{at}", file.title, file.valence, file.energy, file.player.value) for at, file in own_files.items()
        ]
        own.loc[list(own_files), ["id", "title", "valence", "energy", "player"]] = cells
    is_whole = (own["player"] == Player.SPOTIFY).all() and (songs["has_all"] | (songs["row"] >= 0)).all()
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
        if finder.known is None or not {*",&"} & {*cell} or (finder.knows_artist(cell) and "," in cell):
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
        reasons = pd.DataFrame(table.left_out).groupby(1, sort=False)[0]
        groups = (f"{first_of(rows.tolist())}: {reason}" for reason, rows in reasons)
        number = len({row for row, _ in table.left_out})
        sentences.append(f"{number:,} of {pluralize(table.num_rows, 'row')} left out: {'; '.join(groups)}.")
    if not_found:
        names = [", ".join([title, *artists])[:80] for _, title, artists in not_found]
        share = f"{len(names):,} of {pluralize(table.num_rows, 'row')}"
        sentences.append(f"Not in the catalogue, and without all features: {share}: {first_of(names, '; ')}.")
        sentences += filter(None, [advice_of(table.header)])
    return sentences
