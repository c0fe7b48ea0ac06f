"""What the pages say about photos, a mood, a moment, a film, a session and a song, without a page."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import AffectPoint, Emotion, Mood
from emomusic.answer.answer import Answer, sentence_of
from emomusic.answer.others import MOST_SONGS, FilmAnswer, SessionAnswer, SongAnswer
from emomusic.charts.live import mood_areas
from emomusic.export import group_record
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import NO_FACES, Faces
from emomusic.faces.who import EACH, EVERYONE, MOMENT, NOBODY, Who
from emomusic.marks.card import SIZE
from emomusic.media.images import encode_jpeg, read_image
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import one_song_each
from emomusic.songs.request import Policy, Request
from emomusic.songs.song import Hearing
from emomusic.stream.timeline import Timeline
from tests.fakes import FakeClassifier, make_face
from tests.songs.tables import recommender_over, song_table
from tests.test_export import HAPPY_THEN_SAD, film_reading

HAPPY, SAD, ANGRY = Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY
JPEG = encode_jpeg(np.full((100, 200, 3), 90, np.uint8))
RECOMMENDER = recommender_over(song_table(5))


def photo(name: str, *emotions: Emotion) -> Any:
    """A photo with these emotions."""
    reading = PictureReading(200, 100, faces(*emotions), 2.0, 3.0, decode_ms=1.0)
    return SimpleNamespace(name=name, reading=reading, preview=JPEG, note="", portraits=(JPEG,) * len(emotions))


def faces(*emotions: Emotion, share: float = 0.9) -> Faces:
    shares = [FakeClassifier(emotion, share).probabilities for emotion in emotions]
    return Faces.of([make_face(10 + 45 * row) for row in range(len(emotions))], shares)


def answer_to(*photos: Any, who: Who = EVERYONE, person: Sequence[int] = (), **choices: object) -> Answer:
    found = Faces.of_pictures([photo.reading.faces for photo in photos])
    if person:
        found = replace(found, person=np.array(person))
    return Answer(found, who, photos=photos, **choices)  # type: ignore[arg-type]


def with_songs(answer: Answer, policy: Policy = Policy.MATCH) -> Answer:
    return replace(answer, songs=SongQueue(RECOMMENDER, answer.request(policy)))


TWO = photo("two.jpg", HAPPY, SAD)


def test_the_sentence_is_about_the_listener_as_corrected_whose_estimate_stays() -> None:
    for answer, sentence in (
        (answer_to(photo("a.jpg", HAPPY), who=Who.face(1)), "Clearly happy"),
        (answer_to(TWO), "Together: between happy and sad"),
        (answer_to(TWO, who=Who.face(2)), "Clearly sad"),
        (answer_to(TWO, who=Who.face(2), says={Who.face(2): ANGRY}), "Angry, as you say"),
        (answer_to(TWO, says={EVERYONE: ANGRY}), "Together: angry, as you say"),
        (answer_to(TWO, says={Who.face(2): HAPPY}), "Together: clearly happy"),
        (answer_to(photo("a.jpg"), who=NOBODY), "No face found"),
        (answer_to(photo("a.jpg"), who=NOBODY, says={NOBODY: SAD}), "No face found"),
    ):
        assert answer.sentence == sentence
    answer = answer_to(TWO, who=Who.face(1), says={Who.face(1): SAD}, mood=Mood.CALM)
    assert (answer.faces.emotions, answer.estimates.emotions) == ([SAD, SAD], [HAPPY, SAD])
    assert (answer.faces.is_corrected.tolist(), answer.estimates.is_corrected.any()) == ([True, False], False)
    assert answer.choices == ["sad", "calm"]
    everyone = answer_to(TWO, says={EVERYONE: ANGRY})  # which changes no face
    assert (everyone.faces.emotions, everyone.choices) == ([HAPPY, SAD], ["angry"])
    assert answer.request().point == SAD.point
    assert answer.chosen == [1]


def test_a_person_has_the_mean_of_the_faces_and_everyone_is_together_if_there_are_several() -> None:
    photos = [photo("a.jpg", HAPPY, SAD), photo("b.jpg", HAPPY)]
    answer = answer_to(*photos, who=Who.person(1), person=[1, 0, 1])
    assert (answer.sentence, answer.chosen) == ("Clearly happy", [1, 3])
    assert answer.counts == "3 faces in 2 photos: 2 happy, 1 sad."
    assert {name: rows.number.tolist() for name, rows in answer.persons(9).items()} == {
        "Person 1": [1, 3],
        "In one photo": [2],
    }
    assert [answer_to(photos[0], unread=unread).is_one for unread in ((), (("c.jpg", "damaged"),))] == [True, False]
    assert answer.place.startswith("Person 1: pleasant and awake, valence 0.")
    turns = [answer_to(TWO, who=EACH, says=says).request().turns for says in ({}, {EACH: ANGRY})]
    assert [len(each) for each in turns] == [2, 0]  # what the visitor says is for all
    assert answer_to(TWO, who=EACH).place.startswith("Everyone: ")
    assert sentence_of(faces(HAPPY), is_everyone=True) == "Clearly happy"
    assert sentence_of(faces(HAPPY, HAPPY), is_everyone=True) == "Together: clearly happy"
    assert sentence_of(NO_FACES, is_everyone=True) == "No face found"


def test_the_reason_names_what_decides_the_mood_and_listeners_may_have_no_face() -> None:
    for answer, policy, reason in (
        (answer_to(TWO, who=Who.face(2)), Policy.MATCH, "Sad songs because: sad 90 %"),
        (answer_to(TWO, who=Who.face(2)), Policy.SOOTHE, "Soft, warm songs to console."),
        (answer_to(photo("a.jpg", ANGRY), who=Who.face(1)), Policy.SOOTHE, "Quiet songs to release tension."),
        (answer_to(TWO, who=Who.face(2), says={Who.face(2): HAPPY}), Policy.MATCH, "You say happy: happy songs."),
        (answer_to(TWO, mood=Mood.CALM), Policy.MATCH, "You chose calm songs."),
        (Answer(mood=Mood.SAD), Policy.MATCH, "You chose sad songs."),
        (answer_to(TWO, who=Who.face(2)), Policy.JOURNEY, "From sad to calm songs, in steps"),
    ):
        assert answer.reason(answer.request(policy)).startswith(reason)
    mood, moment = Answer(mood=Mood.CALM), Answer(who=MOMENT, moment=FakeClassifier(SAD).probabilities)
    assert (mood.who, mood.has_listener, mood.probabilities) == (NOBODY, True, None)
    assert mood.request().point == Mood.CALM.point
    assert (moment.request().emotion, moment.has_listener) == (SAD, True)
    assert not Answer().has_listener
    assert not answer_to(photo("a.jpg"), who=NOBODY).has_listener


def test_the_record_has_the_estimates_and_the_request_of_the_listener() -> None:
    answer = with_songs(answer_to(TWO, who=Who.face(2), says={Who.face(2): HAPPY}, mood=Mood.CALM), Policy.SOOTHE)
    record = json.loads(answer.record(answer.songs.playlist(3)))
    assert (record["image"], record["elapsed_ms"]) == (
        "two.jpg",
        {"decode": 1.0, "detect": 2.0, "classify": 3.0, "recommend": None},
    )
    assert [face["emotion"] for face in record["faces"]] == ["happy", "sad"]
    asked = record["request"]
    assert (asked["who"], asked["manual_emotion"], asked["manual_mood"]) == ("Face 2", "happy", "calm")
    assert (asked["policy"], asked["mood"]) == ("soothe", "calm")


def test_the_card_and_the_photo_show_the_corrected_faces() -> None:
    for answer in map(with_songs, (answer_to(TWO), answer_to(TWO, photo("b.jpg", SAD)))):
        cards = [answer.card(with_faces=with_faces) for with_faces in (True, False)]
        assert [read_image(card).shape[1::-1] for card in cards] == [SIZE, SIZE]
        assert cards[0] != cards[1]
    image = read_image(JPEG)
    corrected = answer_to(TWO, says={Who.face(1): SAD})
    assert corrected.annotated(image) != answer_to(TWO).annotated(image)
    assert read_image(corrected.annotated(image)).shape == image.shape


def test_an_unclear_face_gets_the_neutral_song_until_the_visitor_says_what_it_shows() -> None:
    unclear = replace(faces(SAD, share=0.5), threshold=np.array([0.6]))
    answer = Answer(unclear, Who.face(1), photos=[photo("a.jpg", SAD)])
    assert not answer.is_sure
    assert re.search("unclear.* sad", answer.sentence, re.IGNORECASE)
    request = answer.request()
    assert (request.emotion, request.point) == (Emotion.NEUTRAL, Emotion.NEUTRAL.point)
    assert "unclear" in answer.reason(request)
    assert (record := group_record(unclear, request))
    assert (record["emotion"], record["mood"]) == ("sad", "calm")
    said = replace(answer, says={Who.face(1): SAD})
    assert said.is_sure
    assert said.request().emotion is SAD
    assert Answer(replace(unclear, threshold=np.array([0.4])), Who.face(1)).request().emotion is SAD
    group = Answer(Faces.joined([unclear, faces(HAPPY)]), EVERYONE)
    assert group.is_sure
    assert "nclear" not in group.sentence


def film_answer(*emotions: Emotion | None, **options: Any) -> FilmAnswer:
    reading = film_reading(*emotions)
    scenes = reading.scenes()
    requests = [Request(scene.point, scene.emotion) for scene in scenes]
    return FilmAnswer("a.mp4", reading, scenes, requests, one_song_each(requests, RECOMMENDER), **options)


def test_sentence_and_span_are_those_of_the_chosen_scene_and_the_trail_is_short() -> None:
    answer = film_answer(*HAPPY_THEN_SAD)
    assert answer.sentence.startswith("Mostly happy")
    assert answer.span == "Scene 1 of 2, 0:00 to 0:04"
    assert replace(answer, chosen=1).sentence.startswith("Mostly sad")
    assert replace(answer, chosen=1, is_growing=True).span.startswith("Scene 2, 0:04 to ")
    trail = film_answer(*[Emotion.HAPPY] * 100, None, *[Emotion.SAD] * 30).trail
    assert 40 <= len(trail) <= 60
    assert trail[0].distance(Emotion.HAPPY.point) < trail[0].distance(Emotion.SAD.point)
    assert trail[-1].valence < 0
    assert film_answer(None, None).trail == []


def session_answer(*spans: tuple[int, Emotion | None], num_faces: int = 1) -> SessionAnswer:
    """A session with spans of seconds, with an emotion or without a face."""
    timeline, second = Timeline(), 0
    for seconds, emotion in spans:
        for _ in range(seconds):
            shares = None if emotion is None else FakeClassifier(emotion, 0.9).probabilities
            timeline.add(second, shares, 0 if shares is None else num_faces)
            second += 1
    return SessionAnswer(timeline.table())


def test_a_session_has_a_sentence_figures_and_a_moment_for_each_scene() -> None:
    answer = session_answer((40, HAPPY), (20, SAD), (20, None), num_faces=3)
    assert answer.sentence == "Session: mostly happy, at times sad"
    assert answer.figures == {
        "Duration": "1:20",
        "With a face": "75 %",
        "Most faces at once": "3",
        "Changes of mood": "1 a minute",
    }
    assert [(moment.start_s, moment.seconds) for moment in answer.moments] == [(0, 40), (40, 20)]
    long = session_answer((700, HAPPY))
    assert long.figures["Duration"] == "11:40"
    assert long.figures["From here on"] == "1:40"  # what the other figures cover
    assert session_answer((5, None)).moods is session_answer().moods is None


def test_figures_and_chart_agree_on_what_was_not_read_and_the_file_has_a_row_a_second() -> None:
    table = session_answer((30, HAPPY), (10, None), (60, HAPPY)).table
    answer = SessionAnswer(table.drop(range(50, 70)))  # a busy machine
    assert {**answer.figures, "With a face": "70 %", "Not read": "20 %"} == answer.figures
    height = sum(np.array(area.y) for area in mood_areas(answer.table).data)
    assert (height > 0).mean() == pytest.approx(0.7)
    (grey,) = mood_areas(answer.table).layout.shapes
    assert (grey.x0, grey.x1) == (49, 70)
    rows = list(csv.DictReader(io.StringIO(session_answer((2, HAPPY), (1, None)).csv())))
    assert [row["num_faces"] for row in rows] == ["1", "1", "0"]
    assert rows[0]["happy"] == "0.9000"
    assert rows[2]["happy"] == ""


def test_the_songs_are_for_the_longest_scenes_in_order_of_time() -> None:
    answer = session_answer((30, HAPPY), (40, SAD))
    requests = answer.requests(Request(policy=Policy.SOOTHE))
    assert [request.emotion for request in requests] == [HAPPY, SAD]
    assert {request.policy for request in requests} == {Policy.SOOTHE}
    assert answer.request.point.valence == pytest.approx((30 * 0.7 - 40 * 0.5) / 70, abs=0.1)
    assert [moment.emotion for moment in answer.moments] == [HAPPY, SAD]
    many = session_answer(*[(20 + step, (HAPPY, SAD)[step % 2]) for step in range(MOST_SONGS + 2)])
    assert len(many.requests(Request())) == len(many.moments) == MOST_SONGS


def song_answer(valence: float, arousal: float, **quadrants: float) -> SongAnswer:
    shares = {"Q1": 0.0, "Q2": 0.0, "Q3": 0.0, "Q4": 0.0} | quadrants
    return SongAnswer(Hearing(shares, valence, arousal, (("piano", 0.61), ("slow", 0.4))), ((0.0, 0.1, 0.2),) * 4)


def test_a_song_has_a_sentence_a_face_its_place_tags_and_parts() -> None:
    for answer, sentence, face in (
        (song_answer(0.8, 0.5, Q1=0.9, Q4=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (song_answer(0.5, 0.7, Q1=0.9, Q2=0.1), "Clearly happy: pleasant and awake (90 %)", "looks happy"),
        (song_answer(-0.6, -0.3, Q3=0.6, Q4=0.4), "Probably sad, or calm: unpleasant and drowsy (60 %)", "looks sad"),
        (song_answer(0.0, 0.0, Q4=0.9, Q2=0.1), "Clearly calm: pleasant and drowsy (90 %)", "is at rest"),
    ):
        assert answer.sentence == sentence
        assert face in answer.face
    answer = song_answer(0.8, 0.5, Q1=1.0)
    assert (answer.hearing.point, answer.hearing.moods["happy"]) == (AffectPoint(0.8, 0.5), 1.0)
    assert answer.tags == "piano 61 %, slow 40 %"
    assert "4 parts of 3 s" in answer.note
