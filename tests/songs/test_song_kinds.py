from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from emomusic.songs.genres import GENRES
from emomusic.songs.song_kinds import SongKind, included_kinds, kinds_of

SONG = {
    "title": "Song",
    "artists": "Artist",
    "album": "Album",
    "genres": "rock",
    "speechiness": 0.05,
    "instrumentalness": 0.0,
}


def kind_of(**cells: Any) -> SongKind | None:
    (kind,) = kinds_of(pd.DataFrame([SONG | cells]))
    return None if kind is None else SongKind(kind)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"title": "This Is Halloween", "artists": "Danny Elfman"}, SongKind.HALLOWEEN),
        ({"title": "Spooky, Scary Skeletons - Undead Tombstone Remix"}, SongKind.HALLOWEEN),
        ({"title": "White Noise Loop", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Roar", "artists": "White Noise Baby Sleep"}, SongKind.SLEEP),
        ({"genres": "ambient;sleep;study"}, SongKind.SLEEP),
        ({"genres": "comedy"}, SongKind.SPEECH),
        ({"title": "Santa Baby"}, SongKind.CHRISTMAS),
        ({"album": "NOËL BLANC"}, SongKind.CHRISTMAS),
        ({"speechiness": 0.67}, SongKind.SPEECH),
        ({"genres": "disney;kids"}, SongKind.CHILDREN),
        # The first kind that fits
        ({"title": "Silent Night", "genres": "children"}, SongKind.CHILDREN),
        ({"title": "Christmas and Halloween"}, SongKind.CHRISTMAS),
    ],
    ids=str,
)
def test_songs_of_a_kind_are_recognized(cells: dict[str, Any], kind: SongKind) -> None:
    assert kind_of(**cells) is kind


@pytest.mark.parametrize(
    "cells",
    [
        {"title": "Holiday", "artists": "Green Day", "album": "American Idiot"},
        {"title": "Merry Christmas, Mr. Lawrence", "artists": "Ryuichi Sakamoto"},
        {"title": "White Noise", "artists": "Disclosure;AlunaGeorge", "instrumentalness": 0.001},
        {"title": "Kids", "artists": "MGMT", "genres": "alternative;indie"},
        {"speechiness": 0.66},
        {"title": None, "artists": None, "album": None},
    ],
    ids=str,
)
def test_other_songs_have_no_kind(cells: dict[str, Any]) -> None:
    assert kind_of(**cells) is None
    assert kinds_of(pd.DataFrame([SONG | cells], index=[7])).to_dict() == {7: None}


def test_christmas_has_37_days_and_halloween_18() -> None:
    days = [date(2026, 1, 1) + timedelta(days) for days in range(365)]
    seasons = {kind: [day for day in days if kind in included_kinds((), day)] for kind in SongKind}
    assert {kind for kind, season in seasons.items() if season} == {SongKind.CHRISTMAS, SongKind.HALLOWEEN}
    christmas, halloween = seasons[SongKind.CHRISTMAS], seasons[SongKind.HALLOWEEN]
    assert (len(christmas), max(day for day in christmas if day.month == 1)) == (37, date(2026, 1, 6))
    assert (halloween[0], halloween[-1], len(halloween)) == (date(2026, 10, 15), date(2026, 11, 1), 18)


@pytest.mark.parametrize(
    ("genres", "kinds"),
    [
        ({"comedy"}, {SongKind.SPEECH}),
        ({"sleep", "jazz"}, {SongKind.SLEEP}),
        (GENRES, {SongKind.SPEECH, SongKind.SLEEP, SongKind.CHILDREN}),
    ],
)
def test_a_request_for_a_genre_includes_its_kind(genres: set[str], kinds: set[SongKind]) -> None:
    assert included_kinds(genres, date(2026, 6, 15)) == kinds
    assert included_kinds(genres, date(2026, 12, 24)) == kinds | {SongKind.CHRISTMAS}
