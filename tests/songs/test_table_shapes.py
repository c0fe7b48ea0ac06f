"""Lists are read by their shape: trees of any depth, lines, names of columns in other languages, and own files."""

import json
from pathlib import Path

import pytest

from emomusic.errors import DatasetError
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import Player
from emomusic.songs.tables import read_table

from .tables import titles
from .test_table_files import own_song

Y, S = "Yellow", "Someone Like You"
TRACK = {
    "id": "x",
    "name": Y,
    "artists": [{"name": "Coldplay"}],
    "album": {"name": "P", "artists": [{"name": "Coldplay"}]},
}
ADELE = {"title": S, "artist": {"#text": "Adele"}}


def path_crate(*paths: str) -> bytes:
    tags = [path.encode("utf-16-be") for path in paths]
    return b"vrsn\0\0\0\0" + b"".join(b"otrk\0\0\0\0ptrk" + len(tag).to_bytes(4, "big") + tag for tag in tags)


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
    ],
)  # fmt: skip
def test_songs_are_found_at_any_depth_and_what_holds_them_is_none(document: object, known: Recommender) -> None:
    assert titles(read_table(json.dumps(document).encode(), known=known)) == [Y, S]


@pytest.mark.parametrize(
    "text",
    [
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
        "Title,Artist,,Title,Artist\nYellow,Coldplay,,Someone Like You,Adele\n",
        "Title,Artist,Title\nParachutes,Coldplay,Yellow\n21,Adele,Someone Like You\n", "item_title,band_name\nYellow,Coldplay\nSomeone Like You,Adele\n",
        "../Coldplay/P/05 Yellow.mp3\n../Adele/21/11 Someone Like You.mp3\n", "D:\\Coldplay\\P\\5 - Yellow.mp3\nD:\\Adele\\21\\6 - Someone Like You.mp3\n",
        "#EXTM3U\nm/Coldplay_-_Yellow_(Official_Video)(MP3_70K).mp3\nm/Adele - Someone Like You [xFrGuyw1V8s].m4a\n",
        '#EXTVDJ:<artist>Coldplay</artist><title>Yellow</title>\na.mp3\n#EXTVDJ:<artist>Adele</artist><title>Someone Like You</title>\nb.mp3\n',
        ",album,album,track,artist\n,tags,title,title,name\ntrack_id,,,,\n2,x,P,Yellow,Coldplay\n3,x,21,Someone Like You,Adele\n",
        "Title,Artist,Time\n05 Yellow,Coldplay (2),1713600000\nSomeone Like You.mp3,AdeleVEVO,1713600300\n",
        "Title,Artist\nColdplay - Yellow,Various Artists\nSomeone Like You Official Video,Adele\n",
        "#,Artist - Title,Added\n1,Coldplay - Yellow,2024-01-01\n2,Adele - Someone Like You,2024-01-02\n",
        "/m/Coldplay/P/CD1/1-05 Yellow.mp3\n/m/Adele/21/CD2/2-11 Someone Like You.mp3\n", "[00:01:00] Coldplay - Yellow [Label]\n[00:05:00] Adele - Someone Like You [XL]\n",
        "<playlist><creator>Ann</creator><track><title>Coldplay - Yellow</title><src>a.mp3</src></track><track><title>Adele - Someone Like You</title><src>b.mp3</src></track></playlist>",
        "Title,Artist,Rating\nYellow,Coldplay,like\nD&eacute;j&agrave; Vu,Beyonc&#233;,dislike\nSomeone Like You,Adele,like\n",
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
    words = ("smutny", "wesoły", "zły", "spokojny", "VERY SAD!", "high-energy", "\U0001f60c", "not happy")
    other = read_table(("tytuł,wykonawca,nastrój\n" + "".join(f"{word},X,{word}\n" for word in words)).encode())
    assert [mood.value for mood in other.moods] == ["sad", "happy", "energetic", "calm", "sad", "energetic", "calm"]
    with pytest.raises(DatasetError, match="0 to 3"):
        read_table(b"title,artist,mood\nA,X,0\nB,X,3\n")
    songs = read_table(
        b"id,title,artist,mood\n1aBcD3fGhIjKlMnOpQrStU,A,X,sad\n,Yellow,Coldplay,calm\n", known=known
    ).songs
    assert [(songs.song(row).player, songs.song(row).mood) for row in (0, 1)] == [
        (Player.NONE, "sad"),
        (Player.SPOTIFY, "calm"),
    ]


def test_own_files_are_found_by_name_and_in_the_folder_of_the_list(known: Recommender) -> None:
    files = [own_song(number, f"/m/{folder}/01 - Intro.flac") for number, folder in ((1, "Doors"), (2, "Roofs"))]
    by_name = read_table(b"title,artist\nMine,Me\nYellow,Coldplay\n", known=known, files=files).songs
    assert [by_name.song(row).player for row in (0, 1)] == [Player.LIBRARY, Player.SPOTIFY]
    for data in (b"#EXTM3U\n01%20-%20Intro.mp3\n", path_crate("m/Roofs/01 - Intro.flac")):
        assert read_table(data, files=files, folder=Path("/m/Roofs")).songs.song(0).id == "library-2"


@pytest.mark.parametrize("data", [b"SQLite format 3\0" + bytes(99), bytes(range(256))])
def test_a_database_is_not_told_to_be_saved_as_csv(data: bytes) -> None:
    with pytest.raises(DatasetError, match="Export"):
        read_table(data, name="x.db")
