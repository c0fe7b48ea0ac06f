"""The kinds of mood models: how each is built, which one is used, and what the student reports say of theirs.

Hyper-parameters are fixed: none is chosen on the folds a figure comes from. docs/experiments.md says what was tried.
scikit-learn loads with the first model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from emomusic.music.features import FEATURE_NAMES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SEED = 20_231_114
"""Of the initial weights, the order of the songs and the folds; any number would do, one is kept."""

DEFAULT_MOOD_MODEL = "ensemble"
"""The most accurate model that ships: the one that is used unless another is named."""


@dataclass(frozen=True, slots=True)
class MoodModelSpec:
    """A kind of mood model.

    Attributes:
        description: what it is, in one line.
        build: seed -> an unfitted scikit-learn classifier over the columns `inputs`.
        uses_duration: whether it takes the length of a song after the nine features.
    """

    description: str
    build: Callable[[int], Pipeline]
    uses_duration: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it takes, in order."""
        return (*FEATURE_NAMES, "duration_s") if self.uses_duration else FEATURE_NAMES


def _build_mlp(seed: int) -> Pipeline:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(
        # A song louder or wordier than any song learnt from counts as the most extreme one: no extrapolation.
        MinMaxScaler(clip=True),
        MLPClassifier(
            hidden_layer_sizes=(8,),
            activation="relu",
            solver="adam",
            batch_size=64,
            max_iter=300,
            n_iter_no_change=300,  # all 300 epochs, as in the report: scikit-learn would stop at the first plateau
            random_state=seed,
        ),
    )


def _prepared(*steps: Any) -> Pipeline:
    """Steps over songs whose unknown lengths are the median and whose values stay inside the range learnt from."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), MinMaxScaler(clip=True), *steps)


def _logistic_steps() -> list[Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    return [
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=2000),
    ]


def _svm_steps() -> list[Any]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.svm import SVC

    return [
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
        CalibratedClassifierCV(SVC(C=1.0, gamma=0.05), ensemble=False),
    ]


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, max_depth=3, min_samples_leaf=10, l2_regularization=1.0, random_state=seed
    )


def _build_logistic(_: int) -> Pipeline:
    return _prepared(*_logistic_steps())


def _build_svm(_: int) -> Pipeline:
    return _prepared(*_svm_steps())


def _build_gradient_boosting(seed: int) -> Pipeline:
    return _prepared(_boosting(seed))


def _build_random_forest(seed: int) -> Pipeline:
    from sklearn.ensemble import RandomForestClassifier

    return _prepared(RandomForestClassifier(100, min_samples_leaf=3, random_state=seed))


def _build_ensemble(seed: int) -> Pipeline:
    from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
    from sklearn.pipeline import make_pipeline

    members = [
        ("logistic", make_pipeline(*_logistic_steps())),
        ("svm", make_pipeline(*_svm_steps())),
        ("gradient_boosting", _boosting(seed)),
        ("extra_trees", ExtraTreesClassifier(60, min_samples_leaf=2, random_state=seed)),
    ]
    return _prepared(VotingClassifier(members, voting="soft"))


MOOD_MODELS: Mapping[str, MoodModelSpec] = MappingProxyType(
    {
        "mlp": MoodModelSpec(
            "The report's network: nine features scaled to 0..1, eight ReLU nodes, softmax; "
            "Adam, batches of 64, 300 epochs",
            _build_mlp,
            uses_duration=False,
        ),
        "logistic": MoodModelSpec(
            "Logistic regression over the features, their squares and products, strongly regularised (C = 0.05)",
            _build_logistic,
        ),
        "random_forest": MoodModelSpec("Random forest of 100 trees with at least 3 songs a leaf", _build_random_forest),
        "gradient_boosting": MoodModelSpec(
            "Gradient boosting on histograms: 60 rounds of trees of depth 3, learning rate 0.1",
            _build_gradient_boosting,
        ),
        "svm": MoodModelSpec(
            "Support vector machine with Gaussian kernel over features brought to a normal distribution, "
            "its scores calibrated to probabilities by sigmoids",
            _build_svm,
        ),
        "ensemble": MoodModelSpec(
            "The mean of four models' probabilities: logistic regression with products, support vector machine, "
            "gradient boosting, 60 extremely randomised trees (which four was chosen on other folds of the same songs)",
            _build_ensemble,
        ),
    }
)
