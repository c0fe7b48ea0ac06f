"""Files with very many tags are refused before FFmpeg reads them."""

import io
import struct

import pytest

from emomusic.errors import AudioError
from emomusic.media.audio_file import read_song
from emomusic.media.tags import num_tags
from tests.songs.songs import song_bytes


def flac(number: int) -> bytes:
    content = song_bytes("flac", 2)
    comments = b"".join(struct.pack("<I", 11) + b"TAG%06d=x" % place for place in range(number))
    block = struct.pack("<I", 4) + b"test" + struct.pack("<I", number) + comments
    first = 8 + int.from_bytes(content[5:8], "big")
    others = first
    while not content[others] & 0x80:
        others += 4 + int.from_bytes(content[others + 1 : others + 4], "big")
    others += 4 + int.from_bytes(content[others + 1 : others + 4], "big")
    return content[:first] + b"\x84" + len(block).to_bytes(3, "big") + block + content[others:]


def mp3(number: int) -> bytes:
    frames = b"".join(b"TXXX\0\0\0\x0a\0\0\0T%06d\0x" % place for place in range(number))
    size = bytes(len(frames) >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    return b"ID3\x03\0\0" + size + frames + song_bytes("mp3", 2, tags={})


@pytest.mark.parametrize("write", [flac, mp3])
def test_a_hundred_thousand_tags_are_refused_and_a_hundred_are_read(write):
    with pytest.raises(AudioError, match="tags"):
        read_song(io.BytesIO(write(100_000)), "song")
    few = write(100)
    assert num_tags(few) == 100
    assert read_song(io.BytesIO(few), "song").duration_s == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("version", [3, 4])
def test_the_size_of_a_long_tag_is_that_of_its_version(version: int):
    bits = 7 if version == 4 else 8
    frame = b"TXXX" + bytes(300 >> bits * place & (1 << bits) - 1 for place in (3, 2, 1, 0)) + bytes(2) + b"x" * 300
    size = bytes(3 * len(frame) >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    assert num_tags(b"ID3" + bytes([version, 0, 0]) + size + 3 * frame) == 3


def test_random_bytes_have_no_error():
    heads = (b"ID3\x04", b"fLaC", b"fLaC\x84", b"\x03vorbis", b"ID3\x02\0\0\0\0\0\0TT2", b"OpusTags" + 4 * b"\xff")
    assert [num_tags(head) >= 0 for head in heads] == [True] * len(heads)
