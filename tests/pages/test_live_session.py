"""emomusic/ui/live/session.py and what the page makes of a session: without a browser and without a page."""

import io
from collections.abc import Sequence

import av
import numpy as np
import pandas as pd
import pytest

from emomusic.affect import EMOTION_POINTS, Emotion, EmotionProbabilities
from emomusic.face.images import RgbImage
from emomusic.face.live.reader import LiveReader, LiveSettings, LiveView
from emomusic.face.live.timeline import COLUMNS, SHARES, summarize
from emomusic.music.recommend import Song, load_recommender
from emomusic.music.request import Request
from emomusic.plots.picture import OverlayStyle
from emomusic.ui.live.session import PATIENCE_S, LiveSession, Phase, Problem
from emomusic.ui.live.summary import MOST_SONGS, session_csv, session_songs
from tests.fakes import FakeClassifier, FakeDetector, make_face

FRAME = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def session(phase: Phase = Phase.CONNECTING) -> LiveSession:
    reader = LiveReader(lambda: (FakeDetector([make_face(40, 60, 60, 75)]), FakeClassifier()), idle_s=0.2)
    return LiveSession(reader, phase=phase)


def test_a_session_plays_once_the_browser_does() -> None:
    live = session()
    live.follow(playing=False, signalling=True)
    assert live.phase is Phase.CONNECTING
    live.follow(playing=True, signalling=False)
    assert live.phase is Phase.PLAYING


def test_a_stop_is_no_problem() -> None:
    live = session(Phase.PLAYING)
    live.draw(FRAME)
    live.follow(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, None)
    assert not live.reader.is_running


def test_a_stop_while_connecting_is_no_problem() -> None:
    live = session()
    live.follow(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, None)


def test_a_connection_that_never_came_up_was_blocked() -> None:
    live = session()
    live.since_s -= PATIENCE_S
    assert live.is_slow
    live.follow(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, Problem.BLOCKED)


def test_a_stream_that_fell_silent_before_it_ended_was_lost() -> None:
    live = session(Phase.PLAYING)
    live.draw(FRAME)
    live.frame_s -= 5
    live.follow(playing=False, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, Problem.LOST)


def test_what_the_browser_says_after_the_end_changes_nothing() -> None:
    live = session(Phase.OVER)
    live.follow(playing=False, signalling=False)
    live.follow(playing=True, signalling=False)
    assert (live.phase, live.problem) == (Phase.OVER, None)


def test_a_frame_comes_back_mirrored_with_the_size_and_kind_it_had() -> None:
    live = session(Phase.PLAYING)
    live.look = OverlayStyle(boxes=False)
    frame = live.on_frame(av.VideoFrame.from_ndarray(FRAME, format="rgb24"))
    assert (frame.width, frame.height) == (320, 240)
    assert (frame.to_ndarray(format="rgb24") == FRAME[:, ::-1]).all()
    live.end()


def test_a_frame_that_cannot_be_drawn_is_shown_as_it_came_and_the_error_kept_until_one_can() -> None:
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
    assert live.drawing_error.__traceback__ is None  # it would keep the frame
    reader.fails = False
    live.draw(FRAME)
    assert live.drawing_error is None
    live.end()


def test_the_end_of_the_video_ends_the_reader_but_not_that_of_the_next_session() -> None:
    playing, next_ = session(Phase.PLAYING), session()
    for live in (playing, next_):
        live.reader.settings = LiveSettings(interval_s=0.0)
        live.draw(FRAME)
        live.on_ended()
    before = playing.reader.view().num_frames
    playing.draw(FRAME)
    assert playing.reader.view().num_frames == before  # closed: takes nothing more
    next_.draw(FRAME)
    assert next_.reader.view().num_frames == 2
    next_.end()


def table_of(*moods: tuple[int, Emotion | None]) -> pd.DataFrame:
    """A timeline: so many seconds of each emotion, or of nobody."""
    rows = []
    for seconds, emotion in moods:
        certain = {} if emotion is None else EmotionProbabilities.certain(emotion).as_dict()
        shares = [certain.get(name, np.nan) for name in SHARES]
        rows += [[0, int(emotion is not None), *shares, np.nan, np.nan, None]] * seconds
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(time_s=range(len(table)))


def test_a_playlist_follows_the_session_stretch_by_stretch() -> None:
    summary = summarize(table_of((20, Emotion.HAPPY), (10, Emotion.SAD), (30, Emotion.HAPPY)))
    chosen = session_songs(summary, load_recommender())
    assert [stretch.start_s for stretch, _ in chosen] == [0, 20, 30]
    assert len({song.track.id for _, song in chosen}) == 3
    happy, sad, again = (song.point for _, song in chosen)
    assert min(happy.valence, again.valence) > 0 > sad.valence
    angry = summarize(table_of((20, Emotion.ANGRY)))
    assert any(song.track.explicit for _, song in session_songs(angry, Explicit()))  # type: ignore[arg-type]
    assert session_songs(angry, Explicit(), hide_explicit=True) == []  # type: ignore[arg-type]


class Explicit:
    """Has one explicit song, for who may hear it."""

    def songs(self, request: Request, count: int) -> Sequence[Song]:
        found = load_recommender().songs(Request(point=request.point, emotion=request.emotion), 100)
        return [] if request.hide_explicit else [next(song for song in found if song.track.explicit)]


class OneSong:
    """Has one song for everything."""

    def __init__(self) -> None:
        self.song = load_recommender().songs(Request(point=EMOTION_POINTS[Emotion.SAD]), 1)
        self.num_asked = 0

    def songs(self, request: Request, count: int) -> Sequence[Song]:
        self.num_asked += 1
        return self.song


def test_no_song_comes_twice_and_the_longest_stretches_come_first() -> None:
    moods = [(5 + n % 3, Emotion.HAPPY if n % 2 else Emotion.SAD) for n in range(14)]
    recommender = OneSong()
    assert len(session_songs(summarize(table_of(*moods)), recommender)) == 1  # type: ignore[arg-type]
    assert recommender.num_asked == MOST_SONGS
    assert session_songs(summarize(table_of((9, None))), recommender) == []  # type: ignore[arg-type]


def test_the_file_of_a_session_holds_every_second() -> None:
    table = table_of((2, Emotion.FEAR), (1, None))
    read = pd.read_csv(io.BytesIO(session_csv(table)))
    assert list(read.columns) == COLUMNS
    assert list(read["num_faces"]) == [1, 1, 0]
    assert read["fear"].tolist()[:2] == pytest.approx([1, 1])
    assert read[SHARES].iloc[2].isna().all()
