"""Lists whose titles and artists the known songs tell, or else a person."""

import pytest

from emomusic.errors import DatasetError
from emomusic.songs.recommend import Recommender
from emomusic.songs.tables import Chosen, UnknownColumnsError, read_table
from emomusic.songs.tables.fields import OTHER_TITLES

from .tables import known_songs, titles

Y, S = "Yellow", "Someone Like You"


@pytest.mark.parametrize(
    "text",
    [
        "Artist,Title\nYellow,Coldplay\nSomeone Like You,Adele\n",  # wrong names
        "1\nYellow\nColdplay\n4:26\n2\nSomeone Like You\nAdele\n4:45\n",  # copied from a page
        '[{"foo": "Coldplay", "bar": "P", "baz": "Yellow"}, {"foo": "Adele", "bar": "21", "baz": "Someone Like You"}]',
        "1,P,Yellow - Live,Coldplay\n2,21,Someone Like You,Adele\n",
        "Coldplay - P - Yellow (with Nobody)\nAdele - 21 - Someone Like You\n",
        "Yellow - Remastered 2011 / Coldplay / September\nSomeone Like You / Adele / Yellow\n",
    ],
)
def test_known_songs_decide_against_names_and_between_forms_of_a_list(text: str, known: Recommender) -> None:
    assert [title.partition(" - ")[0] for title in titles(read_table(text.encode(), known=known))] == [Y, S]


def test_a_close_vote_is_told(known: Recommender) -> None:
    songs = (
        ("Yellow", "Coldplay", "P"),
        ("Someone Like You", "Adele", "21"),
        ("Else", "Nobody", "R"),
        ("Z", "Nobody", "R"),
    )
    clear = [" - ".join((artist, title, album)) for title, artist, album in songs]
    close = [*clear[:2], "Train - Else - Hey, Soul Sister", "Beyonc\u00e9 - Z - D\u00e9j\u00e0 Vu"]
    for lines, is_told in ((clear, False), (close, True)):
        for text in ("\n".join(lines), "\n".join(lines).replace(" - ", ";")):
            notes = read_table(text.encode(), known=known).notes
            assert (OTHER_TITLES in notes) is is_told, text


def test_a_person_names_the_columns_that_neither_names_nor_known_songs_tell() -> None:
    data = b"Song,Laulaja,mood\nAamu,Nobody,sad\nIlta,Else,calm\n"
    with pytest.raises(UnknownColumnsError) as caught:
        read_table(data)
    assert (list(caught.value.columns)[:2], caught.value.rows[1][:2]) == (["Song", "Laulaja"], ["Ilta", "Else"])
    for chosen in (Chosen("song", "Laulaja"), Chosen("1", "2")):
        songs = read_table(data, chosen=chosen).songs
        assert [(songs.song(row).title, songs.song(row).artists) for row in (0, 1)] == [
            ("Aamu", ("Nobody",)),
            ("Ilta", ("Else",)),
        ]
    with pytest.raises(DatasetError, match="Song, Laulaja"):
        read_table(data, chosen=Chosen("9"))
    reading = read_table(b"1. A - B - C\n2. D - E - F\n", chosen=Chosen("3", "1"), known=known_songs())
    assert [(title, names) for _, title, names in reading.not_found] == [("C", ("A",)), ("F", ("D",))]
    untitled = b"Kappale,Laulaja\nAamu,Nobody\nIlta,Else\n"
    named = read_table(untitled, chosen=Chosen("Kappale", "Laulaja"), known=known_songs())
    assert [title for _, title, _ in named.not_found] == ["Aamu", "Ilta"]
