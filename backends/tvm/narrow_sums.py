"""Sums over large windows of integers as sums of columns, and then of rows of these.

    sums = integer_sum_pool<15x15>(x)   →   columns = integer_sum_pool<15x1>(x)
                                            sums = integer_sum_pool<1x15>(columns)

The integers are the same, of 30 additions instead of 225. That is a kernel more, and memory that
is passed, so small windows stay whole.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.gpu.tiles import LANES, LAUNCH, MULTIPROCESSORS
from sightline.ir import fixed
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.quantization import storage_of
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes.rewrite import Rewriter, rewrite

CYCLES = 8
"""Of a number more in a GPU's sum: whether it lies outside, its load, and its addition."""

BUSY = 4
"""Threads of a GPU's lane until it never waits: fewer take as long as these."""

PASSED, CALL = 4, 30_000
"""Additions that a CPU does while a sum passes the memory, and while a kernel starts."""

MOST_BITS = 62
"""Of the widest sums."""


def with_narrow_sums(graph: Graph, machine: Machine) -> Graph:
    return rewrite(graph, functools.partial(_narrowed, machine))


def _narrowed(machine: Machine, rewriter: Rewriter, node: Node) -> str | None:
    op = node.op
    if not isinstance(op, IntegerSumPool) or op.window.rank != 2:
        return None
    [x] = node.inputs
    type_ = rewriter[x].type
    down, across = (_along(op.window, axis) for axis in (0, 1))
    columns = IntegerSumPool(down, _bits(type_, op, down.taps), op.zero_point)
    if columns.bits > MOST_BITS or not _pays(machine, op, columns, type_, node.type):
        return None
    sums = rewriter.emit(columns, x, name=f"{rewriter.name(node)}.columns")
    return rewriter.emit(replace(op, window=across, zero_point=0), sums)


def _along(window: Window, axis: int) -> Window:
    """The window along one axis alone."""

    def own(sizes: tuple[int, ...], still: int) -> tuple[int, ...]:
        return tuple(size if number % 2 == axis else still for number, size in enumerate(sizes))

    return Window(
        own(window.kernel, 1), own(window.strides, 1), own(window.pads, 0), own(window.dilation, 1)
    )


def _bits(x: TensorType, op: IntegerSumPool, taps: int) -> int:
    """Of sums of so many numbers, whatever they are."""
    storage = storage_of(x)
    ends = [taps * (end - op.zero_point) for end in (storage.low, storage.high)]
    return max(2, fixed.width_of(min(0, *ends), max(0, *ends)))


def _pays(
    machine: Machine, op: IntegerSumPool, columns: IntegerSumPool, x: TensorType, sums: TensorType
) -> bool:
    """Whether what is saved of the additions takes longer than a kernel more."""
    (down, across), between = op.window.kernel, columns.infer(x)
    if machine.is_gpu:
        whole, parts = cycles(sums, op.window.taps), cycles(between, down) + cycles(sums, across)
        return parts + LAUNCH < whole
    parts = between.size * (down + PASSED) + sums.size * across
    return parts + CALL < sums.size * op.window.taps


def cycles(sums: TensorType, taps: int) -> float:
    """Until a GPU's threads have summed so many numbers each."""
    return max(BUSY, sums.size / (MULTIPROCESSORS * LANES)) * taps * CYCLES
