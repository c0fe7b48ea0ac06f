"""Tables of songs: encodings, separators, headers, columns, numbers, lists, rows that are left out, and playlists."""

import json
import re

import pandas as pd
import pytest
from msgspec.structs import replace

from emomusic.affect import AffectPoint, Emotion, Mood
from emomusic.errors import DatasetError
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import FEATURES, UNKNOWN_ARTIST, Player
from emomusic.songs.tables import lines, read_table
from emomusic.songs.tables.cells import lengths_s, list_of, numbers, series, whole_numbers
from emomusic.songs.tables.songs import UNTITLED

from .tables import mood_table, recommender_over, song_table, titles, track_id
from .test_table_files import own_song

SOURCE_NAMES = {feature.name: feature.source_name for feature in FEATURES.values()}
SHARES = [feature.source_name for feature in FEATURES.values() if feature.high == 1]


def as_csv(table: pd.DataFrame, **options: object) -> bytes:
    return table.to_csv(index=False, **options).encode()  # type: ignore[call-overload]


def kaggle(num_songs: int = 6) -> pd.DataFrame:
    table = song_table(num_songs).drop(columns=["duration_s"])
    names = {"id": "track_id", "title": "track_name", "album": "album_name", "genres": "track_genre"}
    return table.rename(columns=names | SOURCE_NAMES).assign(duration_ms=194754, key=1, mode=0, time_signature=4)


def cells_of(column: str, *cells: object) -> bytes:
    """A table of songs with these cells in a column."""
    return as_csv(kaggle(len(cells)).assign(**{column: list(cells)}))


