import cv2
import numpy as np
import pytest

from emomusic.app.live.ice import Way
from emomusic.app.live.session import LiveSession, Phase
from emomusic.media.images import RgbImage, encode_jpeg
from emomusic.stream.reader import LiveReader, LiveView
from tests.fakes import FakeClassifier, FakeDetector

FRAME = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8), (31, 31), 0)


def test_a_frame_is_mirrored_and_an_error_stays_until_the_next_success() -> None:
    class Reader(LiveReader):
        fails = True

        def submit_frame(self, image: RgbImage) -> LiveView:
            if self.fails:
                raise ValueError("no")
            self.image = image
            return super().submit_frame(image)

    reader = Reader(lambda: (FakeDetector(), FakeClassifier()))
    live = LiveSession(reader)
    assert live.phase is Phase.CONNECTING
    assert live.take_frame(encode_jpeg(FRAME), Way.PAGE) is None
    assert str(live.frame_error) == "no"
    assert live.frame_error is not None
    assert live.frame_error.__traceback__ is None  # a traceback holds the frame
    reader.fails = False
    assert live.take_frame(encode_jpeg(FRAME), Way.WEBRTC) is not None
    assert (live.frame_error, live.phase, live.way) == (None, Phase.PLAYING, Way.WEBRTC)
    assert reader.image == pytest.approx(FRAME[:, ::-1], abs=25)
    live.end()
    assert not reader.is_running
