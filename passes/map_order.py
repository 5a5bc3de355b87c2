"""How another order of a filter bank's maps spreads to what is computed from them."""

from __future__ import annotations

from collections import defaultdict

from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.integer import Clamp, Exact
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerConv, IntegerSumPool
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.types import TensorType

Order = tuple[int, ...]
"""For each place of the new order, the place that its map had before."""

CHANNEL_BY_CHANNEL: tuple[type[Op], ...] = (
    MaxPool,
    GlobalMaxPool,
    IntegerSumPool,
    IntegerBilinear,
    ResizeNearest,
    Clamp,
    Lookup,
)
"""What does the same to every channel of its first operand."""

ELEMENTWISE: tuple[type[Op], ...] = (Exact, Requantize)
"""What joins numbers of one place; constants follow the order of the rest."""


def settled_orders(graph: Graph, wished: dict[str, Order]) -> dict[str, Order]:
    """The new order of the channels of every value whose order changes.

    `wished` are orders of banks' maps. A bank whose order would show in an output, or reach an op
    that mixes channels, keeps its order, and so do those that share its weights.
    """
    wished = dict(wished)
    sharing: defaultdict[str, set[str]] = defaultdict(set)
    for name in wished:
        sharing[graph[name].inputs[1]].add(name)
    while True:
        flow = _Flow(graph, wished)
        if not flow.stuck:
            return flow.orders
        for name in flow.stuck:
            for other in sharing[graph[name].inputs[1]]:
                wished.pop(other, None)


def channel_axis(operand: TensorType, result: TensorType) -> int | None:
    """The axis of an operand along which its numbers differ from channel to channel, if any."""
    axis = 1 - (result.rank - operand.rank)
    return axis if axis >= 0 and operand.shape[axis] > 1 else None


class _Flow:
    """The orders of all values, were every wish granted, and the banks for which that cannot be."""

    def __init__(self, graph: Graph, wished: dict[str, Order]) -> None:
        self.graph = graph
        self.orders: dict[str, Order] = {}
        self.stuck: set[str] = set()
        sources: dict[str, set[str]] = {}
        for node in graph.operations:
            above = set().union(*(sources.get(value, ()) for value in node.inputs))
            order: Order | None = None
            if above and not self._passes(node):
                self.stuck |= above
            elif isinstance(node.op, IntegerConv):
                order, above = wished.get(node.name), {node.name}
            elif above:
                order = self._after(node)
            if order is not None:
                self.orders[node.name], sources[node.name] = order, above
        for output in graph.outputs:
            self.stuck |= sources.get(output.node, set())

    def _passes(self, node: Node) -> bool:
        """Whether a node that reads what is in another order can follow it."""
        others = node.inputs[1:]
        match node.op:
            case IntegerConv(table=table):
                # A table of groups would be none any more, and targets like groups.
                free = table.groups in (None, 1) and self._is_constant(node.inputs[1])
                return free and self.orders.keys().isdisjoint(others)
            case Concat(axis=axis):
                return positive_axis(axis, node.type.rank) == 1
            case op if isinstance(op, CHANNEL_BY_CHANNEL):
                return self.orders.keys().isdisjoint(others)
            case op if isinstance(op, ELEMENTWISE):
                return self._agree(node)
        return False

    def _agree(self, node: Node) -> bool:
        """Whether all operands that are computed, and have channels, have them in one order."""
        found = set()
        for value in node.inputs:
            type_ = self.graph[value].type
            if value in self.orders and type_.rank != node.type.rank:
                return False
            if channel_axis(type_, node.type) is not None and not self._is_constant(value):
                found.add(self.orders.get(value))
        return len(found) == 1 and self.graph[node.inputs[0]].type.rank > 1

    def _after(self, node: Node) -> Order | None:
        if not isinstance(node.op, Concat):
            return next(self.orders[value] for value in node.inputs if value in self.orders)
        order: list[int] = []
        for value in node.inputs:
            maps = self.graph[value].type.shape[1]
            first = len(order)
            order += (first + place for place in self.orders.get(value, range(maps)))
        return tuple(order)

    def _is_constant(self, value: str) -> bool:
        return isinstance(self.graph[value].op, Const)
