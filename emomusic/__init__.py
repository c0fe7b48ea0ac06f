"""EmoMusic: a face goes in, a song comes out.

    import emomusic

    reading = emomusic.read_picture("photo.jpg")
    songs = emomusic.recommend_songs(reading)
    picture = emomusic.draw_reading("photo.jpg", reading)

`import emomusic` is fast: names load their modules on first use.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant
    from emomusic.api import draw_reading, learn_face, read_picture, recommend_songs
    from emomusic.errors import EmomusicError

__version__ = "1.0.0"

__all__ = [
    "AffectPoint",
    "EmomusicError",
    "Emotion",
    "EmotionProbabilities",
    "Mood",
    "Quadrant",
    "__version__",
    "draw_reading",
    "learn_face",
    "read_picture",
    "recommend_songs",
]

_OTHER_MODULES = MappingProxyType(
    {
        "EmomusicError": "emomusic.errors",
        "draw_reading": "emomusic.api",
        "learn_face": "emomusic.api",
        "read_picture": "emomusic.api",
        "recommend_songs": "emomusic.api",
    }
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_OTHER_MODULES.get(name, "emomusic.affect")), name)
