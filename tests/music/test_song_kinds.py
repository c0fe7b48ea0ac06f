"""emomusic/music/song_kinds.py: speech, sleep sounds, children's and holiday songs, and when they are included."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from emomusic.music.catalogue import Catalogue
from emomusic.music.genres import GENRES
from emomusic.music.song_kinds import KIND_GENRES, SongKind, included_kinds, kinds_of

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
    "title",
    [
        "Last Christmas",
        "Happy X-Mas (War Is Over)",
        "Santa Baby",
        "Sleigh Ride",
        "Frosty the Snowman",
        "O Holy Night",
        "Deck the Halls",
        "O Come, All Ye Faithful",
        "Baby, It's Cold Outside",
        "Feliz Navidad",
        "Noël Blanc",
        "Weihnachten bin ich zu Haus",
        "O Tannenbaum",
        "Natal Todo Dia",
        "Joulun kello",
        "Chanukah, Oh Chanukah",
    ],
)
def test_titles_and_albums_of_christmas_songs_are_recognized(title: str) -> None:
    assert kind_of(title=title) is SongKind.CHRISTMAS
    assert kind_of(album=title.upper()) is SongKind.CHRISTMAS


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"title": "This Is Halloween", "artists": "Danny Elfman"}, SongKind.HALLOWEEN),
        ({"title": "Spooky, Scary Skeletons - Undead Tombstone Remix"}, SongKind.HALLOWEEN),
        ({"title": "Thriller", "album": "Halloween Party Anthems"}, SongKind.HALLOWEEN),
        ({"title": "White Noise Loop", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Roar", "artists": "White Noise Baby Sleep"}, SongKind.SLEEP),
        ({"title": "Whisper", "artists": "Somebody;Gentle ASMR"}, SongKind.SLEEP),
        ({"genres": "ambient;sleep;study"}, SongKind.SLEEP),
        ({"genres": "comedy"}, SongKind.SPEECH),
        ({"speechiness": 0.67}, SongKind.SPEECH),
        ({"genres": "disney;kids"}, SongKind.CHILDREN),
        # The first kind that fits
        ({"title": "Silent Night", "genres": "children"}, SongKind.CHILDREN),
        ({"title": "Christmas", "genres": "comedy"}, SongKind.SPEECH),
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
        {"title": "Blue Moon", "artists": "Billie Holiday", "album": "Solitude"},
        {"title": "Santa Monica", "artists": "Everclear"},
        {"title": "Merry Christmas, Mr. Lawrence", "artists": "Ryuichi Sakamoto"},
        {"title": "Wonderwall", "artists": "Noel Gallagher"},
        {"title": "Nativity in Black", "artists": "Natalie"},
        {"title": "Spooky", "artists": "Dusty Springfield"},
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


# --- seasons and requests


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
        ({"kids"}, {SongKind.CHILDREN}),
        (GENRES, {SongKind.SPEECH, SongKind.SLEEP, SongKind.CHILDREN}),
    ],
)
def test_a_request_for_a_genre_includes_its_kind(genres: set[str], kinds: set[SongKind]) -> None:
    assert included_kinds(genres, date(2026, 6, 15)) == kinds
    assert included_kinds(genres, date(2026, 12, 24)) == kinds | {SongKind.CHRISTMAS}


# --- the bundled songs


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("last christmas wham!", "christmas"),
        ("this is halloween our last night", "halloween"),
        ("baby shark pinkfong", "children"),
        ("holiday green day", None),
        ("merry christmas mr. lawrence", None),
    ],
)
def test_a_known_song_of_the_bundled_catalogue_has_its_kind(catalogue: Catalogue, words: str, kind: str | None) -> None:
    song = catalogue.search(words, limit=1)[0]
    position = catalogue.kinds[catalogue.row_of(song.id)]
    assert (None if position < 0 else list(SongKind)[position].value) == kind


def test_songs_of_the_genres_of_a_kind_are_all_of_it(catalogue: Catalogue) -> None:
    for kind, genres in KIND_GENRES.items():
        kinds = catalogue.kinds[catalogue.passing(genres=genres)]
        assert kinds.size > 0
        others = {list(SongKind)[position] for position in set(kinds.tolist()) - {list(SongKind).index(kind)}}
        assert others <= set(list(SongKind)[: list(SongKind).index(kind)])  # an earlier kind wins
