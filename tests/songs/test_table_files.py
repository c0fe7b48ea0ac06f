"""Files of other forms than text with separators: playlists, workbooks, and what is refused."""

import io
import json
import plistlib

import pandas as pd
import pytest

from emomusic.affect import AffectPoint, Mood
from emomusic.errors import DatasetError
from emomusic.media import child
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Hearing, Player, Song
from emomusic.songs.spotify import songs_csv
from emomusic.songs.tables import cells, files, read_table
from tests.hostile.generator import zip_bytes

from .tables import song_table, titles, track_id

M3U = "#EXTM3U\r\n#EXTINF:266,Coldplay - Yellow\r\nmusic\\y.mp3\r\n../Train - Hey, Soul Sister.flac\r\n#EXTINF:9,X - Y\r\nz.mp3\r\n"
PLS = "[playlist]\nFile1=y.mp3\nTitle1=Coldplay - Yellow\nLength1=266\nFile2=Train - Hey, Soul Sister.mp3\nFile3=z.mp3\nTitle3=X - Y\n"
XSPF = """<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList>
<track><location>file:///a%20b/y.mp3</location><title>Yellow</title><creator>Coldplay</creator></track>
<track><title>Hey, Soul Sister</title><creator>Train</creator></track><track><location>file:///home/me/z%2Emp3</location><title>Y</title><creator>X</creator></track>
</trackList></playlist>"""
CUE = """PERFORMER "Coldplay"\nTITLE "Album"\nFILE "album.flac" WAVE\n  TRACK 01 AUDIO\n    TITLE "Yellow"\n
  TRACK 02 AUDIO\n    TITLE "Hey, Soul Sister"\n    PERFORMER "Train"\n  TRACK 03 AUDIO\n    TITLE "Y"\n"""
DEEP = b'[{"a":' * 100_000


def own_song(number: int, path: str) -> Song:
    heard = Hearing({"Q1": 0.1, "Q2": 0.2, "Q3": 0.6, "Q4": 0.1}, -0.5, -0.4, ())
    known = {"valence": 0.25, "energy": 0.3, "path": path, "hearing": heard}
    return Song(f"library-{number}", "Mine", ("Me",), Player.LIBRARY, **known)


@pytest.mark.parametrize("text", [M3U, PLS, XSPF, CUE])
def test_playlists_name_songs_of_the_catalogue_and_of_the_library(text: str, known: Recommender) -> None:
    reading = read_table(text.encode(), name="list", known=known)
    assert titles(reading) == ["Yellow", "Hey, Soul Sister"]
    assert [row for row, _, _ in reading.not_found] == [3]
    if text is XSPF:
        for encoding in ("latin-1", "utf-16"):
            other = XSPF.replace('"1.0"', f'"1.0" encoding="{encoding}"').replace(">Y<", ">Déjà<").encode(encoding)
            assert "Déjà" in str(read_table(other, name="list", known=known).not_found)
    if text is not CUE:
        own = own_song(1, "/home/me/z.mp3")
        reading = read_table(text.encode("utf-16"), name="list", known=known, files=[own])
        assert titles(reading) == ["Yellow", "Hey, Soul Sister", "Mine"]
        assert reading.songs.song(2) == own
        assert reading.moods[2] is Mood.SAD


def test_songs_that_pass_the_options_keep_their_files(known: Recommender) -> None:
    own = own_song(1, "/home/me/z.mp3")
    text = b"path,title,artist\n/home/me/z.mp3,Mine,Me\n,Yellow,Coldplay\n"
    songs = read_table(text, known=known, files=[own]).songs
    is_own = songs.table["title"] == "Mine"
    assert songs.of_rows(is_own.to_numpy(bool)).song(0) == own


def test_a_path_names_the_file_with_the_longest_equal_end(known: Recommender) -> None:
    for path, number in (("D:\\Music\\jazz\\one.mp3", 2), ("zz/one.mp3", 1), ("/a/b/c/d/e/jazz/one.mp3", 2)):
        files = [own_song(n, f"/home/me/music/{folder}/one.mp3") for n, folder in ((1, "rock"), (2, "jazz"))]
        reading = read_table(f"#EXTM3U\n{path}\n".encode(), name="list", known=known, files=files)
        assert reading.songs.song(0).id == f"library-{number}"


def sheet_xml(*rows: list[str], at: str = "") -> bytes:
    """A workbook of Excel with texts."""
    cells = ("".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows)
    data = "".join(f"<row>{row}</row>" for row in cells) + at
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{office}"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{data}</sheetData></worksheet>",
    }
    return zip_bytes((name, f'<?xml version="1.0"?>{part}'.encode()) for name, part in parts.items())


def ods(rows: str) -> bytes:
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    return zip_bytes(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name='A'>{rows}"
            "</table:table></office:spreadsheet></office:body></office:document-content>".encode(),
        }.items()
    )


def ods_row(*cells: str, repeated: int = 1) -> str:
    texts = "".join(
        f"<table:table-cell office:value-type='string'><text:p>{cell}</text:p></table:table-cell>" for cell in cells
    )
    rest = '<table:table-cell table:number-columns-repeated="16382"/>'
    return f'<table:table-row table:number-rows-repeated="{repeated}">{texts}{rest}</table:table-row>'


def test_a_merged_cell_is_the_artist_of_all_its_rows(known: Recommender) -> None:
    merged = (
        '</sheetData><mergeCells count="2"><mergeCell ref="B2:B3"/><mergeCell ref="Z9:Z99"/></mergeCells><sheetData>'
    )
    workbook = sheet_xml(["Title", "Artist"], ["Yellow", "Coldplay"], ["Fix You", ""], at=merged)
    reading = read_table(workbook, known=known)
    assert titles(reading) == ["Yellow"]
    assert reading.not_found == [(2, "Fix You", ("Coldplay",))]


