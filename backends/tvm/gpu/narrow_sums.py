"""Sums over large windows of integers as sums of columns, and then of rows of these.

    sums = integer_sum_pool<15x15>(x)   →   columns = integer_sum_pool<15x1>(x)
                                            sums = integer_sum_pool<1x15>(columns)

The integers are the same, and a thread adds 30 numbers instead of 225. That is a kernel more, so
small windows stay whole.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sightline.backends.tvm.gpu.tiles import LANES, LAUNCH, MULTIPROCESSORS
from sightline.ir import fixed
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.quantization import storage_of
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes.rewrite import Rewriter, rewrite

CYCLES = 8
"""Of a number more in a sum: whether it lies outside, its load, and its addition."""

BUSY = 4
"""Threads of a lane until it never waits: fewer take as long as these."""

MOST_BITS = 62
"""Of the widest sums."""


def with_narrow_sums(graph: Graph) -> Graph:
    return rewrite(graph, _narrowed)


def _narrowed(rewriter: Rewriter, node: Node) -> str | None:
    op = node.op
    if not isinstance(op, IntegerSumPool) or op.window.rank != 2:
        return None
    [x] = node.inputs
    type_ = rewriter[x].type
    down, across = (_along(op.window, axis) for axis in (0, 1))
    columns = IntegerSumPool(down, _bits(type_, op, down.taps), op.zero_point)
    if columns.bits > MOST_BITS or not _pays(op, columns, type_, node):
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


def _pays(op: IntegerSumPool, columns: IntegerSumPool, x: TensorType, node: Node) -> bool:
    """Whether the additions that are saved take longer than a kernel."""
    whole = cycles(node.type, op.window.taps)
    down, across = op.window.kernel
    return cycles(columns.infer(x), down) + cycles(node.type, across) + LAUNCH < whole


def cycles(sums: TensorType, taps: int) -> float:
    """Until threads have summed so many numbers each."""
    threads = math.prod(sums.shape)
    return max(BUSY, threads / (MULTIPROCESSORS * LANES)) * taps * CYCLES
