"""emomusic/music/genres.py: families of genres, and their names in URLs and commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.errors import DatasetError
from emomusic.music.catalogue import Catalogue
from emomusic.music.genres import GENRE_FAMILIES, GENRES, genres_of, names_of
from emomusic.music.song_kinds import KIND_GENRES

FAMILY = {family.key: family for family in GENRE_FAMILIES}


def test_every_genre_of_the_catalogue_is_in_exactly_one_family(catalogue: Catalogue) -> None:
    grouped = [genre for family in GENRE_FAMILIES for genre in family.genres]
    assert len(grouped) == len(set(grouped)) == 114
    assert sorted(grouped) == list(GENRES) == catalogue.genres


def test_about_twelve_families_have_distinct_names() -> None:
    assert 11 <= len(GENRE_FAMILIES) <= 14
    assert len(FAMILY) == len({family.title for family in GENRE_FAMILIES}) == len(GENRE_FAMILIES)
    assert not set(FAMILY) & set(GENRES)
    for family in GENRE_FAMILIES:
        assert len(family.genres) >= 2
        assert family.key == family.key.lower().replace(" ", "-")
        assert family.title.strip()


def test_the_genres_of_excluded_kinds_are_in_the_family_of_special_genres() -> None:
    of_kinds = {genre for genres in KIND_GENRES.values() for genre in genres}
    assert of_kinds == set(FAMILY["special"].genres) == {"comedy", "sleep", "children", "kids"}


@pytest.mark.parametrize(
    ("names", "genres"),
    [
        ([], set()),
        (["jazz"], {"jazz"}),
        (["Jazz", "BLUES"], {"jazz", "blues"}),
        ([" hip hop "], {"hip-hop"}),
        (["R-n-B"], {"r-n-b"}),
        (["jazz-blues"], {"jazz", "blues"}),
        (["Jazz Blues", "jazz"], {"jazz", "blues"}),
        (["soundtracks", "k-pop"], {"pop-film", "show-tunes", "disney", "k-pop"}),
    ],
)
def test_names_of_genres_and_families_give_genres(names: list[str], genres: set[str]) -> None:
    assert genres_of(names) == genres


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("jaz", "jazz"), ("metall", "metal"), ("hiphop", "hip-hop"), ("K Popp", "k-pop"), ("jazz-blue", "jazz-blues")],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(DatasetError, match=rf"expected a genre such as .*\b{suggestion}\b.*Received: '{name}'"):
        genres_of(["jazz", name])


@pytest.mark.parametrize("name", ["", "qqqq", "z" * 500, "\n"])
def test_a_name_like_no_other_is_refused_with_the_families(name: str) -> None:
    with pytest.raises(DatasetError) as caught:
        genres_of([name])
    message = str(caught.value)
    assert all(key in message for key in FAMILY)
    assert "\n" not in message
    assert len(message) < 400


@given(genres=st.frozensets(st.sampled_from(GENRES)))
def test_the_names_of_genres_give_the_same_genres(genres: frozenset[str]) -> None:
    names = names_of(genres)
    assert genres_of(names) == genres
    assert len(names) == len(set(names)) <= len(genres)


@given(keys=st.frozensets(st.sampled_from(sorted(FAMILY))), more=st.frozensets(st.sampled_from(GENRES), max_size=3))
def test_the_names_of_complete_families_are_their_keys(keys: frozenset[str], more: frozenset[str]) -> None:
    genres = genres_of([*keys, *more])
    names = names_of(genres)
    assert keys <= set(names)
    assert genres_of(names) == genres
    assert not {genre for key in keys for genre in FAMILY[key].genres} & set(names)


def test_families_come_in_their_order_and_before_single_genres() -> None:
    assert names_of(genres_of(["soul", "folk", "soundtracks", "jazz-blues"])) == [
        "jazz-blues",
        "soundtracks",
        "folk",
        "soul",
    ]
