"""From a graph to what its folder holds: kernels, their launches, weights, and where values lie."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sightline.backends.tvm.build import MODEL, Choice, Tensor, dtype_of, shape_of
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.expressions import RENAMED
from sightline.backends.tvm.fusion import fused
from sightline.backends.tvm.gpu.branches import Branches, branches
from sightline.backends.tvm.gpu.even_tables import with_even_tables
from sightline.backends.tvm.gpu.fusion import groups
from sightline.backends.tvm.gpu.kernels import Extents, Function, define, generate
from sightline.backends.tvm.gpu.machine import gpu
from sightline.backends.tvm.layout import PLANAR, Gather, Packing
from sightline.backends.tvm.lowering import Signature, kind_of, names_of, signature_of
from sightline.backends.tvm.narrow_sums import with_narrow_sums
from sightline.backends.tvm.plan import share
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.progress import Report
from sightline.ir.types import MAX_ELEMENTS, Array, Shape

ALIGNMENT = 256
"""Bytes at multiples of which arrays begin, as those of cudaMalloc do."""

WEIGHTS = -1
"""The buffer that the weights lie in; those of values count from zero."""


@dataclass(frozen=True)
class Place:
    buffer: int
    offset: int


@dataclass(frozen=True)
class Port:
    """An input or an output."""

    name: str
    shape: Shape
    dtype: str
    place: Place

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Step:
    """One launch of a frame: a kernel, its threads, and the addresses that it is given."""

    label: str
    kernel: str
    grid: Extents
    block: Extents
    arguments: tuple[Place, ...]
    signature: Signature
    """What the kernel is made of."""


@dataclass(frozen=True)
class Network:
    """A graph as kernels."""

    name: str
    source: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    steps: tuple[Step, ...]
    order: Branches
    buffers: tuple[int, ...]
    weights: bytes


@dataclass
class Weights:
    """What kernels read and no run changes, one array behind the other; equal ones once."""

    places: dict[tuple[str, Packing | Gather | None], Place] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, key: str, array: Array, packing: Packing | Gather | None = None) -> Place:
        if (key, packing) not in self.places:
            data = (packing.apply(array) if packing else np.ascontiguousarray(array)).tobytes()
            data += bytes(-len(data) % ALIGNMENT)
            self.places[key, packing] = Place(WEIGHTS, self.size)
            self.parts.append(data)
            self.size += len(data)
        return self.places[key, packing]


@dataclass(frozen=True)
class Call:
    """What a function does for some nodes: each of its buffers is a value or a place."""

    label: str
    function: str
    signature: Signature
    values: Mapping[str, str]
    fixed: Mapping[str, Place]


def lower(
    graph: Graph,
    options: CudaOptions,
    report: Report,
    choices: Mapping[Signature, Choice] | None = None,
) -> Network:
    """Kernels for the devices of an architecture; equal ones are there once."""
    machine = gpu(options)
    graph = with_narrow_sums(with_even_tables(graph), machine)
    parts = list(groups(graph))
    members = {part.result.name: [node.name for node in part.nodes] for part in parts}
    staged = fused(graph, parts)
    renamed = {node.name: own for node, own in names_of(staged)}
    lie = {node.name: PLANAR for node in staged.nodes}
    functions: dict[Signature, Function] = {}
    weights, calls, sizes = Weights(), [], _sizes(staged)
    nodes = [node for node in staged.operations if not isinstance(node.op, RENAMED)]
    for number, node in enumerate(nodes):
        report(f"cuda: {node.name}", number, len(nodes) + 1)
        signature = signature_of(staged, node, lie, renamed)
        if signature not in functions:
            name = f"{kind_of(node.op)}_{len(functions)}"
            choice = (choices or {}).get(signature, MODEL)
            functions[signature] = define(name, signature, machine, choice)
        function = functions[signature]
        _check_addresses(node, function)
        inner = members[node.name]
        calls.append(_call(staged, node, signature, function, renamed, weights, inner))
        stages = [calls[-1].values[f"s{k}"] for k in range(len(function.stages))]
        sizes |= zip(stages, map(_bytes_of, function.stages), strict=True)
    report("cuda: source", len(nodes), len(nodes) + 1)
    generated = generate(list(functions.values()), options.arch)
    launches = [
        (call, launch, number, len(generated.launches[call.function]))
        for call in calls
        for number, launch in enumerate(generated.launches[call.function])
    ]
    used = [
        [call.values[name] for name in launch.arguments if name in call.values]
        for call, launch, _, _ in launches
    ]
    sources = {out.label: renamed.get(out.node, out.node) for out in staged.outputs}
    order = branches(used, *_makers(calls, [call for call, *_ in launches]))
    buffers, numbers = _share(sizes, staged, used, order, set(sources.values()))
    places = {name: Place(number, 0) for name, number in numbers.items()}
    outputs = [
        _port(label, staged[source], staged[out.node].type.shape, places, weights)
        for out, (label, source) in zip(staged.outputs, sources.items(), strict=True)
    ]
    return Network(
        graph.name,
        generated.source,
        tuple(_port(node.name, node, node.type.shape, places, weights) for node in staged.inputs),
        tuple(outputs),
        tuple(
            Step(
                call.label + (f" ({number + 1} of {count})" if count > 1 else ""),
                launch.kernel,
                launch.grid,
                launch.block,
                tuple(
                    call.fixed[name] if name in call.fixed else places[call.values[name]]
                    for name in launch.arguments
                ),
                call.signature,
            )
            for call, launch, number, count in launches
        ),
        order,
        buffers,
        b"".join(weights.parts) or bytes(ALIGNMENT),
    )


def _sizes(graph: Graph) -> dict[str, int]:
    return {
        node.name: node.type.size * node.type.element.dtype.itemsize
        for node in graph.nodes
        if not isinstance(node.op, Const)
    }


def _check_addresses(node: Node, function: Function) -> None:
    """The graph's own values are no larger; numbers of cells are computed in 32 bits."""
    for stage in function.stages:
        size = math.prod(shape_of(stage))
        if size > MAX_ELEMENTS:
            raise UserError(
                f"between its kernels lie {size} numbers, and the most that the target 'cuda' "
                f"supports is {MAX_ELEMENTS}",
                fix="Use smaller pictures or batches.",
                node=node.name,
            )


