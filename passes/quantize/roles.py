"""What becomes of each node of a float graph when it is quantized."""

from __future__ import annotations

from enum import Enum

from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.types import FLOAT32
from sightline.passes.legalize import LEGAL
from sightline.passes.move_integers import MOVES
from sightline.passes.precision import FLOAT, Precisions


class Role(Enum):
    """How a node takes part in the integer graph."""

    FLOAT = "stays as it is: an input, an edge of the network, labels, or as the user wants it"
    EXACT = "becomes exact integers, rounded at the end"
    FUNCTION = "becomes a table, or limits"
    MOVE = "moves integers"
    LABEL = "compares integers"


def find_roles(graph: Graph, precisions: Precisions) -> dict[str, Role]:
    """The role of each node.

    An op that has no integer form stays in float at the edges of a network, with all that follows
    or precedes it there; between filter banks it is refused, unless the user wants it in float.
    """
    roles = {node.name: _role(graph, node) for node in graph.nodes}
    edges = _Edges(graph)
    for node in graph.operations:
        if precisions.of(node) == FLOAT:
            roles[node.name] = Role.FLOAT
        elif roles[node.name] is Role.FLOAT and node.type.element == FLOAT32:
            for name in edges.around(node):
                roles[name] = Role.FLOAT
    return roles


def _role(graph: Graph, node: Node) -> Role:
    op = node.op
    if isinstance(op, ArgMax):
        return Role.LABEL
    if node.type.element != FLOAT32:
        return Role.FLOAT
    if isinstance(op, MOVES):
        return Role.MOVE
    if isinstance(op, Pointwise) and op.arity == 1:
        return Role.FUNCTION
    if type(op) not in LEGAL:
        return Role.FLOAT
    known = all(isinstance(graph[value].op, Const) for value in node.inputs[1:])
    return Role.EXACT if known or not isinstance(op, Conv) else Role.FLOAT


class _Edges:
    """What lies before the first filter banks, and what after the last."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
        for node in graph.nodes:
            for value in node.inputs:
                self.readers[value].append(node.name)

    def around(self, node: Node) -> list[str]:
        """A node that must stay in float, and what stays so with it."""
        after, before = self._reach(node.name, forward=True), self._reach(node.name, forward=False)
        for reach in (after, before):
            if not any(isinstance(self.graph[name].op, Conv) for name in reach):
                return [node.name, *reach]
        raise UserError(
            f"{node.op.kind} has no form in integers, and stands between filter banks",
            node=node.name,
            where=node.where,
            fix=f"Keep it in float, as --precision {node.name}=float.",
        )

    def _reach(self, name: str, *, forward: bool) -> list[str]:
        """All that is made of a value, or that it is made of."""
        found: dict[str, None] = {}
        left = [name]
        while left:
            at = left.pop()
            for other in self.readers[at] if forward else self.graph[at].inputs:
                if other not in found:
                    found[other] = None
                    left.append(other)
        return list(found)
