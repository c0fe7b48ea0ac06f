"""Audio files are told apart from films and other files by their first bytes."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from emomusic.media.audio_formats import AUDIO_ENDINGS, HEAD_BYTES, demuxer_of, is_audio
from emomusic.media.film_formats import is_film
from tests.films import CODECS as FILM_CODECS
from tests.films import write_frames
from tests.songs.songs import CODECS, song_bytes


@pytest.mark.parametrize("ending", CODECS)
def test_every_format_is_known_by_its_first_bytes(ending: str, tmp_path: Path):
    content = song_bytes(ending)
    (tmp_path / "song").write_bytes(content)
    assert ending in AUDIO_ENDINGS
    assert is_audio(content)
    assert is_audio(tmp_path / "song")
    assert is_film(content) == (ending == "m4a")  # so that `is_audio` must be asked first


@pytest.mark.parametrize("ending", FILM_CODECS)
def test_a_film_is_no_audio(ending: str):
    film = io.BytesIO()
    write_frames(film, [np.full((32, 32, 3), shade, np.uint8) for shade in (0, 99)], ending=ending)
    assert not is_audio(film.getvalue())


def test_the_name_tells_an_m4a_file_with_the_brand_of_films():
    content = b"\0\0\0\x18ftypisom" + bytes(12)
    assert not is_audio(content)
    assert not is_audio(content, "song.mp4")
    assert is_audio(content, "Song.M4A")


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\xff\xfb\x90\x00", "mp3"),
        (bytes(700) + b"\xff\xf3\x40\xc0", "mp3"),  # padded; MPEG-2
        (b"ID3\4\0\0", "mp3"),
        (b"RF64\0\0\0\0WAVE", "wav"),
        (b"FORM\0\0\0\0AIFC", "aiff"),
        (b"OggS" + bytes(24) + b"\x80theora", None),
        (b"\xff\xfe<\0?\0", None),  # text in UTF-16
        (b"\xff\xfb\xf0\x00", None),  # an invalid bit rate
        (b"\xff\xd8\xff\xe0", None),  # JPEG
        (b"\xff\xfb", None),
        (b"#EXTM3U\nsong.mp3", None),
        (b"RIFF\0\0\0\0AVI ", None),
        (bytes(HEAD_BYTES), None),
        (b"", None),
    ],
)
def test_the_first_bytes_choose_the_demuxer(head: bytes, demuxer: str | None):
    assert demuxer_of(head) == demuxer


def test_what_cannot_be_read_is_no_audio(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert not any(is_audio(path) for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent", "a\0b"))
