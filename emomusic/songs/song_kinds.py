"""Songs that recommendations exclude by default: speech, sleep sounds, children's songs, holiday songs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import pandas as pd


class SongKind(StrEnum):
    """A kind of songs that recommendations exclude by default."""

    SPEECH = "speech"
    SLEEP = "sleep"
    CHILDREN = "children"
    CHRISTMAS = "christmas"
    HALLOWEEN = "halloween"


KIND_GENRES: Mapping[SongKind, frozenset[str]] = MappingProxyType(
    {
        SongKind.SPEECH: frozenset({"comedy"}),
        SongKind.SLEEP: frozenset({"sleep"}),
        SongKind.CHILDREN: frozenset({"children", "kids"}),
    }
)
"""Genres whose songs are all of a kind. A request for one of the genres includes the kind."""

SEASONS: Mapping[SongKind, tuple[tuple[int, int], tuple[int, int]]] = MappingProxyType(
    {SongKind.CHRISTMAS: ((12, 1), (1, 6)), SongKind.HALLOWEEN: ((10, 15), (11, 1))}
)
"""First and last day, as month and day, on which songs of a kind are in season."""

_SPOKEN = 0.66  # speechiness; Spotify's documentation: tracks above are probably made entirely of spoken words
_INSTRUMENTAL = 0.5  # separates recordings of white noise from songs of this title

_NOISE = re.compile(
    r"\b(?:white|brown|pink) noise|weißes rauschen|ruido blanco|bruit blanc|(?:rain|nature|ocean|sleep) sounds"
    r"|baby sleep|\basmr\b",
    re.IGNORECASE,
)
_CHRISTMAS = re.compile(
    r"christmas(?!,? mr)|\bx-?mas\b|\bno[eë]l\b|\bsanta(?:'s)? (?:claus|baby|tell me)|jingle bell|sleigh"
    r"|winter wonderland|navidad|weihnacht|\bc?hanukk?ah|\bnatal\b|\bnatale\b|joulu|\bgod jul\b|let it snow"
    r"|frosty the|rudolph|mistletoe|silent night|holy night|drummer boy|deck the hall|auld lang syne"
    r"|carol of the bells|adeste fideles|all ye faithful|tannenbaum|\bit'?s cold outside|happy holidays",
    re.IGNORECASE,
)
_HALLOWEEN = re.compile(r"halloween|spooky, scary skeletons", re.IGNORECASE)


def kinds_of(table: pd.DataFrame) -> pd.Series:
    """Kind of each row: the value of a `SongKind`, or None.

    Args:
        table: rows of a catalogue, with the columns `title`, `artists`, `album`, `genres`, `speechiness` and
            `instrumentalness`.
    """
    titles, artists, albums = (table[column].fillna("").astype("str") for column in ("title", "artists", "album"))
    genres = table["genres"].str.split(";")
    is_noise = titles.str.contains(_NOISE) & (table["instrumentalness"] > _INSTRUMENTAL)
    is_kind = {
        SongKind.SPEECH: table["speechiness"] > _SPOKEN,
        SongKind.SLEEP: is_noise | artists.str.contains(_NOISE),
        SongKind.CHRISTMAS: titles.str.contains(_CHRISTMAS) | albums.str.contains(_CHRISTMAS),
        SongKind.HALLOWEEN: titles.str.contains(_HALLOWEEN) | albums.str.contains(_HALLOWEEN),
    }
    kinds = pd.Series([None] * len(table), index=table.index, dtype=object)
    for kind in SongKind:
        wanted = KIND_GENRES.get(kind, frozenset())
        has_genre = genres.map(lambda own, wanted=wanted: not wanted.isdisjoint(own)).astype(bool)
        kinds = kinds.mask(kinds.isna() & (has_genre | is_kind.get(kind, has_genre)), kind.value)
    return kinds


def included_kinds(genres: Collection[str], today: date) -> frozenset[SongKind]:
    """Kinds that a request for these genres includes on a date."""
    day = (today.month, today.day)
    wanted = {kind for kind, own in KIND_GENRES.items() if not own.isdisjoint(genres)}
    for kind, (first, last) in SEASONS.items():
        if first <= day <= last if first <= last else day >= first or day <= last:
            wanted.add(kind)
    return frozenset(wanted)
