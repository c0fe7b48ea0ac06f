"""Titles and artists in the spellings of other programs, files and videos."""

import gc
import weakref
from pathlib import Path

import numpy as np

from emomusic.songs import catalogue, names
from emomusic.songs.names import artist_key, bare_title, names_of
from scripts.describe_tables import described

from .tables import known_songs


def test_an_artist_has_one_key_in_all_spellings_and_the_name_of_a_file_or_a_video_gives_the_title() -> None:
    spellings = [
        ("R.E.M.", "REM"), ("AC/DC", "ac-dc"), ("P!nk", "Pink"), ("A$AP Rocky", "ASAP Rocky"), ("M.I.A.", "MIA"),
        ("Beatles, The", "THE BEATLES"), ("The Beatles - Topic", "Beatles"), ("ColdplayVEVO", "Coldplay (UK)"),
        ("ABBA Official", "Abba"), ("Nirvana (2)", "Nirvana"), ("Florence + The Machine", "Florence and the Machine"),
    ]  # fmt: skip
    for first, second in spellings:
        assert artist_key(first) == artist_key(second)
    titles = "05 Yellow|Yellow.mp3|Yellow Official Video HD|1-05 - Yellow [4K]|Yellow (Letra) \u2605|Yellow【HD】"
    for title in titles.split("|"):
        assert names_of(known_songs().catalogue).rows([title], ["Coldplay"]).tolist() == [0]
    assert bare_title("99") == "99"


def test_another_script_a_subtitle_and_a_dash_in_brackets_are_the_same_song_but_a_number_is_not() -> None:
    of_catalogue = ("Style (\uac15\ub0a8)", "Request \uc2e0\uccad (feat. B)", "Running Up (A Deal)", "Part (Two 2)")
    known = names.Names(of_catalogue, ["A"] * 4, np.arange(4))
    asked = ("Style", "\uac15\ub0a8", "Request", "Running Up", "Running Up (Live - 2012)", "Part", "Style 2")
    assert known.rows(asked, ["A"] * 7).tolist() == [0, 0, 1, 2, 2, -1, -1]


def test_no_cache_keeps_the_titles_of_a_visitor_and_the_page_of_words_is_in_step(root: Path) -> None:
    for module in (catalogue, names):
        functions = [each for each in vars(module).values() if hasattr(each, "cache_info")]
        assert not [each.__name__ for each in functions if each.__module__ == module.__name__]
    songs = known_songs().catalogue
    gone = weakref.ref(names_of(songs))
    del songs
    gc.collect()
    assert gone() is None
    page = (root / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page.startswith(described()), "run python -m scripts.describe_tables"
