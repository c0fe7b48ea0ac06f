from dataclasses import astuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support

from emomusic import calibration, metrics
from emomusic.affect import EMOTIONS, FOUR_CLASSES
from emomusic.metrics import MISSED, coverage_curve


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(MISSED, 6)), min_size=1, max_size=60))
def test_scores_of_seven_and_of_four_classes_agree(labels: list[tuple[int, int]]):
    y_true, y_pred = np.transpose(labels)
    found = metrics.evaluate(y_true, y_pred)
    assert found.n == len(y_true)
    assert found.missed == found.n - found.confusion.sum()
    assert found.accuracy == pytest.approx(found.confusion.trace() / found.n)
    expected = precision_recall_fscore_support(y_true, y_pred, labels=range(7), zero_division=0)
    np.testing.assert_allclose([astuple(scores) for scores in found.per_class.values()], np.transpose(expected))
    present = [scores for scores in found.per_class.values() if scores.support]
    assert found.macro_precision == pytest.approx(np.mean([scores.precision for scores in present]))
    assert found.macro_recall == pytest.approx(np.mean([scores.recall for scores in present]))
    assert found.macro_f1 == pytest.approx(np.mean([scores.f1 for scores in present]))
    grouped, groups = np.zeros((4, 4), int), [metrics.FOUR.index(FOUR_CLASSES[emotion]) for emotion in EMOTIONS]
    np.add.at(grouped, np.ix_(groups, groups), found.confusion)
    np.testing.assert_array_equal(found.four_class_confusion, grouped)
    assert found.four_class_accuracy == pytest.approx(grouped.trace() / found.n)
    assert found.four_class_accuracy >= found.accuracy


def test_fitted_calibration_undoes_a_known_one_and_equal_classes_those_of_the_training() -> None:
    for smoothing, sharpness, more in ((0.0, 1.5, 0.0), (0.2, 0.7, 0.0), (0.0, 1.5, 1.4)):
        rng = np.random.default_rng(0)
        logits = 3 * rng.normal(size=(8000, 7))
        constants = np.append(np.full(6, -more / 7), more * 6 / 7)
        y_true = (rng.random((8000, 1)) > softmax(logits + constants, axis=1).cumsum(axis=1)[:, :-1]).sum(axis=1)
        shown = (1 - smoothing) * softmax(logits * sharpness, axis=1) + smoothing / 7
        *fitted, added = calibration.fit_calibration(y_true, shown)
        assert fitted == pytest.approx((smoothing, sharpness), abs=0.03, rel=0.1)
        assert added == pytest.approx(constants, abs=0.15)
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 2], [400, 150, 50])  # each class weighs the same
    logits = 1.5 * rng.normal(size=(600, 3)) + 3 * np.eye(3)[y_true]
    trained = softmax(logits + np.log([0.7, 0.2, 0.1]), axis=1)  # trained where the first class is frequent
    found = calibration.fit_equal_classes(y_true, trained)
    np.testing.assert_array_equal(found[:, :-1], found[0, 0] * np.eye(3))
    adjusted = calibration.adjust_logits(trained, found.tolist()).argmax(axis=1)
    assert (adjusted == logits.argmax(axis=1)).mean() > 0.97
    recall_before, recall = ((pred == 2)[y_true == 2].mean() for pred in (trained.argmax(axis=1), adjusted))
    assert recall > recall_before


def test_calibration_error_weighs_bins_by_size_and_the_surest_answers_come_first_in_coverage() -> None:
    sure, unsure = np.eye(7)[0], np.array([0.5, 0.5, 0, 0, 0, 0, 0])
    honest = np.array([sure, sure, unsure, unsure])
    assert metrics.expected_calibration_error(np.array([0, 0, 0, 1]), honest) == pytest.approx(0)
    assert metrics.expected_calibration_error(np.array([1, 1, 0, 1]), honest) == pytest.approx(0.5)
    confidence = np.linspace(1.0, 0.3, 100)
    right = np.arange(100) < 60  # the surest are right
    curve = {point["coverage"]: point for point in coverage_curve(right[::-1], confidence[::-1])}
    assert len(curve) == 20
    assert curve[0.5]["accuracy"] == 1.0
    assert curve[1.0]["accuracy"] == pytest.approx(0.6)
    assert curve[0.8]["accuracy"] == pytest.approx(60 / 80)
    assert curve[0.8]["threshold"] == pytest.approx(confidence[79])
    low, high = curve[0.8]["accuracy_interval"]
    assert low < 60 / 80 < high


def test_mcnemar_is_the_exact_test_and_labels_that_cannot_be_compared_are_refused() -> None:
    first, second = np.ones(25, np.bool_), np.arange(25) >= 5
    assert metrics.mcnemar(first, second).p_value == pytest.approx(2 * 0.5**5)
    assert not metrics.mcnemar(first, second).is_beyond_chance
    first = np.repeat([True, False], [420, 340])
    found = metrics.mcnemar(first, ~first)
    assert (found.only_first, found.only_second, found.is_beyond_chance) == (420, 340, True)
    assert found.p_value == pytest.approx(0.0042, abs=0.0002)
    for y_true, y_pred, message in (
        (np.zeros(3), np.zeros(2), r"two equal lengths above 0. Received: \(3,\) and \(2,\)"),
        (np.array([MISSED]), np.array([0]), "true labels from 0 to 6. Received: -1 to -1"),
        (np.array([0, 0]), np.array([0, 7]), "predicted labels from -1 to 6. Received: 0 to 7"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.evaluate(y_true, y_pred)


@given(
    hnp.arrays(np.float64, (5, 4), elements=st.floats(0.01, 1)),
    hnp.arrays(np.float64, (4, 5), elements=st.floats(-3, 3)),
)
def test_an_adjustment_maps_the_logarithms(powers: npt.NDArray[np.float64], table: npt.NDArray[np.float64]) -> None:
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    adjusted = calibration.adjust_logits(probabilities, table.tolist())
    np.testing.assert_allclose(adjusted.sum(axis=1), 1)
    wanted = np.exp(np.log(probabilities) @ table[:, :4].T + table[:, 4])
    np.testing.assert_allclose(adjusted, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(calibration.adjust_logits(probabilities, ()), probabilities)
