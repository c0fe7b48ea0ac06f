"""Which column of a table, or key of a record, holds which field of a song: by its name, and by its values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from emomusic.songs.catalogue import TRACK_LINK, normalize_text
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables.cells import DATE, UNITS, lengths_s, numbers

Columns = dict[str, list[int]]
"""For each field of a song the columns that may hold it, the likeliest first."""

PATH = re.compile(
    r"(?s).*\.(?:mp3|m4a|m4b|mp4|flac|ogg|oga|opus|wav|aiff?|aifc|wma|aac|alac|ape|wv|mka|webm|mpc|dsf|dff)", re.I
)
"""A path or the name of an audio file."""

_FOLDERS = re.compile(r"(?!(?!file:)[a-z]{2,}:)(?:file:|[A-Za-z]:\\|[/~.]|[^/\\\n]+[/\\])[^\n]*", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+|%")
_OF_OTHERS = frozenset(("album", "albums", "artist", "artists", "playlist", "user"))  # a link is none of a track
_UNIT = re.compile(rf" (?:{UNITS})$")
_VALUELESS = re.compile(r"(?: (?:text|value|content|t))+$")  # keys of a value alone: "artist": {"#text": "Coldplay"}
NO_TEXT = re.compile(
    r"[-+]?[\d.,:/\s-]*\d|\d{1,2} \w{3} \d{4},? \d\d:\d\d|\w+:\S+|true|false|[0-9A-Za-z]{22}|[0-9a-f]{8}-[0-9a-f-]{27}",
    re.IGNORECASE,
)
"""A number, a date, a link, an id, or another value that is no name."""


@cache
def words() -> Mapping[str, Any]:
    """What `words.toml` declares."""
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _names() -> Mapping[str, tuple[str, int]]:
    """Field and rank of each known name."""
    fields = words()["fields"].items()
    found = [(key_of(name), (field, rank)) for field, names in fields for rank, name in enumerate(names)]
    return dict(reversed(found))


@cache
def word_set(kind: str) -> frozenset[str]:
    """Words of `[names]`."""
    text = words()["names"][kind]
    return frozenset(map(str.strip, text.split("|")) if "|" in text else text.split())


def key_of(name: str) -> str:
    """The words of a name: "Artist Name(s)" and "artist_name_s" are "artist name s", "trackName" is "track name"."""
    plain = normalize_text(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200].replace("dB", "db")))
    return _VALUELESS.sub("", " ".join(_WORDS.findall(plain)))


def field_of(name: str, *, strict: bool = False) -> tuple[str, int] | None:
    """Field and rank of a name, by its longest known end: "master_metadata_track_name" is a title. None without one.

    Args:
        name: of a column, or of a key with those above it.
        strict: whether only words that change nothing may come before: "Love Song" is no name, but the title of a song.
    """
    key = key_of(name)
    for name in (key, _UNIT.sub("", key), re.sub(r" ?\d+$", "", key)):
        parts = name.split()
        for start in range(len(parts)):
            found, before = _names().get(" ".join(parts[start:])), set(parts[:start])
            if found and (name == key or found[0] in ("artists", *FEATURES, "duration")):
                is_free = before <= word_set("same") if strict else before.isdisjoint(word_set("other"))
                return (found[0], 100 * found[1] + start) if is_free or not before else None
    return None


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row has names of columns: of a title, an id or a path, and of something else."""
    fields = [found[0] for cell in cells if (found := field_of(cell, strict=True))]
    if advice_of(cells):
        return True
    return len(set(fields)) > 1 and not {"title", "id", "path", "artist_title"}.isdisjoint(fields)


def advice_of(header: Sequence[str]) -> str:
    """What helps if songs of a table with these names have no features; empty if nothing is known."""
    keys = {key_of(name) for name in header}
    return next((each["text"] for each in words()["advice"] if keys >= set(map(key_of, each["names"]))), "")


