"""Which column of a table holds what, by its name and its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK, listed
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURES
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.csv_text import Cells
from emomusic.songs.tables.matching import names_of
from emomusic.songs.tables.sources import TableSource, roles_of, source_of

Flags = npt.NDArray[np.bool_]

DASH = r"^(.+?)\s+[-\u2013\u2014]\s+(.+)$"
# The order of Exportify in all languages
_BEFORE_TEMPO = (
    *("danceability", "energy", "key", "loudness_db", "mode", "speechiness", "acousticness"),
    *("instrumentalness", "liveness", "valence"),
)
_NO_TRACK = re.compile("album|artist|playlist|user")
_NUMBER = re.compile(r"[\d.,\s]*")
_ARTIST_WORDS = re.compile("artist|artiest|künstler|sanatç|アーティスト|艺人|藝人|歌手|فنان|καλλιτέχν")


@dataclass(slots=True)
class Table:
    """A table of songs while it is read.

    Attributes:
        read: the file.
        num_rows: rows that are not empty.
        numbers: the number of each row that is not left out.
        cells: the columns that are used by their roles, under their own names, without spaces around the cells.
    """

    name: str
    source: TableSource
    read: Cells
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
            self.cells = {role: cells[wanted].reset_index(drop=True) for role, cells in self.cells.items()}

    def leave_out(self, rows: Iterable[int], reason: str) -> None:
        """Note the reason why rows are no songs."""
        self.left_out += [(int(row), reason) for row in rows]

    def text(self, role: str) -> pd.Series:
        """The cells of a column; empty without the column."""
        return self.cells[role] if role in self.cells else of_cells.series([""] * len(self.numbers))


def table_of(read: Cells, name: str, known: Recommender | None) -> Table:
    """The columns that are used, under their roles."""
    is_filled = (read.table != "").any(axis="columns").to_numpy(bool)
    rows = read.table if is_filled.all() else read.table[is_filled]
    if len(rows) == 0:
        raise DatasetError(f"{name}: expected songs. Received: a table without rows. Add a row for each song.")
    header = read.header or [""] * rows.shape[1]
    source = source_of(read.header)
    head = dict(enumerate(cells for _, cells in rows.head(200).items()))
    columns = _by_names(head, header, source)
    if not ({"title", "artists"} <= columns.keys() or {"artist_title", "artist_parts", "path"} & columns.keys()):
        columns = _by_values(head, read.header, columns, known) | columns
    start = columns.get("tempo_bpm", [0])[0] - len(_BEFORE_TEMPO)
    if "danceability" not in columns and "id" in columns and start > 0:  # Exportify in another language
        columns |= {role: [start + place] for place, role in enumerate(_BEFORE_TEMPO) if role in FEATURES}
    if not {"id", "title", "artist_title", "path"} & columns.keys():
        received = listed(read.header) if read.header else f"{rows.shape[1]} columns without names"
        raise DatasetError(
            f"{name}: expected columns with titles and artists, or Spotify ids. Received: {received}. "
            f"{source.advice or 'Name them title and artist.'}"
        )

    def column(place: int) -> pd.Series:
        return rows[place].str.strip().rename(header[place]).reset_index(drop=True)

    cells = {role: column(places[0]) for role, places in columns.items() if role != "artist_parts"}
    for role in ("artists", "album"):
        for place in columns.get(role, [])[1:2]:  # of the album, where the song has none
            cells[role] = cells[role].where(cells[role] != "", column(place))
    if len(parts := columns.get("artist_parts", [])) > 1:
        joined = rows[parts].apply(lambda names: ARTIST_SEPARATOR.join(filter(str.strip, names)), axis="columns")
        cells["artists"] = of_cells.series(joined)
    notes = [] if read.header else [f"{name} has no header. Its columns are known by their values."]
    num_rows = len(rows) + len(read.left_out)
    read.table = pd.DataFrame()  # it needs much memory
    return Table(name, source, read, num_rows, rows.index.to_numpy(np.int64), cells, [*read.left_out], notes)


def _by_names(head: Mapping[int, pd.Series], header: Sequence[str], source: TableSource) -> dict[str, list[int]]:
    """The columns with known names, the likeliest first, and with Spotify ids under any name."""
    roles = roles_of(header, source)
    links = [
        place
        for place, cells in head.items()
        if cells.str.startswith("spotify:track:").any() or _share(cells, TRACK_LINK.search) > 0.5
    ]
    ids = roles.pop("id", [])
    taken = {place for places in roles.values() for place in places}
    others = [place for place in links if place not in taken and not _NO_TRACK.search(header[place].casefold())]
    columns = {"id": ([place for place in ids if place in links] or others or ids)[:1]}
    for role, places in roles.items():
        if role in FEATURES:
            places = [place for place in places if np.isfinite(of_cells.numbers(head[place])).any()][:1]
        elif role in ("title", "artists"):  # those with numbers last
            places = sorted(places, key=lambda place: _share(head[place], _NUMBER.fullmatch) > 0)
        columns[role] = places
    return {role: places for role, places in columns.items() if places}


def _share(cells: pd.Series, fits: Callable[[str], object]) -> float:
    """The share of the filled cells that fit."""
    filled = [cell for cell in cells if cell.strip()]
    return sum(bool(fits(cell)) for cell in filled) / max(len(filled), 1)


def _by_values(
    head: Mapping[int, pd.Series], header: Sequence[str], columns: Mapping[str, list[int]], known: Recommender | None
) -> dict[str, list[int]]:
    """The columns of titles and artists without known names: after the ids, else by artists of the catalogue."""
    ids = columns.get("id", [-9])[0]
    if header and ids + 1 in head:
        named = [place for place, each in enumerate(header) if _ARTIST_WORDS.search(each.casefold())]
        artists = [place for place in named if not head[place].str.startswith("spotify:artist:").any()]
        return {"title": [ids + 1]} | ({"artists": artists[:1]} if artists else {})
    texts = [place for place in head if _share(head[place], re.compile(r"[\W\d]*").fullmatch) < 0.5]
    if known is None or not texts:
        return {}
    if len(texts) == 1:  # a list of lines "Artist - Title"
        return {"artist_title": texts} if _share(head[texts[0]], re.compile(DASH).match) > 0.5 else {}
    names = names_of(known.catalogue)
    shares = {place: _share(head[place], names.knows_artist) for place in texts}
    by = max(texts, key=shares.__getitem__)
    counts = {place: int((names.rows(head[place], head[by]) >= 0).sum()) for place in texts if place != by}
    return {"title": [max(counts, key=counts.__getitem__)], "artists": [by]} if shares[by] else {}
