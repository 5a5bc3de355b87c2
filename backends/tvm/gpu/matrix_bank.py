"""Filter banks as products of matrices on tensor cores, through the shared memory of a block.

    pixels  [N, block of the table, tile row, tile column, chunk of planes, row, column, plane]
    taps    [block of the table, tile map, chunk, row of taps, map, column of taps and plane], said
            to be; within a warp's maps, in the order of `folder/tensor_cores.cu`
    sums    [N, block, tile map, tile row, tile column, warp's map, row, column, g, t,
             8 maps, row, row and column of the window that is pooled, half of the rows, map of two]

A window's pixels under a row of taps lie one right behind the other, planes innermost: the rows of
a matrix that nobody writes out. `tensor_cores` has the instruction, `schedule` the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.banks import Bank, banks, planes
from sightline.backends.tvm.build import (
    EACH,
    MATRIX_TILE,
    SHARED,
    Build,
    Expr,
    Tensor,
    dtype_of,
    guarded,
    parted,
    shape_of,
)
from sightline.backends.tvm.gpu.matrix_tiles import (
    COLUMNS,
    HALVES,
    MAPS,
    MatrixTile,
    choose_matrix_tile,
)
from sightline.backends.tvm.layout import Gather
from sightline.backends.tvm.pooling import seen
from sightline.ir.constant import Constant
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Block, Table
from sightline.ir.types import Array, Shape
from sightline.ir.window import Window

MULTIPLIED = {"float32": "float16", "int8": "int8", "uint8": "uint8"}
"""What tensor cores take of pixels that lie in memory as these."""

SUMS = {"float16": "float32", "int8": "int32", "uint8": "int32"}


@dataclass(frozen=True)
class MatrixChoice:
    """A bank, or a whole table whose maps see all planes, in tiles; the cycles that this takes."""

    cycles: float
    part: Bank
    tile: MatrixTile
    is_whole: bool


def choose(
    op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor, sums: str
) -> MatrixChoice | None:
    """The best way to have tensor cores do it, if they can."""
    multiplied = MULTIPLIED.get(dtype_of(x), "")
    operand = build.read_as(weights)
    if (
        dtype_of(x) not in build.machine.tensor_cores
        or dtype_of(weights) not in ("float32", "int8")
        or SUMS[multiplied] != sums
        or op.window.rank != 2
        or operand is None
        or not operand.is_constant
        or operand.readers != 1
    ):
        return None
    batch, _, *above = shape_of(x)
    spatial = op.window.slide(tuple(above))
    width = np.dtype(multiplied).itemsize
    whole = Bank((Block(0, op.table.maps, tuple(range(op.table.channels)), 0),))
    parts = banks(op.table)
    found = []
    for part in [whole, *(parts if len(parts) == 1 else [])]:
        pooled = build.pooled[0], build.pooled[1]
        best = choose_matrix_tile(
            part.maps_per_block,
            len(part.blocks),
            batch,
            spatial,
            op.window,
            part.fan_in,
            pooled,
            width,
            build.choice.rank,
        )
        if best is not None:
            found.append(MatrixChoice(best[0], part, best[1], part is whole))
    return min(found, key=lambda each: each.cycles, default=None)


def bank(
    op: Conv | IntegerConv,
    build: Build,
    choice: MatrixChoice,
    x: Tensor,
    weights: Tensor,
    fill: Expr,
) -> Tensor:
    """The sums, under the shape of the graph."""
    batch, _, *above = shape_of(x)
    shape = (batch, op.table.maps, *op.window.slide(tuple(above)))
    multiplied = MULTIPLIED[dtype_of(x)]
    part, tile = choice.part, choice.tile
    plane = _planes(op.table, build, choice)
    weights_as = "float16" if multiplied == "float16" else "int8"
    slots = _slots(op.table, op.window, part, tile, np.dtype(multiplied).itemsize)
    taps = build.packed(weights, Gather(Constant(slots), weights_as))
    pixels = _pixels(op.window, part, plane, tile, shape, x, fill, multiplied)
    return _summed(op.window, part, tile, shape, pixels, taps)


def _planes(table: Table, build: Build, choice: MatrixChoice) -> Callable[[Expr, Expr], Expr]:
    """(block, number of the plane) -> input plane: beyond the last, the last.

    Those from a table are a stage: a thread reads its own once, and then all of its pixels.
    """
    part, tile = choice.part, choice.tile
    seen = _every if choice.is_whole else planes(table, build, part)
    chunks = -(-part.fan_in // tile.planes)

    def plane(block: Expr, number: Expr) -> Expr:
        is_beyond = chunks * tile.planes > part.fan_in
        return seen(block, tirx.min(number, part.fan_in - 1) if is_beyond else number)

    if choice.is_whole or table.groups is not None:
        return plane
    numbers = te.compute((len(part.blocks), chunks * tile.planes), plane, "planes", attrs=SHARED)
    return lambda block, number: numbers(block, number)


def _every(block: Expr, number: Expr) -> Expr:
    return number


def _slots(table: Table, window: Window, part: Bank, tile: MatrixTile, bytes_each: int) -> Array:
    """Which weight, counted from 1, is where in `taps`; 0 where there is none.

    A thread's maps are neighbours: of map 8 m + 2 t + j of the tile, the map of the bank is
    2 t M + 2 m + j with M products in a warp.
    """
    pair_of = np.full((table.maps, table.channels), -1)
    for block in table.blocks():
        pairs = np.arange(block.pairs.start, block.pairs.stop).reshape(block.maps, -1)
        pair_of[block.first : block.last, list(block.inputs)] = pairs
    groups, chunks = -(-part.maps_per_block // tile.maps), -(-part.fan_in // tile.planes)
    rows, columns = window.kernel
    kernels = np.full((len(part.blocks), groups * tile.maps, chunks * tile.planes), -1)
    for number, block in enumerate(part.blocks):
        own = pair_of[block.first : block.last][:, list(block.inputs)]
        kernels[number, : block.maps, : len(block.inputs)] = own
    own_maps = tile.own[0]
    kernels = kernels.reshape(-1, groups, tile.warps[0], 4, own_maps, 2, chunks, tile.planes)
    kernels = kernels.transpose(0, 1, 6, 2, 4, 3, 5, 7)
    kernels = kernels.reshape(len(part.blocks), groups, chunks, 1, tile.maps, 1, tile.planes)
    taps = np.arange(window.taps).reshape(rows, 1, columns, 1)
    slots = np.where(kernels < 0, 0, kernels * window.taps + taps + 1)
    whole = (len(part.blocks), groups, chunks, rows, tile.maps, columns * tile.planes)
    more = tile.length(window, bytes_each) - whole[-1]
    slots = np.pad(slots.reshape(whole), [(0, 0)] * 5 + [(0, more)])
    return _as_read(slots, tile, 4 // bytes_each).astype(np.int32)


def _as_read(slots: Array, tile: MatrixTile, word: int) -> Array:
    """A warp's maps in the order of its lanes: [step, 8 maps, lane, half of the step, number]."""
    parts = (tile.warps[0], tile.own[0], MAPS, -1, 2, 4, word)
    lanes = slots.reshape(*slots.shape[:4], *parts)
    return lanes.transpose(0, 1, 2, 3, 4, 7, 5, 6, 9, 8, 10).reshape(slots.shape)


