"""Small stages within the loops of the stage that reads them: they stay in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar


def compute_within(sch: s_tir.Schedule, stages: Sequence[Any], loop: Any) -> None:
    """Compute stages, each read by those after it, for one turn of a loop at a time.

    A vector's worth of numbers a turn; what a stage reduces is unrolled. Stages keep TVM's scope
    "global": in a "local" one, it would ask for memory from the heap in every turn.
    """
    for stage in reversed(stages):
        sch.compute_at(stage, loop, preserve_unit_loops=True)
        kinds = [each.iter_type for each in sch.get(stage).iter_vars]
        own = sch.get_loops(stage)[-len(kinds) :]
        kept = [each for each, kind in zip(own, kinds, strict=True) if kind == IterVar.DataPar]
        reduced = [each for each, kind in zip(own, kinds, strict=True) if kind != IterVar.DataPar]
        widest = max(kept, key=lambda each: int(sch.get(each).extent))
        others = [each for each in kept if not each.same_as(widest)]
        sch.reorder(*others, *reduced, widest)
        sch.vectorize(widest)
        for each in reduced:
            if int(sch.get(each).extent) <= MOST_UNROLLED:
                sch.unroll(each)
        if reduced:
            sch.decompose_reduction(stage, reduced[0])


MOST_UNROLLED = 16
"""The longest loop that is written out."""