def columns_of(rows: pd.DataFrame, header: Sequence[str], finder: Finder) -> Columns:
    """The columns of each field: those with its names whose values fit, else those whose values alone tell it."""
    heads = {place: _head(rows[place]) for place in range(rows.shape[1])}
    keys = [key_of(name) for name in header] or [""] * len(heads)
    ranked = sorted((found[1], place, found[0]) for place, name in enumerate(header) if (found := field_of(name)))
    columns: Columns = {}
    for _, place, field in ranked:
        if _fits(field, heads[place], keys[place]):
            columns.setdefault("mood" if field == "mood_or_not" else field, []).append(place)
    taken = {place for field, places in columns.items() if field != "id" for place in places}
    others = [place for place in heads if place not in taken]
    linked = [place for place in others if _has_links(heads[place], keys[place])]
    if linked:
        named = [place for place in columns.get("id", []) if place in linked]
        columns["id"] = list(dict.fromkeys([*named, *linked]))
    for place in others:
        if _share(heads[place], _is_path) > 0.5:
            columns.setdefault("path", []).append(place)
        elif not header and _share(heads[place], DATE.fullmatch) > 0.9:
            columns.setdefault("played", []).append(place)
    titles, artists = (columns.get(field, []) for field in ("title", "artists"))
    if len({keys[place] for place in titles}) < len(titles):  # "Title" twice: of an album
        columns |= _by_values(rows, heads, titles, artists, finder)
    elif not (titles and artists) and "artist_title" not in columns and not (header and "path" in columns):
        texts = [place for place in others if place not in columns.get("id", [])]
        texts = [place for place in texts if _share(heads[place], NO_TEXT.fullmatch) < 0.5]
        columns |= _by_values(rows, heads, titles or texts, artists or texts, finder)
    return columns


def _by_values(
    rows: pd.DataFrame, heads: Mapping[int, pd.Series], titles: list[int], artists: list[int], finder: Finder
) -> Columns:
    """The columns of titles and artists with most songs that are known; one column alone has both in each cell."""
    if titles == artists and len(titles) == 1:
        return {"artist_title": titles} if _share(heads[titles[0]], lambda cell: " - " in cell) > 0.5 else {}
    counts = {
        (title, artist): sum(map(finder.has, head, rows[artist][head.index]))
        for title in titles
        for artist in artists
        if title != artist and len(head := heads[title].head(60))
    }
    best = max(counts, key=counts.__getitem__, default=None)
    return {"title": [best[0]], "artists": [best[1]]} if best is not None and counts[best] else {}


def _head(cells: pd.Series) -> pd.Series:
    """The first filled cells of a column."""
    head = cells.head(200)
    head = head[head != ""]
    return head if len(head) else cells[cells != ""].head(200)


def _share(cells: pd.Series, fits: Callable[[str], object]) -> float:
    """The share of the cells that fit."""
    return sum(bool(fits(cell.strip())) for cell in cells) / max(len(cells), 1)


def _has_links(head: pd.Series, key: str) -> bool:
    is_of_track = _OF_OTHERS.isdisjoint(key.split()) and _share(head, TRACK_LINK.search) > 0.5
    return is_of_track or bool(head.str.startswith("spotify:track:").any())


def _is_path(cell: str) -> bool:
    cell = unquote(cell)
    return not cell.startswith("http") and bool(
        PATH.fullmatch(cell) or (_FOLDERS.fullmatch(cell) and re.search(r"\.\w{2,4}$", cell))
    )


def mood_of(word: str) -> str | None:
    """The mood that a word means; None if it means none."""
    return mood_words().get("-".join(normalize_text(word).split()))


@cache
def mood_words() -> Mapping[str, str]:
    """The mood by each normalized word for it, in several languages."""
    return {normalize_text(word): mood for mood, text in words()["moods"].items() for word in text.split()}


def _fits(field: str, head: pd.Series, key: str) -> bool:
    """Whether the first cells of a column are of the field that its name says."""
    if not len(head):
        return False
    if field in ("title", "artists", "channel", "album", "artist_title"):
        is_text = _share(head, lambda cell: not NO_TEXT.fullmatch(cell)) > 0
        may_be_number = field == "title" and key.split()[-1] not in ("track", "nummer")
        return (is_text or may_be_number) and _share(head, TRACK_LINK.search) < 0.5
    if field in FEATURES:
        return bool(np.isfinite(numbers(head)).any())
    if field == "duration":
        seconds = lengths_s(head, "")
        return bool(np.isfinite(seconds).mean() > 0.5) and _share(head, DATE.fullmatch) == 0
    if field == "path":
        return _share(head, _is_path) >= 0.5
    if field == "mood_or_not":
        return _share(head, mood_of) > 0.5
    if field == "score":
        return bool(set(head) <= {"-1", "0", "1", "-1.0", "0.0", "1.0"})
    return field != "service" or bool((head == "YouTube Music").any())
