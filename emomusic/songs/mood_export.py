"""Export of fitted mood models to ONNX, which `emomusic.runtime` runs without scikit-learn.

skl2onnx has no normal distribution for `QuantileTransformer`, no calibrated support vector machine in double precision
and no `VotingClassifier`. So each step is written here, in double precision: in single precision, songs near the
threshold of a tree or the border of two classes have other probabilities.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
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
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, QuantileTransformer, StandardScaler

from emomusic.songs.mood import MOODS

_Tree = tuple[npt.NDArray[Any], ...]

_OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
_IR_VERSION = 8  # of the opset 17

# Coefficients of the quantiles of the normal distribution, from the highest power on: M. J. Wichura, "Algorithm AS 241:
# The percentage points of the normal distribution", Applied Statistics 37, 1988. They are exact to 1e-16.
_CENTRE = (
    (
        *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4),
        *(1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    ),
    (
        *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4),
        *(5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
    ),
)
_TAIL = (
    (
        *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825243236838258e0),
        *(3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    ),
    (
        *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1),
        *(6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
    ),
)
_HALF_OF_CENTRE = 0.425
_EDGE = 1e-7  # of the values and of the quantiles, as in scikit-learn; for less than 1e-11, AS 241 has a third ratio


class _Graph:
    """Nodes and constants of a growing graph; a value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str | npt.ArrayLike, **attributes: Any) -> str:
        """Append a node, and return its output. Inputs other than names become constants, of floats in doubles."""
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        output = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def _constant(self, value: npt.ArrayLike) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def to_onnx(pipeline: Pipeline, num_inputs: int) -> ModelProto:
    """A fitted mood model in ONNX.

    Args:
        pipeline: a model of `mood_training.build_mood_model`.
        num_inputs: the number of input columns.

    Returns:
        A network with the input `songs`, shape (n, num_inputs), float64, and the output `probabilities`, shape (n, 4),
        float32.
    """
    graph = _Graph()
    probabilities = add_step(pipeline, graph, "songs")
    graph.nodes.append(helper.make_node("Cast", [probabilities], ["probabilities"], to=TensorProto.FLOAT))
    inputs = [helper.make_tensor_value_info("songs", TensorProto.DOUBLE, ["n", num_inputs])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(MOODS)])]
    proto = helper.make_graph(graph.nodes, "mood", inputs, outputs, graph.constants)
    model = helper.make_model(proto, opset_imports=_OPSETS, ir_version=_IR_VERSION)
    checker.check_model(model)
    return model


@singledispatch
def add_step(step: Any, graph: _Graph, x: str) -> str:  # noqa: ARG001
    """Add a fitted step to a graph.

    Args:
        step: a transformer or a classifier of scikit-learn.
        graph: the graph.
        x: the input of the step, shape (n, columns).

    Returns:
        The transformed columns or the probabilities.
    """
    raise TypeError(f"expected a step of `build_mood_model`. Received: {type(step).__name__}")


@add_step.register
def _(step: Pipeline, graph: _Graph, x: str) -> str:
    for part in step:
        x = add_step(part, graph, x)
    return x


@add_step.register
def _(step: VotingClassifier, graph: _Graph, x: str) -> str:
    members = [add_step(member, graph, x) for member in step.estimators_]
    return graph.add("Mul", graph.add("Sum", *members), 1 / len(members))


@add_step.register
def _(step: SimpleImputer, graph: _Graph, x: str) -> str:
    return graph.add("Where", graph.add("IsNaN", x), step.statistics_[None], x)


@add_step.register
def _(step: MinMaxScaler, graph: _Graph, x: str) -> str:
    scaled = graph.add("Add", graph.add("Mul", x, step.scale_), step.min_)
    return graph.add("Clip", scaled, 0.0, 1.0)


@add_step.register
def _(step: StandardScaler, graph: _Graph, x: str) -> str:
    return graph.add("Div", graph.add("Sub", x, step.mean_), step.scale_)


@add_step.register
def _(step: PolynomialFeatures, graph: _Graph, x: str) -> str:
    pairs = itertools.combinations_with_replacement(range(step.n_features_in_), 2)
    factors = [graph.add("Gather", x, np.array(side), axis=1) for side in zip(*pairs, strict=True)]
    return graph.add("Concat", x, graph.add("Mul", *factors), axis=1)


