"""The sentences say what the figures are."""

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from emomusic.affect import EMOTIONS
from emomusic.assets import ModelKind
from emomusic.baselines import Baseline
from emomusic.metrics import SEVEN, ClassScores, McNemar
from emomusic.results.findings import (
    compare_losses,
    comparison_verdict,
    describe_cell,
    describe_classes,
    describe_comparison,
    describe_in_four,
    describe_model,
    describe_reports,
    describe_start,
    describe_training,
    list_mistakes,
    percent,
)
from emomusic.results.predictions import Cell, ClassMetrics, Comparison
from emomusic.results.records import FaceRecord, MoodRecord
from emomusic.training.networks import NETWORKS
from emomusic.training.presets import PRESETS

FIGURES = ClassMetrics(
    {
        "fear": ClassScores(0.5, 0.4, 0.45, 100),
        "sad": ClassScores(0.6, 0.7, 0.65, 100),
        "happy": ClassScores(0.9, 0.8, 0.85, 10),
    },
    np.array([[40, 60, 0], [25, 70, 5], [1, 1, 8]]),
)


FACE = FaceRecord(
    name="vgg9",
    is_default=False,
    classes=SEVEN,
    accuracy=0.7,
    accuracy_interval=(0.69, 0.71),
    four_class_accuracy=0.788,
    macro_f1=0.7,
    calibration_error=0.02,
    unseen_accuracy=None,
    num_unseen=0,
    wild=None,
    reported=(),
    evaluated_on="FER2013 PrivateTest (n = 3589)",
    parameters=1,
    num_bytes=1,
    ms_per_item=None,
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


def test_a_model_is_described_with_its_interval_and_its_worst_mistake() -> None:
    record = replace(FACE, accuracy=0.6888, accuracy_interval=(0.673, 0.704))
    sentence = describe_model(record, FIGURES)
    assert sentence.startswith("**vgg9** is right on 68.9 of 100 test pictures (67.3 to 70.4)")
    assert sentence.endswith("; most often it calls fear faces sad.")


def test_a_model_of_seven_emotions_compared_in_four_is_told_with_both_figures() -> None:
    scores = ClassScores(0.7, 0.7, 0.7, 200)
    seven = ClassMetrics(dict.fromkeys(map(str, EMOTIONS), scores), np.eye(7, dtype=np.int64))
    assert describe_model(FACE, seven) == "**vgg9** is right on 70.0 of 100 test pictures (69.0 to 71.0)."
    assert describe_model(FACE, seven, beside_four=True).endswith("(69.0 to 71.0), judged in seven emotions.")
    assert describe_model(FACE, FIGURES, beside_four=True).count("judged in") == 1
    both = [FACE, replace(FACE, name="quadrants", four_class_accuracy=0.772)]
    assert describe_in_four(*both) == "Right in four classes: vgg9 on 78.8 of 100 faces, quadrants on 77.2."


def test_a_percentage_is_never_parted_from_its_sign() -> None:
    assert percent(0.7272) == "72.7\N{NO-BREAK SPACE}%"


def test_a_mood_model_is_described_with_its_spread() -> None:
    sentence = describe_model(MOOD, FIGURES)
    assert "80.0 of 100 songs it had not heard (" in sentence
    assert "± 4.6" in sentence
    assert "flatters" not in sentence
    chosen = describe_model(replace(MOOD, name="ensemble"), FIGURES)
    assert chosen.endswith("sad. Its members were chosen on the same songs, which flatters it a little.")


def test_a_report_is_told_with_what_differs() -> None:
    first = Baseline(0.63, "four classes", "A study", "of old", lowest=0.58)
    second = Baseline(0.5, "four classes", "A study", "later")
    told = describe_reports(replace(FACE, reported=(first, second)))
    assert told == "As reported by A study: 58 to 63 % (four classes; of old), 50 % (four classes; later)."
    assert (
        describe_reports(replace(FACE, reported=(first, replace(second, title="Another")))).count("As reported by") == 2
    )
    assert describe_reports(FACE) == ""


def test_beside_a_report_it_is_told_what_ours_learnt_from_beside_the_labels() -> None:
    record = replace(FACE, reported=(Baseline(0.69, "seven", "A study", "of old"),))
    bare = "As reported by A study: 69 % (seven; of old)."
    config = {"votes": 0.3, "teachers": ["vgg9", "cnn_paper"], "distillation_weight": 0.5}
    assert describe_reports(record, config, mirrored=True) == (
        f"{bare} Ours learnt from people's votes on the pictures (FER+) and the answers of vgg9 and cnn_paper beside "
        "the labels, of which the report does not tell, and answers with the mean over a face and its mirror image."
    )
    assert describe_reports(record, config | {"votes": 0.0}) == (
        f"{bare} Ours learnt from the answers of vgg9 and cnn_paper beside the labels, of which the report does not "
        "tell."
    )
    assert describe_reports(record, config | {"votes": None, "distillation_weight": None}, mirrored=True) == bare
    assert describe_reports(FACE, config) == ""


@pytest.mark.parametrize(
    ("test", "verdict", "words"),
    [
        (McNemar(3589, 300, 200, 0.00001), "a is better than b, beyond chance", "less than once in 1,000"),
        (McNemar(3589, 200, 250, 0.02), "b is better than a, beyond chance", "about 2 times in 100"),
        (McNemar(3589, 90, 60, 0.004), "a is better than b, beyond chance", "about 4 times in 1,000"),
        (McNemar(3589, 206, 157, 0.012), "a is better than b, beyond chance", "about once in 100"),
        (McNemar(3589, 90, 50, 0.0012), "a is better than b, beyond chance", "about once in 1,000"),
        (McNemar(3589, 103, 83, 0.16), "Between a and b, chance could be all there is", "about 16 times in 100"),
        (McNemar(3589, 50, 50, 1.0), "Between a and b, chance could be all there is", "Neither is ahead"),
    ],
)
def test_a_comparison_is_told_with_what_it_rests_on(test: McNemar, verdict: str, words: str) -> None:
    comparison = Comparison("a", "b", 7, test)
    told = describe_comparison(comparison, ModelKind.FACE)
    assert comparison_verdict(comparison) == verdict
    assert words in told
    assert f"a alone has {test.only_first} right and b alone {test.only_second}" in told
    assert ("chance is a poor explanation" in told) == test.is_beyond_chance
    assert "four classes" not in told
    assert "both judged in four classes" in describe_comparison(Comparison("a", "b", 4, test), ModelKind.FACE)
    songs = describe_comparison(Comparison("a", "b", 4, test), ModelKind.MUSIC)
    assert "four classes" not in songs
    assert "songs, each judged once by a model that had not heard it, a alone has" in songs


def test_a_cell_is_told_both_ways_round() -> None:
    cell = Cell("fear", "sad", np.arange(60), num_true=100, num_turned=25, num_second=33, mean=np.full(3, 1 / 3))
    words = describe_cell(cell, "vgg9", "faces")
    assert "calls 60 of the 100 fear faces sad (60.0 of 100)" in words
    assert "calls 25 sad faces fear" in words
    assert "For 33 of the 60, fear was its second guess." in words
    right = Cell("sad", "sad", np.arange(70), num_true=100, num_turned=70, num_second=0, mean=None)
    assert describe_cell(right, "vgg9", "faces") == "**vgg9** knows 70 of the 100 sad faces (70.0 of 100)."
    empty = Cell("fear", "happy", np.arange(0), num_true=0, num_turned=0, num_second=0, mean=None)
    assert "0 of the 0" in describe_cell(empty, "vgg9", "faces")


def test_mistakes_are_listed_from_the_most_frequent_and_never_a_right_answer() -> None:
    assert list_mistakes(FIGURES, most=2) == ["fear called sad: 60, 60.0 of 100", "sad called fear: 25, 25.0 of 100"]
    assert len(list_mistakes(FIGURES, most=9)) == 5


def test_the_best_and_the_least_known_class_are_named() -> None:
    words = describe_classes(FIGURES, "vgg9", "faces")
    assert "80.0 of 100 happy faces (8 of 10), but only 40.0 of 100 fear ones." in words  # of few, how many
    alike = ClassMetrics({name: ClassScores(1.0, 1.0, 1.0, 10) for name in ("happy", "sad")}, np.diag([10, 10]))
    assert describe_classes(alike, "vgg9", "faces") == "**vgg9** finds 100.0 of 100 faces of every class."


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (
            "emonet",
            "Training can look worse than validation, because only there pictures are turned, zoomed, shifted, "
            "mirrored, made lighter or darker, blurred, partly covered and mixed two by two; labels are softened by "
            "people's votes and other models' answers; parts of the network are switched off at random (dropout); "
            "rare emotions are shown more often; the weights are pushed a little off. Validation asks the mean of the "
            "weights over many steps, which errs less.",
        ),
        (
            "paper",
            "Training can look worse than validation, because only there pictures are turned, zoomed, shifted and "
            "mirrored; parts of the network are switched off at random (dropout).",
        ),
        (
            "quadrants",
            "Training can look worse than validation, because only there pictures are turned, zoomed, shifted, "
            "mirrored and made lighter or darker; labels are softened by other models' answers; parts of the network "
            "are switched off at random (dropout).",
        ),
    ],
)
def test_training_is_said_to_be_harder_by_what_was_done_in_it(preset: str, words: str) -> None:
    assert describe_training(json.loads(json.dumps(asdict(PRESETS[preset])))) == words


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (
            "emonet",
            "It began as emonet_third, so at the start it is right more often, and its loss is lower, than where "
            "training begins from nothing.",
        ),
        (
            "quadrants",
            "It began as a MobileNet that had learnt to tell people apart on VGGFace2, so at the start it is right "
            "more often, and its loss is lower, than where training begins from nothing.",
        ),
        ("paper", ""),
    ],
)
def test_what_a_model_began_as_is_told(preset: str, words: str) -> None:
    assert describe_start(asdict(PRESETS[preset])) == words


