"""Direct convolution in registers, vectors of pixels: the schedule of `lanes_of_pixels`.

for n, block, rows, column tile, map tile:      over the threads
    sums[maps, rows, vectors, lanes] = 0        registers
    for plane, tap (of integers two or four):
        for maps, rows, vectors:                unrolled
            sums[…] += pixels[lanes] * weight   pixels and weights from the first cache
    for maps, rows, columns:
        result[…] = what is done with sums[…]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir

from sightline.backends.tvm.dot_products import Dot, of_terms, tensor_intrinsic
from sightline.backends.tvm.schedules.place import compute_within
from sightline.backends.tvm.schedules.spread import PARALLEL_SUMS, steps

PARALLEL_PARTS = 64
"""Parts that are enough to keep the threads equally busy."""

UNROLLED_TAPS = 11
"""The widest kernel whose row of taps is written out."""


def lay_out(
    sch: s_tir.Schedule,
    sums: Any,
    between: Sequence[Any],
    result: Any,
    sizes: Sequence[int],
    dots: Sequence[Dot],
) -> None:
    """`between` are the stages that read the sums and are read by the result, in their order."""
    maps, tile_maps, tile_rows, vectors, lanes, tall, wide, terms = sizes
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
    sch.compute_at(sums, sch.get_loops(result)[-len(inner) - 1], preserve_unit_loops=True)
    intrinsic = tensor_intrinsic(of_terms(dots, terms), lanes, "weights") if terms > 1 else ""
    _in_registers(sch, sums, len(rows) + 1, vectors, lanes, intrinsic)


def _in_registers(
    sch: s_tir.Schedule, sums: Any, rank: int, vectors: int, lanes: int, intrinsic: str
) -> None:
    own = sch.get_loops(sums)
    reduced = own[-(1 + rank + bool(intrinsic)) :]
    sum_map, *above, sum_column = own[-(len(reduced) + 1 + rank) : -len(reduced)]
    term = [reduced.pop()] if intrinsic else []
    vector, lane = sch.split(sum_column, [vectors, lanes])
    sch.reorder(*reduced, sum_map, *above, vector, lane, *term)
    for loop in (sum_map, *above, vector):
        sch.unroll(loop)
    if int(sch.get(reduced[-1]).extent) <= UNROLLED_TAPS:
        sch.unroll(reduced[-1])
    if not intrinsic:
        sch.vectorize(lane)
        sch.decompose_reduction(sums, reduced[0])
    else:
        start = sch.decompose_reduction(sums, reduced[0])
        sch.vectorize(sch.get_loops(start)[-1])
        _hide_tables(sch, sums)
        sch.tensorize(sch.get_loops(sums)[-2], intrinsic)


def _hide_tables(sch: s_tir.Schedule, sums: Any) -> None:
    """Which plane is read is asked of tables; the instruction's description knows only numbers."""
    reads = sch.get(sums).reads
    asked = [at for at, region in enumerate(reads) if str(region.source.name).startswith("table")]
    if asked:
        sch.unsafe_hide_buffer_access(sums, "read", asked)