@add_step.register
def _(step: LogisticRegression, graph: _Graph, x: str) -> str:
    return graph.add("Softmax", _linear(graph, x, step.coef_.T, step.intercept_), axis=1)


@add_step.register
def _(step: MLPClassifier, graph: _Graph, x: str) -> str:
    hidden = graph.add("Relu", _linear(graph, x, step.coefs_[0], step.intercepts_[0]))
    return graph.add("Softmax", _linear(graph, hidden, step.coefs_[1], step.intercepts_[1]), axis=1)


def _linear(graph: _Graph, x: str, weights: npt.NDArray[np.float64], constants: npt.NDArray[np.float64]) -> str:
    return graph.add("Add", graph.add("MatMul", x, weights), constants)


# Support vector machine


@add_step.register
def _(step: QuantileTransformer, graph: _Graph, x: str) -> str:
    """Quantiles from 0 to 1 by interpolation between those of the training songs, then normal ones."""
    starts, heights = step.quantiles_[:-1].T, np.diff(step.references_)
    widths = np.diff(step.quantiles_, axis=0).T  # shape (features, quantiles - 1)
    is_jump = widths == 0  # of equal songs, which get the middle of their quantiles
    slopes = np.where(is_jump, 0.0, heights / np.where(is_jump, 1.0, widths))
    beyond = graph.add("Sub", graph.add("Unsqueeze", x, [2]), starts)
    within = graph.add("Min", graph.add("Max", beyond, 0.0), widths)
    rises = graph.add("ReduceSum", graph.add("Mul", within, slopes), [2], keepdims=0)
    sides = graph.add("Add", graph.add("Sign", beyond), 1.0)
    jumps = graph.add("ReduceSum", graph.add("Mul", sides, np.where(is_jump, heights / 2, 0.0)), [2], keepdims=0)
    quantiles = graph.add("Add", rises, jumps)
    is_last = graph.add("Greater", x, step.quantiles_[-1] - _EDGE)
    is_first = graph.add("Less", x, step.quantiles_[0] + _EDGE)
    quantiles = graph.add("Where", is_first, 0.0, graph.add("Where", is_last, 1.0, quantiles))
    return _normal_quantiles(graph, graph.add("Clip", quantiles, _EDGE, 1 - _EDGE))


def _normal_quantiles(graph: _Graph, quantiles: str) -> str:
    def ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: str) -> str:
        values = []
        for first, *others in polynomials:
            value: Any = first
            for coefficient in others:
                value = graph.add("Add", graph.add("Mul", value, x), coefficient)
            values.append(value)
        return graph.add("Div", *values)

    offsets = graph.add("Sub", quantiles, 0.5)
    distances = graph.add("Abs", offsets)
    squares = graph.add("Mul", offsets, offsets)
    centre = graph.add("Mul", offsets, ratio(_CENTRE, graph.add("Sub", _HALF_OF_CENTRE**2, squares)))
    logarithms = graph.add("Log", graph.add("Min", quantiles, graph.add("Sub", 1.0, quantiles)))
    roots = graph.add("Sqrt", graph.add("Neg", logarithms))
    tail = graph.add("Mul", graph.add("Sign", offsets), ratio(_TAIL, graph.add("Sub", roots, 1.6)))
    is_central = graph.add("LessOrEqual", distances, _HALF_OF_CENTRE)
    return graph.add("Where", is_central, centre, tail)


