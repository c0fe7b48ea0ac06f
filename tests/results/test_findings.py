import re
from dataclasses import replace as replaced
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from emomusic.assets import ModelKind
from emomusic.baselines import Baseline
from emomusic.errors import ModelError
from emomusic.metrics import FOUR, SEVEN, ClassMetrics, ClassScores, McNemar, score
from emomusic.records import (
    CalibrationErrors,
    FaceBin,
    FaceRecord,
    MoodRecord,
    PhotoScores,
    SplitScores,
    Spread,
    Stage,
    Unseen,
    Votes,
    VoteScores,
)
from emomusic.results import findings
from emomusic.results.findings import (
    answer_of,
    comparison_verdict,
    describe_cell,
    describe_classes,
    describe_comparison,
    describe_hard_emotions,
    describe_model,
    describe_photographs,
    describe_reports,
    label_of,
    list_mistakes,
    photographs_verdict,
)
from emomusic.results.predictions import Cell, Comparison

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


FEAR, SAD, HAPPY = (SEVEN.index(name) for name in ("fear", "sad", "happy"))
ANSWERS = score(np.array([FEAR, FEAR, FEAR, SAD, HAPPY]), np.array([FEAR, SAD, SAD, SAD, HAPPY]), SEVEN)
QUARTERS = score(np.array([0, 1, 1, 2]), np.array([0, 2, 2, 2]), FOUR)


def fields_of(scores: Any) -> dict[str, Any]:
    return {name: getattr(scores, name) for name in type(scores).__struct_fields__}


def on_split(scores: Any, accuracy: float, interval: tuple[float, float]) -> SplitScores:
    """The metrics of a split with this accuracy."""
    changed = {"accuracy": accuracy, "accuracy_interval": interval}
    extra = {"not_in_training": Unseen(None, 0), "calibration": CalibrationErrors(0.02, 0.03)}
    return SplitScores(**fields_of(scores) | changed | extra)


TEST = on_split(ANSWERS, 0.7, (0.69, 0.71))
FACE = FaceRecord(
    name="vgg9",
    network="vgg9",
    preset="smoke",
    stages=(Stage(config={}, epochs=3, best_epoch=2, val_accuracy=0.5, training_minutes=1.0),),
    parameters=1,
    num_bytes=1,
    epochs=3,
    best_epoch=2,
    training_minutes=1.0,
    validation=TEST,
    test=TEST,
)
NARROW = replace(FACE, test=on_split(QUARTERS, 0.7, (0.69, 0.71)))
SEEN = VoteScores(
    **fields_of(ANSWERS) | {"n": 3500, "accuracy": 0.821, "accuracy_interval": (0.808, 0.833)},
    contempt=20,
    seven=replace(ANSWERS, per_class=ANSWERS.per_class | {"fear": ClassScores(0.5, 0.4, 0.45, 1)}),
)
WITH_VOTES = replace(FACE, ferplus=Votes(test=SEEN))
WILD = PhotoScores(
    n=974,
    missed=8,
    accuracy=0.615,
    accuracy_interval=(0.584, 0.645),
    macro_recall=0.5,
    macro_f1=0.5,
    four_class_accuracy=0.7,
    folds=5,
    calibration_error=0.03,
    per_class={},
    groups={},
    groups_without=(),
)
MOOD = MoodRecord(
    per_class={name: ClassScores(0.5, 0.5, 0.5, 10) for name in ("calm", "happy", "energetic", "sad")},
    confusion=np.eye(4, dtype=int),
    name="mlp",
    n=40,
    folds=10,
    accuracy=Spread(0.8, 0.046),
    macro_f1=0.8,
    macro_f1_std=0.05,
    calibration_error=0.05,
    num_bytes=1,
)


