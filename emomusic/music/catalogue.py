"""Tables of songs: read, check, search. Foreign column names end here; everything else sees `Track` and our columns."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import AffectPoint, Mood
from emomusic.assets import data_dir
from emomusic.errors import DatasetError
from emomusic.music.features import FEATURE_NAMES, FEATURES, affect_of_track, affect_plane, feature_matrix

TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")
"""What a Spotify id looks like: 22 characters of base 62."""

ARTIST_SEPARATOR = ";"
"""Between the artists of one song in a table's cell (a comma belongs to names: "Tyler, The Creator")."""

TRACK_COLUMNS: tuple[str, ...] = ("id", "title", "artists", *FEATURE_NAMES)
"""Columns every catalogue has."""

OPTIONAL_COLUMNS: tuple[str, ...] = ("explicit", "album", "genre", "popularity", "duration_s", "year", "mood")
"""Columns a catalogue may have; a track says None where they are absent."""

LONGEST_S = 86_400.0
"""No song is longer than a day."""

_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'")
    | {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
)
_ACCENTS = range(0x0300, 0x0370)  # of Latin, Greek and Cyrillic: those of kana and Indian scripts make other letters
_TEXT_COLUMNS = ("id", "title", "artists", "album", "genre")
_NUMBER_RANGES = {feature.name: (feature.low, feature.high) for feature in FEATURES.values()} | {
    "popularity": (0.0, 100.0),
    "duration_s": (0.0, LONGEST_S),
    "year": (1860.0, 2100.0),  # the oldest recording of a voice is of 1860
}


@dataclass(frozen=True, slots=True)
class Track:
    """A song with its audio features.

    Attributes:
        id: Spotify's id, 22 characters.
        title: name of the song.
        artists: everyone named, the main artist first; never empty.
        explicit: marked as having explicit lyrics; None where the table does not say.
        danceability: 0 to 1, as are the next six; see `features.FEATURES`.
        loudness_db: mean loudness, dB relative to full scale.
        tempo_bpm: beats a minute; 0 where no beat was found.
        album: None where the table does not say; likewise below.
        genre: as the table names it.
        popularity: 0 to 100, when the table was made.
        duration_s: length in seconds.
        year: of release.
        mood: its label, in a labelled table.
    """

    id: str
    title: str
    artists: tuple[str, ...]
    explicit: bool | None
    danceability: float
    energy: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    loudness_db: float
    tempo_bpm: float
    album: str | None = None
    genre: str | None = None
    popularity: int | None = None
    duration_s: float | None = None
    year: int | None = None
    mood: Mood | None = None

    @property
    def point(self) -> AffectPoint:
        """Its place on the affect plane."""
        return affect_of_track(self.valence, self.energy)

    @property
    def byline(self) -> str:
        """The artists as a person writes them: "Dan + Shay, Justin Bieber"."""
        return ", ".join(self.artists)

    @property
    def full_name(self) -> str:
        """Title and artists in one line: "Yellow, Coldplay"."""
        return f"{self.title}, {self.byline}"


def split_artists(cell: str) -> tuple[str, ...]:
    """The artists in one cell of a table."""
    return tuple(name for part in cell.split(ARTIST_SEPARATOR) if (name := part.strip()))


def normalize_text(text: str) -> str:
    """A text as it is compared with others: without accents, with the straight apostrophe, in small letters."""
    if text.isascii():  # most texts, ten times as fast
        return text.replace("`", "'").casefold()
    letters = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in letters if ord(letter) not in _ACCENTS).casefold()


@dataclass(frozen=True, slots=True)
class Origin:
    """What became of a table on its way into a catalogue.

    Attributes:
        form: which of the known forms it has, in words.
        num_rows: rows it had.
        num_duplicates: rows left out because a song of the same id stands above.
        num_left_out: rows left out because they are no Spotify track (local files, episodes) or have no features.
    """

    form: str
    num_rows: int
    num_duplicates: int
    num_left_out: int


