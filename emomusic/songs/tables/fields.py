"""Fields of songs: their names, and the votes of catalogue and library for the columns of title and artist."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK, normalize_text, title_key
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import DASH, UNITS, numbers, share

TRUE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x", "ja", "oui", "s\u00ed", "si", "s\u00ec", "sim", "\u2713")
FALSE = ("false", "0", "0.0", "no", "n", "clean", "nein", "non", "n\u00e3o")
DISLIKES = ("-1", "-1.0", "dislike", "disliked", "down", "thumbs down", "thumbs_down", "thumb_down", "\U0001f44e")

_ADVICE = {
    ("track uri", "track name", "artist name s"): "Select audio features in the settings of Exportify.",
    ("video id", "playlist video creation timestamp"): "Takeout writes no titles. Copy the playlist with TuneMyMusic.",
}
_LONGEST_MOOD = 300  # letters
_MOST_VOTES, _MOST_PAIRS = 60, 132  # rows, and pairs of columns, that vote
_LEAST_AGAINST = 0.2  # share of the rows known in other columns than the named ones; these know less than a fifth of it
_MOST_ALIKE = 30  # columns of one field
_WORDS = re.compile(r"[^\W_]+|%")
_UNIT = re.compile(rf" (?:{UNITS})$")
_VALUELESS = re.compile(r"(?: (?:text|value|content|t))+$")  # keys of a value alone: "artist": {"#text": "Coldplay"}
_OF_MOOD = re.compile(r"^(?:(?:is|moods?|emotions?) )+| (?:score|probability|prob|percent|%)$")
_SHARE = re.compile(r"(?<![\w-])([^\W\d_]+)[^\w,;/|]{1,4}?((?:\d+(?:\.\d+)?|\.\d+)(?:[eE]-\d+)?)")  # "happy: 0.8"
_NOT = re.compile(r"\b(?:not?|non|nicht|kein\w*|pas|sin|sans|ohne|senza|sem|nie)\b", re.IGNORECASE)
_OF_OTHERS = frozenset(("album", "albums", "artist", "artists", "playlist", "user"))  # a link is none of a track


OTHER_TITLES = "Other parts of the list are titles of known songs, too. If songs are wrong, choose title and artist."
"""A note where the vote was close."""


def is_name(cell: str) -> bool:
    """Whether a cell may be a title or an artist."""
    return cell != "" and not of_cells.NO_TEXT.fullmatch(cell)


def strengths(cells: pd.Series) -> npt.NDArray[np.float64]:
    """Numbers and words such as "yes" as numbers; NaN for others."""
    texts = cells.str.strip().str.lower()
    return np.where(texts.isin(TRUE), 1, np.where(texts.isin(FALSE), 0, numbers(texts)))


def first_of(names: Sequence[object], separator: str = ", ", most: int = 20) -> str:
    """The first names for a sentence, and the number of the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return separator.join(map(str, names[:most])) + more


# Names and words


@cache
def words() -> Mapping[str, Any]:
    """What `words.toml` declares."""
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def word_set(kind: str) -> frozenset[str]:
    """Words of `[names]`."""
    text = words()["names"][kind]
    return frozenset(map(str.strip, text.split("|")) if "|" in text else text.split())


@cache
def _ranks() -> Mapping[str, tuple[str, int]]:
    """Field and rank of each known name."""
    fields = words()["fields"].items()
    found = [(key_of(name), (field, rank)) for field, names in fields for rank, name in enumerate(names.split("|"))]
    return dict(reversed(found))


@lru_cache(4096)
def key_of(name: str) -> str:
    """The words of a name: "Artist Name(s)" and "artist_name_s" are "artist name s", "trackName" is "track name"."""
    plain = normalize_text(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200].replace("dB", "db")))
    return _VALUELESS.sub("", " ".join(_WORDS.findall(plain)))


