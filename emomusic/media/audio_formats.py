"""Names of `media.formats` for songs, until their users import it."""

from __future__ import annotations

import os

from emomusic.media.formats import AUDIO_ENDINGS as AUDIO_ENDINGS
from emomusic.media.formats import FORMATS, Kind, format_of, kind_of
from emomusic.media.formats import HEAD_BYTES as HEAD_BYTES
from emomusic.media.formats import mime_type_of as mime_type_of
from emomusic.media.formats import title_of as title_of

FORMATS_IN_WORDS = FORMATS[Kind.SONG]


def demuxer_of(head: bytes, name: str = "") -> str | None:
    """FFmpeg's demuxer for an audio file; None for other files."""
    found = format_of(head, name)
    return found.demuxer if found.kind is Kind.SONG else None


def is_audio(source: str | os.PathLike[str] | bytes, name: str = "") -> bool:
    """Whether a file holds a song, also in a format that is not read. False if it cannot be read."""
    return kind_of(source, name) is Kind.SONG
