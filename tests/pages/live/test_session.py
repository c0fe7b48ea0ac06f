import json
import threading

import numpy as np
import pytest

from emomusic.media.images import RgbImage
from emomusic.server.live import LiveSession, Phase
from emomusic.stream.reader import LiveReader
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.waiting import wait_until

FRAME = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
FACE = make_face(40, 60, 60, 75)


class WatchedReader(LiveReader):
    """A reader that notes its frames, and fails on demand."""

    fails = False

    def submit_frame(self, image: RgbImage) -> None:
        if self.fails:
            raise ValueError("no")
        self.taken = image
        super().submit_frame(image)


def session() -> tuple[LiveSession, WatchedReader]:
    reader = WatchedReader(lambda: (FakeDetector([FACE]), FakeClassifier()), smoothing_s=0, idle_s=60)
    return LiveSession(reader), reader


def test_the_first_frame_begins_the_video_and_each_is_mirrored_and_small() -> None:
    live, reader = session()
    live.take_frame(lambda: FRAME)
    assert live.phase is Phase.PLAYING
    assert (reader.taken == FRAME[:, ::-1]).all()
    live.take_frame(lambda: np.tile(FRAME, (3, 3, 1)))
    assert max(reader.taken.shape) == 640
    live.end()


def test_the_answer_has_the_faces_in_shares_of_the_mirrored_frame_and_the_listener_is_told() -> None:
    live, reader = session()
    heard: list[Phase] = []
    live.on_frame(lambda: heard.append(live.phase))
    live.take_frame(lambda: FRAME)
    wait_until(lambda: reader.view().num_readings > 0)
    answer = json.loads(live.faces_json())
    (face,) = answer["faces"]
    assert face["box"] == [40 / 320, 60 / 240, 60 / 320, 75 / 240]
    assert face["label"] == "1 happy"
    assert answer["at_ms"] == pytest.approx(1000 * live.frame_s)
    assert (answer["phase"], answer["isMarked"], heard) == ("playing", True, [Phase.PLAYING])
    live.boxes = False  # Classroom: the band still follows the faces
    assert json.loads(live.faces_json()) | {"isMarked": True} == answer
    live.end()
    assert json.loads(live.faces_json())["phase"] == "over"


def test_an_error_stays_until_the_next_success() -> None:
    live, reader = session()
    reader.fails = True
    live.take_frame(lambda: FRAME)
    assert str(live.frame_error) == "no"
    assert live.frame_error.__traceback__ is None  # a traceback holds the frame
    reader.fails = False
    live.take_frame(lambda: FRAME)
    assert live.frame_error is None
    live.end()


def test_a_frame_that_comes_during_another_one_or_after_the_end_is_dropped() -> None:
    live, reader = session()
    began, goes_on = threading.Event(), threading.Event()

    def decode() -> RgbImage:
        began.set()
        goes_on.wait()
        return FRAME

    first = threading.Thread(target=live.take_frame, args=[decode])
    first.start()
    began.wait()
    live.take_frame(lambda: FRAME[:100])
    goes_on.set()
    first.join()
    live.end()
    live.take_frame(lambda: FRAME[:100])
    assert reader.view().num_frames == 1
    assert reader.taken.shape == FRAME.shape
    assert live.phase is Phase.OVER
