"""How the stages of a kernel run on the threads and vectors of a processor.

One file for each way, whose docstring draws the loops; this one says which stage takes which.
"""

from __future__ import annotations

from typing import Any

from tvm import s_tir

from sightline.backends.tvm.build import (
    EACH,
    MAP_TILE,
    MIXED_TILE,
    PIXEL_TILE,
    WITHIN,
    Build,
    Machine,
)
from sightline.backends.tvm.schedules import maps, mixed, pixels, rows, spread

[EACH_MARK] = EACH

TILES = (MAP_TILE, PIXEL_TILE, MIXED_TILE)
"""The marks of the sums of filter banks."""


def schedule(sch: s_tir.Schedule, build: Build) -> None:
    """Give every stage of the function its loops."""
    stages = sch.get_child_blocks(sch.get_sblock("root"))
    kept = []
    for stage in stages:
        if EACH_MARK in sch.get(stage).annotations:
            sch.unannotate(stage, EACH_MARK)
            if stage is not stages[-1]:
                sch.compute_inline(stage)
                continue
        kept.append(stage)
    tiled = [stage for stage in kept if _tile(sch, stage)]
    if len(tiled) == 1:
        _with_bank(sch, kept, tiled[0], build.machine)
    elif build.layout.lanes:
        rows.lay_out(sch, kept[:-1], kept[-1])
    else:
        _one_by_one(sch, kept, build.machine)


def _tile(sch: s_tir.Schedule, stage: Any) -> str:
    """The mark of a filter bank's sums, if a stage has one."""
    marks = sch.get(stage).annotations
    return next((mark for mark in TILES if mark in marks), "")


def _with_bank(sch: s_tir.Schedule, stages: list[Any], sums: Any, machine: Machine) -> None:
    """What comes before the sums by itself, what comes after them tile by tile."""
    mark = _tile(sch, sums)
    sizes = [int(size) for size in sch.get(sums).annotations[mark]]
    sch.unannotate(sums, mark)
    own = mixed.family(sch, sums) if mark == MIXED_TILE else [sums]
    after = {_name(sch, stage) for stage in own}
    before: list[Any] = []
    between: list[Any] = []
    for stage in stages[:-1]:
        if _name(sch, stage) in after:
            continue
        # What names an operand is read behind the sums, though it does not read them.
        is_within = _unmark(sch, stage)
        if is_within or any(_name(sch, each) in after for each in sch.get_producers(stage)):
            between.append(stage)
            after.add(_name(sch, stage))
        else:
            before.append(stage)
    result = stages[-1]
    if mark == MAP_TILE:
        maps.lay_out(sch, sums, between, result, sizes, machine.dots)
    elif mark == MIXED_TILE:
        mixed.lay_out(sch, sums, between, result, sizes, machine.dots)
    else:
        pixels.lay_out(sch, sums, between, result, sizes, machine.dots)
    for stage in before:
        spread.lay_out(sch, stage, alone=True)


def _one_by_one(sch: s_tir.Schedule, stages: list[Any], machine: Machine) -> None:
    """From the last to the first, so that a stage finds those who read it where they will stay."""
    homes: dict[str, list[Any]] = {}
    for stage in reversed(stages):
        mark = _tile(sch, stage)
        if _unmark(sch, stage):
            # All who read it are in the loops of one stage.
            reader = sch.get_consumers(stage)[0]
            home = homes[_name(sch, reader)]
            sch.compute_at(stage, home[-1], preserve_unit_loops=True)
            homes[_name(sch, stage)] = home
            continue
        if mark:
            sizes = [int(size) for size in sch.get(stage).annotations[mark]]
            sch.unannotate(stage, mark)
            [consumer] = sch.get_consumers(stage)
            pixels.lay_out(sch, stage, [], consumer, sizes, machine.dots)
            continue
        if not any(_tile(sch, source) for source in sch.get_producers(stage)):
            spread.lay_out(sch, stage)
        homes[_name(sch, stage)] = sch.get_loops(stage)


def _name(sch: s_tir.Schedule, stage: Any) -> str:
    return str(sch.get(stage).name_hint)


def _unmark(sch: s_tir.Schedule, stage: Any) -> bool:
    """Whether a stage is of one number at a time; the mark is gone then."""
    is_within = WITHIN in sch.get(stage).annotations
    if is_within:
        sch.unannotate(stage, WITHIN)
    return is_within
