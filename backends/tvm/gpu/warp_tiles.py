"""Filter banks on tensor cores: the schedule of `matrix_bank`.

for tile:                                           a block
    for warp's maps, row, column:                   a warp
        for column g of windows, two maps t:        a thread
            sums[own maps, rows, windows] = 0       registers
            for planes by a few:
                numbers of its planes = …           registers, if a table has them
                pixels = …                          shared memory, by all threads together
                for row of taps:
                    sums[…] += pixels * taps        tensor cores, by the warp
            for own maps, windows:                  unrolled
                result[…] = what is done with sums[…]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import ir, s_tir, tirx
from tvm.s_tir import SBlockRealize
from tvm.tirx import IterVar
from tvm_ffi.structural import structural_map

from sightline.backends.tvm.gpu.block_tiles import bind_blocks, bind_threads, in_registers
from sightline.backends.tvm.gpu.matrix_tiles import COLUMNS, HALVES
from sightline.backends.tvm.gpu.tensor_cores import Product, tensor_intrinsic

FAR = 1 << 12
"""More numbers than lie between two pixels."""

PLACES, OWN = 10, 6
"""Axes of the sums that say which thread has them, and those of a thread's own."""


def lay_out(
    sch: s_tir.Schedule,
    shared: Sequence[Any],
    sums: Any,
    between: Sequence[Any],
    result: Any,
    sizes: Sequence[int],
) -> None:
    """`between` are the stages that read the sums and are read by the result, in their order."""
    outer, deep, down, across, own_maps, own_rows, tall, wide, pitch = sizes[:9]
    _, columns, *strides, _, dilation = sizes[9:]
    n, o, row, column = sch.get_loops(result)
    group, w_map, t, o = _split(sch, o, [outer, deep, 4, 2 * own_maps])
    tile_row, w_row, row = _split(sch, row, [None, down, HALVES * own_rows])
    tile_column, w_column, g = _split(sch, column, [None, across, COLUMNS])
    warps = (w_map, w_row, w_column)
    sch.reorder(n, group, tile_row, tile_column, *warps, g, t, o, row)
    bind_blocks(sch, sch.fuse(n, group), tile_row, tile_column)
    bind_threads(sch, (sch.fuse(*warps), g, t))
    for loop in (o, row):
        sch.unroll(loop)
    in_registers(sch, between, row)
    for stage in between:
        _unasked(sch, stage)
    chunk, inner = _sum(sch, sums, t)
    *numbers, pixels = shared
    threads = (deep * down * across, COLUMNS, 4)
    dtypes = [str(region.source.dtype) for region in _operands(sch, pixels, sums)]
    planes = _fill_pixels(sch, pixels, numbers, chunk, threads, pitch)
    init = sch.decompose_reduction(sums, chunk)
    for loop in sch.get_loops(init)[-OWN:]:
        sch.unroll(loop)
    product = Product(
        (own_maps, own_rows),
        (tall, wide),
        tuple(strides),
        columns,
        dilation,
        planes,
        (dtypes[0], dtypes[1], dtypes[2]),
    )
    sch.tensorize(inner, tensor_intrinsic(product))


