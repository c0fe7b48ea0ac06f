import csv
import io

import pandas as pd
import pytest

from emomusic.affect import AffectPoint
from emomusic.errors import SpotifyError
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.songs.spotify.embeds import (
    CSV_COLUMNS,
    embed_url,
    songs_csv,
    songs_m3u,
    track_url,
)
from tests.songs.tables import recommender_over, song_table

ID = "2wrJq5XKLnmhRXHIAf9xBa"


def songs_over(table: pd.DataFrame) -> list[Pick]:
    return recommender_over(table).songs(Request(AffectPoint(0, 0)), len(table))


@pytest.mark.parametrize("track_id", [ID[:-1], ID + "a", ID + "\n", ID[:-1] + "٣", f'{ID[:-2]}">'])
def test_urls_contain_the_id_and_an_invalid_one_is_refused(track_id: str) -> None:
    assert track_url(ID) == f"https://open.spotify.com/track/{ID}"
    assert embed_url(ID) == f"https://open.spotify.com/embed/track/{ID}"
    for function in (track_url, embed_url):
        with pytest.raises(SpotifyError, match=r"22 letters and digits.*Received"):
            function(track_id)


def test_the_csv_has_one_row_per_song() -> None:
    songs = songs_over(song_table(3))
    rows = list(csv.DictReader(io.StringIO(songs_csv(songs))))
    assert [row["id"] for row in rows] == [pick.song.id for pick in songs]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[0]["url"] == track_url(songs[0].song.id)
    assert float(rows[0]["score"]) == pytest.approx(songs[0].score, abs=1e-4)
    assert rows[0]["mood"] == songs[0].mood


def test_formulas_in_the_csv_are_escaped_and_other_text_is_unchanged() -> None:
    formula = '=HYPERLINK("https://example.org")'
    table = song_table(1).assign(title=formula, artists=formula, album=formula)
    (row,) = csv.DictReader(io.StringIO(songs_csv(songs_over(table)), newline=""))
    assert [row["title"], row["artists"], row["album"]] == [f"'{formula}"] * 3
    table = song_table(1).assign(title='Say "Hey", 4 - 1 = 3', artists="Beyoncé;宇多田ヒカル", album=None, valence=0.1)
    (row,) = csv.DictReader(io.StringIO(songs_csv(songs_over(table))))
    assert (row["title"], row["artists"], row["album"]) == ('Say "Hey", 4 - 1 = 3', "Beyoncé, 宇多田ヒカル", "")
    assert float(row["valence"]) == pytest.approx(-0.8)  # a negative number is no formula


def test_the_playlist_is_an_extended_m3u_file_of_links() -> None:
    (song,) = songs_over(song_table(1))
    label = "#EXTINF:200,Artist 0 - Song 0"
    assert songs_m3u([song]) == f"#EXTM3U\n{label}\n{track_url(song.song.id)}\n"
    with_break = songs_m3u([song], ["0:31 Two\r\nhttps://example.org/\u2028lines"]).splitlines()
    assert with_break[1] == "#EXTINF:200,0:31 Two https://example.org/ lines"
    assert songs_m3u([]) == "#EXTM3U\n"
    (unknown,) = songs_over(song_table(1).drop(columns="duration_s"))
    assert "#EXTINF:-1,Artist 0" in songs_m3u([unknown])
    with pytest.raises(ValueError, match="shorter"):
        songs_m3u([song, song], ["0:00 One"])
