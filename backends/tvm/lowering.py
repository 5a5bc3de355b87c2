"""From a graph to kernels and the plan that calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, te

from sightline.backends.tvm.build import MODEL, Build, Choice, Machine, Operand, named, stored
from sightline.backends.tvm.expressions import RENAMED, expression_of
from sightline.backends.tvm.fusion import BANKS, BY_NUMBER, POOLS, fused, groups, loaded
from sightline.backends.tvm.layout import Layout
from sightline.backends.tvm.layout_choice import layouts
from sightline.backends.tvm.narrow_sums import with_narrow_sums
from sightline.backends.tvm.plan import Argument, Call, Plan, lifetimes, place
from sightline.backends.tvm.pooling import pool_cells
from sightline.backends.tvm.schedules import schedule
from sightline.backends.tvm.views import Types, simplest
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.integer import Clamp, Exact
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize
from sightline.ir.ops.stage import Stage

UNNAMED = (Exact, Clamp, Quantize, Dequantize, Requantize, Lookup)
"""Ops whose expressions give no names to what they read, as those of formulas do."""


@dataclass(frozen=True)
class Signature:
    """What makes a kernel: nodes of equal signatures share it."""

    op: Op
    types: Types
    layouts: tuple[Layout, ...]
    constant: tuple[bool, ...]
    result: Layout


@dataclass(frozen=True)
class Kernel:
    """An op on operands of given types, as a TVM function of operands, tables and result."""

    name: str
    function: Any
    build: Build
    result: Any
    """The tensor of the result, under the shape in memory."""

    @property
    def operands(self) -> tuple[Operand, ...]:
        return tuple(self.build.operands)

    @property
    def tables(self) -> tuple[Constant, ...]:
        return tuple(self.build.tables)

    def module(self) -> tvm.IRModule:
        """The function with its loops laid out for the processor."""
        sch = s_tir.Schedule(tvm.IRModule({self.name: self.function}))
        sch.work_on(self.name)
        schedule(sch, self.build)
        return sch.mod


@dataclass(frozen=True)
class Lowered:
    kernels: tuple[Kernel, ...]
    plan: Plan

    @property
    def tables(self) -> dict[str, Constant]:
        return {table.key: table for kernel in self.kernels for table in kernel.tables}


def define(name: str, signature: Signature, machine: Machine, choice: Choice = MODEL) -> Kernel:
    """The kernel of an op, or of the ops of a stage, as tensor expressions."""
    op, types = signature.op, signature.types
    build = Build(machine, signature.result, pooled_window(op), choice)
    readers = readers_of(op, len(types))
    for type_, layout, constant, count in zip(
        types, signature.layouts, signature.constant, readers, strict=True
    ):
        build.operand(type_, layout, constant, count)
    result = stored(expressed(op, build), build)
    arguments = [operand.argument for operand in build.operands]
    made = [operand.sums[1] for operand in build.operands if operand.sums]
    function = te.create_prim_func([*arguments, *made, *build.tensors, result])
    function = function.with_attr("global_symbol", name)
    return Kernel(name, function, build, result)


def expressed(op: Op, build: Build) -> Any:
    if not isinstance(op, Stage):
        return _express(op, build, *(operand.view for operand in build.operands))
    numbers = {node.name: number for number, node in enumerate(op.body.inputs)}
    uses, inside = op.body.uses, loaded(op.body.operations)
    values: dict[str, Any] = {}
    kept: dict[str, Any] = {}

    def value(name: str, reader: Node) -> Any:
        if name in numbers:
            # Looked up late: the op before may have asked for the operand under another shape.
            view = build.operands[numbers[name]].view
            return build.flat(view) if build.merged else view
        is_named = isinstance(reader.op, UNNAMED) or uses[name] > 1
        if not is_named or reader.name in inside or not isinstance(reader.op, BY_NUMBER):
            return values[name]
        if name not in kept:
            kept[name] = named(values[name])
        return kept[name]

    for node in op.body.operations:
        operands = [value(name, node) for name in node.inputs]
        if build.merged and isinstance(node.op, POOLS):
            values[node.name] = pool_cells(node.op, *operands)
        else:
            values[node.name] = _express(node.op, build, *operands)
    return values[op.result]


def _express(op: Op, build: Build, *operands: Any) -> Any:
    expression = expression_of(type(op))
    assert expression is not None, f"{op.kind} was not refused"
    return expression(op, build, *operands)


def pooled_window(op: Op) -> tuple[int, ...]:
    """The window in which a stage pools its filter bank."""
    if isinstance(op, Stage):
        ops = [node.op for node in op.body.operations]
        banks = [number for number, each in enumerate(ops) if isinstance(each, BANKS)]
        for each in ops[banks[0] + 1 :] if banks else []:
            if isinstance(each, POOLS):
                return each.window.kernel
    return (1, 1)


def readers_of(op: Op, operands: int) -> list[int]:
    """How many ops of a stage read each operand."""
    if not isinstance(op, Stage):
        return [1] * operands
    counts = Counter(name for node in op.body.operations for name in node.inputs)
    return [counts[node.name] for node in op.body.inputs]


@dataclass(frozen=True)
class Staged:
    """A graph of which each operation is a kernel's, and how its values lie."""

    graph: Graph
    members: Mapping[str, tuple[str, ...]]
    """The names of the nodes that a stage is made of."""

    renamed: Mapping[str, str]
    signatures: Mapping[str, Signature]
    """Of each operation that has a kernel, in order."""


