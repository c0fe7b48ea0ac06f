import numpy as np
import pytest

from emomusic.songs.catalogue import song_key
from emomusic.songs.history import PlayHistory


@pytest.mark.parametrize(
    ("title", "artists"),
    [
        ("Creep - Acoustic", "Radiohead"),
        ("CREEP (Live)", "radiohead;Somebody"),
        ("Créep [Remix]", "Radiohead"),
    ],
)
def test_all_versions_of_a_song_have_one_key(title: str, artists: str) -> None:
    assert song_key(title, artists) == ("creep", "radiohead")


def test_a_title_that_starts_with_a_note_is_unchanged() -> None:
    assert song_key("(I Can\u2019t Get No) Satisfaction", "The Rolling Stones")[0] == "(i can't get no) satisfaction"
    assert song_key(" - ", "A")[0] == " - "


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Symphony No. 5, Op. 67 - I. Allegro", "Symphony No. 5, Op. 67 - II. Andante"),
        ("Another Brick in the Wall (Part 1)", "Another Brick in the Wall (Part 2)"),
        ("Nocturnes, Op. 9 - No. 1 in B Flat Minor", "Nocturnes, Op. 9 - No. 2 in E Flat Major"),
    ],
)
def test_parts_of_a_work_have_different_keys(first: str, second: str) -> None:
    assert song_key(first, "A") != song_key(second, "A")
    assert song_key(f"{first} - 2011 Remaster", "A") == song_key(first, "A")


def test_a_played_song_is_known_in_every_spelling() -> None:
    titles = np.array(["Don't", "DON\u2019T - Live", "Other"], object)
    history = PlayHistory(np.array(["Beyoncé", "Beyonce", "Beyoncé"], object), titles)
    history.add(0)
    assert [history.knows(row) for row in range(3)] == [True, True, False]