def _pixels(
    window: Window,
    part: Bank,
    plane: Callable[[Expr, Expr], Expr],
    tile: MatrixTile,
    shape: Shape,
    x: Tensor,
    fill: Expr,
    multiplied: str,
) -> Tensor:
    batch, _, rows, columns = shape
    tiles = (-(-rows // tile.rows), -(-columns // tile.columns))
    chunks = -(-part.fan_in // tile.planes)
    steps = (tile.rows * window.strides[0], tile.columns * window.strides[1])

    def pixel(
        n: Expr, block: Expr, y: Expr, z: Expr, chunk: Expr, i: Expr, j: Expr, k: Expr
    ) -> Expr:
        at = (y * steps[0] + i - window.pads[0], z * steps[1] + j - window.pads[1])
        number = chunk * tile.planes + k
        if chunks * tile.planes == part.fan_in:
            return guarded(x, (n, plane(block, number), *at), fill).astype(multiplied)
        one = guarded(x, (n, plane(block, number), *at), fill)
        there = tirx.if_then_else(number < part.fan_in, one, tirx.const(0, dtype_of(x)))
        return there.astype(multiplied)

    seen_by_tile = (
        *(batch, len(part.blocks), *tiles, chunks),
        *(*tile.reach(window), tile.planes),
    )
    return te.compute(seen_by_tile, pixel, "pixels", attrs=SHARED)


def _summed(
    window: Window, part: Bank, tile: MatrixTile, shape: Shape, pixels: Tensor, taps: Tensor
) -> Tensor:
    batch, _, rows, columns = shape
    blocks, groups, chunks, *_ = shape_of(taps)
    tiles = shape_of(pixels)[2:4]
    (own_maps, own_rows), (tall, wide) = tile.own, tile.pooled
    sums_as = SUMS[dtype_of(pixels)]
    chunk, k = te.reduce_axis((0, chunks), "chunk"), te.reduce_axis((0, tile.planes), "plane")
    tap_row, tap_column = (
        te.reduce_axis((0, size), name)
        for size, name in zip(window.kernel, ("tap_row", "tap_column"), strict=True)
    )

    def total(*at: Expr) -> Expr:
        n, block, group, y, z, w_map, w_row, w_column, g, t, m, row, i, j, half, two = at
        place = (
            ((w_row * HALVES + half) * own_rows + row) * tall + i,
            (w_column * COLUMNS + g) * wide + j,
        )
        one = pixels(n, block, y, z, chunk, *seen(window, place, (tap_row, tap_column)), k)
        map_ = (w_map * own_maps + m) * MAPS + t * 2 + two
        weight = taps(block, group, chunk, tap_row, map_, tap_column * tile.planes + k)
        return te.sum(
            one.astype(sums_as) * weight.astype(sums_as), axis=[chunk, tap_row, tap_column, k]
        )

    inner = (*tile.warps, COLUMNS, 4, own_maps, own_rows, tall, wide, HALVES, 2)
    mark = {
        MATRIX_TILE: [
            *(blocks * groups, *tile.warps, *tile.own, *tile.pooled, tile.pitch),
            *window.kernel,
            *(*window.strides, *window.dilation),
        ]
    }
    sums = te.compute((batch, blocks, groups, *tiles, *inner), total, "sums", attrs=mark)
    maps_of_thread = 2 * own_maps

    def view(n: Expr, o: Expr, y: Expr, z: Expr) -> Expr:
        block, map_ = part.place(o) if len(part.blocks) > 1 else (0, o)
        group, map_ = parted(map_, tile.maps) if groups > 1 else (0, map_)
        w_map, map_ = parted(map_, 4 * maps_of_thread)
        t, map_ = parted(map_, maps_of_thread)
        y, row = parted(y, tile.rows)
        z, column = parted(z, tile.columns)
        w_row, row = parted(row, HALVES * own_rows * tall)
        half, row = parted(row, own_rows * tall)
        w_column, column = parted(column, COLUMNS * wide)
        g, j = parted(column, wide)
        place = (w_map, w_row, w_column, g, t, *parted(map_, 2)[:1], *parted(row, tall), j, half)
        return sums(n, block, group, y, z, *place, parted(map_, 2)[1])

    return te.compute((batch, part.maps, rows, columns), view, "bank", attrs=EACH)
