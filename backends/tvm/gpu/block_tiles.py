"""Filter banks on a GPU: the schedule of `bank`.

for tile:                                           a block
    for thread's maps, row, column:                 a thread
        sums[own maps, rows, columns] = 0           registers
        for planes by a few:
            pixels, taps = …                        shared memory, by all threads together
            for plane, tap:
                for own maps, rows, columns:        unrolled
                    sums[…] += pixel * weight
        for own maps, windows:                      unrolled
            result[…] = what is done with sums[…]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar

MOST_UNROLLED = 16
"""The longest loop that is written out."""

MOST_BLOCKS = 65_535
"""Of a launch, along y and z; along x, where batch and maps are, as many as a value has numbers."""


def lay_out(
    sch: s_tir.Schedule,
    shared: Sequence[Any],
    sums: Any,
    between: Sequence[Any],
    result: Any,
    sizes: Sequence[int],
) -> None:
    """`between` are the stages that read the sums and are read by the result, in their order."""
    deep, down, across, own_maps, own_rows, own_columns, *_, planes = sizes
    n, o, row, column = sch.get_loops(result)
    group, t_map, o = sch.split(o, [None, deep, own_maps])
    tile_row, t_row, row = sch.split(row, [None, down, own_rows])
    tile_column, t_column, column = sch.split(column, [None, across, own_columns])
    sch.reorder(n, group, tile_row, tile_column, t_map, t_row, t_column, o, row, column)
    bind_blocks(sch, sch.fuse(n, group), tile_row, tile_column)
    bind_threads(sch, (t_map, t_row, t_column))
    for loop in (o, row, column):
        sch.unroll(loop)
    in_registers(sch, between, column)
    chunk = _sum(sch, sums, t_column, planes)
    for stage in shared:
        _fill(sch, stage, chunk, (deep, down, across))
    sch.decompose_reduction(sums, chunk)


def bind_blocks(sch: s_tir.Schedule, *loops: Any) -> None:
    """Loops over blocks, the first the longest: all become one where another is too long."""
    if any(int(sch.get(loop).extent) > MOST_BLOCKS for loop in loops[1:]):
        loops = (sch.fuse(*loops),)
    for loop, axis in zip(loops, ("blockIdx.x", "blockIdx.y", "blockIdx.z"), strict=False):
        sch.bind(loop, axis)


def bind_threads(sch: s_tir.Schedule, loops: Sequence[Any]) -> None:
    """Three loops over the threads of a block, from the outermost."""
    for loop, axis in zip(loops, ("threadIdx.z", "threadIdx.y", "threadIdx.x"), strict=True):
        sch.bind(loop, axis)


def in_registers(sch: s_tir.Schedule, stages: Sequence[Any], loop: Any) -> None:
    """Compute stages, each read by those after it, for one turn of a loop at a time."""
    for stage in reversed(stages):
        sch.set_scope(stage, 0, "local")
        sch.compute_at(stage, loop, preserve_unit_loops=True)
        kinds = [each.iter_type for each in sch.get(stage).iter_vars]
        own = sch.get_loops(stage)[-len(kinds) :] if kinds else []
        # Or the compiler would put what is indexed by a loop into memory.
        if math.prod(int(sch.get(each).extent) for each in own) <= MOST_UNROLLED:
            for each in own:
                sch.unroll(each)
        reduced = [each for each, kind in zip(own, kinds, strict=True) if kind != IterVar.DataPar]
        if reduced:
            sch.decompose_reduction(stage, reduced[0])


def _sum(sch: s_tir.Schedule, sums: Any, thread: Any, planes: int) -> Any:
    """The loop over a few planes at a time."""
    sch.set_scope(sums, 0, "local")
    sch.compute_at(sums, thread, preserve_unit_loops=True)
    *own, plane, tap_row, tap_column = sch.get_loops(sums)
    own = own[-5:]
    chunk, plane = sch.split(plane, [None, planes])
    sch.reorder(chunk, plane, tap_row, tap_column, *own)
    for loop in own:
        sch.unroll(loop)
    if int(sch.get(tap_column).extent) <= MOST_UNROLLED:
        sch.unroll(tap_column)
    return chunk


def _fill(sch: s_tir.Schedule, stage: Any, chunk: Any, threads: Sequence[int]) -> None:
    """All threads of a block together bring a stage into shared memory."""
    outer = len(sch.get_loops(stage))
    sch.set_scope(stage, 0, "shared")
    sch.compute_at(stage, chunk, preserve_unit_loops=True)
    loops = sch.get_loops(stage)[-outer:]
    _, *bound = sch.split(sch.fuse(*loops), [None, *threads])
    bind_threads(sch, bound)
