"""Exports of known programs give their songs: each table here is made in the shape of the real one."""

import io
import json
import plistlib

import pandas as pd
import pytest

from emomusic.affect import AffectPoint
from emomusic.errors import DatasetError
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import FEATURES
from emomusic.songs.spotify import songs_csv
from emomusic.songs.tables import read_table

YELLOW, SOMEONE = "3AJwUDP919kvQ9QcozQPxg", "1zwMYTA5nlNjZxYrvBB2pV"
FEATURE_CELLS = {
    "danceability": "0.429",
    "energy": "0.661",
    "loudness": "-7.2",
    "speechiness": "0.0281",
    "acousticness": "2.33e-5",
    "instrumentalness": "0",
    "liveness": "0.234",
    "valence": "0.285",
    "tempo": "173.372",
}
FEATURE_HEAD, FEATURE_ROW = ",".join(FEATURE_CELLS), ",".join(FEATURE_CELLS.values())


def csv(header: str, *rows: str, encoding: str = "utf-8", end: str = "\n") -> bytes:
    return (end.join([header, *rows]) + end).encode(encoding)


def with_features(header: str, row: str) -> bytes:
    return csv(f"{header},{FEATURE_HEAD}", f"{row},{FEATURE_ROW}")


def json_of(document: object) -> bytes:
    return json.dumps(document, indent=1).encode()


def plays(key: str, heard: dict[str, object], short: dict[str, object]) -> list[dict[str, object]]:
    return [{**short, key: 4_000}, {**heard, key: 200_000}, {**heard, key: 31_000}]


EXTENDED = {"master_metadata_track_name": "Yellow", "master_metadata_album_artist_name": "Coldplay"}
NML = """<?xml version="1.0"?><NML VERSION="19"><COLLECTION ENTRIES="1"><ENTRY TITLE="Yellow" ARTIST="Coldplay">
<LOCATION DIR="/:Music/:" FILE="y.mp3" VOLUME="D:"/><INFO GENRE="Rock" PLAYTIME="266" KEY="4m"/>
<TEMPO BPM="173.0"/><MUSICAL_KEY VALUE="18"/></ENTRY></COLLECTION></NML>"""
APPLE_PAGE = "Apple ID Number,Song Name,Artist Name,Container Artist Name,Track Description,Play Duration Milliseconds"