def field_of(name: str, *, strict: bool = False) -> tuple[str, int] | None:
    """Field and rank of a name, by its longest known end: "master_metadata_track_name" is a title. None without one.

    Args:
        name: the name of a column, or of a key with those above it.
        strict: whether only words that change nothing may come before: "Love Song" is no name, but the title of a song.
    """
    key = key_of(name)
    for name in (key, _UNIT.sub("", key), re.sub(r" ?\d+$", "", key)):
        parts = name.split()
        for start in range(len(parts)):
            found, before = _ranks().get(" ".join(parts[start:])), set(parts[:start])
            if found and found[0] == "title" and _ranks().get(" ".join(parts[:start]), " ")[0] == "artists":
                found = "artists", found[1]  # "performer": {"name": "Coldplay"}
            if found and (name == key or found[0] in ("artists", *FEATURES, "duration")):
                is_free = before <= word_set("same") if strict else before.isdisjoint(word_set("other"))
                return (found[0], 100 * found[1] + start) if is_free or not before else None
    return None


@lru_cache(4096)
def field_named(name: str) -> str:
    """The field of a name; empty without one."""
    return (field_of(name) or ("", 0))[0]


def is_other(kind: str, *, has_album: bool = False) -> bool:
    """Whether a type or a format is none of a song: "podcast", or "LP, Reissue" without the name of another album."""
    is_song = not {"song", "track", "single"}.isdisjoint(key_of(kind).split())
    is_album = not has_album and not is_song and has_word(kind, "albums")
    return is_album or not word_set("types").isdisjoint(kind.casefold().split(ARTIST_SEPARATOR))


def has_word(name: str, kind: str) -> bool:
    """Whether a name or a key has a word of `[names]`: "bannedTracks" has one of "disliked"."""
    return not word_set(kind).isdisjoint(key_of(name).split())


def is_header(cells: Sequence[str], *others: str) -> bool:
    """Whether a row has names of columns: of a title, an id, a path or other fields, and of something else."""
    fields = {found[0] for cell in cells if (found := field_of(cell, strict=True))}
    if advice_of(cells) or ("artist_title" in fields and len(cells) > 1):
        return True
    return len(fields) > 1 and not fields.isdisjoint({"title", "id", "path", *others})


def advice_of(header: Sequence[str]) -> str:
    """What helps if songs of a table with these names have no features; empty if nothing is known."""
    keys = {key_of(name) for name in header}
    return next((advice for names, advice in _ADVICE.items() if keys >= set(names)), "")


@cache
def mood_words() -> Mapping[str, str]:
    """The mood by each normalized word for it, in several languages."""
    return {normalize_text(word): mood for mood, text in words()["moods"].items() for word in text.split()}


def mood_of(word: str) -> str | None:
    """The mood that a word means; None if it means none."""
    return mood_words().get("-".join(normalize_text(word).split()))


def mood_in(cell: str) -> str | None:
    """The mood that a cell names with the largest number, else first: "sad 0.8, calm 0.2"; None without one."""
    cell = cell[:_LONGEST_MOOD]
    found = [] if _NOT.search(cell) else _SHARE.findall(cell)
    if shares := {mood: float(number) for word, number in found if (mood := mood_of(word))}:
        return max(shares, key=shares.__getitem__) if any(shares.values()) else None
    names = [cell, *re.split(r"[;,/|]\s*", cell), *([] if _NOT.search(cell) else re.findall(r"[^\W\d_]+", cell))]
    return next(filter(None, map(mood_of, names)), None)


@lru_cache(4096)
def mood_of_column(name: str) -> str | None:
    """The mood whose strength, or whether a song has it, a column or key tells: "is_happy"; None for others."""
    key = _OF_MOOD.sub("", _UNIT.sub("", key_of(name)))
    return mood_of(key) if field_named(key) in ("", "valence") else None


# Fields


