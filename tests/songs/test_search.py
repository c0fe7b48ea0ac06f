"""The search of the Music page, of the bundled catalogue and of small tables."""

import numpy as np

from emomusic.affect import Mood
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.search import search
from tests.songs.tables import recommender_over, song_table


def labels(songs: Recommender, text: str) -> list[str]:
    return [term.label for term in search(songs, text).terms]


def test_moods_and_genres_are_terms_and_a_song_has_one_of_each_kind(recommender: Recommender) -> None:
    found = search(recommender, "sad jazz")
    assert [(term.label, term.mood, term.genre) for term in found.terms] == [
        ("sad", Mood.SAD, ""),
        ("jazz", None, "jazz"),
    ]
    is_sad, is_jazz = recommender.moods == MOODS.index(Mood.SAD), recommender.catalogue.passing(genres=["jazz"])
    assert sorted(found.rows) == np.flatnonzero(is_sad & is_jazz).tolist()
    popularity = recommender.catalogue.table["popularity"].to_numpy()[found.rows]
    assert (np.diff(popularity) <= 0).all()
    for text in ("jazz, sad", "SAD JAZZ", "sad jazz songs"):
        assert sorted(search(recommender, text).rows) == sorted(found.rows), text
    both = set(search(recommender, "sad calm jazz").rows.tolist())
    assert both > set(found.rows.tolist())  # one of the moods


def test_typing_errors_are_mended_known_words_stay_and_what_is_near_nothing_is_none(recommender: Recommender) -> None:
    for text, mended in (
        ("hapy pharell", "happy pharrell"),
        ("sad jaz", "sad jazz"),
        ("reggeaton", "reggaeton"),
        ("yesterdya", "yesterday"),
        ("bohemian rapsody", "bohemian rhapsody"),
        ("Yesterday BEETLES", "yesterday beatles"),  # both words are known, but of no song together
    ):
        found = search(recommender, text)
        assert (found.text, found.is_mended) == (mended, True)
        assert found.rows.tolist() == search(recommender, mended).rows.tolist()
    for text in ("abc xyz", "x" * 500, "q w e r t y u i o p" * 3):
        found = search(recommender, text)
        assert (found.rows.size, found.is_mended) == (0, False)
    for text in ("metall", "queen", "the beatles", "don't", "505 arctic monkeys"):
        assert not search(recommender, text).is_mended, text
    assert search(recommender, "").rows.tolist() == recommender.known_first.tolist()
    first, catalogue = search(recommender, "solo para amarte").rows[0], recommender.catalogue
    assert catalogue.song(int(first)).title.startswith("Sólo")
    assert search(recommender, "DON\u2019T").rows.tolist() == search(recommender, "don't").rows.tolist()


def test_the_terms_of_a_text_also_of_an_artist_with_a_mood_and_a_title_with_a_genre(recommender: Recommender) -> None:
    for text, terms in (
        ("hip-hop", ["hip hop"]),
        ("R&B", ["r n b"]),
        ("energetic drum and bass", ["energetic", "drum and bass"]),
        ("melancholic sad", ["sad"]),  # a genre has this name
        ("joy division", []),  # songs have both words
    ):
        assert labels(recommender, text) == terms
        assert search(recommender, text).rows.size
    table = song_table(4).assign(
        title=["Happy", "Country Roads", "Roads", "Sad"], artists=["Ann Lee", "Bo", "Cy", "Ann Lee"], genres="pop"
    )
    songs = recommender_over(table)
    songs.moods = np.array([MOODS.index(mood) for mood in (Mood.HAPPY, Mood.SAD, Mood.SAD, Mood.HAPPY)])
    assert search(songs, "happy ann lee").rows[0] == 0  # all words in its title and artists
    assert sorted(search(songs, "happy ann lee").rows) == [0, 3]
    assert search(songs, "country roads").rows.tolist() == [1]
    assert sorted(search(songs, "pop sad").rows) == [1, 2]
