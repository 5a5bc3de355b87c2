"""The schedule of what has no other: rows of numbers over the threads.

for everything but the row:            over the threads
    for what is reduced:
        for number of the row:         in vectors, as LLVM finds them
            result[…] += operand[…]
"""

from __future__ import annotations

import math
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar

PARALLEL_WORK = 1 << 14
"""Innermost steps below which a loop, some microseconds, is not worth other threads."""

PARALLEL_SUMS = 1 << 16
"""The same of multiply-adds, of which a processor does many at once."""

VECTORS = (4, 8, 16)
"""Rows that are a vector: of pixels of several maps."""


def lay_out(sch: s_tir.Schedule, block: Any, *, alone: bool = False) -> None:
    """Lay out one stage; `alone` if no other will be computed within its loops."""
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
    elif alone and outer and int(sch.get(row).extent) in VECTORS:
        sch.vectorize(row)
        outer.pop()
    if outer:
        together = sch.fuse(*outer)
        if worth_it:
            sch.parallel(together)
    if reduced:
        sch.decompose_reduction(block, reduced[0])


def steps(sch: s_tir.Schedule, block: Any) -> int:
    """How often the block runs."""
    return math.prod(int(sch.get(loop).extent) for loop in sch.get_loops(block))
