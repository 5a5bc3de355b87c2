"""What a graph holds, as data: a row for each node, and totals.

Multiply-accumulates are those of filter banks and linear layers, as executed: a window that
reaches into the padding counts whole, planes that a table does not name do not count. Parameters
are elements of constants; in the total a constant that several nodes read counts once. So do its
bytes, of which each element takes as many as its bits need.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sightline.backends import registry
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Nested, Node
from sightline.ir.op import OPS, Op
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import MOVEMENT
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.text import attributes
from sightline.ir.types import FLOAT32, Float32, Int, Quant, TensorType
from sightline.passes.legalize.coded import EXACT

_LONGEST = 40

COMPUTES_NOTHING = (*MOVEMENT, Dequantize, Quantize)
"""Conversions and movement: where only these are in float, all that is computed is integers."""


@dataclass(frozen=True)
class Row:
    """One operation: what it is, what it gives, and what it costs.

    Of a stage, `ops` are those of its body, and `sum_bits` is the width of its accumulators: of the
    widest number that is not rounded. `element` is f32, or the integers; they have a scale and a
    zero point where they stand for real numbers.
    """

    name: str
    op: str
    ops: tuple[str, ...]
    attributes: str
    type: str
    shape: tuple[int, ...]
    element: str
    scale: float | None
    zero_point: int | None
    sum_bits: int
    macs: int
    parameters: int
    constant_bytes: int
    result_bytes: int
    instance: str
    where: str


@dataclass(frozen=True)
class InFloat:
    """An operation that is computed in float, in a graph of integers."""

    node: str
    op: str


@dataclass(frozen=True)
class Inspection:
    """A graph's interface, its operations, and its totals.

    `in_float` tells what a graph of stages computes in float; None where there are no stages.
    """

    name: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    rows: tuple[Row, ...]
    macs: int
    parameters: int
    constant_bytes: int
    in_float: tuple[InFloat, ...] | None

    @property
    def stages(self) -> int:
        """How many of the operations are stages."""
        return sum(bool(row.ops) for row in self.rows)

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
        constant_bytes=_constant_bytes(graph, graph.by_name),
        in_float=in_float(graph) if any(isinstance(n.op, Nested) for n in graph.nodes) else None,
    )


def in_float(graph: Graph) -> tuple[InFloat, ...]:
    """What is computed in float: ops that read or give such numbers, and do more than move them."""
    return tuple(
        InFloat(node.name.removesuffix(EXACT), node.op.kind)
        for node in graph.operations
        if not isinstance(node.op, COMPUTES_NOTHING)
        and any(type_.element == FLOAT32 for type_ in (node.type, *graph.input_types(node)))
    )


def has_float_banks(graph: Graph) -> bool:
    """Whether any filter bank multiplies floats."""
    return any(
        isinstance(node.op, Conv | Linear)
        or (isinstance(node.op, Nested) and has_float_banks(node.op.body))
        for node in graph.operations
    )


def list_ops() -> list[OpRow]:
    """Every operator, with its support by target; a target that lacks its package says so."""
    import sightline.ir.ops  # noqa: F401  (declares them)

    return [
        OpRow(kind, _meaning(cls), {name: _support(name, cls) for name in registry.TARGETS})
        for kind, cls in OPS.items()
    ]


def _row(graph: Graph, node: Node) -> Row:
    element = node.type.element
    quant = element if isinstance(element, Quant) else None
    return Row(
        name=node.name,
        op=node.op.kind,
        ops=_ops(node.op),
        attributes=_described(node.op),
        type=str(node.type),
        shape=node.type.shape,
        element=str(quant.storage if quant else element),
        scale=quant.scale if quant else None,
        zero_point=quant.zero_point if quant else None,
        sum_bits=_sum_bits(node.op),
        macs=graph.macs(node),
        parameters=graph.parameters(node),
        constant_bytes=_constant_bytes(graph, node.inputs),
        result_bytes=_bytes(node.type),
        instance=node.instance,
        where=node.where,
    )


def _ops(op: Op) -> tuple[str, ...]:
    """Of an op that has a body, the ops in it."""
    if not isinstance(op, Nested):
        return ()
    return tuple(inner.op.kind for inner in op.body.operations)


def _sum_bits(op: Op) -> int:
    """The width of the widest exact number within a body; 0 where there is none."""
    if not isinstance(op, Nested):
        return 0
    elements = (inner.type.element for inner in op.body.operations)
    return max((element.bits for element in elements if isinstance(element, Int)), default=0)


def _constant_bytes(graph: Graph, names: Iterable[str]) -> int:
    """Of the constants among some values, each counted once."""
    nodes = (graph[name] for name in set(names))
    return sum(_bytes(node.type) for node in nodes if isinstance(node.op, Const))


def _bytes(type_: TensorType) -> int:
    """What a value takes: whole bytes for each element."""
    match type_.element:
        case Float32():
            bits = 32
        case Quant(storage):
            bits = storage.bits
        case Int(bits):
            pass
    return type_.size * -(-bits // 8)


def _described(op: Op) -> str:
    """The attributes of an op; of one that has a body, the ops in it."""
    if isinstance(op, Nested):
        return ", ".join(_ops(op))
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
