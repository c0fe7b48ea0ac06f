"""EmoMusic: a face goes in, a song comes out.

`import emomusic` is light: TensorFlow, MTCNN and OpenCV load inside what needs them.
"""

from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant
from emomusic.errors import EmomusicError

__version__ = "0.1.0"

__all__ = ["AffectPoint", "EmomusicError", "Emotion", "EmotionProbabilities", "Mood", "Quadrant", "__version__"]
