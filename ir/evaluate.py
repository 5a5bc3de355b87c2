"""What a graph means: NumPy evaluates each op's own meaning, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Node
from sightline.ir.types import Array, TensorType


def evaluate(graph: Graph, inputs: Mapping[str, Array], values: dict[str, Array]) -> Iterator[Node]:
    """Evaluate node after node into `values`, yielding each; outputs stay there to the end.

    A value is let go of after its last use, and at once if nothing reads it. Every value is laid
    out in C order: matrix products and vector loops round differently for other layouts, and the
    same numbers must give the same numbers, however they came about.
    """
    left = dict(graph.uses)
    for node in graph.nodes:
        match node.op:
            case Input():
                values[node.name] = np.asarray(inputs[node.name], order="C")
            case Const(value):
                values[node.name] = value.array
            case op:
                # Infinities and what is no number pass through, as on every target.
                with np.errstate(all="ignore"):
                    result = op.evaluate(*(values[name] for name in node.inputs))
                values[node.name] = np.asarray(result, order="C")
        for name in node.inputs:
            left[name] -= 1
            if not left[name]:
                values.pop(name, None)
        if not left.get(node.name):
            values.pop(node.name, None)
        yield node


def check_inputs(graph: Graph, inputs: Mapping[str, Array]) -> None:
    """Refuse inputs that are missing, unknown, or of another shape or element."""
    wanted = {node.name: node.type for node in graph.inputs}
    for name in [*wanted, *inputs]:
        if name not in inputs or name not in wanted:
            raise UserError(
                f"the network takes {', '.join(wanted) or 'nothing'}, but was given "
                f"{', '.join(map(str, inputs)) or 'nothing'}",
                fix="Give one array for each input, by its name.",
            )
    for name, type_ in wanted.items():
        array = inputs[name]
        if array.shape != type_.shape or array.dtype != type_.element.dtype:
            raise UserError(
                f"the input '{name}' is {type_} ({type_.element.dtype}), but was given an array of "
                f"shape {list(array.shape)} and type {array.dtype}",
                fix=_fitting(type_, array),
            )


def _fitting(type_: TensorType, array: Array) -> str:
    """What makes an array `x` fit, where usual steps do: a batch's axis, planes first, a cast."""
    element = type_.element.dtype
    steps = {
        "x": array.shape,
        "x[None]": (1, *array.shape),
        "x[None, None]": (1, 1, *array.shape),
    }
    if array.ndim == 3:
        rows, columns, planes = array.shape
        steps["x.transpose(2, 0, 1)[None]"] = (1, planes, rows, columns)
    if array.ndim == 4:
        count, rows, columns, planes = array.shape
        steps["x.transpose(0, 3, 1, 2)"] = (count, planes, rows, columns)
    step = next((step for step, shape in steps.items() if shape == type_.shape), "")
    if not step or array.dtype.kind not in "iufb":
        return ""
    if array.dtype == element:
        return f"Of an array x, give {step}."
    condition = "" if array.dtype.kind == element.kind == "f" else ", if its numbers mean the same"
    return f"Of an array x, give {step}.astype('{element}'){condition}."
