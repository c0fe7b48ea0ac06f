"""Values of the cells of song tables: numbers with their units, ids, lists of artists, and lengths."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK

Floats = npt.NDArray[np.float64]

ABSENT = ("", "-", "na", "n/a", "nan", "null", "none", "undefined")
"""Words, in lower case, of an empty cell in a column of numbers."""

DATE = re.compile(r"\d{4}-\d\d?-\d\d?\b.*|\d{1,2}[./ ](?:\d{1,2}|\w{3,9})[./ ]\d{4}\b.*|\w{3,9} \d{1,2}, \d{4}.*")
"""A date, with or without a time."""

UNITS = "%|percent|dbfs|db|lufs|bpm|milliseconds|ms|seconds|secs?|s"
"""A regular expression of units, in lower case."""

_UNIT = rf"(?i)\s*(?:{UNITS})$"
_CLOCK = r"^(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)$"
_GROUPED = r"^[+-]?\d{1,3}(?:[.,]\d{3})+$"


def series(values: Any, index: pd.Index | None = None) -> pd.Series:
    """Cells as text in Arrow's memory, a fifth of that of Python objects."""
    return pd.Series(pd.array(values, dtype="str"), index)


def numbers(cells: pd.Series) -> Floats:
    """The numbers of a column without their units; NaN for others. A comma is decimal unless it separates thousands."""
    try:
        filled = cells.replace("", None) if (cells == "").any() else cells
        return np.asarray(pc.cast(pa.array(filled), pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        pass
    texts = cells.fillna("").str.strip().str.replace("\u2212", "-", regex=False).str.replace(_UNIT, "", regex=True)
    texts = texts.str.replace(r"[\s'\u2019]", "", regex=True)
    has_point, has_comma = (texts.str.contains(mark, regex=False) for mark in ".,")
    if (has_point & has_comma).any():  # the last one is decimal: 1,234.5 and 1.234,5
        is_decimal_comma = (texts.str.rfind(",") > texts.str.rfind("."))[has_point & has_comma].mean() > 0.5
        texts = texts.str.replace("." if is_decimal_comma else ",", "", regex=False)
    found = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce").to_numpy(np.float64)
    return np.asarray(np.where(np.isfinite(found), found, np.nan))


def whole_numbers(cells: pd.Series) -> Floats:
    """As `numbers`, for counts and lengths: 215.000 and 1,412 are thousands if the column has no other fractions."""
    if (is_fraction := cells.str.contains(r"[.,]", regex=True).fillna(False)).any():
        texts = cells.fillna("").str.strip().str.replace(_UNIT, "", regex=True)
        if texts[is_fraction].str.fullmatch(_GROUPED).all():
            cells = texts.str.replace(r"[.,]", "", regex=True)
    return numbers(cells)


def _extracted(cells: pd.Series, pattern: str) -> pd.Series:
    """The group `found` of a pattern in each cell; empty without it."""
    found = pc.struct_field(pc.extract_regex(pa.array(cells), pattern), "found")
    return series(pc.fill_null(found, ""), cells.index)


def track_ids(cells: pd.Series) -> pd.Series:
    """The Spotify ids in cells; empty for others."""
    return _extracted(cells, TRACK_LINK.pattern.replace("([", "(?P<found>["))


def years(cells: pd.Series) -> Floats:
    """The years in dates of any order; NaN for others."""
    return numbers(_extracted(cells, r"(?:^|\D)(?P<found>(?:1[89]|20)\d\d)(?:\D|$)"))


def lengths_s(cells: pd.Series, unit: str) -> Floats:
    """Lengths in seconds, of cells such as 215000, 215.0 and 3:35.

    Args:
        cells: of the column.
        unit: "ms" or "s", if the name of the column tells; otherwise the values do.
    """
    if cells.str.contains(":", regex=False).any():
        clock = cells.str.extract(_CLOCK).astype(np.float64)
        seconds = clock[0].fillna(0) * 3600 + clock[1] * 60 + clock[2]
        if seconds.notna().any():  # spreadsheets take 4:26 for hours and minutes
            return (seconds / 60 if seconds.median() > 7200 else seconds).to_numpy()
    found = whole_numbers(cells)
    known = found[np.isfinite(found) & (found > 0)]
    if unit == "ms" or (not unit and len(known) and np.median(known) > 7200):
        found = found / 1000
    return np.asarray(found)


def each_different(cells: pd.Series, convert: Callable[[str], str]) -> pd.Series:
    """Convert cells; equal ones only once."""
    coded = pa.chunked_array(pa.array(cells)).combine_chunks().dictionary_encode()
    return series(pa.array(map(convert, coded.dictionary.to_pylist()), pa.string()).take(coded.indices), cells.index)


# Lists

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.|"")*\""""
_ITEM = re.compile(rf"\s*({_QUOTED}|[^\s,][^,]*)")
_QUOTED_LIST = re.compile(rf"\s*(?:{_QUOTED})(?:\s*,?\s*(?:{_QUOTED}))*\s*")
_PLAIN_LIST = r"""^\['[^'"\\;]*[^'"\\; ]'(?:, '[^'"\\; ][^'"\\;]*[^'"\\; ]')*\]$"""  # most of them, read at once
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))")
_NAME = re.compile(r"""["'](?:name|#text)["']\s*:\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def _unescaped(name: str) -> str:
    """A name without its quotation marks and escapes."""
    name = name.strip()
    if len(name) < 2 or name[0] != name[-1] or name[0] not in "'\"":
        return name
    found = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], name[1:-1])
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def list_of(cell: str) -> str:
    """The names of a list as Python, JSON, pandas, DuckDB and PostgreSQL write it, with `ARTIST_SEPARATOR`."""
    inside = cell[1:-1]
    items = _NAME.findall(inside)  # of objects, as in answers of Spotify and Last.fm
    items = items or (re.findall(_QUOTED, inside) if _QUOTED_LIST.fullmatch(inside) else _ITEM.findall(inside))
    found = (_unescaped(item).replace(ARTIST_SEPARATOR, ",").strip() for item in items)
    return ARTIST_SEPARATOR.join(name for name in found if name and name != "NULL")


def lists(cells: pd.Series) -> pd.Series:
    """A column without the brackets of its lists, if most cells are lists."""
    first = cells[cells != ""].head(1000)
    if not first.str.fullmatch(r"\[.*\]|\{.*\}", flags=re.DOTALL).mean() > 0.5:
        return cells
    arrow = pa.array(cells)
    is_plain = pc.match_substring_regex(arrow, _PLAIN_LIST)
    plain = pc.replace_substring(pc.utf8_slice_codeunits(arrow, 2, -2), "', '", ARTIST_SEPARATOR)
    others = each_different(
        series(pc.if_else(is_plain, "", arrow)), lambda cell: list_of(cell) if cell[:1] in ("[", "{") else cell
    )
    return series(pc.if_else(is_plain, plain, pa.array(others)), cells.index)
