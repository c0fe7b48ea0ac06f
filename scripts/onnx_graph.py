"""Builder of ONNX graphs, for the scripts that export networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from emomusic.training.export_onnx import OPSET


class Graph:
    """A graph to which nodes and weights are added."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def add(self, operation: str, *inputs: str, output: str, **attributes: Any) -> str:
        """Add a node. Returns the name of its output."""
        self._nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))
        return output

    def weight(self, name: str, values: npt.NDArray[Any]) -> str:
        """Add a constant. Returns its name."""
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def save(self, path: Path, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> None:
        """Check and write the graph. Inputs and outputs have a shape for each name."""

        def described(values: dict[str, list[Any]]) -> list[Any]:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()]

        graph = helper.make_graph(self._nodes, self._name, described(inputs), described(outputs), self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)