@add_step.register
def _(step: CalibratedClassifierCV, graph: _Graph, x: str) -> str:
    """Sigmoids of the votes of a support vector machine for each pair of classes, and of their certainty."""
    (calibrated,) = step.calibrated_classifiers_
    machine, vectors = calibrated.estimator, calibrated.estimator.support_vectors_
    products = graph.add("MatMul", x, 2 * vectors.T)
    lengths = graph.add("ReduceSum", graph.add("Mul", x, x), [1])
    distances = graph.add("Sub", graph.add("Add", lengths, (vectors**2).sum(axis=1)), products)
    kernel = graph.add("Exp", graph.add("Mul", distances, -machine.gamma))

    ends = machine.n_support_.cumsum()
    pairs = list(itertools.combinations(range(len(ends)), 2))
    weights = np.zeros((len(vectors), len(pairs)))
    firsts, seconds = np.zeros((2, len(pairs), len(ends)))
    for position, (first, second) in enumerate(pairs):
        for one, other in ((first, second - 1), (second, first)):
            songs = slice(ends[one] - machine.n_support_[one], ends[one])
            weights[songs, position] = machine.dual_coef_[other, songs]
        firsts[position, first] = seconds[position, second] = 1
    decisions = _linear(graph, kernel, weights, machine.intercept_)
    is_second = graph.add("Cast", graph.add("Less", decisions, 0.0), to=TensorProto.DOUBLE)
    votes = _linear(graph, is_second, seconds - firsts, firsts.sum(axis=0))
    sums = graph.add("MatMul", decisions, firsts - seconds)
    certainty = graph.add("Div", sums, graph.add("Mul", graph.add("Add", graph.add("Abs", sums), 1.0), 3.0))

    slopes, constants = (np.array([getattr(each, name) for each in calibrated.calibrators]) for name in ("a_", "b_"))
    scores = graph.add("Add", graph.add("Mul", graph.add("Add", votes, certainty), slopes), constants)
    sigmoids = graph.add("Div", 1.0, graph.add("Add", graph.add("Exp", scores), 1.0))
    return graph.add("Div", sigmoids, graph.add("ReduceSum", sigmoids, [1]))


# Trees


@add_step.register(RandomForestClassifier)
@add_step.register(ExtraTreesClassifier)
def _(step: RandomForestClassifier | ExtraTreesClassifier, graph: _Graph, x: str) -> str:
    trees = [each.tree_ for each in step.estimators_]
    nodes: list[_Tree] = [
        (tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value[:, 0] / len(trees))
        for tree in trees
    ]
    single = graph.add("Cast", x, to=TensorProto.FLOAT)  # scikit-learn compares single precision with double thresholds
    return _sum_of_trees(graph, graph.add("Cast", single, to=TensorProto.DOUBLE), nodes)


@add_step.register
def _(step: HistGradientBoostingClassifier, graph: _Graph, x: str) -> str:
    nodes: list[_Tree] = []
    for label, trees in enumerate(zip(*step._predictors, strict=True)):
        for tree in (predictor.nodes for predictor in trees):
            left, right = (np.where(tree["is_leaf"], -1, tree[side].astype(np.int64)) for side in ("left", "right"))
            values = tree["value"][:, None] * np.eye(len(step.classes_))[label]
            nodes.append((tree["feature_idx"], tree["num_threshold"], left, right, values))
    logits = graph.add("Add", _sum_of_trees(graph, x, nodes), step._baseline_prediction)
    return graph.add("Softmax", logits, axis=1)


def _sum_of_trees(graph: _Graph, x: str, trees: Sequence[_Tree]) -> str:
    """Sum of the leaves that trees choose.

    Args:
        graph: the graph.
        x: the features, shape (n, features).
        trees: for each tree, the feature, the threshold, the left and the right child of each node, -1 for those of a
            leaf, and its values, shape (nodes, classes).
    """
    features, thresholds, lefts, rights, values = (np.concatenate(parts) for parts in zip(*trees, strict=True))
    sizes = [len(tree[0]) for tree in trees]
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    is_leaf = lefts < 0
    leaves, classes = np.nonzero(is_leaf[:, None] & (values != 0))
    total = graph.add(
        "TreeEnsembleRegressor",
        x,
        domain="ai.onnx.ml",
        n_targets=values.shape[1],
        nodes_treeids=tree_ids,
        nodes_nodeids=node_ids,
        nodes_featureids=np.where(is_leaf, 0, features),
        nodes_values_as_tensor=numpy_helper.from_array(np.where(is_leaf, 0.0, thresholds)),
        nodes_modes=["LEAF" if each else "BRANCH_LEQ" for each in is_leaf],
        nodes_truenodeids=np.where(is_leaf, 0, lefts),
        nodes_falsenodeids=np.where(is_leaf, 0, rights),
        target_treeids=tree_ids[leaves],
        target_nodeids=node_ids[leaves],
        target_ids=classes,
        target_weights_as_tensor=numpy_helper.from_array(values[leaves, classes]),
    )
    return graph.add("Cast", total, to=TensorProto.DOUBLE)
