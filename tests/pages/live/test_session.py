from collections.abc import Sequence

import av
import numpy as np
import pandas as pd

from emomusic.affect import EMOTION_POINTS, Emotion, EmotionProbabilities
from emomusic.app.live.session import CONNECT_TIMEOUT_S, LiveSession, Phase, Problem
from emomusic.app.live.summary import MAX_SONGS, session_songs
from emomusic.faces.reading import SHARES
from emomusic.media.images import RgbImage
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.reader import LiveReader, LiveSettings, LiveView
from emomusic.stream.timeline import COLUMNS, summarize
from tests.fakes import FakeClassifier, FakeDetector, make_face

LIKE = Request(point=EMOTION_POINTS[Emotion.NEUTRAL])
FRAME = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def session(phase: Phase = Phase.CONNECTING) -> LiveSession:
    reader = LiveReader(lambda: (FakeDetector([make_face(40, 60, 60, 75)]), FakeClassifier()), idle_s=0.2)
    return LiveSession(reader, phase=phase)


def test_stop_is_not_a_problem() -> None:
    live = session(Phase.PLAYING)
    live.draw(FRAME)
    live.update(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, None)
    assert not live.reader.is_running
    live.update(playing=True, signalling=False)  # a late message of the browser
    assert live.phase is Phase.OVER


def test_a_connection_that_times_out_is_blocked() -> None:
    live = session()
    live.since_s -= CONNECT_TIMEOUT_S
    assert live.is_slow
    live.update(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, Problem.BLOCKED)


def test_a_frame_is_mirrored_and_keeps_its_size_and_format() -> None:
    live = session(Phase.PLAYING)
    live.boxes, live.reader.settings = False, LiveSettings(mirrored=True)
    frame = live.on_frame(av.VideoFrame.from_ndarray(FRAME, format="rgb24"))
    assert (frame.width, frame.height) == (320, 240)
    assert (frame.to_ndarray(format="rgb24") == FRAME[:, ::-1]).all()
    live.end()


def test_a_drawing_error_returns_the_frame_and_stays_until_the_next_success() -> None:
    class Broken(LiveReader):
        fails = True

        def submit_frame(self, image: RgbImage) -> LiveView:
            if self.fails:
                raise ValueError("no")
            return super().submit_frame(image)

    reader = Broken(lambda: (FakeDetector(), FakeClassifier()))
    live = LiveSession(reader, phase=Phase.PLAYING)
    assert (live.draw(FRAME) == FRAME).all()
    assert str(live.drawing_error) == "no"
    assert live.drawing_error.__traceback__ is None  # a traceback holds the frame
    reader.fails = False
    live.draw(FRAME)
    assert live.drawing_error is None
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


def table_of(*moods: tuple[int, Emotion | None]) -> pd.DataFrame:
    """A timeline of scenes: duration in seconds, and an emotion or no face."""
    rows = []
    for seconds, emotion in moods:
        certain = {} if emotion is None else EmotionProbabilities.certain(emotion).as_dict()
        shares = [certain.get(name, np.nan) for name in SHARES]
        rows += [[0, int(emotion is not None), *shares, np.nan, np.nan, None]] * seconds
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(time_s=range(len(table)))


def test_a_playlist_has_one_song_per_scene() -> None:
    summary = summarize(table_of((20, Emotion.HAPPY), (10, Emotion.SAD), (30, Emotion.HAPPY)))
    chosen = session_songs(summary, load_recommender(), LIKE)
    assert len({pick.song.id for pick in chosen}) == 3
    happy, sad, again = (pick.song.point for pick in chosen)
    assert min(happy.valence, again.valence) > 0 > sad.valence


class OneSong:
    """A fake recommender with one song."""

    def __init__(self) -> None:
        self.song = load_recommender().songs(Request(point=EMOTION_POINTS[Emotion.SAD]), 1)
        self.num_asked = 0

    def walk(self, request: Request) -> Sequence[Pick]:
        self.num_asked += 1
        return self.song


def test_songs_are_unique_and_the_longest_scenes_have_priority() -> None:
    moods = [(5 + n % 3, Emotion.HAPPY if n % 2 else Emotion.SAD) for n in range(14)]
    recommender = OneSong()
    assert len(session_songs(summarize(table_of(*moods)), recommender, LIKE)) == 1  # type: ignore[arg-type]
    assert recommender.num_asked == MAX_SONGS
    assert session_songs(summarize(table_of((9, None))), recommender, LIKE) == []  # type: ignore[arg-type]
