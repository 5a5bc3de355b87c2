"""What a graph holds, as data: a row for each node, and totals.

Multiply-accumulates are those of filter banks and linear layers, as executed: a window that
reaches into the padding counts whole, planes that a table does not name do not count. Parameters
are elements of constants; in the total a constant that several nodes read counts once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sightline.backends import registry
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Nested, Node
from sightline.ir.op import OPS, Op
from sightline.ir.text import attributes

_LONGEST = 40


@dataclass(frozen=True)
class Row:
    """One operation: what it is, what it gives, and what it costs."""

    name: str
    op: str
    attributes: str
    type: str
    macs: int
    parameters: int
    instance: str
    where: str


@dataclass(frozen=True)
class Inspection:
    """A graph's interface, its operations, and its totals."""

    name: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    rows: tuple[Row, ...]
    macs: int
    parameters: int

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class OpRow:
    """One operator: what it means, and what each target makes of it."""

    op: str
    meaning: str
    support: dict[str, str]


def inspect_graph(graph: Graph) -> Inspection:
    return Inspection(
        name=graph.name,
        inputs={node.name: str(node.type) for node in graph.inputs},
        outputs={output.label: str(graph[output.node].type) for output in graph.outputs},
        rows=tuple(_row(graph, node) for node in graph.operations),
        macs=graph.total_macs,
        parameters=graph.total_parameters,
    )


def list_ops() -> list[OpRow]:
    """Every operator, with its support by target; a target that lacks its package says so."""
    import sightline.ir.ops  # noqa: F401  (declares them)

    return [
        OpRow(kind, _meaning(cls), {name: _support(name, cls) for name in registry.TARGETS})
        for kind, cls in OPS.items()
    ]


def _row(graph: Graph, node: Node) -> Row:
    return Row(
        name=node.name,
        op=node.op.kind,
        attributes=_described(node.op),
        type=str(node.type),
        macs=graph.macs(node),
        parameters=graph.parameters(node),
        instance=node.instance,
        where=node.where,
    )


def _described(op: Op) -> str:
    """The attributes of an op; of one that has a body, the ops in it."""
    if isinstance(op, Nested):
        return ", ".join(inner.op.kind for inner in op.body.operations)
    return ", ".join(f"{key}={_short(value)}" for key, value in attributes(op).items())


def _short(value: Any) -> str:
    """An attribute for a cell of a table: nested lists by their number."""
    if isinstance(value, tuple) and any(isinstance(item, tuple) for item in value):
        return f"[{len(value)} lists]"
    if isinstance(value, tuple):
        text = f"[{','.join(map(_short, value))}]"
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _meaning(cls: type[Op]) -> str:
    """The first sentence of the op's docstring."""
    paragraph = " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".") + "."


def _support(target: str, cls: type[Op]) -> str:
    try:
        return str(registry.target(target).support(cls))
    except UserError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            return "not installed"
        raise
