import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.genres import GENRE_FAMILIES, GENRES, genres_of, names_of


def test_every_genre_of_the_catalogue_is_in_exactly_one_family(catalogue: Catalogue) -> None:
    grouped = [genre for family in GENRE_FAMILIES for genre in family.genres]
    assert len(grouped) == len(set(grouped)) == 114
    assert sorted(grouped) == list(GENRES)
    assert {genre for row in range(len(catalogue)) for genre in catalogue.song(row).genres} == set(GENRES)
    keys = {family.key for family in GENRE_FAMILIES}
    assert len(keys) == len(GENRE_FAMILIES)
    assert keys.isdisjoint(GENRES)


@pytest.mark.parametrize(
    ("names", "genres"),
    [
        ([], set()),
        ([" Hip Hop "], {"hip-hop"}),
        (["soundtracks", "k-pop"], {"pop-film", "show-tunes", "disney", "k-pop"}),
    ],
)
def test_names_of_genres_and_families_give_genres(names: list[str], genres: set[str]) -> None:
    assert genres_of(names) == genres


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("hiphop", "hip-hop"), ("jazz-blue", "jazz-blues"), ("qqqq", "pop-music")],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(DatasetError, match=rf"expected a genre such as .*\b{suggestion}\b.*Received: '{name}'"):
        genres_of(["jazz", name])


@given(genres=st.frozensets(st.sampled_from(GENRES)))
def test_the_names_of_genres_give_the_same_genres(genres: frozenset[str]) -> None:
    names = names_of(genres)
    assert genres_of(names) == genres
    assert len(names) == len(set(names)) <= len(genres)
    assert names_of({"soul", "folk", "jazz", "blues"}) == ["jazz-blues", "folk", "soul"]
