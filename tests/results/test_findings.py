import re

import numpy as np
import pytest
from msgspec.structs import replace

from emomusic.assets import ModelKind
from emomusic.baselines import Baseline
from emomusic.metrics import FOUR, SEVEN, ClassScores, McNemar
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
from emomusic.results.predictions import Cell, ClassMetrics, Comparison
from emomusic.results.records import NOT_FOUND, FaceBin, FaceRecord, FerPlusFigures, MoodRecord, Unseen, WildFigures

FIGURES = ClassMetrics(
    {
        "fear": ClassScores(0.5, 0.4, 0.45, 100),
        "sad": ClassScores(0.6, 0.7, 0.65, 100),
        "happy": ClassScores(0.9, 0.8, 0.85, 10),
    },
    np.array([[40, 60, 0], [25, 70, 5], [1, 1, 8]]),
)


def numbers_in(sentence: str) -> list[float]:
    """All numbers of a sentence that are words of their own, in order."""
    return [float(found.replace(",", "")) for found in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])", sentence)]


FACE = FaceRecord(
    name="vgg9",
    is_default=False,
    classes=SEVEN,
    accuracy=0.7,
    accuracy_interval=(0.69, 0.71),
    four_class_accuracy=0.788,
    macro_f1=0.7,
    calibration_error=0.02,
    not_in_training=Unseen(None, 0),
    ferplus=None,
    wild=None,
    reported=(),
    evaluated_on="FER2013 PrivateTest (n = 3589)",
    parameters=1,
    num_bytes=1,
    ms_per_item=None,
)
VOTES = FerPlusFigures(
    n=3500,
    contempt=20,
    accuracy=0.821,
    accuracy_interval=(0.808, 0.833),
    four_class_accuracy=0.85,
    macro_recall=0.7,
    macro_f1=0.7,
)
MOOD = MoodRecord(
    name="mlp",
    is_default=False,
    classes=("calm", "happy", "energetic", "sad"),
    accuracy=0.8,
    accuracy_std=0.046,
    macro_f1=0.8,
    calibration_error=0.05,
    reported=(),
    evaluated_on="10 folds",
    num_bytes=1,
    ms_per_item=None,
)


def test_a_model_is_described_by_its_accuracy_interval_and_worst_mistake() -> None:
    record = replace(FACE, accuracy=0.6888, accuracy_interval=(0.673, 0.704))
    sentence = describe_model(record, FIGURES)
    assert numbers_in(sentence) == [68.9, 100, 67.3, 70.4]
    assert sentence.index("fear") < sentence.index("sad")


def test_a_model_is_described_by_both_kinds_of_labels() -> None:
    sentence = describe_model(replace(FACE, ferplus=VOTES), FIGURES)
    assert numbers_in(sentence) == [70.0, 100, 69.0, 71.0, 82.1, 80.8, 83.3]
    assert "FER+" not in describe_model(FACE, FIGURES)


WILD = WildFigures(n=974, accuracy=0.615, accuracy_interval=(0.584, 0.645), four_class_accuracy=0.7)


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
    assert photographs_verdict(one, FACE) == photographs_verdict(one, replace(two, classes=FOUR)) == ("", "")


def test_a_model_has_a_name_for_people() -> None:
    assert label_of("emonet_photo") == "Photo model (emonet_photo)"
    assert label_of("mine") == "mine"


def test_photographs_are_described_by_the_property_that_changes_the_accuracy_most() -> None:
    wild = WILD
    assert numbers_in(describe_photographs(FACE, wild)) == [61.5, 100, 58.4, 64.5]
    bins = {
        "pose": (FaceBin("front", 400, 0.7), FaceBin("half", 300, 0.2), FaceBin("side", 80, 0.5)),
        "size": (FaceBin("large", 500, 0.65), FaceBin("small", 466, 0.6), FaceBin(NOT_FOUND, 8, 0.0)),
        "sharpness": (FaceBin("sharp", 974, 0.65), FaceBin("blurred", 0, 0.0)),
    }
    sentence = describe_photographs(FACE, replace(wild, groups=bins))
    assert numbers_in(sentence)[4:] == [70.0, 100, 50.0, 100, 40, 80]  # counts for the small bin
    assert sentence.index("front") < sentence.index("side")
    alike = replace(wild, groups={"size": (FaceBin("large", 500, 0.6), FaceBin("small", 474, 0.6))})
    assert numbers_in(describe_photographs(FACE, alike)) == [61.5, 100, 58.4, 64.5]
    assert "four" in describe_photographs(replace(FACE, classes=FOUR), wild)


def test_reports_are_quoted_with_figures_and_notes() -> None:
    first = Baseline(0.63, "four classes", "A study", "of old", lowest=0.58)
    second = Baseline(0.5, "four classes", "A study", "later")
    one = describe_reports(replace(FACE, reported=(first, second)))
    assert numbers_in(one) == [58, 63, 50]
    assert one.count("A study") == 1
    assert "of old" in one
    assert "later" in one
    two = describe_reports(replace(FACE, reported=(first, Baseline(0.5, "four classes", "Another", "later"))))
    assert "A study" in two
    assert "Another" in two
    assert describe_reports(FACE) == ""


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
    alike = ClassMetrics({name: ClassScores(1.0, 1.0, 1.0, 10) for name in ("happy", "sad")}, np.diag([10, 10]))
    assert numbers_in(describe_classes(alike, "net", "faces")) == [100.0, 100]


def test_the_hard_emotions_are_those_of_the_votes_and_of_people_who_disagree() -> None:
    votes = ClassMetrics(
        {
            "fear": ClassScores(0.5, 0.4, 0.45, 20),
            "sad": ClassScores(0.6, 0.3, 0.65, 90),
            "happy": ClassScores(0.9, 0.8, 0.85, 10),
        },
        FIGURES.confusion,
    )
    assert numbers_in(describe_hard_emotions(FIGURES, votes, "net"))[:2] == [80.0, 100]
    assert "fear, but by the votes of ten people only 20 show fear" in describe_hard_emotions(FIGURES, votes, "net")