def _bytes_of(tensor: Tensor) -> int:
    return math.prod(shape_of(tensor)) * np.dtype(dtype_of(tensor)).itemsize


def _call(
    graph: Graph,
    node: Node,
    signature: Signature,
    function: Function,
    renamed: Mapping[str, str],
    weights: Weights,
    members: Sequence[str],
) -> Call:
    values, fixed = {"y": node.name}, {}
    for number, (name, operand) in enumerate(
        zip(node.inputs, function.build.operands, strict=True)
    ):
        source = renamed.get(name, name)
        op = graph[source].op
        if isinstance(op, Const):
            key = f"{source} {op.value.key}"
            order = operand.gather or operand.packing
            fixed[f"x{number}"] = weights.add(key, op.value.array, order)
        else:
            values[f"x{number}"] = source
    for number, table in enumerate(function.tables):
        fixed[f"t{number}"] = weights.add(table.key, table.array)
    for number, _ in enumerate(function.stages):
        values[f"s{number}"] = f"{node.name}/{number}"
    last = members[-1]
    outer = [name for name in members[:-1] if not name.startswith(f"{last}.")]
    return Call(" + ".join([*outer, last]), function.name, signature, values, fixed)


def _makers(calls: Sequence[Call], launched: Sequence[Call]) -> tuple[list[int], dict[str, int]]:
    """The call that each launch is of, and the one that writes each value."""
    numbers = {id(call): number for number, call in enumerate(calls)}
    makers = {
        value: number
        for number, call in enumerate(calls)
        for name, value in call.values.items()
        if not name.startswith("x")
    }
    return [numbers[id(call)] for call in launched], makers


def _share(
    sizes: Mapping[str, int],
    graph: Graph,
    used: Sequence[Sequence[str]],
    order: Branches,
    results: Collection[str],
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Buffers of the values that lie in memory; outputs stay to the end, inputs are there first."""
    inputs = {node.name for node in graph.inputs}
    users: dict[str, list[int]] = {name: [] for name in sorted(inputs)}
    for number, names in enumerate(used):
        for name in names:
            users.setdefault(name, []).append(number)

    def is_over(old: str, new: str) -> bool:
        kept = old in results or new in inputs
        return not kept and order.is_over(users[old], users[new])

    return share(sizes, users, is_over)


def _port(
    name: str, node: Node, shape: Shape, places: Mapping[str, Place], weights: Weights
) -> Port:
    dtype = node.type.element.dtype.name
    if isinstance(node.op, Const):
        key = f"{node.name} {node.op.value.key}"
        return Port(name, shape, dtype, weights.add(key, node.op.value.array))
    return Port(name, shape, dtype, places[node.name])
