"""Winograd's minimal filtering: the schedule of `winograd`.

for n, run, some slabs of maps:                 over the threads
    for group of planes, tile:
        mixed[4, 4, lanes] = of 4x4 pixels      in vectors, mixed down and then across
    for slab:
        for mixture [4, 4], tiles by a few:
            sums[tiles, vectors, lanes] = 0     registers
            for group of planes:
                for plane of the group:         unrolled
                    for tiles, vectors:         unrolled
                        sums[…] += mixed * weights[lanes]
            products[…] = sums
        for tile, vector:
            outputs[2, 2, lanes] = of 4x4 products
        for pixel, vector:
            result[lanes] = what is done with outputs[…]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir

from sightline.backends.tvm.dot_products import Dot
from sightline.backends.tvm.schedules.maps import in_registers
from sightline.backends.tvm.schedules.place import compute_within
from sightline.backends.tvm.schedules.spread import PARALLEL_SUMS, steps
from sightline.backends.tvm.winograd_filters import OUTPUT

MIXING, UNMIXING = 3, 2
"""Stages before the products, and after them."""

REDUCED = 2
"""Loops over planes: groups, and those of a group."""


def family(sch: s_tir.Schedule, products: Any) -> list[Any]:
    """The stages from the pixels that are mixed to the outputs, the products in their middle."""
    stages = [products]
    for _ in range(MIXING):
        stages = [sch.get_producers(stages[0])[0], *stages]
    for _ in range(UNMIXING):
        stages.append(sch.get_consumers(stages[-1])[0])
    return stages


def lay_out(
    sch: s_tir.Schedule,
    products: Any,
    between: Sequence[Any],
    result: Any,
    sizes: Sequence[int],
    dots: Sequence[Dot],
) -> None:
    """`between` are the stages that read the outputs and are read by the result, in their order."""
    vectors, terms, together, per_run = sizes
    patches, mixed_down, mixed, _, outputs_down, outputs = family(sch, products)
    worth_it = steps(sch, products) >= PARALLEL_SUMS
    lanes = int(sch.get(sch.get_loops(products)[-1 - REDUCED - (terms > 1)]).extent)
    loops = sch.get_loops(result)
    if len(loops) == 3:
        n, o, pixel = loops
        block, lane = sch.split(o, [None, lanes])
    else:
        n, block, pixel, lane = loops
    part, slab, vector = sch.split(block, [None, together, vectors])
    run, pixel = sch.split(pixel, [None, per_run])
    sch.reorder(n, run, part, slab, pixel, vector, lane)
    part = sch.fuse(n, run, part)
    if worth_it:
        sch.parallel(part)
    compute_within(sch, between, vector)
    sch.vectorize(lane)
    sch.unroll(vector)
    _unmix(sch, outputs_down, outputs, slab)
    _multiply(sch, products, slab)
    _mix(sch, patches, mixed_down, mixed, part)
    in_registers(sch, products, terms, dots)


def _unmix(sch: s_tir.Schedule, down: Any, outputs: Any, slab: Any) -> None:
    """A tile of outputs at a time, for one vector of maps."""
    sch.compute_at(outputs, slab, preserve_unit_loops=True)
    row, column, vector, lane = sch.get_loops(outputs)[-4:]
    row, i = sch.split(row, [None, OUTPUT])
    column, j = sch.split(column, [None, OUTPUT])
    sch.reorder(row, column, vector, i, j, lane)
    _unroll(sch, i, j, lane)
    sch.compute_at(down, vector, preserve_unit_loops=True)
    i, j, *_, lane = sch.get_loops(down)[-6:]
    _unroll(sch, i, j, lane)


def _multiply(sch: s_tir.Schedule, products: Any, slab: Any) -> None:
    """The sums of a few tiles stay in registers over all planes."""
    copy = sch.cache_write(products, 0, "global")
    sch.compute_at(copy, slab, preserve_unit_loops=True)
    tiles, tile, vector, lane = sch.get_loops(copy)[-4:]
    sch.unroll(tile)
    sch.unroll(vector)
    sch.vectorize(lane)
    sch.compute_at(products, tiles, preserve_unit_loops=True)


def _mix(sch: s_tir.Schedule, patches: Any, down: Any, mixed: Any, part: Any) -> None:
    """The pixels of a tile at a time, a group of planes of them."""
    sch.compute_at(mixed, part, preserve_unit_loops=True)
    i, j, group, tile, number = sch.get_loops(mixed)[-5:]
    sch.reorder(group, tile, i, j, number)
    _unroll(sch, i, j, number)
    for stage in (down, patches):
        sch.compute_at(stage, tile, preserve_unit_loops=True)
        i, j, *_, number = sch.get_loops(stage)[-5:]
        _unroll(sch, i, j, number)


def _unroll(sch: s_tir.Schedule, i: Any, j: Any, lane: Any) -> None:
    sch.unroll(i)
    sch.unroll(j)
    sch.vectorize(lane)
