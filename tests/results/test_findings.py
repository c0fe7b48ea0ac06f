import re
from dataclasses import replace as replaced
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from emomusic import assets
from emomusic.assets import ModelKind
from emomusic.baselines import Baseline
from emomusic.errors import ModelError
from emomusic.metrics import ClassMetrics, ClassScores, McNemar
from emomusic.records import CollectionScores, FaceBin, FaceRecord, Votes, read_face_record, read_record
from emomusic.results import findings
from emomusic.results.findings import (
    answer_of,
    comparison_verdict,
    describe_cell,
    describe_classes,
    describe_comparison,
    describe_hard_emotions,
    describe_model,
    describe_people,
    describe_photographs,
    describe_reports,
    label_of,
    list_mistakes,
    photographs_verdict,
)
from emomusic.results.predictions import Cell, Comparison
from tests.model_files import place_checkout

FIGURES = ClassMetrics(
    per_class={
        "fear": ClassScores(0.5, 0.4, 0.45, 100),
        "sad": ClassScores(0.6, 0.7, 0.65, 100),
        "happy": ClassScores(0.9, 0.8, 0.85, 10),
    },
    confusion=np.array([[40, 60, 0], [25, 70, 5], [1, 1, 8]]),
)


def numbers_in(sentence: str) -> list[float]:
    """All numbers of a sentence that are words of their own, in order."""
    return [float(found.replace(",", "")) for found in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])", sentence)]


