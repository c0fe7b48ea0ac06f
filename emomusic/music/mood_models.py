"""Specifications of the mood models.

Hyper-parameters are fixed and not selected on the evaluation folds; see docs/experiments.md.
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
"""Seed of initial weights, order of songs, and folds."""

DEFAULT_MOOD_MODEL = "ensemble"
"""Most accurate bundled model."""


@dataclass(frozen=True, slots=True)
class MoodModelSpec:
    """Specification of a mood model.

    Attributes:
        description: one line.
        build: takes a seed, returns an unfitted classifier of the columns `inputs`.
        uses_duration: whether the length of a song is the tenth input.
    """

    description: str
    build: Callable[[int], Pipeline]
    uses_duration: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input columns, in order."""
        return (*FEATURE_NAMES, "duration_s") if self.uses_duration else FEATURE_NAMES


def _build_mlp(seed: int) -> Pipeline:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(
        # Clips values outside the training range: no extrapolation
        MinMaxScaler(clip=True),
        MLPClassifier(
            hidden_layer_sizes=(8,),
            activation="relu",
            solver="adam",
            batch_size=64,
            max_iter=300,
            n_iter_no_change=300,  # all 300 epochs, as in the report
            random_state=seed,
        ),
    )


def _prepared(*steps: Any) -> Pipeline:
    """Pipeline that imputes the median for unknown lengths and clips values to the training range."""
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


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, min_samples_leaf=3, random_state=seed)


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
            "Network of the report: nine features scaled to 0..1, eight ReLU units, softmax; "
            "Adam, batches of 64, 300 epochs",
            _build_mlp,
            uses_duration=False,
        ),
        "logistic": MoodModelSpec(
            "Logistic regression on features, their squares and products; strong regularization (C = 0.05)",
            lambda _: _prepared(*_logistic_steps()),
        ),
        "random_forest": MoodModelSpec(
            "Random forest of 100 trees with at least 3 songs per leaf", lambda seed: _prepared(_forest(seed))
        ),
        "gradient_boosting": MoodModelSpec(
            "Histogram gradient boosting: 60 rounds of trees of depth 3, learning rate 0.1",
            lambda seed: _prepared(_boosting(seed)),
        ),
        "svm": MoodModelSpec(
            "Support vector machine with a Gaussian kernel on features transformed to a normal distribution; "
            "sigmoid calibration of the scores",
            lambda _: _prepared(*_svm_steps()),
        ),
        "ensemble": MoodModelSpec(
            "Mean probabilities of logistic regression with products, support vector machine, gradient boosting and "
            "60 extremely randomized trees (selected on other folds of the same songs)",
            _build_ensemble,
        ),
    }
)