def test_a_model_is_described_by_its_accuracy_interval_and_worst_mistake() -> None:
    sentence = describe_model(replace(FACE, test=on_split(ANSWERS, 0.6888, (0.673, 0.704))))
    assert numbers_in(sentence) == [68.9, 100, 67.3, 70.4]
    assert "calling fear faces sad" in sentence
    assert numbers_in(describe_model(WITH_VOTES)) == [70.0, 100, 69.0, 71.0, 82.1, 80.8, 83.3]
    assert "FER+" not in sentence
    assert "calling tense faces sad" in describe_model(NARROW)
    assert "four" in describe_model(NARROW)
    assert "seven" in describe_model(FACE, beside_four=True)
    assert numbers_in(describe_model(MOOD)) == [80.0, 100, 4.6]


def test_the_answer_is_about_photographs_if_they_were_measured() -> None:
    assert numbers_in(answer_of(replace(FACE, wild=WILD))) == [61.5, 95, 58.4, 64.5]
    assert numbers_in(answer_of(FACE)) == [70.0, 95, 69.0, 71.0]
    assert numbers_in(answer_of(MOOD)) == [80.0, 4.6]


def test_two_models_are_compared_on_photographs_the_better_one_first() -> None:
    one = replace(FACE, name="emonet", wild=WILD)
    two = replace(FACE, wild=replace(WILD, accuracy=0.7, accuracy_interval=(0.65, 0.73)))
    shares, chance = photographs_verdict(one, two)
    assert numbers_in(shares) == [70.0, 65.0, 73.0, 61.5, 58.4, 64.5]
    assert "too large" in chance
    alike = replace(two, wild=replace(WILD, accuracy=0.64))
    assert "may" in photographs_verdict(one, alike)[1]
    assert photographs_verdict(one, FACE) == photographs_verdict(one, replace(NARROW, wild=WILD)) == ("", "")


def test_a_model_has_a_name_for_people() -> None:
    assert label_of("emonet_photo") == "Photo model (emonet_photo)"
    assert label_of("mine") == "mine"


def test_photographs_are_described_by_the_property_that_changes_the_accuracy_most() -> None:
    assert numbers_in(describe_photographs(FACE, WILD)) == [61.5, 100, 58.4, 64.5]
    bins = {
        "pose": (FaceBin("front", 400, 0.7), FaceBin("half", 300, 0.2), FaceBin("side", 80, 0.5)),
        "size": (FaceBin("large", 500, 0.65), FaceBin("small", 466, 0.6)),
        "sharpness": (FaceBin("sharp", 974, 0.65), FaceBin("blurred", 0, 0.0)),
    }
    sentence = describe_photographs(FACE, replace(WILD, groups=bins))
    assert numbers_in(sentence)[4:] == [70.0, 100, 50.0, 100, 40, 80]  # counts for the small bin
    assert sentence.index("front") < sentence.index("side")
    alike = replace(WILD, groups={"size": (FaceBin("large", 500, 0.6), FaceBin("small", 474, 0.6))})
    assert numbers_in(describe_photographs(FACE, alike)) == [61.5, 100, 58.4, 64.5]
    assert "four" in describe_photographs(NARROW, WILD)


def test_reports_are_quoted_with_figures_and_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Baseline(0.63, "four classes", "A study", "of old", lowest=0.58)
    second = Baseline(0.5, "four classes", "A study", "later")
    assert describe_reports(FACE) == ""
    monkeypatch.setattr(findings, "reports_of", lambda _: (first, second))
    one = describe_reports(FACE)
    assert numbers_in(one) == [58, 63, 50]
    assert one.count("A study") == 1
    assert "of old" in one
    assert "later" in one
    learnt = replace(FACE.stages[0], config={"votes": 0.5, "teachers": ["vgg9"], "distillation_weight": 0.5})
    assert "FER+" in describe_reports(replace(FACE, stages=(learnt,)))
    monkeypatch.setattr(findings, "reports_of", lambda _: (first, replaced(second, title="Another")))
    two = describe_reports(FACE)
    assert "A study" in two
    assert "Another" in two


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


def test_the_hard_emotions_are_those_of_the_votes_and_of_people_who_disagree() -> None:
    sentence = describe_hard_emotions(WITH_VOTES)
    assert "calls 3 of its test pictures fear, but by the votes of ten people only 1 show fear" in sentence
    for record in (FACE, NARROW):
        with pytest.raises(ModelError, match="votes"):
            describe_hard_emotions(record)
