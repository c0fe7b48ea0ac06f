from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.faces.detection import Face
from emomusic.faces.table import FACE_COLUMNS, NO_FACES, Faces
from emomusic.faces.who import EVERYONE, MOMENT, NOBODY, Kind, Who
from emomusic.media.images import Box
from tests.fakes import FakeClassifier, make_face

SHOWN = (Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY, Emotion.SAD)
ALL = [EVERYONE, MOMENT, NOBODY, *(make(number) for make in (Who.face, Who.person) for number in (1, 2, 12))]


def table(*emotions: Emotion, share: float = 0.8, time_s: float = np.nan) -> Faces:
    shares = [FakeClassifier(emotion, share).probabilities for emotion in emotions]
    return Faces.of([make_face(x=20 * row) for row in range(len(emotions))], shares, time_s=time_s)


def several() -> Faces:
    """Two photos with two faces each; the second and the fourth are of one person."""
    faces = Faces.of_pictures([table(*SHOWN[:2]), NO_FACES, table(*SHOWN[2:])])
    return replace(faces, person=np.array([0, 1, 0, 1]))


def test_the_faces_of_a_listener_their_order_and_their_mean_by_time() -> None:
    for who, numbers in (
        (EVERYONE, [1, 2, 3, 4]),
        (MOMENT, [1, 2, 3, 4]),
        (NOBODY, []),
        (Who.face(3), [3]),
        (Who.person(1), [2, 4]),
        (Who.face(9), []),
        (Who.person(2), []),
    ):
        assert several().where(who).number.tolist() == numbers
    assert several().persons() == [Who.person(1), Who.face(1), Who.face(3)]
    faces = replace(table(Emotion.HAPPY, Emotion.SAD, share=1.0, time_s=0.0), seconds=np.array([3.0, 1.0]))
    mean = faces.mean()
    assert (mean[Emotion.HAPPY], mean[Emotion.SAD]) == pytest.approx((0.75, 0.25))
    assert NO_FACES.mean() is None


@pytest.mark.parametrize(
    ("side", "confidence", "counts"), [(18, 0.91, False), (18, 0.99, True), (70, 0.91, True), (200, 0.91, True)]
)
@pytest.mark.parametrize("time_s", [np.nan, 1.0])
def test_a_small_doubtful_face_counts_in_films_alone(side: int, confidence: float, counts: bool, time_s: float) -> None:
    found = [Face(Box(0, 0, 200, 200), 1.0), Face(Box(0, 0, side, side), confidence)]
    shares = [EmotionProbabilities.certain(emotion) for emotion in (Emotion.HAPPY, Emotion.ANGRY)]
    faces = Faces.of(found, shares, time_s=time_s)
    mean = faces.mean()
    assert mean[Emotion.HAPPY] == pytest.approx(0.5 if counts or time_s == 1.0 else 1.0)
    assert faces[1:].mean() is not None
    assert faces.corrected({Who.face(2): Emotion.SAD}).mean()[Emotion.SAD] == pytest.approx(0.5)  # as a visitor says
    of_two = Faces.of_pictures([faces[:1], faces[1:]])  # a large face of another photo makes none small
    assert of_two.mean()[Emotion.HAPPY] == pytest.approx(0.5)


@given(st.lists(st.sampled_from(EMOTIONS), max_size=5), st.booleans())
def test_rows_records_frames_and_arrow_agree(emotions: list[Emotion], is_film: bool) -> None:
    faces = table(*emotions, time_s=2.5 if is_film else np.nan)
    frame, arrow = faces.table(), faces.arrow("a.jpg")
    assert [name for name in frame.columns if name != "time_s"] == FACE_COLUMNS
    assert frame.to_dict("records") == faces.rows()
    assert arrow["emotion"].to_pylist() == [record["emotion"] for record in faces.records()] == [*map(str, emotions)]
    assert arrow["time_s"].to_pylist() == [2.5 if is_film else None] * len(faces)
    assert set(arrow["picture"].to_pylist()) <= {"a.jpg"}


def test_columns_of_other_lengths_or_types_are_refused_and_all_listeners_differ() -> None:
    for kind, number in ((Kind.FACE, 0), (Kind.PERSON, -1), (Kind.EVERYONE, 1), (Kind.NOBODY, 2)):
        with pytest.raises(ValueError, match="number"):
            Who(kind, number)
    with pytest.raises(ValueError, match="turn"):
        replace(several(), turn=np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="shares"):
        replace(several(), shares=np.full((4, 7), 1 / 7))
    for name in ("text", "label"):
        assert len({getattr(who, name) for who in ALL}) == len(ALL)


def test_an_unclear_face_counts_only_without_a_clear_one_or_in_films() -> None:
    faces = [make_face(x=10), make_face(x=90)]
    shares = [EmotionProbabilities.certain(Emotion.HAPPY), EmotionProbabilities(np.full(7, 1 / 7, np.float32))]
    happy = Faces.of(faces, shares, threshold=0.3)
    assert happy.mean()[Emotion.HAPPY] == pytest.approx(1)
    assert replace(happy, time_s=np.zeros(2)).mean()[Emotion.HAPPY] == pytest.approx(4 / 7)
    unclear = Faces.of(faces, shares[1:] * 2, threshold=0.3)
    assert unclear.mean()[Emotion.HAPPY] == pytest.approx(1 / 7)
    said = happy.corrected({Who.face(2): Emotion.SAD})
    assert said.mean()[Emotion.SAD] == pytest.approx(0.5)
