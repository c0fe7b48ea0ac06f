"""emomusic/music/song_kinds.py: speech, sleep sounds, children's and holiday songs, and when they are included."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.music.catalogue import Catalogue
from emomusic.music.genres import GENRES
from emomusic.music.song_kinds import KIND_GENRES, SEASONS, SongKind, included_kinds, kinds_of

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
        "Rockin' Around The CHRISTMAS Tree",
        "Merry Xmas Everybody",
        "Happy X-Mas (War Is Over)",
        "Santa Baby",
        "Santa Tell Me",
        "Here Comes Santa Claus",
        "Jingle Bell Rock",
        "Sleigh Ride",
        "Winter Wonderland",
        "Let It Snow! Let It Snow! Let It Snow!",
        "Frosty the Snowman",
        "Run Rudolph Run",
        "Mistletoe",
        "Silent Night",
        "O Holy Night",
        "Little Drummer Boy",
        "Deck the Halls",
        "Auld Lang Syne",
        "Carol of the Bells",
        "O Come, All Ye Faithful",
        "Baby, It's Cold Outside",
        "Baby Its Cold Outside",
        "Happy Holidays",
        "Feliz Navidad",
        "Noël Blanc",
        "Petit Papa Noel",
        "Weihnachten bin ich zu Haus",
        "In der Weihnachtsbäckerei",
        "O Tannenbaum",
        "A Natale puoi",
        "Natal Todo Dia",
        "Joulun kello",
        "Joulupukki",
        "God Jul",
        "Adeste Fideles",
        "The Hanukkah Song",
        "Chanukah, Oh Chanukah",
    ],
)
@pytest.mark.parametrize("column", ["title", "album"])
def test_titles_and_albums_of_christmas_songs_are_recognized(title: str, column: str) -> None:
    assert kind_of(**{column: title}) is SongKind.CHRISTMAS
    assert kind_of(**{column: title.upper()}) is SongKind.CHRISTMAS


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"album": "Merry Christmas From Brenda Lee"}, SongKind.CHRISTMAS),
        ({"title": "Halloween"}, SongKind.HALLOWEEN),
        ({"title": "This Is Halloween", "artists": "Danny Elfman"}, SongKind.HALLOWEEN),
        ({"title": "Spooky, Scary Skeletons - Undead Tombstone Remix"}, SongKind.HALLOWEEN),
        ({"title": "Thriller", "album": "Halloween Party Anthems"}, SongKind.HALLOWEEN),
        ({"title": "White Noise Loop", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Weißes Rauschen", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Ruido Blanco De Costa", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Bruit blanc", "instrumentalness": 0.9}, SongKind.SLEEP),
        ({"title": "Ocean Sounds", "instrumentalness": 0.6}, SongKind.SLEEP),
        ({"title": "Roar", "artists": "White Noise Baby Sleep"}, SongKind.SLEEP),
        ({"title": "Whisper", "artists": "Somebody;Gentle ASMR"}, SongKind.SLEEP),
        ({"genres": "sleep"}, SongKind.SLEEP),
        ({"genres": "ambient;sleep;study"}, SongKind.SLEEP),
        ({"genres": "comedy"}, SongKind.SPEECH),
        ({"speechiness": 0.67}, SongKind.SPEECH),
        ({"genres": "children"}, SongKind.CHILDREN),
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
        {"title": "Holiday / Boulevard of Broken Dreams", "artists": "Green Day"},
        {"title": "Holiday", "artists": "Madonna"},
        {"title": "Dreadlock Holiday", "artists": "10cc"},
        {"title": "Blue Moon", "artists": "Billie Holiday", "album": "Solitude"},
        {"title": "La Santa", "artists": "Bad Bunny;Daddy Yankee"},
        {"title": "Santa Monica", "artists": "Everclear"},
        {"title": "Santa Maria", "artists": "RIDSA"},
        {"title": "MALA SANTA", "artists": "Becky G"},
        {"title": "Smooth", "artists": "Santana;Rob Thomas"},
        {"title": "505", "artists": "Arctic Monkeys", "album": "Favourite Worst Nightmare"},
        {"title": "Elegy For The Arctic", "artists": "Ludovico Einaudi"},
        {"title": "Snow (Hey Oh)", "artists": "Red Hot Chili Peppers"},
        {"title": "Merry Christmas Mr. Lawrence", "artists": "Ryuichi Sakamoto"},
        {"title": "Merry Christmas, Mr. Lawrence", "artists": "Ryuichi Sakamoto"},
        {"title": "Wonderwall", "artists": "Noel Gallagher"},
        {"title": "Creo en Mi", "artists": "Natalia Jiménez"},
        {"title": "Nativity in Black", "artists": "Natalie"},
        {"title": "Cold Outside"},
        {"title": "Joule Thief"},
        {"title": "Spooky", "artists": "Dusty Springfield"},
        {"title": "new body rhumba (from the film White Noise)", "artists": "LCD Soundsystem"},
        {"title": "White Noise", "artists": "Disclosure;AlunaGeorge", "instrumentalness": 0.001},
        {"title": "Purple Rain", "instrumentalness": 0.9},
        {"title": "Kids", "artists": "MGMT", "genres": "alternative;indie"},
        {"title": "Sleep", "genres": "ambient"},
        {"title": "Lose Yourself", "artists": "Eminem", "speechiness": 0.3},
        {"speechiness": 0.66},
        {"title": "Comedy", "artists": "Gen Hoshino", "genres": "acoustic;j-pop"},
        {"title": None, "artists": None, "album": None},
    ],
    ids=str,
)
def test_other_songs_have_no_kind(cells: dict[str, Any]) -> None:
    assert kind_of(**cells) is None


def test_kinds_keep_the_index_of_the_table() -> None:
    table = pd.DataFrame([SONG, SONG | {"title": "Last Christmas"}], index=[7, 3])
    assert kinds_of(table).to_dict() == {7: None, 3: "christmas"}


# --- seasons and requests


@pytest.mark.parametrize(
    ("day", "kinds"),
    [
        ((11, 30), set()),
        ((12, 1), {SongKind.CHRISTMAS}),
        ((12, 31), {SongKind.CHRISTMAS}),
        ((1, 1), {SongKind.CHRISTMAS}),
        ((1, 6), {SongKind.CHRISTMAS}),
        ((1, 7), set()),
        ((6, 15), set()),
        ((10, 14), set()),
        ((10, 15), {SongKind.HALLOWEEN}),
        ((10, 31), {SongKind.HALLOWEEN}),
        ((11, 1), {SongKind.HALLOWEEN}),
        ((11, 2), set()),
        ((2, 29), set()),
    ],
)
def test_holiday_songs_are_included_in_their_season(day: tuple[int, int], kinds: set[SongKind]) -> None:
    assert included_kinds((), date(2028, *day)) == kinds


def test_a_year_has_37_days_of_christmas_and_18_of_halloween() -> None:
    days = [included_kinds((), date(2026, 1, 1) + timedelta(days)) for days in range(365)]
    counts = {kind: sum(kind in kinds for kinds in days) for kind in SongKind}
    assert counts == dict.fromkeys(SongKind, 0) | {SongKind.CHRISTMAS: 37, SongKind.HALLOWEEN: 18}


@pytest.mark.parametrize(
    ("genres", "kinds"),
    [
        ({"comedy"}, {SongKind.SPEECH}),
        ({"sleep", "jazz"}, {SongKind.SLEEP}),
        ({"kids"}, {SongKind.CHILDREN}),
        ({"children", "comedy"}, {SongKind.CHILDREN, SongKind.SPEECH}),
        ({"jazz"}, set()),
        (GENRES, {SongKind.SPEECH, SongKind.SLEEP, SongKind.CHILDREN}),
    ],
)
def test_a_request_for_a_genre_includes_its_kind(genres: set[str], kinds: set[SongKind]) -> None:
    assert included_kinds(genres, date(2026, 6, 15)) == kinds
    assert included_kinds(genres, date(2026, 12, 24)) == kinds | {SongKind.CHRISTMAS}


@given(genres=st.frozensets(st.sampled_from(GENRES), max_size=5), today=st.dates())
def test_more_genres_never_exclude_a_kind(genres: frozenset[str], today: date) -> None:
    included = included_kinds(genres, today)
    assert included_kinds((), today) <= included <= set(SongKind)
    assert included & set(KIND_GENRES) == {kind for kind, own in KIND_GENRES.items() if own & genres}


def test_every_kind_has_genres_or_a_season() -> None:
    assert set(KIND_GENRES) | set(SEASONS) == set(SongKind)
    assert not set(KIND_GENRES) & set(SEASONS)


# --- the bundled songs


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("last christmas wham!", "christmas"),
        ("let it snow dean martin", "christmas"),
        ("this is halloween our last night", "halloween"),
        ("baby shark pinkfong", "children"),
        ("skeletons undead tombstone remix andrew gold", "halloween"),
        ("holiday green day", None),
        ("la santa bad bunny", None),
        ("505 arctic monkeys", None),
        ("blue moon billie holiday", None),
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