LISTED = ("Coldplay - Yellow", "Adele - Someone Like You", "Train - Hey, Soul Sister", "Nobody - Else", "Some - One")


@pytest.mark.parametrize(
    "lines",
    [
        [f"{number:02d} {song}" for number, song in enumerate(LISTED, 8)],
        ["My best songs", *(f"{number} {song}" for number, song in enumerate(LISTED, 1))],
        [f"{1 + number // 3}-{1 + number % 3:02d} {song}" for number, song in enumerate(LISTED)],
        [f"{'AB'[number // 3]}{1 + number % 3} {song}" for number, song in enumerate(LISTED)],
    ],
    ids=["padded", "heading", "discs", "sides"],
)
def test_numbers_that_count_the_lines_are_no_names(lines: list[str], known: Recommender) -> None:
    reading = read_table("\n".join(lines).encode(), name="list", known=known)
    assert titles(reading) == ["Yellow", "Someone Like You", "Hey, Soul Sister"]
    assert [names for _, _, names in reading.not_found] == [("Nobody",), ("Some",)]


@pytest.mark.parametrize("mark", [" by ", " \u00b7 "])
def test_the_mark_that_lines_share_divides_them_also_where_a_title_has_a_dash(mark: str, known: Recommender) -> None:
    songs = [("Here Comes The Sun - Remastered 2009", "The Beatles"), ("Yellow", "Coldplay"), ("Else - Live", "Me")]
    reading = read_table("\n".join(map(mark.join, songs)).encode(), name="list", known=known)
    assert titles(reading) == ["Here Comes The Sun - Remastered 2009", "Yellow"]
    assert reading.not_found == [(3, "Else - Live", ("Me",))]


def test_links_between_files_name_songs_too(known: Recommender) -> None:
    links = (f"spotify:track:{track_id(5)}", f"https://open.spotify.com/track/{track_id(6)}")
    files = "#EXTM3U\n#EXTINF:1,Coldplay - Yellow\nC:\\Music\\a.mp3\nC:\\Music\\b.mp3\nC:\\Music\\c.mp3\n"
    reading = read_table((files + "\n".join(links)).encode(), name="list", known=known)
    assert reading.found_by.count("id") == 2


def test_the_sheet_of_songs_is_read_and_others_are_named(known: Recommender) -> None:
    sheets = {
        "Albums": ("September", "Earth"),
        "Disliked": ("Hey, Soul Sister", "Train"),
        "Rock": ("Yellow", "Coldplay"),
    }
    tables = (
        f"</table:table><table:table table:name='{name}'>{ods_row('Title', 'Artist')}{ods_row(*song)}"
        for name, song in sheets.items()
    )
    reading = read_table(ods(ods_row("Notes") + "".join(tables)), known=known)
    assert titles(reading) == ["Yellow"]
    assert "Disliked" in str(reading.notes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        song_table(3).to_csv(index=False).encode() + b"\0",
        b"title,artist," + b"," * 2000 + b"\nA,B",
        b"title,artist\nA," + b"x" * 200_000,
        DEEP,
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"PAR1" + bytes(100),
        b"\xd0\xcf\x11\xe0" + bytes(100),
        zip_bytes([("songs.csv", b"title,artist\nA,B\n")]),
        json.dumps([{str(number): 1 for number in range(2000)}]).encode(),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_hostile_or_foreign_file_is_refused_in_one_line(
    data: bytes, known: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "read_in_child", child.read_in_child)
    with pytest.raises(DatasetError, match="mine") as caught:
        _ = read_table(data, name="mine", known=known).songs
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 1500


def test_a_workbook_that_unpacks_to_too_much_is_refused(known: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook = sheet_xml(["Title", "Artist"], ["Yellow", "Coldplay"])
    assert titles(read_table(workbook, known=known)) == ["Yellow"]
    monkeypatch.setattr(cells, "MAX_UNPACKED_BYTES", 500)
    with pytest.raises(DatasetError, match="at most 0 MB"):
        read_table(workbook, known=known)


# Exports of known programs give their songs: each table here is made in the shape of the real one


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


def parquet() -> bytes:
    """A table with a list and numbers."""
    song = {"id": YELLOW, "title": "Yellow", "artists": ["Coldplay", "Guest"]}
    numbers = {name: float(cell) for name, cell in FEATURE_CELLS.items()}
    pd.DataFrame([song | numbers]).to_parquet(file := io.BytesIO(), index=False)
    return file.getvalue()


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
    "spotify-extended": json_of([{**EXTENDED, "spotify_track_uri": f"spotify:track:{track}", "ms_played": ms} for track, ms in ((SOMEONE, 4_000), (YELLOW, 200_000), (YELLOW, 31_000))]),
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
    "excel": sheet_xml(["My songs"], ["Title", "Artist"], ["Yellow", "Coldplay"]),
    "ods": ods(ods_row("Title", "Artist") + ods_row("Yellow", "Coldplay") + ods_row("", repeated=1_048_574)),
    "parquet": parquet(),
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
        assert alone.song(row).mood is pick.likeliest_mood


def test_a_quotation_mark_that_nothing_closes_before_a_long_cell_is_named() -> None:
    reading = read_table(b'Title,Artist\nYellow,Coldplay\n"' + 300_000 * b"a", name="songs.csv")
    assert reading.catalogue is None
    assert "5,000 bytes" in " ".join(reading.notes)
