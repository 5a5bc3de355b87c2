"""Direct convolution in registers, vectors of maps: the schedule of `lanes_of_maps`.

    for n, run of tiles, vectors of maps:           over the threads
        for tile of pixels:
            sums[pixels, vectors, lanes] = 0        registers
            for group of planes, tap:
                for plane of the group:             unrolled
                    for pixels, vectors:            unrolled
                        sums[…] += pixel * weights[lanes]
            for pixels, vectors:
                result[lanes] = what is done with sums[…]

A run of tiles is as long as its pixels stay in the second cache while one slab of weights after
another, a stream, passes over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar

from sightline.backends.tvm.dot_products import Dot, of_terms, tensor_intrinsic
from sightline.backends.tvm.schedules.place import compute_within
from sightline.backends.tvm.schedules.spread import PARALLEL_SUMS, steps


def lay_out(
    sch: s_tir.Schedule,
    sums: Any,
    between: Sequence[Any],
    result: Any,
    sizes: Sequence[int],
    dots: Sequence[Dot],
) -> None:
    """`between` are the stages that read the sums and are read by the result, in their order."""
    vectors, pixels, terms, run = sizes
    worth_it = steps(sch, sums) >= PARALLEL_SUMS
    lanes = int(sch.get(sch.get_loops(sums)[6]).extent)
    loops = sch.get_loops(result)
    if len(loops) == 3:
        n, o, pixel = loops
        block, lane = sch.split(o, [None, lanes])
    else:
        n, block, pixel, lane = loops
    slab, vector = sch.split(block, [None, vectors])
    outer, tile, pixel = sch.split(pixel, [None, run, pixels])
    sch.reorder(n, outer, slab, tile, pixel, vector, lane)
    together = sch.fuse(n, outer, slab)
    if worth_it:
        sch.parallel(together)

    compute_within(sch, between, vector)
    sch.compute_at(sums, tile, preserve_unit_loops=True)
    in_registers(sch, sums, terms, dots)
    sch.vectorize(lane)
    sch.unroll(vector)


def in_registers(sch: s_tir.Schedule, sums: Any, terms: int, dots: Sequence[Dot]) -> None:
    """All that is reduced of a tile, whose loops are within those of the schedule."""
    kinds = [each.iter_type for each in sch.get(sums).iter_vars]
    own = sch.get_loops(sums)[-len(kinds) :]
    reduced = [loop for loop, kind in zip(own, kinds, strict=True) if kind != IterVar.DataPar]
    term = reduced.pop() if terms > 1 else None
    *_, pixel, cell, vector, lane = own[: len(kinds) - len(reduced) - (terms > 1)]
    sch.reorder(*reduced, pixel, cell, vector, lane, *([term] if term is not None else []))
    for loop in (pixel, cell, vector, reduced[-1]):
        sch.unroll(loop)
    if term is None:
        sch.vectorize(lane)
        sch.decompose_reduction(sums, reduced[0])
    else:
        lanes = int(sch.get(lane).extent)
        start = sch.decompose_reduction(sums, reduced[0])
        sch.vectorize(sch.get_loops(start)[-1])
        sch.tensorize(
            sch.get_loops(sums)[-2], tensor_intrinsic(of_terms(dots, terms), lanes, "pixels")
        )