def _split(sch: s_tir.Schedule, loop: Any, sizes: Sequence[int | None]) -> list[Any]:
    """A loop over whole tiles: `within` says later what lies beyond the end."""
    outer, *inner = sizes
    needed = -(-int(sch.get(loop).extent) // math.prod(size or 1 for size in inner))
    return list(sch.split(loop, [outer or needed, *inner], disable_predication=True))


def _unasked(sch: s_tir.Schedule, stage: Any) -> None:
    """Forget whether a stage's numbers exist: `within` asks it again, when all else is done."""
    innermost = sch.get_loops(stage)[-1]
    loop = sch.get(innermost)
    realize = SBlockRealize(loop.body.iter_values, True, loop.body.block)
    anew = tirx.For(
        loop.loop_var,
        loop.min,
        loop.extent,
        loop.kind,
        realize,
        loop.thread_binding,
        loop.annotations,
    )
    sch.state.replace(sch.get_sref(innermost), anew)


def within(function: Any) -> Any:
    """The function with each of its stages' numbers computed if they exist.

    TVM would ask that by itself, but then also of the sums, where all lanes are needed. And sums
    are a thread's own: where its tile and its place in that are is taken out of their indices.
    """

    def load(old: Any) -> Any:
        return tirx.BufferLoad(old.source, _own(old.source, old.indices, 0))

    def store(old: Any) -> Any:
        return tirx.BufferStore(old.buffer, old.value, _own(old.buffer, old.indices, 0))

    def region(old: Any) -> Any:
        return tirx.BufferRegion(old.source, _own(old.source, old.region, ir.Range(0, 1)))

    changes = (
        (SBlockRealize, _asked),
        (ir.TensorLoad, load),
        (tirx.BufferStore, store),
        (ir.TensorRegion, region),
    )
    return structural_map(function, changes)


def _asked(realize: Any) -> Any:
    stage = realize.block
    questions = [
        value < var.dom.extent
        for var, value in zip(stage.iter_vars, realize.iter_values, strict=True)
        if var.iter_type == IterVar.DataPar
    ]
    written = [region.source for region in stage.writes]
    if not questions or any(_is_sums(each) or each.scope() == "shared" for each in written):
        return realize
    predicate = tirx.all(realize.predicate, *questions)
    return SBlockRealize(realize.iter_values, predicate, stage, realize.span)


def _own(buffer: Any, places: Sequence[Any], first: Any) -> list[Any]:
    return [first] * PLACES + list(places[PLACES:]) if _is_sums(buffer) else list(places)


def _is_sums(buffer: Any) -> bool:
    return str(buffer.name).startswith("sums") and len(buffer.shape) == PLACES + OWN


def _sum(sch: s_tir.Schedule, sums: Any, thread: Any) -> tuple[Any, Any]:
    """The loop over chunks of planes, and the outermost of a product."""
    sch.set_scope(sums, 0, "local")
    sch.compute_at(sums, thread, preserve_unit_loops=True)
    *own, chunk, tap_row, tap_column, k = sch.get_loops(sums)
    inner = [loop for loop in (*own[-OWN:], tap_column, k) if int(sch.get(loop).extent) > 1]
    # An instruction is told of no loop that has but one turn.
    alone = [[loop for loop in few if loop not in inner] for few in (own[-OWN:], (tap_column, k))]
    sch.reorder(*alone[0], chunk, tap_row, *alone[1], *inner)
    return chunk, inner[0]


def _fill_pixels(
    sch: s_tir.Schedule,
    stage: Any,
    numbers: Sequence[Any],
    chunk: Any,
    threads: Sequence[int],
    pitch: int,
) -> int:
    """Four threads side by side bring planes, eight columns: each a word of the memory at least.

    `numbers` is the stage that says which planes, if there is one.
    """
    sch.set_scope(stage, 0, "shared")
    sch.compute_at(stage, chunk, preserve_unit_loops=True)
    row, column, plane = sch.get_loops(stage)[-3:]
    planes = int(sch.get(plane).extent)
    if pitch != planes:
        sch.storage_align(stage, 0, -2, FAR, pitch)
    word = 4 // np.dtype(str(sch.get(stage).writes[0].source.dtype)).itemsize
    warps, tall, wide = threads
    if planes % (wide * word):
        for each in numbers:
            sch.compute_inline(each)
        sch.reorder(plane, row, column)
        _, *bound = sch.split(sch.fuse(plane, row, column), [None, *threads])
    else:
        plane, t, word_loop = sch.split(plane, [None, wide, word])
        column, g = sch.split(column, [None, tall])
        sch.unroll(word_loop)
        if numbers:
            sch.reorder(g, t, plane, row, column, word_loop)
            in_registers(sch, numbers, plane)
            _, warp = sch.split(sch.fuse(row, column), [None, warps])
        else:
            sch.reorder(row, column, plane, g, t, word_loop)
            _, warp = sch.split(sch.fuse(row, column, plane), [None, warps])
        bound = [warp, g, t]
    bind_threads(sch, bound)
    return planes


def _operands(sch: s_tir.Schedule, pixels: Any, sums: Any) -> Sequence[Any]:
    """What a product reads and writes: pixels, taps, sums."""
    written, stage = sch.get(pixels).writes[0], sch.get(sums)
    [taps] = (each for each in stage.reads if not each.source.same_as(written.source))
    return written, taps, stage.writes[0]
