"""Files are told apart by their bytes, and each kind has one sentence."""

import os
from pathlib import Path

import pytest

from emomusic.media.formats import HEAD_BYTES, Kind, format_of, kind_of
from tests.hostile.generator import zip_bytes

FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1, 128 kbit/s, 44.1 kHz
ZIP = zip_bytes([("song.mp3", FRAME * 9)])
ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(60)
ASF_VIDEO = b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b"


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (FRAME * 4, "mp3"),
        (b"\x11" * 60_000 + FRAME * 4, "mp3"),  # cut in mid-frame, or with junk in front
        (b"APETAGEX\xd0\x07\0\0\x40\x9c\0\0" + bytes(16) + b"\x11" * 40_000 + FRAME * 4, "mp3"),
        ((b"\xff\xf3\x40\xc0" + bytes(100)) * 4, "mp3"),  # MPEG-2
        (b"ID3\4\0\0\0\0\0\x05" + bytes(5) + b"fLaC", "flac"),
        (b"RF64\0\0\0\0WAVE", "wav"),
        (b"FORM\0\0\0\0AIFC", "aiff"),
        (FRAME + b"\0" + FRAME, None),
        (b"\xff\xfb\xf0\x00" + bytes(413), None),  # an invalid bit rate
        (b"\xff\xfe<\0?\0", None),  # text in UTF-16
        (bytes(HEAD_BYTES), None),
        (b"", None),
    ],
)
def test_the_first_bytes_choose_the_demuxer(head: bytes, demuxer: str | None):
    assert format_of(head[:HEAD_BYTES]).demuxer == demuxer


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"OggS" + bytes(24) + b"\x80theora", Kind.FILM),
        (ASF + ASF_VIDEO, Kind.FILM),
        (ASF, Kind.SONG),
        (b"FLV\1\5", Kind.FILM),
        ((b"\x47" + bytes(187)) * 4, Kind.FILM),
        (b"\xff\xf1\x50\x80" + bytes(99), Kind.SONG),
        (b"ID3\4\0\0\0\0\0\0\xff\xf1\x50\x80", Kind.SONG),
        *((mark + bytes(99), Kind.SONG) for mark in (b"wvpk", b"TTA1", b"\x0b\x77", b"\xff\xfd\xa4")),
        (b"8BPS\0\1", Kind.PICTURE),
        *((start + b"<svg xmlns='a'/>", Kind.PICTURE) for start in (b"", b"\xef\xbb\xbf", b"<?xml?>\n<!-- a -->\n")),
        (b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "a"><svg/>', Kind.PICTURE),
        *((mark + bytes(99), Kind.PICTURE) for mark in (b"FLIF", b"\n\5\1\x08", bytes(128) + b"DICM")),
        (b"<!DOCTYPE html><html><body><svg></svg>Sign in</body></html>", Kind.TEXT),  # a page with an icon
        *(
            (mark + bytes(99), Kind.DOCUMENT)
            for mark in (b"%PDF-1.7\n", b"%!PS-Adobe-3.0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
        ),
        *((zip_bytes([(name, b"x")]), Kind.DOCUMENT) for name in ("[Content_Types].xml", "_rels/.rels")),
        *((bytes(4) + mark + bytes(99), Kind.FILM) for mark in (b"styp", b"moof")),
        (b"\1" * 99 + (b"\x47" + bytes(187)) * 5, Kind.FILM),  # cut within a packet
        (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
        (ZIP, Kind.ARCHIVE),
        (bytes(257) + b"ustar\0" + FRAME * 9, Kind.ARCHIVE),
        (b"sep=;\ntitle;artist\n", Kind.TABLE),
        ("title\tartist\nJóga\tBjörk\n".encode("utf-16"), Kind.TABLE),
        (b"PAR1", Kind.TABLE),
        *(
            (mark + bytes(99), Kind.PICTURE)
            for mark in (b"v/1\x01", b"#?RADIANCE\n", b"DDS ", b"gimp xcf", b"FUJIFILMCCD-RAW")
        ),
        (b"\0\0\0\x18ftypcrx ", Kind.PICTURE),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg width='9'></svg>", Kind.PICTURE),
        (b"meet me at noon " * 9, Kind.TEXT),  # nearly the head of a TGA
        ("dear diary, ça va".encode(), Kind.TEXT),
        (b"", Kind.OTHER),
    ],
)
def test_files_that_are_not_read_have_a_kind(content: bytes, kind: Kind):
    assert kind_of(content) == kind


def test_the_name_tells_some_kinds_and_what_cannot_be_read_has_none(tmp_path: Path):
    isom = b"\0\0\0\x18ftypisom" + bytes(12)
    names = ((isom, "song.mp4", Kind.FILM), (isom, "Song.M4A", Kind.SONG), (ZIP, "Songs.XLSX", Kind.TABLE))
    for content, name, kind in names:
        assert kind_of(content, name) == kind
    os.mkfifo(tmp_path / "pipe")
    assert {kind_of(path) for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent", "a\0b")} == {Kind.OTHER}


def test_zeros_in_front_of_a_song_and_a_short_film_of_windows(tmp_path: Path):
    for num_zeros in (HEAD_BYTES - 1, HEAD_BYTES, 70_000, 5 * HEAD_BYTES):
        (path := tmp_path / "song.mp3").write_bytes(bytes(num_zeros) + FRAME * 200)
        assert kind_of(path) is Kind.SONG, num_zeros
    (path := tmp_path / "zeros.mp3").write_bytes(bytes(10 * HEAD_BYTES))
    assert kind_of(path) is Kind.OTHER
    for name in ("film.wmv", "film.ASF"):
        (path := tmp_path / name).write_bytes(ASF)
        assert kind_of(path) is Kind.FILM
    (path := tmp_path / "song.wma").write_bytes(ASF)
    assert kind_of(path) is Kind.SONG
