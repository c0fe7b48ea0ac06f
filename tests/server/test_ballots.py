from emomusic.affect import Emotion
from emomusic.server.ballots import MOST_VOTERS, Ballot, ballot_of


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
