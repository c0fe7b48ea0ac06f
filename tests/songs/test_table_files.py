"""Files of other forms than text with separators: playlists, workbooks, and what is refused."""

import io
import json
import zipfile

import pytest

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import Hearing, Player, Song
from emomusic.songs.tables import read_table

from .tables import song_table, titles

M3U = "#EXTM3U\r\n#EXTINF:266,Coldplay - Yellow\r\nmusic\\y.mp3\r\n../Train - Hey, Soul Sister.flac\r\n#EXTINF:9,X - Y\r\nz.mp3\r\n"
PLS = "[playlist]\nFile1=y.mp3\nTitle1=Coldplay - Yellow\nLength1=266\nFile2=Train - Hey, Soul Sister.mp3\nFile3=z.mp3\nTitle3=X - Y\n"
XSPF = """<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList>
<track><location>file:///a%20b/y.mp3</location><title>Yellow</title><creator>Coldplay</creator></track>
<track><title>Hey, Soul Sister</title><creator>Train</creator></track><track><location>file:///home/me/z%2Emp3</location><title>Y</title><creator>X</creator></track>
</trackList></playlist>"""
CUE = """PERFORMER "Coldplay"\nTITLE "Album"\nFILE "album.flac" WAVE\n  TRACK 01 AUDIO\n    TITLE "Yellow"\n
  TRACK 02 AUDIO\n    TITLE "Hey, Soul Sister"\n    PERFORMER "Train"\n  TRACK 03 AUDIO\n    TITLE "Y"\n"""


def own_song(number: int, path: str) -> Song:
    heard = Hearing({"Q1": 0.1, "Q2": 0.2, "Q3": 0.6, "Q4": 0.1}, -0.5, -0.4, ())
    known = {"valence": 0.25, "energy": 0.3, "path": path, "hearing": heard}
    return Song(f"library-{number}", "Mine", ("Me",), Player.LIBRARY, **known)


@pytest.mark.parametrize("text", [M3U, PLS, XSPF, CUE])
def test_playlists_name_songs_of_the_catalogue_and_of_the_library(text: str, known: Recommender) -> None:
    reading = read_table(text.encode(), name="list", known=known)
    assert titles(reading) == ["Yellow", "Hey, Soul Sister"]
    assert [row for row, _, _ in reading.not_found] == [3]
    if text is not CUE:
        own = own_song(1, "/home/me/z.mp3")
        reading = read_table(text.encode("utf-16"), name="list", known=known, files=[own])
        assert titles(reading) == ["Yellow", "Hey, Soul Sister", "Mine"]
        assert reading.songs.song(2) == own
        assert reading.moods[2] is Mood.SAD


@pytest.mark.parametrize(
    ("path", "number"), [("D:\\Music\\jazz\\one.mp3", 2), ("zz/one.mp3", 1), ("/a/b/c/d/e/jazz/one.mp3", 2)]
)
def test_a_path_names_the_file_with_the_longest_equal_end(path: str, number: int, known: Recommender) -> None:
    files = [own_song(n, f"/home/me/music/{folder}/one.mp3") for n, folder in ((1, "rock"), (2, "jazz"))]
    reading = read_table(f"#EXTM3U\n{path}\n".encode(), name="list", known=known, files=files)
    assert reading.songs.song(0).id == f"library-{number}"


def sheet_xml(*rows: list[str], at: str = "") -> bytes:
    """A workbook of Excel with texts."""
    cells = ("".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows)
    data = "".join(f"<row>{row}</row>" for row in cells) + at
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{office}"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{data}</sheetData></worksheet>",
    }
    return zipped({name: f'<?xml version="1.0"?>{part}'.encode() for name, part in parts.items()})


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def ods(rows: str) -> bytes:
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name='A'>{rows}"
            "</table:table></office:spreadsheet></office:body></office:document-content>".encode(),
        }
    )


def ods_row(*cells: str, repeated: int = 1) -> str:
    texts = "".join(
        f"<table:table-cell office:value-type='string'><text:p>{cell}</text:p></table:table-cell>" for cell in cells
    )
    rest = '<table:table-cell table:number-columns-repeated="16382"/>'
    return f'<table:table-row table:number-rows-repeated="{repeated}">{texts}{rest}</table:table-row>'


def test_workbooks_are_read(known: Recommender) -> None:
    excel = sheet_xml(["My songs"], ["Title", "Artist"], ["Yellow", "Coldplay"])
    table = ods_row("Title", "Artist") + ods_row("Yellow", "Coldplay") + ods_row("", repeated=1_048_574)
    for data in (excel, ods(table)):
        assert titles(read_table(data, name="x", known=known)) == ["Yellow"]


DEEP = b'[{"a":' * 100_000


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
        zipped({"songs.csv": b"title,artist\nA,B\n"}),
        zipped({"xl/workbook.xml": bytes(400 * 2**20)}),
        sheet_xml(["Title", "Artist"], at='<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'),
        json.dumps([{str(number): 1 for number in range(2000)}]).encode(),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_hostile_or_foreign_file_is_refused_in_one_line(data: bytes, known: Recommender) -> None:
    with pytest.raises(DatasetError, match="mine") as caught:
        _ = read_table(data, name="mine", known=known).songs
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 1500
