"""The contract of a valid graph. Passes take valid graphs and leave valid graphs."""

from __future__ import annotations

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Nested, Node
from sightline.ir.op import Op


class InvalidGraph(Exception):
    """A graph that breaks the contract: a bug of whoever built it, never of the user."""

    def __init__(self, problem: str, node: Node | None = None) -> None:
        super().__init__(problem)
        self.node = node


def verify(graph: Graph) -> None:
    """Raise InvalidGraph unless names are unique, order is topological and types are inferred."""
    known: dict[str, Node] = {}
    for node in graph.nodes:
        if not node.name:
            raise InvalidGraph(f"{graph.name}: a node of {type(node.op).__name__} has no name")
        if node.name in known:
            raise InvalidGraph(f"{graph.name}: two nodes are named '{node.name}'", node)
        if not isinstance(node.op, Op):
            raise InvalidGraph(
                f"{graph.name}: '{node.name}' holds {node.op!r}, which is no op", node
            )
        for name in node.inputs:
            if name not in known:
                raise InvalidGraph(
                    f"{graph.name}: '{node.name}' reads '{name}', which no earlier node computes",
                    node,
                )
        if isinstance(node.op, Nested):
            _verify_body(graph, node, node.op.body)
        _verify_type(graph, node, known)
        known[node.name] = node
    labels = [output.label for output in graph.outputs]
    if not labels:
        raise InvalidGraph(f"{graph.name}: the graph has no output")
    for output in graph.outputs:
        if output.node not in known:
            raise InvalidGraph(
                f"{graph.name}: output '{output.label}' reads '{output.node}', which no node "
                "computes"
            )
        if not output.label or labels.count(output.label) > 1:
            raise InvalidGraph(f"{graph.name}: the label '{output.label}' is empty or used twice")


def _verify_body(graph: Graph, node: Node, body: Graph) -> None:
    try:
        verify(body)
    except InvalidGraph as error:
        raise InvalidGraph(f"{graph.name}: within '{node.name}': {error}", node) from error


def _verify_type(graph: Graph, node: Node, known: dict[str, Node]) -> None:
    try:
        inferred = node.op.infer(*(known[name].type for name in node.inputs))
    except (UserError, TypeError) as error:
        raise InvalidGraph(f"{graph.name}: '{node.name}' is ill-typed: {error}", node) from error
    if inferred != node.type:
        raise InvalidGraph(
            f"{graph.name}: '{node.name}' is declared {node.type}, but its op gives {inferred}",
            node,
        )
