from base64 import b64decode
from xml.etree import ElementTree

from emomusic.affect import EMOTIONS
from emomusic.charts.colours import EMOTION_COLOURS
from emomusic.charts.expressions import expression_svg, expression_uri


def test_each_emotion_has_its_own_drawing_in_its_colour() -> None:
    drawings = {emotion: expression_svg(emotion) for emotion in EMOTIONS}
    for emotion, drawing in drawings.items():
        root = ElementTree.fromstring(drawing)
        assert root.get("viewBox") == "0 0 100 100"
        assert root.find("{*}circle").get("fill") == EMOTION_COLOURS[emotion]
        assert b64decode(expression_uri(emotion).partition(",")[2]).decode() == drawing
    assert len({drawing.partition("<g>")[2] for drawing in drawings.values()}) == len(EMOTIONS)
