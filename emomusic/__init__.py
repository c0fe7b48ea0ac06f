"""EmoMusic: a face goes in, a song comes out.

`import emomusic` is light: NumPy loads with the first name taken from here, TensorFlow, MTCNN and OpenCV inside what
needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant
    from emomusic.errors import EmomusicError

__version__ = "0.1.0"

__all__ = ["AffectPoint", "EmomusicError", "Emotion", "EmotionProbabilities", "Mood", "Quadrant", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("emomusic.errors" if name == "EmomusicError" else "emomusic.affect"), name)
