"""Direct convolution in registers, vectors of pixels: the schedule of `lanes_of_pixels`.

for n, block, rows, column tile, map tile:      over the threads
    sums[maps, rows, vectors, lanes] = 0        registers
    for plane, tap:
        for maps, rows, vectors:                unrolled
            sums[…] += pixels[lanes] * weight   pixels and weights from the first cache
    for maps, rows, columns:
        result[…] = what is done with sums[…]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir

from sightline.backends.tvm.schedules.place import compute_within
from sightline.backends.tvm.schedules.spread import PARALLEL_SUMS, steps

PARALLEL_PARTS = 64
"""Parts that are enough to keep the threads equally busy."""

UNROLLED_TAPS = 11
"""The widest kernel whose row of taps is written out."""


def lay_out(
    sch: s_tir.Schedule, sums: Any, between: Sequence[Any], result: Any, sizes: Sequence[int]
) -> None:
    """`between` are the stages that read the sums and are read by the result, in their order."""
    maps, tile_maps, tile_rows, vectors, lanes, tall, wide = sizes
    worth_it = steps(sch, sums) >= PARALLEL_SUMS
    n, o, *rows, column = sch.get_loops(result)
    block, o = sch.split(o, [None, maps])
    map_tile, o = sch.split(o, [None, tile_maps])
    column_tile, column = sch.split(column, [None, vectors * lanes // wide])
    inner = [o, column]
    if rows:
        rows[-1], row = sch.split(rows[-1], [None, tile_rows // tall])
        inner.insert(1, row)
    sch.reorder(n, block, *rows, column_tile, map_tile, *inner)
    together = sch.fuse(n, block, *rows)
    for loop in (column_tile, map_tile):
        if int(sch.get(together).extent) < PARALLEL_PARTS:
            together = sch.fuse(together, loop)
    if worth_it:
        sch.parallel(together)

    compute_within(sch, between, inner[-2])
    sch.set_scope(sums, 0, "local")
    sch.compute_at(sums, sch.get_loops(result)[-len(inner) - 1], preserve_unit_loops=True)
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
