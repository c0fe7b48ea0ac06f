from emomusic.affect import Emotion
from emomusic.server import ballots as module
from emomusic.server.ballots import MOST_BALLOTS, MOST_VOTERS, Ballots
from tests.fakes import FakeClock


def test_each_phone_has_one_vote_on_the_shown_face_and_the_last_one_counts() -> None:
    ballots = Ballots()
    ballot = ballots.start()
    assert ballots.find(f" {ballot.code.upper()}") is ballot
    for phone, emotion in (("a", Emotion.SAD), ("b", Emotion.HAPPY), ("a", Emotion.HAPPY)):
        ballot.vote(phone, emotion)
    assert ballot.counts() == {Emotion.HAPPY: 2}
    ballot.is_open = False
    ballot.vote("c", Emotion.SAD)
    assert ballot.counts().total() == 2
    ballots.show(ballot, 2)
    assert (ballot.number, ballot.is_open, ballot.counts().total()) == (2, True, 0)
    assert ballot.vote_of("a") is None
    ballots.end(ballot)
    assert ballots.find(ballot.code) is None


def test_lessons_and_phones_are_bounded_and_forgotten() -> None:
    clock = FakeClock()
    ballots = Ballots(clock)
    first, *_, last = [ballots.start() for _ in range(MOST_BALLOTS + 1)]
    assert ballots.find(first.code) is None
    for phone in range(MOST_VOTERS + 5):
        last.vote(str(phone), Emotion.SAD)
    assert last.counts().total() == MOST_VOTERS
    last.vote("0", Emotion.HAPPY)  # a phone that voted may change its mind
    assert last.counts()[Emotion.HAPPY] == 1
    clock.advance(module._KEPT_S + 1)
    assert ballots.find(last.code) is None
