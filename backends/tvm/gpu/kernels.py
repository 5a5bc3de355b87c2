"""From TVM's functions to CUDA source, and how each kernel of it is launched."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, te, tirx
from tvm.target import Target
from tvm_ffi.structural import structural_map, structural_walk

from sightline.backends.tvm.build import (
    BLOCK_TILE,
    MATRIX_TILE,
    MODEL,
    SHARED,
    WITHIN,
    Build,
    Choice,
    Machine,
    Tensor,
    shape_of,
)
from sightline.backends.tvm.gpu.schedule import is_inlined, schedule
from sightline.backends.tvm.gpu.tensor_cores import FUNCTION
from sightline.backends.tvm.gpu.tiles import HELD_REGISTERS, MULTIPROCESSORS
from sightline.backends.tvm.lowering import Signature, expressed, pooled_window, readers_of
from sightline.ir.constant import Constant

Extents = tuple[int, int, int]

LOCAL_MARKS = (*SHARED, BLOCK_TILE, MATRIX_TILE, WITHIN)
"""Marks of stages that a kernel keeps to its threads."""

MOST_REGISTERS = 64
"""That a thread of a tile may always take."""

READ_ONCE = ("pool", "box_sums", "sum")
"""Sums and the like whose numbers are each read by one thread: it computes them for itself."""


@dataclass(frozen=True)
class Launch:
    """A kernel, how many threads run it, and what it is given: buffers of its function by name."""

    kernel: str
    grid: Extents
    block: Extents
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """An op on operands of given types, as a TVM function; its buffers are named.

    In order: operands `x0`, …, tables `t0`, …, what lies in memory between its kernels `s0`, …,
    and the result `y`.
    """

    name: str
    build: Build
    stages: tuple[Tensor, ...]
    result: Tensor
    scheduled: Any

    @property
    def tables(self) -> tuple[Constant, ...]:
        return tuple(self.build.tables)


@dataclass(frozen=True)
class Generated:
    """CUDA source, and the launches of each function in their order."""

    source: str
    launches: dict[str, tuple[Launch, ...]]


def define(name: str, signature: Signature, machine: Machine, choice: Choice = MODEL) -> Function:
    """The function of an op, or of the ops of a stage."""
    op, types = signature.op, signature.types
    build = Build(machine, signature.result, pooled_window(op), choice)
    counts = readers_of(op, len(types))
    for type_, layout, constant, count in zip(
        types, signature.layouts, signature.constant, counts, strict=True
    ):
        build.operand(type_, layout, constant, count)
    result = expressed(op, build)
    if build.pooled != (1, 1):
        # So that the pooling is never the last stage: it stays in registers.
        result = _stored(result)
    stages = tuple(_stages(result))
    operands = [operand.argument for operand in build.operands]
    buffers = {
        **{f"x{number}": each for number, each in enumerate(operands)},
        **{f"t{number}": each for number, each in enumerate(build.tensors)},
        **{f"s{number}": each for number, each in enumerate(stages)},
        "y": result,
    }
    function = _named(te.create_prim_func([*buffers.values()]), list(buffers))
    sch = s_tir.Schedule(tvm.IRModule({name: function.with_attr("global_symbol", name)}))
    sch.work_on(name)
    return Function(name, build, stages, result, schedule(sch, [*buffers]))


def _stored(x: Tensor) -> Tensor:
    return te.compute(x.shape, lambda *at: x(*at), "stored")


def _stages(result: Tensor) -> Iterator[Tensor]:
    """What lies in the device's memory on the way to a result, in an order of computation."""
    seen: list[Tensor] = [result]

    def walk(tensor: Tensor) -> Iterator[Tensor]:
        for source in tensor.op.input_tensors:
            if any(source.same_as(each) for each in seen):
                continue
            seen.append(source)
            yield from walk(source)
            if isinstance(source.op, te.ComputeOp) and not _is_passing(source):
                yield source

    return walk(result)


def _is_passing(tensor: Tensor) -> bool:
    """Whether a stage is computed where it is read, or stays in registers or shared memory."""
    marks = dict(tensor.op.attrs or {})
    return (
        tensor.op.name in READ_ONCE
        or is_inlined(tensor.op.name, marks)
        or any(mark in marks for mark in LOCAL_MARKS)
    )


def _named(function: Any, names: Sequence[str]) -> Any:
    """The function with its buffers under these names: two of TVM's may have the same."""
    pairs = [
        (old, tirx.decl_buffer(shape_of(old), str(old.dtype), name))
        for old, name in zip(function.params, names, strict=True)
    ]

    def renamed(var: Any) -> Any:
        return next((new for old, new in pairs if var.same_as(old)), var)

    return structural_map(function, (type(pairs[0][1]), renamed))


def generate(functions: Sequence[Function], arch: str) -> Generated:
    """All functions as one CUDA source."""
    builder = importlib.import_module("tvm.tirx.build")
    target = Target({"kind": "cuda", "arch": arch}, host="llvm")
    module = tvm.IRModule({each.name: each.scheduled for each in functions})
    # Common parts by name would leave a hundred unused variables.
    with tvm.transform.PassContext(config={"tirx.disable_cse_tir": True}):
        pipeline, _, finish = tvm.tirx.get_tir_pipeline("default")
        lowered = pipeline(tvm.tirx.transform.BindTarget(target)(module))
        _, devices = builder.split_host_device_mods(lowered)
        [(device, kernels)] = devices.items()
        kernels = finish()(kernels)
        source = str(builder.codegen_build(kernels, device).inspect_source())
    found = {var.name_hint: kernel for var, kernel in kernels.functions.items()}
    launches = {
        each.name: tuple(_launches(each.name, found, len(each.stages) + 1)) for each in functions
    }
    for launch in (launch for each in launches.values() for launch in each):
        source = _bounded(source, launch)
    return Generated(source, launches)


def _bounded(source: str, launch: Launch) -> str:
    """The source with no registers saved for blocks that a multiprocessor will never have.

    Else nvcc takes so few for a tile that a multiprocessor could be full, and rather spills some;
    with tensor cores a thread has so many sums that it does not try.
    """
    threads = math.prod(launch.block)
    blocks = -(-math.prod(launch.grid) // MULTIPROCESSORS)
    if launch.block[1:] == (1, 1) or blocks * threads * MOST_REGISTERS > HELD_REGISTERS:
        return source
    bounds, named = f"__launch_bounds__({threads}", f") {launch.kernel}("
    body = source.rpartition(bounds + named)[2].partition('extern "C"')[0]
    if FUNCTION in body:
        return source
    return source.replace(bounds + named, f"{bounds}, {blocks}{named}")


def _launches(name: str, kernels: dict[str, Any], count: int) -> Iterator[Launch]:
    for number in range(count):
        kernel = f"{name}_kernel" + (f"_{number}" if number else "")
        extents: dict[str, int] = {}

        def visit(node: Any, extents: dict[str, int] = extents) -> None:
            if isinstance(node, tirx.AttrStmt) and node.attr_key == "thread_extent":
                extents[node.node.thread_tag] = int(node.value)

        structural_walk(kernels[kernel].body, visit)
        grid, block = (_extents(extents, kind) for kind in ("blockIdx", "threadIdx"))
        arguments = tuple(each.name.removesuffix("_ptr") for each in kernels[kernel].params)
        yield Launch(kernel, grid, block, arguments)


def _extents(extents: dict[str, int], kind: str) -> Extents:
    x, y, z = (extents.get(f"{kind}.{axis}", 1) for axis in "xyz")
    return x, y, z