def test_what_a_training_did_not_do_is_not_told() -> None:
    bare = "Training can look worse than validation, because only there parts of the network are switched off at random"
    assert describe_training({}) == f"{bare} (dropout)."
    assert (
        describe_training({"distillation_weight": 0.4, "teachers": [], "label_smoothing": 0.1}) == f"{bare} (dropout)."
    )


@pytest.mark.parametrize(
    ("first", "second", "words", "validation"),
    [
        ({"label_smoothing": 0.1}, {"label_smoothing": 0.05}, "not on one scale", False),
        ({"mixup": 0.2}, {"mixup": 0.1}, "only the losses of validation", True),
        (
            {"teachers": ["vgg9"], "distillation_weight": 0.4},
            {"teachers": [], "distillation_weight": 0.4},
            "only the losses of",
            True,
        ),
        ({"votes": None, "mixup": 0.0}, {}, "", True),
    ],
)
def test_losses_are_compared_where_labels_were_softened_alike(
    first: dict[str, Any], second: dict[str, Any], words: str, validation: bool
) -> None:
    sentence, can_be_compared = compare_losses(first, second)
    assert words in sentence
    assert bool(words) == bool(sentence)
    assert can_be_compared is validation
    assert compare_losses(second, first) == (sentence, can_be_compared)


def test_every_network_has_the_dropout_that_is_told_of_it() -> None:
    for spec in NETWORKS.values():
        assert any(type(layer).__name__ == "Dropout" for layer in spec.build("float32").layers), spec.name