class Catalogue:
    """Songs to choose from: one checked table. Read-only once made, so it can be shared between threads.

    Attributes:
        name: what the table is called in messages.
        table: columns `TRACK_COLUMNS` and those of `OPTIONAL_COLUMNS` it has; rows numbered from 0. Not to be changed.
        origin: of a table that `tables.read_catalogue` read; None for others.
    """

    def __init__(self, table: pd.DataFrame, *, name: str = "catalogue", origin: Origin | None = None) -> None:
        """Check a table and keep its columns of songs. Messages number the rows by the table's index.

        Raises:
            DatasetError: a column is missing, or a row holds something that cannot be true; the message says which.
        """
        self.name = name
        self.origin = origin
        require_columns(table, TRACK_COLUMNS, name=name)
        if table.empty:
            raise DatasetError(f"{name}: expected songs. Received: a table without rows")
        columns = [*TRACK_COLUMNS, *(column for column in OPTIONAL_COLUMNS if column in table.columns)]
        self.table = _checked(table[columns], name=name).reset_index(drop=True)
        self._row_of = {track_id: row for row, track_id in enumerate(self.table["id"])}

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._row_of

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """Shape (n, 9), in the order of `features.FEATURES`."""
        return feature_matrix(self.table)

    @property
    def duration_s(self) -> npt.NDArray[np.float64] | None:
        """Shape (n,): lengths in seconds, NaN where unknown; None where the table does not say."""
        return self.table["duration_s"].to_numpy(np.float64) if "duration_s" in self.table else None

    @property
    def plane(self) -> npt.NDArray[np.float32]:
        """Shape (n, 2): where each song lies on the affect plane."""
        return affect_plane(self.table)

    @property
    def genres(self) -> list[str]:
        """Those of its songs, sorted; none where the table does not know."""
        return sorted(self.table["genre"].dropna().unique()) if "genre" in self.table else []

    @property
    def decades(self) -> list[int]:
        """Those its songs are of, sorted, each named by its first year; none where the table does not know."""
        years = self.table["year"].dropna().unique() if "year" in self.table else ()
        return sorted({int(year) // 10 * 10 for year in years})

    def track(self, row: int) -> Track:
        """The song in a row of the table, counted from 0."""
        cells = self.table.iloc[row].to_dict()
        return Track(
            id=cells["id"],
            title=cells["title"],
            artists=split_artists(cells["artists"]),
            explicit=bool(cells["explicit"]) if "explicit" in cells else None,
            **{feature: float(cells[feature]) for feature in FEATURE_NAMES},
            album=cells.get("album"),
            genre=cells.get("genre"),
            popularity=None if (popularity := _number(cells.get("popularity"))) is None else int(popularity),
            duration_s=_number(cells.get("duration_s")),
            year=None if (year := _number(cells.get("year"))) is None else int(year),
            mood=None if (mood := cells.get("mood")) is None else Mood(mood),
        )

    def row_of(self, track_id: str) -> int:
        """The row of the song with this id, which the catalogue must have."""
        return self._row_of[track_id]

    def find(self, track_id: str) -> Track | None:
        """The song with this id, or None where the catalogue has no such song."""
        return self.track(self._row_of[track_id]) if track_id in self else None

    @cached_property
    def _searched(self) -> pd.Series:
        """What `matching` looks into; folding takes longer than looking, so it is done once."""
        return (self.table["title"] + " " + self.table["artists"]).map(normalize_text)

    def matching(self, text: str) -> npt.NDArray[np.bool_]:
        """Shape (n,): which songs' titles or artists hold every word of a text; all of them where it has no word."""
        matches = np.ones(len(self), bool)
        for word in normalize_text(text).split():
            matches &= self._searched.str.contains(word, regex=False).to_numpy(bool)
        return matches

    def passing(
        self,
        *,
        genres: Collection[str] = (),
        decades: Collection[int] = (),
        tempo_bpm: tuple[float, float] | None = None,
        hide_explicit: bool = False,
    ) -> npt.NDArray[np.bool_]:
        """Shape (n,): which songs pass all of these filters.

        A song whose genre or year is not known is of none that is asked for, also where the table knows those of no
        song: what passes is what was asked for, or nothing.

        Args:
            genres: only songs of these; empty for all. Likewise below.
            decades: only songs of these; 1990 is 1990 to 1999.
            tempo_bpm: from and to, both included; None for all.
            hide_explicit: leave out songs that are marked as explicit.
        """
        table, passes = self.table, np.ones(len(self), np.bool_)
        if genres:
            passes &= table["genre"].isin(genres).to_numpy(bool) if "genre" in table else False
        if decades:
            passes &= (table["year"] // 10 * 10).isin(decades).to_numpy(bool) if "year" in table else False
        if tempo_bpm is not None:
            passes &= table["tempo_bpm"].between(*tempo_bpm).to_numpy(bool)
        if hide_explicit and "explicit" in table:
            passes &= ~table["explicit"].to_numpy(bool)
        return passes

    def best_known_first(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The same rows, the most popular song first where the table knows; else as they stand."""
        if "popularity" not in self.table:
            return rows
        popularity = self.table["popularity"].fillna(0).to_numpy(np.float64)[rows]
        return rows[np.argsort(-popularity, kind="stable")]

    def search(self, text: str, *, limit: int = 20) -> list[Track]:
        """Songs whose title or artists hold every word of `text`, the best known first; none where it has no word."""
        if not normalize_text(text).split():
            return []
        rows = self.best_known_first(np.flatnonzero(self.matching(text)))
        return [self.track(int(row)) for row in rows[:limit]]


def catalogue_file() -> Path:
    """The catalogue that ships."""
    return data_dir() / "catalogue" / "spotify_by_genre.parquet"


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue in our columns from Parquet; without a path, the one that ships.

    Raises:
        DatasetError: the file cannot be read, or is not a catalogue.
    """
    path = path or catalogue_file()
    try:
        with path.open("rb") as file:  # pyarrow's own error would say no more than the path
            table = pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these two
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"expected a Parquet table of songs. Received: {path} ({reason}). Restore the files from the repository"
        ) from error
    return Catalogue(table, name=path.name)


MOOD_TABLE_COLUMNS: tuple[str, ...] = (
    *("name", "album", "artist", "id", "release_date", "popularity", "length"),
    *("danceability", "acousticness", "energy", "instrumentalness", "liveness", "valence", "loudness", "speechiness"),
    *("tempo", "key", "time_signature", "mood"),
)
"""The 19 columns of `data_moods.csv`."""

_MOOD_TABLE_RENAMES = {"name": "title", "artist": "artists"} | {f.source_name: f.name for f in FEATURES.values()}


@dataclass(frozen=True, slots=True, eq=False)  # tables have no single truth value
class MoodTable:
    """Songs labelled with their mood, to learn from.

    Attributes:
        table: a row a song: `id`, `title`, `artists`, `album`, `popularity`, `release_date`, `duration_s`, `key`,
            `time_signature`, the nine features and `mood` (the value of a `Mood`).
        sha256: of the file it was read from.
    """

    table: pd.DataFrame
    sha256: str

    def __len__(self) -> int:
        return len(self.table)

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """Shape (n, 9), in the order of `features.FEATURES`."""
        return feature_matrix(self.table)

    @property
    def duration_s(self) -> npt.NDArray[np.float64]:
        """Shape (n,): lengths in seconds."""
        return self.table["duration_s"].to_numpy(np.float64)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Shape (n,): positions in `Mood`."""
        positions = {mood.value: position for position, mood in enumerate(Mood)}
        return np.array([positions[mood] for mood in self.table["mood"]], np.int64)


def read_mood_table(path: Path) -> MoodTable:
    """Read `data_moods.csv`, or a table of its form.

    The labels are read by their names. The column order is free and further columns are ignored.

    Raises:
        DatasetError: the file cannot be read, a column is missing, or a row holds something that cannot be true.
    """
    try:
        data = path.read_bytes()  # once: a pipe holds nothing the second time
        # As text: left to guess, pandas takes the song "1999" for a number and a song named "None" for an absent one.
        table = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' parser errors and decoding errors are ValueErrors
        raise DatasetError(f"expected a CSV of labelled songs. Received: {path} ({error})") from error
    require_columns(table, MOOD_TABLE_COLUMNS, name=path.name)
    table = table[list(MOOD_TABLE_COLUMNS)].rename(columns=_MOOD_TABLE_RENAMES)
    table = table.mask(table == "")
    if table.empty:
        raise DatasetError(f"{path.name}: expected songs. Received: a table without rows")
    _check_numbers(table, "length", low=0.0, high=1000.0 * LONGEST_S, name=path.name)
    _check_numbers(table, "key", low=-1.0, high=11.0, name=path.name)  # -1: none found
    _check_numbers(table, "time_signature", low=0.0, high=7.0, name=path.name)
    _refuse_rows(table["mood"].isna(), table["mood"], _MOOD_RULE, name=path.name)
    table["duration_s"] = table.pop("length") / 1000.0
    return MoodTable(_checked(table, name=path.name), hashlib.sha256(data).hexdigest())


_MOOD_RULE = f"mood must be one of {', '.join(mood.value.capitalize() for mood in Mood)}"


def _number(cell: float | None) -> float | None:
    """A cell of an optional column; tables write NaN where they know nothing."""
    return None if cell is None or np.isnan(cell) else float(cell)


def require_columns(table: pd.DataFrame, columns: Sequence[str], *, name: str) -> None:
    """Refuse a table that lacks columns.

    Raises:
        DatasetError: naming the missing ones and those that are there.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DatasetError(f"{name}: expected {missed(missing)}. Received: {listed(list(table.columns))}")


def missed(columns: Sequence[str]) -> str:
    """What a message asks for where columns are missing."""
    return f"the column{'' if len(columns) == 1 else 's'} {', '.join(columns)} too"


def listed(columns: Sequence[object]) -> str:
    """Names of columns in one line of a message, cut where they are long or many: a quoted one may hold half a file."""
    names = (" ".join(str(column).split()) for column in columns[:40])
    return ", ".join(name if len(name) <= 60 else f"{name[:59]}…" for name in names) or "none"


def _checked(table: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """A copy of a table of songs with each column in its type, every cell checked."""
    table = table.copy()
    ids = table["id"].astype("string").fillna("")
    _refuse_rows(~ids.str.fullmatch(TRACK_ID.pattern), table["id"], "id must be 22 letters and digits", name=name)
    repeated = ids.duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        first = int(np.flatnonzero(ids == ids.iloc[row])[0])
        raise DatasetError(
            f"{name}, {_place(table, row)}: every song must stand once. Received: id {ids.iloc[row]!r} again, "
            f"first in {_place(table, first)}. Remove one of the two."
        )
    for column in ("title", "artists"):
        cells = table[column].astype("string").fillna("").str.replace(ARTIST_SEPARATOR, " ", regex=False)
        blank = cells.str.strip() == ""  # also of no-break spaces, of which `split_artists` leaves nobody
        _refuse_rows(blank, table[column], f"{column} must not be empty", name=name)
    for column in _TEXT_COLUMNS:
        if column in table:
            present = table[column].notna()
            table[column] = table[column].astype("string").astype(object).where(present, None)
    for column, (low, high) in _NUMBER_RANGES.items():
        if column in table:
            _check_numbers(table, column, low=low, high=high, name=name, optional=column not in FEATURES)
    if "explicit" in table:
        _refuse_rows(
            ~table["explicit"].isin([True, False]), table["explicit"], "explicit must be true or false", name=name
        )
        table["explicit"] = table["explicit"].astype(bool)
    if "mood" in table:
        moods, present = table["mood"].astype("string").str.strip().str.casefold(), table["mood"].notna()
        wrong = present & ~moods.isin([mood.value for mood in Mood])
        _refuse_rows(wrong, table["mood"], _MOOD_RULE, name=name)
        table["mood"] = moods.astype(object).where(present, None)
    return table


def _check_numbers(
    table: pd.DataFrame, column: str, *, low: float, high: float, name: str, optional: bool = False
) -> None:
    """Turn a column into numbers, in place."""
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    wrong = ~numbers.between(low, high)  # NaN is not between
    if optional:
        wrong &= table[column].notna()
    are_percentages = high == 1 and bool(numbers.between(0, 100).all() and (numbers > 1).mean() > 0.5)
    advice = "All rows lie between 0 and 100: divide the column by 100." if are_percentages else _MEND_THE_ROW
    _refuse_rows(wrong, table[column], f"{column} must be a number from {low:g} to {high:g}", name=name, advice=advice)
    table[column] = numbers


_MEND_THE_ROW = "Correct the row or remove it."


def _refuse_rows(wrong: pd.Series, cells: pd.Series, rule: str, *, name: str, advice: str = _MEND_THE_ROW) -> None:
    """Raise for the first row marked wrong."""
    rows = np.flatnonzero(wrong.to_numpy(bool))
    if rows.size:
        cell = cells.iloc[rows[0]]
        cell = cell.item() if isinstance(cell, np.generic) else cell
        received = "an empty cell" if cell is None or cell is pd.NA or cell != cell else _shortened(repr(cell))
        others = f" ({rows.size - 1} more such rows)" if rows.size > 1 else ""
        raise DatasetError(f"{name}, {_place(cells, int(rows[0]))}: {rule}. Received: {received}{others}. {advice}")


def _place(rows: pd.DataFrame | pd.Series, position: int) -> str:
    """A row in the table as it was read."""
    label = rows.index[position]
    return numbered_row(1 + (int(label) if isinstance(label, int | np.integer) else position))


def numbered_row(number: int) -> str:
    """A row, counted from 1, as messages name it; spreadsheets and editors count the header too."""
    return f"row {number} ({number + 1} with the header)"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
