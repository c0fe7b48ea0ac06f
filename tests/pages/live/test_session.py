import av
import numpy as np

from emomusic.app.live.session import CONNECT_TIMEOUT_S, LiveSession, Phase, Problem
from emomusic.media.images import RgbImage
from emomusic.stream.reader import LiveReader, LiveView
from tests.fakes import FakeClassifier, FakeDetector, make_face

FRAME = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def session(phase: Phase = Phase.CONNECTING) -> LiveSession:
    reader = LiveReader(lambda: (FakeDetector([make_face(40, 60, 60, 75)]), FakeClassifier()), idle_s=0.2)
    return LiveSession(reader, phase=phase)


def test_a_connection_that_times_out_gives_its_place_back_and_is_blocked() -> None:
    live, playing = session(), session(Phase.PLAYING)
    live.frame_s -= CONNECT_TIMEOUT_S
    assert live.is_slow
    assert live.is_live
    for each in (live, playing):
        each.frame_s -= 60
    assert not live.is_live
    assert playing.is_live  # WebRTC tells of its end
    live.update(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, Problem.BLOCKED)


def test_a_frame_is_mirrored_and_keeps_its_size_and_format() -> None:
    live = session(Phase.PLAYING)
    live.boxes = False
    frame = live.on_frame(av.VideoFrame.from_ndarray(FRAME, format="rgb24"))
    assert (frame.width, frame.height) == (320, 240)
    assert (frame.to_ndarray(format="rgb24") == FRAME[:, ::-1]).all()
    live.end()


def test_a_frame_error_returns_the_frame_and_stays_until_the_next_success() -> None:
    class Broken(LiveReader):
        fails = True

        def submit_frame(self, image: RgbImage) -> LiveView:
            if self.fails:
                raise ValueError("no")
            return super().submit_frame(image)

    reader = Broken(lambda: (FakeDetector(), FakeClassifier()))
    live = LiveSession(reader, phase=Phase.PLAYING)
    assert (live.draw(FRAME) == FRAME[:, ::-1]).all()
    assert str(live.frame_error) == "no"
    assert live.frame_error.__traceback__ is None  # a traceback holds the frame
    reader.fails = False
    live.draw(FRAME)
    assert live.frame_error is None
    live.end()


def test_the_end_of_the_video_closes_its_reader_but_not_the_next_one() -> None:
    playing, next_ = session(Phase.PLAYING), session()
    for live in (playing, next_):
        live.draw(FRAME)
        live.on_ended()
    before = playing.reader.view().num_frames
    playing.draw(FRAME)
    assert playing.reader.view().num_frames == before  # closed
    next_.draw(FRAME)
    assert next_.reader.view().num_frames == 2
    next_.end()