@pytest.fixture
def face(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceRecord:
    """The results of a synthetic model: 0.4 on photographs, 0.8 by people's votes."""
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    return read_face_record("vgg9")


@pytest.fixture
def narrow(face: FaceRecord) -> FaceRecord:
    """The results of a model of four classes."""
    return read_face_record("mobilenet_quadrants")


def test_a_model_is_described_by_its_accuracy_interval_and_worst_mistake(face: FaceRecord, narrow: FaceRecord) -> None:
    face = replace(face, test=replace(face.test, accuracy=0.6888, accuracy_interval=(0.673, 0.704)))
    sentence = describe_model(face)
    assert numbers_in(sentence) == [68.9, 100, 67.3, 70.4, 80.0, 76.0, 84.0]
    true, predicted = face.test.worst_mistake or ("", "")
    assert f"calling {true} faces {predicted}" in sentence
    assert "FER+" not in describe_model(replace(face, ferplus=None))
    assert re.search("calling (tense|happy|sad|neutral) faces (tense|happy|sad|neutral)", describe_model(narrow))
    assert "four" in describe_model(narrow)
    assert "seven" in describe_model(face, beside_four=True)
    assert numbers_in(describe_model(read_record(ModelKind.MUSIC, "mlp"))) == [80.0, 100, 4.6]


def test_the_answer_is_about_photographs_if_they_were_measured(face: FaceRecord) -> None:
    assert numbers_in(answer_of(face)) == [40.0, 95, 31.0, 50.0]
    assert numbers_in(answer_of(replace(face, wild=None)))[0] == round(100 * face.test.accuracy, 1)
    assert numbers_in(answer_of(read_record(ModelKind.SOUND, "musicnn"))) == [76.7, 4.2]


def test_two_models_are_compared_on_photographs_the_better_one_first(face: FaceRecord, narrow: FaceRecord) -> None:
    assert face.wild is not None
    one = replace(face, name="emonet")
    better = replace(face, wild=replace(face.wild, accuracy=0.7, accuracy_interval=(0.65, 0.73)))
    shares, chance = photographs_verdict(one, better)
    assert numbers_in(shares) == [70.0, 65.0, 73.0, 40.0, 31.0, 50.0]
    assert "too large" in chance
    alike = replace(face, wild=replace(face.wild, accuracy=0.42))
    assert "may" in photographs_verdict(one, alike)[1]
    unmeasured = replace(face, wild=None)
    for other in (unmeasured, replace(narrow, wild=face.wild)):
        assert photographs_verdict(one, other) == ("", "")


def test_a_model_has_a_name_for_people() -> None:
    assert label_of("emonet_photo") == "Photo model (emonet_photo)"
    assert label_of("mine") == "mine"


def test_photographs_are_described_by_the_property_that_changes_the_accuracy_most(
    face: FaceRecord, narrow: FaceRecord
) -> None:
    assert face.wild is not None
    plain = replace(face.wild, groups={})
    assert numbers_in(describe_photographs(face, plain)) == [40.0, 100, 31.0, 50.0]
    bins = {
        "pose": (FaceBin("front", 400, 0.7), FaceBin("half", 300, 0.2), FaceBin("side", 80, 0.5)),
        "size": (FaceBin("large", 500, 0.65), FaceBin("small", 466, 0.6)),
        "sharpness": (FaceBin("sharp", 974, 0.65), FaceBin("blurred", 0, 0.0)),
    }
    sentence = describe_photographs(face, replace(plain, groups=bins))
    assert numbers_in(sentence)[4:] == [70.0, 100, 50.0, 100, 40, 80]  # counts for the small bin
    assert sentence.index("front") < sentence.index("side")
    alike = replace(plain, groups={"size": (FaceBin("large", 500, 0.6), FaceBin("small", 474, 0.6))})
    assert len(numbers_in(describe_photographs(face, alike))) == 4
    assert "four" in describe_photographs(narrow, plain)


def test_the_weakest_group_is_named(face: FaceRecord) -> None:
    assert describe_people(face) == ""
    strong = CollectionScores(
        n=100,
        missed=0,
        persons=9,
        people="nine persons",
        is_trained=False,
        accuracy=0.75,
        accuracy_interval=(0.65, 0.83),
        recall={},
    )
    weak = replace(strong, people="", accuracy=0.5, accuracy_interval=(0.4, 0.6))
    text = describe_people(replace(face, collections={"weak": weak, "strong": strong}))
    assert text.index("75.0") < text.index("50.0\N{NO-BREAK SPACE}% (40.0 to 60.0) for 9 persons of weak")
    assert text.endswith("worst for weak.")


def test_reports_are_quoted_with_figures_and_notes(face: FaceRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Baseline(0.63, "four classes", "A study", "of old", lowest=0.58)
    second = Baseline(0.5, "four classes", "A study", "later")
    assert describe_reports(face) == ""
    monkeypatch.setattr(findings, "reports_of", lambda _: (first, second))
    one = describe_reports(face)
    assert numbers_in(one) == [58, 63, 50]
    assert one.count("A study") == 1
    assert all(note in one for note in ("of old", "later"))
    learnt = replace(face.stages[0], config={"votes": 0.5, "teachers": ["vgg9"], "distillation_weight": 0.5})
    assert "FER+" in describe_reports(replace(face, stages=(learnt,)))
    monkeypatch.setattr(findings, "reports_of", lambda _: (first, replaced(second, title="Another")))
    assert all(title in describe_reports(face) for title in ("A study", "Another"))


@pytest.mark.parametrize(
    ("test", "better", "words"),
    [
        (McNemar(3589, 300, 200, 0.00001), "a", "less than once in 1,000"),
        (McNemar(3589, 200, 250, 0.02), "b", "2 times in 100 "),
        (McNemar(3589, 103, 83, 0.16), None, "16 times in 100 "),
        (McNemar(3589, 50, 50, 1.0), None, ""),
    ],
)
def test_a_comparison_holds_its_counts_and_names_the_better_model_only_beyond_chance(
    test: McNemar, better: str | None, words: str
) -> None:
    comparison = Comparison("a", "b", 7, test)
    verdict = comparison_verdict(comparison, ModelKind.FACE)
    assert f"{better} is better" in verdict if better else "chance" in verdict
    assert "FER2013" in verdict
    assert "FER2013" not in comparison_verdict(comparison, ModelKind.MUSIC)
    sentence = describe_comparison(comparison, ModelKind.FACE)
    assert words in sentence
    assert numbers_in(sentence)[:3] == [3589, test.only_first, test.only_second]
    assert "four" not in sentence
    assert "four" in describe_comparison(Comparison("a", "b", 4, test), ModelKind.FACE)
    songs = describe_comparison(Comparison("a", "b", 4, test), ModelKind.MUSIC)
    assert "four" not in songs
    assert "songs" in songs


def test_a_cell_is_described_in_both_directions() -> None:
    cell = Cell("fear", "sad", np.arange(60), num_true=100, num_turned=25, num_second=33, mean=np.full(3, 1 / 3))
    assert numbers_in(describe_cell(cell, "net", "faces")) == [60, 100, 60.0, 100, 25, 33, 60]
    right = Cell("sad", "sad", np.arange(70), num_true=100, num_turned=70, num_second=0, mean=None)
    assert numbers_in(describe_cell(right, "net", "faces")) == [70, 100, 70.0, 100]
    empty = Cell("fear", "happy", np.arange(0), num_true=0, num_turned=0, num_second=0, mean=None)
    assert numbers_in(describe_cell(empty, "net", "faces"))[:2] == [0, 0]


def test_mistakes_are_listed_from_the_most_frequent_without_correct_answers() -> None:
    assert [numbers_in(line) for line in list_mistakes(FIGURES, most=2)] == [[60, 60.0, 100], [25, 25.0, 100]]
    assert len(list_mistakes(FIGURES, most=9)) == 5


def test_the_classes_with_the_highest_and_lowest_recall_are_named() -> None:
    words = describe_classes(FIGURES, "net", "faces")
    assert numbers_in(words) == [80.0, 100, 8, 10, 40.0, 100]  # counts for the small class
    assert words.index("happy") < words.index("fear")
    alike = ClassMetrics(
        per_class={name: ClassScores(1.0, 1.0, 1.0, 10) for name in ("happy", "sad")}, confusion=np.diag([10, 10])
    )
    assert numbers_in(describe_classes(alike, "net", "faces")) == [100.0, 100]


def test_the_hard_emotions_are_those_of_the_votes_and_of_people_who_disagree(
    face: FaceRecord, narrow: FaceRecord
) -> None:
    assert face.votes is not None
    inner = face.votes.without_contempt
    few = replace(inner, per_class=inner.per_class | {"fear": replaced(inner.per_class["fear"], support=1)})
    seen = replace(face, ferplus=Votes(test=replace(face.votes, seven=few)))
    labelled = face.test.per_class["fear"].support
    expected = f"calls {labelled} of its test pictures fear, but by the votes of ten people only 1 show fear"
    assert expected in describe_hard_emotions(seen)
    for record in (replace(face, ferplus=None), narrow):
        with pytest.raises(ModelError, match="votes"):
            describe_hard_emotions(record)