TABLES: dict[str, bytes] = {
    "moods": with_features("name,album,artist,id,release_date,popularity,length,mood", f"Yellow,P,Coldplay,{YELLOW},2000-07-10,91,266773,Sad"),
    "exportify": csv(
        "Track URI,Track Name,Album Name,Artist Name(s),Release Date,Duration (ms),Popularity,Explicit,Added By,Added At",
        f'spotify:track:{YELLOW},"Yellow","Parachutes","Coldplay;Guest",2000-07-10,266773,91,false,me,2026',
    ),
    "chosic": csv(
        "#,Song,Artist,Popularity,BPM,Genres,Album,Album Date,Time,Dance,Energy,Acoustic,Instrumental,Happy,Speech,Live,Loud (Db),Key,Spotify Track Id",
        f'1,"Yellow","Coldplay",91,173,"rock, pop","P",2000-07-10,04:26,43,66,0,0,28,0,20,-7,B Major,{YELLOW}',
    ),
    "kaggle-114k": with_features(",track_id,artists,album_name,track_name,popularity,duration_ms,track_genre", f"0,{YELLOW},Coldplay;Guest,P,Yellow,91,266773,rock"),
    "kaggle-170k": with_features("year,artists,duration_ms,id,name,popularity,release_date", f"2000,\"['Coldplay', \"\"B's\"\"]\",266773,{YELLOW},Yellow,91,2000"),
    "kaggle-2023": csv(
        "track_name,artist(s)_name,artist_count,released_year,bpm,key,danceability_%,valence_%,energy_%,acousticness_%,instrumentalness_%,liveness_%,speechiness_%",
        "Yellow,Coldplay,1,2000,173,,43,28,66,0,0,23,3", 'D\u00e9j\u00e0 Vu,Beyonc\u00e9,1,2000,173,,43,28,66,0,0,23,3', encoding="cp1252",
    ),
    "reccobeats": json_of({"content": [{"id": "878dadea-33c5-4c08-bdb9-e2b117475a99", "href": f"https://open.spotify.com/track/{YELLOW}", **{name: float(cell) for name, cell in FEATURE_CELLS.items()}}]}),
    "spotify-extended": json_of(plays("ms_played", {**EXTENDED, "spotify_track_uri": f"spotify:track:{YELLOW}"}, {**EXTENDED, "spotify_track_uri": f"spotify:track:{SOMEONE}"})),
    "spotify-library": json_of({"tracks": [{"artist": "Coldplay", "album": "P", "track": "Yellow", "uri": f"spotify:track:{YELLOW}"}], "albums": []}),
    "spotify-playlists": json_of({"playlists": [{"name": "p", "lastModifiedDate": "2024-01-01", "items": [{"track": {"trackName": "Yellow", "artistName": "Coldplay", "albumName": "P", "trackUri": f"spotify:track:{YELLOW}"}, "episode": None}, {"track": None, "episode": {"episodeName": "Talk"}}]}]}),
    "apple-activity": csv(APPLE_PAGE, "1,Yellow,,Coldplay,,186000", "1,,,,Coldplay - Yellow,40000", "1,One,U2,,,0"),
    "apple-history": csv("Track Name,Last Played Date,Is User Initiated", "Coldplay - Yellow,1672913700000,true"),
    "itunes-text": csv("Name\tArtist\tComposer\tAlbum\tGrouping\tGenre\tSize\tTime\tYear\tLocation", "Yellow\tColdplay\t\tP\t\tRock\t4\t266\t2000\t", encoding="utf-16", end="\r"),
    "itunes-xml": plistlib.dumps({"Tracks": {"1": {"Track ID": 1, "Name": "Yellow", "Artist": "Coldplay", "Total Time": 266773, "Location": "file://localhost/C:/Music/y.mp3"}}}),
    "youtube-music": csv("Video ID,Song Title,Album Title,Artist Name 1,Artist Name 2,Artist Name 3", "abc,Yellow,P,Coldplay,Guest,", "", ""),
    "youtube-history": json_of([{"header": "YouTube Music", "title": "Watched Yellow", "titleUrl": "https://x", "subtitles": [{"name": "Coldplay - Topic"}]}, {"header": "YouTube", "title": "Watched a film", "titleUrl": "https://y", "subtitles": [{"name": "Someone"}]}]),
    "lastfm-ben": csv('Coldplay,"Parachutes, or so",Yellow,31 Dec 2020 23:59', "Coldplay,,Yellow,01 Jan 2021 00:10"),
    "listenbrainz": b"\n".join(json.dumps({"listened_at": n, "track_metadata": {"artist_name": "Coldplay", "track_name": "Yellow", "additional_info": {"duration_ms": 266773}}}).encode() for n in (1, 2)),
    "rekordbox-text": csv("#\tArtwork\tTrack Title\tArtist\tAlbum\tGenre\tBPM\tRating\tTime\tKey\tDate Added", "1\t\tYellow\tColdplay\tP\tRock\t173.00\t*****\t04:26\tB\t2023-01-05", encoding="utf-16"),
    "traktor": NML.encode(),
    "playlist": b"#EXTM3U\n#EXTINF:266,Coldplay - Yellow\nC:\\Music\\y.mp3\n",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_each_source_is_recognized_and_gives_its_songs(name: str, known: Recommender) -> None:
    reading = read_table(TABLES[name], name="mine", known=known)
    assert reading.catalogue is not None, reading.notes
    song = reading.catalogue.song(0)
    assert "Coldplay" in song.artists or name == "reccobeats"
    assert song.title == "Yellow" or name == "reccobeats"
    assert reading.found_by[0] in ("features", "id", "title")
    same = known.catalogue.song(0)  # of the row, or of the same song in the catalogue
    assert abs(song.valence - same.valence) + abs(song.energy - same.energy) < 0.03
    assert song.duration_s is None or song.duration_s in (266.0, 266.773, 267.0)
    assert len(reading.catalogue) == (2 if name == "kaggle-2023" else 1)
    assert not reading.not_found
    assert len(reading.moods) == len(reading.catalogue)


def test_our_own_songs_are_the_same_songs_again(known: Recommender) -> None:
    picks = known.songs(Request(AffectPoint(0.6, 0.5)), 4)
    reading = read_table(songs_csv(picks).encode("utf-8-sig"), known=known)
    assert [reading.songs.song(row) for row in range(4)] == [pick.song for pick in picks]
    # Songs that the catalogue does not have keep their mood
    alone = read_table(songs_csv(picks).encode(), known=None).songs
    for row, pick in enumerate(picks):
        assert alone.song(row).mood is pick.mood


def test_a_playlist_of_videos_without_titles_says_what_helps(known: Recommender) -> None:
    data = csv("Video ID,Playlist Video Creation Timestamp", "dQw4w9WgXcQ,2024-01-01T00:00:00+00:00")
    with pytest.raises(DatasetError, match="TuneMyMusic"):
        read_table(data, known=known)


SHEET = pd.DataFrame(
    {"id": [YELLOW], "title": ["Yellow"], "artists": ["Coldplay"]}
    | {feature.source_name: [float(FEATURE_CELLS[feature.source_name])] for feature in FEATURES.values()}
)


def test_parquet_has_lists_and_numbers(known: Recommender) -> None:
    SHEET.assign(artists=[["Coldplay", "Guest"]]).to_parquet(file := io.BytesIO(), index=False)
    reading = read_table(file.getvalue(), name="x.parquet", known=known)
    assert reading.songs.song(0).artists == ("Coldplay", "Guest")
    assert reading.found_by == ["features"]
