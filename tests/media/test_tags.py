"""The texts of tags, also in encodings that are declared wrongly, tags at the end of MP3 files, and too many tags."""

import io

import mutagen
import pytest
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from emomusic.errors import AudioError
from emomusic.media.audio_file import read_song
from emomusic.media.formats import tag_length
from emomusic.media.tags import num_tags, read_texts, tags_of
from tests.songs.songs import id3v1, song_bytes

ALBUMS = {
    "utf-8": ("J\xf3ga", "Bj\xf6rk", "\u041f\u0435\u0441\u043d\u044f"),
    "cp1251": (
        "\u041f\u0440\u0435\u043a\u0440\u0430\u0441\u043d\u043e\u0435 \u0434\u0430\u043b\u0451\u043a\u043e",
        "\u0425\u043e\u0440",
    ),
    "cp932": ("\u3055\u304f\u3089", "\u4e2d\u5cf6\u307f\u3086\u304d", "\u30a2\u30eb\u30d0\u30e0"),
    "gbk": ("\u591c\u66f2", "\u5468\u6770\u4f26", "\u5341\u4e00\u6708\u7684\u8427\u90a6"),
}
LATIN = {"title": "J\xf3ga", "artist": "Bj\xf6rk \u2019s"}
LONG_COVER = b"\0image/png\0\3\0\x89PNG\r\n\x1a\n" + bytes(2**17)


def test_a_wrongly_declared_encoding_is_told_by_all_tags_and_right_texts_stay():
    for encoding, album in ALBUMS.items():
        texts = dict(zip(("title", "artist", "album"), album, strict=False))
        wrong = {name: text.encode(encoding).decode("latin-1") for name, text in texts.items()}
        assert read_texts(wrong) == texts
        raw = {name: text.encode(encoding).decode("utf-8", "surrogateescape") for name, text in texts.items()}
        assert read_texts(raw) == texts
    for album in (
        ("\xc6ther", "\xd8\xc5\xc6", "Mot\xf6rhead"),
        ("Cr\xe9\xe9e \xe0 No\xebl", "Zo\xe9"),
        ("\u201cIt\u2019s\u201d \u2014 fa\xe7ade", "Sigur R\xf3s"),
        ("\xd0\xe6mon", "\xc3o \xe3", "S\xe3o"),
    ):
        values = {str(number): text for number, text in enumerate(album)}
        assert read_texts(values) == values


def ape(**items: str) -> bytes:
    """An APEv2 tag with header and footer."""
    (tags := APEv2()).update(items)
    tags.save(file := io.BytesIO())
    return file.getvalue()


def test_tags_at_the_end_of_an_mp3_are_read_and_damaged_ones_have_no_texts():
    for content in (b"", b"TAG", bytes(200), b"APETAGEX" * 40, ape()):
        assert tags_of(io.BytesIO(content), "mp3") == {}
    plain = song_bytes("mp3", tags={})
    for end in (ape(Title="The \xe9nd", Artist="Ann"), ape(Title="The \xe9nd", Artist="Ann") + id3v1(b"The", b"A")):
        song = read_song(io.BytesIO(plain + end))
        assert (song.title, song.artists) == ("The \xe9nd", ("Ann",))
    partial = song_bytes("mp3", tags={"title": "From the start"})
    song = read_song(io.BytesIO(partial + id3v1(b"From the st", b"Ann")))
    assert (song.title, song.artists) == ("From the start", ("Ann",))


def id3(version: int, *frames: tuple[bytes, bytes]) -> bytes:
    bits = 7 if version == 4 else 8
    body = b"".join(
        key + bytes(len(text) >> shift * bits & (2**bits - 1) for shift in (3, 2, 1, 0)) + b"\0\0" + text
        for key, text in frames
    )
    return b"ID3" + bytes([version, 0, 0, *(len(body) >> shift * 7 & 127 for shift in (3, 2, 1, 0))]) + body


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_tags_are_utf_8_or_windows_1252(encoding: str):
    title, artist = (text.encode(encoding) for text in LATIN.values())
    mp3 = song_bytes("mp3", tags={})
    mp3 = mp3[tag_length(mp3) :] + id3v1(title, artist)
    items = b"".join(
        key + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2)
        for key, text in ((b"INAM", title), (b"IART", artist))
    )
    wav = song_bytes("wav", tags={}) + b"LIST" + (4 + len(items)).to_bytes(4, "little") + b"INFO" + items
    wav = wav[:4] + (len(wav) - 8).to_bytes(4, "little") + wav[8:]
    for content in (mp3, wav):
        song = read_song(io.BytesIO(content))
        assert (song.title, song.artists) == (LATIN["title"], (LATIN["artist"],))


