"""Every op once more, by plain loops over Python floats: what its docstring says, and nothing else.

`naive(op, *operands)` is slow and obvious. It shares no code with the ops, so that the sweep of
tests/test_registry.py compares two readings of one sentence. A pointwise op needs no model here:
its formula runs on single floats. Any other new op needs one function in its family's `MODELS`.
"""

from __future__ import annotations

from sightline.ir.graph import Graph, Input
from sightline.ir.op import Op
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.stage import Stage
from sightline.ir.types import Array
from tests.support.naive import classify, integers, movement, normalization, sampling, windows
from tests.support.naive.loops import Model
from tests.support.naive.pointwise import pointwise

MODELS: dict[type[Op], Model] = {
    **windows.MODELS,
    **normalization.MODELS,
    **sampling.MODELS,
    **classify.MODELS,
    **movement.MODELS,
    **integers.MODELS,
}


def naive(op: Op, *operands: Array) -> Array:
    """What the op means, by loops: in float64 if it computes, else in the type of its operands."""
    if isinstance(op, Pointwise):
        return pointwise(op, *operands)
    if isinstance(op, Stage):
        return _body(op.body, *operands)
    if type(op) not in MODELS:
        raise AssertionError(
            f"{type(op).__name__} has no naive model: add one to the MODELS of its family in "
            "tests/support/naive"
        )
    return MODELS[type(op)](op, *operands)


def _body(body: Graph, *operands: Array) -> Array:
    """Node by node, each by its own model."""
    given = iter(operands)
    values: dict[str, Array] = {}
    for node in body.nodes:
        inputs = (values[value] for value in node.inputs)
        values[node.name] = next(given) if isinstance(node.op, Input) else naive(node.op, *inputs)
    return values[body.outputs[0].node]
