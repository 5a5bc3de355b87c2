"""Small ONNX models for tests, without ceremony."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sightline.frontend.onnx.reader import read_proto
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.types import Array

OPSET = 21

Sizes = Sequence[int | str | None]


def node(op_type: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    """A node; its inputs and outputs are listed in a string, `_` for one left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op_type, names, outputs.split(), **attributes)


def model_of(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Sizes],
    constants: Mapping[str, Array] | None = None,
    outputs: str = "y",
    opset: int = OPSET,
) -> onnx.ModelProto:
    """A model with float inputs of these shapes, and outputs of whatever type they have."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [_info(name, shape) for name, shape in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs.split()],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def one_node(
    op_type: str,
    x: Sizes,
    *constants: Array | None,
    opset: int = OPSET,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one operator: `x` is its input, the constants are its further operands."""
    names = ["_" if array is None else f"c{index}" for index, array in enumerate(constants)]
    return model_of(
        [node(op_type, " ".join(["x", *names]), **attributes)],
        {"x": x},
        {name: array for name, array in zip(names, constants, strict=True) if array is not None},
        opset=opset,
    )


def graph_of(model: onnx.ModelProto) -> Graph:
    """The graph that the reader makes of a model."""
    return read_proto(model, Path("net.onnx")).graph


def refused(model: onnx.ModelProto, pattern: str) -> None:
    """The message begins with the file, and tells the rest in one paragraph."""
    with pytest.raises(UserError) as caught:
        graph_of(model)
    message = str(caught.value)
    assert re.match(pattern, message), message
    assert "net.onnx" in message
    assert "\n" not in message


def _info(name: str, shape: Sizes) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
