"""What the Music page says about one song, without a page."""

import pytest

from emomusic.affect import AffectPoint
from emomusic.answer.others import SongAnswer
from emomusic.songs.song import Hearing


def answer_to(valence: float, arousal: float, **quadrants: float) -> SongAnswer:
    shares = {"Q1": 0.0, "Q2": 0.0, "Q3": 0.0, "Q4": 0.0} | quadrants
    return SongAnswer(Hearing(shares, valence, arousal, (("piano", 0.61), ("slow", 0.4))), ((0.0, 0.1, 0.2),) * 4)


@pytest.mark.parametrize(
    ("answer", "sentence", "face"),
    [
        (answer_to(0.8, 0.5, Q1=0.9, Q4=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (answer_to(0.5, 0.7, Q1=0.9, Q2=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (answer_to(-0.6, -0.3, Q3=0.6, Q4=0.4), "Mostly sad, perhaps calm: unpleasant and drowsy (60 %)", "looks sad"),
        (answer_to(0.0, 0.0, Q4=0.9, Q2=0.1), "Clearly calm: pleasant and drowsy (90 %)", "is at rest"),
    ],
)
def test_a_song_has_a_sentence_and_a_face(answer: SongAnswer, sentence: str, face: str) -> None:
    assert answer.sentence == sentence
    assert face in answer.face


def test_a_song_has_its_place_tags_and_parts() -> None:
    answer = answer_to(0.8, 0.5, Q1=1.0)
    assert (answer.hearing.point, answer.hearing.moods["happy"]) == (AffectPoint(0.8, 0.5), 1.0)
    assert answer.tags == "piano 61 %, slow 40 %"
    assert "4 parts of 3 s" in answer.note
