"""The names of what a visitor's session remembers, in one place."""

from __future__ import annotations

PICTURE = "picture"  # the Picture on the screen, or absent
READING = "reading"  # (digest, model, PictureReading, preview) of that picture: nothing is computed twice
UPLOAD = "upload"
CAMERA = "camera"
SOURCE = "source"
SAMPLE = "sample"  # also in the address, so that a link can name a sample
POLICY = "policy"  # also in the address
HIDE_EXPLICIT = "hide_explicit"
SEED = "seed"


def said_emotion(scope: str) -> str:
    """What the visitor says a face shows, when the network got it wrong."""
    return f"said-emotion-{scope}"


def said_mood(scope: str) -> str:
    """The mood of music the visitor asks for instead."""
    return f"said-mood-{scope}"


def songs_page(request_key: str) -> str:
    """How often "More songs" was pressed for one list of songs."""
    return f"songs-page-{request_key}"
