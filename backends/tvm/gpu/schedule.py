"""How the stages of a function run on the threads of a GPU.

A stage that lies in the device's memory is a kernel of its own:

    for up to 256 numbers:              a block
        for number:                     a thread
            small stages = …            registers
            sum = 0; for what is reduced: sum += …
            stage[number] = sum

The kernels of filter banks are drawn in `block_tiles.py` and `warp_tiles.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import s_tir
from tvm.tirx import IterVar

from sightline.backends.tvm.build import BLOCK_TILE, EACH, MATRIX_TILE, SHARED, WITHIN
from sightline.backends.tvm.gpu import block_tiles, warp_tiles

[EACH_MARK] = EACH
[SHARED_MARK] = SHARED

LAYOUTS = {BLOCK_TILE: block_tiles.lay_out, MATRIX_TILE: warp_tiles.lay_out}
"""How filter banks run, by the marks of their sums."""

THREADS = 256


def schedule(sch: s_tir.Schedule, kept: Sequence[str]) -> Any:
    """Give every stage its threads; `kept` are the stages that lie in the device's memory.

    Returns the function that the schedule makes of the one it is of.
    """
    by_warps = False
    stages: list[Any] = []
    for stage in sch.get_child_blocks(sch.get_sblock("root")):
        marks = sch.get(stage).annotations
        by_warps |= MATRIX_TILE in marks
        is_kept = _written(sch, stage) in kept
        if EACH_MARK in marks:
            sch.unannotate(stage, EACH_MARK)
        if not is_kept and _is_inlined(sch, stage, marks):
            sch.compute_inline(stage)
        else:
            stages.append(stage)
    served: list[Any] = []
    for stage in stages:
        served.append(stage)
        if _written(sch, stage) in kept:
            _kernel(sch, served[:-1], stage)
            served = []
    [function] = sch.mod.functions.values()
    return warp_tiles.within(function) if by_warps else function


def is_inlined(name: str, marks: Any) -> bool:
    """Whether a stage is computed wherever it is read: threads ask what lies outside."""
    return EACH_MARK in marks or name.startswith("padded")


def _is_inlined(sch: s_tir.Schedule, stage: Any, marks: Any) -> bool:
    return is_inlined(str(sch.get(stage).name_hint), marks)


def _written(sch: s_tir.Schedule, stage: Any) -> str:
    return str(sch.get(stage).writes[0].source.name)


def _kernel(sch: s_tir.Schedule, served: Sequence[Any], stage: Any) -> None:
    """A stage with those before it that its threads compute for themselves."""
    shared, tiled, small = [], [], []
    for each in served:
        marks = sch.get(each).annotations
        if SHARED_MARK in marks:
            sch.unannotate(each, SHARED_MARK)
            shared.append(each)
        elif any(mark in marks for mark in LAYOUTS):
            tiled.append(each)
        else:
            if WITHIN in marks:
                sch.unannotate(each, WITHIN)
            small.append(each)
    if WITHIN in sch.get(stage).annotations:
        sch.unannotate(stage, WITHIN)
    if tiled:
        [sums] = tiled
        mark = next(each for each in LAYOUTS if each in sch.get(sums).annotations)
        sizes = [int(size) for size in sch.get(sums).annotations[mark]]
        sch.unannotate(sums, mark)
        LAYOUTS[mark](sch, shared, sums, small, stage, sizes)
    else:
        _number_by_number(sch, small, stage)


def _number_by_number(sch: s_tir.Schedule, small: Sequence[Any], stage: Any) -> None:
    kinds = [each.iter_type for each in sch.get(stage).iter_vars]
    sums = [number for number, kind in enumerate(kinds) if kind != IterVar.DataPar]
    copy = sch.cache_write(stage, 0, "local") if sums else None
    loops = sch.get_loops(stage)
    reduced = [loops[number] for number in sums]
    own = [loop for number, loop in enumerate(loops) if number not in sums]
    if not own:
        own = [sch.add_unit_loop(loops[0] if loops else stage)]
    sch.reorder(*own, *reduced)
    blocks, threads = _parted(sch, own)
    thread = sch.fuse(*threads)
    sch.bind(sch.fuse(*blocks), "blockIdx.x")
    sch.bind(thread, "threadIdx.x")
    if copy is not None:
        sch.reverse_compute_at(copy, thread, preserve_unit_loops=True)
        sch.decompose_reduction(stage, reduced[0])
    block_tiles.in_registers(sch, small, thread)


def _parted(sch: s_tir.Schedule, loops: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Loops over blocks, and inner loops whose turns are the threads of one.

    At most one loop is split. Were they fused, and the whole split, places would be remainders that
    TVM's proofs do not see through.
    """
    outer, threads, room = list(loops), list[Any](), THREADS
    while outer and int(sch.get(outer[-1]).extent) <= room:
        threads.insert(0, outer.pop())
        room //= int(sch.get(threads[0]).extent)
    if outer and room > 1:
        parts = -(-int(sch.get(outer[-1]).extent) // room)
        part, inner = sch.split(outer.pop(), [parts, None])
        outer.append(part)
        threads.insert(0, inner)
    if not outer:
        outer = [sch.add_unit_loop(threads[0])]
    return outer, threads
