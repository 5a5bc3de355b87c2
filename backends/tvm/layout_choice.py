"""Which values are blocked: what filter banks compute in vectors of maps, and what follows them."""

from __future__ import annotations

from collections.abc import Mapping

from sightline.backends.tvm import depthwise, lanes_of_maps
from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.fusion import BANKS, BY_NUMBER, POOLS
from sightline.backends.tvm.layout import PLANAR, Layout
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.ops.stage import Stage

MAP_BY_MAP = (
    *BY_NUMBER,
    MaxPool,
    SumPool,
    IntegerSumPool,
    AveragePool,
    LPPool,
    GlobalAveragePool,
    GlobalMaxPool,
    ResizeNearest,
)
"""Ops that make each map of its own plane: they leave a blocked value blocked."""


def layouts(graph: Graph, renamed: Mapping[str, str], machine: Machine) -> dict[str, Layout]:
    """How each value lies in memory.

    What the caller gives and takes is planar, and so is what is seen under another name, whose
    shape means planes in their order.
    """
    planar = {*renamed.values(), *(renamed.get(out.node, out.node) for out in graph.outputs)}
    lie: dict[str, Layout] = {}
    for node in graph.nodes:
        blocked = (
            node.name not in planar
            and not node.is_leaf
            and _could_be(node, machine)
            and _wants(graph, node, lie, renamed, machine)
        )
        lie[node.name] = Layout(machine.lanes) if blocked else PLANAR
    return lie


def _could_be(node: Node, machine: Machine) -> bool:
    shape = node.type.shape
    return len(shape) == 4 and shape[1] % machine.lanes == 0 and shape[2:] != (1, 1)


def _wants(
    graph: Graph,
    node: Node,
    lie: Mapping[str, Layout],
    renamed: Mapping[str, str],
    machine: Machine,
) -> bool:
    ops = (
        [inner.op for inner in node.op.body.operations] if isinstance(node.op, Stage) else [node.op]
    )
    sources = [renamed.get(name, name) for name in node.inputs]
    if isinstance(ops[0], BANKS):
        x, weights = (graph[name] for name in sources[:2])
        if not isinstance(weights.op, Const):
            return False
        pixels, taps = x.type.element.dtype.name, weights.type.element.dtype.name
        if lanes_of_maps.takes(ops[0], pixels, taps, machine):
            return True
        is_pooled = any(isinstance(op, POOLS) for op in ops)
        return depthwise.takes(ops[0]) and bool(lie[x.name].lanes) and not is_pooled
    values = [name for name in sources if not isinstance(graph[name].op, Const)]
    maps = [name for name in values if graph[name].type.rank == 4]
    if not all(lie[name].lanes for name in maps) or len(maps) < len(values):
        return False
    return isinstance(ops[0], MAP_BY_MAP) or _joins_maps(ops[0])


def _joins_maps(op: Op) -> bool:
    return isinstance(op, Concat) and op.axis % 4 == 1
