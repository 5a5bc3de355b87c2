"""Which ops one kernel computes: a filter bank and what is done with its sums, in one go.

    sums = conv(x, w, b)              ->  y = stage(x, w, b, r) {
    pooled = max_pool(sums)                 conv = conv(x0, x1, x2)
    added = add(pooled, r)                  max_pool = max_pool(conv)
    y = relu(added)                         add = add(max_pool, x3)
                                            return relu = relu(add) }

An op joins the kernel of a value that it alone reads, if it takes that value number by number, or
pools it in windows that do not overlap. What else it reads was computed before, or is computed
there too if that is done number by number. So a value goes through memory only where several read
it, or where the next op needs its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer import Clamp, Exact
from sightline.ir.ops.integer_bank import IntegerConv, IntegerSumPool
from sightline.ir.ops.normalization import BatchNorm, LocalNorm
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.ops.stage import BODY, Stage
from sightline.ir.types import Shape, TensorType
from sightline.ir.window import Window

BANKS = (Conv, IntegerConv)

BY_NUMBER = (Pointwise, Exact, Clamp, Quantize, Dequantize, Requantize, Lookup)
"""Ops that make one number of one number of each operand."""

POOLS = (MaxPool, SumPool, IntegerSumPool)
"""Poolings that a filter bank may be followed by in its kernel."""

MOST_POOLED = 4
"""Cells of the largest window that a kernel pools: its sums are in registers all at once."""

LEADERS = (
    *BANKS,
    *BY_NUMBER,
    *POOLS,
    Linear,
    BatchNorm,
    LocalNorm,
    AveragePool,
    LPPool,
    GlobalAveragePool,
    GlobalMaxPool,
    ResizeNearest,
    ResizeBilinear,
)
"""Ops that others may join."""


@dataclass
class Group:
    """Ops that become one kernel, in their order; the last computes the result."""

    nodes: list[Node]
    is_pooled: bool = False
    reads_pixels: bool = False
    """Whether an op behind the first reads another map than the one that is being computed."""

    @property
    def result(self) -> Node:
        return self.nodes[-1]

    @property
    def has_bank(self) -> bool:
        return isinstance(self.nodes[0].op, BANKS)

    @property
    def is_by_number(self) -> bool:
        return all(isinstance(node.op, BY_NUMBER) for node in self.nodes)

    @property
    def has_even_bank(self) -> bool:
        """Whether a filter bank has its sums in registers, as all maps see as many planes."""
        op = self.nodes[0].op
        return isinstance(op, BANKS) and len(set(map(len, op.table.inputs))) == 1

    def takes(self, node: Node, operands: Sequence[TensorType]) -> bool:
        """Whether an op that reads the result can be computed in the same kernel."""
        shape = self.result.type.shape
        if not isinstance(self.nodes[0].op, LEADERS):
            return False
        if isinstance(node.op, BY_NUMBER):
            fits = all(_is_even(type_.shape, shape) for type_ in operands)
            return node.type.shape == shape and (fits or isinstance(node.op, Lookup))
        can_pool = self.has_even_bank and not self.is_pooled and not self.reads_pixels
        return can_pool and _pools_apart(node.op, self.result)

    def join(self, node: Node, operands: Sequence[TensorType]) -> None:
        whole = [type_ for type_ in operands if type_.shape == self.result.type.shape]
        self.reads_pixels |= len(whole) > 1
        self.is_pooled |= isinstance(node.op, POOLS)
        self.nodes.append(node)


def fused(graph: Graph, parts: Iterable[Group]) -> Graph:
    """The graph with a stage for each group of several ops; see above."""
    builder = GraphBuilder(graph.name)
    for node in graph.nodes:
        if node.is_leaf:
            builder.keep(node, node.inputs)
    for group in parts:
        if len(group.nodes) == 1:
            builder.keep(group.result, group.result.inputs)
        else:
            stage, inputs = _stage(graph, group)
            result = group.result
            builder.add(stage, *inputs, name=result.name, where=result.where)
    for output in graph.outputs:
        builder.output(output.node, output.label)
    return builder.finish()


def groups(graph: Graph) -> Iterator[Group]:
    """Every op in one group, in an order in which they can be computed."""
    of: dict[str, Group] = {}
    for node in graph.operations:
        operands = graph.input_types(node)
        found = _open_groups(graph, node, of)
        # One with a filter bank, if there is the choice.
        group = max(reversed(found), key=lambda group: group.has_bank, default=None)
        if group is None:
            group = Group([node])
        else:
            for other in found:
                if other is not group and other.is_by_number:
                    group.nodes += other.nodes
                    of |= {each.name: group for each in other.nodes}
            group.join(node, operands)
        of[node.name] = group
    # The last op of a group is behind all that the group reads, and before all that reads it.
    for node in graph.operations:
        if of[node.name].result is node:
            yield of[node.name]


def loaded(nodes: Sequence[Node]) -> set[str]:
    """What ops of a kernel read other than number by number, and what that is computed from.

    The pooling of a bank is no such op: all that it reads is in registers.
    """
    has_bank = any(isinstance(node.op, BANKS) for node in nodes)
    by_number = (*BY_NUMBER, *POOLS) if has_bank else BY_NUMBER
    found: set[str] = set()
    for node in reversed(nodes):
        if node.name in found or not isinstance(node.op, by_number):
            found.update(node.inputs)
    return found


def _open_groups(graph: Graph, node: Node, of: dict[str, Group]) -> list[Group]:
    """The groups that an op can join."""
    operands = graph.input_types(node)
    return [
        of[name]
        for name in node.inputs
        if graph.uses[name] == 1 and name in of and of[name].takes(node, operands)
    ]


def _is_even(operand: Shape, result: Shape) -> bool:
    """Whether an operand is the same for all pixels of a map, or has a number for each."""
    spatial = operand[max(0, 2 - (len(result) - len(operand))) :]
    return operand == result or all(size == 1 for size in spatial)


def _pools_apart(op: Op, operand: Node) -> bool:
    """Whether an op pools in small windows that cover its operand, and do not overlap."""
    if not isinstance(op, POOLS):
        return False
    window = op.window
    return (
        window == Window(window.kernel, window.kernel)
        and window.rank == 2
        and window.taps <= MOST_POOLED
        and all(k & (k - 1) == 0 for k in window.kernel)  # whole windows in a vector
        and all(s % k == 0 for s, k in zip(operand.type.spatial, window.kernel, strict=True))
    )


def _stage(graph: Graph, group: Group) -> tuple[Stage, list[str]]:
    """The stage of a group, and what it reads in the order of its operands."""
    body = GraphBuilder(BODY)
    own = {node.name for node in group.nodes}
    outside = dict.fromkeys(name for node in group.nodes for name in node.inputs if name not in own)
    values = {
        name: body.input(f"x{number}", graph[name].type) for number, name in enumerate(outside)
    }
    for node in group.nodes:
        inputs = (values[name] for name in node.inputs)
        values[node.name] = body.add(node.op, *inputs, where=node.where)
    body.output(values[group.result.name])
    return Stage(body.finish()), list(outside)
