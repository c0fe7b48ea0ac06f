from base64 import b64decode
from xml.etree import ElementTree

from emomusic.affect import EMOTIONS
from emomusic.charts.face import expression_uri
from emomusic.colours import EMOTION_COLOURS


def test_each_emotion_has_its_own_drawing_in_its_colour() -> None:
    drawings = {emotion: b64decode(expression_uri(emotion).partition(",")[2]).decode() for emotion in EMOTIONS}
    for emotion, drawing in drawings.items():
        root = ElementTree.fromstring(drawing)
        assert root.get("viewBox") == "0 0 100 100"
        assert root.find("{*}circle").get("fill") == EMOTION_COLOURS[emotion]
    assert len({drawing.partition("<g>")[2] for drawing in drawings.values()}) == len(EMOTIONS)
