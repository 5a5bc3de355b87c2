"""Vectors of maps without a filter bank: the schedule of what is blocked.

for n, block of maps, run of pixels:            over the threads
    for pixel of the run:
        small stages[lanes] = …                 registers
        result[lanes] = …
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir

from sightline.backends.tvm.build import WITHIN
from sightline.backends.tvm.schedules.place import compute_within
from sightline.backends.tvm.schedules.spread import PARALLEL_WORK, steps

RUN = 64
"""Pixels that a thread takes at a time."""


def lay_out(sch: s_tir.Schedule, between: Sequence[Any], result: Any) -> None:
    """`between` are the stages that the result reads, in their order."""
    worth_it = steps(sch, result) >= PARALLEL_WORK
    n, block, pixel, lane = sch.get_loops(result)
    run, pixel = sch.split(pixel, [None, RUN])
    together = sch.fuse(n, block, run)
    if worth_it:
        sch.parallel(together)
    for stage in between:
        if WITHIN in sch.get(stage).annotations:
            sch.unannotate(stage, WITHIN)
    compute_within(sch, between, pixel)
    sch.vectorize(lane)
