"""The mirror game and the lesson on the page, and what is left of them."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion, Mood
from emomusic.app.choices import TEACH_OWN, View
from emomusic.app.live.profiles import NamedProfile, ProfilesState
from emomusic.app.live.teach import OwnState
from emomusic.app.queues import PlayerState
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.profile import learn_profile
from emomusic.faces.reading import load_networks
from emomusic.media.images import Box, RgbImage, crop_face, read_image
from emomusic.server.live import LiveSession, Phase
from emomusic.stream.game import CAPTURE_S, COUNTDOWN_S, ORDER, OWN_CAPTURE_S, Lesson, MirrorGame
from emomusic.stream.reader import LiveReader, LiveView, SeenFace
from tests.fakes import FakeClassifier, FakeClock
from tests.films import BIDEN, HOPPER, SAMPLES, pulled_face
from tests.pages.live.conftest import (
    FRAME,
    TWO,
    Browser,
    begun_lesson,
    ended_game,
    html_of,
    live_state,
    played,
    show,
    start_mirror_game,
)
from tests.pages.screen import forget_first, playing, playlist, queue_of, state_of, text_of, tracks
from tests.waiting import wait_until


def test_the_result_of_a_game_has_points_pictures_and_a_song_and_leaves_nothing(app: AppTest, browser: Browser) -> None:
    session = played((1, TWO, Emotion.SAD))
    start_mirror_game(app, session)

    def finish() -> weakref.ref[MirrorGame]:
        session.game = ended_game(num_players=2)
        app.run()
        return weakref.ref(session.game)

    def is_gone(game: weakref.ref[MirrorGame]) -> bool:
        gc.collect()
        return game() is None and "data:image/jpeg" not in html_of(app)

    game = finish()
    left, right = session.game.view().points
    assert left > right
    assert f"Left wins: Left {left} · Right {right}" in html_of(app)
    assert html_of(app).count("data:image/jpeg") == 7 + 6 + 1
    assert "from the start" in html_of(app)
    assert state_of(app, PlayerState).playing is queue_of(app, "live")
    listener = queue_of(app, "live").request
    assert (listener.emotion, playing(app)) == (Emotion.FEAR, playlist(app, "live")[0])
    app.segmented_control(key="shown").set_value(View.FACES).run()
    assert tracks(app) == []
    app.segmented_control(key="shown").set_value(View.GAME).run()
    app.button(key="live-game-again").click().run()
    assert session.game.num_players == 2
    assert is_gone(game)
    game = finish()
    app.switch_page("pages/photo.py").run()
    assert is_gone(game)
    assert (session.game, session.reader.observers) == (None, [])
    app.switch_page("pages/live.py").run()
    session = played((1, TWO, Emotion.HAPPY))
    start_mirror_game(app, session)
    game = finish()
    app.button(key="live-stop").click().run()  # the result stays
    assert app.button(key="live-game-again").disabled
    assert "data:image/jpeg" in html_of(app)
    browser.problem = ""
    app.button(key="live-restart").click().run().run()
    assert not live_state(app).is_asking
    assert is_gone(game)


def test_nothing_of_a_profile_is_left_after_it_was_forgotten_or_the_visitor_left(app: AppTest) -> None:
    classifier = EmotionClassifier.load()
    neutral = {Emotion.NEUTRAL: classifier.describe([FRAME])}

    def known() -> tuple[LiveSession, list[weakref.ref[Any]]]:
        """A session that has read a frame while it knew a person, and all that belongs to this person."""
        session, lesson = played((1, TWO, Emotion.SAD)), begun_lesson()
        person = learn_profile(neutral, np.eye(1, 1024, dtype=np.float32), classifier)
        lesson.finish()
        lesson.learned = {Emotion.NEUTRAL: FakeClassifier().probabilities}
        session.observe(None, lesson)
        state_of(app, ProfilesState).named = (NamedProfile(person, "Ann"),)
        show(app, session).segmented_control(key="shown").set_value(View.TEACH).run()
        before = session.reader.view().num_readings
        session.take_frame(lambda: FRAME)
        wait_until(lambda: session.reader.view().num_readings > before)
        return session, [weakref.ref(each) for each in (person, lesson)]

    session, left = known()
    forget_first(app)
    gc.collect()
    assert [each() for each in left] == [None, None]
    session.end()
    session, (person, lesson) = known()
    app.switch_page("pages/photo.py").run()
    gc.collect()
    assert person() is not None
    assert lesson() is None
    app._session_state._state.clear()
    session.end()
    gc.collect()
    assert person() is None


def test_what_the_lesson_says_of_a_face_is_what_live_says_of_it_then(app: AppTest) -> None:
    clock, photo = FakeClock(), read_image(SAMPLES / HOPPER)
    reader = LiveReader(load_networks, smoothing_s=0, clock=clock, idle_s=60)
    session, frames = LiveSession(reader, phase=Phase.PLAYING, clock=FakeClock()), dict[Emotion, RgbImage]()
    session.observe(None, lesson := Lesson(clock=clock))

    def read(frame: RgbImage) -> LiveView:
        before = reader.view().num_readings
        reader.submit_frame(frame)
        wait_until(lambda: reader.view().num_readings > before)
        return reader.view()

    for number, emotion in enumerate(ORDER):
        frames[emotion] = pulled_face(photo, 0.07 * number - 0.2, 0.2 - 0.08 * number)
        lesson.start()
        clock.advance(COUNTDOWN_S)
        read(frames[emotion])
        clock.advance(CAPTURE_S)
        lesson.keep()
    show(app, session).segmented_control(key="shown").set_value(View.TEACH).run()
    reader.profiles = state_of(app, ProfilesState).persons
    assert lesson.learned is not None
    assert "of 7" in app.header[0].value
    for emotion, frame in frames.items():
        clock.advance(6.0)  # the person is recognised again
        view = read(frame)
        assert view.profiles == reader.profiles
        assert view.faces[0].emotion is lesson.learned[emotion].emotion
        assert view.faces[0].probabilities.values == pytest.approx(lesson.learned[emotion].values, abs=0.1)
    show(app, session).segmented_control(key="shown").set_value(View.FACES).run()
    assert any("profile of Person 1" in caption.value for caption in app.caption)


def test_own_classes_are_learned_and_start_the_songs_of_the_class_that_is_held(app: AppTest) -> None:
    session, photos = (played((1, TWO, Emotion.SAD)), [read_image(SAMPLES / name) for name in (HOPPER, BIDEN)])
    clock, boxes = (
        session.clock,
        [max(load_networks()[0].detect(photo), key=lambda one: one.box.width).box for photo in photos],
    )
    assert isinstance(clock, FakeClock)

    def seen(number: int, step: int, side: int = 60) -> SeenFace:
        crop = crop_face(photos[number], replace(boxes[number], x=boxes[number].x + step))
        return SeenFace(Box(0, 0, side, side), crop, FakeClassifier().probabilities, crop)

    show(app, session).segmented_control(key="shown").set_value(View.TEACH).run()
    app.segmented_control(key="teach").set_value(TEACH_OWN).run()
    app.text_input(key="own-name-0").set_value("one")
    app.button(key="own-begin").click().run()
    assert "expected two to four" in app.error[0].value
    app.text_input(key="own-name-0").set_value("one")
    app.text_input(key="own-name-3").set_value(" <b>*| ")
    app.selectbox(key="own-mood-3").set_value(Mood.ENERGETIC)
    app.button(key="own-begin").click().run()
    for number in range(2):
        app.button(key="teach-start").click().run()
        clock.advance(COUNTDOWN_S)
        for step in range(20):
            session.lesson.observe(clock() + 0.1, [seen(number, step - 10)])
            clock.advance(OWN_CAPTURE_S / 20)
        app.run().button(key="teach-keep").click().run()
    own = state_of(app, OwnState)
    assert own.classes.called == {"one": [20, 0], "<b>*|": [0, 20]}
    assert session.lesson.shots() == {}  # the pictures are gone
    for number, name, mood in ((1, "<b>*|", Mood.ENERGETIC), (0, "one", Mood.CALM)):
        for moment in range(4):  # the second face is the largest
            session.lesson.observe(clock(), [seen(1 - number, 0), seen(number, moment, 90)])
            app.run()
        assert (own.held, queue_of(app, "live").request.mood) == (name, mood)
    assert r"\<b\>\*\|" in text_of(app)
    (named,) = state_of(app, ProfilesState).named
    saved, queue = named.profile.to_json(), queue_of(app, "live")
    clock.advance(2.0)
    forget_first(app)
    assert (own.classes, app.text_input(key="own-name-1").value) == (None, "<b>*|")
    for content in saved.replace(b"emonet_photo", b"emonet"), b"{}", saved:
        app.file_uploader(key="profile_upload").set_value([("mine.json", content, "application/json")]).run()
        assert (own.classes is not None) == (content is saved) == (not app.error)
    app.switch_page("pages/photo.py").run()
    assert own.classes is not None
    assert session.lesson is None
    assert state_of(app, PlayerState).playing is queue
