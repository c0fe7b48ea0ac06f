from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.songs.genres import (
    GENRE_FAMILIES,
    GENRES,
    SongKind,
    genres_in,
    genres_of,
    included_kinds,
    kinds_of,
    meanings_of,
    names_of,
)

NAMES = {"title": "Song", "artists": "Artist", "album": "Album", "genres": "rock"}
SONG = NAMES | {"speechiness": 0.05, "instrumentalness": 0.0}


def test_every_genre_is_in_exactly_one_family_and_has_any_spelling() -> None:
    grouped = [genre for family in GENRE_FAMILIES for genre in family.genres]
    assert len(grouped) == len(set(grouped)) == 114
    assert sorted(grouped) == list(GENRES)
    keys = {family.key for family in GENRE_FAMILIES}
    assert len(keys) == len(GENRE_FAMILIES)
    assert keys.isdisjoint(GENRES)
    for spelling, genres in (
        ("Hip-Hop/Rap", {"hip-hop"}),
        ("Rock & Roll", {"rock-n-roll"}),
        ("Électronique", {"electronic"}),
        ("Folk, World, & Country", {"folk", "world-music", "country"}),
        ("Progressive Metal", {"metal"}),
        ("Vocal", set()),
    ):
        assert meanings_of(spelling) == genres
        assert genres_in(f"{spelling.lower()};jazz") == {spelling.lower(), "jazz", *genres}
        if genres:
            assert genres_of([spelling]) == genres


@given(genres=st.frozensets(st.sampled_from(GENRES)))
def test_the_names_of_genres_give_the_same_genres(genres: frozenset[str]) -> None:
    names = names_of(genres)
    assert all(genres_in(genre) == {genre} <= meanings_of(genre) for genre in genres)
    assert genres_of(names) == genres
    assert len(names) == len(set(names)) <= len(genres)
    assert genres_of([" Hip Hop "]) == {"hip-hop"}
    assert names_of({"soul", "folk", "jazz", "blues"}) == ["jazz-blues", "folk", "soul"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"title": "This Is Halloween", "artists": "Danny Elfman"}, SongKind.HALLOWEEN),
        ({"title": "White Noise Loop", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"genres": "ambient;sleep;study"}, SongKind.SLEEP),
        ({"album": "NOËL BLANC"}, SongKind.CHRISTMAS),
        ({"album": "The First Noel"}, SongKind.CHRISTMAS),
        ({"album": "Noel Somebody's Band"}, None),
        ({"album": "Noël", "artists": "Noël"}, None),
        ({"genres": "Kinderh\xf6rbuch"}, SongKind.SPEECH),
        ({"genres": "Stand-up/Comedy"}, SongKind.SPEECH),
        ({"genres": "Canciones para ni\xf1os"}, SongKind.CHILDREN),
        ({"speechiness": 0.67}, SongKind.SPEECH),
        # The first kind that fits
        ({"title": "Silent Night", "genres": "children"}, SongKind.CHILDREN),
        ({"title": "Christmas and Halloween"}, SongKind.CHRISTMAS),
        ({"title": "Merry Christmas, Mr. Lawrence", "artists": "Ryuichi Sakamoto"}, None),
        ({"title": "White Noise", "artists": "Disclosure;AlunaGeorge", "instrumentalness": 0.001}, None),
        ({"speechiness": 0.66}, None),
        ({"title": None, "artists": None, "album": None}, None),
    ],
    ids=str,
)
def test_songs_of_a_kind_are_recognized(cells: dict[str, Any], kind: SongKind | None) -> None:
    assert kinds_of(pd.DataFrame([SONG | cells], index=[7])).to_dict() == {7: kind}


def test_christmas_has_37_days_and_halloween_18_and_a_request_for_a_genre_includes_its_kind() -> None:
    days = [date(2026, 1, 1) + timedelta(days) for days in range(365)]
    seasons = {kind: [day for day in days if kind in included_kinds((), day)] for kind in SongKind}
    assert {kind for kind, season in seasons.items() if season} == {SongKind.CHRISTMAS, SongKind.HALLOWEEN}
    christmas, halloween = seasons[SongKind.CHRISTMAS], seasons[SongKind.HALLOWEEN]
    assert (len(christmas), max(day for day in christmas if day.month == 1)) == (37, date(2026, 1, 6))
    assert (halloween[0], halloween[-1], len(halloween)) == (date(2026, 10, 15), date(2026, 11, 1), 18)
    for genres, kinds in (
        ({"comedy"}, {SongKind.SPEECH}),
        ({"sleep", "jazz"}, {SongKind.SLEEP}),
        (GENRES, {SongKind.SPEECH, SongKind.SLEEP, SongKind.CHILDREN}),
    ):
        assert included_kinds(genres, date(2026, 6, 15)) == kinds
        assert included_kinds(genres, date(2026, 12, 24)) == kinds | {SongKind.CHRISTMAS}