ENCODINGS = [
    ("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "windows-1252"),
    *((encoding, "utf-16") for encoding in ("utf-16", "utf-16-le", "utf-16-be")),
]  # fmt: skip
BEFORE = ["", "sep=;\r\n", '"sep=;"\r\n', ";;;;\r\n\r\n \r\n", "My songs\r\nof 2026\r\n\r\n"]


@pytest.mark.parametrize("number", range(10))
def test_encoding_separator_and_first_lines_do_not_matter(number: int) -> None:
    (encoding, name), before, separator = ENCODINGS[number % 6], BEFORE[number % 5], ",;\t|"[number % 4]
    table = song_table(3).assign(title="caf\u00e9, a|b;c\td")
    text = before.replace(";", separator) + as_csv(table, sep=separator, lineterminator="\r\n").decode()
    reading = read_table(text.encode(encoding))
    assert titles(reading) == ["caf\u00e9, a|b;c\td"] * 3
    assert reading.separator == separator
    assert reading.encoding == name


def test_order_line_ends_case_and_decimal_commas_do_not_matter() -> None:
    table = kaggle(6)
    table.loc[:2, "track_name"] = "1,5"
    table.loc[0, "instrumentalness"] = 1.5e-05  # "1,5e-05"
    expected = read_table(as_csv(table)).songs.table
    assert set(expected["title"][:3]) == {"1,5"}
    for changed in (
        as_csv(table[table.columns[::-1]]),
        as_csv(table.rename(columns=str.upper), sep="\t"),
        as_csv(table, lineterminator="\r"),
        as_csv(table.assign(notes='Later\nmore, and "so" on', Ünïcode="é")),
        as_csv(table, quoting=1),
        *(as_csv(table, sep=separator, decimal=",") for separator in ";\t,"),
    ):
        pd.testing.assert_frame_equal(read_table(changed).songs.table, expected, check_like=True)


def test_quotation_marks_are_taken_by_evidence_and_rows_with_more_cells_left_out() -> None:
    for data, found in (
        (b'Title\tArtist\tMood\n"Heroes\tDavid Bowie\tsad\n12" Mix\tNew Order\thappy\n', ['"Heroes', '12" Mix']),
        (b'title,artist,mood\n"Heroes,David Bowie,sad\nB,Y,happy\n', ['"Heroes', "B"]),
        (b'"title","artist","mood"\n"1","A","X","sad"\n"2","B","Y","happy"\n', ["A", "B"]),  # R numbers the rows
        (b'title,artist,mood\n"A ""B""",X,sad\n"C\nD",Y,happy\n', ['A "B"', "C\nD"]),
        (b'title,artist,album,mood\n"A, ""B""", "X", "", "sad"\n"B", "Y", "P", "happy"\n', ['A, "B"', "B"]),
    ):
        assert titles(read_table(data)) == found
    reading = read_table(b"title,artist,mood,x\nA,X,sad\nB,Y,happy,1,,\nC,Z,calm,1,2,3\nD,Z,calm,1\n")
    assert titles(reading) == ["A", "B", "D"]
    assert [row for row, _ in reading.left_out] == [3]
    assert reading.num_rows == 4


def test_numbers_have_units_decimal_commas_and_thousands() -> None:
    cells = ["60%", "-5.1 dB", "-9 LUFS", "118 BPM", "1.5E-05", "\u22123"]
    assert numbers(series(cells)).tolist() == [60, -5.1, -9, 118, 1.5e-05, -3]
    assert numbers(series(["0,643", "1"])).tolist() == [0.643, 1]
    assert numbers(series(["1.234,5", "2,0"])).tolist() == [1234.5, 2]
    assert whole_numbers(series(["215.000", "1.003.000"])).tolist() == [215_000, 1_003_000]
    assert whole_numbers(series(["1,412", "200"])).tolist() == [1412, 200]
    assert whole_numbers(series(["186000.0", "1.5"])).tolist() == [186_000, 1.5]
    assert lengths_s(series(["4:26", "1:02:03"])).tolist() == [266, 3723]
    for cell, seconds in (("215000", 215), ("04:26:00", 266), ("215", 215)):
        assert lengths_s(series([cell])).tolist() == [seconds]


def test_percentages_are_read_where_told_and_an_unknown_scale_leaves_out_the_features(known: Recommender) -> None:
    table = kaggle(4)
    expected = read_table(as_csv(table.assign(**{name: table[name].round(2) for name in SHARES}))).songs.features
    percent = table.assign(**{name: (100 * table[name]).round() for name in SHARES})
    for changed in (
        percent.rename(columns={name: f"{name} (%)" for name in SHARES}),
        percent.assign(**{name: percent[name].astype(str) + " %" for name in SHARES}),
    ):
        assert read_table(as_csv(changed)).songs.features == pytest.approx(expected)
    for change, wanted in (
        (lambda t: t.assign(energy=1 + 8 * t["energy"], valence=1 + 8 * t["valence"]), ("energy", "valence")),
        (lambda t: t.assign(tempo=t["tempo"] / 250), ("tempo", "usually 60 to 200", "BPM")),
        (lambda t: t.assign(loudness=(t["loudness"] + 60) / 60), ("loudness", "-60 to 6 dB")),
        (lambda t: t.assign(**{name: 9000 * t[name] + 7 for name in SHARES}), (SHARES[0], SHARES[2])),
    ):
        table = change(kaggle(30))  # type: ignore[operator]
        table.loc[3, ["track_id", "track_name", "artists"]] = "", "Yellow", "Coldplay"
        reading = read_table(as_csv(table), known=known)
        assert "Yellow" in titles(reading)
        note = next(note for note in reading.notes if "scale" in note)
        assert all(word in note for word in (*wanted, "expected", "found"))
        assert len(note) < 400


def test_lists_are_read_as_programs_write_them_and_artists_separated_by_their_column(known: Recommender) -> None:
    for cell, names in (
        ("""['Dan + Shay', "Screamin' Jay, Hawkins"]""", "Dan + Shay;Screamin' Jay, Hawkins"),
        (r"""['Both \'a\' and "b"']""", "Both 'a' and \"b\""),
        ('["Beyonc\\u00e9", "\\ud83d\\ude00"]', "Beyonc\u00e9;\U0001f600"),
        ("""["Guns N' Roses" 'Salt']""", "Guns N' Roses;Salt"),
        ("[Guns N' Roses, B]", "Guns N' Roses;B"),
        ('{"Earth, Wind & Fire",B,NULL}', "Earth, Wind & Fire;B"),
        ("[{'name': 'A', 'id': '1'}, {'name': \"B's\"}]", "A;B's"),
        ("['']", ""),
    ):
        assert list_of(cell) == names

    def artists(*cells: str) -> list[tuple[str, ...]]:
        songs = read_table(cells_of("artists", *cells), known=known).songs
        return [songs.song(row).artists for row in range(len(cells))]

    assert artists("Tyler, The Creator;A", "X, Y & Z") == [("Tyler, The Creator", "A"), ("X, Y & Z",)]
    assert artists("Adele, Train", "Earth, Wind & Fire") == [("Adele", "Train"), ("Earth, Wind & Fire",)]
    assert artists("Adele & Train", "Him & Her") == [("Adele", "Train"), ("Him & Her",)]
    assert artists(r"Tyler\, The Creator, A", "B") == [("Tyler, The Creator", "A"), ("B",)]
    assert artists("[Unnamed]", "X") == [("[Unnamed]",), ("X",)]
    trio = recommender_over(song_table(1).assign(artists="Crosby, Stills, Nash"))
    songs = read_table(cells_of("artists", "Crosby, Stills, Nash", "A, B"), known=trio).songs
    assert [songs.song(row).artists for row in range(2)] == [("Crosby, Stills, Nash",), ("A", "B")]
    columns = read_table(b"Title,Artist 1,Artist 2,Mood\nA,X,Y,sad\n").songs
    assert columns.song(0).artists == ("X", "Y")


def test_a_row_is_left_out_and_not_the_table() -> None:
    table = kaggle(9).astype(object)
    table.loc[1, "track_name"] = ""
    table.loc[2, ["track_id", "artists"]] = ""
    table.loc[3, "energy"] = 3.5
    table.loc[4, [*SOURCE_NAMES.values()]] = 0
    table.loc[5, [*SOURCE_NAMES.values()]] = None
    table.loc[6, "track_id"] = "spotify:episode:" + track_id(6)
    table.loc[7, "track_id"] = track_id(0)
    reading = read_table(as_csv(pd.concat([table, pd.DataFrame([{"track_name": "Total", "valence": 4.5}])])))
    assert titles(reading) == ["Song 0", "Song 8"]
    assert [row for row, _ in reading.left_out] == [2, 3, 4, 5, 6, 7, 8, 10]
    assert "silence" in dict(reading.left_out)[5]
    assert any("8 of 10 rows left out" in note for note in reading.notes)
    cells = f"id\ttitle\tartist\tmood\n\tA\tX\tsad\n\tB\t,\tsad\n\tC\t\u00a0;\tsad\n\tD\t!!!\tsad\nspotify:track:{track_id(1)}\tE\t,\tsad\n"
    reading = read_table(cells.encode())
    assert (titles(reading), [row for row, _ in reading.left_out]) == (["A", "D", "E"], [2, 3])
    assert reading.songs.song(2).artists == (UNKNOWN_ARTIST,)


def test_cells_without_meaning_are_emptied_and_counted() -> None:
    table = kaggle(4).assign(
        year=[0, 2001, 1999, 20231], explicit=["Yes", "no", "maybe", "1"], popularity=[1, 2, 3, 400]
    )
    reading = read_table(as_csv(table.assign(track_id=["1", "878dadea-33c5-4c08-bdb9-e2b117475a99", track_id(1), ""])))
    songs = [reading.songs.song(row) for row in range(4)]
    assert [song.year for song in songs] == [None, 2001, 1999, None]
    assert [song.explicit for song in songs] == [True, False, False, True]
    assert [song.popularity for song in songs] == [1, 2, 3, None]
    assert [song.player for song in songs] == [Player.NONE, Player.NONE, Player.SPOTIFY, Player.NONE]
    songs = read_table(cells_of("explicit", "1.0", "TRUE", "0.0", "clean")).songs
    assert [songs.song(row).explicit for row in range(4)] == [True, True, False, False]
    assert len(read_table(cells_of("valence", 0, 0.5)).songs) == 2  # silence has no tempo and no rhythm either
    for words in ("year of 2 rows", "explicit of 1 row", "popularity of 1 row", "2 ids of another service"):
        assert any(words in note for note in reading.notes), words


def test_titles_that_look_like_numbers_or_missing_values_stay_text_and_a_removed_song_keeps_its_id() -> None:
    words = ["1999", "None", "NA", "null", "007", "nan", "TRUE", "+1", "=1+1", "1e5", "\u00e9 \U0001f525"]
    assert titles(read_table(cells_of("track_name", *words))) == words
    table = kaggle(3).astype(object)
    table.loc[1, ["track_name", "artists"]] = "NA"
    song = read_table(as_csv(table)).songs.song(1)
    assert (song.id, song.title, song.artists) == (track_id(1), UNTITLED, (UNKNOWN_ARTIST,))


def test_moods_give_songs_a_place_and_foreign_moods_are_named(known: Recommender) -> None:
    reading = read_table(b"Title,Artist,Mood\nA,X,Happy\nYellow,Coldplay,Dreamy\nB,Y,\n", known=known)
    song = reading.songs.song(0)
    assert AffectPoint(2 * song.valence - 1, 2 * song.energy - 1).distance(Mood.HAPPY.point) < 1e-6
    assert reading.found_by == [None, "title"]
    assert [row for row, _, _ in reading.not_found] == [3]
    assert any("Dreamy" in note for note in reading.notes)
    labelled = read_table(as_csv(mood_table(2))).songs
    assert [labelled.song(row).mood for row in (0, 2, 4, 6)] == list(Mood)


def test_empty_rows_are_skipped_and_counted(known: Recommender) -> None:
    reading = read_table(b"title,artist,mood\nYellow,Coldplay,sad\n,,\nOther,Me,calm\n,,\n", known=known)
    assert (reading.num_rows, len(reading.songs)) == (2, 2)
    assert any(re.search(r"\b2\b", note) for note in reading.notes)


def test_the_label_of_a_song_is_its_mood_everywhere(known: Recommender) -> None:
    reading = read_table(b"title,artist,mood\nYellow,Coldplay,sad\n", known=known)
    songs = reading.recommender
    assert songs.probabilities.tolist() == [[mood is Mood.SAD for mood in MOODS]]
    (pick,) = songs.songs(Request(Emotion.SAD.point, Emotion.SAD), 3)
    assert (pick.likeliest_mood, songs.point_of(0).valence < 0, "%" in pick.reason) == (Mood.SAD, True, False)


def test_songs_are_found_by_id_else_by_title_and_any_artist(known: Recommender) -> None:
    rows = [
        "x,y," + track_id(5), "Hey Soul Sister,Train,", "September,Earth Wind and Fire,", "deja vu (Live),Jay-Z,",
        "Here Comes The Sun,\"Beatles, The\",", "Someone Like Yu,Adele,", "Someone Like You 2,Adele,", "One,Nobody,",
        "Yellow (feat. Somebody),Somebody / Coldplay,", "Coldplay - Yellow,,",
    ]  # fmt: skip
    reading = read_table(("Title,Artist,Spotify ID\n" + "\n".join(rows)).encode(), known=known)
    assert reading.found_by == ["id", *["title"] * 7]
    assert [row for row, _, _ in reading.not_found] == [7, 8]
    assert set(titles(reading)) == set(known.catalogue.table["title"])
    assert reading.recommender.probabilities.sum(axis=1) == pytest.approx(1)
    assert any("Someone Like You 2" in note for note in reading.notes)


def test_a_song_not_found_has_the_nearest_one_and_a_table_without_a_song_its_reasons(known: Recommender) -> None:
    rows = b"title,artist\nSoul Sister,Train\nYelow,Somebody\nXQZW,Nobody\nYellow,Coldplay\n"
    reading = read_table(rows, known=known)
    assert [row for row, *_ in reading.not_found] == [1, 2, 3]
    assert [song and song.title for song in reading.nearest] == ["Hey, Soul Sister", "Yellow", None]
    assert read_table(b"title,mood\nA,happy\n").nearest == []
    reading = read_table(b"title,artist\nNo,Body\n", known=known)
    assert reading.catalogue is None
    assert reading.not_found == [(1, "No", ("Body",))]
    with pytest.raises(DatasetError, match="No, Body"):
        _ = reading.songs
    with pytest.raises(DatasetError, match="no features"):
        _ = read_table(b"title,artist\nA,X\n").songs
    assert any("loudness" in note for note in read_table(as_csv(kaggle(3).drop(columns="loudness")), known=known).notes)


def test_each_song_of_a_history_is_once_there_and_the_most_played_first(known: Recommender) -> None:
    plays = ["Yellow"] + ["Hey, Soul Sister"] * 3 + ["Yellow"] + ["September"] * 9
    by = {"Yellow": "Coldplay", "Hey, Soul Sister": "Train", "September": "Earth, Wind & Fire"}
    lengths = {"September": 5}
    data = [{"trackName": p, "artistName": by[p], "endTime": "", "msPlayed": lengths.get(p, 30_000)} for p in plays]
    reading = read_table(json.dumps(data).encode(), name="StreamingHistory0.json", known=known)
    assert titles(reading) == ["Hey, Soul Sister", "Yellow"]
    assert len(reading.left_out) == 9
    for first in (1651359199000, "30 Apr 2022 21:38"):  # of lastfmstats
        scrobbles = {"scrobbles": [{"track": play, "artist": by[play], "date": first} for play in plays]}
        reading = read_table(json.dumps(scrobbles).encode(), known=known)
        assert titles(reading)[0] == "September"
        assert not [note for note in reading.notes if "1651359199000" in note]


Y, S = "Yellow", "Someone Like You"
TRACK = {
    "id": "x",
    "name": Y,
    "artists": [{"name": "Coldplay"}],
    "album": {"name": "P", "artists": [{"name": "Coldplay"}]},
}
ALBUM = {"name": "September", "artists": [{"name": "Earth, Wind & Fire"}]}  # as a song of the catalogue
ADELE = {"title": S, "artist": {"#text": "Adele"}}


@pytest.mark.parametrize(
    "document",
    [
        {"playlists": [{"name": "Rock", "tracks": [{"track": TRACK}]}, {"name": "Quiet", "tracks": [ADELE]}]},
        {"tracks": [TRACK, ADELE], "albums": [{"artist": "Queen", "album": "A", "title": f"A{n}"} for n in range(9)]},
        [{"title": "P", "artist": "Coldplay", "tracks": [{"title": Y}]}, {"album": "21", "artist": "Adele", "songs": [S]}],
        {"feedback": [{"score": score, "track_metadata": song} for score, song in ((1, TRACK), (-1, TRACK), (1, ADELE))]},
        {"title": {"0": Y, "1": S}, "artist": {"0": "Coldplay", "1": "Adele"}},
        {"metadata": {"tags": {"title": [Y], "artist": ["Coldplay"]}}, "more": {"tags": {"title": S, "artist": "Adele"}}},
        [[Y, "Coldplay", 2000], [S, "Adele", 2011]], [["Coldplay", Y], ["Adele", S]],
        [{"play": {"title": title, "performers": [{"name": name}]}} for title, name in ((Y, "Coldplay"), (S, "Adele"))],
        {Y: "Coldplay", S: "Adele"}, {"Coldplay": [Y], "Adele": [S]}, {"m": [{"title": Y, "grandparentTitle": "Coldplay", "Media": [{"file": "1.flac"}]}, ADELE]},
        {"items": [{"kind": "Album", "title": "P", "artist": "Coldplay", "children": [{"kind": "Song", "title": Y}]}, ADELE]},
        {"tracks": {"items": [{"title": Y, "performer": {"name": "Coldplay"}}, ADELE]}, "albums": {"items": [ALBUM]}},
        {"data": [{"type": "songs", "attributes": TRACK}, {"type": "library-albums", "attributes": ALBUM}, ADELE]},
        [{"basic_information": {**ALBUM, "formats": [{"name": "CD"}]}}, TRACK, {"type": "album", **ALBUM}, ADELE],
        {"items": [{"track": TRACK, "localTrack": None}, {"track": None, "localTrack": {"uri": "spotify:local:Adele:21:Someone+Like+You:285"}}]},
        {"tracks": [TRACK, ADELE], "bannedTracks": [ALBUM], "disliked": {"songs": [ALBUM]}},
        {"data": [{"title": "Coldplay - Yellow"}, {"title": "Adele - Someone Like You"}, {"title": "Train - Hey, Soul Sister", "format": ["LP"]}]},
    ],
)  # fmt: skip
def test_songs_are_found_at_any_depth_and_what_holds_them_is_none(document: object, known: Recommender) -> None:
    assert titles(read_table(json.dumps(document).encode(), known=known)) == [Y, S]


@pytest.mark.parametrize(
    "text",
    [
        "Yellow - Coldplay - P\nSomeone Like You - Adele - 21\nElse - Nobody - Z\n", "Sure!\n\n1. \"Yellow\" by Coldplay \u2013 a warm tune\n2. \"Someone Like You\" by Adele \u2013 a sad tune\n",
        "#EXTM3U\n01-coldplay-yellow.mp3\n02-adele-someone_like_you.mp3\n", "Coldplay - Yellow (Live - 2012)\nAdele - Someone Like You [HD]\n",
        "<html><title>My Activity</title><div><p>Music</p><div>Watched <a href=x>Yellow</a><br><a href=y>Coldplay - Topic</a><br>May 1, 2025, 10:00:00 AM</div><div>Watched <a href=x>Someone Like You</a><br><a href=y>Adele - Topic</a><br>May 1, 2025, 10:00:00 AM</div></div></html>",
        "title,grandparentTitle,originalTitle\nYellow,Various Artists,Coldplay\nSomeone Like You,Various Artists,Adele\n",
        "Yellow,Coldplay\nSomeone Like You,Adele\n", "Coldplay - Yellow\nAdele - Someone Like You\n",
        "A,B\nColdplay,Yellow\nAdele,Someone Like You\n", "Titel;Interpret\nYellow;Coldplay\nSomeone Like You;Adele\n",
        '<a><albums><album name="A" artist="X"/></albums><entry title="Yellow" artist="Coldplay"/><entry title="Someone Like You" artist="Adele"/></a>',
        '<Db><Song FilePath="a.mp3"><Tags Author="Coldplay" Title="Yellow"/></Song><Song><Tags Author="Adele" Title="Someone Like You"/></Song></Db>',
        "1. Coldplay - Yellow (4:26)\n2. Adele - Someone Like You\n3. Earth, Wind, Fire - No\n",
        "01/02/2024 Coldplay - Yellow\n2024-02-03 21:04 Adele - Someone Like You\n",
        "Исполнитель;Название трека\nColdplay;Yellow\nAdele;Someone Like You\n",
        "00:00 Yellow - Coldplay\n04:26 Someone Like You - Adele\n", "#2 Coldplay - Yellow\n#1 Adele - Someone Like You\n", "Coldplay - P - Yellow\nAdele - 21 - Someone Like You\n",
        "12/03/2024, 6:22 PM - Anna: Coldplay - Yellow\n12/03/2024, 6:23 PM - Ben: fine\n12/03/2024, 6:24 PM - Ben: Adele - Someone Like You\n",
        "songs:\n  - title: Yellow # best\n    artist: Coldplay\n  - title: 'Someone Like You'\n    artist:\n      - Adele\n",
        "Yellow (Coldplay)\nSomeone Like You (Adele)\nRiver (Nobody)\n",
        "Title,Title,Artist\nYellow,Parachutes,Coldplay\nSomeone Like You,21,Adele\n",
        "Title,Artist,Title\nParachutes,Coldplay,Yellow\n21,Adele,Someone Like You\n", "item_title,band_name\nYellow,Coldplay\nSomeone Like You,Adele\n",
        "../Coldplay/P/05 Yellow.mp3\n../Adele/21/11 Someone Like You.mp3\n", "D:\\Coldplay\\P\\5 - Yellow.mp3\nD:\\Adele\\21\\6 - Someone Like You.mp3\n",
        "#EXTM3U\nm/Coldplay_-_Yellow_(Official_Video)(MP3_70K).mp3\nm/Adele - Someone Like You [xFrGuyw1V8s].m4a\n",
        '#EXTVDJ:<artist>Coldplay</artist><title>Yellow</title>\na.mp3\n#EXTVDJ:<artist>Adele</artist><title>Someone Like You</title>\nb.mp3\n',
        "Title,Artist,Time\n05 Yellow,Coldplay (2),1713600000\nSomeone Like You.mp3,AdeleVEVO,1713600300\n",
        "Title,Artist\nColdplay - Yellow,Various Artists\nSomeone Like You Official Video,Adele\n",
        "#,Artist - Title,Added\n1,Coldplay - Yellow,2024-01-01\n2,Adele - Someone Like You,2024-01-02\n",
        "/m/Coldplay/P/CD1/1-05 Yellow.mp3\n/m/Adele/21/CD2/2-11 Someone Like You.mp3\n", "[00:01:00] Coldplay - Yellow [Label]\n[00:05:00] Adele - Someone Like You [XL]\n",
        "<playlist><creator>Ann</creator><track><title>Coldplay - Yellow</title><src>a.mp3</src></track><track><title>Adele - Someone Like You</title><src>b.mp3</src></track></playlist>",
        "Title,Artist,Rating\nYellow,Coldplay,like\nD&eacute;j&agrave; Vu,Beyonc&#233;,dislike\nSomeone Like You,Adele,like\n",
        "<!doctype html><p>My<br>list<script>a<b</script><table><tr><th>Title<th>Artist<tr><td>Yellow<td><a href=x>Coldplay</a><tr><td>Someone Like You<td>Adele</table>",
        "<html><ol><li>Coldplay &ndash; Yellow</li><li>Adele - Someone Like You</ol></html>",
        '<opml><body><outline text="Coldplay - Yellow"/><outline text="Adele - Someone Like You"/></body></opml>',
        '{"title": "Yellow",\n"artist": "Coldplay"}\n{"title": "Someone Like You", "artist": "Adele", "bpm": NaN}',
        'window.likes = [{"title": "Yellow", "artist": "Coldplay"}, {"title": "Someone Like You", "artist": "Adele"}];',
        "Title: Yellow\nArtist: Coldplay\n\nTitle: Someone Like You\nArtist: Adele\n",
        '[[songs]]\ntitle = "Yellow"\nartist = "Coldplay"\n[[songs]]\ntitle = "Someone Like You"\nartist = "Adele"\n',
        "Yellow de Coldplay\nSomeone Like You d\u2019Adele\n",
        "Coldplay - P (2000) - 05. Yellow\nAdele - 21 (2011) - 11. Someone Like You\n",
        "Item,Words,When\n1,Coldplay - Yellow,a\n2,Adele - Someone Like You,b\n",
        "#EXTM3U\nColdplay - Yellow (Official Video)-yKNxeF4KMsY.mp3\nAdele - Someone Like You-hLQl3WQQoQ0.mp3\n",
        "Coldplay\u2014Yellow\nAdele\u2014Someone Like You\n", "Title,Artist,Energy\nYellow,Coldplay,7\nSomeone Like You,Adele,4\n", '{"songs": [{"name": "Yellow", "ar": [{"name": "Coldplay"}]}, {"name": "Someone Like You", "ar": [{"name": "Adele"}]}]}', "Song,Name,Artist\n1,Yellow,Coldplay\n2,Someone Like You,Adele\n",
        "Favorite Type,Item Description,Added\nSONG,Coldplay - Yellow,2024-01-01\nALBUM,Train - Hey, Soul Sister,2024-01-02\nSONG,Adele - Someone Like You,2024-01-03\n",
        "Title,Artist,Album,Format\nYellow,Coldplay,Parachutes,CD\nSeptember,Earth Wind and Fire,,\"LP, Album\"\nSomeone Like You,Adele,,FLAC\n",
        "Anna, [12.03.2024 18:22]\nColdplay - Yellow\n\nBen, [12.03.2024 18:23]\nAdele - Someone Like You\n",
        '"title" "artist" "valence"\n"1" "Yellow" "Coldplay" 0.285\n"2" "Someone Like You" "Adele" 0.1\n',
        '"Yellow" \u2013 Coldplay, 2000\n"Someone Like You" \u2013 Adele, 2011\n',
        "albums:\n- title: September\n  artist: Earth, Wind & Fire\nsongs:\n- title: Yellow\n  artist: Coldplay\n- title: Someone Like You\n  artist: Adele\n",
        "DAUMPLAYLIST\n1*file*a.mp3\n1*title*Coldplay - Yellow\n1*duration2*266\n2*file*b.mp3\n2*title*Adele - Someone Like You\n",
        "Title^Artist^Disliked\nYellow^Coldplay^\nHey, Soul Sister^Train^true\nSomeone Like You^Adele^\n",
        "<html><table><tr><th>Album<th>Artist<tr><td>September<td>Train<tr><td>A<td>B<tr><td>C<td>D</table><table><tr><th>Song<th>Artist<tr><td>Yellow<td>Coldplay<tr><td>Someone Like You<td>Adele</table></html>",
        "01 (RE) Coldplay - Yellow\n02 (NEW) Adele - Someone Like You\n",
        "Artist,Track,Title\nColdplay,Yellow,Coldplay - Yellow (Live at the Beach)\nAdele,Someone Like You,An Evening with Adele\n",
        "Path\nColdplay - Yellow.ape\nAdele - Someone Like You.m4r\n",
        "Similar Song 1,Similar Artist 1,Rank,Song,By\nDéjà Vu,Beyoncé,1,Yellow,Coldplay\nDéjà Vu,Beyoncé,2,Someone Like You,Adele\n",
    ],
)  # fmt: skip
def test_lines_columns_and_markup_are_read_by_their_shape(text: str, known: Recommender) -> None:
    assert titles(read_table(text.encode(), known=known)) == [Y, S]


def test_scales_and_moods_in_other_words_are_told(known: Recommender) -> None:
    rows = b"title,artist,energy,Positiveness,emotion\nA,X,83,87,joy\nB,X,22,15,anger\nC,X,40,9,love\n"
    reading = read_table(rows, known=known)
    assert ([mood.value for mood in reading.moods][:2], reading.songs.song(1).valence) == (["happy", "energetic"], 0.15)
    assert all(any(word in note for note in reading.notes) for word in ("love", "0 to 100", "valence and energy alone"))
    own = read_table(b"title,artist,energy,valence\nSomeone Like Yu,Adele,.2,.3\n", known=known)
    assert own.found_by == ["features"]  # a similar title is another song
    words = ("triste", "fröhlich", "arrabbiato", "tranquilo", "VERY SAD!", "high-energy", "\U0001f60c", "not happy")
    other = read_table(("titre,artiste,humeur\n" + "".join(f"{word},X,{word}\n" for word in words)).encode())
    assert [mood.value for mood in other.moods] == ["sad", "happy", "energetic", "calm", "sad", "energetic", "calm"]
    heads, cells = "title,artist,happy,is_sad,Mood angry,calm %", ("0,0,0,1", "no,yes,no,no", ",,x,", "0.7,0.1,0.1,0.1")
    columns = read_table((heads + "".join(f"\nA{n},X,{row}" for n, row in enumerate(cells))).encode())
    assert [mood.value for mood in columns.moods] == ["calm", "sad", "energetic", "happy"]
    cells = (
        "happy:0.1,sad:0.9",
        "{'happy': 1e-05, 'calm': 0.2}",
        "Sad 20 % / Angry 80 %",
        "{'not_happy': 0.9, 'sad': 0.1}",
        "sad 0",
    )
    shares = read_table(b"title;artist;mood\n" + "".join(f"A{n};X;{cell}\n" for n, cell in enumerate(cells)).encode())
    assert [mood.value for mood in shares.moods] == ["sad", "calm", "energetic", "sad"]
    unread = read_table(b"title,artist,valence,energy\nYellow,Coldplay,high,low\n", known=known)
    assert any("valence, energy" in note for note in unread.notes)
    with pytest.raises(DatasetError, match="artist, album"):
        read_table(b"artist,album\nTrain,Hey Soul Sister\nColdplay,Yellow\n", known=known)
    with pytest.raises(DatasetError, match="0 to 3"):
        read_table(b"title,artist,mood\nA,X,0\nB,X,3\n")
    rows = b"id,title,artist,mood\n1aBcD3fGhIjKlMnOpQrStU,A,X,sad\n,Yellow,Coldplay,calm\n"
    first, second = (read_table(rows, known=known).songs.song(row) for row in (0, 1))
    assert (first.player, first.mood, second.player, second.mood) == (Player.NONE, "sad", Player.SPOTIFY, "calm")


def test_ids_are_known_by_their_form_and_own_files_by_name_and_the_folder_of_the_list(known: Recommender) -> None:
    for column in ("URI", "Spotify link", "Lied", "id"):
        for form in ("{}", "spotify:track:{}", "https://open.spotify.com/intl-de/track/{}?si=1"):
            text = f"track_number,Title,{column},Artist\n1,x,{form.format(track_id(5))},y\n"
            reading = read_table(text.encode(), known=known)
            assert (titles(reading), reading.found_by) == (["Hey, Soul Sister"], ["id"])
    files = [own_song(number, f"/m/{folder}/01 - Intro.flac") for number, folder in ((1, "Doors"), (2, "Roofs"))]
    by_name = read_table(b"title,artist\nMine,Me\nYellow,Coldplay\n", known=known, files=files).songs
    assert [by_name.song(row).player for row in (0, 1)] == [Player.LIBRARY, Player.SPOTIFY]
    untagged = [replace(own_song(3, "/m/c.mp3"), title="Coldplay - Yellow", artists=())]
    for data in (b"title,artist\nYellow,Coldplay\n", b"Adele - Someone Like You\nColdplay - Yellow\n"):
        assert "library-3" in {song.id for song in read_table(data, known=known, files=untagged).songs.songs or ()}
    playlist = b"#EXTM3U\n01%20-%20Intro.mp3\n"
    assert read_table(playlist, name="/m/Roofs/list", files=files).songs.song(0).id == "library-2"


def test_a_database_or_a_playlist_of_videos_without_titles_says_what_helps() -> None:
    sql = b"-- x\nINSERT INTO a VALUES (1,'Yellow','Coldplay');"
    databases = (b"SQLite format 3\0" + bytes(99), bytes(range(256)), sql, b"{\\rtf1 Coldplay - Yellow}")
    videos = b"Video ID,Playlist Video Creation Timestamp\ndQw4w9WgXcQ,2024-01-01T00:00:00+00:00\n"
    links = (b"https://open.spotify.com/playlist/37i9dQZF1DXcBWIGoYBM5M?si=abc\n", b"dQw4w9WgXcQ\nyKNxeF4KMsY\n")
    empty = b"<!doctype html><html><title>Web Player</title><script>start()</script></html>"
    for data, words in (*((each, "Export") for each in (*databases, *links, empty)), (videos, "TuneMyMusic")):
        with pytest.raises(DatasetError, match=words):
            read_table(data, name="x.db")


def test_a_list_without_a_pair_in_its_first_lines_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """All lines of a list of commas took 40 s."""
    monkeypatch.setattr(lines, "_MOST_TRIED", 3)
    assert len(lines.line_rows(["a", "b", "Coldplay - Yellow"], "list.txt")) == 3
    with pytest.raises(DatasetError, match="expected songs"):
        lines.line_rows(["a", "b", "c", "Coldplay - Yellow"], "list.txt")
