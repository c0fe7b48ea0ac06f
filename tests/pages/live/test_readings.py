"""What the page shows of a session."""

import re
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion, Mood
from emomusic.app.live.page import SONGS
from emomusic.app.queues import PlayerState
from emomusic.errors import ModelError
from emomusic.server.frames import Problem
from emomusic.server.live import LiveSession, Phase
from emomusic.stream.reader import LiveReader
from tests.pages.live.conftest import FRAME, TWO, played, problems, show
from tests.pages.screen import bars, files_of, keys, page_of, playing, queue_of, state_of, text_of, tracks
from tests.pages.test_hostile_names import NAME, assert_files, assert_text, with_table
from tests.waiting import wait_until


def test_an_expected_error_is_literal_and_others_have_no_details(app: AppTest) -> None:
    for error, shown in (
        (ModelError("expected the sum a_b_c. Received: *none*"), r"expected the sum a\_b\_c. Received: \*none\*"),
        (ValueError("a secret path"), "The last frame"),
    ):
        reader = LiveReader(Mock(side_effect=error))
        reader.submit_frame(FRAME)
        wait_until(lambda reader=reader: reader.view().error is not None)
        show(app, LiveSession(reader, phase=Phase.PLAYING))
        (warning,) = app.warning
        assert warning.value.startswith(shown)
        assert "secret" not in text_of(app)
        reader.close()


@pytest.mark.usefixtures("app")
def test_the_class_view_marks_no_face_and_has_a_url() -> None:
    session = played((2, TWO, Emotion.SURPRISE))
    app = page_of("live", shown="Classroom")
    show(app, session)
    assert "surprised" in app.header[0].value
    assert "pupils" in text_of(app)
    (group,) = bars(app)
    assert max(group.values()) == 80
    assert not session.boxes


def test_a_session_that_is_over_has_its_moments_as_songs_that_play_after_a_click(app: AppTest) -> None:
    session = played((8, TWO, Emotion.HAPPY), (3, (), Emotion.HAPPY), (6, TWO[:1], Emotion.SAD))
    session.end()
    show(app, session)
    assert all(f"**{figure}**" in text_of(app) for figure in ("0:17", "82 %", "2", "4.3 a minute"))
    assert state_of(app, PlayerState).playing is None
    songs = queue_of(app, "session").playlist(10)
    assert len({pick.song.id for pick in songs}) == 2
    for number, (pick, emotion) in enumerate(zip(songs, (Emotion.HAPPY, Emotion.SAD), strict=True), 1):
        label = app.button(key=f"scene-moment-{number}").label
        assert (emotion.adjective in label, pick.song.title in label) == (True, True)
    app.button(key="start-session").click().run()
    assert playing(app) == songs[0].song.id
    app.button(key="scene-moment-2").click().run()
    assert playing(app) == songs[1].song.id
    app.button(key="next-session").click().run()
    assert tracks(app) == []  # the end; the moments stay
    assert "scene-moment-1" in keys(app)


def test_without_frames_there_is_no_mood(app: AppTest) -> None:
    session = played((6, TWO, Emotion.HAPPY))
    show(app, session)
    assert "happy" in app.header[0].value
    session.clock.advance(10)  # type: ignore[attr-defined]
    app.run()
    seconds = re.search(r"\d+", app.header[0].value)
    assert int(seconds[0]) == 10
    assert "0 faces" in text_of(app)
    session.clock.advance(60)  # type: ignore[attr-defined]
    app.run()
    assert session.problem is Problem.LOST
    assert problems(app) == [Problem.LOST]


def test_songs_follow_the_mood_of_the_last_ten_seconds(app: AppTest) -> None:
    show(app, played((4, TWO, Emotion.HAPPY), (12, TWO, Emotion.SAD)))
    player = state_of(app, PlayerState)
    assert player.playing is None  # the band plays
    before = player.starts
    app.segmented_control(key="live_music").set_value(SONGS).run()
    assert player.playing is queue_of(app, "live")
    assert (player.playing.fades, player.starts) == (True, before + 1)
    first = playing(app)
    assert {pick.mood for pick in queue_of(app, "live").playlist(3)} == {Mood.SAD}
    app.run()
    assert (playing(app), player.starts) == (first, before + 1)  # the same mood: the song goes on
    show(app, played((4, TWO, Emotion.SAD), (12, TWO, Emotion.HAPPY)))
    assert {pick.mood for pick in queue_of(app, "live").playlist(3)} == {Mood.HAPPY}
    assert player.starts == before + 2


def test_names_of_songs_are_text_in_the_moments_of_a_session(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    session = played((1, TWO, Emotion.SAD), (1, TWO, Emotion.HAPPY))
    session.end()
    with_table(show(app, session))
    assert_text(app.button(key="start-session").click().run())
    assert NAME in queue_of(app, "session").current.song.title
    assert assert_files(files) >= {"csv"}
