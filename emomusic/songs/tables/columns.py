"""Which column of a table holds what, by its name and its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, listed
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
_ARTIST_WORDS = re.compile("artist|artiest|künstler|sanatç|アーティスト|艺人|藝人|歌手|فنان|καλλιτέχν")


@dataclass(slots=True)
class Table:
    """A table of songs while it is read; `numbers` has the number of each row."""

    name: str
    source: TableSource
    numbers: npt.NDArray[np.int64]
    cells: dict[str, pd.Series]
    header: list[str]
    left_out: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, wanted: Flags, reason: str) -> None:
        """Leave out the other rows."""
        if not wanted.all():
            self.left_out += [(row, reason) for row in self.numbers[~wanted].tolist()]
            self.numbers = self.numbers[wanted]
            self.cells = {role: cells[wanted] for role, cells in self.cells.items()}

    def text(self, role: str) -> pd.Series:
        """The cells of a column without spaces around them; empty without the column."""
        if role not in self.cells:
            return of_cells.series([""] * len(self.numbers))
        return self.cells[role].fillna("").str.strip().reset_index(drop=True)


def table_of(read: Cells, name: str, known: Recommender | None) -> Table:
    """The columns that are used, under their roles."""
    is_filled = (read.table != "").any(axis="columns").to_numpy(bool)
    rows = read.table if is_filled.all() else read.table[is_filled]
    source = source_of(read.header)
    roles = roles_of(read.header, source)
    head = {place: cells for place, (_, cells) in enumerate(rows.head(200).items())}
    if len(rows) == 0:
        raise DatasetError(f"{name}: expected songs. Received: a table without rows. Add a row for each song.")
    links = [
        place
        for place, cells in head.items()
        if cells.str.startswith("spotify:track:").any()
        or _share(cells.str.extract(of_cells.TRACK_LINK)[0].notna(), cells) > 0.5
    ]
    named = [place for place in roles.get("id", []) if place in links]
    taken = {place for role, places in roles.items() if role != "id" for place in places}
    names = {place: read.header[place].casefold() if place < len(read.header) else "" for place in links}
    others = [each for each in links if each not in taken and not re.search("album|artist|playlist|user", names[each])]
    columns = {"id": (named or others or roles.get("id", []))[:1]}
    for role, places in roles.items():
        if role in FEATURES:
            columns[role] = [place for place in places if np.isfinite(of_cells.numbers(head[place])).any()][:1]
        elif role in ("title", "artists") and len(places) > 1:
            columns[role] = sorted(
                places, key=lambda place: bool(_share(head[place].str.fullmatch(r"[\d.,\s]*"), head[place]))
            )
        elif role != "id":
            columns[role] = places
    columns = {role: places for role, places in columns.items() if places}
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
    cells = {role: rows[places[0]] for role, places in columns.items() if role != "artist_parts"}
    for role in ("artists", "album"):
        for place in columns.get(role, [])[1:2]:  # of the album, where the song has none
            cells[role] = cells[role].where(cells[role].str.strip() != "", rows[place])
    if (parts := columns.get("artist_parts", [])) and len(parts) > 1:
        joined = rows[parts].apply(lambda names: ARTIST_SEPARATOR.join(filter(str.strip, names)), axis="columns")
        cells["artists"] = of_cells.series(joined).set_axis(rows.index)
    table = Table(name, source, rows.index.to_numpy(np.int64), cells, read.header, list(read.left_out))
    table.notes += [] if read.header else [f"{name} has no header. Its columns are known by their values."]
    return table


def _share(wanted: pd.Series, cells: pd.Series) -> float:
    is_filled = cells.str.strip() != ""
    return float(wanted[is_filled].mean()) if is_filled.any() else 0.0


def _by_values(
    head: Mapping[int, pd.Series], header: list[str], columns: dict[str, list[int]], known: Recommender | None
) -> dict[str, list[int]]:
    """The columns of titles and artists without known names: after the ids, else by artists of the catalogue."""
    ids = columns.get("id", [-9])[0]
    if header and ids + 1 in head:
        named = [place for place, each in enumerate(header) if _ARTIST_WORDS.search(each.casefold())]
        artists = [place for place in named if not head[place].str.startswith("spotify:artist:").any()]
        return {"title": [ids + 1]} | ({"artists": artists[:1]} if artists else {})
    texts = [place for place in head if _share(head[place].str.fullmatch(r"[\W\d]*"), head[place]) < 0.5]
    if known is None or not texts:
        return {}
    if len(texts) == 1:  # a list of lines "Artist - Title"
        return (
            {"artist_title": texts} if _share(head[texts[0]].str.extract(DASH)[0].notna(), head[texts[0]]) > 0.5 else {}
        )
    names = names_of(known.catalogue)
    shares = {place: _share(head[place].map(names.knows_artist).astype(bool), head[place]) for place in texts}
    by = max(texts, key=lambda place: shares[place])
    counts = {place: int((names.rows(head[place], head[by]) >= 0).sum()) for place in texts if place != by}
    return {"title": [max(counts, key=lambda place: counts[place])], "artists": [by]} if shares[by] else {}
