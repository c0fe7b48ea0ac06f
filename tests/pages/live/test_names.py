"""Names of a visitor's songs are text in all views of the Live page, and in its files."""

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app.live.music import SONGS
from emomusic.app.live.page import View
from tests.pages.live.sessions import TWO, ended_game, played, show, start_mirror_game
from tests.pages.screen import files_of, queue_of
from tests.pages.test_hostile_names import NAME, assert_files, assert_text, with_table


def test_names_on_the_live_page_and_in_its_files(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    session = played((1, TWO, Emotion.SAD), (1, TWO, Emotion.HAPPY))
    show(app, session).segmented_control(key="live_music").set_value(SONGS).run()
    with_table(app)
    assert NAME in queue_of(app, "live").current.song.title
    assert_text(app)
    start_mirror_game(app, session)
    session.game = ended_game()
    assert_text(app.run())
    app.segmented_control(key="shown").set_value(View.FACES)
    app.button(key="live-stop").click().run()
    assert_text(app.button(key="live-play-session").click().run())
    assert NAME in queue_of(app, "session").current.song.title
    assert assert_files(files) >= {"csv"}
