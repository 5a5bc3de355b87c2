"""Schedules: how the stages of a kernel run on the threads and vectors of a processor."""

from __future__ import annotations

import math
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar

from sightline.backends.tvm.build import TILE, WITHIN

PARALLEL_WORK = 1 << 16
"""Innermost steps below which waking the other threads takes longer than doing it alone."""

PARALLEL_PARTS = 64
"""Parts that are enough to keep the threads equally busy."""

UNROLLED_TAPS = 11
"""The widest kernel whose row of taps is written out."""


def schedule(sch: s_tir.Schedule) -> None:
    """Give every stage of the function its loops."""
    served: list[Any] = []
    # From the last to the first, so that a stage finds those who read it where they will stay.
    for block in reversed(sch.get_child_blocks(sch.get_sblock("root"))):
        marks = sch.get(block).annotations
        if WITHIN in marks:
            sch.unannotate(block, WITHIN)
            if served:
                sch.set_scope(block, 0, "local")
                sch.compute_at(block, served[-1], preserve_unit_loops=True)
            continue
        if TILE in marks:
            sch.unannotate(block, TILE)
            [consumer] = sch.get_consumers(block)
            tile_bank(sch, block, consumer, [int(size) for size in marks[TILE]])
        elif not any(TILE in sch.get(source).annotations for source in sch.get_producers(block)):
            spread(sch, block)
        served = sch.get_loops(block)


def spread(sch: s_tir.Schedule, block: Any) -> None:
    """Outer loops over the threads, the innermost one to LLVM's vectorizer.

    A reduction runs between the two: it adds whole rows to a row.
    """
    loops = sch.get_loops(block)
    if not loops:
        return
    kinds = [iteration.iter_type for iteration in sch.get(block).iter_vars]
    outer = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == IterVar.DataPar]
    reduced = [loop for loop, kind in zip(loops, kinds, strict=True) if kind != IterVar.DataPar]
    if not outer:
        return
    row = outer.pop()
    worth_it = steps(sch, block) >= PARALLEL_WORK
    if reduced:
        sch.reorder(*outer, *reduced, row)
    if outer:
        together = sch.fuse(*outer)
        if worth_it:
            sch.parallel(together)
    if reduced:
        sch.decompose_reduction(block, reduced[0])


def steps(sch: s_tir.Schedule, block: Any) -> int:
    """How often the block runs."""
    return math.prod(int(sch.get(loop).extent) for loop in sch.get_loops(block))


def tile_bank(sch: s_tir.Schedule, sums: Any, bank: Any, sizes: list[int]) -> None:
    """Lay out `filters.conv`: tiles of sums in registers, written out with their bias.

    for n, block, row, column tile, map tile:      over the threads
        sums[maps, rows, vectors, lanes] = 0
        for plane, tap:
            for maps, rows, vectors:               unrolled, in registers
                sums[…] += pixels[lanes] * weight
        for maps, rows, columns:
            bank[…] = sums[…] + bias
    """
    maps, tile_maps, tile_rows, vectors, lanes = sizes
    worth_it = steps(sch, sums) >= PARALLEL_WORK
    n, o, *rows, column = sch.get_loops(bank)
    block, o = sch.split(o, [None, maps])
    map_tile, o = sch.split(o, [None, tile_maps])
    column_tile, column = sch.split(column, [None, vectors * lanes])
    inner = [o, column]
    if rows:
        rows[-1], row = sch.split(rows[-1], [None, tile_rows])
        inner.insert(1, row)
    sch.reorder(n, block, *rows, column_tile, map_tile, *inner)
    together = sch.fuse(n, block, *rows)
    for loop in (column_tile, map_tile):
        if int(sch.get(together).extent) < PARALLEL_PARTS:
            together = sch.fuse(together, loop)
    if worth_it:
        sch.parallel(together)

    sch.set_scope(sums, 0, "local")
    sch.compute_at(sums, sch.get_loops(bank)[-len(inner) - 1], preserve_unit_loops=True)
    rank = len(rows) + 1
    own = sch.get_loops(sums)[-(1 + rank + 1 + rank) :]
    sum_map, *above, sum_column = own[: 1 + rank]
    reduced = own[1 + rank :]
    vector, lane = sch.split(sum_column, [vectors, lanes])
    sch.reorder(*reduced, sum_map, *above, vector, lane)
    for loop in (sum_map, *above, vector):
        sch.unroll(loop)
    sch.vectorize(lane)
    if int(sch.get(reduced[-1]).extent) <= UNROLLED_TAPS:
        sch.unroll(reduced[-1])
    sch.decompose_reduction(sums, reduced[0])