def stage(graph: Graph, machine: Machine) -> Staged:
    """Which nodes are one kernel, and which."""
    graph = with_narrow_sums(graph, machine)
    parts = list(groups(graph))
    staged = fused(graph, parts)
    members = {part.result.name: tuple(node.name for node in part.nodes) for part in parts}
    renamed = {node.name: own for node, own in names_of(staged)}
    lie = layouts(staged, renamed, machine)
    signatures = {
        node.name: signature_of(staged, node, lie, renamed)
        for node in staged.operations
        if not isinstance(node.op, RENAMED)
    }
    return Staged(staged, members, renamed, signatures)


def lower(
    graph: Graph, machine: Machine, choices: Mapping[Signature, Choice] | None = None
) -> Lowered:
    """One call for each kernel's worth of nodes; equal ones share a kernel."""
    staged = stage(graph, machine)
    kernels: dict[Signature, Kernel] = {}
    calls = []
    for result, signature in staged.signatures.items():
        node = staged.graph[result]
        if signature not in kernels:
            name = f"{kind_of(node.op)}_{len(kernels)}"
            choice = (choices or {}).get(signature, MODEL)
            kernels[signature] = define(name, signature, machine, choice)
        kernel, members = kernels[signature], staged.members[result]
        calls.append(_call(staged.graph, node, kernel, staged.renamed, members))
    return Lowered(tuple(kernels.values()), _placed(staged.graph, calls, staged.renamed))


def kind_of(op: Op) -> str:
    """What a kernel is named after: its filter bank, or the first of its ops."""
    if not isinstance(op, Stage):
        return op.kind
    ops = [node.op for node in op.body.operations]
    return next((each for each in ops if isinstance(each, BANKS)), ops[0]).kind


def signature_of(
    graph: Graph, node: Node, lie: Mapping[str, Layout], renamed: Mapping[str, str]
) -> Signature:
    sources = [renamed.get(name, name) for name in node.inputs]
    constant = tuple(isinstance(graph[source].op, Const) for source in sources)
    operands = tuple(lie[source] for source in sources)
    op, types = node.op, graph.input_types(node)
    if not any(layout.lanes for layout in (*operands, lie[node.name])):
        op, types = simplest(op, types)
    return Signature(op, types, operands, constant, lie[node.name])


def names_of(graph: Graph) -> Iterator[tuple[Node, str]]:
    """Each node that is but another name of a value, and the node that computes the value."""
    own: dict[str, str] = {}
    for node in graph.operations:
        if isinstance(node.op, RENAMED):
            [source] = node.inputs
            own[node.name] = own.get(source, source)
            yield node, own[node.name]


def _call(
    graph: Graph,
    node: Node,
    kernel: Kernel,
    renamed: Mapping[str, str],
    members: tuple[str, ...],
) -> Call:
    arguments, made = [], []
    for name, operand in zip(node.inputs, kernel.operands, strict=True):
        source = renamed.get(name, name)
        kind = "constant" if operand.is_constant else "value"
        arguments.append(Argument.of(kind, source, operand.argument, operand.packing))
        if operand.sums is not None:
            sums, tensor = operand.sums
            made.append(Argument.of(kind, source, tensor, sums))
    arguments += made
    for table, tensor in zip(kernel.tables, kernel.build.tensors, strict=True):
        arguments.append(Argument.of("table", table.key, tensor))
    arguments.append(Argument.of("value", node.name, kernel.result))
    return Call(members, kernel.name, tuple(arguments))


def _placed(graph: Graph, calls: list[Call], renamed: Mapping[str, str]) -> Plan:
    results = (renamed.get(output.node, output.node) for output in graph.outputs)
    kept = [name for name in results if not isinstance(graph[name].op, Const)]
    lives = lifetimes(calls, (node.name for node in graph.inputs), kept)
    types = {name: graph[name].type for name in lives}
    sizes = {name: type_.size * type_.element.dtype.itemsize for name, type_ in types.items()}
    buffers, places = place(sizes, lives)
    return Plan(tuple(calls), buffers, places, dict(renamed))
