import csv
import io

import pandas as pd
import pytest

from emomusic.affect import AffectPoint
from emomusic.errors import SpotifyError
from emomusic.music.catalogue import Catalogue
from emomusic.music.recommend import Recommender, Song
from emomusic.music.request import Request
from emomusic.music.spotify.embeds import (
    CSV_COLUMNS,
    PLAYER_HEIGHT,
    checked_track_id,
    embed_url,
    songs_csv,
    songs_m3u,
    track_url,
)
from tests.music.tables import FakeClassifier, song_table

ID = "2wrJq5XKLnmhRXHIAf9xBa"


def songs_over(table: pd.DataFrame) -> list[Song]:
    return Recommender(Catalogue(table), FakeClassifier()).songs(Request(AffectPoint(0, 0)), len(table))


def test_urls_contain_the_id() -> None:
    assert track_url(ID) == f"https://open.spotify.com/track/{ID}"
    assert embed_url(ID) == f"https://open.spotify.com/embed/track/{ID}"
    assert PLAYER_HEIGHT == 152


@pytest.mark.parametrize("track_id", [ID[:-1], ID + "a", ID + "\n", ID[:-1] + "٣", f'{ID[:-2]}">'])
def test_an_invalid_id_is_refused(track_id: str) -> None:
    for function in (checked_track_id, track_url, embed_url):
        with pytest.raises(SpotifyError, match=r"22 letters and digits.*Received"):
            function(track_id)


def test_the_csv_has_one_row_per_song() -> None:
    songs = songs_over(song_table(3))
    rows = list(csv.DictReader(io.StringIO(songs_csv(songs))))
    assert [row["id"] for row in rows] == [song.track.id for song in songs]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[0]["url"] == track_url(songs[0].track.id)
    assert float(rows[0]["score"]) == pytest.approx(songs[0].score, abs=1e-4)
    assert rows[0]["mood"] == songs[0].mood


@pytest.mark.parametrize("column", ["title", "artists", "album"])
def test_formulas_in_the_csv_are_escaped(column: str) -> None:
    table = song_table(1)
    table[column] = '=HYPERLINK("https://example.org")'
    (row,) = csv.DictReader(io.StringIO(songs_csv(songs_over(table)), newline=""))
    assert row[column].startswith("'=")


def test_other_text_in_the_csv_is_unchanged() -> None:
    table = song_table(1).assign(title='Say "Hey", 4 - 1 = 3', artists="Beyoncé;宇多田ヒカル", album=None, valence=0.1)
    (row,) = csv.DictReader(io.StringIO(songs_csv(songs_over(table))))
    assert (row["title"], row["artists"], row["album"]) == ('Say "Hey", 4 - 1 = 3', "Beyoncé, 宇多田ヒカル", "")
    assert float(row["valence"]) == pytest.approx(-0.8)  # a negative number is no formula


def test_the_playlist_is_an_extended_m3u_file_of_links() -> None:
    (song,) = songs_over(song_table(1))
    label = "#EXTINF:200,Artist 0 - Song 0"
    assert songs_m3u([song]) == f"#EXTM3U\n{label}\n{track_url(song.track.id)}\n"
    with_break = songs_m3u([song], ["0:31 Two\r\nhttps://example.org/\u2028lines"]).splitlines()
    assert with_break[1] == "#EXTINF:200,0:31 Two https://example.org/ lines"
    assert songs_m3u([]) == "#EXTM3U\n"
    with pytest.raises(ValueError, match="shorter"):
        songs_m3u([song, song], ["0:00 One"])


def test_an_unknown_duration_is_minus_one_in_m3u() -> None:
    (song,) = songs_over(song_table(1).drop(columns="duration_s"))
    assert "#EXTINF:-1,Artist 0" in songs_m3u([song])
