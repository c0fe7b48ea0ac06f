"""EmoMusic: a face goes in, a song comes out.

    import emomusic

    reading = emomusic.read_picture("photo.jpg")
    songs = emomusic.recommend_songs(reading)
    picture = emomusic.draw_reading("photo.jpg", reading)

`import emomusic` is fast: names load their modules on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant
    from emomusic.api import draw_reading, learn_face, read_picture, recommend_songs
    from emomusic.errors import EmomusicError

__version__ = "1.1.0"

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = (import_module(f".{module}", __name__) for module in ("errors", "affect", "api"))  # the light ones first
    return next(getattr(module, name) for module in modules if hasattr(module, name))