def columns_of(rows: pd.DataFrame, header: Sequence[str], finder: Finder) -> dict[str, list[int]]:
    """The columns of each field, the likeliest first: with its names and values that fit, else by values alone."""
    heads = {place: head_of(rows[place]) for place in range(rows.shape[1])}
    keys = [key_of(name) for name in header] or [""] * len(heads)
    ranked = sorted((found[1], place, found[0]) for place, name in enumerate(header) if (found := field_of(name)))
    columns: dict[str, list[int]] = {}
    moods = {place: mood for place, name in enumerate(header) if (mood := mood_of_column(name))}
    by_mood = [place for place in moods if len(heads[place]) and np.isfinite(strengths(heads[place])).all()]
    if len({moods[place] for place in by_mood}) < 2:
        by_mood = []
    ranked = [name for name in ranked if name[1] not in by_mood]
    for _, place, field in ranked:
        if keys[place].startswith("date") and share(heads[place], of_cells.MOMENT.search) > 0.5:
            field = "played"
        if _fits(field, heads[place], keys[place]):
            places = columns.setdefault("mood" if field == "mood_or_not" else field, [])
            places += [place] if len(places) < _MOST_ALIKE else []
    in_words = [place for place in columns.get("mood", []) if share(heads[place], mood_in) > 0]
    if in_words or by_mood:
        columns["mood"] = in_words or by_mood  # words, not what counts them
    columns.get("title", []).sort(key=lambda place: share(heads[place], str.isdecimal) == 1)  # "Song" may count them
    taken = {place for field, places in columns.items() if field != "id" for place in places}
    others = [place for place in heads if place not in taken]
    linked = [
        place
        for place in [*others, *columns.get("path", [])]
        if heads[place].str.startswith(("spotify:track:", "spotify:local:", "https://open.spotify.com/")).any()
        or (_OF_OTHERS.isdisjoint(keys[place].split()) and share(heads[place], TRACK_LINK.search) > 0.5)
    ]
    if linked:
        named = [place for place in columns.get("id", []) if place in linked]
        columns["id"] = list(dict.fromkeys([*named, *linked]))
    for place in others:
        if share(heads[place], of_cells.is_path) > 0.5:
            columns.setdefault("path", []).append(place)
        elif not header and share(heads[place], of_cells.DATE.fullmatch) > 0.9:
            columns.setdefault("played", []).append(place)
    titles, artists = (columns.get(field, []) for field in ("title", "artists"))
    if len(titles) > 1 and artists:  # "Title" may be that of a video
        titles.sort(key=lambda place: -sum(map(finder.has, heads[place], rows[artists[0]][heads[place].index])))
    if len({keys[place] for place in titles}) < len(titles):  # "Title" twice: of an album
        columns |= _by_values(rows, heads, titles, artists, finder)
    elif not (titles and artists) and "artist_title" not in columns and not (header and "path" in columns):
        texts = [place for place in others if place not in columns.get("id", [])]
        texts = [place for place in texts if share(heads[place], of_cells.NO_TEXT.fullmatch) < 0.5]
        columns |= _by_values(rows, heads, titles or texts, artists or texts, finder)
    return _by_votes(rows, columns, heads, finder)


def _by_votes(
    rows: pd.DataFrame, columns: dict[str, list[int]], heads: Mapping[int, pd.Series], finder: Finder
) -> dict[str, list[int]]:
    """The columns of the fields; others than named for title and artist, if these know far more songs."""
    titles, artists = columns.get("title", []), columns.get("artists", [])
    if not (titles and artists) or "path" in columns:
        return columns
    num_named = _voted(rows, heads, titles, artists, finder)[2]
    texts = [place for place in heads if place not in columns.get("id", []) and share(heads[place], is_name) > 0.5]
    title, artist, number = _voted(rows, heads, texts, texts, finder)
    if number <= max(_LEAST_AGAINST * min(len(rows), _MOST_VOTES), num_named / _LEAST_AGAINST):
        return columns
    others = {field: [place for place in places if place not in (title, artist)] for field, places in columns.items()}
    return {field: places for field, places in others.items() if places} | {"title": [title], "artists": [artist]}


