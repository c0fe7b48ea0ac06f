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
ADVENTURE = "adventure"
GENRES = "genres"
DECADES = "decades"
TEMPO = "tempo"


def said_emotion(scope: str) -> str:
    """What the visitor says a face shows, when the network got it wrong."""
    return f"said-emotion-{scope}"


def said_mood(scope: str) -> str:
    """The mood of music the visitor asks for instead."""
    return f"said-mood-{scope}"


def songs_page(request_key: str) -> str:
    """How often "More songs" was pressed for one list of songs."""
    return f"songs-page-{request_key}"


# The music page. The first four stand in the address too.
MUSIC_TABLE = "table"
MUSIC_VIEW = "view"
MUSIC_TRACK = "track"  # the id of the song whose mood is asked for
MUSIC_QUERY = "find"  # what was searched for
MUSIC_RECCOBEATS = "reccobeats"
MUSIC_COVERS = "covers"
MUSIC_UPLOAD = "music_upload"
MUSIC_OWN = "music_own"  # what the visitor's own CSV became: a SongTable, or why it could not be read


def music_widget(name: str, *scope: str) -> str:
    """A widget of the music page; what belongs to one table or one song names it in `scope`."""
    return "-".join(("music", name, *scope))
