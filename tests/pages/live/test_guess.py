"""Guess first: the vote of a class, its phones, the label, the machine and the end."""

from unittest.mock import MagicMock

import cv2
import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app.live import guess
from emomusic.app.live.guess import QUESTIONS, GuessState
from emomusic.faces.table import Faces
from emomusic.marks.drawing import qr_code
from emomusic.server import visitor
from emomusic.server.ballots import MOST_VOTERS, Ballot, ballot_of
from tests.fakes import FakeClassifier, make_face
from tests.films import SAMPLES
from tests.pages.screen import app_of, charts, keys, state_of, text_of


@pytest.fixture
def lesson(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The view, with a machine that says happy of all faces."""
    happy = Faces.of([make_face()], [FakeClassifier().probabilities])
    picture = (SAMPLES / "joe-biden-2010.jpg").read_bytes()
    monkeypatch.setattr(guess, "_ask", lambda _: guess.Asked(picture, happy))
    app.query_params["shown"] = "Guess first"
    return app.run()


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=f"guess-{key}").click().run()


def test_ten_faces_end_with_what_the_class_and_the_machine_got_right(lesson: AppTest) -> None:
    for number in range(len(QUESTIONS)):
        assert f"Face {number + 1} of 10" in text_of(lesson)
        if number:
            lesson.pills(key="guess-hands").set_value(Emotion.HAPPY).run()
        for key in ("label", "machine", "next"):
            press(lesson, key)
    assert lesson.header[0].value == "Class 3, machine 4 of 10"  # the class said nothing of the first
    assert len(charts(lesson)) == 1
    press(lesson, "camera")
    assert "live-start" in keys(lesson)


def test_phones_get_the_address_of_the_server_as_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = MagicMock(**{"getsockname.return_value": ("10.0.0.7", 9)})
    monkeypatch.setattr(visitor, "socket", MagicMock(**{"socket.return_value.__enter__.return_value": probe}))
    page, own = "https://school.example/a/live?vote=1", "http://localhost:8501/live?vote=1"
    assert visitor.address_for_phones(page) == page
    assert (shown := visitor.address_for_phones(own)) == "http://10.0.0.7:8501/live?vote=1"
    assert cv2.QRCodeDetector().detectAndDecode(qr_code(shown))[0] == shown
    assert visitor.address_for_phones("https://localhost/live") == "https://10.0.0.7/live"
    probe.connect.side_effect = OSError  # without a network
    assert visitor.address_for_phones(own) is None


def test_phones_vote_without_a_name_or_a_hint_and_the_class_without_them(lesson: AppTest) -> None:
    assert "live-start" not in keys(lesson)  # no camera is needed
    assert "smile" not in text_of(lesson)
    press(lesson, "phones")
    ballot = state_of(lesson, GuessState).ballot
    assert f"/live?shown=Guess+first&vote={ballot.code}" in text_of(lesson)
    phone = app_of().switch_page("pages/live.py")
    phone.query_params["shown"], phone.query_params["vote"] = "Guess first", ballot.code
    phone.run()
    phone.button(key="vote-sad").click().run()
    phone.button(key="vote-fear").click().run()
    assert ballot.counts() == {Emotion.FEAR: 1}
    press(lesson, "label")
    assert "afraid" in text_of(lesson)
    assert state_of(lesson, GuessState).classes == [Emotion.FEAR]
    assert phone.run().button(key="vote-sad").disabled
    press(press(lesson, "machine"), "next")
    assert phone.run().header[0].value.startswith("Face 2")
    assert not ballot.counts()
    ballot.vote("one", Emotion.SAD)
    ballot.vote("another", Emotion.HAPPY)
    press(lesson, "label")
    assert state_of(lesson, GuessState).classes[1] is None  # the class is divided
    state_of(lesson, GuessState).classes += [None] * (len(QUESTIONS) - 2)
    press(press(lesson, "machine"), "next")
    assert not ballot.is_open
    del state_of(lesson, GuessState).classes[1:]
    state_of(lesson, GuessState).ballot = ballot = None  # as after the end of the lesson's session
    assert "over" in phone.run().info[0].value
    lesson.run().pills(key="guess-hands").set_value(Emotion.HAPPY).run()
    press(lesson, "label")
    assert QUESTIONS[1].label.adjective in lesson.header[0].value


def test_a_second_click_on_a_button_of_the_lesson_does_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    state = GuessState()
    monkeypatch.setattr(guess, "page_state", lambda _: state)
    for act, number, stage in (guess._show_label, 1, 1), (guess._ask_machine, 1, 2), (guess._go_on, 2, 0):
        act()
        act()
        assert (state.number, state.stage, state.classes) == (number, stage, [None])


def test_the_machine_reads_the_faces_that_ship() -> None:
    answers = [guess.ask(question).faces for question in QUESTIONS]
    assert all(len(faces) == 1 for faces in answers)
    right = sum(faces.emotions[0] is question.label for faces, question in zip(answers, QUESTIONS, strict=True))
    assert 3 <= right < len(QUESTIONS)  # it is often wrong, and not always
    assert len({faces[0].probabilities.emotion for faces in answers}) > 1
    agreed, num_votes = guess._people()
    assert 0.7 < agreed / num_votes < 0.95


def test_each_phone_has_one_vote_on_the_shown_face_and_the_last_one_counts() -> None:
    ballot, other = Ballot(1), Ballot(1)
    assert ballot_of(f" {ballot.code.upper()}") is ballot
    for phone in range(MOST_VOTERS + 5):
        ballot.vote(str(phone), Emotion.SAD)
    ballot.vote("0", Emotion.HAPPY)  # a phone that voted may change its mind
    assert ballot.counts() == {Emotion.HAPPY: 1, Emotion.SAD: MOST_VOTERS - 1}
    ballot.is_open = False
    ballot.vote("0", Emotion.SAD)
    assert (ballot.vote_of("0"), other.counts().total()) == (Emotion.HAPPY, 0)