def _by_values(
    rows: pd.DataFrame, heads: Mapping[int, pd.Series], titles: list[int], artists: list[int], finder: Finder
) -> dict[str, list[int]]:
    """The columns of titles and artists with most songs that are known; one column alone has both in each cell."""
    if titles == artists and len(titles) == 1:
        return {"artist_title": titles} if share(heads[titles[0]], DASH.search) > 0.5 else {}
    title, artist, number = _voted(rows, heads, titles, artists, finder)
    return {"title": [title], "artists": [artist]} if number else {}


def _voted(
    rows: pd.DataFrame, heads: Mapping[int, pd.Series], titles: list[int], artists: list[int], finder: Finder
) -> tuple[int, int, int]:
    """The columns of title and artist in which most songs are known, and their number in the first rows."""
    pairs = [(title, artist) for title in titles for artist in artists if title != artist][:_MOST_PAIRS]
    counts = {
        (title, artist): sum(map(finder.has, head, rows[artist][head.index]))
        for title, artist in pairs
        if len(head := heads[title].head(_MOST_VOTES))
    }
    return max(((*pair, number) for pair, number in counts.items()), key=itemgetter(2), default=(0, 0, 0))


def is_doubtful(rows: pd.DataFrame, pair: Sequence[int], finder: Finder) -> bool:
    """Whether another column than that of the title has half as many titles, of other songs by the artists."""
    head = rows.head(_MOST_VOTES)
    titles, artists = (head[place] for place in pair)
    num_known = sum(map(finder.has, titles, artists))
    others = (
        sum(title_key(other) != title_key(title) and finder.has(other, artist) for other, title, artist in cells)
        for cells in (zip(head[place], titles, artists, strict=True) for place in rows if place not in pair)
    )
    return 2 * max(others, default=0) >= num_known > 0


def num_known(rows: pd.DataFrame, finder: Finder) -> int:
    """The number of known songs in the first rows, in the columns that have most of them."""
    rows = rows.set_axis(range(rows.shape[1]), axis="columns")
    heads = {place: head_of(rows[place]) for place in range(rows.shape[1])}
    texts = [place for place, head in heads.items() if share(head, is_name) > 0.5]
    return _voted(rows, heads, texts, texts, finder)[2]


def head_of(cells: pd.Series) -> pd.Series:
    """The first filled cells of a column."""
    head = cells.head(200)
    head = head[head != ""]
    return head if len(head) else cells[cells != ""].head(200)


def _fits(field: str, head: pd.Series, key: str) -> bool:
    """Whether the first cells of a column are of the field that its name says."""
    if not len(head):
        return False
    if field in ("title", "artists", "channel", "album", "artist_title"):
        is_text = share(head, lambda cell: not of_cells.NO_TEXT.fullmatch(cell)) > 0
        may_be_number = field == "title" and key.split()[-1] not in ("track", "nummer")
        return (is_text or may_be_number) and share(head, TRACK_LINK.search) < 0.5
    if field in FEATURES:
        return bool(np.isfinite(numbers(head)).any())
    if field == "duration":
        seconds = of_cells.lengths_s(head)
        return bool(np.isfinite(seconds).mean() > 0.5) and share(head, of_cells.DATE.fullmatch) == 0
    if field == "path":
        return share(head, of_cells.is_path) >= 0.5
    if field == "mood_or_not":
        return share(head, mood_of) > 0.5
    if field == "score":
        scores = set(head.str.lower())
        is_flag = key.endswith("is positive") and scores <= {*TRUE, *FALSE}
        return is_flag or scores <= {"-1", "0", "1", "-1.0", "0.0", "1.0"} or not scores.isdisjoint(DISLIKES[2:])
    return field != "service" or bool((head == "YouTube Music").any())
