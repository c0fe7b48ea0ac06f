"""Texts of tags in encodings that are declared wrongly, and tags at the end of MP3 files."""

import io

import pytest

from emomusic.media.audio_file import read_song
from emomusic.media.tags import read_texts, tags_at_end
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


@pytest.mark.parametrize("encoding", ALBUMS)
def test_an_encoding_that_is_declared_as_latin_1_is_told_by_all_tags(encoding: str):
    texts = dict(zip(("title", "artist", "album"), ALBUMS[encoding], strict=False))
    wrong = {name: text.encode(encoding).decode("latin-1") for name, text in texts.items()}
    assert read_texts(wrong) == texts
    raw = {name: text.encode(encoding).decode("utf-8", "surrogateescape") for name, text in texts.items()}
    assert read_texts(raw) == texts


@pytest.mark.parametrize(
    "texts",
    [
        ("\xc6ther", "\xd8\xc5\xc6", "Mot\xf6rhead"),
        ("Cr\xe9\xe9e \xe0 No\xebl", "Zo\xe9"),
        ("\u201cIt\u2019s\u201d \u2014 fa\xe7ade", "Sigur R\xf3s"),
        ("\u041f\u0435\u0441\u043d\u044f", "\u3055\u304f\u3089", "\u0130zmir"),
        ("\xd0\xe6mon", "\xc3o \xe3", "S\xe3o"),
    ],
)
def test_right_texts_stay(texts: tuple[str, ...]):
    values = {str(number): text for number, text in enumerate(texts)}
    assert read_texts(values) == values


def ape(**items: str) -> bytes:
    """An APEv2 tag with header and footer."""
    body = b"".join(
        len(text.encode()).to_bytes(4, "little") + bytes(4) + key.encode() + b"\0" + text.encode()
        for key, text in items.items()
    )
    end = (len(body) + 32).to_bytes(4, "little") + len(items).to_bytes(4, "little")
    head, foot = (b"APETAGEX" + (2000).to_bytes(4, "little") + end + flags for flags in (b"\0\0\0\xa0", b"\0\0\0\x80"))
    return head + bytes(8) + body + foot + bytes(8)


def test_tags_at_the_end_of_an_mp3_are_read():
    plain = song_bytes("mp3", tags={})
    for end in (ape(Title="The \xe9nd", Artist="Ann"), ape(Title="The \xe9nd", Artist="Ann") + id3v1(b"The", b"A")):
        song = read_song(io.BytesIO(plain + end))
        assert (song.title, song.artists) == ("The \xe9nd", ("Ann",))
    partial = song_bytes("mp3", tags={"title": "From the start"})
    song = read_song(io.BytesIO(partial + id3v1(b"From the st", b"Ann")))
    assert (song.title, song.artists) == ("From the start", ("Ann",))


@pytest.mark.parametrize("content", [b"", b"TAG", bytes(200), b"APETAGEX" * 40, ape()])
def test_damaged_tags_at_the_end_have_no_texts(content: bytes):
    assert tags_at_end(io.BytesIO(content)) == {}
