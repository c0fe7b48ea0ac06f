"""Specifications of the mood models.

Hyper-parameters are fixed and not selected on the evaluation folds; see docs/experiments.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from emomusic.songs.features import FEATURE_NAMES

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
        uses_duration: whether the length of a song is the tenth input.
    """

    description: str
    uses_duration: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input columns, in order."""
        return (*FEATURE_NAMES, "duration_s") if self.uses_duration else FEATURE_NAMES


def build_mood_model(name: str) -> Pipeline:
    """Unfitted classifier of the columns `MoodModelSpec.inputs`."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        VotingClassifier,
    )
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, QuantileTransformer, StandardScaler
    from sklearn.svm import SVC

    scaler = MinMaxScaler(clip=True)  # clips values outside the training range: no extrapolation
    mlp = MLPClassifier(
        hidden_layer_sizes=(8,),
        activation="relu",
        solver="adam",
        batch_size=64,
        max_iter=300,
        n_iter_no_change=300,  # all 300 epochs, as in the report
        random_state=SEED,
    )
    logistic = [
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=2000),
    ]
    svm = [
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
        CalibratedClassifierCV(SVC(C=1.0, gamma=0.05), ensemble=False),
    ]
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, max_depth=3, min_samples_leaf=10, l2_regularization=1.0, random_state=SEED
    )
    members = [
        ("logistic", make_pipeline(*logistic)),
        ("svm", make_pipeline(*svm)),
        ("gradient_boosting", boosting),
        ("extra_trees", ExtraTreesClassifier(60, min_samples_leaf=2, random_state=SEED)),
    ]
    steps: dict[str, list[Any]] = {
        "mlp": [mlp],
        "logistic": logistic,
        "random_forest": [RandomForestClassifier(100, min_samples_leaf=3, random_state=SEED)],
        "gradient_boosting": [boosting],
        "svm": svm,
        "ensemble": [VotingClassifier(members, voting="soft")],
    }
    if not MOOD_MODELS[name].uses_duration:
        return make_pipeline(scaler, *steps[name])
    # The median replaces an unknown length
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), scaler, *steps[name])


MOOD_MODELS: Mapping[str, MoodModelSpec] = MappingProxyType(
    {
        "mlp": MoodModelSpec(
            "Network of the report: nine features scaled to 0..1, eight ReLU units, softmax; "
            "Adam, batches of 64, 300 epochs",
            uses_duration=False,
        ),
        "logistic": MoodModelSpec(
            "Logistic regression on features, their squares and products; strong regularization (C = 0.05)"
        ),
        "random_forest": MoodModelSpec("Random forest of 100 trees with at least 3 songs per leaf"),
        "gradient_boosting": MoodModelSpec(
            "Histogram gradient boosting: 60 rounds of trees of depth 3, learning rate 0.1"
        ),
        "svm": MoodModelSpec(
            "Support vector machine with a Gaussian kernel on features transformed to a normal distribution; "
            "sigmoid calibration of the scores"
        ),
        "ensemble": MoodModelSpec(
            "Mean probabilities of logistic regression with products, support vector machine, gradient boosting and "
            "60 extremely randomized trees (selected on other folds of the same songs)"
        ),
    }
)
