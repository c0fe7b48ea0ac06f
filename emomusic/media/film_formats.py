"""Names of `media.formats` for films, until their users import it."""

from __future__ import annotations

import os

from emomusic.media.formats import FILM_ENDINGS as FILM_ENDINGS
from emomusic.media.formats import FORMATS, Kind, format_of, kind_of

FORMATS_IN_WORDS = FORMATS[Kind.FILM]


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's demuxer for a film with these first 16 bytes; None if they are not those of a film."""
    found = format_of(head)
    is_film = found.kind is Kind.FILM or found.demuxer in ("gif", "mov")
    return found.demuxer if is_film else None


def is_film(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether a file holds a film, also in a format that is not read. False if it cannot be read."""
    return kind_of(source) is Kind.FILM