def test_tags_of_id3_and_of_other_formats_have_several_values():
    for version, frames, artists, genres in (
        (3, {b"TPE1": b"\0River/Salt", b"TCON": b"\0Rock/Jazz"}, ("River", "Salt"), ("rock", "jazz")),
        (3, {b"TPE1": b"\0AC/DC", b"TCON": b"\0(17)"}, ("AC/DC",), ("rock",)),
        (3, {b"TPE1": b"\0A", b"TCON": b"\x008"}, ("A",), ("jazz",)),
        (4, {b"TPE1": b"\0A", b"TCON": b"\x0017"}, ("A",), ("rock",)),
        (4, {b"TPE1": b"\0River/Salt", b"TCON": b"\0Rock\0Jazz"}, ("River/Salt",), ("rock", "jazz")),
        (4, {b"TPE1": b"\0A with B", b"TXXX": b"\0ARTISTS\0A\0B"}, ("A", "B"), ()),
        (3, {b"TPE1": b"\0River with Salt", b"TXXX": b"\0ARTISTS\0River/Salt"}, ("River", "Salt"), ()),
        (4, {b"TPE1": b"\3" + "Ann\xe4\0Bob".encode(), b"APIC": LONG_COVER}, ("Ann\xe4", "Bob"), ()),
        (3, {b"TPE1": b"\1" + "Ann\xe4\0".encode("utf-16") + "Bob".encode("utf-16")}, ("Ann\xe4", "Bob"), ()),
        (4, {b"APIC": LONG_COVER, b"TPE1": b"\2" + "Ann\xe4\0Bob\0".encode("utf-16-be")}, ("Ann\xe4", "Bob"), ()),
    ):
        content = id3(version, *frames.items()) + song_bytes("mp3", tags={})
        song = read_song(io.BytesIO(content))
        assert (song.artists, song.genres) == (artists, genres)
    for ending in ("m4a", "flac", "ogg", "opus"):
        content = io.BytesIO(song_bytes(ending, tags={}))
        file = mutagen.File(content)
        names = ("\xa9ART", "\xa9gen") if ending == "m4a" else ("artist", "genre")
        file.tags.update(zip(names, (["River", "Salt"], ["Rock", "Jazz"]), strict=True))
        content.seek(0)
        file.save(content)
        song = read_song(content)
        assert (song.artists, song.genres) == (("River", "Salt"), ("rock", "jazz"))


def test_explicit_songs_are_told_in_each_format():
    for value, is_explicit in (("1", True), ("2", False), ("0", False), ("4", True), ("no", False)):
        frames = ((b"TXXX", b"\0ITUNESADVISORY\0" + value.encode()),)
        contents = [id3(version, *frames) + song_bytes("mp3", tags={}) for version in (3, 4)]
        endings = ("flac", "ogg", "opus", ("matroska", "libopus"))
        contents += [song_bytes(ending, rate=48_000, tags={"ITUNESADVISORY": value}) for ending in endings]
        fields = {"----:com.apple.iTunes:ITUNESADVISORY": [value.encode()]}
        for own in (fields, {"rtng": [int(value)]}) if value.isdigit() else (fields,):
            (file := MP4(content := io.BytesIO(song_bytes("m4a", tags={})))).update(own)
            content.seek(0)
            file.save(content)
            contents.append(content.getvalue())
        assert [read_song(content).explicit for content in contents] == [is_explicit] * len(contents)


def flac(number: int) -> bytes:
    file = FLAC(content := io.BytesIO(song_bytes("flac", tags={})))
    file.tags.clear()
    file.tags.extend((f"TAG{place}", "x") for place in range(number))
    content.seek(0)
    file.save(content)
    return content.getvalue()


def mp3(number: int) -> bytes:
    return id3(3, *((b"TXXX", b"\0T%d\0x" % place) for place in range(number))) + song_bytes("mp3", tags={})


def test_a_hundred_thousand_tags_are_refused_and_the_size_of_a_long_one_is_that_of_its_version():
    for write in (flac, mp3):
        with pytest.raises(AudioError, match="tags"):
            read_song(io.BytesIO(write(100_000)), "song")
        few = write(100)
        assert num_tags(few) == 100
        assert read_song(io.BytesIO(few), "song").duration_s == pytest.approx(2, abs=0.2)
    assert [num_tags(id3(version, *[(b"TXXX", b"x" * 300)] * 3)) for version in (3, 4)] == [3, 3]
    heads = (b"ID3\x04", b"fLaC", b"fLaC\x84", b"\x03vorbis", b"ID3\x02\0\0\0\0\0\0TT2", b"OpusTags" + 4 * b"\xff")
    assert [num_tags(head) >= 0 for head in heads] == [True] * len(heads)
