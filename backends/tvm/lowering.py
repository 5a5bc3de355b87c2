"""From a graph to kernels and the plan that calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, te

from sightline.backends.tvm.build import Build, Machine
from sightline.backends.tvm.expressions import RENAMED, expression_of
from sightline.backends.tvm.plan import Argument, Call, Plan, lifetimes, place
from sightline.backends.tvm.schedules import schedule
from sightline.backends.tvm.views import Types, simplest
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.types import TensorType


@dataclass(frozen=True)
class Kernel:
    """An op on operands of given types, as a TVM function of operands, tables and result."""

    name: str
    function: Any
    types: Types
    tables: tuple[Constant, ...]
    result: TensorType

    def module(self) -> tvm.IRModule:
        """The function with its loops laid out for the processor."""
        sch = s_tir.Schedule(tvm.IRModule({self.name: self.function}))
        sch.work_on(self.name)
        schedule(sch)
        return sch.mod


@dataclass(frozen=True)
class Lowered:
    kernels: tuple[Kernel, ...]
    plan: Plan

    @property
    def tables(self) -> dict[str, Constant]:
        return {table.key: table for kernel in self.kernels for table in kernel.tables}


def define(name: str, op: Op, types: Types, machine: Machine) -> Kernel:
    expression = expression_of(type(op))
    assert expression is not None, f"{op.kind} was not refused"
    build = Build(machine)
    operands = [
        te.placeholder(type_.shape, type_.element.dtype.name, f"x{number}")
        for number, type_ in enumerate(types)
    ]
    result = expression(op, build, *operands)
    function = te.create_prim_func([*operands, *build.tensors, result])
    function = function.with_attr("global_symbol", name)
    return Kernel(name, function, types, tuple(build.tables), op.infer(*types))


def lower(graph: Graph, machine: Machine) -> Lowered:
    """One call for each node that computes; nodes of the same op and types share a kernel."""
    kernels: dict[tuple[Op, Types], Kernel] = {}
    renamed = {node.name: own for node, own in _names(graph)}
    calls = []
    for node in graph.operations:
        if isinstance(node.op, RENAMED):
            continue
        key = simplest(node.op, graph.input_types(node))
        if key not in kernels:
            kernels[key] = define(f"{node.op.kind}_{len(kernels)}", *key, machine)
        calls.append(_call(graph, node, kernels[key], renamed))
    plan = _placed(graph, calls, renamed)
    return Lowered(tuple(kernels.values()), plan)


def _names(graph: Graph) -> Iterator[tuple[Node, str]]:
    """Each node that is but another name of a value, and the node that computes the value."""
    own: dict[str, str] = {}
    for node in graph.operations:
        if isinstance(node.op, RENAMED):
            [source] = node.inputs
            own[node.name] = own.get(source, source)
            yield node, own[node.name]


def _call(graph: Graph, node: Node, kernel: Kernel, renamed: dict[str, str]) -> Call:
    arguments = []
    for name, type_ in zip(node.inputs, kernel.types, strict=True):
        source = renamed.get(name, name)
        kind = "constant" if isinstance(graph[source].op, Const) else "value"
        arguments.append(Argument.of(kind, source, type_))
    arguments += [Argument.of("table", table.key, table.type) for table in kernel.tables]
    arguments.append(Argument.of("value", node.name, kernel.result))
    return Call(node.name, kernel.name, tuple(arguments))


def _placed(graph: Graph, calls: list[Call], renamed: dict[str, str]) -> Plan:
    results = (renamed.get(output.node, output.node) for output in graph.outputs)
    kept = [name for name in results if not isinstance(graph[name].op, Const)]
    lives = lifetimes(calls, (node.name for node in graph.inputs), kept)
    types = {name: graph[name].type for name in lives}
    sizes = {name: type_.size * type_.element.dtype.itemsize for name, type_ in types.items()}
    buffers, places = place(sizes, lives)
    return Plan(tuple(calls), buffers, places, renamed)
